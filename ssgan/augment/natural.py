"""Photographs of things: moved, zoomed, turned, in another light and of other colours, never inverted."""

import math

import tensorflow as tf

from ssgan.augment.chance import uniform
from ssgan.augment.color import cut_out
from ssgan.augment.geometry import random_affine


def random_light(
    images: tf.Tensor,
    seed: tf.Tensor,
    *,
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.6,
    degrees: float = 25.0,
) -> tf.Tensor:
    """Changes brightness, contrast and, where there are three channels, saturation and hue of each image.

    Args:
        images: float [batch, height, width, channels] in -1..1.
        seed: int [2]; the same seed gives the same changes.
        brightness: largest change of all pixels together, in either direction.
        contrast: distances from the image's mean are multiplied by a factor from `1 - contrast` to `1 + contrast`.
        saturation: distances from grey, the mean of the channels, likewise.
        degrees: largest rotation of the colours about grey, in either direction; by 120 red becomes green.

    Returns:
        Images of the same shape and dtype, clipped to -1..1; differentiable where they are not clipped.
    """
    drawn = uniform([4, tf.shape(images)[0], 1, 1, 1], seed, -1.0, 1.0, axis=1)
    lighter, harder, fuller, turn = tf.unstack(tf.cast(drawn, images.dtype))
    if images.shape[-1] == 3:
        gray = tf.reduce_mean(images, axis=-1, keepdims=True)
        images = gray + (1.0 + saturation * fuller) * _turned(images - gray, math.radians(degrees) * turn)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    changed = (1.0 + contrast * harder) * (images - mean) + mean + brightness * lighter
    return tf.clip_by_value(changed, -1.0, 1.0)


def _turned(colors: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Turns colours, three numbers whose sum is 0, about the grey axis."""
    crossed = (tf.roll(colors, 1, axis=-1) - tf.roll(colors, -1, axis=-1)) / math.sqrt(3.0)
    return tf.cos(angle) * colors + tf.sin(angle) * crossed


def random_natural(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Changes each image by `random_affine`, as far as a tenth of its size, then by `random_light`; greys out a box.

    For photographs of things whose colours and light tell something, and which are nearer or farther, or a little
    turned, in other photographs.

    Args:
        images: float32 [batch, height, width, channels] in -1..1.
        seed: int [2]; the same seed gives the same changes.

    Returns:
        float32 images of the same shape, in -1..1; differentiable where they are not clipped.
    """
    seeds = tf.random.experimental.stateless_split(seed, 3)
    pixels = 0.1 * images.shape[2], 0.1 * images.shape[1]
    moved = random_affine(images, seeds[0], pixels=pixels, slant=0.15, stretch=0.15, degrees=20.0, zoom=0.25)
    return cut_out(random_light(moved, seeds[1]), seeds[2])
