"""Random changes of images, as stateless functions of (images, seed)."""

import math

import tensorflow as tf


def random_shift(images: tf.Tensor, seed: tf.Tensor, *, pixels: int) -> tf.Tensor:
    """Translates each image by its own whole number of pixels; the edge is repeated into the gap.

    Args:
        images: any dtype [batch, height, width, channels].
        seed: int [2]; the same seed gives the same shifts.
        pixels: largest shift in either direction, at least 0.

    Returns:
        Images of the same shape and dtype.
    """
    if pixels == 0:
        return images
    batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    offsets = tf.random.stateless_uniform([2, batch, 1], seed, -pixels, pixels + 1, tf.int32)
    rows = tf.clip_by_value(tf.range(height) + offsets[0], 0, height - 1)
    columns = tf.clip_by_value(tf.range(width) + offsets[1], 0, width - 1)
    return tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


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
    contrast = tf.random.stateless_uniform([batch, 1, 1, channels], seeds[0], 0.5, 1.5)
    sign = tf.sign(tf.random.stateless_uniform([batch, 1, 1, 1], seeds[1], -1.0, 1.0))
    brightness = tf.random.stateless_uniform([batch, 1, 1, channels], seeds[2], -0.3, 0.3)
    colored = sign * (contrast * (images - mean) + mean + brightness)
    return tf.clip_by_value(colored, -1.0, 1.0) * tf.cast(_outside_a_box(images, seeds[3]), images.dtype)


def random_affine(
    images: tf.Tensor,
    seed: tf.Tensor,
    *,
    pixels: float = 2.0,
    slant: float = 0.2,
    stretch: float = 0.35,
    degrees: float = 25.0,
) -> tf.Tensor:
    """Translates, slants, stretches and turns each image, about its centre; the edge is repeated.

    Args:
        images: any dtype [batch, height, width, channels].
        seed: int [2]; the same seed gives the same changes.
        pixels: largest translation in either direction, before the other changes.
        slant: largest slope of an upright line, in either direction.
        stretch: each side is stretched by a factor of its own, from `exp(-stretch)` to `exp(stretch)`.
        degrees: largest rotation in either direction.

    Returns:
        Images of the same shape and dtype, interpolated bilinearly; differentiable with respect to float images.
    """
    uniform = tf.random.stateless_uniform([6, tf.shape(images)[0]], seed, -1.0, 1.0)
    right, down, lean, wide, high, turn = tf.unstack(uniform)
    cos, sin = tf.cos(math.radians(degrees) * turn), tf.sin(math.radians(degrees) * turn)
    scale_x, scale_y = tf.exp(stretch * wide), tf.exp(stretch * high)
    # From a pixel of the new image to the point of the old one that is shown there.
    a, c = cos * scale_x, sin * scale_x
    b, d = slant * lean * a - sin * scale_y, slant * lean * c + cos * scale_y
    center_x, center_y = (images.shape[2] - 1) / 2, (images.shape[1] - 1) / 2
    offset_x = center_x - a * center_x - b * center_y + pixels * right
    offset_y = center_y - c * center_x - d * center_y + pixels * down
    zeros = tf.zeros_like(a)
    return _transformed(images, tf.stack([a, b, offset_x, c, d, offset_y, zeros, zeros], axis=1))


@tf.custom_gradient
def _transformed(images: tf.Tensor, transforms: tf.Tensor):
    """Applies projective transforms [batch, 8] with TensorFlow's operation, which is fast, and an exact gradient.

    The gradient that TensorFlow registers for it is not its adjoint: where it shrinks or turns an image, it is 12 to
    26 % off. In its place comes the gradient of the same interpolation by gathers.
    """

    def gradient(upstream):
        with tf.GradientTape() as tape:
            tape.watch(images)
            interpolated = _interpolated(images, transforms)
        return tape.gradient(interpolated, images, output_gradients=upstream), None

    changed = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=images.shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return changed, gradient


def _interpolated(images: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    """Returns float images interpolated bilinearly at the points of affine transforms; the edge is repeated."""
    batch, (_, height, width, channels) = tf.shape(images)[0], images.shape
    a, b, offset_x, c, d, offset_y, *_ = tf.unstack(transforms[:, :, tf.newaxis, tf.newaxis], axis=1)
    columns, rows = tf.range(width, dtype=tf.float32), tf.range(height, dtype=tf.float32)[:, tf.newaxis]
    x = tf.clip_by_value(a * columns + b * rows + offset_x, 0.0, width - 1.0)
    y = tf.clip_by_value(c * columns + d * rows + offset_y, 0.0, height - 1.0)
    left, top = tf.floor(x), tf.floor(y)
    right, bottom = tf.minimum(left + 1.0, width - 1.0), tf.minimum(top + 1.0, height - 1.0)
    of_right, of_bottom = x - left, y - top
    pixels = tf.reshape(images, [batch, height * width, channels])

    def part(row, column, share):
        found = tf.gather(pixels, tf.cast(row * width + column, tf.int32), batch_dims=1)
        return tf.cast(share, images.dtype)[..., tf.newaxis] * found

    return (
        part(top, left, (1.0 - of_right) * (1.0 - of_bottom))
        + part(top, right, of_right * (1.0 - of_bottom))
        + part(bottom, left, (1.0 - of_right) * of_bottom)
        + part(bottom, right, of_right * of_bottom)
    )


def random_photo(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Changes each image by a mild `random_affine`, then by `random_color_and_cutout`.

    For photographs of things that may be of any colour and a little turned, such as house numbers.

    Args:
        images: float32 [batch, height, width, channels] in -1..1.
        seed: int [2]; the same seed gives the same changes.

    Returns:
        float32 images of the same shape, in -1..1; differentiable.
    """
    seeds = tf.random.experimental.stateless_split(seed, 2)
    moved = random_affine(images, seeds[0], pixels=2.0, slant=0.15, stretch=0.2, degrees=12.0)
    return random_color_and_cutout(moved, seeds[1])


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
    place, size, angle, drawn = tf.split(tf.random.stateless_uniform([5, batch, 1, 1], seed), [2, 1, 1, 1])
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
    noise = tf.random.stateless_normal(tf.shape(images), seeds[1], stddev=deviation)
    return random_strokes(random_affine(images, seeds[0]), seeds[2], fraction=strokes) + noise


def _outside_a_box(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Returns bool [batch, height, width, 1]: false in one random box per image, of up to half of each side."""
    batch, (_, height, width, _) = tf.shape(images)[0], images.shape
    box = tf.random.stateless_uniform([4, batch, 1], seed)
    rows = _outside(box[0], box[2], height)[:, :, None, None]
    return rows | _outside(box[1], box[3], width)[:, None, :, None]


def _outside(center: tf.Tensor, extent: tf.Tensor, size: int) -> tf.Tensor:
    """Returns bool [batch, size]: whether a pixel is more than up to a quarter of the size from the centre."""
    pixels = (tf.range(size, dtype=tf.float32) + 0.5) / size
    return tf.abs(pixels - center) > extent * 0.25
