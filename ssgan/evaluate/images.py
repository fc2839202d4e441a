"""The images that a run is evaluated on: its own test images, or others."""

import dataclasses
from typing import TYPE_CHECKING, Any

from ssgan import data
from ssgan.data import own
from ssgan.errors import UsageError
from ssgan.evaluate.runs import Member
from ssgan.options import OWN
from ssgan.training import sources

if TYPE_CHECKING:
    from ssgan.data import Source
    from ssgan.eval import EvalConfig


def test_images(member: Member, options: "EvalConfig") -> tuple["Source", bool]:
    """Returns images, labelled unless the run is a plain GAN, and whether they are others than those of the run.

    Args:
        member: a finished run.
        options: of `ssgan.eval`.

    Raises:
        UsageError: if there are no such images, some of them have no label, or options do not go together.
    """
    config = member.config
    _check_sources(options, own_run=config.dataset == OWN)
    if options.images is not None:
        return _pictures(member, options), True
    if options.labels_file is not None:
        raise UsageError(f"--labels_file={options.labels_file} without --images; expected the folder of the pictures")
    dataset = options.dataset or config.dataset
    if dataset == OWN:
        skip = config.skip_unreadable or options.skip_unreadable
        config = dataclasses.replace(config, cache_dir=options.cache_dir, skip_unreadable=skip)
        images = sources.load_images(config, options.split)
        if config.test_fold is not None and not _is_as_it_was(sources.load_images(config, "train"), member.about):
            raise UsageError(
                f"{config.images!r} is not as it was when {member.run_dir} was trained: labels were added, removed or "
                f"changed. --test_fold={config.test_fold} is drawn from all of them, so some test images may be among "
                "those of the training; expected the folder as it was, or by --images pictures that were not in it"
            )
        return _labeled(images) if config.has_labels else images, False
    data_dir = options.data_dir or (config.data_dir if dataset == config.dataset else None)
    images = data.load(dataset, options.split, data_dir=data_dir, image_size=member.preparation.image_shape[:2])
    if images.num_unlabelled:
        raise UsageError(
            f"{images.num_unlabelled:,} of the {len(images):,} {images.name} {images.split} images have no label; "
            "expected one for each image: name another split with --split"
        )
    return images, (dataset, data_dir) != (config.dataset, config.data_dir)


def _is_as_it_was(train: "Source", about: dict[str, Any]) -> bool:
    """Tells whether labelled pictures, from which parts are drawn, are those of the training; so far as it says."""
    assert isinstance(train, own.OwnImages)
    if "labelled_digest" in about:
        return train.labelled().digest == about["labelled_digest"]
    return train.digest == about.get("digest")  # of an earlier version: of all pictures


def _check_sources(options: "EvalConfig", *, own_run: bool) -> None:
    """Refuses options that name two sources of images, or one that is not looked at."""
    if options.images is not None and options.dataset is not None:
        raise UsageError(f"--images={options.images} beside --dataset={options.dataset}: expected one of the two")
    if options.images is not None and options.split not in ("test", "train"):
        raise UsageError(f"--split={options.split} of --images={options.images}: expected test or train")
    if own_run and options.data_dir is not None and options.dataset is None:
        raise UsageError(
            f"--data_dir={options.data_dir}: the run's images are a folder of pictures; expected --images, or "
            "--dataset as well"
        )


def _pictures(member: Member, options: "EvalConfig") -> own.OwnImages:
    """Returns the pictures of a folder that have a label, as test images: those in its `test/`, or else all."""
    names = tuple(member.about["class_names"])
    folder = own.find(options.images or "", labels_file=options.labels_file, class_names=names)
    split = "test" if folder.has_test and options.split == "test" else "train"
    found = own.load(folder, split, member.preparation, cache_dir=options.cache_dir, skip=options.skip_unreadable)
    return dataclasses.replace(_labeled(found), split=options.split)


def _labeled(images: "Source") -> own.OwnImages:
    assert isinstance(images, own.OwnImages)
    if not (images.labels >= 0).any():
        raise UsageError(
            f"none of the {len(images):,} pictures of {images.name} has a label; expected a sub-folder for each class, "
            "or --labels_file (without labels there is ssgan.predict)"
        )
    return images.labelled()
