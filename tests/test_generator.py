"""The generator's own noise, its classes, and its designs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan.models import Generator

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


@pytest.mark.parametrize("options", [{}, {"num_classes": 3, "latent": "normal"}], ids=["plain", "classes"])
def test_a_saved_generator_gives_equal_images(options, tmp_path):
    generator = generator_of(dtype="mixed_bfloat16", **options)
    inputs = (noise_of(), np.array([0, 2, 1])) if options.get("num_classes") else noise_of()
    generator(inputs, training=True)
    generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    assert loaded.get_config() == generator.get_config()
    np.testing.assert_array_equal(loaded(inputs), generator(inputs))


def test_files_of_earlier_versions_name_no_latent_and_no_classes():
    config = {"image_shape": SHAPE, "width": 2, "latent_dim": 4, "levels": 3, "dtype": "float32", "name": "painter"}
    found = Generator.from_config(config).get_config()
    assert found == {**config, "latent": "uniform", "num_classes": 0}
