"""Learning-rate schedules that Keras lacks."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("ssgan")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A constant learning rate, after a linear rise from 0, that falls linearly to 0 from `decay_start` on.

    Reference: the SVHN code of arXiv:1606.03498 holds it for 600 of 900 epochs.

    Args:
        learning_rate: the constant, at least 0.
        total_steps: optimizer step at which the rate reaches 0.
        decay_start: fraction of `total_steps` after which the rate falls, 0..1.
        warm_up: fraction of `total_steps` in which the rate rises, 0..1; no rise by default.
    """

    def __init__(self, learning_rate: float, *, total_steps: int, decay_start: float, warm_up: float = 0.0):
        self.learning_rate = learning_rate
        self.total_steps = total_steps
        self.decay_start = decay_start
        self.warm_up = warm_up

    def __call__(self, step) -> tf.Tensor:
        """Returns the rate for optimizer step `step`, float32 scalar."""
        done = tf.cast(step, tf.float32) / self.total_steps
        falling = (1.0 - done) / max(1.0 - self.decay_start, 1.0 / self.total_steps)
        rising = (done + 1.0 / self.total_steps) / self.warm_up if self.warm_up else 1.0
        return self.learning_rate * tf.clip_by_value(tf.minimum(falling, rising), 0.0, 1.0)

    def get_config(self) -> dict:
        return {
            "learning_rate": self.learning_rate,
            "total_steps": self.total_steps,
            "decay_start": self.decay_start,
            "warm_up": self.warm_up,
        }
