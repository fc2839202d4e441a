import numpy as np
import pytest
import tensorflow as tf

from ssgan.augment import random_color_and_cutout, random_shift

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 12, 10, 3), np.uint8)
UNIT = RNG.uniform(-0.6, 0.6, (400, 16, 16, 3)).astype(np.float32)


def found_shift(image, shifted, *, pixels):
    """Returns the (rows, columns) by which an image was shifted: the one that explains all pixels, edges included."""
    padded = np.pad(image, [(pixels, pixels), (pixels, pixels), (0, 0)], mode="edge")
    height, width, _ = image.shape
    offsets = [(y, x) for y in range(2 * pixels + 1) for x in range(2 * pixels + 1)]
    fits = [(y, x) for y, x in offsets if np.array_equal(padded[y : y + height, x : x + width], shifted)]
    assert len(fits) == 1
    return pixels - fits[0][0], pixels - fits[0][1]


def test_each_image_is_shifted_by_its_own_whole_pixels():
    shifted = random_shift(IMAGES, [1, 2], pixels=2).numpy()
    assert shifted.shape == IMAGES.shape and shifted.dtype == np.uint8
    shifts = [found_shift(image, new, pixels=2) for image, new in zip(IMAGES, shifted, strict=True)]
    assert {row for row, _ in shifts} == {column for _, column in shifts} == {-2, -1, 0, 1, 2}
    assert len(set(shifts)) > 10
    for image, new, shift in zip(IMAGES, shifted, shifts, strict=True):
        np.testing.assert_array_equal(new[2:-2, 2:-2], np.roll(image, shift, axis=(0, 1))[2:-2, 2:-2])


def test_a_shift_by_nothing_changes_nothing():
    np.testing.assert_array_equal(random_shift(IMAGES, [1, 2], pixels=0), IMAGES)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_shifts_are_a_function_of_images_and_seed(dtype):
    images = IMAGES.astype(dtype)
    eager = random_shift(images, [3, 4], pixels=3)
    data = tf.data.Dataset.from_tensors((images, [3, 4])).map(lambda images, seed: random_shift(images, seed, pixels=3))
    np.testing.assert_array_equal(eager, next(iter(data)))
    assert data.element_spec.dtype == dtype and data.element_spec.shape == images.shape
    assert (eager.numpy() != random_shift(images, [3, 5], pixels=3).numpy()).any()


def test_batches_of_unknown_size_are_shifted():
    data = (
        tf.data.Dataset.from_tensor_slices(IMAGES).batch(7).map(lambda images: random_shift(images, [0, 0], pixels=1))
    )
    assert [len(images) for images in data] == [7, 7, 7, 7, 7, 5]


def test_colored_images_stay_in_range():
    changed = random_color_and_cutout(tf.constant(UNIT * 1.6), [1, 2])
    assert changed.shape == UNIT.shape and changed.dtype == tf.float32
    assert -1 <= changed.numpy().min() < -0.9 and 0.9 < changed.numpy().max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
def test_colors_are_a_function_of_images_and_seed(channels):
    images = tf.constant(UNIT[:8, ..., :channels])
    eager = random_color_and_cutout(images, [3, 4])
    np.testing.assert_array_equal(eager, random_color_and_cutout(images, [3, 4]))
    in_graph = tf.function(random_color_and_cutout)(images, tf.constant([3, 4]))
    np.testing.assert_allclose(eager, in_graph, atol=1e-6)
    assert (eager.numpy() != random_color_and_cutout(images, [3, 5]).numpy()).any()


def test_half_of_the_images_are_inverted_and_contrast_changes_by_half_at_most():
    # Nothing is clipped here, so outside of the box each new pixel is slope * old + constant.
    images = UNIT * 0.1
    changed = random_color_and_cutout(tf.constant(images), [5, 6]).numpy()
    kept = (changed != 0).all(axis=-1)
    slopes = np.array(
        [
            [np.polyfit(image[mask][:, channel], new[mask][:, channel], 1)[0] for channel in range(3)]
            for image, new, mask in zip(images[:200], changed, kept, strict=False)
        ]
    )
    assert ((slopes > 0).all(axis=1) | (slopes < 0).all(axis=1)).all()
    assert 0.4 < (slopes[:, 0] < 0).mean() < 0.6
    assert 0.499 < np.abs(slopes).min() < 0.55 and 1.45 < np.abs(slopes).max() < 1.501
    assert (np.abs(slopes[:, 0] - slopes[:, 1]) > 0.01).mean() > 0.9


def test_brightness_changes_by_three_tenths_at_most():
    changed = random_color_and_cutout(tf.fill([400, 16, 16, 3], 0.5), [5, 6]).numpy()
    brightness = np.abs(changed).max(axis=(1, 2)) - 0.5  # the greatest value lies outside of the box
    assert -0.301 < brightness.min() < -0.28 and 0.28 < brightness.max() < 0.301
    assert (brightness[:, 0] != brightness[:, 1]).mean() > 0.9


def test_the_box_is_one_rectangle_of_at_most_a_quarter():
    changed = random_color_and_cutout(tf.constant(UNIT * 0.1), [5, 6]).numpy()
    cut = (changed == 0).all(axis=-1)
    rows, columns = cut.any(axis=2), cut.any(axis=1)
    np.testing.assert_array_equal(cut, rows[:, :, None] & columns[:, None, :])
    assert rows.sum(axis=1).max() == columns.sum(axis=1).max() == 8
    assert cut.any(axis=(1, 2)).mean() > 0.8
    for side in (rows, columns):
        assert np.abs(np.diff(side.astype(int), axis=1)).sum(axis=1).max() == 2


def test_a_generator_gets_a_gradient():
    images = tf.constant(UNIT[:20])
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_mean(tf.square(random_color_and_cutout(images, [7, 8])))
    gradient = tape.gradient(loss, images).numpy()
    assert np.isfinite(gradient).all()
    assert (gradient != 0).any(axis=(1, 2, 3)).all()
