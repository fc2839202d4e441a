"""Pages that need nothing but themselves: how templates are filled, and pictures put inside. Without TensorFlow."""

import base64
import io
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
from PIL import Image

_STYLE = Path(__file__).parent / "report" / "html"  # of all pages


def templates(folder: Path) -> jinja2.Environment:
    """Returns the templates of a folder, and those of the style of all pages; what they are given is escaped."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _STYLE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def as_picture(image: npt.NDArray[np.uint8]) -> Image.Image:
    """Returns an image, uint8 [height, width, 1 or 3] in 0..255, for Pillow."""
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def webp(picture: Image.Image, **options: Any) -> bytes:
    """Returns a picture as the content of a WebP file; the options are Pillow's."""
    content = io.BytesIO()
    picture.save(content, "WEBP", **options)
    return content.getvalue()


def address(content: bytes) -> str:
    """Returns the content of a WebP file as a `data:` address."""
    return f"data:image/webp;base64,{base64.b64encode(content).decode()}"
