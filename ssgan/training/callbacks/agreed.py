"""The end of a training that any of several workers asks for, after the same step of all."""

import signal

import keras

from ssgan.training.signals import ENDING, Signals


class Agreed(keras.callbacks.Callback):
    """What any of several workers asked for, as all of them know it after the next step.

    A signal is `received` by all of them. Where a callback of one sets `stop_training`, that of all is set, one step
    later: it comes after those that may.

    Args:
        own: signals of this worker.
    """

    def __init__(self, own: Signals):
        super().__init__()
        self._own = own
        self._is_to_stop = False

    @property
    def received(self) -> signal.Signals | None:
        """The signal, or None."""
        if self.model.answer is None:
            return None
        return next((number for number, asked in zip(ENDING, self.model.answer, strict=False) if asked), None)

    def on_train_begin(self, logs=None):
        """Has the steps carry what this worker asks for."""
        self._is_to_stop = False
        self.model.answer = None
        self.model.asking = lambda: [*(float(self._own.received == one) for one in ENDING), float(self._is_to_stop)]

    def on_train_batch_end(self, batch, logs=None):
        """Takes down what this worker's callbacks ask for, and stops where any worker's did before the step."""
        self._is_to_stop |= self.model.stop_training
        self.model.stop_training = bool(self.model.answer[len(ENDING)])
