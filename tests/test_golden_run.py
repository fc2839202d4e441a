"""Tiny runs that earlier versions trained, from options to checkpoint, are still evaluated and resumed.

`python -m tests.test_golden_run FOLDER` of 0.1.0 wrote `tests/golden/v1_run`, of 0.2.0 `v2_run`; they are not to be
written again, a new version goes beside them. Their images are made here, in SVHN's form.
"""

import gzip
import os
import shutil
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy.io

import ssgan
from ssgan import data, eval, load_classifier
from ssgan.classifier import CLASSIFIER_FILE
from ssgan.evaluate import runs
from ssgan.models import architectures
from ssgan.options import Config
from ssgan.options.flags import parse_flags
from ssgan.store import run
from ssgan.train import train
from tests.test_golden import tiny

GOLDEN = Path(__file__).parent / "golden"
# Which version trained it, as its checkpoint says, and how far the run may end from where that version ended it: other
# shifts and views since 0.1.0, from the same weights, averages and moments; the last digits since 0.2.0.
RUNS = {"v1_run": ("not recorded", 0.01), "v2_run": ("0.2.0", 1e-4)}
STEP_2 = "step_000000002"
FLAGS = [
    "--dataset=svhn_cropped",
    "--data_dir=svhn",
    "--run_dir=run",
    "--labels=20",
    "--validation=10",
    "--labeled_batch=5",
    "--unlabeled_batch=6",
    "--generated_batch=4",
    "--generator_width=1",
    "--latent_dim=4",
    "--unlabeled_start=0.25",
    "--gan_every=1",
    "--vat_weight=0.5",
    "--total_steps=4",
    "--log_every=2",
    "--checkpoint_every=2",
    "--precision=float32",
]


def write_images(folder: Path) -> None:
    """Writes 60 train and 20 test images, of which each class has a brightness of its own."""
    random = np.random.RandomState(0)
    for name, count in (("train", 60), ("test", 20)):
        labels = np.arange(count) % 10 + 1
        noise = random.randint(0, 50, (32, 32, 3, count))
        scipy.io.savemat(
            folder / f"{name}_32x32.mat", {"X": (noise + 20 * labels).astype(np.uint8), "y": labels[:, None]}
        )


def write(golden: Path) -> None:
    architectures.ARCHITECTURES["small"] = tiny
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("svhn").mkdir()
        write_images(Path("svhn"))
        train(parse_flags(Config, ["train", *FLAGS], usage=""))
        shutil.copytree(Path("run", run.CHECKPOINTS, STEP_2), golden / run.CHECKPOINTS / STEP_2)
        for name in (run.OPTIONS, run.ABOUT, run.SUMMARY, run.LABEL_MASK, CLASSIFIER_FILE):
            shutil.copy(Path("run", name), golden / name)
        (golden / f"{run.MODEL}.gz").write_bytes(gzip.compress(Path("run", run.MODEL).read_bytes()))


@pytest.fixture(params=RUNS)
def golden(request) -> str:
    return request.param


@pytest.fixture
def images(golden, tmp_path, monkeypatch) -> np.ndarray:
    """Returns a few images, in a folder where the run and its data lie as they did."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(architectures.ARCHITECTURES, "small", tiny)
    shutil.copytree(GOLDEN / golden, "run")
    Path("run", run.MODEL).write_bytes(gzip.decompress(Path("run", f"{run.MODEL}.gz").read_bytes()))
    Path("svhn").mkdir()
    write_images(Path("svhn"))
    return data.load("svhn_cropped", "test", data_dir="svhn").images


def test_the_run_is_evaluated(images):
    figures = eval.evaluate_run(eval.EvalConfig(run="run"))
    assert (figures["num_test"], figures["steps"], figures["trained_on"]) == (20, 4, "svhn_cropped")
    np.testing.assert_allclose(
        runs.load_gan(Path("run", run.MODEL)).predict(images, verbose=0),
        load_classifier("run").predict(images, verbose=0),
        atol=1e-5,
    )


def test_its_model_is_compiled_as_it_was(images):
    gan = keras.models.load_model(Path("run", run.MODEL))
    assert [term.name for term in gan.d_terms] == ["supervised", "adversarial", "pseudo_labels", "virtual_adversarial"]
    assert [term.weight for term in gan.d_terms] == [1.0, 0.1, 1.0, 0.5] and gan.augment == "photo"
    assert [term.get_config() for term in gan.g_terms] == [{"weight": 1.0, "distance": "l1"}]
    assert (gan.phases.unlabeled_start, gan.phases.gan_every, gan.generated_batch) == (1, 1, 4)


def test_the_run_is_resumed(golden, images, capsys):
    version, tolerance = RUNS[golden]
    expected = load_classifier("run").predict(images, verbose=0)
    for name in (run.SUMMARY, CLASSIFIER_FILE):
        Path("run", name).unlink()
    train(parse_flags(Config, ["train", "--run_dir=run", "--resume"], usage="", saved=run.saved_options))
    shown = capsys.readouterr().out
    assert "resumed from the checkpoint of step 2 of 4" in shown
    assert f"ssgan {version} -> {ssgan.__version__}" in shown and "trained as this version does" in shown
    np.testing.assert_allclose(load_classifier("run").predict(images, verbose=0), expected, atol=tolerance)


if __name__ == "__main__":
    write(Path(sys.argv[1]).resolve())
