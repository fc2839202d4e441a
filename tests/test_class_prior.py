"""Class frequencies of images without labels: by hand, and in a classifier."""

import json

import keras
import numpy as np
import pytest

from ssgan import classifier as classifiers
from ssgan.data import ImageSet
from ssgan.errors import UsageError
from ssgan.evaluate import class_prior, confidence
from ssgan.options import Config
from ssgan.train import _check_class_prior, train
from ssgan.training import results


def test_two_classes_that_are_surely_told_have_the_shares_that_are_predicted():
    probabilities = np.repeat([[1.0, 0.0], [0.0, 1.0]], [30, 10], axis=0)
    np.testing.assert_allclose(class_prior.estimate_frequencies(probabilities, np.array([0.5, 0.5])), [0.75, 0.25])


def test_doubtful_predictions_by_hand():
    # Each image says 0.8 for one class, from labels that are half and half. The likelihood of q and 1 - q is
    # (0.8 q + 0.2 (1 - q))^7 (0.2 q + 0.8 (1 - q))^3, whose logarithm has the slope 0 at
    # 7 * 0.6 / (0.2 + 0.6 q) = 3 * 0.6 / (0.8 - 0.6 q), so at q = 5 / 6, beyond the share of 0.7 that is predicted.
    probabilities = np.repeat([[0.8, 0.2], [0.2, 0.8]], [7, 3], axis=0)
    found = class_prior.estimate_frequencies(probabilities, np.array([0.5, 0.5]))
    np.testing.assert_allclose(found, [5 / 6, 1 / 6], atol=1e-5)


def test_labels_that_are_not_half_and_half_are_taken_out():
    # The same images, by a classifier that learned from labels of 3 to 1.
    probabilities = np.repeat([[0.8, 0.2], [0.2, 0.8]], [7, 3], axis=0) * [0.75, 0.25]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    found = class_prior.estimate_frequencies(probabilities, np.array([0.75, 0.25]))
    np.testing.assert_allclose(found, [5 / 6, 1 / 6], atol=1e-5)


def test_a_class_that_is_never_predicted_keeps_a_chance():
    found = class_prior.estimate_frequencies(np.tile([1.0, 0.0], (50, 1)), np.array([0.5, 0.5]))
    assert 0 < found[1] < 1e-3 and found.sum() == pytest.approx(1)


def plain(bias=(0.0, 0.0)):
    """A classifier of images [1, 1, 1], whose first logit is the pixel's distance from the middle, by 20."""
    inputs = keras.Input((1, 1, 1))
    values = keras.layers.Rescaling(0.05, offset=-6.4)(keras.layers.Flatten()(inputs))
    head = keras.layers.Dense(2, name="logits")
    model = keras.Model(inputs, keras.layers.Softmax(name="probabilities")(head(values)))
    head.set_weights([np.array([[1.0, 0.0]]), np.array(bias)])
    return model


def drawn(share, count, seed=0):
    """Images, and classes of which the first has a share; the logits of `plain` are right for half and half."""
    random = np.random.default_rng(seed)
    pixels = np.arange(256)
    of_first = 1 / (1 + np.exp(6.4 - 0.05 * pixels))
    labels = (random.random(count) >= share).astype(int)
    images = [random.choice(pixels, p=(weights := abs(label - of_first)) / weights.sum()) for label in labels]
    return np.array(images, np.uint8).reshape(-1, 1, 1, 1), labels


def test_a_classifier_is_corrected_towards_the_frequencies():
    model = plain()
    (images, _), held_out = drawn(0.9, 4000), drawn(0.9, 1000, seed=1)
    found = class_prior.correct(model, images, held_out, np.array([0, 1]))
    assert found["is_taken"] and found["after"] < found["before"] - 0.05
    np.testing.assert_allclose(found["frequencies"], [0.9, 0.1], atol=0.03)
    bias = model.get_layer("logits").bias.numpy()
    assert bias[0] - bias[1] == pytest.approx(np.log(9), rel=0.3)  # times the temperature, near 1


def test_temperature_and_frequencies_of_the_labels_are_taken_into_account():
    model = plain()  # as it learns from labels of 3 to 1, twice as sure as it is right
    model.get_layer("logits").set_weights([np.array([[2.0, 0.0]]), np.array([2 * np.log(3), 0.0])])
    (images, _), held_out = drawn(0.9, 4000), drawn(0.9, 1000, seed=1)
    found = class_prior.correct(model, images, held_out, np.array([0, 0, 0, 1]))
    np.testing.assert_allclose(found["frequencies"], [0.9, 0.1], atol=0.03)
    bias = model.get_layer("logits").bias.numpy()
    added = bias[0] - bias[1] - 2 * np.log(3)
    assert added == pytest.approx(2 * (np.log(0.9 / 0.75) - np.log(0.1 / 0.25)), rel=0.3)


