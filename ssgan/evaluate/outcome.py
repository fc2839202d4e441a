"""What `ssgan.eval` does with runs and the images that they are tested on: figures, files and a report."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ssgan import report
from ssgan.data import Source
from ssgan.errors import UsageError
from ssgan.evaluate.classification import Evaluation, evaluate
from ssgan.evaluate.findings import Tested, gather
from ssgan.evaluate.runs import Member
from ssgan.evaluate.samples import LEAST_IMAGES, draw, draws_to_measure, measure_samples
from ssgan.report import scalars
from ssgan.report.html import write_page
from ssgan.store import files, run
from ssgan.workers import Workers

if TYPE_CHECKING:
    from ssgan.eval import EvalConfig

_BATCH = 250  # images that a replica looks at together


def probabilities_of(
    members: Sequence[Member], images: Source, options: "EvalConfig", workers: Workers
) -> npt.NDArray[np.float32]:
    """Returns what runs predict, [members, (EMA, raw), images, classes], on each of those who predict together.

    Args:
        members: runs that have classes, loaded under the strategy of the workers.
        images: to test on.
        options: of the command.
        workers: those who predict together.
    """
    batch_size = max(1, _BATCH // _num_views(members, options))
    return np.array(
        [
            [_probabilities(one, images, workers, batch_size=batch_size) for one in (member.averaged, member.raw)]
            for member in members
        ]
    )


def _num_views(members: Sequence[Member], options: "EvalConfig") -> int:
    return max(len(member.views) for member in members) if options.views else 1


def evaluate_classifiers(
    members: Sequence[Member], images: Source, options: "EvalConfig", probabilities: npt.NDArray, *, other: bool
) -> dict[str, Any]:
    """Tests a run, or an ensemble of runs, writes the files of the report into the first folder and prints it.

    An ensemble predicts the mean of its members' probabilities (arXiv:1606.03498, table 1).

    Args:
        members: runs that have classes.
        images: to test on, with labels.
        options: of the command.
        probabilities: that `probabilities_of` returned.
        other: whether these are others than the test images of the run.

    Returns:
        The figures, as written to `metrics.json`.
    """
    first, has_one = members[0], len(members) == 1
    mean = probabilities.mean(axis=0)
    alone = [_evaluations(of_member, images) for of_member in probabilities]
    ema, raw = alone[0] if has_one else _evaluations(mean, images)

    num_views = _num_views(members, options)
    metrics = _test_figures(images, ema, raw) | {"views": num_views, "calibrated": options.calibrated}
    if has_one:
        metrics |= _origin(first)
    else:
        metrics["members"] = [
            {"run": str(member.run_dir), **_origin(member), **_test_figures(images, *pair)}
            for member, pair in zip(members, alone, strict=True)
        ]
    if has_one and (count := draws_to_measure(first, images, options.samples, has_score=options.accuracy_score)):
        metrics["samples"] = _sample_figures(first, images, options, count=count)

    found = gather(
        first,
        images,
        on_training=images.split == "train" and not other,
        data_dir=_data_dir(first, options),
        cache_dir=options.cache_dir,
    )
    if found.training is not None:
        metrics["on_training"] = len(images if found.pairs is None else found.pairs)

    # Files and the page, then the report: it may be read by nobody
    name = f"{images.name} (SYNTHETIC)" if images.synthetic else images.name
    what = f"trained on {first.trained_on}" if has_one else f"ensemble of {len(members)} runs"
    what += ", calibrated" if options.calibrated else ""
    what += f", {num_views} views of each image" if num_views > 1 else ""
    picture, table, page = _paths(members, images, options, other=other)
    title = f"{name}: {report.headline(ema, weights='EMA', split=images.split)}\n{what}"
    report.confusion_matrix(ema.confusion, images.class_names, picture, title=title)
    files.write_json(table, metrics)
    where = f"{name}{'' if images.split == 'test' else f', split {images.split}'} ({images.source})"
    write_page(
        page,
        Tested(title=name, tested_on=where, images=images, probabilities=mean[0], evaluation=ema, raw=raw),
        found,
        members=[(member.run_dir, member.trained_on, pair[0]) for member, pair in zip(members, alone, strict=True)],
        samples=metrics.get("samples"),
        confusion=picture,
    )
    if found.on_training:
        print("*** train: images that were trained on; their error is no test error ***")
    elif found.pairs:
        print(
            f"*** {len(found.pairs):,} of {len(images):,} images tested on are among those of the training, exactly or "
            "nearly: the error looks smaller than it is ***"
        )
    if has_one:
        print(f"{first.run_dir}: {what}, tested on {where}\n")
    else:
        for member, pair in zip(members, alone, strict=True):
            error = report.headline(pair[0], weights="EMA", split=images.split)
            print(f"{member.run_dir}: trained on {member.trained_on}: {error}")
        print(f"\n{what}, tested on {where}\n")
    print(report.format_report(ema, raw=raw, split=images.split))
    if "samples" in metrics:
        print("\n" + report.format_quality(metrics["samples"]))
    elif has_one and first.config.conditional and len(images) < LEAST_IMAGES:
        print(f"\nwhat it draws is not measured: {len(images)} images to hold it against, of {LEAST_IMAGES} at least")
    print(f"\nwritten: {table}, {picture}, {page}")
    return metrics


def evaluate_plain_gan(members: Sequence[Member], images: Source, options: "EvalConfig") -> dict[str, Any]:
    """Measures what a plain GAN draws, which has no classes to test; writes the figures and prints them.

    Args:
        members: the run; one.
        images: to hold the generated ones against.
        options: of the command.

    Returns:
        The figures, as written to `metrics.json`.

    Raises:
        UsageError: for several runs, and if no image is to be generated.
    """
    if len(members) > 1:
        raise UsageError("--run names a plain GAN (--labels=0) among several runs; it has no classes: name it alone")
    (member,) = members
    count = draws_to_measure(member, images, options.samples)
    if not count:
        raise UsageError("--samples=0, and a plain GAN (--labels=0) has no classes: nothing is left to evaluate")
    metrics = {**_origin(member), "samples": _sample_figures(member, images, options, count=count)}
    table, grid = member.run_dir / "metrics.json", member.run_dir / "samples.png"
    pictures, _ = draw(member, 100, seed=0)
    report.sample_grid(pictures, grid, caption=f"{member.about['dataset']}, plain GAN")
    files.write_json(table, metrics)
    print(f"{member.run_dir}: a plain GAN of {member.about['dataset']}, beside its {images.split} images\n")
    print(report.format_quality(metrics["samples"]))
    print(f"\nwritten: {table}, {grid}")
    return metrics


def _paths(members: Sequence[Member], images: Source, options: "EvalConfig", *, other: bool) -> list[Path]:
    """Returns where the confusion matrix, the figures and the page go, named after what is evaluated."""
    suffix = f"_ensemble_{_digest(members)}" if len(members) > 1 else ""
    suffix += f"_{images.name}_{images.digest[:8]}" if other else ""
    suffix += "" if images.split == "test" else f"_{images.split}"
    suffix += "_calibrated" if options.calibrated else ""
    suffix += "_views" if options.views else ""
    names = (f"confusion{suffix}.png", f"metrics{suffix}.json", f"report{suffix}.html")
    return [members[0].run_dir / name for name in names]


def _data_dir(member: Member, options: "EvalConfig") -> str | None:
    """Returns the folder that the options name, where the images of the training are in it, too."""
    return options.data_dir if options.dataset in (None, member.config.dataset) else None


def _sample_figures(member: Member, images: Source, options: "EvalConfig", *, count: int) -> dict[str, Any]:
    """Returns what generated images are like, beside real ones, and puts the numbers into the run's TensorBoard log."""
    found = measure_samples(
        member,
        images,
        count=count,
        feature_net=options.feature_net,
        has_score=options.accuracy_score,
        data_dir=_data_dir(member, options),
        cache_dir=options.cache_dir,
    )
    numbers = {
        f"samples_{kind}/{name}": value
        for kind in ("generated", "real")
        for name, value in found[kind].items()
        if isinstance(value, int | float)
    }
    writer = tf.summary.create_file_writer(str(member.run_dir / scalars.FOLDER), filename_suffix=".samples")
    scalars.write_scalars(writer, numbers, step=files.read_json(member.run_dir / run.SUMMARY)["steps"])
    writer.close()
    return found


