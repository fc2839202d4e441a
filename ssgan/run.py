"""The folder of a run: made once, never overwritten, every file in it whole."""

import os
from pathlib import Path

from ssgan import files
from ssgan.config import Config, UsageError

RUNS = Path("runs")
OPTIONS, FLAGFILE, ABOUT, SUMMARY = "options.json", "options.cfg", "about.json", "summary.json"
LABEL_MASK, MODEL = "label_mask.npz", "gan.keras"


def create(config: Config, *, synthetic: bool) -> Path:
    """Makes the folder of a new run and saves its options there, as JSON and as a flagfile that repeats it.

    Args:
        config: the resolved options; without `run_dir` the folder is `runs/<data>-<labels>-<arch>-<seeds>`, with a
            number behind it where that is taken.
        synthetic: whether the images are synthetic, which the folder's name then says.

    Returns:
        The folder.

    Raises:
        UsageError: if `run_dir` holds anything already, or cannot be written.
    """
    run_dir = Path(config.run_dir) if config.run_dir else _free_folder(_name(config, synthetic=synthetic))
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        if any(run_dir.iterdir()):
            raise UsageError(f"--run_dir={run_dir} is not empty; a run is never overwritten: name a new folder")
        files.write(run_dir / OPTIONS, config.to_json())
        files.write(run_dir / FLAGFILE, config.to_flagfile())
    except OSError as error:
        raise UsageError(f"--run_dir={run_dir} cannot be written: {error}") from error
    return run_dir


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
    folder = Path(run)
    if not (folder / SUMMARY).is_file():
        reason = "its training did not finish" if (folder / OPTIONS).is_file() else "there is no run"
        raise UsageError(f"--run={run}: {reason}; expected a folder that ssgan.train has finished")
    return folder


def _name(config: Config, *, synthetic: bool) -> str:
    prefix = "synthetic-" if synthetic else ""
    dataset = config.dataset.replace("/", "_").replace(":", "_")  # TFDS names may hold a configuration and a version
    return f"{prefix}{dataset}-{config.labels}-{config.arch}-label_seed{config.label_seed}-seed{config.seed}"


def _free_folder(name: str) -> Path:
    taken = 1
    while (folder := RUNS / (name if taken == 1 else f"{name}-{taken}")).exists():
        taken += 1
    return folder
