"""Which images and labels the options of a run mean."""

import dataclasses
import os
from typing import TYPE_CHECKING

import numpy as np

from ssgan import data, hardware, quality
from ssgan.data import labels, own
from ssgan.errors import UsageError
from ssgan.options import DEFAULT_LABELS, DEFAULT_SIZE, DEFAULT_VALIDATION, OWN, Config
from ssgan.options.declare import as_fold

if TYPE_CHECKING:
    from ssgan.data import Source

_MOST_LOOKED_AT = 1000  # real images that generated ones are held against


def find_images(config: Config) -> Config:
    """Returns the options with the data set named, and what is chosen from the images: their size and colour.

    Raises:
        UsageError: if there is no such data set or folder, or its files do not fit.
    """
    precision = hardware.precision(config.precision)
    if config.images is None:
        dataset = data.resolve(config.dataset, data_dir=config.data_dir)
        size = config.image_size or str(DEFAULT_SIZE)
        return dataclasses.replace(config, dataset=dataset, image_size=size, precision=precision)
    folder = _folder(config)
    if len(folder.class_names) == 1 and config.has_labels:
        raise UsageError(
            f"{config.images!r} holds pictures of one class alone, {folder.class_names[0]!r}; expected a sub-folder "
            "for each of two or more classes: is it the folder above yours?"
        )
    chosen = own.choose_preparation(folder, image_size=config.size, resize=config.resize, color=config.color)
    folders = ("images", "labels_file", "unlabeled_images", "test_images", "cache_dir")
    absolute = {name: os.path.abspath(os.path.expanduser(path)) for name in folders if (path := getattr(config, name))}
    return dataclasses.replace(
        config,
        **absolute,
        dataset=OWN,
        image_size=str(chosen.height) if chosen.height == chosen.width else f"{chosen.height},{chosen.width}",
        color="color" if chosen.channels == 3 else "grey",
        precision=precision,
    )


def load_images(config: Config, split: str) -> "Source":
    """Returns the images of a split, of options that `find_images` returned.

    Raises:
        UsageError: if there are none, or files are damaged.
    """
    if config.images is None:
        is_train = split == "train"
        return data.load(
            config.dataset,
            split,
            data_dir=config.data_dir,
            image_size=config.size,
            limit=config.train_images if is_train else None,
            unlabelled=is_train,
        )
    return own.load(
        _folder(config),
        split,
        preparation(config),
        test_fold=as_fold(config.test_fold) if config.test_fold else None,
        cache_dir=config.cache_dir,
        skip=config.skip_unreadable,
    )


def to_begin_with(config: Config, images: "Source", rows: np.ndarray) -> np.ndarray:
    """Returns images for the data-dependent initialisation of weights, 500 where there are so many.

    They are the first of these rows; of one's own images, which lie class by class, some from everywhere.
    """
    count = min(len(rows), 500)  # which the paper's code takes
    if config.images is not None:
        rows = rows[np.linspace(0, len(rows) - 1, count).astype(int)]
    return images.read(rows[:count])


def to_be_drawn(
    config: Config, images: "Source", known: np.ndarray
) -> tuple[quality.RealClasses, tuple[str, ...]] | None:
    """Returns what generated images are to be like, and the names of the classes; None without a generator.

    Args:
        config: the options.
        images: the train images.
        known: bool [n], images whose label may be looked at; of a plain GAN no label is, and all images are one class.
    """
    if not config.gan_weight:
        return None
    rows = np.flatnonzero(known) if config.has_labels else np.arange(len(images))
    rows = np.random.RandomState(config.seed).permutation(rows)[:_MOST_LOOKED_AT]
    if config.has_labels:
        names, classes = tuple(images.class_names), images.labels[rows]
    else:
        names, classes = (own.ALL_IMAGES,), np.zeros(len(rows), np.int32)
    return quality.real_classes(images.read(rows), classes, num_classes=len(names)), names


def preparation(config: Config, channels: int | None = None) -> own.Preparation:
    """Returns how pictures become images such as those of a run, of options that `find_images` returned."""
    height, width = config.size or (DEFAULT_SIZE, DEFAULT_SIZE)
    if channels is None:
        channels = 1 if config.color == "grey" else 3
    resize = config.resize if config.images else "whole"
    return own.Preparation(height=height, width=width, channels=channels, resize=resize)


def splits(config: Config, images: "Source") -> tuple[str, ...]:
    """Returns the names of the splits that there are, where `images` are one of them."""
    if isinstance(images, own.OwnImages):
        return images.splits
    return data.splits(config.dataset, data_dir=config.data_dir)


def _folder(config: Config) -> own.Folder:
    return own.find(
        config.images or "",
        unlabeled_images=config.unlabeled_images,
        labels_file=config.labels_file,
        test_images=config.test_images,
        skip_missing=config.skip_unreadable,
        needs_labels=config.has_labels,
    )


def choose_labels(config: Config, images: "Source") -> tuple[Config, np.ndarray, np.ndarray]:
    """Returns the options with the number of labels, and two masks over the images: labels seen, images held out.

    Raises:
        UsageError: if so many labels or images cannot be chosen.
    """
    known = int((images.labels >= 0).sum())
    held_out_by_default = DEFAULT_VALIDATION if config.images is None and config.has_labels else 0
    by_default = DEFAULT_LABELS if config.images is None else known, held_out_by_default
    given = config.labels, config.validation
    num_labels, num_held_out = (
        default if value is None else value for value, default in zip(given, by_default, strict=True)
    )
    if config.images is not None and num_labels == known:
        label_mask = images.labels >= 0  # whatever the classes' sizes
    else:
        how = config.label_seed, config.label_strategy
        label_mask = labels.label_mask(images.labels, num_labels, *how, num_classes=images.num_classes)
    held_out = labels.hold_out(label_mask, num_held_out, labels=images.labels, seed=config.label_seed)
    return dataclasses.replace(config, labels=num_labels, validation=num_held_out), label_mask, held_out
