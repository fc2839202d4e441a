"""Files as people have them: pictures of every kind and damage, and what else lies in their folders."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

COLOR = (200, 100, 50)  # of the pictures of one colour
GREY = 127
WHITE = (255, 255, 255)
EXIF_ORIENTATION = 0x0112


def saved(picture: Image.Image, format: str, **options) -> bytes:
    """Returns a picture's file."""
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def plain(mode: str = "RGB", size: tuple[int, int] = (40, 24), color=COLOR) -> Image.Image:
    """Returns a picture of one colour."""
    return (
        Image.new("RGB", size, color).convert(mode)
        if isinstance(color, tuple) and len(color) == 3
        else Image.new(mode, size, color)
    )


def png(size: tuple[int, int], bits: int, kind: int, row: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Returns a PNG made by hand, all of whose rows are alike.

    Args:
        size: (width, height).
        bits: of a sample.
        kind: of a pixel, PNG's number: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.
        row: packed samples of a row.
        chunks: name and content of further chunks, before the pixels.
    """
    head = struct.pack(">IIBBBBB", *size, bits, kind, 0, 0, 0)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(b"\0" + row) for _ in range(size[1])) + packer.flush()
    all_chunks = [(b"IHDR", head), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, all_chunks))


def _chunk(chunk: tuple[bytes, bytes]) -> bytes:
    name, content = chunk
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def scene(height: int = 24, width: int = 40) -> np.ndarray:
    """Returns pixels no turning or mirroring of which looks the same, uint8 [height, width, 3]: smooth, for JPEG."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([255 * y / height, 255 * x / width, 200 * (y / height) * (x / width)], axis=-1).astype(np.uint8)


def turned(orientation: int, format: str, pixels: np.ndarray | None = None, **options) -> bytes:
    """Returns a file that shows `pixels` once the turning that it asks for by EXIF is done.

    The table of the EXIF standard: where the first row and the first column of what is stored are to be seen.
    """
    pixels = scene() if pixels is None else pixels
    on_side = pixels.transpose(1, 0, 2)
    stored = {
        1: pixels,  # top, left
        2: pixels[:, ::-1],  # top, right
        3: pixels[::-1, ::-1],  # bottom, right
        4: pixels[::-1],  # bottom, left
        5: on_side,  # left, top
        6: on_side[::-1],  # right, top
        7: on_side[::-1, ::-1],  # right, bottom
        8: on_side[:, ::-1],  # left, bottom
    }[orientation]
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    return saved(Image.fromarray(np.ascontiguousarray(stored)), format, exif=exif, **options)


def _animated(format: str, **options) -> bytes:
    others = [plain(color=color) for color in ((0, 0, 255), (0, 255, 0))]
    return saved(plain(), format, save_all=True, append_images=others, duration=100, **options)


def _palette_with_transparency() -> bytes:
    picture = plain(color=(1, 2, 3)).quantize(2)
    return saved(picture, "PNG", transparency=picture.getpixel((0, 0)))


def _sixteen_bits(mode: str, format: str) -> bytes:
    pixels = np.full((24, 40), GREY * 257, np.uint16 if mode == "I;16" else np.int32)
    return saved(Image.fromarray(pixels), format)


def _mpo() -> bytes:
    return saved(plain(), "MPO", save_all=True, append_images=[plain(color=(0, 0, 255))])


_GREY_AND_HALF_ALPHA = bytes([GREY, 0]) * 40

# What can be read: file, and the colour that every pixel of it has once it is prepared.
GOOD: dict[str, tuple[Callable[[], bytes], tuple[int, int, int]]] = {
    "rgb.jpg": (lambda: saved(plain(), "JPEG", quality=95), COLOR),
    "progressive.jpg": (lambda: saved(plain(), "JPEG", quality=95, progressive=True), COLOR),
    "grey.jpg": (lambda: saved(plain("L", color=GREY), "JPEG", quality=95), (GREY,) * 3),
    "cmyk.jpg": (lambda: saved(plain("CMYK"), "JPEG", quality=95), COLOR),
    "two_lenses.mpo": (_mpo, COLOR),
    "rgb.png": (lambda: saved(plain(), "PNG"), COLOR),
    "grey_16_bits.png": (lambda: _sixteen_bits("I;16", "PNG"), (GREY,) * 3),
    "grey_16_bits.tif": (lambda: _sixteen_bits("I;16", "TIFF"), (GREY,) * 3),
    "grey_32_bits.tif": (lambda: _sixteen_bits("I", "TIFF"), (GREY,) * 3),
    "grey_16_bits.pgm": (lambda: b"P5 40 24 65535\n" + struct.pack(">H", GREY * 257) * 960, (GREY,) * 3),
    "rgb_16_bits.png": (lambda: png((40, 24), 16, 2, struct.pack(">HHH", *[257 * c for c in COLOR]) * 40), COLOR),
    "grey_and_alpha_16_bits.png": (
        lambda: png((40, 24), 16, 4, struct.pack(">HH", GREY * 257, 65535) * 40),
        (GREY,) * 3,
    ),
    "rgba_opaque.png": (lambda: saved(plain("RGBA"), "PNG"), COLOR),
    "rgba_clear.png": (lambda: saved(plain("RGBA", color=(1, 2, 3, 0)), "PNG"), WHITE),
    "rgba_half.png": (lambda: saved(plain("RGBA", color=(0, 0, 0, 128)), "PNG"), (127,) * 3),
    "grey_and_alpha_clear.png": (lambda: png((40, 24), 8, 4, _GREY_AND_HALF_ALPHA), WHITE),
    "rgb_with_a_clear_color.png": (
        lambda: png((40, 24), 8, 2, bytes([1, 2, 3]) * 40, (b"tRNS", struct.pack(">HHH", 1, 2, 3))),
        WHITE,
    ),
    "palette.png": (lambda: saved(plain().quantize(2), "PNG"), COLOR),
    "palette_clear.png": (_palette_with_transparency, WHITE),
    "one_bit.png": (lambda: saved(plain("1", color=1), "PNG"), WHITE),
    "one_bit.tif": (lambda: saved(plain("1", color=1), "TIFF", compression="group4"), WHITE),
    "palette.gif": (lambda: saved(plain(), "GIF"), COLOR),
    "animated.gif": (lambda: _animated("GIF"), COLOR),
    "animated.png": (lambda: _animated("PNG"), COLOR),
    "animated.webp": (lambda: _animated("WEBP", lossless=True), COLOR),
    "pages.tif": (lambda: _animated("TIFF"), COLOR),
    "rgb.bmp": (lambda: saved(plain(), "BMP"), COLOR),
    "rgb.tiff": (lambda: saved(plain(), "TIFF", compression="tiff_lzw"), COLOR),
    "rgb.webp": (lambda: saved(plain(), "WEBP", lossless=True), COLOR),
    "rgba_clear.webp": (lambda: saved(plain("RGBA", color=(1, 2, 3, 0)), "WEBP", lossless=True), WHITE),
    "rgb.avif": (lambda: saved(plain(), "AVIF", quality=95), COLOR),
    "rgb.jp2": (lambda: saved(plain(), "JPEG2000"), COLOR),
    "a_png_by_name.jpg": (lambda: saved(plain(), "PNG"), COLOR),
    "without_a_suffix": (lambda: saved(plain(), "JPEG", quality=95), COLOR),
    "one_row.png": (lambda: saved(plain(size=(5000, 1)), "PNG"), COLOR),
    "one_column.png": (lambda: saved(plain(size=(1, 5000)), "PNG"), COLOR),
    "one_pixel.png": (lambda: saved(plain(size=(1, 1)), "PNG"), COLOR),
}
ANIMATED = {"animated.gif", "animated.png", "animated.webp", "pages.tif"}


def _with_a_wrong_checksum() -> bytes:
    content = bytearray(saved(plain(), "PNG"))
    content[29] ^= 255  # the last four bytes of the first chunk, its head
    return bytes(content)


def _damaged_pixels() -> bytes:
    content = bytearray(saved(Image.fromarray(scene(200, 300)), "PNG"))
    start = content.index(b"IDAT")
    content[start + 20 : start + 40] = bytes(20)
    return bytes(content)


def _heic() -> bytes:
    return struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(100)


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


# What cannot: file, and words of the reason.
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "truncated.jpg": (lambda: _truncated(saved(Image.fromarray(scene(200, 300)), "JPEG")), "truncated"),
    "truncated.png": (lambda: _truncated(saved(Image.fromarray(scene(200, 300)), "PNG")), "truncated"),
    "truncated.webp": (lambda: _truncated(saved(Image.fromarray(scene(200, 300)), "WEBP")), "damaged"),
    "truncated.avif": (lambda: _truncated(saved(Image.fromarray(scene(200, 300)), "AVIF")), "damaged"),
    "checksum.png": (_with_a_wrong_checksum, "damaged"),
    "damaged_pixels.png": (_damaged_pixels, "damaged"),
    "page.jpg": (lambda: b"<!DOCTYPE html><html>Not found</html>", "no picture of a known kind"),
    "empty.jpg": (lambda: b"", "an empty file"),
    "photo.heic": (_heic, "HEIC, which is not read; save it as JPEG"),
    "postscript.jpg": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture of a known kind"),
    "bomb.png": (lambda: png((20_000, 20_000), 1, 0, bytes(2500)), "more pixels than the 134,217,728"),
    "many_pixels.png": (lambda: png((12_000, 12_000), 1, 0, bytes(1500)), "12000 x 12000 pixels; expected at most"),
    "float.tif": (lambda: saved(Image.fromarray(np.ones((9, 9), np.float32)), "TIFF"), "floating-point"),
    "beyond_16_bits.tif": (lambda: saved(Image.fromarray(np.full((9, 9), 70_000, np.int32)), "TIFF"), "70000"),
}

