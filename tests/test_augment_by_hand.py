"""Augmentations against NumPy in float64, from the same random numbers."""

import math

import numpy as np
import scipy.ndimage
import tensorflow as tf

from ssgan.augment import random_affine, random_color_and_cutout, random_shift

SEED = (3, 4)
IMAGES = np.random.RandomState(0).uniform(-1, 1, (5, 16, 20, 3)).astype(np.float32)


def uniform(shape, seed, low, high):
    return tf.random.stateless_uniform(shape, seed, low, high).numpy().astype(np.float64)


def test_shifts():
    down, right = tf.random.stateless_uniform([2, 5, 1], SEED, -3, 4, tf.int32).numpy()[..., 0]
    for found, image, rows, columns in zip(random_shift(IMAGES, SEED, pixels=3), IMAGES, down, right, strict=True):
        expected = image[np.clip(np.arange(16) + rows, 0, 15)][:, np.clip(np.arange(20) + columns, 0, 19)]
        np.testing.assert_array_equal(found, expected)


def test_colors_and_boxes():
    seeds = tf.random.experimental.stateless_split(SEED, 4)
    contrast, brightness = uniform([5, 1, 1, 3], seeds[0], 0.5, 1.5), uniform([5, 1, 1, 3], seeds[2], -0.3, 0.3)
    sign = np.sign(uniform([5, 1, 1, 1], seeds[1], -1.0, 1.0))
    mean = IMAGES.astype(np.float64).mean(axis=(1, 2), keepdims=True)
    colored = np.clip(sign * (contrast * (IMAGES - mean) + mean + brightness), -1, 1)
    top, left, high, wide = uniform([4, 5, 1], seeds[3], 0.0, 1.0)
    rows = np.abs((np.arange(16) + 0.5) / 16 - top) > high / 4
    columns = np.abs((np.arange(20) + 0.5) / 20 - left) > wide / 4
    expected = colored * (rows[:, :, None] | columns[:, None, :])[..., None]
    np.testing.assert_allclose(random_color_and_cutout(IMAGES, SEED), expected, atol=1e-5)


def test_affine_changes():
    drawn = uniform([6, 5], SEED, -1.0, 1.0)
    found = random_affine(IMAGES, SEED)
    for image, changed, (right, down, lean, wide, high, turn) in zip(IMAGES, found, drawn.T, strict=True):
        angle = math.radians(25) * turn
        rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        stretch, slant = np.diag([math.exp(0.35 * wide), math.exp(0.35 * high)]), np.array([[1, 0.2 * lean], [0, 1]])
        # From (x, y) of the new image to that of the old one; the y axis is not stretched by x's factor.
        a = rotation @ stretch
        matrix = np.stack([a[:, 0], a[:, 0] * slant[0, 1] + a[:, 1]], axis=1)
        center = np.array([9.5, 7.5])
        offset = center - matrix @ center + 2 * np.array([right, down])
        for channel in range(3):
            expected = scipy.ndimage.affine_transform(
                image[..., channel].astype(np.float64), matrix[::-1, ::-1], offset[::-1], order=1, mode="nearest"
            )
            np.testing.assert_allclose(changed[..., channel], expected, atol=2e-3)
