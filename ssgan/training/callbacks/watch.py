"""An end for a step that waits for ever: a worker that is stuck, but alive, keeps all others waiting for its part."""

import os
import sys
import threading
import time
from collections.abc import Callable

import keras

from ssgan.output import one_line

LIMIT = 60.0  # seconds that a step, and what the chief does after it, may take
FIRST_LIMIT = 600.0  # the first step of a kind, which is traced and compiled


class Watch(keras.callbacks.Callback):
    """While entered, ends the process, with one line and status 1, when a step is not done after a minute.

    It comes after the other callbacks, so that what they do counts, too.

    Args:
        how_to_go_on: behind the line.
        limit: seconds of a step.
        first_limit: seconds of the first step of a kind.
        end: ends the process with a status, whatever its main thread waits for.
    """

    def __init__(
        self,
        how_to_go_on: str,
        *,
        limit: float = LIMIT,
        first_limit: float = FIRST_LIMIT,
        end: Callable[[int], None] = os._exit,
    ):
        super().__init__()
        self.how_to_go_on = how_to_go_on
        self.limit = limit
        self.first_limit = first_limit
        self.end = end
        self._kinds: set[str] = set()
        self._deadline: float | None = None
        self._left = threading.Event()

    def __enter__(self) -> "Watch":
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._left.set()

    def on_train_begin(self, logs=None):
        """Forgets the step that a number which was not finite broke off, and what was traced for an earlier model."""
        self._deadline = None
        self._kinds.clear()

    def on_train_batch_begin(self, batch, logs=None):
        """Starts the clock of a step."""
        kind = self.model.step_kind()
        self._deadline = time.monotonic() + (self.limit if kind in self._kinds else self.first_limit)
        self._kinds.add(kind)

    def on_train_batch_end(self, batch, logs=None):
        """Stops the clock."""
        self._deadline = None

    def _look(self) -> None:
        while not self._left.wait(min(1.0, self.limit / 4)):
            deadline = self._deadline
            if deadline is not None and time.monotonic() > deadline:
                told = f"stopped: a worker is stuck in step {self.model.step + 1}; {self.how_to_go_on}"
                print(one_line(told), file=sys.stderr, flush=True)
                self.end(1)
                return
