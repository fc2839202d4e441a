"""Checkpoints: named arrays and what they belong to, in a folder that is whole, hashed and never silently wrong.

Format, version 1. A checkpoint is a folder `step_<step>` with two files: `state.npz`, the arrays, uncompressed and
without pickles; and `manifest.json`:

    {"manifest": {"format_version": 1,
                  "step": ...,
                  "files": {"state.npz": {"bytes": ..., "sha256": ...}},
                  "about": {...}},
     "sha256": "..."}

where the last digest is that of the manifest itself: `json.dumps(manifest, sort_keys=True)` in UTF-8.
"""

import dataclasses
import hashlib
import io
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssgan.errors import UsageError
from ssgan.store import files, npz

FORMAT_VERSION = 1
STATE, MANIFEST = "state.npz", "manifest.json"
_NAME = "step_{:09d}"
_ASIDE = "corrupt-"
_LARGEST_MANIFEST = 64 * 2**20  # it holds the history of the run


class Damaged(UsageError):
    """A checkpoint that is not what was written."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What `save` was given.

    Attributes:
        step: number of the training step after which it was saved.
        arrays: the state, by name.
        about: what it belongs to and anything else that JSON can hold.
    """

    step: int
    arrays: dict[str, np.ndarray]
    about: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint, *, keep: int) -> Path:
    """Writes a checkpoint, synchronised with the disk, then removes all but the newest ones.

    It appears under its name when all of it is on the disk: a crash at any moment leaves the checkpoints before it.

    Args:
        folder: folder of the checkpoints of one run, which no other process writes to; made when missing.
        checkpoint: what to write; one of the same step is replaced.
        keep: how many to keep, at least 1.

    Returns:
        The folder of this checkpoint.

    Raises:
        OSError: if it cannot be written; the error names the file. Earlier checkpoints are as they were.
        ValueError: if `about` holds what JSON cannot, such as NaN.
    """
    path = folder / _NAME.format(checkpoint.step)
    folder.mkdir(parents=True, exist_ok=True)
    files.remove_temporary(folder)
    with files.whole(path) as temporary:
        temporary.mkdir()
        np.savez(temporary / STATE, **checkpoint.arrays)  # type: ignore[arg-type]
        state = {"bytes": (temporary / STATE).stat().st_size, "sha256": files.sha256(temporary / STATE)}
        manifest = {
            "format_version": FORMAT_VERSION,
            "step": checkpoint.step,
            "files": {STATE: state},
            "about": checkpoint.about,
        }
        content = {"manifest": manifest, "sha256": _digest(manifest)}
        (temporary / MANIFEST).write_text(json.dumps(content, indent=1, allow_nan=False))
        files.remove(path)  # only after a step back to an earlier checkpoint is there one of the same step
    for old in _newest_first(folder)[keep:]:
        files.remove(old)
    return path


def load(path: Path) -> Checkpoint:
    """Reads a checkpoint and checks every byte of it; what was checked is what is loaded.

    Raises:
        Damaged: if it is not what was written: incomplete, or a digest differs.
        UsageError: if it is of a newer format, or something else.
        OSError: if the disk fails, or lets nobody read it.
    """
    manifest = _manifest(path / MANIFEST)
    if manifest.get("format_version") != FORMAT_VERSION:
        raise UsageError(
            f"{path} has the format version {manifest.get('format_version')}; this ssgan reads {FORMAT_VERSION}: "
            "install a newer one"
        )
    match manifest:
        case {
            "step": int(step),
            "files": {"state.npz": {"bytes": int(size), "sha256": str()} as expected},
            "about": dict(about),
        }:
            pass
        case _:
            raise UsageError(f"{path / MANIFEST} lacks a step, a file or what it is about; it was not written by ssgan")
    state = path / STATE
    content = _content(state, max_bytes=size)
    found = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if found != expected:
        raise Damaged(f"{state}: found {found}, but {expected} were written")
    # Uncompressed, the arrays are no larger than the file.
    return Checkpoint(step, npz.parse_npz(io.BytesIO(content), state, max_bytes=size), about)


def load_newest(folder: Path) -> Checkpoint | None:
    """Reads the newest checkpoint that is whole; says loudly which were passed over.

    These are renamed `corrupt-...` and stay for inspection. That happens on damage alone: whatever else keeps a
    checkpoint from being read may pass, and its steps shall not be trained again for it.

    Args:
        folder: folder of the checkpoints of one run.

    Returns:
        The checkpoint, or None where none was ever saved but that of step 0, which is damaged.

    Raises:
        UsageError: if no checkpoint is whole, or the newest of them is of a newer format; all stay as they are.
        OSError: if the disk fails, or a damaged checkpoint cannot be renamed.
    """
    damaged: dict[Path, Damaged] = {}
    for path in _newest_first(folder):
        try:
            checkpoint = load(path)
        except Damaged as error:
            damaged[path] = error
        else:
            _set_aside(damaged)
            return checkpoint
    aside = [path for path in _entries(folder) if path.name.startswith(_ASIDE)]
    if any(not path.name.removeprefix(_ASIDE).startswith(_NAME.format(0)) for path in [*damaged, *aside]):
        raise UsageError(
            f"no checkpoint in {folder} is whole: {'; '.join(map(str, [*damaged.values(), *aside]))}; bring one back "
            "from a copy, start a new run with another --run_dir, or remove them to begin this run again at step 0"
        )
    _set_aside(damaged)  # of step 0, where the run begins: nothing is lost
    return None


def _manifest(path: Path) -> dict[str, Any]:
    try:
        content = files.parse_json(_content(path, max_bytes=_LARGEST_MANIFEST), path)
    except UsageError as error:
        raise Damaged(str(error)) from error
    manifest = content.get("manifest")
    if not isinstance(manifest, dict) or content.get("sha256") != _digest(manifest):
        raise Damaged(f"{path} is not what was written: its sha256 differs")
    return manifest


def _content(path: Path, *, max_bytes: int) -> bytes:
    try:
        return files.read_bytes(path, max_bytes=max_bytes)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise Damaged(f"{path} cannot be read: {error}") from error


def _set_aside(damaged: Mapping[Path, Damaged]) -> None:
    for path, error in damaged.items():
        aside = _free_name(path.with_name(f"{_ASIDE}{path.name}"))
        os.replace(path, aside)
        print(
            f"*** DAMAGED CHECKPOINT: {error}. It is now {aside}; going back to the one before it, or to step 0 ***",
            file=sys.stderr,
        )


def _newest_first(folder: Path) -> list[Path]:
    steps = {path: path.name.removeprefix("step_") for path in _entries(folder) if path.name.startswith("step_")}
    found = [path for path, step in steps.items() if step.isdecimal()]
    return sorted(found, key=lambda path: int(steps[path]), reverse=True)


def _entries(folder: Path) -> list[Path]:
    """Returns what lies in a folder, if there is one; unlike `Path.glob`, not an empty list if that cannot be known."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _free_name(path: Path) -> Path:
    names = [path, *(path.with_name(f"{path.name}-{number}") for number in range(2, 1000))]
    return next(name for name in names if not name.exists())


def _digest(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
