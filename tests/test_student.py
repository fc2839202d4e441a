"""Tests of `experiments/studies/student.py`: what a student learns from, without training one."""

import numpy as np
import pytest

from experiments.studies import photograph_training, student
from ssgan import data
from ssgan.options import Config
from tests.finished import make_run


@pytest.fixture
def teacher(tmp_path, cache):
    """A run that saw 20 of 60 labels, and held out 30 images."""
    options = Config(
        dataset="street_digits",
        data_dir=str(cache),
        image_size="32",
        train_images=60,
        labels=20,
        validation=30,
        gan_weight=0.0,
        label_seed=100,
    )
    return make_run(tmp_path / "teacher", shape=(32, 32, 3), options=options)


def test_a_student_learns_labels_where_they_were_seen_and_predictions_elsewhere(teacher, cache, monkeypatch):
    given = {}

    def trained(config, taught, tested):
        given.update(config=config, taught=taught, tested=tested)
        return None, {"train_seconds": 1.0}, {"error": [0.5, 0.25]}

    monkeypatch.setattr(photograph_training, "trained", trained)
    found = student.teach(teacher, steps=7)
    config, taught, tested = given["config"], given["taught"], given["tested"]
    assert len(taught) == 30 and len(tested) == 30
    everything = data.load("street_digits", "train", data_dir=cache, image_size=32, limit=60)
    both = np.concatenate([taught.images, tested.images])
    assert sorted(each.tobytes() for each in both) == sorted(each.tobytes() for each in everything.images)

    true = {image.tobytes(): label for image, label in zip(everything.images, everything.labels, strict=True)}
    right = [true[image.tobytes()] == label for image, label in zip(taught.images, taught.labels, strict=True)]
    assert 20 <= sum(right) < 30  # a net that was never trained is wrong somewhere, never where a label was seen
    assert found["wrongly_taught"] == pytest.approx(1 - np.mean(right))
    assert [true[image.tobytes()] for image in tested.images] == list(tested.labels)

    assert (config.labels, config.label_strategy, config.validation) == (30, "first", 0)
    assert (config.pseudo_label_weight, config.total_steps, config.seed) == (0, 7, 1)
    assert found["errors"].keys() == {"teacher, one view", "teacher, views", "student, one view"}
    assert found["errors"]["student, one view"] == 0.25
