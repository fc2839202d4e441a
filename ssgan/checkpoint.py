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
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssgan import files
from ssgan.config import UsageError

FORMAT_VERSION = 1
STATE, MANIFEST = "state.npz", "manifest.json"
_NAME = "step_{:09d}"


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
    """Reads a checkpoint and checks every byte of it.

    Raises:
        UsageError: if it is damaged, incomplete, of a newer format, or something else.
    """
    content = files.read_json(path / MANIFEST)
    manifest = content.get("manifest")
    if not isinstance(manifest, dict) or content.get("sha256") != _digest(manifest):
        raise UsageError(f"{path / MANIFEST} is not what was written: its sha256 differs")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise UsageError(
            f"{path} has the format version {manifest.get('format_version')}; this ssgan reads {FORMAT_VERSION}: "
            "install a newer one"
        )
    match manifest:
        case {
            "step": int(step),
            "files": {"state.npz": {"bytes": int(), "sha256": str()} as expected},
            "about": dict(about),
        }:
            pass
        case _:
            raise UsageError(f"{path / MANIFEST} lacks a step, a file or what it is about; it was not written by ssgan")
    state = path / STATE
    try:
        found = {"bytes": state.stat().st_size, "sha256": files.sha256(state)}
    except OSError as error:
        raise UsageError(f"{state} cannot be read: {error}") from error
    if found != expected:
        raise UsageError(f"{state}: found {found}, but {expected} were written")
    # Uncompressed, the arrays are no larger than the file.
    return Checkpoint(step, files.read_npz(state, max_bytes=expected["bytes"]), about)


def load_newest(folder: Path, *, identity: Mapping[str, Any]) -> Checkpoint | None:
    """Reads the newest checkpoint that is whole and belongs to this run; says loudly which were passed over.

    A damaged or foreign checkpoint is renamed `corrupt-...` and stays for inspection.

    Args:
        folder: folder of the checkpoints of one run.
        identity: entries that `about` must have: what makes it a checkpoint of this run. Of a dictionary, only the
            keys that both have are compared.

    Returns:
        The checkpoint, or None where there is none.

    Raises:
        OSError: if a damaged checkpoint cannot be renamed.
    """
    for path in _newest_first(folder):
        try:
            checkpoint = load(path)
            _check_identity(checkpoint, identity)
            return checkpoint
        except UsageError as error:
            aside = _free_name(path.with_name(f"corrupt-{path.name}"))
            os.replace(path, aside)
            print(
                f"*** DAMAGED CHECKPOINT: {error}. It is now {aside}; going back to the one before it ***",
                file=sys.stderr,
            )
    return None


def _check_identity(checkpoint: Checkpoint, identity: Mapping[str, Any]) -> None:
    differing = [name for name, value in identity.items() if _differs(checkpoint.about.get(name), value)]
    if differing:
        raise UsageError(
            f"the checkpoint of step {checkpoint.step} is of another run: its {', '.join(differing)} differs"
        )


def _differs(saved: Any, expected: Any) -> bool:
    if isinstance(saved, dict) and isinstance(expected, dict):
        # An entry of one version alone, such as a newer option, is not compared.
        return any(saved[name] != expected[name] for name in saved.keys() & expected.keys())
    return saved != expected


def _newest_first(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("step_*") if path.name.removeprefix("step_").isdecimal()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step_")), reverse=True)


def _free_name(path: Path) -> Path:
    names = [path, *(path.with_name(f"{path.name}-{number}") for number in range(2, 1000))]
    return next(name for name in names if not name.exists())


def _digest(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
