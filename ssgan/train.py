"""Trains a classifier from a few labels and many images.

  python -m ssgan.train --dataset=svhn_cropped --data_dir=FOLDER --labels=1000

Writes a run folder: history.csv, curves.png, samples/, tensorboard/, the model (gan.keras) and the
classifier (classifier.keras). Options can be read from a file: --flagfile=configs/svhn_1000_paper.cfg
"""

import dataclasses
import datetime
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssgan.cli import parse_flags, run_command
from ssgan.config import Config

if TYPE_CHECKING:  # TensorFlow is imported after the flags are parsed: a mistyped flag shall not wait seconds for it
    import numpy as np
    import tensorflow as tf

    from ssgan.data import ImageSet
    from ssgan.gan import SSGAN

DEFAULT_STEPS = 5000


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; `ssgan.cli.run_command` says with which status it exits."""
    config = parse_flags(Config, sys.argv if argv is None else argv, usage=__doc__)
    run_command(train, config)


def train(config: Config) -> Path:
    """Trains as the options say, from the images to the saved classifier.

    Args:
        config: the options.

    Returns:
        The folder of the run.

    Raises:
        UsageError: if options, data or folder do not fit.
        NonFiniteLossError: if a loss became NaN or infinite.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    from ssgan import classifier, data, files, hardware, labels, run

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
    steps = total_steps(config, num_unlabeled=len(unlabeled))

    # Run folder
    run_dir = run.create(config, synthetic=images.synthetic)
    mask_digest = labels.save_label_mask(run_dir / run.LABEL_MASK, label_mask, data_digest=images.digest)
    files.write_json(run_dir / run.ABOUT, _about(images, label_mask_digest=mask_digest))
    _announce(config, images, run_dir, steps=steps, num_unlabeled=len(unlabeled))

    # Batches and models
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    train_batches = batches(config, images, label_mask, unlabeled=unlabeled, steps=steps)
    gan = build(config, image_shape=images.images.shape[1:], num_classes=images.num_classes, steps=steps)
    gan.initialize_from_data(images.images[unlabeled[:500]])

    # Training
    begin = time.monotonic()
    validation = (images.images[held_out], images.labels[held_out]) if config.validation else None
    gan.fit(
        train_batches,
        shuffle=False,
        verbose=0,
        callbacks=_callbacks(config, images, run_dir, validation, steps),
    )
    train_seconds = time.monotonic() - begin

    # Results
    gan.save(run_dir / run.MODEL)
    plain = classifier.to_classifier(gan.ema_discriminator, images.images.shape[1:])
    plain.save(run_dir / classifier.CLASSIFIER_FILE)
    files.write_json(run_dir / run.SUMMARY, {"steps": steps, "train_seconds": round(train_seconds, 1)})
    print(f"{steps} steps in {train_seconds:.0f} s. Test it: python -m ssgan.eval --run={run_dir}")
    return run_dir


