"""Trainings that the page starts: each a process of its own, which can be resumed when it was stopped."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import filelock

from ssgan.errors import UsageError
from ssgan.labelling import process
from ssgan.store import files, run

_STEP = re.compile(r"^step (\d+)/(\d+)  (\S+) left", re.MULTILINE)
_TAIL = 4000  # bytes of the log that are looked at
_NICE = 10  # how much the training stands back behind the person's page
_LOG_EVERY = 20  # steps
_OUTLIVES = "its training outlives the page that was killed; go on when it has ended"


class Training:
    """At most one training at a time, of the labels so far, in `runs/<folder>-<number>-labels`.

    Beside the folder of a run lie the labels that it is trained on, so that it can be resumed whatever is labelled
    since, and what it printed.

    Args:
        images: folder of the pictures.
        labels_file: with their labels.
        options: further options of `ssgan.train`, such as `--total_steps=500`.
        on_done: called with the folder of a run when it is finished, from another thread.
    """

    def __init__(self, images: Path, labels_file: Path, *, options: Sequence[str], on_done: Callable[[Path], None]):
        self._images = images
        self._labels_file = labels_file
        self._options = options
        self._on_done = on_done
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._prefix = re.sub(r"[^\w.-]", "_", images.resolve().name or "images")
        self._run_dir = self._newest()
        self._phase, self._message = "none", ""
        if self._run_dir and not self.finished:
            self._phase, self._message = "stopped", _OUTLIVES * _is_locked(self._run_dir)

    @property
    def finished(self) -> Path | None:
        """The folder of the newest training, where it is finished."""
        return self._run_dir if self._run_dir and (self._run_dir / run.SUMMARY).exists() else None

    def state(self) -> dict[str, Any]:
        """Returns what the page shows of this, values of JSON."""
        with self._lock:
            log = self._log()
            steps = _STEP.findall(log)
            step, total, left = steps[-1] if steps else (0, 0, "")
            return {
                "phase": self._phase,
                "run": self._run_dir.name if self._run_dir else None,
                "step": int(step),
                "steps": int(total),
                "left": left,
                "message": self._message,
            }

    def start(self, class_counts: Sequence[int]) -> None:
        """Starts a training of the labels that the file holds now.

        Raises:
            UsageError: if one is running, or fewer than two classes have a label.
            OSError: if the files beside the run cannot be written.
        """
        if sum(count > 0 for count in class_counts) < 2:
            raise UsageError("a training needs labels of two classes")
        with self._lock:
            self._refuse_if_running()
            run.RUNS.mkdir(exist_ok=True)
            self._run_dir = self._new(sum(class_counts))
            labels = _beside(self._run_dir, ".labels.csv")
            files.write(labels, files.read_text(self._labels_file))
            options = [f"--images={self._images}", f"--labels_file={labels}", "--skip_unreadable"]
            self._run(self._run_dir, [*options, f"--log_every={_LOG_EVERY}", *self._options], mode="xb")

    def resume(self) -> None:
        """Goes on with the training that was stopped.

        Raises:
            UsageError: if one is running, or none was stopped.
        """
        with self._lock:
            self._refuse_if_running()
            if self._run_dir is None or self._phase != "stopped":
                raise UsageError("there is no training to go on with")
            self._run(self._run_dir, ["--resume"], mode="ab")

    def stop(self, *, wait_seconds: float | None = None) -> None:
        """Has the training end after its step, with a checkpoint.

        Args:
            wait_seconds: how long its end is waited for; None: not at all.
        """
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            if wait_seconds is not None:
                try:
                    process.wait(wait_seconds)
                except subprocess.TimeoutExpired:
                    process.kill()

    def _run(self, run_dir: Path, options: Sequence[str], *, mode: str) -> None:
        with open(_beside(run_dir, ".log"), mode) as log:
            self._process = process.start(
                "ssgan.train",
                *options,
                f"--run_dir={run_dir}",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICE)
        self._phase, self._message = "running", ""
        threading.Thread(target=self._watch, args=(self._process, run_dir), name="training", daemon=True).start()

    def _watch(self, process: subprocess.Popen[bytes], run_dir: Path) -> None:
        status = process.wait()
        with self._lock:
            if status == 0:
                self._phase = "done"
            else:
                can_go_on = (run_dir / run.OPTIONS).exists()
                was_asked = status in (-signal.SIGTERM, 128 + signal.SIGTERM)
                self._phase = "stopped" if can_go_on else "none" if was_asked else "failed"
                self._message = "" if was_asked else (self._log().strip().splitlines() or ["no word of why"])[-1]
        if status == 0:
            self._on_done(run_dir)

    def _refuse_if_running(self) -> None:
        if self._process is not None and self._process.poll() is None:
            raise UsageError("a training is running")

    def _log(self) -> str:
        """Returns the end of what the training printed."""
        if self._run_dir is None:
            return ""
        try:
            with open(_beside(self._run_dir, ".log"), "rb") as file:
                file.seek(-min(_TAIL, os.fstat(file.fileno()).st_size), os.SEEK_END)
                return file.read().decode(errors="replace")
        except (OSError, ValueError):
            return ""

    def _new(self, labels: int) -> Path:
        name, number = f"{self._prefix}-{labels}-labels", 1
        while True:
            folder = run.RUNS / (name if number == 1 else f"{name}-{number}")
            if not folder.exists() and not _beside(folder, ".log").exists():
                return folder
            number += 1

    def _newest(self) -> Path | None:
        """Returns the folder of the newest run that a page of this folder has begun."""
        begun = [log.with_name(log.name.removesuffix(".log")) for log in run.RUNS.glob(f"{self._prefix}-*-labels*.log")]
        runs = [folder for folder in begun if (folder / run.OPTIONS).exists() and self._is_own(folder)]
        return max(runs, key=lambda folder: (folder / run.OPTIONS).stat().st_mtime, default=None)

    def _is_own(self, run_dir: Path) -> bool:
        """Tells whether a run is of these pictures, and not of another folder's whose name begins alike."""
        images = files.read_json(run_dir / run.OPTIONS).get("images")
        return isinstance(images, str) and Path(images).resolve() == self._images.resolve()


def _is_locked(run_dir: Path) -> bool:
    """Tells whether a process is training a run."""
    try:
        with filelock.FileLock(run_dir / run.LOCK, timeout=0):
            return False
    except filelock.Timeout:
        return True


def _beside(run_dir: Path, suffix: str) -> Path:
    """Returns the file of this suffix beside a run; the folder of a new run has to be empty."""
    return run_dir.with_name(run_dir.name + suffix)