def test_images_from_everywhere_are_looked_at():
    rows = np.arange(25_000)
    found = class_prior.some(rows)
    assert len(found) == 10_000 and (found[0], found[-1]) == (0, 24_999) and set(np.diff(found)) == {2, 3}
    np.testing.assert_array_equal(class_prior.some(rows[5:9]), rows[5:9])


def test_it_stays_where_held_out_images_become_less_likely():
    model = plain()
    (images, _), held_out = drawn(0.9, 1000), drawn(0.3, 1000, seed=1)
    found = class_prior.correct(model, images, held_out, np.array([0, 1]))
    assert not found["is_taken"] and found["after"] > found["before"]
    np.testing.assert_array_equal(model.get_layer("logits").bias, [0.0, 0.0])


def test_the_bias_of_a_classifier_that_encodes_is_that_of_its_classes():
    inputs = keras.Input((3,))
    classes = keras.layers.Activation("log_softmax")(keras.layers.Dense(2, name="classes")(inputs))
    logits = keras.layers.Add(name="logits")([keras.layers.Dense(1, name="mean_code")(inputs), classes])
    model = keras.Model(inputs, keras.layers.Softmax()(logits))
    points = np.random.RandomState(0).normal(size=(4, 3)).astype("float32")
    before = model(points).numpy()
    total = keras.ops.logsumexp(classifiers.logits_of(model)(points), axis=-1).numpy()
    classifiers.shift_logits(model, np.log([3.0, 1.0]))
    expected = before * [3, 1] / (before * [3, 1]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model(points), expected, rtol=1e-5)
    np.testing.assert_allclose(keras.ops.logsumexp(classifiers.logits_of(model)(points), axis=-1), total, rtol=1e-5)


class Trained:
    """A GAN as far as its files are concerned."""

    ema_discriminator = None

    def save(self, path):
        path.write_text("")


def test_what_would_come_to_nothing_is_refused_before_the_training(cache, tmp_path):
    options = {"dataset": "street_digits", "data_dir": str(cache), "train_images": 300, "class_prior": True}
    run_dir = tmp_path / "run"
    for labels, held_out in ((20, 199), (100, 200)):
        with pytest.raises(UsageError, match=f"{held_out} images are held out.* at least 200 held out .--validation"):
            train(Config(**options, labels=labels, validation=held_out, run_dir=str(run_dir)))
    with pytest.raises(UsageError, match=r"\(--labels=N, fewer than there are, and --validation=500\)"):
        _check_class_prior(Config(images="photos"), held_out=0, without_label=9)
    _check_class_prior(Config(), held_out=200, without_label=1)
    assert not run_dir.exists()


@pytest.mark.parametrize(("held_out", "is_corrected"), [(400, True), (100, False)])
def test_a_run_keeps_what_was_found_and_its_classifier(monkeypatch, tmp_path, capsys, held_out, is_corrected):
    monkeypatch.setattr(classifiers, "to_classifier", lambda discriminator: plain())
    images, labels = drawn(0.9, 2000)
    source = ImageSet("some", "train", "", False, images, labels.astype(np.int32), ("many", "few"))
    mask = np.zeros(2000, bool)
    mask[np.flatnonzero(labels == 0)[:50]] = mask[np.flatnonzero(labels == 1)[:50]] = True
    rows = {"label_mask": mask, "unlabeled": np.arange(2000), "held_out": drawn(0.9, held_out, seed=2)}
    results.save(Trained(), Config(class_prior=True), tmp_path, images=source, **rows, figures={"steps": 1})
    said = capsys.readouterr().out
    model = classifiers.load_classifier(tmp_path)
    if is_corrected:
        found = json.loads((tmp_path / confidence.FILE).read_text())
        assert found["class_prior"]["is_taken"] and "(few) to" in said and "corrected: held-out images have" in said
        few, many = sorted(model.get_layer("logits").bias.numpy())
        assert few < 0 < many and many - few > 1
        assert found["before"]["negative_log_likelihood"] < 0.35  # of the classifier as it was kept
    else:
        assert "--class_prior: left off, it needs 200 images that are held out" in said
        assert model.get_layer("logits").bias[0] == 0 and not (tmp_path / confidence.FILE).exists()
