"""Augmentations against NumPy in float64, from the same random numbers."""

import math

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from ssgan.augment import (
    cut_out,
    random_affine,
    random_color_and_cutout,
    random_flip,
    random_light,
    random_natural,
    random_shift,
)

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


def test_flips():
    flipped = uniform([5, 1, 1, 1], SEED, 0.0, 1.0)[:, 0, 0, 0] < 0.5
    assert 0 < flipped.sum() < 5
    for found, image, mirrored in zip(random_flip(IMAGES, SEED), IMAGES, flipped, strict=True):
        np.testing.assert_array_equal(found, image[:, ::-1] if mirrored else image)


def light_by_hand(images, seed):
    """With the matrix that turns colours about grey, from the general formula of a rotation about an axis."""
    drawn = uniform([4, len(images), 1, 1, 1], seed, -1.0, 1.0)[..., 0, 0, 0]
    grey, changed = np.full(3, 1 / math.sqrt(3)), []
    cross = np.cross(np.eye(3), grey).T
    for image, (lighter, harder, fuller, turn) in zip(images.astype(np.float64), drawn.T, strict=True):
        angle = math.radians(25) * turn
        rotation = np.eye(3) + math.sin(angle) * cross.T + (1 - math.cos(angle)) * cross @ cross
        colors = (1 + 0.6 * fuller) * rotation + (-0.6 * fuller) * np.outer(grey, grey)
        image = image @ colors.T if image.shape[-1] == 3 else image
        changed.append((1 + 0.4 * harder) * (image - image.mean()) + image.mean() + 0.4 * lighter)
    return np.clip(changed, -1, 1)


def test_light_and_colors():
    for images in (IMAGES, IMAGES[..., :1]):
        np.testing.assert_allclose(random_light(images, SEED), light_by_hand(images, SEED), atol=1e-5)


def test_natural_changes():
    seeds = tf.random.experimental.stateless_split(SEED, 3)
    moved = random_affine(
        IMAGES, seeds[0], pixels=(0.1 * 20, 0.1 * 16), slant=0.15, stretch=0.15, degrees=20.0, zoom=0.25
    )
    whole = light_by_hand(moved.numpy(), seeds[1])
    np.testing.assert_allclose(random_natural(IMAGES, SEED), cut_out(tf.constant(whole), seeds[2]), atol=1e-5)


@pytest.mark.parametrize("zoom", [0.0, 0.5])
def test_affine_changes(zoom):
    drawn = uniform([6, 5], SEED, -1.0, 1.0)
    zooms = np.exp(zoom * uniform([5], tf.random.experimental.stateless_fold_in(SEED, 1), -1.0, 1.0))
    found = random_affine(IMAGES, SEED, zoom=zoom)
    for image, changed, of_both, (right, down, lean, wide, high, turn) in zip(
        IMAGES, found, zooms, drawn.T, strict=True
    ):
        angle = math.radians(25) * turn
        rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        stretch, slant = np.diag([math.exp(0.35 * wide), math.exp(0.35 * high)]), np.array([[1, 0.2 * lean], [0, 1]])
        # From (x, y) of the new image to that of the old one; the y axis is not stretched by x's factor.
        a = of_both * rotation @ stretch
        matrix = np.stack([a[:, 0], a[:, 0] * slant[0, 1] + a[:, 1]], axis=1)
        center = np.array([9.5, 7.5])
        offset = center - matrix @ center + 2 * np.array([right, down])
        for channel in range(3):
            expected = scipy.ndimage.affine_transform(
                image[..., channel].astype(np.float64), matrix[::-1, ::-1], offset[::-1], order=1, mode="nearest"
            )
            np.testing.assert_allclose(changed[..., channel], expected, atol=2e-3)
