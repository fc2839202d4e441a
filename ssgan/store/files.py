"""Files that are written whole or not at all, and read with a bound: a crash may come, a file may be hostile."""

import contextlib
import hashlib
import json
import math
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ssgan.errors import UsageError

_TEMPORARY = ".tmp-"
_LARGEST_JSON = 64 * 2**20


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yields a temporary name beside `path`; what is written there becomes `path` at the end, or nothing does.

    File and folder are synchronised with the disk, so that a power failure does not undo it either.

    Args:
        path: file, or folder that does not exist yet.

    Raises:
        OSError: if it cannot be written; the error names `path`.
    """
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
    try:
        yield temporary
        put_in_place(temporary, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            remove(temporary)


def put_in_place(written: Path, path: Path) -> None:
    """Renames a file, or a folder of files, when it is on the disk; on return the new name is, too."""
    for one in [*written.rglob("*"), written]:  # of a file, the glob is empty
        _synchronize(one)
    os.replace(written, path)
    _synchronize(path.parent)


def user_cache() -> Path:
    """Returns the folder of ssgan in the user's caches, `$XDG_CACHE_HOME/ssgan` or `~/.cache/ssgan`."""
    return Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache"), "ssgan")


def write(path: Path, text: str) -> None:
    """Writes a text file, in UTF-8, whole or not at all."""
    with whole(path) as temporary:
        # Names of files that are no text stay the bytes that they are.
        temporary.write_text(text, "utf-8", errors="surrogateescape")


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Writes a JSON file whole or not at all; NaN and infinities are refused."""
    write(path, json.dumps(values, indent=2, allow_nan=False) + "\n")


def remove(path: Path) -> None:
    """Removes a file, or a folder with all in it, and is content when there is none; links are not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Tells whether a file or folder is one that `whole` writes to, or left when its process was killed."""
    return path.name.startswith(_TEMPORARY)


def remove_temporary(folder: Path) -> None:
    """Removes what writers that were killed left in a folder; call it only where no other process writes."""
    for left in filter(is_temporary, list(folder.iterdir())):
        remove(left)


def sha256(path: Path) -> str:
    """Returns the sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_regular(path: Path) -> BinaryIO:
    """Opens a file to read: what was looked at is what is read, whatever becomes of its name.

    Raises:
        OSError: if it cannot be opened.
        ValueError: if it is a folder, or a device or a pipe, which may never end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe that nobody writes to is not waited for
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("not a regular file")
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, *, max_bytes: int) -> bytes:
    """Reads a file of at most so many bytes; memory is taken for no more than it has.

    Raises:
        OSError: if it cannot be read; the error names it.
        ValueError: if it is larger, or no regular file.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                raise ValueError(f"larger than {max_bytes} bytes")
            return file.read(size)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def read_text(path: Path) -> str:
    """Reads a text file of at most 64 MiB.

    Raises:
        UsageError: if the file is missing, larger, no UTF-8 text, or a device or a pipe, which may never end.
    """
    try:
        return read_bytes(path, max_bytes=_LARGEST_JSON).decode()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        UsageError: if the file is missing, too large, or holds something else, NaN and infinities included.
    """
    return parse_json(read_text(path), path)


def parse_json(text: str | bytes, path: Path) -> dict[str, Any]:
    """Returns the JSON object that the content of a file is.

    Raises:
        UsageError: if it is something else, NaN and infinities included; the error names the file.
    """
    try:
        values = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no readable JSON file: {error}") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} holds a {type(values).__name__}; expected a JSON object")
    return values


def _finite(number: str) -> float:
    if not math.isfinite(float(number)):
        raise ValueError(f"{number[:20]} is not a finite number")
    return float(number)


def dictionaries(values: Any) -> Iterator[dict[str, Any]]:
    """Gives every dictionary in what JSON held, the inner ones too, however deep they lie."""
    left = [values]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield value
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


def _synchronize(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
