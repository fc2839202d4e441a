"""Grids of images."""

import os

import numpy as np
import numpy.typing as npt

from ssgan.errors import UsageError
from ssgan.report import drawing

GAP = 2
LARGEST_IMAGE = 64
CAPTION_WIDTH = 320
CAPTION_POINTS, CAPTION_LINE = 7.5, 18


def sample_grid(
    images: npt.ArrayLike,
    path: str | os.PathLike[str],
    *,
    columns: int = 10,
    caption: str | None = None,
) -> None:
    """Writes images side by side, row by row, enlarged without blurring.

    Each image is enlarged by the largest whole factor that keeps it within 64 pixels (at least
    1); gaps and margin are 2 white pixels. The caption goes below and wraps.

    Args:
        images: uint8 [images, height, width, channels] in 0..255 with 1 or 3 channels.
        path: the PNG file to write.
        columns: images per row, at least 1.
        caption: a text, None for none.

    Raises:
        UsageError: the images have another shape or dtype, there are none, or `columns` is
            below 1.
    """
    grid = _tile(np.asarray(images), columns=columns)
    height, width = grid.shape[:2]
    lines, below = "", 0
    if caption:
        width = max(width, CAPTION_WIDTH)
        lines = drawing.wrap(caption, width=width - 12, points=CAPTION_POINTS)
        below = 8 + CAPTION_LINE * len(lines.splitlines())
    figure = drawing.blank(width / drawing.DPI, (height + below) / drawing.DPI)
    figure.figimage(grid, yo=below, origin="upper")
    x, y = 4 / width, (below - 3) / (height + below)
    figure.text(x, y, lines, va="top", **drawing.text(CAPTION_POINTS))
    drawing.save(figure, path)


def _tile(images: npt.NDArray[np.uint8], *, columns: int) -> npt.NDArray[np.uint8]:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise UsageError(
            f"Received images of shape {images.shape} and dtype {images.dtype}. "
            "Expected uint8 [images, height, width, 1 or 3]."
        )
    if images.size == 0 or columns < 1:
        raise UsageError(
            f"Received images of shape {images.shape} and {columns} columns. "
            "Expected at least one image and one column."
        )
    columns = min(columns, len(images))
    factor = max(1, LARGEST_IMAGE // max(images.shape[1:3]))
    enlarged = images.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = enlarged.shape[1:3]
    pitch_y, pitch_x = height + GAP, width + GAP
    rows = -(-len(images) // columns)
    grid = np.full((rows * pitch_y + GAP, columns * pitch_x + GAP, 3), 255, np.uint8)
    for index, image in enumerate(enlarged):
        row, column = divmod(index, columns)
        top, left = GAP + row * pitch_y, GAP + column * pitch_x
        grid[top : top + height, left : left + width] = image
    return grid
