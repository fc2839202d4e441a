"""Learning-rate schedules that Keras lacks."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("ssgan")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A constant learning rate that falls linearly to 0 from `decay_start` to `total_steps`.

    It counts training steps, so that the rates of two networks fall together where one of them is updated less often.

    Reference: the SVHN code of arXiv:1606.03498 holds it for 600 of 900 epochs.

    Args:
        learning_rate: the constant, at least 0.
        total_steps: training step at which the rate reaches 0.
        decay_start: fraction of `total_steps` after which the rate falls, 0..1.
        first_step: training step of the optimizer's first update, at least 0.
        every: training steps from one update of the optimizer to the next, at least 1.
    """

    def __init__(
        self, learning_rate: float, *, total_steps: int, decay_start: float, first_step: int = 0, every: int = 1
    ):
        self.learning_rate = learning_rate
        self.total_steps = total_steps
        self.decay_start = decay_start
        self.first_step = first_step
        self.every = every

    def __call__(self, step) -> tf.Tensor:
        """Returns the rate for the optimizer's update number `step`, float32 scalar."""
        left = 1.0 - (self.first_step + self.every * tf.cast(step, tf.float32)) / self.total_steps
        falling = left / max(1.0 - self.decay_start, 1.0 / self.total_steps)
        return self.learning_rate * tf.clip_by_value(falling, 0.0, 1.0)

    def get_config(self) -> dict:
        return {
            "learning_rate": self.learning_rate,
            "total_steps": self.total_steps,
            "decay_start": self.decay_start,
            "first_step": self.first_step,
            "every": self.every,
        }
