import numpy as np
import pytest
import tensorflow as tf

from ssgan.augment import (
    AUGMENT,
    in_words,
    random_affine,
    random_color_and_cutout,
    random_drawing,
    random_flip,
    random_light,
    random_natural,
    random_photo,
    random_shift,
    random_strokes,
    resolve_flip,
    two_views,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 12, 10, 3), np.uint8)
NONE = {"pixels": (0.0, 0.0), "slant": 0.0, "stretch": 0.0, "degrees": 0.0}
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


@pytest.mark.parametrize("change", [random_color_and_cutout, random_drawing, random_photo, random_natural])
def test_a_generator_gets_a_gradient(change):
    images = tf.constant(UNIT[:20])
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_mean(tf.square(change(images, [7, 8])))
    gradient = tape.gradient(loss, images).numpy()
    assert np.isfinite(gradient).all()
    assert (gradient != 0).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize(
    "options", [{"pixels": (2.0, 2.0), "slant": 0.15, "stretch": 0.2, "degrees": 12.0}, {}, {"zoom": 0.25}]
)
def test_the_gradient_of_an_affine_change_is_that_of_finite_differences(options):
    images = tf.constant(RNG.uniform(-1, 1, (3, 9, 8, 2)))  # float64
    upstream = tf.constant(RNG.normal(size=images.shape))
    directions = RNG.normal(size=(40, *images.shape))

    def projected(images):
        return tf.reduce_sum(upstream * random_affine(images, [1, 2], **options))

    with tf.GradientTape() as tape:
        tape.watch(images)
        value = projected(images)
    gradient = tape.gradient(value, images).numpy()
    # The change is linear in the images, so the differences are exact for any step; the operation rounds to float32.
    found = np.array([(projected(images + d) - projected(images - d)) / 2 for d in directions])
    np.testing.assert_allclose((gradient * directions).sum(axis=(1, 2, 3, 4)), found, rtol=1e-5, atol=1e-4)


def test_the_gradient_of_an_affine_change_has_a_gradient():
    images = tf.constant(RNG.uniform(-1, 1, (3, 9, 8, 2)))
    with tf.GradientTape() as outer:
        outer.watch(images)
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = tf.reduce_sum(random_affine(images, [1, 2]) ** 2)
        norm = tf.reduce_sum(tape.gradient(value, images) ** 2)
    # The change is linear, so the squared gradient is a quadratic form: its gradient along the images is twice itself.
    assert float(tf.reduce_sum(outer.gradient(norm, images) * images)) == pytest.approx(2 * float(norm), rel=1e-4)


def test_rotation_turns_about_the_centre_and_keeps_the_type():
    image = np.zeros((1, 17, 17, 1), np.uint8)
    image[0, 8, 2:15] = 200  # a horizontal bar through the centre
    turned = [random_affine(tf.constant(image), [seed, 0], **NONE | {"degrees": 90.0}).numpy() for seed in range(40)]
    assert all(one.dtype == np.uint8 and one[0, 8, 8, 0] >= 198 for one in turned)
    rows, columns = np.mgrid[:17, :17] - 8
    for one in turned:  # a bar at any angle: the moments of its pixels add up to those of the bar
        weight = one[0, :, :, 0] / one.sum()
        assert np.sum(weight * (rows**2 + columns**2)) == pytest.approx(14.0, abs=1.5)
    upright = [np.sum(one[0, :, :, 0] * rows**2) / one.sum() for one in turned]
    assert min(upright) < 2 and max(upright) > 12


def test_each_side_is_stretched_by_its_own_factor():
    image = np.zeros((200, 33, 33, 1), np.float32)
    image[:, 12:21, 12:21] = 1.0  # a 9x9 square
    shown = random_affine(tf.constant(image), [1, 2], **NONE | {"stretch": 0.5}).numpy()[..., 0]
    heights, widths = shown[:, :, 16].sum(axis=1), shown[:, 16, :].sum(axis=1)
    for sides in (heights, widths):
        assert sides.min() > 9 * np.exp(-0.5) - 1 and sides.max() < 9 * np.exp(0.5) + 1
        assert sides.min() < 6.5 and sides.max() > 12.5
    assert abs(np.corrcoef(heights, widths)[0, 1]) < 0.3


