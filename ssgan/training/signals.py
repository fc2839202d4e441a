"""Signals that end a training after its step."""

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssgan.trainer import HostStepped

_ENDING = (signal.SIGINT, signal.SIGTERM)


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
            self._previous = {number: signal.signal(number, self._remember) for number in _ENDING}
        return self

    def __exit__(self, *_) -> None:
        if self._in_main_thread:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def _remember(self, number: int, _) -> None:
        self.received = signal.Signals(number)
        for again in self._previous:
            signal.signal(again, signal.SIG_DFL)


class AgreedSignals:
    """What any of several workers received, as all of them know it after the same step.

    Args:
        own: those of this worker.
        model: whose steps carry them.
    """

    def __init__(self, own: Signals, model: "HostStepped"):
        self._model = model
        model.asking = lambda: [float(own.received == number) for number in _ENDING]

    @property
    def received(self) -> signal.Signals | None:
        """The signal, or None."""
        if self._model.answer is None:
            return None
        return next((number for number, asked in zip(_ENDING, self._model.answer, strict=True) if asked), None)