def _evaluations(probabilities: npt.NDArray, images: Source) -> list[Evaluation]:
    """Returns the evaluation of each row, [images, classes], of `probabilities`: of the EMA and of the raw weights."""
    return [evaluate(row, images.labels, class_names=images.class_names) for row in probabilities]


def _probabilities(classifier: keras.Model, images: Source, workers: Workers, *, batch_size: int) -> npt.NDArray:
    """Returns the predictions for all images, which are read a few thousand at a time."""
    parts = np.array_split(np.arange(len(images)), -(-len(images) // 5000))
    predicted: Callable[[npt.NDArray], npt.NDArray] = functools.partial(
        classifier.predict, batch_size=batch_size, verbose=0
    )
    if workers.replicas > 1:
        predicted = workers.spread(classifier, batch_size=batch_size * workers.replicas)
    return np.concatenate([predicted(images.read(rows)) for rows in parts])


def _digest(members: Sequence[Member]) -> str:
    """Returns eight characters by which an ensemble's files are told from another's."""
    folders = ",".join(str(member.run_dir.resolve()) for member in members)
    return hashlib.sha256(folders.encode()).hexdigest()[:8]


def _test_figures(images: Source, ema: Evaluation, raw: Evaluation) -> dict[str, Any]:
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


def _origin(member: Member) -> dict[str, Any]:
    """Returns what a run says of its training."""
    config = member.config
    return {
        "trained_on": member.about["dataset"],
        "num_train": member.about["num_train"],
        "labels": config.labels,
        "label_seed": config.label_seed,
        "seed": config.seed,
        **files.read_json(member.run_dir / run.SUMMARY),
    }
