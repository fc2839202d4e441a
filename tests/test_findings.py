"""What is found out about single images: errors, doubts, labels that may be wrong, and the images of the training."""

import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from ssgan import data
from ssgan.data import labels
from ssgan.errors import UsageError
from ssgan.evaluate.calibration import calibration_bins, expected_calibration_error
from ssgan.evaluate.examples import Example, Suspect, confident_errors, least_certain, suspected_labels
from ssgan.evaluate.findings import gather
from ssgan.evaluate.training_images import TrainingImages, read_training_images
from ssgan.options import Config
from ssgan.store import files, run
from tests import page_parts

PROBABILITIES = np.array([[0.9, 0.1, 0.0], [0.3, 0.6, 0.1], [0.0, 0.05, 0.95], [0.4, 0.35, 0.25], [1.0, 0.0, 0.0]])


def test_errors_are_shown_by_confidence_and_doubts_by_their_margin():
    truth = np.array([1, 1, 0, 0, 0])
    assert confident_errors(PROBABILITIES, truth, most=9) == [Example(2, 0, 2, 0.95), Example(0, 1, 0, 0.9)]
    assert confident_errors(PROBABILITIES, truth, most=1) == [Example(2, 0, 2, 0.95)]
    assert confident_errors(PROBABILITIES, PROBABILITIES.argmax(axis=1), most=9) == []
    assert least_certain(PROBABILITIES, truth, most=2) == [Example(3, 0, 0, 0.4), Example(1, 1, 1, 0.6)]


