"""Dropout and noise, faster than Keras' own: one random byte for each value, where Keras draws a float."""

import math

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("ssgan")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout` in a third of the time: one random byte decides on each value, where Keras draws a float.

    Args:
        rate: fraction of the values to drop, 0..1; rounded to a multiple of 1/256 (0.2 is 51/256), less than 1.
        **kwargs: of `keras.layers.Dropout`, but for `noise_shape`.

    Raises:
        ValueError: for another rate.
    """

    def __init__(self, rate: float, **kwargs):
        super().__init__(rate, **kwargs)
        if round(256 * rate) == 256:
            raise ValueError(f"rate={rate}: expected at most 255/256")

    def call(self, inputs, training=False):
        dropped = round(256 * self.rate)
        if not training or dropped == 0:
            return inputs
        mask = tf.cast(_random_bytes(tf.shape(inputs), self.seed_generator.next()) >= dropped, inputs.dtype)
        return inputs * (mask * (256 / (256 - dropped)))


@keras.saving.register_keras_serializable("ssgan")
class UniformNoise(keras.layers.GaussianNoise):
    """`keras.layers.GaussianNoise` in a fraction of the time: uniform noise of the same mean and deviation.

    Each value takes one random byte, so the noise has 256 different values.

    Args:
        stddev: standard deviation of the noise, at least 0.
        **kwargs: of `keras.layers.GaussianNoise`.
    """

    def call(self, inputs, training=False):
        if not training or self.stddev == 0:
            return inputs
        noise = tf.cast(_random_bytes(tf.shape(inputs), self.seed_generator.next()), inputs.dtype) - 127.5
        return inputs + noise * (self.stddev / math.sqrt((256**2 - 1) / 12))


def _random_bytes(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Returns random uint8 of this shape, cut from a quarter as many words."""
    size = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([(size + 3) // 4], tf.cast(seed, tf.int32), None, None, tf.uint32)
    return tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size], shape)
