"""Callbacks of the user's, in a run and in the estimator."""

import csv
import json

import keras
import numpy as np
import pytest

import ssgan
from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.store import checkpoint, run
from ssgan.train import train
from tests.test_commands import TINY

QUICK = {**TINY, "dataset": "street_digits", "train_images": 40, "labels": 10, "validation": 4, "log_every": 2}
QUICK |= {"unlabeled_start": 0.0, "total_steps": 5}


class Watching(keras.callbacks.Callback):
    """Takes down what it is told, and stops after so many steps."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.stop_after = stop_after
        self.steps, self.errors, self.epochs = [], [], []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(self.model.step)
        self.errors.append(logs.get("validation_error"))
        if self.stop_after == len(self.steps):
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(dict(logs))


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch, cache):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


def test_a_run_tells_callbacks_of_every_step_and_the_newest_error(capsys):
    watching = Watching()
    folder = train(Config(**QUICK), callbacks=[watching])
    with open(folder / "history.csv") as file:
        history = list(csv.DictReader(file))
    errors = [float(row["validation_error"]) for row in history]
    assert watching.steps == [1, 2, 3, 4, 5]
    assert watching.errors == [None, errors[0], errors[0], errors[1], errors[2]]
    (epoch,) = watching.epochs  # means of the last interval, not those of none
    assert epoch["d_loss"] == pytest.approx(float(history[-1]["d_loss"])) and epoch["d_loss"] > 0
    assert epoch["validation_error"] == errors[2]


def test_a_callback_can_end_a_run_and_change_what_is_saved(capsys):
    class Setting(Watching):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            self.model.discriminator.head.bias.assign(np.full(10, 7.0))

    folder = train(Config(**QUICK, checkpoint_every=3), callbacks=(Setting(stop_after=3),))
    assert json.loads((folder / run.SUMMARY).read_text())["steps"] == 3
    assert "\n3 steps in " in capsys.readouterr().out
    assert ssgan.load_classifier(folder).output_shape == (None, 10)
    saved = checkpoint.load_newest(folder / run.CHECKPOINTS)
    (bias,) = [value for name, value in saved.arrays.items() if name.startswith("discriminator/logits/bias")]
    assert saved.step == 3 and (bias == 7).all()


@pytest.mark.parametrize(("callbacks", "found"), [([print], "builtin_function_or_method"), (Watching(), "Watching")])
def test_what_is_no_list_of_callbacks_is_refused_before_anything_is_read(callbacks, found, tmp_path):
    expected = f"callbacks hold a {found}; expected a list of keras.callbacks.Callback"
    with pytest.raises(UsageError, match=expected):
        train(Config(dataset="nothing"), callbacks=callbacks)
    with pytest.raises(UsageError, match=expected):
        ssgan.SSGANClassifier(callbacks=callbacks).fit([[0.0], [1.0]], [0, 1])
    assert not list(tmp_path.iterdir())