def clusters(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of three classes, 40 images each, in three directions; and the classes."""
    classes = np.repeat(np.arange(3), 40)
    return np.eye(3)[classes] + np.random.default_rng(seed).normal(0, 0.1, (120, 3)), classes


def test_wrong_labels_are_outvoted_by_their_neighbours_and_right_ones_are_not():
    vectors, truth = clusters()
    given = truth.copy()
    given[[3, 50, 119]] = [1, 2, 0]
    fitted = np.eye(3)[given] * 0.9 + 0.1 / 3  # a classifier that has learned the wrong labels by heart
    found = suspected_labels(vectors, fitted, given)
    assert {(one.row, one.label, one.predicted) for one in found} == {(3, 1, 0), (50, 2, 1), (119, 0, 2)}
    assert all(one.agreeing >= 0.8 and one.neighbours == 10 for one in found)
    assert suspected_labels(vectors * 7, fitted, truth) == []  # angles, not lengths


def test_of_two_suspects_the_one_whose_label_is_less_probable_comes_first():
    vectors, truth = clusters()
    given = truth.copy()
    given[[3, 7]] = 1
    probabilities = np.eye(3)[given]
    probabilities[7] = [0.8, 0.2, 0.0]
    first, second = suspected_labels(vectors, probabilities, given)
    assert (first.row, second.row) == (7, 3) and first.probability == pytest.approx(0.8)


def test_few_labels_are_compared_with_all_others(monkeypatch):
    vectors, probabilities = np.array([[1.0, 0], [1, 0.1], [1, 0.2], [0, 0]]), np.full((4, 2), 0.5)
    found = suspected_labels(vectors, probabilities, np.array([1, 0, 0, 0]))
    assert found == [Suspect(0, 1, 0, 0.5, agreeing=1.0, given=0.0, neighbours=3)]
    assert suspected_labels(vectors[:1], probabilities[:1], np.array([1])) == []
    monkeypatch.setattr("ssgan.evaluate.examples._AT_ONCE", 3)
    assert suspected_labels(vectors, probabilities, np.array([1, 0, 0, 0])) == found


def test_calibration_bins_by_hand():
    bins = calibration_bins(np.array([0.5, 0.52, 0.99, 1.0]), np.array([True, False, True, True]))
    assert len(bins) == 15 and [number for number, part in enumerate(bins) if part] == [7, 14]
    assert bins[7].images == 2 and bins[7].confidence == pytest.approx(0.51) and bins[7].accuracy == 0.5
    expected = (2 * 0.01 + 2 * 0.005) / 4
    assert expected_calibration_error(
        np.array([0.5, 0.52, 0.99, 1.0]), np.array([True, False, True, True])
    ) == pytest.approx(expected)


# The images of the training.


@pytest.fixture
def member(tmp_path, monkeypatch):
    """A run on a few images, whose data `load` finds."""
    images = page_parts.image_set(page_parts.NAMES, split="train", count=60)
    monkeypatch.setattr(data, "load", lambda *args, **options: images)
    monkeypatch.setattr(data, "is_on_disk", lambda *args, **options: True)
    labels.save_label_mask(tmp_path / run.LABEL_MASK, np.arange(60) < 30)
    files.write_json(tmp_path / run.SUMMARY, {"steps": 3, "train_seconds": 1.5})
    inputs = keras.Input((24, 24, 3))
    vectors = keras.layers.GlobalAveragePooling2D(name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(vectors))
    about = {
        "dataset": "things",
        "digest": images.digest,
        "image_shape": [24, 24, 3],
        "synthetic": False,
        "num_train": 60,
    }
    return SimpleNamespace(run_dir=tmp_path, config=Config(dataset="things", labels=1000), about=about, saved=model)


def test_the_images_of_a_training_are_found_with_the_labels_that_were_used(member):
    tested = page_parts.image_set(page_parts.NAMES, split="test", count=20)
    tested.images[4] = data.load().images[11]
    found = gather(member, tested)
    assert found.training is not None and found.training.class_counts == [3] * 10 and found.labels == 30
    assert [(pair.first, pair.second, pair.exact) for pair in found.pairs] == [(11, 4, True)]
    assert found.suspects and {one.row for one in found.suspects} <= set(range(30))
    assert all(one.label == one.row % 10 for one in found.suspects)


def test_the_images_of_the_training_have_no_duplicates_in_themselves(member):
    assert gather(member, data.load(), on_training=True).pairs is None


def test_of_very_many_labels_some_are_looked_at(member, monkeypatch):
    monkeypatch.setattr("ssgan.evaluate.training_images.MOST_LABELLED", 6)
    training = TrainingImages(data.load(), np.arange(60) % 3 == 1)
    features = keras.Model(member.saved.inputs, [member.saved.get_layer("features").output, member.saved.output])
    found = training.suspects(features)
    assert {one.row for one in found} <= {1, 10, 22, 34, 46, 58} and all(one.neighbours == 5 for one in found)
    assert TrainingImages(data.load(), np.arange(60) < 1).suspects(features) == []


def test_a_classifier_without_a_layer_of_features_says_so(member):
    inputs = keras.Input((24, 24, 3))
    plain = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)))
    found = gather(SimpleNamespace(**{**vars(member), "saved": plain}), data.load())
    assert found.suspects == [] and "no layer of features" in found.doubted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda member: member.about.update(digest="other"), "are not those of the training"),
        (lambda member: (member.run_dir / run.LABEL_MASK).unlink(), "label_mask.npz"),
        (lambda member: (member.run_dir / run.LABEL_MASK).write_bytes(b"no mask"), "label_mask.npz"),
    ],
)
def test_images_that_are_not_those_of_the_training_are_not_looked_at(member, change, message):
    change(member)
    found = gather(member, data.load())
    assert found.training is None and message in found.missing and found.labels == 1000
    with pytest.raises(UsageError, match=message):
        read_training_images(member)


def test_nothing_is_downloaded_to_look_at_it(member, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(data, "load", pytest.fail)
    tested = page_parts.image_set(page_parts.NAMES, split="test", count=20)
    config = dataclasses.replace(member.config, dataset="svhn_cropped", data_dir=str(member.run_dir / "gone"))
    found = gather(SimpleNamespace(**{**vars(member), "config": config}), tested)
    assert found.missing == f"svhn_cropped is not in {config.data_dir} any more"


def test_what_is_on_disk_is_known(tmp_path):
    assert data.is_on_disk("street_digits") and not data.is_on_disk("svhn_cropped", data_dir=tmp_path)
    assert not data.is_on_disk("mnist", data_dir=tmp_path / "missing")
    for name in ("train", "test"):
        (tmp_path / f"{name}_32x32.mat").touch()
    assert data.is_on_disk("svhn_cropped", data_dir=tmp_path)
