"""What a folder of the cache says of its pictures, and the array that holds them: written, and read with distrust."""

import dataclasses
import functools
import io
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL

from ssgan.data.own.decode import Facts, Preparation
from ssgan.store import files

VERSION = 1  # of the manifest, and of how pictures are decoded: with another number, all are decoded anew
NAME = "manifest.json"
_LARGEST_MANIFEST = 2**31


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of one picture.

    Attributes:
        state: bytes, and the times (nanoseconds) of its content and of its entry in the folder: what tells a change.
        sha256: of its bytes; empty where they could not be read.
        pixels: sha256 of its prepared pixels; empty if it is unreadable.
        facts: what it was, see `Facts`; None if it is unreadable.
        reason: why it is unreadable, or empty.
    """

    state: tuple[int, int, int]
    sha256: str = ""
    pixels: str = ""
    facts: Facts | None = None
    reason: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """The prepared pictures of a folder.

    Attributes:
        images: uint8 [n, height, width, channels], on disk and read where it is looked at; a row for each record.
        records: by key, in order.
        decoded: number of pictures that were decoded now.
    """

    images: npt.NDArray[np.uint8]
    records: dict[str, Record]
    decoded: int

    @functools.cached_property
    def unreadable(self) -> dict[str, str]:
        """Why pictures cannot be read, by key; their rows are black."""
        return {key: record.reason for key, record in self.records.items() if record.reason}

    @functools.cached_property
    def rows(self) -> dict[str, int]:
        """Rows of the pictures that can be read, by key, in order."""
        return {key: row for row, (key, record) in enumerate(self.records.items()) if not record.reason}


_TO_BE_READ = Record(state=(-1, -1, -1), reason="not read by this version of Pillow")


def write(folder: Path, preparation: Preparation, records: dict[str, Record], name: str) -> None:
    """Writes what the cache holds: a row of an array for each record."""
    rows = [[key, *dataclasses.asdict(record).values()] for key, record in records.items()]
    about = {"version": VERSION, "pillow": PIL.__version__, "preparation": preparation.as_dict()}
    about |= {"array": name, "records": rows}
    files.write(folder / NAME, json.dumps(about))


def read(folder: Path, preparation: Preparation) -> Prepared | None:
    """Returns what the cache holds; None where it is missing, of another version or damaged: it can be made again."""
    try:
        about = json.loads(files.read_bytes(folder / NAME, max_bytes=_LARGEST_MANIFEST))
        if about["version"] != VERSION or about["preparation"] != preparation.as_dict():
            return None
        records = {key: _record(*values) for key, *values in about["records"]}
        if about.get("pillow") != PIL.__version__:  # another one may read what this one could not
            records = {key: _TO_BE_READ if record.reason else record for key, record in records.items()}
        shape = (len(records), *preparation.image_shape)
        images = mapped(folder / os.path.basename(about["array"]), shape)
        return Prepared(images=images, records=records, decoded=0)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def header(shape: tuple[int, ...]) -> bytes:
    """Returns how the file of an array of uint8 begins."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def mapped(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Returns the array of a file, read where it is looked at.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is of another shape, or length.
    """
    with files.open_regular(path) as file:
        expected = header(shape)
        size = len(expected) + math.prod(shape)
        if file.read(len(expected)) != expected or os.fstat(file.fileno()).st_size != size:
            raise ValueError(f"{path} holds no array of {shape}")
        return np.memmap(file, np.uint8, "r", len(expected), shape)


def _record(state: Any, sha256: Any, pixels: Any, facts: Any, reason: Any) -> Record:
    size, modified, changed = state
    known = Facts(**facts) if facts is not None else None
    is_whole = all(type(number) is int for number in state) and all(
        type(getattr(known, field.name)) is field.type for field in dataclasses.fields(Facts) if known
    )
    if (
        not is_whole
        or not all(type(text) is str for text in (sha256, pixels, reason))
        or (known is None) != bool(reason)
    ):
        raise ValueError("a damaged record")
    return Record(state=(size, modified, changed), sha256=sha256, pixels=pixels, facts=known, reason=reason)
