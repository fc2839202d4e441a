"""The generator's own noise, its classes, and its designs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan import state
from ssgan.gan import SSGAN
from ssgan.models import Discriminator, Generator
from ssgan.models.generator_designs import DESIGNS

SHAPE = (16, 16, 1)


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


def generator_of(**options) -> Generator:
    return Generator(SHAPE, **{"width": 2, "latent_dim": 4, **options})


def noise_of(batch=3, size=4):
    return np.random.default_rng(0).uniform(0, 1, (batch, size)).astype(np.float32)


def test_uniform_noise_has_the_bits_that_keras_draws():
    for seed in (7, keras.random.SeedGenerator(7)):
        again = keras.random.SeedGenerator(7) if isinstance(seed, keras.random.SeedGenerator) else seed
        noise = generator_of().noise(6, seed=seed)
        assert noise.dtype == tf.float32
        np.testing.assert_array_equal(noise, keras.random.uniform([6, 4], seed=again))


def test_noise_without_a_seed_is_that_of_the_process():
    generator = generator_of()
    keras.utils.set_random_seed(3)
    first, second = generator.noise(5), generator.noise(5)
    keras.utils.set_random_seed(3)
    np.testing.assert_array_equal(first, generator.noise(5))
    assert (first.numpy() != second.numpy()).any()


@pytest.mark.parametrize(("latent", "mean", "deviation"), [("uniform", 0.5, 12**-0.5), ("normal", 0.0, 1.0)])
def test_noise_is_drawn_from_what_latent_names(latent, mean, deviation):
    noise = generator_of(latent=latent, latent_dim=100).noise(500, seed=1).numpy()
    assert noise.shape == (500, 100)
    assert noise.mean() == pytest.approx(mean, abs=5 * deviation / noise.size**0.5)
    assert noise.std() == pytest.approx(deviation, rel=0.02)
    assert (noise.min() < -3) == (latent == "normal")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent": "cauchy"}, "latent='cauchy': expected one of uniform, normal"),
        ({"num_classes": 1}, "num_classes=1: expected at least 2, or 0"),
        ({"num_classes": -2}, "num_classes=-2: expected at least 2, or 0"),
    ],
)
def test_other_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        generator_of(**options)


def test_a_class_adds_three_times_its_row_of_the_dense_layer():
    generator = generator_of(num_classes=3)
    generator.build((None, 4))
    dense = generator.stack[0]
    kernel = np.random.default_rng(1).normal(size=dense.kernel.shape)
    assert len(kernel) == 4 + 3
    dense.kernel.assign(kernel)
    noise = noise_of()
    seen = dense(generator._embedded((noise, np.array([2, 0, -1]))))
    rows = np.stack([kernel[4 + 2], kernel[4], np.zeros_like(kernel[0])])
    np.testing.assert_allclose(seen, noise @ kernel[:4] + 3 * rows, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_images_depend_on_noise_and_class(dtype):
    generator = generator_of(num_classes=3, dtype=dtype)
    generate = tf.function(lambda noise, classes: generator((noise, classes)))
    noise = np.repeat(noise_of(2), 2, axis=0)
    images = np.asarray(generator((noise, np.array([0, 1, 0, 0], np.int64))))
    assert images.shape == (4, *SHAPE) and images.dtype == np.float32
    np.testing.assert_array_equal(images[2], images[3])
    for one, other in ((0, 1), (0, 2)):
        assert np.abs(images[one] - images[other]).max() > 1e-3
    np.testing.assert_allclose(generate(noise, tf.constant([0, 1, 0, 0])), images, atol=1e-6)


@pytest.mark.parametrize("num_classes", [0, 3])
def test_classes_that_are_missing_or_not_asked_for_are_refused(num_classes):
    inputs, expected = noise_of(), r"\(noise, classes\)"
    if not num_classes:
        inputs, expected = (noise_of(), np.zeros(3, np.int32)), "noise alone"
    generator = generator_of(num_classes=num_classes)
    with pytest.raises(ValueError, match=f"num_classes={num_classes} was given something else than {expected}"):
        generator(inputs)
    with pytest.raises(ValueError, match=expected):
        generator.initialize_from_data(inputs)


def test_initialisation_standardises_the_pixels_of_all_classes():
    generator, inputs = generator_of(num_classes=3), (noise_of(60), np.arange(60) % 3)
    generator(inputs)
    generator.initialize_from_data(inputs)
    before_tanh = np.arctanh(generator(inputs, training=True))
    assert before_tanh.mean() == pytest.approx(0, abs=1e-3)
    assert before_tanh.std() == pytest.approx(0.1, rel=1e-2)


@pytest.mark.parametrize(
    "options",
    [{}, {"num_classes": 3, "latent": "normal"}, {"design": "resize"}, {"design": "self_modulated", "num_classes": 3}],
    ids=["plain", "classes", "resize", "self_modulated"],
)
def test_a_saved_generator_gives_equal_images(options, tmp_path):
    generator = generator_of(dtype="mixed_bfloat16", **options)
    inputs = (noise_of(), np.array([0, 2, 1])) if options.get("num_classes") else noise_of()
    generator(inputs, training=True)
    generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    assert loaded.get_config() == generator.get_config()
    np.testing.assert_array_equal(loaded(inputs), generator(inputs))


def test_files_of_earlier_versions_name_none_of_this():
    config = {"image_shape": SHAPE, "width": 2, "latent_dim": 4, "levels": 3, "dtype": "float32", "name": "painter"}
    found = Generator.from_config(config).get_config()
    assert found == {**config, "latent": "uniform", "num_classes": 0, "design": "dcgan", "normalization": "batch"}


@pytest.mark.parametrize(
    "options", [{}, {"design": "resize"}, {"design": "self_modulated"}, {"normalization": "virtual"}]
)
def test_the_state_of_every_design_goes_by_the_same_names_in_a_second_model(options):
    first, second = (
        SSGAN(Discriminator(3, arch="tiny"), generator_of(num_classes=0, **options), name=f"gan_{number}")
        for number in range(2)
    )
    names = [list(state._named(gan.generator)) for gan in (first, second)]
    assert names[0] == names[1] and len(names[0]) == len(first.generator.variables)
    assert not [name for name in names[0] if name.startswith("generator")]


every_design = pytest.mark.parametrize("design", DESIGNS)


@every_design
@pytest.mark.parametrize("shape", [(16, 16, 1), (28, 28, 1), (20, 36, 3), (64, 64, 3), (1, 7, 1)])
def test_every_design_makes_images_of_every_shape(design, shape):
    generator = Generator(shape, width=2, latent_dim=4, design=design, dtype="mixed_bfloat16")
    images = generator(noise_of(), training=True)
    assert images.shape == (3, *shape) and images.dtype == tf.float32
    assert np.abs(images).max() <= 1 and np.abs(images[0] - images[1]).max() > 1e-4


@every_design
def test_every_design_is_initialised_from_data_and_gives_one_image_at_a_time(design):
    generator = generator_of(design=design)
    generator(noise_of(60))
    generator.initialize_from_data(noise_of(60))
    before_tanh = np.arctanh(generator(noise_of(60), training=True))
    assert before_tanh.mean() == pytest.approx(0, abs=1e-3)
    assert before_tanh.std() == pytest.approx(0.1, rel=1e-2)
    images = generator(noise_of(3))
    np.testing.assert_array_equal(images, generator(noise_of(3)))
    np.testing.assert_allclose(generator(noise_of(3)[1:2]), images[1:2], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"design": "stylegan"}, "design='stylegan': expected one of dcgan, resize, self_modulated"),
        ({"normalization": "layer"}, "normalization='layer': expected one of batch, virtual"),
        (
            {"design": "self_modulated", "normalization": "virtual"},
            "design='self_modulated' modulates a batch norm; expected normalization='batch', not 'virtual'",
        ),
    ],
)
def test_other_designs_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        generator_of(**options)


def test_resizing_convolutions_are_three_by_three_behind_repeated_pixels():
    generator = generator_of(design="resize", width=8)
    generator.build((None, 4))
    kinds = [type(layer).__name__ for layer in [*generator.stack, generator.to_pixels]]
    norm = ["BatchNormalization", "ReLU"]
    hidden = ["UpSampling2D", "Conv2D", *norm]
    assert kinds == ["Dense", *norm, "Reshape", *hidden, *hidden, "UpSampling2D", "WeightNormConv2D"]
    kernels = [layer.kernel.shape for layer in generator.stack if isinstance(layer, keras.layers.Conv2D)]
    assert kernels == [(3, 3, 32, 16), (3, 3, 16, 8)] and generator.to_pixels.direction.shape == (3, 3, 8, 1)
    pixels = np.arange(4.0, dtype=np.float32).reshape(1, 2, 2, 1)
    repeated = next(layer for layer in generator.stack if isinstance(layer, keras.layers.UpSampling2D))(pixels)
    np.testing.assert_array_equal(repeated[0, :, :, 0], np.repeat(np.repeat(pixels[0, :, :, 0], 2, 0), 2, 1))


def overlap(*doubling: keras.layers.Layer) -> list[float]:
    """Returns how many kernel values meet in each pixel of a row, away from the border, after layers that double it."""
    maps = np.ones((1, 8, 8, 1), np.float32)
    for layer in doubling:
        ones = {"filters": 1, "kernel_initializer": "ones", "use_bias": False} if hasattr(layer, "filters") else {}
        maps = type(layer).from_config({**layer.get_config(), **ones})(maps)
    return np.sqrt(np.diag(maps[0, :, :, 0]))[4:10].tolist()


@pytest.mark.parametrize(
    ("size", "expected"), [(5, [3, 2, 3, 2, 3, 2]), (4, [2] * 6), (6, [3] * 6), (3, [2, 1, 2, 1, 2, 1])]
)
def test_kernels_of_stride_2_overlap_evenly_only_where_their_size_is_even(size, expected):
    counts = overlap(keras.layers.Conv2DTranspose(1, size, 2, "same"))
    np.testing.assert_allclose(counts if counts[0] >= counts[1] else np.roll(counts, 1), expected, rtol=1e-6)


@pytest.mark.parametrize(("design", "is_even"), [("dcgan", False), ("resize", True), ("self_modulated", False)])
def test_only_resizing_convolutions_leave_no_checkerboard(design, is_even):
    generator = generator_of(design=design)
    generator.build((None, 4))
    doubling = [layer for layer in generator.stack if hasattr(layer, "kernel_size") or hasattr(layer, "interpolation")]
    per_level = 2 if design == "resize" else 1
    for first in range(0, 2 * per_level, per_level):
        counts = overlap(*doubling[first : first + per_level])
        assert len(set(np.round(counts, 4))) == (1 if is_even else 2)
    generator.to_pixels.direction.assign(np.ones(generator.to_pixels.direction.shape))
    maps = np.ones((1, 16, 16, 2), np.float32) if design == "resize" else np.ones((1, 8, 8, 2), np.float32)
    inner = generator.to_pixels(maps)[0, 4:10, 4:10, 0].numpy()
    assert (np.ptp(inner) < 1e-5) == is_even
