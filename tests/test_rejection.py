"""Cascading rejection by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan.layers import CascadingRejection
from ssgan.layers.rejection import cascading_scores

FEATURES = np.random.default_rng(0).normal(size=(4, 5))
DIRECTIONS = np.random.default_rng(1).normal(size=(5, 3))


def by_hand(features, directions):
    rest, scores = np.array(features), []
    for direction in directions.T:
        scores.append(rest @ direction)
        rest = rest - np.outer(rest @ direction, direction) / (direction @ direction)
    return np.stack(scores, axis=1)


def test_three_scores_by_hand():
    # v = (3, 4, 0); without its part along (1, 0, 0): (0, 4, 0); without that along (1, 1, 0): (-2, 2, 0).
    directions = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]]).T
    np.testing.assert_allclose(cascading_scores(tf.constant([[3.0, 4.0, 0.0]]), directions), [[3, 4, 2]], atol=1e-6)


def test_a_score_knows_nothing_of_the_direction_before_it():
    scores = cascading_scores(FEATURES, DIRECTIONS)
    np.testing.assert_allclose(scores, by_hand(FEATURES, DIRECTIONS), rtol=1e-4, atol=1e-5)
    moved = cascading_scores(FEATURES + 7 * DIRECTIONS[:, 0], DIRECTIONS)
    np.testing.assert_allclose(moved[:, 1:], scores[:, 1:], rtol=1e-3, atol=1e-4)
    assert np.abs(moved - scores)[:, 0].min() > 1


@pytest.mark.parametrize("of", ["features", "directions"])
def test_gradients(of):
    values = {"features": FEATURES, "directions": DIRECTIONS}
    weights = np.random.default_rng(2).normal(size=(4, 3))
    inputs = {name: tf.constant(value, tf.float32) for name, value in values.items()}
    with tf.GradientTape() as tape:
        tape.watch(inputs[of])
        loss = tf.reduce_sum(cascading_scores(**inputs) * weights.astype(np.float32))
    gradient = tape.gradient(loss, inputs[of]).numpy()
    for index in np.ndindex(*values[of].shape):
        change = np.zeros_like(values[of])
        change[index] = 1e-6
        up, down = (np.sum(by_hand(**{**values, of: values[of] + sign * change}) * weights) for sign in (1, -1))
        assert gradient[index] == pytest.approx((up - down) / 2e-6, rel=1e-3, abs=1e-3)


def test_a_direction_of_zeros_changes_nothing():
    directions = DIRECTIONS.copy()
    directions[:, 1] = 0
    scores = cascading_scores(FEATURES, directions).numpy()
    np.testing.assert_array_equal(scores[:, 1], 0)
    np.testing.assert_allclose(scores[:, [0, 2]], by_hand(FEATURES, DIRECTIONS[:, [0, 2]]), rtol=1e-4, atol=1e-5)


def test_the_layer_in_bfloat16_and_saved(tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), CascadingRejection(3, dtype="mixed_bfloat16")])
    features = FEATURES.astype(np.float32)
    outputs = model(features)
    assert outputs.dtype == "bfloat16" and outputs.shape == (4, 3)
    assert [(weight.dtype, weight.shape) for weight in model.trainable_weights] == [("float32", (5, 3))]
    expected = by_hand(features, model.layers[0].directions.numpy())
    np.testing.assert_allclose(tf.cast(outputs, "float32"), expected, rtol=0.05, atol=0.05)
    model.save(tmp_path / "layer.keras")
    loaded = keras.models.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(loaded(features), outputs)
    assert loaded.layers[0].get_config() == model.layers[0].get_config()


def test_no_scores_are_refused():
    with pytest.raises(ValueError, match="scores=0: expected at least 1"):
        CascadingRejection(0)
