"""Colours, contrast, and boxes cut out."""

import tensorflow as tf

from ssgan.augment.chance import uniform


def random_color_and_cutout(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Changes colours and contrast, inverts half of the images, and greys out a random box of each.

    A strong change that keeps a digit readable, and is differentiable, so that generated images can be changed as real
    ones are (Zhao et al. 2020, "Differentiable Augmentation", arXiv:2006.10738). Cutout: arXiv:1708.04552.

    Args:
        images: float32 [batch, height, width, channels] in -1..1.
        seed: int [2]; the same seed gives the same changes.

    Returns:
        float32 images of the same shape, in -1..1.
    """
    seeds = tf.random.experimental.stateless_split(seed, 4)
    batch = tf.shape(images)[0]
    channels = images.shape[-1]
    mean = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    contrast = uniform([batch, 1, 1, channels], seeds[0], 0.5, 1.5)
    sign = tf.sign(uniform([batch, 1, 1, 1], seeds[1], -1.0, 1.0))
    brightness = uniform([batch, 1, 1, channels], seeds[2], -0.3, 0.3)
    colored = sign * (contrast * (images - mean) + mean + brightness)
    return cut_out(tf.clip_by_value(colored, -1.0, 1.0), seeds[3])


def cut_out(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Greys out one random box of each image, of up to half of each side (cutout, arXiv:1708.04552).

    Args:
        images: float [batch, height, width, channels] in -1..1.
        seed: int [2]; the same seed gives the same boxes.

    Returns:
        Images of the same shape and dtype; differentiable.
    """
    batch, (_, height, width, _) = tf.shape(images)[0], images.shape
    box = uniform([4, batch, 1], seed, axis=1)
    rows, columns = _outside(box[0], box[2], height), _outside(box[1], box[3], width)
    return images * tf.cast(rows[:, :, None, None] | columns[:, None, :, None], images.dtype)


def _outside(center: tf.Tensor, extent: tf.Tensor, size: int) -> tf.Tensor:
    """Returns bool [batch, size]: whether a pixel is more than up to a quarter of the size from the centre."""
    pixels = (tf.range(size, dtype=tf.float32) + 0.5) / size
    return tf.abs(pixels - center) > extent * 0.25
