"""Signals that end a training after its step."""

import signal
import threading

ENDING = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """While entered, the first Ctrl-C (SIGINT) or SIGTERM is remembered; a second one ends the process at once.

    Outside the main thread, where Python handles no signals, entering does nothing.

    Attributes:
        received: the signal, or None.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def __enter__(self) -> "Signals":
        self._in_main_thread = threading.current_thread() is threading.main_thread()
        if self._in_main_thread:
            self._previous = {number: signal.signal(number, self._remember) for number in ENDING}
        return self

    def __exit__(self, *_) -> None:
        if self._in_main_thread:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def _remember(self, number: int, _) -> None:
        self.received = signal.Signals(number)
        for again in self._previous:
            signal.signal(again, signal.SIG_DFL)
