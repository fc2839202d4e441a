"""What an export says of the run it comes from."""

import dataclasses
from pathlib import Path
from typing import Any

import keras

from ssgan import test_time
from ssgan.classifier import CLASSIFIER_FILE, load_classifier
from ssgan.data.labels import load_label_mask
from ssgan.data.own.decode import Preparation
from ssgan.errors import UsageError
from ssgan.evaluate.runs import (
    check_has_classes,
    check_made_for,
    preparation_of,
    read_about,
    read_options,
    views_of_run,
)
from ssgan.store import files, run
from ssgan.training.build import is_baseline

_METRICS, _METRICS_OF_VIEWS = "metrics.json", "metrics_views.json"
# What is taken from them, by type.
_FIGURES = {"test_error": float, "num_test": int, "dataset": str, "synthetic": bool}


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Origin:
    """A finished run, as far as an export tells of it.

    Attributes:
        name: of the run's folder, without the folders above it.
        file, sha256: the classifier's file and its digest, in hexadecimal.
        classifier: the model in it.
        classes: names of the classes.
        preparation: how pictures became the images.
        dataset: name of the data set.
        synthetic: whether the images were drawn by a program.
        num_train, num_labels: number of train images, and of the labels that were seen.
        version: of ssgan, that it was trained by; empty where that is not known.
        has_gan: whether a generator took part.
        is_supervised: whether it was trained on the labelled images alone.
        figures: the test error and what it was measured on; empty where nothing was.
        num_views: of each image, over which the classifier gives the mean; see `ssgan.test_time`.
    """

    name: str
    file: Path
    sha256: str
    classifier: keras.Model
    classes: list[str]
    preparation: Preparation
    dataset: str
    synthetic: bool
    num_train: int
    num_labels: int
    version: str
    has_gan: bool
    is_supervised: bool
    figures: dict[str, Any]
    num_views: int


def read(run_dir: Path, *, has_views: bool = False) -> Origin:
    """Reads a finished run; its files may come from anyone.

    Args:
        run_dir: its folder.
        has_views: whether the classifier is to give means over views of each image.

    Raises:
        UsageError: if one of them is damaged, or they do not fit each other.
    """
    about, file = read_about(run_dir / run.ABOUT), run_dir / CLASSIFIER_FILE
    if not all(isinstance(name, str) for name in about["class_names"]):
        raise UsageError(f"{run_dir / run.ABOUT}: class_names is {str(about['class_names'])[:100]}; expected texts")
    classifier, digest = _classifier(file, about)
    config = read_options(run_dir)
    check_has_classes(config, run_dir)
    views = views_of_run(config, about["class_names"]) if has_views else test_time.Views()
    return Origin(
        name=run_dir.resolve().name,
        file=file,
        sha256=digest,
        classifier=test_time.averaged(classifier, views) if has_views else classifier,
        classes=about["class_names"],
        preparation=preparation_of(about, run_dir / run.ABOUT),
        dataset=str(about.get("dataset")),
        synthetic=about["synthetic"],
        num_train=about["num_train"],
        num_labels=int(load_label_mask(run_dir / run.LABEL_MASK).sum()),
        version=str(about.get("ssgan", "")),
        has_gan=config.gan_weight > 0,
        is_supervised=is_baseline(config),
        figures=_figures(run_dir / (_METRICS_OF_VIEWS if has_views else _METRICS)),
        num_views=len(views),
    )


def _classifier(file: Path, about: dict[str, Any]) -> tuple[keras.Model, str]:
    """Returns the classifier, which fits what the run says of its images, and the digest of its file."""
    if not file.is_file():
        raise UsageError(f"no classifier at {file}; expected the folder of a finished run")
    digest = files.sha256(file)
    classifier = load_classifier(file, digest)
    found, said = (classifier.input_shape[1:], classifier.output_shape[-1]), tuple(about["image_shape"])
    check_made_for(file, found, (said, len(about["class_names"])))
    return classifier, digest


def _figures(path: Path) -> dict[str, Any]:
    """Returns the headline figures of `ssgan.eval`, nothing where it was not run."""
    if not path.exists():
        return {}
    metrics = files.read_json(path)
    for key, kind in _FIGURES.items():
        if type(metrics.get(key)) is not kind:
            raise UsageError(f"{path}: {key} is {str(metrics.get(key))[:100]}; expected a {kind.__name__}")
    return {key: metrics[key] for key in _FIGURES}
