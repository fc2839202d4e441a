"""Learning-rate schedules that Keras lacks."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("ssgan")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A constant learning rate that falls linearly to 0 from `decay_start` to `total_steps`.

    Reference: the SVHN code of arXiv:1606.03498 holds it for 600 of 900 epochs.

    Args:
        learning_rate: the constant, at least 0.
        total_steps: optimizer step at which the rate reaches 0.
        decay_start: fraction of `total_steps` after which the rate falls, 0..1.
    """

    def __init__(self, learning_rate: float, *, total_steps: int, decay_start: float):
        self.learning_rate = learning_rate
        self.total_steps = total_steps
        self.decay_start = decay_start

    def __call__(self, step) -> tf.Tensor:
        """Returns the rate for optimizer step `step`, float32 scalar."""
        left = 1.0 - tf.cast(step, tf.float32) / self.total_steps
        falling = left / max(1.0 - self.decay_start, 1.0 / self.total_steps)
        return self.learning_rate * tf.clip_by_value(falling, 0.0, 1.0)

    def get_config(self) -> dict:
        return {
            "learning_rate": self.learning_rate,
            "total_steps": self.total_steps,
            "decay_start": self.decay_start,
        }
