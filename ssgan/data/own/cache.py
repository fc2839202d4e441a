"""Pictures decoded once into an array on disk, which training reads in place.

A folder of the cache holds `manifest.json` and the array that it names, a row for each picture. The manifest says of
each its size and times, its sha256, or why it cannot be read. What has not changed is not opened again; what has is
decoded alone.
"""

import dataclasses
import hashlib
import math
import os
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filelock
import numpy as np
import numpy.typing as npt

from ssgan.cores import available_cores
from ssgan.data.own import manifest
from ssgan.data.own.decode import Preparation, decode
from ssgan.data.own.manifest import Prepared, Record, header, mapped
from ssgan.data.own.opening import NoMemory, Unreadable, read_content, unreadable_if_not_read
from ssgan.errors import UsageError
from ssgan.store import files

_AT_A_TIME = 256  # pictures in memory


def prepare(
    paths: Mapping[str, Path],
    preparation: Preparation,
    *,
    folder: Path,
    told: Callable[[int], None] = lambda done: None,
) -> Prepared:
    """Returns the prepared pictures, decoding those that the cache does not have.

    Args:
        paths: file by key.
        preparation: size and kind of the images.
        folder: of the cache, for these pictures and this preparation alone; made where it is missing.
        told: called, while pictures are decoded, with the number of those that are done.

    Raises:
        UsageError: if another process has been preparing these pictures for a minute.
        OSError: if the cache cannot be written; it is as it was then. After Ctrl-C and the like it holds the pictures
            that are done, where these are more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = dict(sorted(paths.items()))
    try:
        with filelock.FileLock(folder / ".lock", timeout=60), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of files that it reads all the same or that are told of
            before = manifest.read(folder, preparation)
            if (
                before
                and list(before.records) == list(paths)
                and all(_is_unchanged(before.records[key], path) for key, path in paths.items())
            ):
                return before
            return _renewed(paths, preparation, folder, before, told)
    except filelock.Timeout as error:
        raise UsageError(f"another process is preparing these pictures in {folder}; wait for it, or stop it") from error


def _renewed(
    paths: dict[str, Path], preparation: Preparation, folder: Path, before: Prepared | None, told: Callable[[int], None]
) -> Prepared:
    """Writes an array anew, from the one before and from the files; the manifest then names it."""
    files.remove_temporary(folder)
    name = f"pixels-{time.time_ns()}.npy"
    records: dict[str, Record] = {}
    decoded = 0
    reader = _Reader(preparation, before)
    black = bytes(math.prod(preparation.image_shape))
    shape = (len(paths), *preparation.image_shape)
    keys = list(paths)
    interruption: BaseException | None = None
    # Written, not mapped: on a full disk, writing to a map kills the process.
    with (
        files.whole(folder / name) as temporary,
        open(temporary, "wb") as target,
        ThreadPoolExecutor(available_cores()) as pool,
    ):
        target.write(header(shape))
        try:
            for start in range(0, len(keys), _AT_A_TIME):
                some = keys[start : start + _AT_A_TIME]
                found = list(pool.map(reader.read, some, [paths[key] for key in some]))
                target.write(b"".join(black if pixels is None else pixels.tobytes() for _, pixels, _ in found))
                records |= {key: record for key, (record, _, _) in zip(some, found, strict=True)}
                decoded += sum(is_new for *_, is_new in found)
                told(start + len(some))
        except BaseException as error:
            if isinstance(error, OSError) or len(records) <= (len(before.records) if before else 0):
                raise
            interruption = error
            shape = (len(records), *preparation.image_shape)
            target.seek(0)
            target.write(header(shape))
            target.truncate(len(header(shape)) + math.prod(shape))
    manifest.write(folder, preparation, records, name)
    for old in set(folder.glob("pixels-*.npy")) - {folder / name}:
        old.unlink()
    if interruption is not None:
        raise interruption
    return Prepared(images=mapped(folder / name, shape), records=records, decoded=decoded)


class _Reader:
    """Reads pictures, those that are known from the array before."""

    def __init__(self, preparation: Preparation, before: Prepared | None):
        self._preparation = preparation
        self._before = before
        records = before.records if before else {}
        self._records = records
        self._rows = {key: row for row, key in enumerate(records)}
        self._keys = {record.sha256: key for key, record in records.items() if record.sha256}

    def read(self, key: str, path: Path) -> tuple[Record, npt.NDArray[np.uint8] | None, bool]:
        """Returns what is known of a picture, its pixels unless it is unreadable, and whether it was decoded."""
        known = self._records.get(key)
        if known and _is_unchanged(known, path):
            return known, self._pixels(key), False
        state = (-1, -1, -1)
        sha256 = ""
        try:
            with unreadable_if_not_read():
                state = _state(path)
            content = read_content(path)
            sha256 = hashlib.sha256(content).hexdigest()
            if same := self._keys.get(sha256):
                return dataclasses.replace(self._records[same], state=state), self._pixels(same), False
            pixels, facts = decode(content, self._preparation)
        except NoMemory as error:
            raise UsageError(f"{path}: {error}; make it smaller, or leave it out") from error
        except Unreadable as error:
            return Record(state=state, sha256=sha256, reason=str(error)), None, True
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        return Record(state=state, sha256=sha256, pixels=digest, facts=facts), pixels, True

    def _pixels(self, key: str) -> npt.NDArray[np.uint8] | None:
        is_there = self._before and not self._records[key].reason
        return self._before.images[self._rows[key]] if self._before and is_there else None


def _state(path: Path) -> tuple[int, int, int]:
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is_unchanged(record: Record, path: Path) -> bool:
    """Tells whether a picture is as it was; one that could not be read at all is looked at again."""
    try:
        if record.sha256:
            return record.state == _state(path)
        read_content(path)
    except Unreadable as error:
        return record.reason == str(error)
    except OSError:
        pass
    return False
