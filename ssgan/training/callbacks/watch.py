"""An end for a step that waits for ever."""

import os
import threading
from collections.abc import Callable

import keras

from ssgan.deadline import LIMIT, LONG_LIMIT, end_after


class Watch(keras.callbacks.Callback):
    """While entered, ends the process, with one line and status 1, when a step is not done after a minute.

    It comes after the other callbacks, so that what they do counts, too.

    Args:
        how_to_go_on: behind the line.
        limit: seconds of a step.
        first_limit: seconds of the first step of a kind, which is traced and compiled.
        end: ends the process with a status, whatever its main thread waits for.
    """

    def __init__(
        self,
        how_to_go_on: str,
        *,
        limit: float = LIMIT,
        first_limit: float = LONG_LIMIT,
        end: Callable[[int], None] = os._exit,
    ):
        super().__init__()
        self.how_to_go_on = how_to_go_on
        self.limit = limit
        self.first_limit = first_limit
        self.end = end
        self._kinds: set[str] = set()
        self._clock: threading.Timer | None = None

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_) -> None:
        self._stop()

    def on_train_begin(self, logs=None):
        """Forgets the step that a number which was not finite broke off, and what was traced for an earlier model."""
        self._stop()
        self._kinds.clear()

    def on_train_batch_begin(self, batch, logs=None):
        """Starts the clock of a step."""
        kind = self.model.step_kind()
        seconds = self.limit if kind in self._kinds else self.first_limit
        told = f"a worker is stuck in step {self.model.step + 1}; {self.how_to_go_on}"
        self._clock = end_after(seconds, told, end=self.end)
        self._kinds.add(kind)

    def on_train_batch_end(self, batch, logs=None):
        """Stops the clock."""
        self._stop()

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
