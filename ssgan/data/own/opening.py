"""A picture file of anybody's, opened: what may be, and in words why it may not."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from ssgan.store import files

# What is opened, whatever a file is called: by Pillow's names, of which JPEG opens MPO too. None of these runs another
# program, as EPS would.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM", "JPEG2000")
LARGEST_PIXELS = 2**27  # 134 megapixels; above all cameras but a few, and 400 MB when decoded
LARGEST_BYTES = 2**29
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*", b"P5\n", b"P6\n", b"\0\0\0\x0cjP  ")
_AVIF = (b"avif", b"avis")
_HEIC = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")


class Unreadable(ValueError):
    """A file that is no picture which can be used; the reason in one line, without the file's name."""


class NoMemory(Unreadable):
    """A picture for which there is no memory at this moment: the file is not to blame."""


def read_content(path: Path | str) -> bytes:
    """Returns the bytes of a picture file.

    Raises:
        Unreadable: if it cannot be read, is no regular file, or larger than 512 MiB.
    """
    with unreadable_if_not_read():
        return files.read_bytes(Path(path), max_bytes=LARGEST_BYTES)


@contextlib.contextmanager
def unreadable_if_not_read() -> Iterator[None]:
    """Turns the errors of reading a file into `Unreadable`."""
    try:
        yield
    except Unreadable:
        raise
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    except ValueError as error:
        raise Unreadable(str(error)) from error


@contextlib.contextmanager
def opened(file: BinaryIO) -> Iterator[Image.Image]:
    """Opens a picture whose size may be decoded; whatever a decoder finds wrong with it is an `Unreadable`."""
    head = file.read(12)
    if not head:
        raise Unreadable("an empty file")
    try:
        with Image.open(file, formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > LARGEST_PIXELS:
                raise Unreadable(f"{width} x {height} pixels; expected at most {LARGEST_PIXELS:,} in all")
            yield picture
    except Unreadable:
        raise
    except MemoryError as error:
        raise NoMemory("no memory is left to decode it") from error
    except Image.UnidentifiedImageError as error:
        raise Unreadable(_not_identified(head)) from error
    except Image.DecompressionBombError as error:
        raise Unreadable(f"more pixels than the {LARGEST_PIXELS:,} that are decoded") from error
    except Exception as error:  # decoders of damaged files raise nearly anything
        told = " ".join(str(error).split())
        raise Unreadable(f"damaged ({type(error).__name__}: {told[:100]})") from error


def is_picture(head: bytes) -> bool:
    """Tells whether a file that begins with these 12 bytes is a picture of a kind that people have."""
    if head[4:8] == b"ftyp":
        return head[8:12] in (*_AVIF, *_HEIC)
    if head.startswith(b"RIFF"):
        return head[8:12] == b"WEBP"
    if head.startswith(b"BM"):
        return len(head) > 9 and not any(head[6:10])
    return head.startswith(_MAGIC)


def _not_identified(head: bytes) -> str:
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        return "HEIC, which is not read; save it as JPEG"
    return "damaged at its beginning" if is_picture(head) else f"no picture of a known kind: it begins with {head!r}"
