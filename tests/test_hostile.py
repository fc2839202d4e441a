"""Hostile and damaged files: every reader loads them or refuses them with one line, and runs nothing.

The files and their mutations are those of experiments/robustness/fuzz.py, which runs more of them.
"""

import logging
import os
import sys
import zipfile

import keras
import numpy as np
import pytest

import ssgan
from experiments.robustness import fuzz, readers
from experiments.robustness.hostile import HOSTILE
from ssgan import eval
from ssgan.errors import UsageError
from ssgan.evaluate import runs
from ssgan.options import Config
from ssgan.store import files
from ssgan.training import build as recipe

MUTATIONS = {"gan.keras": 7, "gan.keras: config.json": 7, "TFDS record": 7}
CANARIES = fuzz.count_canaries()


@pytest.fixture(autouse=True)
def nothing_is_executed(monkeypatch):
    monkeypatch.setattr(logging.root, "disabled", True)
    CANARIES.clear()
    yield
    assert CANARIES == []


@pytest.mark.parametrize("name", readers.READERS)
def test_mutated_files_are_loaded_or_refused(name, tmp_path):
    counts = fuzz.fuzz(readers.READERS[name], tmp_path, mutations=MUTATIONS.get(name, 14), seed=1)
    assert counts["failures"] == []
    assert counts["loaded"] + counts["refused"] == counts["tried"] and counts["slowest_seconds"] < 20


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_one_line(name, tmp_path):
    make, read, words = HOSTILE[name]
    path = make(tmp_path)
    with pytest.raises(UsageError, match=words) as caught:
        read(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1500
    assert "antigravity" not in sys.modules


def test_a_reader_that_hangs_is_noticed(tmp_path):
    with pytest.raises(fuzz.Hang), fuzz._alarm(1):
        while True:
            pass


def test_what_training_writes_is_still_read(tmp_path):
    for number, arch in enumerate(("small", "article")):
        config = Config(arch=arch, pooling=("average", "max")[number % 2], precision="bfloat16", generator_width=1)
        gan = recipe.build(config, image_shape=(16, 16, 1), num_classes=2, steps=10)
        gan.save(tmp_path / "gan.keras")
        ssgan.classifier.to_classifier(gan.ema_discriminator, (16, 16, 1)).save(tmp_path / "classifier.keras")
        assert runs.load_gan(tmp_path / "gan.keras").discriminator.arch == arch
        assert ssgan.load_classifier(tmp_path).output_shape == (None, 2)


def test_checking_a_file_leaves_nothing_behind_in_keras(tmp_path):
    path = HOSTILE["Keras: a layer of a billion units"][0](tmp_path)
    with pytest.raises(UsageError, match="asks for"):
        ssgan.load_classifier(path)
    with keras.StatelessScope():  # at its end Keras makes every variable that is still waiting
        pass


def test_a_file_can_be_pinned_by_its_digest(tmp_path):
    path = readers.make_classifier(tmp_path)
    digest = files.sha256(path)
    assert ssgan.load_classifier(tmp_path, sha256=digest.upper()).name == ssgan.load_classifier(path, digest).name
    with pytest.raises(UsageError, match=f"has the sha256 {digest}; expected 0123"):
        ssgan.load_classifier(path, sha256="0123")


@pytest.mark.parametrize("owner, step", [(zipfile, "ZipFile"), (keras.models, "load_model")], ids=["check", "load"])
def test_a_file_that_is_swapped_while_it_is_read_is_not_loaded(owner, step, tmp_path, monkeypatch):
    path = readers.make_classifier(tmp_path)
    digest, expected = files.sha256(path), ssgan.load_classifier(path).get_weights()
    path.rename(tmp_path / "first")
    readers.make_classifier(tmp_path).rename(tmp_path / "other")  # of other random weights
    (tmp_path / "first").rename(path)
    proceed = getattr(owner, step)

    def swap(*args, **kwargs):
        if (tmp_path / "other").exists():
            os.replace(tmp_path / "other", path)
        return proceed(*args, **kwargs)

    monkeypatch.setattr(owner, step, swap)
    loaded = ssgan.load_classifier(path, digest).get_weights()
    assert not (tmp_path / "other").exists()
    for found, weight in zip(loaded, expected, strict=True):
        np.testing.assert_array_equal(found, weight)


@pytest.fixture
def finished_run(tmp_path):
    for make in (
        readers.make_options,
        readers.make_about,
        readers.make_summary,
        readers.make_classifier,
    ):
        make(tmp_path)
    return tmp_path


def test_eval_refuses_a_run_whose_classifier_has_another_digest(finished_run):
    with pytest.raises(UsageError, match="classifier.keras .* has the sha256 [0-9a-f]{64}; expected 0123"):
        eval.evaluate_run(eval.EvalConfig(run=str(finished_run), sha256="0123"))


def test_eval_refuses_a_run_that_does_not_say_what_its_images_are(finished_run):
    (finished_run / "about.json").write_text('{"image_shape": [28, 28, 1], "class_names": "0123456789"}')
    with pytest.raises(UsageError, match="about.json: class_names is 0123456789; expected a list"):
        eval.evaluate_run(eval.EvalConfig(run=str(finished_run)))