def test_translations_are_of_any_length_up_to_the_largest():
    image = np.zeros((200, 33, 33, 1), np.float32)
    image[:, 12:21, 12:21] = 1.0
    shown = random_affine(tf.constant(image), [1, 2], **NONE | {"pixels": (3.0, 2.0)}).numpy()[..., 0]
    np.testing.assert_allclose(shown.sum(axis=(1, 2)), 81, rtol=1e-4)
    for axis, most in ((1, 3), (2, 2)):  # what is left is right and left, then up and down
        found = np.average(np.broadcast_to(np.arange(33), (200, 33)), axis=1, weights=shown.sum(axis=axis)) - 16
        assert -most <= found.min() < 0.1 - most and most - 0.1 < found.max() <= most


def test_a_zoom_stretches_both_sides_by_one_factor():
    image = np.zeros((200, 33, 33, 1), np.float32)
    image[:, 12:21, 12:21] = 1.0
    shown = random_affine(tf.constant(image), [1, 2], **NONE, zoom=0.5).numpy()[..., 0]
    heights, widths = shown[:, :, 16].sum(axis=1), shown[:, 16, :].sum(axis=1)
    np.testing.assert_allclose(heights, widths, atol=1e-3)
    assert 9 * np.exp(-0.5) - 1 < heights.min() < 6.5 and 12.5 < heights.max() < 9 * np.exp(0.5) + 1


