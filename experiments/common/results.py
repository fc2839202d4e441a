"""What the results files say of themselves, and how parts are put into them. Only Python's own library to read them."""

import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

from experiments.common import places, processes

MEASURED = ("ssgan", "experiments", "configs", ":!experiments/results")  # results change while they are measured
ORIGIN = ("commit", "date", "command", "hardware")
_PRIVATE = ("data_dir", "run_dir", "source", "images", "labels_file", "unlabeled_images", "test_images", "cache_dir")


def about(hardware: dict[str, Any]) -> dict[str, Any]:
    """Returns what figures are to be read with: commit, date, command, and the hardware as `ssgan.hardware` says it.

    To be called before anything is measured: files may change meanwhile.
    """
    date = datetime.datetime.now().isoformat(timespec="seconds")
    return {"commit": commit(), "date": date, "command": processes.command_line(), "hardware": hardware}


def commit(root: Path = places.ROOT) -> str:
    """Returns the git commit of a working copy, with `-dirty` where code differs from it; `unknown` without git."""
    try:
        changed = _git(root, "status", "--porcelain", "--", *MEASURED)
        return _git(root, "rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def public(values: dict[str, Any]) -> dict[str, Any]:
    """Returns options, or what a run says of its data, without the folders of this machine."""
    return {name: value for name, value in values.items() if name not in _PRIVATE}


def read(path: Path) -> dict[str, Any]:
    """Returns what a results file holds by now, nothing where there is none."""
    return json.loads(path.read_text()) if path.exists() else {}


def put(path: Path, **parts: Any) -> dict[str, Any]:
    """Writes parts into a results file and returns all that is in it; parts that are not named stay as they are.

    The file is read anew, for another process may have written its parts meanwhile.
    """
    from ssgan.store import files

    whole = {**read(path), **parts}
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, whole)
    return whole


def with_rows_kept(new: dict[str, Any], old: dict[str, Any], *tables: str) -> dict[str, Any]:
    """Returns a part that takes the place of an old one, with those rows that can no longer be measured.

    Args:
        new: the part.
        old: what it replaces, empty if nothing.
        tables: names of the dicts of rows in both; every row that only the old part has is kept, and `measured` in it
            says of which commit, date, command and hardware it is.
    """
    measured = {key: old[key] for key in ORIGIN if key in old}
    merged = {}
    for table in tables:
        earlier = {name: {"measured": measured, **row} for name, row in old.get(table, {}).items()}
        merged[table] = {**new[table], **{name: row for name, row in earlier.items() if name not in new[table]}}
    return {**new, **merged}
