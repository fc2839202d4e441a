"""A file that is hours in the writing: under a name of its own until it is whole, and gone on with after a crash."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import filelock

from ssgan.errors import UsageError
from ssgan.store import files

PART, ABOUT, LOCK = ".part", ".part.json", ".part.lock"  # behind the file's name


@contextlib.contextmanager
def opened(path: Path, about: dict[str, Any], *, resume: bool) -> Iterator[BinaryIO]:
    """Opens `path` + `.part`, which becomes `path` at the end; after an error it stays, to be gone on with.

    Args:
        path: the file; never overwritten.
        about: what an unfinished file must have been begun with to be gone on with; values of JSON.
        resume: whether to go on with an unfinished file, where there is one.

    Yields:
        The part, open to read and to write, at its beginning.

    Raises:
        UsageError: if `path` exists, another process is writing it, an unfinished one is there unless `resume`, or it
            was begun with something else.
        OSError: if it cannot be written.
    """
    refuse_if_finished(path)
    part, told, lock = (path.with_name(path.name + suffix) for suffix in (PART, ABOUT, LOCK))
    with _locked(lock, path):
        refuse_if_finished(path)
        if part.exists():
            _check(path, told, about, resume=resume)
        else:
            files.write_json(told, about)
        with open(part, "r+b" if part.exists() else "x+b") as file:
            yield file
        refuse_if_finished(path)
        files.put_in_place(part, path)
        told.unlink()


def refuse_if_finished(path: Path) -> None:
    """Raises a UsageError if the file is there already, or the folder for it is not."""
    if path.exists():
        raise UsageError(f"--out={path} exists, and is never overwritten; name another file, or remove it")
    if not path.parent.is_dir():
        raise UsageError(f"--out={path}: {path.parent} is not an existing folder; make it, or correct the path")


@contextlib.contextmanager
def _locked(lock: Path, path: Path) -> Iterator[None]:
    try:
        with filelock.FileLock(lock, timeout=0):
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
    except filelock.Timeout as error:
        raise UsageError(f"--out={path}: another process is writing it; wait for it, or stop it") from error


def _check(path: Path, told: Path, about: dict[str, Any], *, resume: bool) -> None:
    """Raises unless an unfinished file is to be gone on with, and was begun with the same."""
    if not resume:
        raise UsageError(f"--out={path} was begun ({path.name}{PART}); add --resume to go on with it, or remove that")
    before = files.read_json(told)
    differing = [
        f"{name} {str(about.get(name))[:100]} (before: {str(before.get(name))[:100]})"
        for name in sorted({*about, *before})
        if about.get(name) != before.get(name)
    ]
    if differing:
        raise UsageError(
            f"--resume: {path} was begun otherwise: {', '.join(differing)}; repeat the command as it was, or name "
            "another file"
        )
