"""A plain GAN (--labels=0) of pictures that nobody has labelled: trained, interrupted, gone on with, measured."""

import csv
import dataclasses
import json

import keras
import numpy as np
import pytest
from PIL import Image

from ssgan.errors import Stopped, UsageError
from ssgan.eval import EvalConfig, evaluate_run
from ssgan.export import ExportConfig, export_run
from ssgan.options import Config
from ssgan.predict import PredictConfig, predict
from ssgan.sample import SampleConfig, draw
from ssgan.store import checkpoint
from ssgan.train import train

STEPS = 4
SMALL = {
    **{"arch": "tiny", "generator_width": 1, "latent_dim": 4, "unlabeled_batch": 4, "generated_batch": 4},
    **{"labels": 0, "objective": "hinge", "adversarial_weight": 1.0, "precision": "float32", "flip": "no"},
    **{"total_steps": STEPS, "log_every": 2, "checkpoint_every": 2, "image_size": "16"},
}


class Interrupted(keras.callbacks.Callback):
    """Ends a training with an error after its third step, as a full disk might."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.step == 3:
            raise OSError("no space")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    (folder / "photos").mkdir()
    for number, pixels in enumerate(np.random.RandomState(0).randint(0, 256, (90, 16, 16, 3)).astype(np.uint8)):
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
    config = Config(**SMALL, images=str(folder / "photos"), cache_dir=str(folder / "cache"))
    train(dataclasses.replace(config, run_dir=str(folder / "straight")))
    interrupted = dataclasses.replace(config, run_dir=str(folder / "resumed"))
    with pytest.raises(Stopped, match="no space"):
        train(interrupted, callbacks=[Interrupted()])
    train(dataclasses.replace(interrupted, resume=True))
    return folder


def test_pictures_without_a_label_train_a_generator_and_an_interrupted_run_goes_on(folder):
    one, two = (
        checkpoint.load(folder / name / "checkpoints" / f"step_{STEPS:09d}") for name in ("straight", "resumed")
    )
    for name, values in one.arrays.items():
        np.testing.assert_array_equal(two.arrays[name], values, err_msg=name)
    assert json.loads((folder / "resumed" / "about.json").read_text())["class_names"] == ["all images"]


def test_nothing_is_held_out_for_an_error_that_there_is_not(folder):
    assert json.loads((folder / "straight" / "options.json").read_text())["validation"] == 0
    with open(folder / "straight" / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 and "validation_error" not in rows[0] and float(rows[-1]["g_loss"]) != 0


def test_its_samples_are_drawn_and_measured(folder):
    draw(SampleConfig(run=str(folder / "straight"), n=5, out=str(folder / "drawn.npz")))
    with np.load(folder / "drawn.npz") as drawn:
        assert drawn["images"].shape == (5, 16, 16, 3) and (drawn["labels"] == -1).all()
    metrics = evaluate_run(
        EvalConfig(run=str(folder / "straight"), split="train", samples=40, cache_dir=str(folder / "cache"))
    )
    assert metrics["samples"]["images"] == 40 and "test_error" not in metrics


def test_it_neither_predicts_nor_is_exported(folder):
    run = str(folder / "straight")
    with pytest.raises(UsageError, match=r"straight is a plain GAN \(--labels=0\), which predicts no classes; "):
        predict(PredictConfig(run=run, paths=(str(folder / "photos"),), out=str(folder / "predictions.csv")))
    with pytest.raises(UsageError, match="is a plain GAN"):
        export_run(ExportConfig(run=run, format="onnx"))
