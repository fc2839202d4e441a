"""A finished run without a training: the files that `ssgan.train` leaves, of a small net."""

from pathlib import Path
from typing import Any

import numpy as np

import ssgan
from ssgan.classifier import CLASSIFIER_FILE
from ssgan.data.labels import save_label_mask
from ssgan.options import Config
from ssgan.store import files, run

NAMES = tuple("0123456789")
FIGURES = {"test_error": 0.125, "num_test": 1000, "dataset": "photos", "synthetic": False}


def make_run(
    folder: Path,
    *,
    shape: tuple[int, int, int] = (16, 16, 3),
    class_names: tuple[str, ...] = NAMES,
    metrics: dict[str, Any] | None = None,
    options: Config | None = None,
    **about: Any,
) -> Path:
    """Makes a run in a new folder, and returns that.

    Args:
        folder: to make.
        shape: of the images.
        class_names: of the classes.
        metrics: what `ssgan.eval` wrote; None if it was not run.
        options: of the run; None: those by default.
        **about: further entries of about.json, or others in the place of those written here.
    """
    folder.mkdir(parents=True)
    discriminator = ssgan.Discriminator(len(class_names), arch="tiny")
    gan = ssgan.SSGAN(discriminator, ssgan.Generator(shape, width=2, latent_dim=4))
    ssgan.to_classifier(gan.ema_discriminator).save(folder / CLASSIFIER_FILE)
    origin = {"dataset": "photos", "source": "somewhere", "synthetic": False, "digest": "0" * 64, "num_train": 3}
    written = {**origin, "image_shape": shape, "class_names": class_names, **about}
    files.write_json(folder / run.ABOUT, written)
    files.write(folder / run.OPTIONS, (options or Config(labels=2)).to_json())
    save_label_mask(folder / run.LABEL_MASK, np.array([True, False, True]))
    files.write_json(folder / run.SUMMARY, {"steps": 1})
    if metrics is not None:
        files.write_json(folder / "metrics.json", metrics)
    return folder
