"""Draws the picture of the techniques: a small grid of generated images for each, under its name."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ssgan.report import drawing

COLUMNS = 3  # of techniques
IMAGES_A_ROW = 10
NAME, GAP = 20, 10  # pixels: the height of a name, and what is left between two grids


def draw(images: Mapping[str, np.ndarray], path: Path, *, levels: int) -> None:
    """Writes a PNG.

    Args:
        images: of each technique, by its name, uint8 [n, height, width, 1 or 3] in `0..levels - 1`: all of one shape.
        path: the PNG file to write.
        levels: shades of a pixel.
    """
    grids = {name: grid(each, levels=levels) for name, each in images.items()}
    height, width = (side + gap for side, gap in zip(next(iter(grids.values())).shape, (NAME + GAP, GAP), strict=False))
    whole = height * -(-len(grids) // COLUMNS) + GAP, width * COLUMNS + GAP
    figure = drawing.blank(whole[1] / drawing.DPI, whole[0] / drawing.DPI)
    for number, (name, pixels) in enumerate(grids.items()):
        row, column = divmod(number, COLUMNS)
        left, bottom = GAP + column * width, whole[0] - (row + 1) * height
        figure.figimage(pixels, xo=left, yo=bottom, origin="upper")
        top = bottom + pixels.shape[0] + 3
        figure.text(left / whole[1], top / whole[0], name, va="bottom", **drawing.text(6.5))
    drawing.save(figure, path)


def grid(images: np.ndarray, *, levels: int, columns: int = IMAGES_A_ROW) -> np.ndarray:
    """Returns images side by side, row by row, as colours.

    Args:
        images: integers `0..levels - 1`, [n, height, width, 1 or 3]; n is at most `columns` or a multiple of it.
        levels: shades of a pixel, 2 to 256.
        columns: images in a row.

    Returns:
        uint8 [rows * height, columns * width, 3] in 0..255.
    """
    count, height, width, channels = images.shape
    columns = min(columns, count)
    rows = images.reshape(-1, columns, height, width, channels).swapaxes(1, 2)
    pixels = rows.reshape(-1, columns * width, channels).astype(np.uint16) * 255 // (levels - 1)
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.uint8)
