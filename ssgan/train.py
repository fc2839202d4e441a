"""Trains a classifier from a few labels and many images.

  python -m ssgan.train --dataset=svhn_cropped --data_dir=FOLDER --labels=1000

Writes a run folder: history.csv, curves.png, samples/, tensorboard/, the model (gan.keras) and the
classifier (classifier.keras). Options can be read from a file: --flagfile=configs/svhn_1000_paper.cfg
"""

import dataclasses
import datetime
import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssgan import determinism, files, run
from ssgan.cli import parse_flags, run_command
from ssgan.config import Config, UsageError

if TYPE_CHECKING:  # TensorFlow is imported after the flags are parsed: a mistyped flag shall not wait seconds for it
    from ssgan.data import ImageSet


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; `ssgan.cli.run_command` says with which status it exits."""
    config = parse_flags(Config, sys.argv if argv is None else argv, usage=__doc__, saved=run.saved_options)
    if config.deterministic:
        determinism.turn_off_onednn()
    run_command(train, config)


def train(config: Config) -> Path:
    """Trains as the options say, from the images to the saved classifier.

    Args:
        config: the options.

    Returns:
        The folder of the run.

    Raises:
        UsageError: if options, data or folder do not fit.
        Stopped: if training ended before its last step: after a signal, a loss that is not finite, or an error of the
            disk. The run can be resumed.
    """
    if config.deterministic:
        determinism.turn_off_onednn()

    import keras
    import numpy as np
    import tensorflow as tf

    from ssgan import classifier, data, hardware, labels, recipe
    from ssgan.fit import fit

    # The run to go on with, if any
    config = run.as_saved(config)
    if config.resume and Path(config.run_dir or "", run.SUMMARY).exists():
        print(f"{config.run_dir} is finished. Test it: python -m ssgan.eval --run={config.run_dir}")
        return Path(config.run_dir or "")

    # Data
    dataset = data.resolve(config.dataset, data_dir=config.data_dir)
    images = data.load(
        dataset,
        "train",
        data_dir=config.data_dir,
        image_size=config.image_size,
        limit=config.train_images,
    )
    config = dataclasses.replace(config, dataset=dataset, precision=hardware.precision(config.precision))

    # Labels
    label_mask = labels.label_mask(
        images.labels,
        config.labels,
        config.label_seed,
        config.label_strategy,
        num_classes=images.num_classes,
    )
    held_out = labels.hold_out(label_mask, config.validation, seed=config.label_seed)
    unlabeled = np.flatnonzero(~held_out)
    steps = recipe.total_steps(config, num_unlabeled=len(unlabeled))

    with run.opened(config, synthetic=images.synthetic) as run_dir:
        # Run folder
        about = _about(config, images, label_mask_digest=labels.mask_digest(label_mask))
        _record_origin(run_dir, about)
        labels.save_label_mask(run_dir / run.LABEL_MASK, label_mask, data_digest=images.digest)
        _announce(config, images, run_dir, steps=steps, num_unlabeled=len(unlabeled))

        # Batches and models
        keras.utils.set_random_seed(config.seed)
        if config.deterministic:
            tf.config.experimental.enable_op_determinism()
        batches = functools.partial(recipe.batches, config, images, label_mask, unlabeled=unlabeled, steps=steps)
        image_shape = images.images.shape[1:]
        gan = recipe.build(config, image_shape=image_shape, num_classes=images.num_classes, steps=steps)
        gan.initialize_from_data(images.images[unlabeled[:500]])

        # Training
        figures = fit(
            gan,
            batches,
            config,
            run_dir,
            about=about,
            validation=(images.images[held_out], images.labels[held_out]) if config.validation else None,
            title=f"{_data_name(images)}, {config.labels:,} labels, {config.arch}",
            steps=steps,
        )

        # Results
        plain = classifier.to_classifier(gan.ema_discriminator, image_shape)
        for model, name in ((gan, run.MODEL), (plain, classifier.CLASSIFIER_FILE)):
            with files.whole(run_dir / name) as temporary:
                model.save(temporary)
        files.write_json(run_dir / run.SUMMARY, {"steps": steps, **figures})
    print(f"{steps} steps in {figures['train_seconds']:.0f} s. Test it: python -m ssgan.eval --run={run_dir}")
    return run_dir


def _announce(config: Config, images: "ImageSet", run_dir: Path, *, steps: int, num_unlabeled: int) -> None:
    """Says what is about to be trained, on what, and where it is written; synthetic images are said loudly."""
    from ssgan import hardware, recipe

    if images.synthetic:
        print(f"*** SYNTHETIC IMAGES: {images.name} is {images.source}; its figures say nothing about real data ***")
    if config.batching == "mixed":
        per_batch = f"{config.labeled_batch if config.labels else 0} labelled rows per batch"
    else:
        per_batch = f"{config.labels / num_unlabeled * config.unlabeled_batch:.2f} labelled rows per batch on average"
    print(f"data    {images.name} train, {len(images.images):,} images {images.images.shape[1:]} ({images.source})")
    print(f"labels  {config.labels:,} used ({config.label_strategy}, seed {config.label_seed}), {per_batch}")
    used = 0 if recipe.is_baseline(config) else num_unlabeled
    start = recipe.unlabeled_start(config, steps=steps)
    when = f" after step {start:,} (the steps then take longer)" if start else ""
    print(f"images  {used:,} used without label{when}; {config.validation:,} held out for the validation error")
    gpu = hardware.describe()["gpu"]
    device = "CPU" if gpu == "none" else gpu
    print(f"model   {config.arch}, {config.updates} updates, {config.precision} on {device}, {steps:,} steps")
    print(f"run     {run_dir}", flush=True)


def _about(config: Config, images: "ImageSet", *, label_mask_digest: str) -> dict:
    from ssgan import hardware

    return {
        "dataset": images.name,
        "source": images.source,
        "synthetic": images.synthetic,
        "digest": images.digest,
        "image_shape": images.images.shape[1:],
        "num_train": len(images.images),
        "class_names": images.class_names,
        "label_mask_digest": label_mask_digest,
        "date": datetime.datetime.now().isoformat(timespec="seconds"),
        "deterministic": config.deterministic,
        **hardware.describe(),
    }


def _record_origin(run_dir: Path, about: dict[str, Any]) -> None:
    """Writes `about.json`, or holds it against what the run began with."""
    path = run_dir / run.ABOUT
    if not path.exists():
        files.write_json(path, about)
        return
    before = files.read_json(path)
    origin = ("dataset", "num_train", "digest", "label_mask_digest")
    differing = [
        f"{name} {about[name]} (the run: {before.get(name)})" for name in origin if before.get(name) != about[name]
    ]
    if differing:
        raise UsageError(
            f"--resume: the data or the labels are not those that {run_dir} was begun with: {', '.join(differing)}; "
            "name the folder of the same data with --data_dir"
        )


def _data_name(images: "ImageSet") -> str:
    return f"{images.name} (SYNTHETIC)" if images.synthetic else images.name


if __name__ == "__main__":
    main()
