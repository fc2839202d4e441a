"""Checkpoints, when they are due and before a signal ends a run."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ssgan.errors import NonFiniteError, Stopped
from ssgan.store import checkpoint
from ssgan.training.callbacks.agreed import Agreed
from ssgan.training.callbacks.due import is_due
from ssgan.training.signals import Signals


class Checkpoints(keras.callbacks.Callback):
    """At the beginning, every `every` steps, at the last step and before a signal ends the run: a checkpoint.

    It comes after the other callbacks, so that it saves what they have done in the step.

    Args:
        folder: of the checkpoints; None: nothing is written, by a worker that is not the chief.
        total_steps: number of the last step.
        every: steps between two checkpoints.
        keep: how many of the newest to keep.
        about: returns what else belongs to the checkpoint, see `ssgan.store.checkpoint.Checkpoint`.
        signals: where a signal was received, the run is saved after the step and stopped.
        check: raises if the state, by name, after a step is not what it should be.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        total_steps: int,
        every: int,
        keep: int,
        about: Callable[[], dict[str, Any]],
        signals: Signals | Agreed,
        check: Callable[[dict[str, np.ndarray], int], None],
    ):
        super().__init__()
        self.folder = folder
        self.total_steps = total_steps
        self.every = every
        self.keep = keep
        self.about = about
        self.signals = signals
        self.check = check
        self.saves: list[float] = []
        self.bytes = 0

    def on_train_begin(self, logs=None):
        """Saves the beginning, to which a run can go back, too."""
        if self.model.step == 0:
            self._save(0)

    def on_train_batch_end(self, batch, logs=None):
        """Saves when it is due, or when a signal was received."""
        step = self.model.step
        received = self.signals.received
        if received is not None or is_due(step, self.every, self.total_steps):
            self._save(step)
        if received is not None:
            raise Stopped(
                f"{received.name} at step {step} of {self.total_steps}, which is saved", status=128 + received
            )

    def on_train_end(self, logs=None):
        """Says what the checkpoints took."""
        if self.saves:
            each = sum(self.saves) / len(self.saves)
            print(f"{len(self.saves)} checkpoints of {self.bytes / 1e6:.1f} MB, {each:.2f} s each", flush=True)

    def _save(self, step: int) -> None:
        begin = time.monotonic()
        arrays = {name: np.asarray(variable) for name, variable in self.model.state().items()}
        self.check(arrays, step)
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise NonFiniteError(f"{name} is not finite at step {step}")
        if self.folder is None:
            return
        path = checkpoint.save(self.folder, checkpoint.Checkpoint(step, arrays, self.about()), keep=self.keep)
        self.bytes = sum(file.stat().st_size for file in path.iterdir())
        self.saves.append(time.monotonic() - begin)
