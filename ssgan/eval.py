"""Measures the test error of a finished run.

  python -m ssgan.eval --run=FOLDER

Prints the error of the averaged (EMA) and of the raw weights, per-class errors, the confusion matrix and the
calibration error; writes metrics.json, confusion.png and report.html, a page to look at, into the run folder. With
--images, --dataset or --data_dir other images are evaluated, with --split another split than `test`, and the files are
named after them. With --run=A,B,C the mean of the probabilities of these runs is evaluated, an ensemble; the files are
written into the first folder and named after the ensemble.
"""

import dataclasses
import hashlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ssgan.command import run_command
from ssgan.errors import UsageError
from ssgan.options.declare import check, option
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
    images: str | None = option(
        None, "Folder of your pictures to evaluate on: those in its test/, or else all that have a label."
    )
    labels_file: str | None = option(None, "Their labels, where sub-folders do not say them; see ssgan.train.")
    skip_unreadable: bool = option(False, "Go on without the pictures that cannot be read.")
    cache_dir: str | None = option(None, "Folder for the decoded pictures. Default: ~/.cache/ssgan.")
    split: str = option("test", "Images to evaluate on: test, or another split that the data set has.")
    samples: int | None = option(
        None,
        "Generated images to measure beside as many real ones; 0: none. Default: 1000 of a conditional generator or a "
        "plain GAN, none of another.",
        low=0,
    )
    feature_net: str = option(
        "random",
        "Net in whose features images are compared: random, never trained; or trained, on all labels of the training "
        "images, which takes a minute or two and sees the classes.",
        choices=("random", "trained"),
    )
    accuracy_score: bool = option(
        False,
        "Also train a new classifier on 10,000 generated images alone and test it on the real ones (classification "
        "accuracy score, arXiv:1905.10887), and one on real images beside it: some minutes.",
    )
    sha256: str | None = option(
        None, "Expected sha256 of each run's classifier.keras, with commas between. With another, nothing is measured."
    )

    def __post_init__(self):
        for name in ("samples", "feature_net"):
            check(EvalConfig, name, getattr(self, name), shown_as=f"--{name}")


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

    from ssgan import report
    from ssgan.evaluate.findings import Tested, gather
    from ssgan.evaluate.images import test_images
    from ssgan.evaluate.runs import read_members
    from ssgan.evaluate.samples import draws_to_measure
    from ssgan.report import format_quality, format_report, headline
    from ssgan.report.html import write_page
    from ssgan.store import files

    # The runs
    members = read_members(options.run, sha256=options.sha256)
    first = members[0]

    # Test images, or others
    images, other = test_images(first, options)
    split = images.split
    for member in members:
        _check_images(member, images)

    # A plain GAN has no classes to test
    if not all(member.config.has_labels for member in members):
        return _evaluate_plain(members, images, options)

    # Predictions, [members, (EMA, raw), images, classes]
    probabilities = np.array(
        [[_probabilities(classifier, images) for classifier in (member.averaged, member.raw)] for member in members]
    )
    mean = probabilities.mean(axis=0)
    ema, raw = _evaluations(mean, images)

    # Figures
    name = f"{images.name} (SYNTHETIC)" if images.synthetic else images.name
    where = f"{name}{'' if split == 'test' else f', split {split}'} ({images.source})"
    tested_on = f"tested on {where}"
    suffix = f"_{images.name}_{images.digest[:8]}" if other else ""
    suffix += "" if split == "test" else f"_{split}"
    metrics, alone = _test_figures(images, ema, raw), [[ema, raw]]
    if len(members) == 1:
        what = f"trained on {first.trained_on}"
        metrics |= _origin(first)
        lines = [f"{first.run_dir}: {what}, {tested_on}\n"]
    else:
        what = f"ensemble of {len(members)} runs"
        suffix = f"_ensemble_{_digest(members)}{suffix}"
        metrics["members"], lines = [], []
        alone = [_evaluations(of_member, images) for of_member in probabilities]
        for member, pair in zip(members, alone, strict=True):
            metrics["members"].append({"run": str(member.run_dir), **_origin(member), **_test_figures(images, *pair)})
            error = headline(pair[0], weights="EMA", split=split)
            lines.append(f"{member.run_dir}: trained on {member.trained_on}: {error}")
        lines.append(f"\n{what}, {tested_on}\n")

    # Generated images
    if len(members) == 1 and (count := draws_to_measure(first, options.samples)):
        metrics["samples"] = _sample_figures(first, images, options, count=count)

    # Files and the page, then the report: it may be read by nobody
    picture, table, page = (
        first.run_dir / name for name in (f"confusion{suffix}.png", f"metrics{suffix}.json", f"report{suffix}.html")
    )
    title = f"{name}: {headline(ema, weights='EMA', split=split)}\n{what}"
    report.confusion_matrix(ema.confusion, images.class_names, picture, title=title)
    files.write_json(table, metrics)
    of_this_set = options.dataset in (None, first.config.dataset)
    data_dir = options.data_dir if of_this_set else None
    found = gather(first, images, data_dir=data_dir, cache_dir=options.cache_dir)
    tested = Tested(title=name, tested_on=where, images=images, probabilities=mean[0], evaluation=ema, raw=raw)
    runs = [(member.run_dir, member.trained_on, pair[0]) for member, pair in zip(members, alone, strict=True)]
    write_page(page, tested, found, members=runs, confusion=picture)
    if split == "train" and any(images.name == member.about["dataset"] for member in members):
        print("*** train: images that were trained on; their error is no test error ***")
    print("\n".join([*lines, format_report(ema, raw=raw, split=split)]))
    if "samples" in metrics:
        print("\n" + format_quality(metrics["samples"]))
    print(f"\nwritten: {table}, {picture}, {page}")
    return metrics


def _evaluate_plain(members: "list[Member]", images: "Source", options: EvalConfig) -> dict:
    """Measures what a plain GAN draws, which has no classes to test; writes the figures and prints them."""
    from ssgan import report
    from ssgan.evaluate.samples import draw, draws_to_measure
    from ssgan.report import format_quality
    from ssgan.store import files

    if len(members) > 1:
        raise UsageError("--run names a plain GAN (--labels=0) among several runs; it has no classes: name it alone")
    (member,) = members
    count = draws_to_measure(member, options.samples)
    if not count:
        raise UsageError("--samples=0, and a plain GAN (--labels=0) has no classes: nothing is left to evaluate")
    metrics = {**_origin(member), "samples": _sample_figures(member, images, options, count=count)}
    table, grid = member.run_dir / "metrics.json", member.run_dir / "samples.png"
    pictures, _ = draw(member, 100, seed=0)
    report.sample_grid(pictures, grid, caption=f"{member.about['dataset']}, plain GAN")
    files.write_json(table, metrics)
    print(f"{member.run_dir}: a plain GAN of {member.about['dataset']}, beside its {images.split} images\n")
    print(format_quality(metrics["samples"]))
    print(f"\nwritten: {table}, {grid}")
    return metrics


def _sample_figures(member: "Member", images: "Source", options: EvalConfig, *, count: int) -> dict:
    from ssgan.evaluate.samples import measure_samples

    return measure_samples(
        member, images, count=count, feature_net=options.feature_net, has_score=options.accuracy_score
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
        "trained_on": member.about["dataset"],
        "num_train": member.about["num_train"],
        "labels": config.labels,
        "label_seed": config.label_seed,
        "seed": config.seed,
        **files.read_json(member.run_dir / run.SUMMARY),
    }


if __name__ == "__main__":
    main()