def test_half_of_the_images_are_flipped():
    images = np.arange(400 * 4, dtype=np.uint8).reshape(400, 1, 4, 1)
    flipped = random_flip(images, [1, 2]).numpy()
    assert flipped.dtype == np.uint8
    mirrored = (flipped == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 160 < mirrored.sum() < 240 and (flipped[~mirrored] == images[~mirrored]).all()
    assert (flipped != random_flip(images, [1, 3]).numpy()).any()


def test_flips_come_first_and_are_in_both_views():
    images = tf.constant(UNIT)
    numbers = iter(range(9))
    weak, strong = two_views(images, lambda: [next(numbers), 7], flip="yes", shift=3, augment="natural")
    flipped = random_flip(images, [0, 7])
    np.testing.assert_array_equal(weak, random_shift(flipped, [1, 7], pixels=3))
    np.testing.assert_array_equal(strong, random_natural(weak, [2, 7]))


def test_without_flips_no_seed_is_drawn_for_them():
    numbers = iter(range(9))
    weak, _ = two_views(tf.constant(UNIT), lambda: [next(numbers), 7], shift=3, augment="none")
    np.testing.assert_array_equal(weak, random_shift(UNIT, [0, 7], pixels=3))
    assert next(numbers) == 1


@pytest.mark.parametrize(
    ("class_names", "flipped"),
    [
        (["0", "1", "2"], "no"),
        (["10", "20"], "no"),
        (["a", "b"], "no"),
        (["cat", "dog"], "yes"),
        (["airplane", "bird", "deer"], "yes"),
        (["cat", "X"], "no"),
        (["turn_left", "turn_right", "stop"], "no"),
        (["turnLeft", "other"], "no"),
        (["arrow-right", "tree"], "no"),
        (["LEFT", "tree"], "no"),
        (["digit 3", "no digit"], "no"),
        (["Seven", "Eight"], "no"),
        (["leftover", "brightness"], "yes"),
        (["Bahnhof", "Straße"], "yes"),
        (["左", "右"], "no"),
        (["b_1", "b_2"], "no"),
        (["", "cat"], "no"),
    ],
)
def test_flips_are_left_out_where_they_would_change_the_class(class_names, flipped):
    assert resolve_flip("auto", class_names) == flipped
    assert resolve_flip("yes", class_names) == "yes" and resolve_flip("no", class_names) == "no"


def test_views_are_said_in_words():
    assert in_words(flip="yes", shift=4, augment="natural") == (
        "half of them flipped left-right, shifted by up to 4 pixels, moved, turned and zoomed, in another light and "
        "of other colours, a box cut out; --flip=no, --shift or --augment change that"
    )
    assert in_words(flip="no", shift=0, augment="none") == (
        "never flipped; --flip=yes, --shift or --augment change that"
    )
    said = {in_words(flip="no", shift=2, augment=augment) for augment in AUGMENT}
    assert len(said) == len(AUGMENT)


@pytest.mark.parametrize("change", [random_light, random_natural])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_of_other_light_is_that_of_finite_differences(change, channels):
    images = tf.constant(RNG.uniform(-0.1, 0.1, (5, 9, 8, channels)))  # float64; nothing is clipped
    upstream = tf.constant(RNG.normal(size=images.shape))
    directions = RNG.normal(size=(20, *images.shape)) / 20

    def projected(images):
        return float(tf.reduce_sum(upstream * change(images, [1, 2])))

    with tf.GradientTape() as tape:
        tape.watch(images)
        value = tf.reduce_sum(upstream * change(images, [1, 2]))
    gradient = tape.gradient(value, images).numpy()
    found = np.array([(projected(images + d) - projected(images - d)) / 2 for d in directions])
    np.testing.assert_allclose((gradient * directions).sum(axis=(1, 2, 3, 4)), found, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("change", [random_light, random_natural])
@pytest.mark.parametrize("channels", [1, 3])
def test_natural_changes_are_a_function_of_images_and_seed(change, channels):
    images = tf.constant(UNIT[:8, ..., :channels] * 1.6)
    eager = change(images, [3, 4]).numpy()
    assert eager.dtype == np.float32 and eager.shape == images.shape
    assert -1 <= eager.min() < -0.9 and 0.9 < eager.max() <= 1
    np.testing.assert_array_equal(eager, change(images, [3, 4]))
    np.testing.assert_allclose(eager, tf.function(change)(images, tf.constant([3, 4])), atol=1e-5)
    assert (eager != change(images, [3, 5]).numpy()).any()


def test_natural_images_are_never_inverted_and_keep_their_order_of_light():
    ramp = np.broadcast_to(np.linspace(-0.3, 0.3, 16, dtype=np.float32)[:, None, None], (200, 16, 16, 3))
    for changed in random_light(tf.constant(ramp), [1, 2]).numpy():
        assert (np.diff(changed.mean(axis=(1, 2))) > 0).all()


def test_grey_stays_grey_and_brightness_changes_by_four_tenths_at_most():
    changed = random_light(tf.fill([400, 8, 8, 3], 0.1), [5, 6]).numpy()
    np.testing.assert_allclose(changed, np.broadcast_to(changed[:, :1, :1, :1], changed.shape), atol=1e-6)
    assert -0.401 < (changed - 0.1).min() < -0.37 and 0.37 < (changed - 0.1).max() < 0.401


def test_no_change_is_none():
    np.testing.assert_allclose(random_affine(tf.constant(UNIT), [3, 4], **NONE), UNIT, atol=1e-6)


def test_a_slant_moves_each_row_by_its_height():
    image = np.zeros((200, 33, 33, 1), np.float32)
    image[:, 4:29, 15:18] = 1.0  # an upright bar
    shown = random_affine(tf.constant(image), [1, 2], **NONE | {"slant": 0.3}).numpy()[..., 0]
    np.testing.assert_allclose(shown.sum(axis=2), image[..., 0].sum(axis=2), atol=1e-4)
    columns = np.average(np.broadcast_to(np.arange(33), (200, 25, 33)), axis=2, weights=shown[:, 4:29]) - 16
    slopes = (columns[:, -1] - columns[:, 0]) / 24
    assert -0.3 <= slopes.min() < -0.28 and 0.28 < slopes.max() <= 0.3
    np.testing.assert_allclose(columns, slopes[:, None] * (np.arange(25) - 12), atol=0.05)


def test_drawings_are_changed_as_the_seed_says():
    images = np.full((300, 29, 29, 1), -1.0, np.float32)
    images[:, 10:19, 12:17] = 1.0
    changed = random_affine(tf.constant(images), [1, 2]).numpy()
    assert changed.shape == images.shape and changed.min() == -1 and 0.99 < changed.max() <= 1
    np.testing.assert_array_equal(changed, random_affine(tf.constant(images), [1, 2]))
    assert (changed != random_affine(tf.constant(images), [1, 3]).numpy()).any()
    ink = (changed + 1).sum(axis=(1, 2, 3)) / 2
    assert 45 * np.exp(-0.7) - 3 < ink.min() < 27 and 75 < ink.max() < 45 * np.exp(0.7) + 3  # 45 pixels at first
    rows, columns = np.mgrid[:29, :29] - 14
    centers = [[np.average(axis, weights=image[..., 0] + 1) for axis in (rows, columns)] for image in changed]
    assert 2 < np.abs(centers).max() < 2 * np.sqrt(2) * np.exp(0.35) * 1.2  # the translation is changed too
    tilts = [np.average(rows * columns, weights=image[..., 0] + 1) for image in changed]
    assert min(tilts) < -0.5 and max(tilts) > 0.5


def test_noise_is_added_to_the_moved_drawings():
    images = tf.constant(UNIT)
    changed = random_drawing(images, [1, 2])
    np.testing.assert_array_equal(changed, random_drawing(images, [1, 2]))
    noise = (changed - random_drawing(images, [1, 2], deviation=0.0)).numpy()
    assert np.std(noise) == pytest.approx(0.2, rel=0.01) and abs(np.mean(noise)) < 0.01
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.15


PAPER = -np.ones((600, 28, 28, 1), np.float32)


def test_strokes_are_straight_thin_and_of_the_stated_length():
    drawn = random_strokes(PAPER, [1, 2], fraction=1.0).numpy()[..., 0] > 0
    assert drawn.any(axis=(1, 2)).all()
    for image in drawn[:100]:
        points = np.argwhere(image).astype(np.float64)
        # Length and thickness of a bar from its variances along and across: side^2 / 12.
        across, along = np.sqrt(12 * np.linalg.eigvalsh(np.cov(points.T)))
        assert 0.08 < across / 28 < 0.17 and 0.1 < along / 28 < 0.5
        assert np.abs(points.mean(axis=0) - 13.5).max() < 0.31 * 28


def test_strokes_take_every_direction_and_only_their_fraction_of_images():
    drawn = random_strokes(PAPER, [1, 2]).numpy()[..., 0] > 0
    struck = drawn.any(axis=(1, 2))
    assert abs(struck.mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / len(PAPER))
    slopes = [np.cov(np.argwhere(image).T)[0, 1] for image in drawn[struck]]
    assert 0.3 < np.mean(np.array(slopes) > 0) < 0.7


def test_strokes_only_add_ink_and_leave_the_rest_as_it_is():
    images = np.random.RandomState(0).uniform(-1, 1, (50, 20, 30, 3)).astype(np.float32)
    changed = random_strokes(images, [1, 2], fraction=0.5).numpy()
    assert (changed >= images).all() and changed.max() == 1
    assert 0.2 < np.mean([(new == old).all() for new, old in zip(changed, images, strict=True)]) < 0.8
    np.testing.assert_array_equal(random_strokes(images, [1, 2], fraction=0.0), images)


def test_the_gradient_passes_beside_the_strokes():
    images = tf.constant(PAPER[:20])
    with tf.GradientTape() as tape:
        tape.watch(images)
        changed = random_strokes(images, [1, 2], fraction=1.0)
    gradient = tape.gradient(changed, images).numpy()
    assert (gradient[changed.numpy() == -1] > 0).all() and (gradient[changed.numpy() == 1] == 0).all()


def test_photos_are_turned_a_little_and_recoloured_within_the_range():
    columns, rows = np.meshgrid(*[np.arange(31) - 15] * 2)
    bars = np.broadcast_to(np.float32(np.abs(columns) < 2) * 1.6 - 0.8, (300, 31, 31))[..., np.newaxis]
    changed = random_photo(tf.constant(bars), [1, 2]).numpy()
    np.testing.assert_array_equal(changed, random_photo(tf.constant(bars), [1, 2]))
    assert np.abs(changed).max() <= 1
    bright = changed[..., 0] * np.sign(changed[:, :1, :1, 0] + 1e-9) < 0  # the bar, inverted or not, not in the box
    angles = []
    for image in bright:
        if image.sum() > 60:
            spread = np.cov(columns[image], rows[image])
            angles.append(np.degrees(0.5 * np.arctan2(2 * spread[0, 1], spread[1, 1] - spread[0, 0])))
    assert len(angles) > 150 and 3 < np.std(angles) < 12
