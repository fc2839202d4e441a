"""Minibatch discrimination: by hand, and as the logit of "generated" that a discriminator has of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan.classifier import to_classifier
from ssgan.layers import MinibatchDiscrimination
from ssgan.layers.minibatch import nearness
from ssgan.models import Discriminator

ROWS = np.random.default_rng(0).normal(size=(5, 3, 2))


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


def by_hand(rows):
    result = np.zeros(rows.shape[:2])
    for i in range(len(rows)):
        for j in range(len(rows)):
            if j != i:
                result[i] += np.exp(-np.abs(rows[i] - rows[j]).sum(axis=-1))
    return result


def test_two_measures_of_three_rows_by_hand():
    # f = (1, 0), (0, 1), (1, 1); T = diag(1, 2): the first measure sees 1, 0, 1 and the second 0, 2, 2.
    layer = MinibatchDiscrimination(2, 1)
    layer.build((None, 2))
    layer.projection.assign(np.diag([1.0, 2.0]))
    features = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    expected = np.array([[1.367879, 0.270671], [0.735759, 1.135335], [1.367879, 1.135335]])
    np.testing.assert_allclose(layer.nearness(features), expected, atol=1e-6)
    np.testing.assert_allclose(layer(features), np.hstack([features, expected]), atol=1e-6)
    assert layer.compute_output_shape((3, 2)) == (3, 4)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_nearness_is_the_sum_over_all_other_rows(scale):
    np.testing.assert_allclose(nearness(tf.constant(scale * ROWS, tf.float32)), by_hand(scale * ROWS), atol=1e-6)


def test_the_gradient_of_nearness():
    rows, weights = tf.constant(ROWS, tf.float32), np.random.default_rng(1).normal(size=(5, 3))
    with tf.GradientTape() as tape:
        tape.watch(rows)
        loss = tf.reduce_sum(nearness(rows) * weights.astype(np.float32))
    gradient = tape.gradient(loss, rows).numpy()
    for index in np.ndindex(*ROWS.shape):
        change = np.zeros_like(ROWS)
        change[index] = 1e-6
        slope = np.sum((by_hand(ROWS + change) - by_hand(ROWS - change)) * weights) / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_the_layer_compares_as_many_numbers_as_it_is_told_and_projects_to_unit_size():
    layer = MinibatchDiscrimination()
    outputs = layer(np.ones((3, 400), np.float32))
    assert outputs.shape == (3, 500) and layer.projection.shape == (400, 500)
    assert np.linalg.norm(layer.projection, axis=0).mean() == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(outputs[:, 400:], 2, atol=1e-6)
    layer = MinibatchDiscrimination(3, 2)
    layer.build((None, 4))
    features = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    expected = by_hand((features @ layer.projection.numpy()).reshape(5, 3, 2))
    np.testing.assert_allclose(layer.nearness(features), expected, atol=1e-5)


@pytest.mark.parametrize("options", [{"measures": 0}, {"size": 0}])
def test_no_measures_are_refused(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))}=0: expected at least 1"):
        MinibatchDiscrimination(**options)


def test_a_batch_of_one_is_refused():
    words = "minibatch discrimination compares the rows of a batch; expected at least 2 rows, not 1"
    layer = MinibatchDiscrimination(2, 1)
    layer.build((None, 4))
    with pytest.raises(ValueError, match=words):
        layer.nearness(tf.zeros([1, 4]))
    of_any_batch = tf.function(layer.nearness, input_signature=[tf.TensorSpec([None, 4])])
    np.testing.assert_array_equal(of_any_batch(tf.zeros([3, 4])), 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        of_any_batch(tf.zeros([1, 4]))


def test_it_is_saved_and_computed_in_float32(tmp_path):
    model = keras.Sequential([keras.Input((4,)), MinibatchDiscrimination(3, 2, dtype="mixed_bfloat16")])
    features = tf.random.stateless_normal([5, 4], [1, 2])
    outputs = model(features)
    assert outputs.dtype == "bfloat16" and {weight.dtype for weight in model.weights} == {"float32"}
    exact = model.layers[0].nearness(tf.cast(features, "bfloat16"))
    np.testing.assert_allclose(tf.cast(outputs[:, 4:], "float32"), exact, rtol=1e-2, atol=1e-2)
    model.save(tmp_path / "layer.keras")
    loaded = keras.models.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(loaded(features), outputs)
    assert loaded.layers[0].get_config() == model.layers[0].get_config()


def discriminator_of(**options) -> Discriminator:
    network = Discriminator(3, arch="tiny", **options)
    network.build((None, 16, 16, 1))
    return network


def features_of(rows=4, size=128):
    return np.random.default_rng(3).normal(size=(rows, size)).astype(np.float32)


def test_without_it_the_generated_logit_is_0():
    network = discriminator_of()
    np.testing.assert_array_equal(network.generated_logits(features_of()), np.zeros(4, np.float32))
    np.testing.assert_array_equal(network.generated_logits(features_of(1)), [0.0])


def test_the_generated_logit_begins_at_0_and_is_linear_in_the_mean_nearness():
    network = discriminator_of(minibatch_features=7)
    features = features_of()
    np.testing.assert_array_equal(network.generated_logits(features), np.zeros(4))
    weights = np.random.default_rng(4).normal(size=(7, 1))
    network.generated.kernel.assign(weights)
    rows = (features @ network.minibatch.projection.numpy()).reshape(4, 7, 5)
    logits = network.generated_logits(features)
    assert logits.dtype == tf.float32
    np.testing.assert_allclose(logits, by_hand(rows) / 3 @ weights[:, 0], rtol=1e-4, atol=1e-5)


def test_the_number_of_rows_alone_moves_no_generated_logit():
    network = discriminator_of(minibatch_features=7)
    network.generated.kernel.assign(np.ones((7, 1)))
    same = np.repeat(features_of(1), 9, axis=0)
    for rows in (2, 5, 9):
        np.testing.assert_allclose(network.generated_logits(same[:rows]), 7.0, rtol=1e-5)
    with pytest.raises(ValueError, match="expected at least 2 rows, not 1"):
        network.generated_logits(same[:1])


def test_its_weights_are_trained_by_the_generated_logit_alone_and_class_logits_stay_per_image():
    network, images = discriminator_of(minibatch_features=7), tf.random.stateless_normal([4, 16, 16, 1], [1, 2])
    network.generated.kernel.assign(np.ones((7, 1)))
    own = [*network.minibatch.trainable_variables, *network.generated.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        logits, features = network(images)
        generated = tf.reduce_sum(network.generated_logits(features))
        first = tf.reduce_sum(logits[0])
    assert len(own) == 2 and all(np.abs(gradient).max() > 0 for gradient in tape.gradient(generated, own))
    assert all(gradient is None for gradient in tape.gradient(first, own))
    assert np.abs(tape.gradient(generated, images)).reshape(4, -1).max(axis=1).min() > 0
    np.testing.assert_array_equal(tape.gradient(first, images)[1:], 0)


def test_it_is_saved_and_averaged_and_left_out_of_the_classifier(tmp_path):
    network = discriminator_of(minibatch_features=7, dtype="mixed_bfloat16")
    network.generated.kernel.assign(np.ones((7, 1)))
    network.save(tmp_path / "discriminator.keras")
    loaded = keras.models.load_model(tmp_path / "discriminator.keras")
    assert loaded.minibatch_features == 7 and loaded.get_config() == network.get_config()
    np.testing.assert_array_equal(loaded.generated_logits(features_of()), network.generated_logits(features_of()))
    assert not [weight for weight in discriminator_of().weights if "minibatch" in weight.path]
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 1)).astype(np.uint8)
    exact = Discriminator.from_config({**network.get_config(), "dtype": "float32"})
    exact.build((None, 16, 16, 1))
    exact.set_weights(network.get_weights())
    expected = keras.ops.softmax(exact(pixels / np.float32(127.5) - 1)[0])
    np.testing.assert_allclose(to_classifier(exact)(pixels), expected, atol=1e-5)


def test_fewer_than_no_features_are_refused():
    with pytest.raises(ValueError, match="minibatch_features=-1: expected at least 1, or 0"):
        Discriminator(3, minibatch_features=-1)
