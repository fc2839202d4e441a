"""Measures the test error of a finished run.

  python -m ssgan.eval --run=FOLDER

Prints the error of the averaged (EMA) and of the raw weights, per-class errors, the confusion matrix and the
calibration error; writes metrics.json and confusion.png into the run folder. With --dataset or --data_dir other
images are evaluated, with --split another split than `test`, and the files are named after them. With --run=A,B,C
the mean of the probabilities of these runs is evaluated, an ensemble; the files are written into the first folder
and named after the ensemble.
"""

import dataclasses
import hashlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ssgan.command import run_command
from ssgan.errors import UsageError
from ssgan.options.declare import option
from ssgan.options.flags import parse_flags

if TYPE_CHECKING:
    import keras
    import numpy.typing as npt

    from ssgan.data import Source
    from ssgan.evaluate.classification import Evaluation
    from ssgan.evaluate.runs import Member


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """The options of `python -m ssgan.eval`."""

    run: str | None = option(
        None, "Folder of a finished run, or several, with commas between, as an ensemble. Default: the newest in runs/."
    )
    dataset: str | None = option(None, "Data set to evaluate on. Default: the one of the run.")
    data_dir: str | None = option(None, "Folder of the data. Default: the one of the run.")
    split: str = option("test", "Images to evaluate on: test, or another split that the data set has.")
    sha256: str | None = option(
        None, "Expected sha256 of each run's classifier.keras, with commas between. With another, nothing is measured."
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; `ssgan.command.run_command` says with which status it exits."""
    options = parse_flags(EvalConfig, sys.argv if argv is None else argv, usage=__doc__)
    run_command(evaluate_run, options)


def evaluate_run(options: EvalConfig) -> dict:
    """Evaluates a run, or an ensemble of runs, on test images, writes the files of the report and prints it.

    An ensemble predicts the mean of its members' probabilities (arXiv:1606.03498, table 1).

    Args:
        options: which runs, and on which images.

    Returns:
        The figures, as written to `metrics.json`.

    Raises:
        UsageError: if there is no such run, its files are damaged, or runs and data do not fit each other.
    """
    import numpy as np

    from ssgan import data, report
    from ssgan.evaluate.runs import read_members
    from ssgan.report import format_report, headline
    from ssgan.store import files

    # The runs
    members = read_members(options.run, sha256=options.sha256)
    first = members[0]

    # Test images, or others
    split = options.split
    dataset = options.dataset or first.config.dataset
    data_dir = options.data_dir or (first.config.data_dir if dataset == first.config.dataset else None)
    other = (dataset, data_dir) != (first.config.dataset, first.config.data_dir)
    images = data.load(dataset, split, data_dir=data_dir, image_size=first.config.image_size)
    _check_labels(images)
    for member in members:
        _check_images(member, images)

    # Predictions, [members, (EMA, raw), images, classes]
    probabilities = np.array(
        [[_probabilities(classifier, images) for classifier in (member.averaged, member.raw)] for member in members]
    )
    ema, raw = _evaluations(probabilities.mean(axis=0), images)

    # Figures
    name = f"{images.name} (SYNTHETIC)" if images.synthetic else images.name
    tested_on = f"tested on {name}{'' if split == 'test' else f', split {split}'} ({images.source})"
    suffix = f"_{images.name}_{images.digest[:8]}" if other else ""
    suffix += "" if split == "test" else f"_{split}"
    metrics = _test_figures(images, ema, raw)
    if len(members) == 1:
        what = f"trained on {first.trained_on}"
        metrics |= _origin(first)
        lines = [f"{first.run_dir}: {what}, {tested_on}\n"]
    else:
        what = f"ensemble of {len(members)} runs"
        suffix = f"_ensemble_{_digest(members)}{suffix}"
        metrics["members"], lines = [], []
        for member, of_member in zip(members, probabilities, strict=True):
            pair = _evaluations(of_member, images)
            metrics["members"].append({"run": str(member.run_dir), **_origin(member), **_test_figures(images, *pair)})
            error = headline(pair[0], weights="EMA", split=split)
            lines.append(f"{member.run_dir}: trained on {member.trained_on}: {error}")
        lines.append(f"\n{what}, {tested_on}\n")

    # Files, then the report: it may be read by nobody
    picture, table = first.run_dir / f"confusion{suffix}.png", first.run_dir / f"metrics{suffix}.json"
    title = f"{name}: {headline(ema, weights='EMA', split=split)}\n{what}"
    report.confusion_matrix(ema.confusion, images.class_names, picture, title=title)
    files.write_json(table, metrics)
    if split == "train" and any(dataset == member.config.dataset for member in members):
        print("*** train: images that were trained on; their error is no test error ***")
    print("\n".join([*lines, format_report(ema, raw=raw, split=split)]))
    print(f"\nwritten: {table}, {picture}")
    return metrics


def _check_labels(images: "Source") -> None:
    if images.num_unlabelled:
        raise UsageError(
            f"{images.num_unlabelled:,} of the {len(images):,} {images.name} {images.split} images have no label; "
            "expected one for each image: name another split with --split"
        )


def _check_images(member: "Member", images: "Source") -> None:
    expected = (member.about["image_shape"], member.about["class_names"])
    found = (list(images.image_shape), list(images.class_names))
    if found != expected:
        raise UsageError(
            f"{images.name} has images {found[0]} of the classes {found[1]}; {member.run_dir} was trained on "
            f"{expected[0]} of {expected[1]}"
        )


def _evaluations(probabilities: "npt.NDArray", images: "Source") -> "list[Evaluation]":
    """Returns the evaluation of each row, [images, classes], of `probabilities`: of the EMA and of the raw weights."""
    from ssgan.evaluate.classification import evaluate

    return [evaluate(row, images.labels, class_names=images.class_names) for row in probabilities]


def _probabilities(classifier: "keras.Model", images: "Source") -> "npt.NDArray":
    """Returns the predictions for all images, which are read a few thousand at a time."""
    import numpy as np

    parts = np.array_split(np.arange(len(images)), -(-len(images) // 5000))
    return np.concatenate([classifier.predict(images.read(rows), batch_size=250, verbose=0) for rows in parts])


def _digest(members: "list[Member]") -> str:
    """Returns eight characters by which an ensemble's files are told from another's."""
    folders = ",".join(str(member.run_dir.resolve()) for member in members)
    return hashlib.sha256(folders.encode()).hexdigest()[:8]


def _test_figures(images: "Source", ema: "Evaluation", raw: "Evaluation") -> dict:
    return {
        f"{images.split}_error": ema.error,
        f"{images.split}_error_raw": raw.error,
        f"num_{images.split}": ema.images,
        "split": images.split,
        "dataset": images.name,
        "source": images.source,
        "synthetic": images.synthetic,
        "digest": images.digest,
        "ema": ema.as_dict(),
        "raw": raw.as_dict(),
    }


def _origin(member: "Member") -> dict:
    """Returns what a run says of its training."""
    from ssgan.store import files, run

    config = member.config
    return {
        "trained_on": config.dataset,
        "num_train": member.about["num_train"],
        "labels": config.labels,
        "label_seed": config.label_seed,
        "seed": config.seed,
        **files.read_json(member.run_dir / run.SUMMARY),
    }


if __name__ == "__main__":
    main()
