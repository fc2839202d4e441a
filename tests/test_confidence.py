"""Temperature, outlier scores and thresholds by hand, and the file that a run keeps of them."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan.classifier import with_temperature
from ssgan.errors import UsageError
from ssgan.evaluate import confidence, outliers
from ssgan.evaluate.calibration import best_temperature
from ssgan.predict import PredictConfig

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, -4.0, -5.0]])


@pytest.mark.parametrize(("size", "share"), [(2.0, 0.9), (0.5, 0.7), (6.0, 0.75), (1.0, 1.0)])
def test_the_temperature_of_two_classes_has_a_closed_form(size, share):
    labels = (np.arange(1000) >= 1000 * share).astype(int)
    logits = np.tile([size, -size], (1000, 1))  # always for the first, which is right in so many
    found = best_temperature(logits, labels)
    predicted = 1 / (1 + np.exp(-2 * size / found))
    # The slope of 1000 times the mean of -log p, by log T, and that of (log T)^2 / 2 add up to 0.
    assert 1000 * (share - predicted) * 2 * size / found == pytest.approx(-np.log(found), abs=0.01)
    if share == 1:
        assert 0.999 < predicted < 0.9999  # a thousand images without an error are no proof


def test_one_class_has_a_temperature():
    assert best_temperature(np.zeros((3, 1)), np.zeros(3, int)) > 0


def test_scores_by_hand():
    found = {name: score(tf.constant(LOGITS, tf.float32)).numpy() for name, score in outliers.SCORES.items()}
    powers = np.exp(LOGITS)
    np.testing.assert_allclose(found["gan"], 1 / (1 + powers.sum(axis=1)), rtol=1e-6)
    np.testing.assert_allclose(found["max_logit"], 1 / (1 + powers.max(axis=1)), rtol=1e-6)
    np.testing.assert_allclose(found["max_softmax"], 1 - powers.max(axis=1) / powers.sum(axis=1), rtol=1e-6)
    choices = PredictConfig.__dataclass_fields__["outlier_score"].metadata["choices"]
    assert list(choices) == list(outliers.SCORES)  # named without TensorFlow


def test_of_the_images_95_percent_are_no_outliers():
    logits = np.random.RandomState(0).normal(size=(200, 3)).astype("float32")
    for name, threshold in outliers.thresholds(logits).items():
        scores = outliers.SCORES[name](tf.constant(logits)).numpy()
        assert (scores <= threshold).sum() == 190 and threshold in scores


@pytest.fixture(scope="module")
def classifier():
    inputs = keras.Input((2, 2, 1))
    outputs = keras.layers.Dense(3, name="logits", kernel_initializer=keras.initializers.RandomNormal(seed=0))(
        keras.layers.Flatten()(inputs)
    )
    return keras.Model(inputs, keras.layers.Softmax()(outputs))


def test_a_temperature_divides_the_logits(classifier):
    images = np.random.RandomState(0).randint(0, 256, (4, 2, 2, 1)).astype("uint8")
    logits = keras.Model(classifier.input, classifier.get_layer("logits").output)(images).numpy() / 2.5
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(with_temperature(classifier, 2.5)(images), expected, rtol=1e-5)


def test_what_is_measured_is_read_again(classifier, tmp_path):
    random = np.random.RandomState(0)
    images, labels = random.randint(0, 256, (300, 2, 2, 1)).astype("uint8"), random.randint(0, 3, 300)
    logits_of = keras.Model(classifier.input, classifier.get_layer("logits").output)
    found = confidence.measure(logits_of, images, labels)
    assert found["images"] == 300 and found["temperature"] > 1  # labels at random: it is surer than it is right
    assert found["after"]["negative_log_likelihood"] < found["before"]["negative_log_likelihood"]
    assert found["after"]["calibration_error"] < found["before"]["calibration_error"]
    probabilities = np.exp(logits := logits_of(images).numpy()) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.log(probabilities[np.arange(300), labels]).mean()
    assert found["before"]["negative_log_likelihood"] == pytest.approx(expected, rel=1e-5)
    assert found["outlier_thresholds"] == outliers.thresholds(logits_of(images).numpy())
    (tmp_path / confidence.FILE).write_text(json.dumps(found))
    assert confidence.read(tmp_path) == found


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"temperature": "hot"}, "temperature is hot; expected a number above 0, at most 100"),
        ({"temperature": 0.0}, "temperature is 0.0; expected a number above 0, at most 100"),
        ({"temperature": -1.0}, "temperature is -1.0; expected a number"),
        ({"outlier_thresholds": {"gan": 0.5}}, "outlier_thresholds is {'gan': 0.5}; expected gan, max_logit, max_sof"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, changed, message):
    whole = {"temperature": 1.5, "outlier_thresholds": dict.fromkeys(outliers.SCORES, 0.5)}
    (tmp_path / confidence.FILE).write_text(json.dumps(whole | changed))
    with pytest.raises(UsageError, match=message):
        confidence.read(tmp_path)


def test_a_run_that_held_out_too_few_says_what_to_do(tmp_path):
    with pytest.raises(
        UsageError, match="has no calibration.json; .* at least 200 images: train with --validation=500, .*--labels=N"
    ):
        confidence.read(tmp_path)