def total_steps(config: Config, *, num_unlabeled: int) -> int:
    """Returns the number of training steps, from `total_steps` or `total_epochs`, rounded up to a whole step."""
    if config.total_epochs is not None:
        return -(-config.total_epochs * num_unlabeled // config.unlabeled_batch)
    return config.total_steps or DEFAULT_STEPS


def batches(
    config: Config,
    images: "ImageSet",
    label_mask: "np.ndarray",
    *,
    unlabeled: "np.ndarray",
    steps: int,
) -> "tf.data.Dataset":
    """Returns the training batches that the options ask for, see `ssgan.batches`."""
    from ssgan.batches import masked_batches, mixed_batches

    # The alternating generator update looks at rows of its own, the supervised baseline at no unlabelled row.
    fresh = config.generated_batch if config.updates == "alternating" and config.unsupervised_weight else 0
    rows = 0 if _is_baseline(config) else config.unlabeled_batch + fresh
    shared: dict[str, Any] = {"unlabeled": unlabeled, "seed": config.seed, "steps": steps}
    shared |= {"shift": config.shift, "rotate": config.rotate, "zoom": config.zoom}
    arrays = (images.images, images.labels, label_mask)
    if config.batching == "masked":
        return masked_batches(*arrays, batch=rows or config.unlabeled_batch, **shared)
    labeled_batch = config.labeled_batch if config.labels else 0
    return mixed_batches(*arrays, labeled_batch=labeled_batch, unlabeled_batch=rows, **shared)


def _is_baseline(config: Config) -> bool:
    return config.unsupervised_weight == config.consistency_weight == 0


def build(config: Config, *, image_shape: tuple[int, int, int], num_classes: int, steps: int) -> "SSGAN":
    """Returns the compiled model that the options ask for."""
    import keras

    from ssgan import Discriminator, Generator, hardware
    from ssgan.gan import SSGAN
    from ssgan.schedules import ConstantThenLinear

    def adam(updates: int) -> keras.optimizers.Optimizer:
        rate = ConstantThenLinear(config.learning_rate, total_steps=updates, decay_start=config.decay_start)
        return keras.optimizers.Adam(rate, beta_1=0.5)

    dtype = hardware.dtype_policy(config.precision)
    gan = SSGAN(
        Discriminator(num_classes, arch=config.arch, pooling=config.pooling, dtype=dtype),
        Generator(image_shape, width=config.generator_width, latent_dim=config.latent_dim, dtype=dtype),
        ema_decay=config.ema_decay,
    )
    gan.compile(
        adam(steps),
        adam(-(-steps // config.d_steps)),
        updates=config.updates,
        d_steps=config.d_steps,
        generated_batch=config.generated_batch,
        unsupervised_weight=config.unsupervised_weight,
        label_smoothing=config.label_smoothing,
        feature_matching=config.feature_matching,
        augment=config.augment,
        consistency_weight=config.consistency_weight if config.labels else 0.0,  # a plain GAN names no classes
        consistency_threshold=config.consistency_threshold,
    )
    return gan


def _callbacks(config: Config, images: "ImageSet", run_dir: Path, validation: tuple | None, steps: int) -> list:
    from ssgan.callbacks import Monitor, NonFiniteGuard, Samples

    interval = {"total_steps": steps, "log_every": config.log_every}
    title = f"{_data_name(images)}, {config.labels:,} labels, {config.arch}"
    monitor = Monitor(run_dir, validation=validation, title=title, **interval)
    if config.unsupervised_weight == 0:
        return [NonFiniteGuard(), monitor]
    return [
        NonFiniteGuard(),
        monitor,
        Samples(run_dir, seed=config.seed, caption=title, **interval),
    ]


def _announce(config: Config, images: "ImageSet", run_dir: Path, *, steps: int, num_unlabeled: int) -> None:
    """Says what is about to be trained, on what, and where it is written; synthetic images are said loudly."""
    from ssgan import hardware

    if images.synthetic:
        print(f"*** SYNTHETIC IMAGES: {images.name} is {images.source}; its figures say nothing about real data ***")
    if config.batching == "mixed":
        per_batch = f"{config.labeled_batch if config.labels else 0} labelled rows per batch"
    else:
        per_batch = f"{config.labels / num_unlabeled * config.unlabeled_batch:.2f} labelled rows per batch on average"
    print(f"data    {images.name} train, {len(images.images):,} images {images.images.shape[1:]} ({images.source})")
    print(f"labels  {config.labels:,} used ({config.label_strategy}, seed {config.label_seed}), {per_batch}")
    used = 0 if _is_baseline(config) else num_unlabeled
    print(f"images  {used:,} used without label, {config.validation:,} held out for the validation error")
    gpu = hardware.describe()["gpu"]
    device = "CPU" if gpu == "none" else gpu
    print(f"model   {config.arch}, {config.updates} updates, {config.precision} on {device}, {steps:,} steps")
    print(f"run     {run_dir}", flush=True)


def _about(images: "ImageSet", *, label_mask_digest: str) -> dict:
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
        **hardware.describe(),
    }


def _data_name(images: "ImageSet") -> str:
    return f"{images.name} (SYNTHETIC)" if images.synthetic else images.name


if __name__ == "__main__":
    main()
