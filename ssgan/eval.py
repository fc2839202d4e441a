"""Measures the test error of a finished run.

  python -m ssgan.eval --run=FOLDER

Prints the error of the averaged (EMA) and of the raw weights, per-class errors, the confusion matrix and the
calibration error; writes metrics.json and confusion.png into the run folder. With --dataset or --data_dir other
images are evaluated, and the files are named after them.
"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssgan.cli import parse_flags, run_command
from ssgan.config import Config, UsageError, option

if TYPE_CHECKING:
    import keras

    from ssgan.data import ImageSet
    from ssgan.evaluate import Evaluation
    from ssgan.gan import SSGAN


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """The options of `python -m ssgan.eval`."""

    run: str | None = option(None, "Folder of a finished run. Default: the newest under runs/.")
    dataset: str | None = option(None, "Data set to evaluate on. Default: the one of the run.")
    data_dir: str | None = option(None, "Folder of the data. Default: the one of the run.")
    sha256: str | None = option(
        None, "Expected sha256 of the run's classifier.keras; with another, nothing is measured. Default: any."
    )


# What `ssgan.train` saves, by class.
_NETWORKS = ("ssgan.models.discriminator.Discriminator", "ssgan.models.generator.Generator")
_OPTIMIZERS = ("keras.optimizers.Adam", "ssgan.schedules.ConstantThenLinear")
# What the report takes from about.json, by type.
_ABOUT = {"image_shape": list, "class_names": list, "synthetic": bool, "num_train": int}


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; `ssgan.cli.run_command` says with which status it exits."""
    options = parse_flags(EvalConfig, sys.argv if argv is None else argv, usage=__doc__)
    run_command(evaluate_run, options)


def evaluate_run(options: EvalConfig) -> dict:
    """Evaluates a run on test images, prints the report and writes its files.

    Args:
        options: which run, and on which images.

    Returns:
        The figures, as written to `metrics.json`.

    Raises:
        UsageError: if there is no such run, its files are damaged, or the data do not fit it.
    """
    from ssgan import data, files, plots, run
    from ssgan.evaluate import evaluate, format_report, headline

    # The run
    run_dir = run.finished(options.run)
    config = Config.from_json(files.read_text(run_dir / run.OPTIONS))
    about = read_about(run_dir / run.ABOUT)
    classifiers = _classifiers(run_dir, about, sha256=options.sha256)

    # Test images
    dataset = options.dataset or config.dataset
    data_dir = options.data_dir or (config.data_dir if dataset == config.dataset else None)
    other = (dataset, data_dir) != (config.dataset, config.data_dir)
    images = data.load(dataset, "test", data_dir=data_dir, image_size=config.image_size)
    found = (list(images.images.shape[1:]), list(images.class_names))
    if found != (about["image_shape"], about["class_names"]):
        raise UsageError(
            f"{images.name} has images {found[0]} of the classes {found[1]}; the run was trained on "
            f"{about['image_shape']} of {about['class_names']}"
        )

    # Predictions
    ema, raw = (
        evaluate(
            classifier.predict(images.images, batch_size=250, verbose=0),
            images.labels,
            class_names=images.class_names,
        )
        for classifier in classifiers
    )

    # Report
    name = f"{images.name} (SYNTHETIC)" if images.synthetic else images.name
    print(f"{run_dir}: trained on {_trained_on(config, about)}, tested on {name} ({images.source})\n")
    print(format_report(ema, raw=raw))
    suffix = f"_{images.name}_{images.digest[:8]}" if other else ""
    title = f"{name}: {headline(ema, weights='EMA')}\ntrained on {_trained_on(config, about)}"
    plots.confusion_matrix(ema.confusion, images.class_names, run_dir / f"confusion{suffix}.png", title=title)
    metrics = _metrics(config, about, images, ema, raw) | files.read_json(run_dir / run.SUMMARY)
    files.write_json(run_dir / f"metrics{suffix}.json", metrics)
    print(f"\nwritten: {run_dir}/metrics{suffix}.json, {run_dir}/confusion{suffix}.png")
    return metrics


def read_about(path: Path) -> dict:
    """Reads what a run says of its images.

    Raises:
        UsageError: if the file is damaged, or lacks what the report takes from it.
    """
    from ssgan import files

    about = files.read_json(path)
    for key, kind in _ABOUT.items():
        if type(about.get(key)) is not kind:
            raise UsageError(f"{path}: {key} is {str(about.get(key))[:100]}; expected a {kind.__name__}")
    return about


def load_gan(path: Path) -> "SSGAN":
    """Loads the model of a run, not compiled; the file may come from anyone, see `ssgan.keras_files`.

    Raises:
        UsageError: if the file is missing, damaged, or not what `ssgan.train` saved.
    """
    from ssgan import gan as _registers_ssgan  # noqa: F401
    from ssgan import keras_files

    # Counted by network, because the whole model copies weights when it is made.
    return keras_files.load(path, root="ssgan.gan.SSGAN", parts=(*_NETWORKS, *_OPTIMIZERS), networks=_NETWORKS)


def _classifiers(run_dir: Path, about: dict, *, sha256: str | None) -> tuple["keras.Model", "keras.Model"]:
    """Returns the run's classifier, which has the EMA weights, and one with the raw weights."""
    from ssgan import run
    from ssgan.classifier import CLASSIFIER_FILE, load_classifier, to_classifier

    shape, classes = tuple(about["image_shape"]), len(about["class_names"])
    averaged, gan = load_classifier(run_dir, sha256), load_gan(run_dir / run.MODEL)
    for file, found in (
        (CLASSIFIER_FILE, (averaged.input_shape[1:], averaged.output_shape[-1])),
        (run.MODEL, (gan.generator.image_shape, gan.discriminator.num_classes)),
    ):
        if found != (shape, classes):
            raise UsageError(
                f"{run_dir / file} is made for images {found[0]} of {found[1]} classes; the run is said to be of "
                f"{shape} of {classes}"
            )
    return averaged, to_classifier(gan.discriminator, shape)


def _trained_on(config: Config, about: dict) -> str:
    name = f"{config.dataset} (SYNTHETIC)" if about["synthetic"] else config.dataset
    return f"{name} with {config.labels:,} of {about['num_train']:,} labels (label seed {config.label_seed})"


def _metrics(config: Config, about: dict, images: "ImageSet", ema: "Evaluation", raw: "Evaluation") -> dict:
    return {
        "test_error": ema.error,
        "test_error_raw": raw.error,
        "num_test": ema.images,
        "dataset": images.name,
        "source": images.source,
        "synthetic": images.synthetic,
        "digest": images.digest,
        "trained_on": config.dataset,
        "num_train": about["num_train"],
        "labels": config.labels,
        "label_seed": config.label_seed,
        "seed": config.seed,
        "ema": ema.as_dict(),
        "raw": raw.as_dict(),
    }


if __name__ == "__main__":
    main()
