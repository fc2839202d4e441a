"""One picture file of anybody's to pixels of one size: the same for training, checking and predicting."""

import dataclasses
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from ssgan.data.own.opening import Unreadable, opened, read_content, unreadable_if_not_read
from ssgan.errors import UsageError
from ssgan.store import files

FITS = ("crop", "pad", "stretch", "whole")
BACKGROUND = (255, 255, 255)  # of what is transparent
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")  # Pillow's modes
_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preparation:
    """How pictures become images of one size.

    Attributes:
        height, width: of the images, pixels, 16 to 128.
        channels: 3 for colour, 1 for grey.
        resize: `crop`: the short side fits, what is beyond the middle of the long one is cut off; `pad`: the long side
            fits, the rest is black; `stretch`: both fit, whatever becomes of the shape; `whole`: as `pad`, but enlarged
            by whole factors only, as images of data sets are, see `ssgan.data.resize.fitted`.

    Raises:
        UsageError: from the constructor, for other values.
    """

    height: int
    width: int
    channels: int
    resize: str

    def __post_init__(self):
        sides = (self.height, self.width)
        whole = all(type(side) is int and 16 <= side <= 128 for side in sides)
        if not whole or self.channels not in (1, 3) or self.resize not in FITS:
            raise UsageError(
                f"images are to be prepared as {self.as_dict()}; expected height and width 16 to 128, channels 1 or 3, "
                f"resize one of {', '.join(FITS)}"
            )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, self.channels

    def as_dict(self) -> dict[str, Any]:
        """Returns the values by their names, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> "Preparation":
        """Returns what `as_dict` gave.

        Raises:
            UsageError: for anything else.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(values, dict) or sorted(values) != sorted(names):
            raise UsageError(f"a preparation of images is {str(values)[:200]}; expected the values of {names}")
        return cls(**values)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """What a picture file holds, before it is prepared.

    Attributes:
        format: `JPEG`, `PNG`, ...
        mode: Pillow's name of the pixels' kind: `RGB`, `L`, `RGBA`, `I;16`, ...
        width, height: pixels, as it is stored.
        animated: whether it is an animation or has several pages, of which the first is used.
        turned: whether the camera's note (EXIF) says to turn or mirror it, which is done.
        alpha: whether pixels of it may be transparent.
    """

    format: str
    mode: str
    width: int
    height: int
    animated: bool
    turned: bool
    alpha: bool


def read_picture(path: Path | str, preparation: Preparation) -> npt.NDArray[np.uint8]:
    """Returns the pixels of a picture file, uint8 [height, width, channels] in 0..255.

    Orientation is applied, 16 bits become 8, what is transparent lies on white, and of an animation the first frame is
    taken.

    Raises:
        Unreadable: if it cannot be read or is no picture.
    """
    return decode(read_content(path), preparation)[0]


def decode(content: bytes, preparation: Preparation) -> tuple[npt.NDArray[np.uint8], Facts]:
    """Returns the pixels that the bytes of a picture file hold, prepared, and what they were before.

    Raises:
        Unreadable: if they are damaged or no picture.
    """
    with opened(io.BytesIO(content)) as picture:
        if picture.format == "PNG":
            picture.load()  # what it says of its orientation may lie behind its pixels, whose damage is then told of
        orientation = _orientation(picture)
        facts = _facts(picture, orientation)
        wanted = preparation.width, preparation.height
        stands = (facts.height, facts.width) if orientation >= 5 else (facts.width, facts.height)
        factor = _factor(stands, wanted, preparation.resize)
        # JPEG decodes to an eighth, a quarter or half of its size at once: to no less than twice what is kept.
        picture.draft(None, (math.ceil(facts.width * factor * 2), math.ceil(facts.height * factor * 2)))
        upright = ImageOps.exif_transpose(picture) if orientation > 1 else picture
        eight_bits = _in_mode(upright, "L" if preparation.channels == 1 else "RGB")
        fitted = _fitted(eight_bits, wanted, preparation.resize)
        return np.asarray(fitted, np.uint8).reshape(preparation.image_shape), facts


