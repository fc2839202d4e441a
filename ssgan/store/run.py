"""The folder of a run: made once, never overwritten, one process at a time, every file in it whole."""

import contextlib
import dataclasses
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import filelock

from ssgan import cluster
from ssgan.errors import UsageError
from ssgan.options import Config, versions
from ssgan.store import files

RUNS = Path("runs")
OPTIONS, FLAGFILE, ABOUT, SUMMARY = "options.json", "options.cfg", "about.json", "summary.json"
LABEL_MASK, MODEL, CHECKPOINTS, LOCK = "label_mask.npz", "gan.keras", "checkpoints", ".lock"


@contextlib.contextmanager
def opened(config: Config, *, synthetic: bool) -> Iterator[Path]:
    """Makes the folder of a new run, or opens that of the run to resume; no other process can while it is open.

    A new folder holds the options, as JSON and as a flagfile that repeats the run.

    Args:
        config: the resolved options; without `run_dir` the folder is `runs/<data>-<labels>-<arch>-<seeds>`, with a
            number behind it where that is taken.
        synthetic: whether the images are synthetic, which the folder's name then says.

    Yields:
        The folder.

    Raises:
        UsageError: if `run_dir` is a new run's and holds anything already, cannot be written, or is being trained in by
            another process.
    """
    run_dir = _path(config.run_dir) if config.run_dir else _new_folder(_name(config, synthetic=synthetic))
    lock = filelock.FileLock(run_dir / LOCK)  # of the operating system: gone with its process, however that ends
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        if not config.resume:
            _refuse_if_taken(run_dir)  # before the lock, of which no trace shall be left in somebody's folder
        lock.acquire(timeout=0)
        files.remove_temporary(run_dir)
        if not config.resume:
            _refuse_if_taken(run_dir)
            files.write(run_dir / OPTIONS, config.to_json())
            files.write(run_dir / FLAGFILE, config.to_flagfile())
    except filelock.Timeout as error:
        raise UsageError(
            f"--run_dir={run_dir}: another process is training this run; wait for it, or stop it"
        ) from error
    except OSError as error:
        raise UsageError(f"--run_dir={run_dir} cannot be written: {error}") from error
    try:
        yield run_dir
    finally:
        lock.release()


def saved_options(config: Config) -> Config | None:
    """Returns the options of the run that `config` resumes, or None where it resumes none.

    Raises:
        UsageError: if there is no run to resume, or this version cannot go on with it.
    """
    if not config.resume or _is_elsewhere(config):
        return None
    run_dir = _path(config.run_dir) if config.run_dir else _newest_unfinished()
    if not (run_dir / OPTIONS).is_file():
        raise UsageError(f"--resume: there is no run in {run_dir} (no {OPTIONS}); start one without --resume")
    text = files.read_text(run_dir / OPTIONS)
    saved = Config.from_json(text)
    if lost := versions.lost(json.loads(text)):
        removed = ", ".join(f"--{name}={str(value)[:100]}" for name, value in lost.items())
        raise UsageError(
            f"--resume: {run_dir} was begun with {removed}, which this version of ssgan does not have; go on with the "
            "version that began it, or start a new run"
        )
    return dataclasses.replace(saved, run_dir=str(run_dir))


def _is_elsewhere(config: Config) -> bool:
    """Tells whether this is a worker without a disk in common with the chief, who holds the run and looks at it."""
    workers = cluster.find(config.distribute)
    if workers is None or workers.is_chief:
        return False
    return not (_path(config.run_dir) / OPTIONS).is_file() if config.run_dir else not _unfinished()


def as_saved(config: Config) -> Config:
    """Returns the options with which a run goes on: those given, after a comparison with those saved.

    Raises:
        UsageError: if they differ in what changes the weights; it names every difference.
    """
    saved = saved_options(config)
    if saved is None:
        return config
    automatic = {name: value for name, value in vars(saved).items() if getattr(config, name) in (None, "auto")}
    config = dataclasses.replace(config, **automatic, run_dir=saved.run_dir)
    given, before = config.mathematics(), saved.mathematics()
    differing = [f"--{name}={given[name]} (the run: {before[name]})" for name in given if given[name] != before[name]]
    if differing:
        raise UsageError(
            f"--resume: {config.run_dir} was begun with other options: {', '.join(differing)}; leave them out to go on "
            "as it was begun, or start a new run"
        )
    return config


def split_names(names: str) -> list[str]:
    """Returns the names between commas; a folder that is there may have commas in its own name.

    Where both `a,b` and `a` are there, the longer name is meant.
    """
    parts = names.split(",")
    ends = range(len(parts), 0, -1)
    end = next((end for end in ends if os.path.isdir(os.path.expanduser(",".join(parts[:end])))), 1)
    rest = parts[end:]
    return [",".join(parts[:end]), *(split_names(",".join(rest)) if rest else [])]


def finished(run: str | None) -> Path:
    """Returns the folder of a finished run: the one named, or else the newest under `runs/`.

    Raises:
        UsageError: if there is none, or it holds no finished run.
    """
    if run is None:
        runs = sorted(RUNS.glob(f"*/{SUMMARY}"), key=os.path.getmtime)
        if not runs:
            raise UsageError(f"no finished run under {RUNS}/; name one with --run=FOLDER")
        return runs[-1].parent
    folder = _path(run)
    if not (folder / SUMMARY).is_file():
        reason = "its training did not finish" if (folder / OPTIONS).is_file() else "there is no run"
        raise UsageError(f"--run={run}: {reason}; expected a folder that ssgan.train has finished")
    return folder


def _path(name: str) -> Path:
    return Path(os.path.expanduser(name))


def _name(config: Config, *, synthetic: bool) -> str:
    prefix = "synthetic-" if synthetic else ""
    # TFDS names may hold a configuration and a version.
    dataset = re.sub(r"[^\w.-]", "_", Path(config.images).name if config.images else config.dataset)
    return f"{prefix}{dataset}-{config.labels}-{config.arch}-label_seed{config.label_seed}-seed{config.seed}"


def _new_folder(name: str) -> Path:
    taken = 1
    while True:
        folder = RUNS / (name if taken == 1 else f"{name}-{taken}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            taken += 1
        except OSError as error:
            raise UsageError(f"{folder} cannot be made: {error}; name another place with --run_dir") from error


def _refuse_if_taken(run_dir: Path) -> None:
    found = {path.name for path in run_dir.iterdir() if not files.is_temporary(path)} - {LOCK}
    if OPTIONS in found and SUMMARY not in found:
        raise UsageError(
            f"--run_dir={run_dir} is not empty, it holds an unfinished run: add --resume to go on with it, or name a "
            "new folder"
        )
    if found:
        raise UsageError(f"--run_dir={run_dir} is not empty; a run is never overwritten: name a new folder")


def _newest_unfinished() -> Path:
    if not (unfinished := _unfinished()):
        raise UsageError(f"--resume: no unfinished run under {RUNS}/; name one with --run_dir=FOLDER")
    return max(unfinished, key=os.path.getmtime).parent


def _unfinished() -> list[Path]:
    return [path for path in RUNS.glob(f"*/{OPTIONS}") if not path.with_name(SUMMARY).exists()]
