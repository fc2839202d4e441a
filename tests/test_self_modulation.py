"""Batch norms whose scale and shift depend on the noise, by hand and in the generator."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan.layers import SelfModulatedBatchNormalization
from ssgan.models import Generator

VALUES = np.random.default_rng(0).normal(3, 2, (6, 4, 5, 3)).astype(np.float32)
NOISE = np.random.default_rng(1).normal(size=(6, 2)).astype(np.float32)


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


def layer_of(shape=VALUES.shape, **options) -> SelfModulatedBatchNormalization:
    """Returns a layer with large weights everywhere."""
    layer = SelfModulatedBatchNormalization(**options)
    layer.build(shape, (None, NOISE.shape[-1]))
    for weight in layer.trainable_weights:
        weight.assign(np.random.default_rng(2).normal(size=weight.shape))
    return layer


def modulated(layer, noise):
    """Returns gamma and beta in float64."""
    weights = [
        np.asarray(weight, np.float64) for dense in (layer.hidden, layer.gamma, layer.beta) for weight in dense.weights
    ]
    hidden = np.maximum(noise @ weights[0] + weights[1], 0)
    return hidden @ weights[2] + weights[3], hidden @ weights[4] + weights[5]


def test_the_normalised_values_are_scaled_and_shifted_row_by_row():
    # h = (1, 3) is normalised to (-1, 1); gamma = (2, .5) and beta = (1, -1) are put into the output layers.
    layer = SelfModulatedBatchNormalization(2)
    layer.norm.epsilon = 0.0
    layer.build((None, 1), (None, 2))
    layer.hidden.set_weights([np.eye(2), np.zeros(2)])
    layer.gamma.set_weights([np.array([[2.0], [0.5]]), np.zeros(1)])
    layer.beta.set_weights([np.array([[1.0], [-1.0]]), np.zeros(1)])
    outputs = layer(np.array([[1.0], [3.0]], np.float32), np.eye(2, dtype=np.float32), training=True)
    np.testing.assert_allclose(outputs[:, 0], [-1, -0.5], rtol=1e-6)


@pytest.mark.parametrize("values", [VALUES, VALUES[:, 0, 0]], ids=["maps", "units"])
def test_training_and_inference_by_hand(values):
    layer = layer_of(values.shape, hidden_units=5, momentum=0.5)
    axes, ones = tuple(range(values.ndim - 1)), (1,) * (values.ndim - 2)
    gamma, beta = (part.reshape(6, *ones, 3) for part in modulated(layer, NOISE))
    exact = values.astype(np.float64)
    mean, variance = exact.mean(axis=axes), exact.var(axis=axes)
    expected = (exact - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    np.testing.assert_allclose(layer(values, NOISE, training=True), expected, rtol=1e-4, atol=1e-4)
    count = values.size / 3
    moving_mean, moving_variance = mean / 2, 0.5 + variance * count / (count - 1) / 2
    np.testing.assert_allclose(layer.norm.moving_mean, moving_mean, rtol=1e-5)
    expected = (exact - moving_mean) / np.sqrt(moving_variance + 1e-3) * gamma + beta
    np.testing.assert_allclose(layer(values, NOISE), expected, rtol=1e-4, atol=1e-4)


def test_it_begins_as_a_plain_batch_norm_with_32_hidden_units():
    layer = SelfModulatedBatchNormalization()
    outputs = layer(VALUES, NOISE, training=True)
    plain = keras.layers.BatchNormalization()(VALUES, training=True)
    np.testing.assert_allclose(outputs, plain, atol=0.1)
    assert [dense.kernel.shape for dense in (layer.hidden, layer.gamma, layer.beta)] == [(2, 32), (32, 3), (32, 3)]
    np.testing.assert_array_equal(layer.gamma.bias, 1)
    assert {weight.name for weight in layer.trainable_weights} == {"kernel", "bias"}
    assert not np.array_equal(layer.gamma.kernel, layer.beta.kernel)


def test_both_inputs_and_every_weight_get_a_gradient():
    layer, values, noise = layer_of(), tf.constant(VALUES), tf.constant(NOISE)
    with tf.GradientTape() as tape:
        tape.watch([values, noise])
        loss = tf.reduce_sum(layer(values, noise, training=True) ** 3)
    for gradient in tape.gradient(loss, [values, noise, *(weight.value for weight in layer.trainable_weights)]):
        assert np.abs(gradient).max() > 1e-3


def test_bfloat16():
    outputs = layer_of(dtype="mixed_bfloat16")(VALUES, NOISE, training=True)
    expected = layer_of()(VALUES, NOISE, training=True)
    assert outputs.dtype == "bfloat16"
    np.testing.assert_allclose(tf.cast(outputs, "float32"), expected, rtol=0.1, atol=0.3)


def test_it_is_saved_in_a_functional_model(tmp_path):
    inputs = keras.Input(VALUES.shape[1:]), keras.Input(NOISE.shape[1:])
    model = keras.Model(inputs, SelfModulatedBatchNormalization(4, momentum=0.7)(*inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded([VALUES, NOISE]), model([VALUES, NOISE]))
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()


@pytest.mark.parametrize("num_classes", [0, 3])
def test_noise_and_class_enter_every_batch_norm_of_the_generator(num_classes):
    generator = Generator((16, 16, 1), width=2, latent_dim=4, num_classes=num_classes, design="self_modulated")
    generator.build((None, 4))
    modulations = [layer for layer in generator.stack if isinstance(layer, SelfModulatedBatchNormalization)]
    assert len(modulations) == 3
    assert {layer.hidden.kernel.shape for layer in modulations} == {(4 + num_classes, 32)}
    noise = generator.noise(3, seed=0)
    inputs = (noise, np.array([0, 1, 2])) if num_classes else noise
    before = generator(inputs)
    for layer in modulations:
        layer.gamma.kernel.assign(layer.gamma.kernel + 0.5)
        after = generator(inputs)
        assert np.abs(after - before).max() > 1e-3
        before = after
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(generator(inputs, training=True) ** 2)
    assert all(gradient is not None for gradient in tape.gradient(loss, generator.trainable_variables))