def as_shown(content: bytes, *, longest: int) -> Image.Image:
    """Returns the picture that the bytes of a file hold as a person looks at it: upright, `RGB`, its shape kept.

    Args:
        content: of the file.
        longest: pixels of a side at most; nothing is enlarged.

    Raises:
        Unreadable: if they are damaged or no picture.
    """
    with opened(io.BytesIO(content)) as picture:
        if picture.format == "PNG":
            picture.load()
        picture.draft(None, (2 * longest, 2 * longest))
        upright = ImageOps.exif_transpose(picture) if _orientation(picture) > 1 else picture
        shown = _in_mode(upright, "RGB").copy()
    shown.thumbnail((longest, longest), Image.Resampling.BILINEAR)
    return shown


def look(path: Path | str) -> Facts:
    """Returns what the head of a picture file says; nothing else is read, let alone decoded.

    Whether it is turned is told where the head tells it: a PNG may do so behind its pixels.

    Raises:
        Unreadable: if it is damaged, too large or no picture.
    """
    with unreadable_if_not_read(), files.open_regular(Path(path)) as file, opened(file) as picture:
        return _facts(picture, _orientation(picture) if "exif" in picture.info else 1)


def _facts(picture: Image.Image, orientation: int) -> Facts:
    width, height = picture.size
    return Facts(
        format=picture.format or "",
        mode=picture.mode,
        width=width,
        height=height,
        animated=picture.format != "MPO" and getattr(picture, "is_animated", False),  # MPO: one thing, seen twice
        turned=orientation > 1,
        alpha=picture.mode in _ALPHA or "transparency" in picture.info,
    )


def _orientation(picture: Image.Image) -> int:
    """Returns 1 for an upright picture, 2 to 8 for those that are to be mirrored or turned; 5 to 8 lie on a side."""
    try:
        found = picture.getexif().get(0x0112, 1)
    except Exception:  # a note that cannot be read says nothing
        return 1
    return found if found in range(1, 9) else 1


def _factor(size: tuple[int, int], wanted: tuple[int, int], resize: str) -> float:
    """Returns by how much the sides are shrunk; of `stretch`, the side that is shrunk less."""
    factors = [new / old for new, old in zip(wanted, size, strict=True)]
    if resize == "whole":
        return math.floor(least) if (least := min(factors)) > 1 else least
    return min(factors) if resize == "pad" else max(factors)


def _in_mode(picture: Image.Image, mode: str) -> Image.Image:
    """Returns a picture of 8 bits, `L` or `RGB`."""
    if picture.mode in SIXTEEN_BITS:
        picture = _eight_bits(picture)
    if picture.mode == "F":
        raise Unreadable("its pixels are floating-point numbers of an unknown range; expected 8 or 16 bits")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, (*BACKGROUND, 255)), layer).convert("RGB")
    if picture.mode == "P":
        picture = picture.convert("RGB")
    return picture if picture.mode == mode else picture.convert(mode)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Returns a picture of 16 bits in 8: 65535 becomes 255, not cut off."""
    pixels = np.asarray(picture).astype(np.int64)
    if pixels.min() < 0 or pixels.max() > 65535:
        raise Unreadable(f"its pixels lie in {pixels.min()}..{pixels.max()}; expected 8 or 16 bits")
    return Image.fromarray(((pixels + 128) // 257).astype(np.uint8))


def _fitted(picture: Image.Image, wanted: tuple[int, int], resize: str) -> Image.Image:
    """Returns a picture resized with antialiasing, bilinearly, to (width, height)."""
    if resize == "stretch":
        return picture.resize(wanted, Image.Resampling.BILINEAR)
    if resize == "crop":
        return ImageOps.fit(picture, wanted, Image.Resampling.BILINEAR)
    # No side is shrunk to nothing, as `ImageOps.pad` would those of a line.
    factor = _factor(picture.size, wanted, resize)
    width, height = (max(1, round(side * factor)) for side in picture.size)
    padded = Image.new(picture.mode, wanted)
    inner = picture.resize((width, height), Image.Resampling.BILINEAR)
    padded.paste(inner, ((wanted[0] - width) // 2, (wanted[1] - height) // 2))
    return padded
