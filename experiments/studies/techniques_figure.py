"""Draws the picture of the techniques: a small grid of generated images for each, under its name."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ssgan.store import files

COLUMNS = 3  # of techniques
IMAGES_A_ROW = 10
NAME, GAP = 14, 12  # pixels: the height of a name, and what is left between two grids


def draw(images: Mapping[str, np.ndarray], path: Path, *, levels: int) -> None:
    """Writes a grey PNG of few shades, so that it is small.

    Args:
        images: of each technique, by its name, uint8 [n, height, width, 1] in `0..levels - 1`: all of one shape.
        path: the PNG file to write.
        levels: shades of a pixel, 2 to 16.
    """
    grids = {name: grid(each, levels=levels) for name, each in images.items()}
    height, width = next(iter(grids.values())).shape
    rows = -(-len(grids) // COLUMNS)
    sheet = Image.new("L", (COLUMNS * (width + GAP) + GAP, rows * (height + NAME + GAP) + GAP), 255)
    for number, (name, pixels) in enumerate(grids.items()):
        row, column = divmod(number, COLUMNS)
        left, top = GAP + column * (width + GAP), GAP + row * (height + NAME + GAP)
        ImageDraw.Draw(sheet).text((left, top), name, fill=0, font=ImageFont.load_default())
        sheet.paste(Image.fromarray(pixels), (left, top + NAME))
    shades = Image.fromarray((np.asarray(sheet) * ((levels - 1) / 255)).round().astype(np.uint8))
    shades.putpalette([shade for level in range(levels) for shade in [level * 255 // (levels - 1)] * 3])
    with files.whole(path) as temporary:
        shades.save(temporary, "PNG", bits=4, optimize=True)


def grid(images: np.ndarray, *, levels: int, columns: int = IMAGES_A_ROW) -> np.ndarray:
    """Returns images side by side, row by row.

    Args:
        images: uint8 [n, height, width, 1] in `0..levels - 1`; n is at most `columns` or a multiple of it.
        levels: shades of a pixel, 2 to 256.
        columns: images in a row.

    Returns:
        uint8 [rows * height, columns * width] in 0..255.
    """
    count, height, width, _ = images.shape
    columns = min(columns, count)
    rows = images.reshape(-1, columns, height, width).swapaxes(1, 2).reshape(-1, columns * width)
    return (rows.astype(np.uint16) * 255 // (levels - 1)).astype(np.uint8)