# What a desktop, a camera or a person leaves there, and no one means as a picture.
OTHERS: dict[str, bytes] = {
    ".DS_Store": b"\0\0\0\1Bud1",
    "Thumbs.db": b"\xd0\xcf\x11\xe0",
    "._x.png": b"\0\5\x16\7",
    ".hidden.png": b"\x89PNG",
    "desktop.ini": b"[.ShellClassInfo]",
    "notes.txt": b"BMW, P5 and RIFF are no pictures",
    "BMW": b"BMW and nothing else",
    "P5": b"P5 is a name",
    "film.mp4": struct.pack(">I", 24) + b"ftypisom" + bytes(100),
    "sound": b"RIFF\x24\0\0\0WAVEfmt ",
    "raw.nef": b"MM\0*\0\0\0\x08",
}


def write(path: Path | str, content: bytes) -> Path:
    """Writes a file, and the folders that it lies in."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def make_good(folder: Path) -> None:
    """Writes every picture that can be read, and what lies beside them, in two classes."""
    for number, (name, (make, _)) in enumerate(GOOD.items()):
        write(folder / ("cat", "dog")[number % 2] / name, make())
    for name, content in OTHERS.items():
        write(folder / "cat" / name, content)


def make_bad(folder: Path) -> None:
    """Writes every file that cannot be read, in one class; a pipe, and a link that leads out of the folder, too."""
    for name, (make, _) in BAD.items():
        write(folder / "cat" / name, make())
    os.mkfifo(folder / "cat" / "pipe.jpg")
    outside = write(folder.parent / f"{folder.name}_outside.png", saved(plain(), "PNG"))
    (folder / "cat" / "link.png").symlink_to(outside)


def classes(folder: Path, *, count: int = 3, names: tuple[str, ...] = ("cat", "dog"), seed: int = 0) -> Path:
    """Writes a folder of small pictures, no two alike, with a sub-folder for each class."""
    random = np.random.default_rng(seed)
    for name in names:
        for number in range(count):
            pixels = random.integers(0, 256, (20, 20, 3), np.uint8)
            write(folder / name / f"{number}.png", saved(Image.fromarray(pixels), "PNG"))
    return folder
