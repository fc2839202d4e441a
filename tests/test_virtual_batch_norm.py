"""Virtual batch normalisation, by hand and in the generator."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan.layers import ReferenceBatch, VirtualBatchNormalization
from ssgan.models import Generator
from ssgan.models.generator_designs import REFERENCE_ROWS

MAPS = np.random.default_rng(0).normal(3, 2, (7, 4, 5, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


def by_hand(values, rows, *, epsilon, gamma, beta):
    """Returns the outputs in float64, from means and mean squares as the paper's code has them."""
    values = np.asarray(values, np.float64)
    reference, own = values[:rows], values[rows:]
    space = tuple(range(1, values.ndim - 1))
    weight = 1 / (rows + 1)
    mean, square = (np.mean(reference**power, axis=(0, *space)) for power in (1, 2))
    means, squares = (
        weight * np.mean(own**power, axis=space, keepdims=True) + (1 - weight) * of_reference
        for power, of_reference in ((1, mean), (2, square))
    )
    parts = [
        (reference - mean) / np.sqrt(square - mean**2 + epsilon),
        (own - means) / np.sqrt(squares - means**2 + epsilon),
    ]
    return np.concatenate(parts) * gamma + beta


def test_the_value_of_the_paper_s_equations():
    # Reference {0, 2} and the row 4: mean (4 + 0 + 2) / 3, mean square (16 + 0 + 4) / 3.
    outputs = VirtualBatchNormalization(2, epsilon=0.0)(np.array([[0.0], [2.0], [4.0]], np.float32))
    np.testing.assert_allclose(outputs[:, 0], [-1, 1, (4 - 2) / np.sqrt(20 / 3 - 4)], rtol=1e-6)
    assert float(outputs[2, 0]) == pytest.approx(1.224745, abs=1e-6)


@pytest.mark.parametrize("values", [MAPS, MAPS[:, 0, 0]], ids=["maps", "units"])
def test_it_is_what_the_means_and_mean_squares_say(values):
    layer = VirtualBatchNormalization(4, epsilon=0.01)
    layer.build(values.shape)
    layer.gamma.assign([0.5, 1.0, 2.0])
    layer.beta.assign([1.0, -1.0, 0.0])
    expected = by_hand(values, 4, epsilon=0.01, gamma=[0.5, 1.0, 2.0], beta=[1.0, -1.0, 0.0])
    for training in (False, True):
        np.testing.assert_allclose(layer(values, training=training), expected, rtol=1e-4, atol=1e-5)


def test_a_large_mean_costs_no_digits():
    layer = VirtualBatchNormalization(4)
    layer.build(MAPS.shape)
    np.testing.assert_allclose(layer(MAPS + 1000), layer(MAPS), atol=1e-3)


def test_a_row_depends_on_itself_and_the_reference_alone():
    layer, others = VirtualBatchNormalization(4), MAPS.copy()
    others[5:] = 9
    outputs = layer(MAPS)
    np.testing.assert_array_equal(outputs[:5], layer(others)[:5])
    np.testing.assert_allclose(outputs[4:6], layer(MAPS[:6])[4:], atol=1e-6)
    others[0] = 9
    assert np.abs(outputs[4] - layer(others)[4]).max() > 0.01


def test_gradients_flow_through_the_reference_too():
    layer = VirtualBatchNormalization(2, epsilon=0.01)
    values = MAPS[:4, :2, :1].astype(np.float64)
    weights = np.random.default_rng(1).normal(size=values.shape)
    with tf.GradientTape() as tape:
        inputs = tf.constant(values, tf.float32)
        tape.watch(inputs)
        loss = tf.reduce_sum(layer(inputs) * weights.astype(np.float32))
    gradient = tape.gradient(loss, inputs).numpy()
    for index in [(0, 0, 0, 0), (1, 1, 0, 2), (2, 0, 0, 1), (3, 1, 0, 0)]:
        change = np.zeros_like(values)
        change[index] = 1e-5
        up, down = (
            np.sum(by_hand(values + sign * change, 2, epsilon=0.01, gamma=1, beta=0) * weights) for sign in (1, -1)
        )
        assert gradient[index] == pytest.approx((up - down) / 2e-5, rel=1e-3, abs=1e-4)


def test_bfloat16_is_computed_in_float32():
    layer = VirtualBatchNormalization(4, dtype="mixed_bfloat16")
    outputs = layer(MAPS)
    assert outputs.dtype == "bfloat16" and {weight.dtype for weight in layer.weights} == {"float32"}
    expected = VirtualBatchNormalization(4)(tf.cast(tf.cast(MAPS, "bfloat16"), "float32"))
    np.testing.assert_allclose(tf.cast(outputs, "float32"), expected, rtol=1e-2, atol=1e-2)


def test_no_reference_is_refused():
    with pytest.raises(ValueError, match="reference_rows=0: expected at least 1"):
        VirtualBatchNormalization(0)


def test_both_layers_are_saved(tmp_path):
    layers = [
        ReferenceBatch(3, initializer=keras.initializers.RandomUniform(0, 1)),
        VirtualBatchNormalization(3, epsilon=0.1),
    ]
    model = keras.Sequential([keras.Input((5,)), *layers])
    assert [weight.name for weight in model.trainable_weights] == ["gamma", "beta"]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    inputs = np.ones((2, 5), np.float32)
    assert loaded(inputs).shape == (5, 5)
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
    assert [layer.get_config() for layer in loaded.layers] == [layer.get_config() for layer in model.layers]


def virtual_generator(**options) -> Generator:
    return Generator((16, 16, 1), width=2, latent_dim=4, normalization="virtual", **options)


@pytest.mark.parametrize("num_classes", [0, 3])
@pytest.mark.parametrize("design", ["dcgan", "resize"])
def test_an_image_depends_on_no_other_of_its_batch(design, num_classes):
    generator = virtual_generator(design=design, num_classes=num_classes)
    noise = generator.noise(3, seed=1)
    inputs = (noise, np.array([0, 2, 1])) if num_classes else noise
    images = generator(inputs, training=True)
    assert images.shape == (3, 16, 16, 1) and np.abs(images[0] - images[1]).max() > 1e-3
    np.testing.assert_array_equal(images, generator(inputs, training=False))
    alone = (noise[1:2], np.array([2])) if num_classes else noise[1:2]
    np.testing.assert_allclose(generator(alone), images[1:2], atol=1e-6)


@pytest.mark.parametrize(("latent", "lowest"), [("uniform", 0.0), ("normal", -5.0)])
def test_the_reference_is_noise_that_is_saved_and_not_trained(latent, lowest, tmp_path):
    generator = virtual_generator(latent=latent)
    generator(generator.noise(1))
    reference = generator.reference.reference
    assert reference.shape == (REFERENCE_ROWS, 4) and not reference.trainable
    assert (reference.numpy().min() < 0) == (lowest < 0) and len(np.unique(reference)) == 4 * REFERENCE_ROWS
    generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    noise = generator.noise(2)
    np.testing.assert_array_equal(loaded(noise), generator(noise))
    reference.assign(reference + 0.3)
    assert np.abs(loaded(noise) - generator(noise)).max() > 1e-6


def test_the_reference_shows_every_class():
    generator = virtual_generator(num_classes=3)
    generator.build((None, 4))
    rows = generator._embedded((generator.noise(2), np.array([1, 1])))
    np.testing.assert_array_equal(np.argmax(rows[:, 4:], axis=1), [*np.arange(REFERENCE_ROWS) % 3, 1, 1])
    np.testing.assert_array_equal(rows[:REFERENCE_ROWS, :4], generator.reference.reference)
