"""The clock of a training that ends after a time and not after a number of steps. Only Python's own library."""

import time
from collections.abc import Callable

EVALUATIONS = 20  # in a training


class Clock:
    """Counts steps and the time they take; stands still while it evaluates. It starts when it is made.

    Args:
        seconds: time of the training.
        evaluate: returns the validation error; called about every twentieth of the time, and at the end.
        now: returns the time, seconds.

    Attributes:
        steps: steps so far.
        seconds: time of them.
        curve: pairs of seconds and validation error.
    """

    def __init__(self, seconds: float, evaluate: Callable[[], float], *, now: Callable[[], float] = time.perf_counter):
        self.steps, self.seconds = 0, 0.0
        self.curve: list[list[float]] = []
        self._limit, self._evaluate, self._now = seconds, evaluate, now
        self._interval = seconds / EVALUATIONS
        self._start = now()

    def count(self, steps: int = 1) -> bool:
        """Notes that so many steps are done; returns whether the time is over."""
        self.steps += steps
        stopped = self._now()
        self.seconds = stopped - self._start
        over = self.seconds >= self._limit
        last = self.curve[-1][0] if self.curve else 0.0
        if over or self.seconds // self._interval > last // self._interval:
            self.curve.append([self.seconds, self._evaluate()])
            self._start += self._now() - stopped
        return over
