"""Hostile folders, pictures and labels files made by hand, as experiments/robustness/hostile.py has others."""

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.robustness.own_readers import PREPARATION, make_folder, read_labels, read_picture
from ssgan.data import own


def _labels(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        make_folder(folder)
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _csv(*rows: str) -> Callable[[Path], Path]:
    return _labels("labels.csv", "\n".join(("filename,label", *rows)).encode())


def _json(*tasks: Any) -> Callable[[Path], Path]:
    return _labels("labels.json", json.dumps(tasks).encode())


def _bomb(side: int) -> Callable[[Path], Path]:
    """Returns a function that writes a PNG of one bit a pixel, which compresses to nothing."""

    def make(folder: Path) -> Path:
        packer = zlib.compressobj(9)
        row = bytes(1 + side // 8)
        pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
        chunks = {b"IHDR": struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0), b"IDAT": pixels, b"IEND": b""}
        content = b"".join(
            struct.pack(">I", len(one)) + name + one + struct.pack(">I", zlib.crc32(name + one))
            for name, one in chunks.items()
        )
        (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
        return folder / "bomb.png"

    return make


def _content(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.jpg")
    return folder / "pipe.jpg"


def _device(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        make_folder(folder)
        (folder / name).symlink_to("/dev/zero")
        return folder / name

    return make


def _with(change: Callable[[Path], Any]) -> Callable[[Path], Path]:
    """Returns a function that writes a folder of pictures and changes it."""

    def make(folder: Path) -> Path:
        change(make_folder(folder))
        return folder / "images"

    return make


def read_folder(path: Path) -> None:
    """Prepares a folder of pictures, as training does."""
    own.load(own.find(path), "train", PREPARATION, cache_dir=path.parent / "cache")


OWN_HOSTILE: dict[str, tuple[Callable[[Path], Path], Callable[[Path], Any], str]] = {
    "own picture: 400 million pixels": (_bomb(20_000), read_picture, "more pixels than the 134,217,728"),
    "own picture: 144 million pixels": (_bomb(12_000), read_picture, "12000 x 12000 pixels; expected at most"),
    "own picture: PostScript": (
        _content("a.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n"),
        read_picture,
        "no picture of a known kind",
    ),
    "own picture: a pipe": (_pipe, read_picture, "not a regular file"),
    "own picture: a device": (
        _device("a.png"),
        read_picture,
        "not a regular file",
    ),
    "own folder: a link that leads out": (
        _with(lambda home: (home / "cat/passwd.png").symlink_to("/etc/passwd")),
        read_folder,
        "cat/passwd.png: a link that leads out of the folder",
    ),
    "own folder: a folder by a link": (
        _with(lambda home: (home / "etc").symlink_to("/etc")),
        read_folder,
        "etc: a link that leads out of the folder",
    ),
    "own labels: a path that leads out": (_csv("../../etc/passwd,cat"), read_labels, "names pictures that are not in"),
    "own labels: an absolute path": (_csv("/etc/passwd,cat"), read_labels, "names pictures that are not in"),
    "own labels: an address that leads out": (
        _json({"image": "/data/local-files/?d=..%2F..%2Fetc%2Fpasswd", "choice": "cat"}),
        read_labels,
        "names pictures that are not in",
    ),
    "own labels: a device": (
        _device("images.csv"),
        read_labels,
        "not a regular file",
    ),
    "own labels: 100,000 classes": (
        _csv(*(f"two.png,{number}" for number in range(100_000))),
        read_labels,
        "expected one label a picture",
    ),
    "own labels: a cell of a megabyte": (_csv("two.png," + "x" * 2**20), read_labels, "field larger than field limit"),
    "own labels: JSON nested without end": (_labels("labels.json", b"[" * 100_000), read_labels, "no readable JSON"),
    "own labels: a number of 5,000 digits": (_labels("labels.json", b"9" * 5000), read_labels, "no readable JSON"),
}
