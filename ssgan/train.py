"""Trains a classifier from a few labels and many images.

  python -m ssgan.train --images=FOLDER
  python -m ssgan.train --dataset=svhn_cropped --data_dir=FOLDER --labels=1000

Writes a run folder: history.csv, curves.png, samples/, tensorboard/, the model (gan.keras) and the
classifier (classifier.keras). Options can be those of a recipe: --recipe=svhn_1000_paper
"""

import contextlib
import dataclasses
import datetime
import functools
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssgan import cluster, determinism
from ssgan.command import run_command
from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.options.flags import parse_flags
from ssgan.output import one_line
from ssgan.store import files, run

if TYPE_CHECKING:  # TensorFlow is imported after the flags are parsed: a mistyped flag shall not wait seconds for it
    import keras
    import numpy.typing as npt

    from ssgan.data import Source
    from ssgan.workers import Workers

_NAMED = 20  # pictures in a warning


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; `ssgan.command.run_command` says with which status it exits."""
    config = parse_flags(Config, sys.argv if argv is None else argv, usage=__doc__, saved=run.saved_options)
    if config.deterministic:
        determinism.turn_off_onednn()
    with cluster.ending_at_once(config.distribute):
        run_command(train, config)


def train(config: Config, *, callbacks: Sequence["keras.callbacks.Callback"] | None = None) -> Path:
    """Trains as the options say, from the images to the saved classifier.

    Args:
        config: the options.
        callbacks: further callbacks of Keras', which see every step, and every `log_every` steps `validation_error`
            among its logs; a run is one epoch. One that sets `self.model.stop_training` ends it: it is finished then.

    Returns:
        The folder of the run.

    Raises:
        UsageError: if options, data or folder do not fit.
        Stopped: if training ended before its last step: after a signal, a loss that is not finite, or an error of the
            disk. The run can be resumed.
    """
    if config.deterministic:
        determinism.turn_off_onednn()

    from ssgan.training.callbacks import check_callbacks
    from ssgan.workers import start

    further = check_callbacks(callbacks)
    workers = start(config.distribute)
    with workers.lost_in_words(workers.how_to_go_on(config.run_dir or "FOLDER")):
        return _train(config, workers, further)


def _train(config: Config, workers: "Workers", further: Sequence["keras.callbacks.Callback"]) -> Path:
    """Trains as the options say, with those who train together; see `train`."""
    import keras
    import numpy as np
    import tensorflow as tf

    from ssgan import augment
    from ssgan.data import labels
    from ssgan.training import build as recipe
    from ssgan.training import results, sources
    from ssgan.training.loop import fit

    # The run to go on with, if any
    recipe.check_batches(config, workers.replicas)
    config = run.as_saved(config)
    if workers.from_chief(config.resume and Path(config.run_dir or "", run.SUMMARY).exists()):
        print(f"{config.run_dir} is finished. Test it: {_how_to_test(config.run_dir)}")
        return Path(config.run_dir or "")

    # Images and labels
    config = sources.find_images(config)
    images = sources.load_images(config, "train")
    config, label_mask, held_out = sources.choose_labels(config, images)
    config = dataclasses.replace(config, flip=augment.resolve_flip(config.flip, images.class_names))
    unlabeled = np.flatnonzero(~held_out)
    if config.class_prior and not config.resume:
        _check_class_prior(config, held_out=int(held_out.sum()), without_label=int((~label_mask & ~held_out).sum()))
    steps = recipe.total_steps(config, num_unlabeled=len(unlabeled))
    about = _about(config, images, workers, label_mask_digest=labels.mask_digest(label_mask))
    alike = ["digest", "label_mask_digest", "ssgan", "tensorflow", "keras", "onednn", "deterministic", "replicas"]
    if config.deterministic:
        alike += ["processor", "cores"]
    workers.check_alike({"options": config.mathematics(), **{name: about[name] for name in alike}})

    with contextlib.ExitStack() as entered:
        # Run folder
        run_dir = Path(config.run_dir or "")
        if workers.is_chief:
            run_dir = entered.enter_context(run.opened(config, synthetic=images.synthetic))
            _record_origin(run_dir, about, own=config.images is not None)
            labels.save_label_mask(run_dir / run.LABEL_MASK, label_mask, data_digest=images.digest)
        run_dir = Path(workers.from_chief(str(run_dir)))
        entered.enter_context(workers.lost_in_words(workers.how_to_go_on(run_dir)))
        _announce(config, images, run_dir, workers, steps=steps, num_unlabeled=len(unlabeled))
        for warning in (
            _skipped(images),
            _left_out(images),
            _without_visible_label(images.labels, label_mask, images.class_names if config.has_labels else ()),
            _without_test_split(config, images.name, sources.splits(config, images)),
        ):
            if warning:
                print(f"*** {warning} ***", flush=True)

        # Batches and models
        keras.utils.set_random_seed(config.seed)
        if config.deterministic:
            tf.config.experimental.enable_op_determinism()
        batches = functools.partial(recipe.batches, config, images, label_mask, unlabeled=unlabeled, steps=steps)
        image_shape = images.image_shape
        with workers.strategy.scope():
            gan = recipe.build(config, image_shape=image_shape, num_classes=images.num_classes, steps=steps)
        gan.initialize_from_data(sources.to_begin_with(config, images, unlabeled))

        # Training
        is_tested = config.validation and config.has_labels
        validation = (images.read(np.flatnonzero(held_out)), images.labels[held_out]) if is_tested else None
        figures = fit(
            gan,
            batches,
            config,
            run_dir,
            workers=workers,
            about=about,
            drawn_as=sources.to_be_drawn(config, images, (label_mask | held_out) & (images.labels >= 0)),
            validation=validation,
            title=f"{_data_name(images)}, {config.labels:,} labels, {config.arch}",
            steps=steps,
            further=further,
        )

        # Results
        if workers.is_chief:
            results.save(
                gan,
                config,
                run_dir,
                images=images,
                label_mask=label_mask,
                unlabeled=unlabeled,
                held_out=validation,
                figures=figures,
            )
        workers.wait()
    on = "" if "test" in sources.splits(config, images) or config.images is None else " --images=FOLDER"
    print(f"{figures['steps']} steps in {figures['train_seconds']:.0f} s. Test it: {_how_to_test(run_dir)}{on}")
    return run_dir


def _announce(
    config: Config, images: "Source", run_dir: Path, workers: "Workers", *, steps: int, num_unlabeled: int
) -> None:
    """Says what is about to be trained, on what, and where it is written; synthetic images are said loudly."""
    from ssgan import augment, hardware
    from ssgan.training import build as recipe

    if images.synthetic:
        print(f"*** SYNTHETIC IMAGES: {images.name} is {images.source}; its figures say nothing about real data ***")
    if config.batching == "mixed":
        per_batch = f"{config.labeled_batch if config.has_labels else 0} labelled rows per batch"
    else:
        per_batch = (
            f"{(config.labels or 0) / num_unlabeled * config.unlabeled_batch:.2f} labelled rows per batch on average"
        )
    without = f", {images.num_unlabelled:,} of them without a label" if images.num_unlabelled else ""
    print(f"data    {images.name} train, {len(images):,} images {images.image_shape} ({images.source}){without}")
    print(f"labels  {config.labels:,} used ({config.label_strategy}, seed {config.label_seed}), {per_batch}")
    used = 0 if recipe.is_baseline(config) else num_unlabeled
    start = recipe.unlabeled_start(config, steps=steps)
    when = f" after step {start:,} (the steps then take longer)" if start else ""
    print(f"images  {used:,} used without label{when}; {config.validation:,} held out for the validation error")
    print(f"views   {augment.in_words(flip=config.flip, shift=config.shift, augment=config.augment)}")
    gpu = hardware.describe()["gpu"]
    device = "CPU" if gpu == "none" else gpu
    updates = f"{config.updates} updates" if config.gan_weight else "no generator"
    print(f"model   {config.arch}, {updates}, {config.precision} on {device}, {steps:,} steps")
    if workers.replicas > 1:
        print(f"on      {workers.in_words()}: each sees its part of every batch")
    print(f"run     {run_dir}", flush=True)


def _without_visible_label(labels: "npt.NDArray", mask: "npt.NDArray", class_names: Sequence[str]) -> str | None:
    """Names the classes that cannot be learned, the first ten of them."""
    visible = set(labels[mask].tolist())
    missing = [f"class {label} ({name!r})" for label, name in enumerate(class_names) if label not in visible]
    if not missing:
        return None
    more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
    has = "has" if len(missing) == 1 else "have"
    return f"{', '.join(missing[:10])}{more} {has} no visible label and will never be predicted"


def _skipped(images: "Source") -> str | None:
    """Names pictures that are left out because they cannot be read."""
    skipped = [one_line(f"{key}: {reason}") for key, reason in getattr(images, "skipped", {}).items()]
    return f"{len(skipped):,} pictures cannot be read and are left out: {_some(skipped)}" if skipped else None


def _left_out(images: "Source") -> str | None:
    """Names pictures that take no part, of which the folder does not say that they are for training or testing."""
    names = [one_line(key) for key in getattr(images, "left_out", ())]
    return f"{len(names):,} pictures take no part (ssgan.check says why): {_some(names)}" if names else None


def _some(names: Sequence[str]) -> str:
    more = f"; and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return "; ".join(names[:_NAMED]) + more


def _check_class_prior(config: Config, *, held_out: int, without_label: int) -> None:
    """Refuses --class_prior where nothing would come of it at the end."""
    from ssgan.evaluate.confidence import LEAST_IMAGES

    if held_out < LEAST_IMAGES or not without_label:
        fewer = "--labels=N, fewer than there are, and " if config.images is not None else ""
        raise UsageError(
            f"--class_prior: {held_out:,} images are held out, and {without_label:,} left without a label; expected at "
            f"least {LEAST_IMAGES} held out ({fewer}--validation=500), and others without a label"
        )


def _without_test_split(config: Config, name: str, splits: Sequence[str]) -> str | None:
    """Says what a data set without test images can be evaluated on."""
    from ssgan.data import POOLS

    if "test" in splits:
        return None
    if config.images is not None:
        return (
            f"{name} has no test images, its error will not be known: put some in test/, name them by --test_images, "
            "or keep a part of the labelled ones for it by --test_fold=1/5 (1/5 to 5/5 in turn: a cross-validation)"
        )
    others = [split for split in splits if split not in ("train", *POOLS)]
    ways = [f"python -m ssgan.eval --split={split}" for split in others]
    how = " or ".join(ways) or "only the images it is trained on (--split=train), or those of another --dataset"
    return f"{name} has no test split, it has {', '.join(splits)}; it can be evaluated by {how}"


def _how_to_test(run_dir: str | Path | None) -> str:
    return f"python -m ssgan.eval --run={shlex.quote(str(run_dir))}"


def _about(config: Config, images: "Source", workers: "Workers", *, label_mask_digest: str) -> dict:
    from ssgan import hardware
    from ssgan.data.own import OwnImages
    from ssgan.training import sources

    return {
        "dataset": images.name,
        "source": images.source,
        "synthetic": images.synthetic,
        "digest": images.digest,
        "image_shape": images.image_shape,
        "preparation": sources.preparation(config, images.image_shape[2]).as_dict(),
        "num_train": len(images),
        **({"labelled_digest": images.labelled().digest} if isinstance(images, OwnImages) else {}),
        "class_names": images.class_names,
        "label_mask_digest": label_mask_digest,
        "date": datetime.datetime.now().isoformat(timespec="seconds"),
        "deterministic": config.deterministic,
        "replicas": workers.replicas,
        "workers": workers.count,
        **hardware.describe(),
    }


def _record_origin(run_dir: Path, about: dict[str, Any], *, own: bool) -> None:
    """Writes `about.json`, or holds it against what the run began with; `own`: whether these are one's own images."""
    path = run_dir / run.ABOUT
    if not path.exists():
        files.write_json(path, about)
        return
    before = files.read_json(path)
    # A folder may be moved, and named otherwise.
    origin = [*(() if own else ("dataset",)), "num_train", "digest", "label_mask_digest"]
    differing = [
        f"{name} {about[name]} (the run: {before.get(name)})" for name in origin if before.get(name) != about[name]
    ]
    if differing:
        raise UsageError(
            f"--resume: the data or the labels are not those that {run_dir} was begun with: {', '.join(differing)}; "
            f"name the folder of the same data with {'--images' if own else '--data_dir'}"
        )


def _data_name(images: "Source") -> str:
    return f"{images.name} (SYNTHETIC)" if images.synthetic else images.name


if __name__ == "__main__":
    main()
