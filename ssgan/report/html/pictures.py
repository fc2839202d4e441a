"""Pictures inside the page: `data:` addresses of WebP files, each of a bounded size."""

import io
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ssgan.pages import address, as_picture, webp
from ssgan.store import files

THUMBNAIL_SIDE, THUMBNAIL_BYTES = 128, 2800
_LARGEST_FILE, _LARGEST_PIXELS = 2**24, 2**24
_QUALITIES = (90, 75, 55, 35, 15)


def thumbnail(image: npt.NDArray[np.uint8]) -> str:
    """Returns an image of at most 128 pixels and 2.8 kB as a `data:` address.

    Args:
        image: uint8 [height, width, 1 or 3] in 0..255.
    """
    picture = as_picture(image).convert("RGB")
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return address(_small(picture, max_bytes=THUMBNAIL_BYTES))


def plot(path: Path, *, max_bytes: int) -> tuple[str, int, int] | None:
    """Returns a PNG file of the run folder, which may come from anyone, as a `data:` address with its width and height.

    Returns:
        None where there is no such file, or it is no picture of a moderate size.
    """
    try:
        content = files.read_bytes(path, max_bytes=_LARGEST_FILE)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = Image.open(io.BytesIO(content), formats=["PNG"])
            if opened.width * opened.height > _LARGEST_PIXELS:
                return None
            picture = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    lossless = webp(picture, lossless=True)
    content = lossless if len(lossless) <= max_bytes else _small(picture, max_bytes=max_bytes)
    return address(content), picture.width, picture.height


def _small(picture: Image.Image, *, max_bytes: int) -> bytes:
    """Returns a picture at the best quality that fits; where none does, it is made smaller."""
    while True:
        for quality in _QUALITIES:
            content = webp(picture, quality=quality)
            if len(content) <= max_bytes or max(picture.size) <= 8:
                return content
        picture = picture.resize((max(1, picture.width * 2 // 3), max(1, picture.height * 2 // 3)))
