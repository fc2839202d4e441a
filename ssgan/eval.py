"""Measures the test error of a finished run.

  python -m ssgan.eval --run=FOLDER

Prints the error of the averaged (EMA) and of the raw weights, per-class errors, the confusion matrix and the
calibration error; writes metrics.json, confusion.png and report.html, a page to look at, into the run folder. With
--images, --dataset or --data_dir other images are evaluated, with --split another split than `test`, with --views means
over views of each, with --calibrated at a temperature, and the files are named after them. With --run=A,B,C the mean of
the probabilities of these runs is evaluated, an ensemble; the files are written into the first folder and named after
the ensemble.
"""

import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ssgan import cluster
from ssgan.command import run_command
from ssgan.errors import UsageError
from ssgan.options import DISTRIBUTE
from ssgan.options.declare import check, option
from ssgan.options.flags import parse_flags

if TYPE_CHECKING:
    from ssgan.data import Source
    from ssgan.evaluate.runs import Member
    from ssgan.workers import Workers


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
    views: bool = option(
        False,
        "Predict the mean over views of each image: translated by a pixel, and flipped and inverted where the training "
        "showed them so; takes up to 36 times as long.",
    )
    calibrated: bool = option(
        False, "Divide the logits by the temperature that fits the images the run held out, before the softmax."
    )
    sha256: str | None = option(
        None, "Expected sha256 of each run's classifier.keras, with commas between. With another, nothing is measured."
    )

    distribute: str = option(
        "auto",
        "Several devices or machines that predict together: as of ssgan.train; the chief alone measures samples, and "
        "writes.",
        choices=DISTRIBUTE,
    )

    def __post_init__(self):
        for name in ("samples", "feature_net", "distribute"):
            check(EvalConfig, name, getattr(self, name), shown_as=f"--{name}")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; `ssgan.command.run_command` says with which status it exits."""
    options = parse_flags(EvalConfig, sys.argv if argv is None else argv, usage=__doc__)
    with cluster.ending_at_once(options.distribute):
        run_command(evaluate_run, options)


def evaluate_run(options: EvalConfig) -> dict:
    """Evaluates a run, or an ensemble of runs, on test images, writes the files of the report and prints it.

    Args:
        options: which runs, and on which images.

    Returns:
        The figures, as written to `metrics.json`; none on a worker that is not the chief.

    Raises:
        UsageError: if there is no such run, its files are damaged, or runs and data do not fit each other.
        Stopped: if another worker ended.
    """
    from ssgan.workers import start

    workers = start(options.distribute)
    with workers.lost_in_words("evaluate once more"):
        return _evaluate(options, workers)


def _evaluate(options: EvalConfig, workers: "Workers") -> dict:
    """Evaluates with those who work together; see `evaluate_run`."""
    from ssgan.data.own import OwnImages
    from ssgan.evaluate.images import test_images
    from ssgan.evaluate.outcome import evaluate_classifiers, evaluate_plain_gan, probabilities_of
    from ssgan.evaluate.runs import read_members
    from ssgan.evaluate.samples import check_asked

    with workers.strategy.scope():
        members = read_members(options.run, sha256=options.sha256)
    images, other = test_images(members[0], options)
    for member in members:
        _check_images(member, images)
        if isinstance(images, OwnImages):
            _check_alike(member, members[0], by_fold=not other)
    check_asked(members, samples=options.samples, has_score=options.accuracy_score)
    has_classes = all(member.config.has_labels for member in members)
    if not has_classes and (options.views or options.calibrated):
        raise UsageError("--views and --calibrated: a plain GAN (--labels=0) has no classes to predict; leave them out")
    with workers.strategy.scope():
        if options.calibrated:
            members = [member.calibrated() for member in members]
        if options.views:
            members = [member.in_views() for member in members]
    probabilities = probabilities_of(members, images, options, workers) if has_classes else None
    metrics = {}
    if workers.is_chief and probabilities is not None:
        metrics = evaluate_classifiers(members, images, options, probabilities, other=other)
    elif workers.is_chief:
        metrics = evaluate_plain_gan(members, images, options)  # which has no classes to test
    workers.wait()
    return metrics


def _check_images(member: "Member", images: "Source") -> None:
    expected = (member.about["image_shape"], member.about["class_names"])
    found = (list(images.image_shape), list(images.class_names))
    if found != expected:
        raise UsageError(
            f"{images.name} has images {found[0]} of the classes {found[1]}; {member.run_dir} was trained on "
            f"{expected[0]} of {expected[1]}"
        )


def _check_alike(member: "Member", first: "Member", *, by_fold: bool) -> None:
    """Refuses runs that prepare pictures in different ways or, by fold, saw each other's test images."""
    from ssgan.evaluate.runs import check_alike

    check_alike("preparation", *((one.run_dir, one.preparation) for one in (member, first)))
    folds = [one.config.test_fold for one in (member, first)]
    trained_on = [one.about.get("labelled_digest", one.about.get("digest")) for one in (member, first)]
    if by_fold and (folds[0] != folds[1] or (folds[0] and trained_on[0] != trained_on[1])):
        raise UsageError(
            f"{member.run_dir} was trained with --test_fold={folds[0]}, {first.run_dir} with {folds[1]}, or the "
            "folder was another one then: each may have seen test images of the other; expected runs of one fold of "
            "the same pictures, or by --images pictures that none has seen"
        )


if __name__ == "__main__":
    main()
