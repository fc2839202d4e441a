"""A guard against numbers that are not finite."""

import math

import keras

from ssgan.errors import NonFiniteError


class NonFiniteGuard(keras.callbacks.Callback):
    """Stops the training at the first step whose losses are not finite, with the number of the step and a name.

    Raises:
        NonFiniteError: from `fit`, naming the step and the metric.
    """

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the sum of the losses, in which every number would show."""
        if not math.isfinite(logs["loss"]):
            name = "g_loss" if math.isfinite(logs["d_loss"]) else "d_loss"
            raise NonFiniteError(f"{name} is {float(logs[name])} at step {self.model.step}")
