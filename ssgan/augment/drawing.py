"""Strokes and noise, for drawings."""

import math

import tensorflow as tf

from ssgan.augment.chance import normal, uniform
from ssgan.augment.geometry import random_affine


def random_strokes(images: tf.Tensor, seed: tf.Tensor, *, fraction: float = 0.3) -> tf.Tensor:
    """Draws a short straight stroke across some of the images, as bright as ink.

    Args:
        images: float32 [batch, height, width, channels], ink 1 on paper -1.
        seed: int [2]; the same seed gives the same strokes.
        fraction: probability that an image gets a stroke, 0..1.

    Returns:
        float32 images of the same shape; differentiable. A stroke has its middle in the middle three fifths of the
        image and any direction; it is 0.15 to 0.45 of the height long and about a tenth of it thick.
    """
    batch, (_, height, width, _) = tf.shape(images)[0], images.shape
    place, size, angle, drawn = tf.split(uniform([5, batch, 1, 1], seed, axis=1), [2, 1, 1, 1])
    x = (tf.range(width, dtype=tf.float32) + 0.5 - width / 2)[tf.newaxis, :] - width * 0.6 * (place[0] - 0.5)
    y = (tf.range(height, dtype=tf.float32) + 0.5 - height / 2)[:, tf.newaxis] - height * 0.6 * (place[1] - 0.5)
    cos, sin = tf.cos(math.pi * angle[0]), tf.sin(math.pi * angle[0])
    beyond_the_end = tf.abs(cos * x + sin * y) - height * (0.075 + 0.15 * size[0])
    beside = tf.abs(cos * y - sin * x) - height * 0.055
    ink = tf.clip_by_value(0.5 - tf.maximum(beyond_the_end, beside), 0.0, 1.0) * tf.cast(
        drawn[0] < fraction, tf.float32
    )
    return tf.maximum(images, 2.0 * ink[..., tf.newaxis] - 1.0)


def random_drawing(images: tf.Tensor, seed: tf.Tensor, *, deviation: float = 0.2, strokes: float = 0.1) -> tf.Tensor:
    """Changes each drawing by `random_affine` and `random_strokes`, and adds Gaussian noise to its pixels.

    For drawings such as MNIST's, whose classes differ in shape and not in colour. Under noise and strokes a class is
    told by its whole shape and not by one stroke, such as the bar of some sevens; the MNIST network of arXiv:1606.03498
    (code) adds such noise to its input.

    Args:
        images: float32 [batch, height, width, channels] in -1..1, light on dark.
        seed: int [2]; the same seed gives the same changes.
        deviation: standard deviation of the noise, a third of the paper's.
        strokes: probability that an image gets a stroke, 0..1.

    Returns:
        float32 images of the same shape, not clipped; differentiable.
    """
    seeds = tf.random.experimental.stateless_split(seed, 3)
    noise = normal(tf.shape(images), seeds[1], stddev=deviation)
    return random_strokes(random_affine(images, seeds[0]), seeds[2], fraction=strokes) + noise
