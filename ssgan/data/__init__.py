"""Where images come from: TFDS by name, SVHN's `.mat` files, the synthetic `street_digits`, or one's own (`own`).

`load` returns the same `ImageSet` from each of them: uint8 images, integer labels, class names and
a digest.
"""

import logging
import os
import shlex
from pathlib import Path

import numpy as np

from ssgan.data import svhn_mat
from ssgan.data.arrays import ImageSet
from ssgan.data.source import Source
from ssgan.errors import UsageError

__all__ = ["POOLS", "ImageSet", "Source", "is_on_disk", "load", "resolve", "splits"]

# Splits of images without labels, as STL-10 has one; TFDS spells it with two l.
POOLS = ("unlabelled", "unlabeled")


def load(
    dataset: str,
    split: str,
    *,
    data_dir: str | Path | None = None,
    image_size: int | tuple[int, int] | None = None,
    limit: int | None = None,
    unlabelled: bool = False,
) -> ImageSet:
    """Loads a split of an image classification data set into memory.

    What is on disk is only read; what is not is downloaded, after a probe of a few seconds. SVHN is
    read from its `.mat` files or from TFDS, whichever is in `data_dir`, with the same rows and the
    same digest.

    Args:
        dataset: A TFDS name (`svhn_cropped`, `mnist`, ...), `street_digits`, or `auto`, see
            `resolve`.
        split: `train`, `test`, or another that the data set has.
        data_dir: Existing folder that holds SVHN's two `.mat` files, or a TFDS data folder; only
            this folder is looked in. None: the folder of earlier downloads and TFDS's own. Not used
            for `street_digits`.
        image_size: Height and width of the images, pixels, or one number for both; larger images are
            shrunk, smaller ones padded with zeros (from half the size on, enlarged by a whole factor
            first). None: the set's own size.
        limit: Keep only the first so many images. None: all (`street_digits`: its quick size).
        unlabelled: Whether the images of an `unlabelled` split, where there is one, follow behind.

    Returns:
        The images and their labels (-1: none), always in the same order.

    Raises:
        UsageError: for an unknown data set, split or folder, files that are damaged or cannot be
            downloaded, and a limit above the number of images.
    """
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    for name, value in (("image_size", min(size) if size else None), ("limit", limit)):
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}; expected at least 1, or None")
    folder = _existing(data_dir)
    dataset = resolve(dataset, data_dir=folder)
    if dataset == "street_digits":
        found = _street_digits(split, limit)
    elif dataset == "svhn_cropped":
        found = _svhn(split, folder)
    else:
        found = _tfds(dataset, split, folder, size, unlabelled=unlabelled)
    if limit is not None:
        found = found.first(limit)
    return found if size is None else found.resized(size)


def splits(dataset: str, *, data_dir: str | Path | None = None) -> tuple[str, ...]:
    """Returns the names of the splits of a data set that is on disk, in which `load` found one of them.

    Args:
        dataset: The name of a data set, not `auto`.
        data_dir: As for `load`.
    """
    folder = _existing(data_dir)
    if dataset == "street_digits":
        return ("train", "test")
    if dataset == "svhn_cropped" and svhn_mat.is_in(mat_folder := folder or svhn_mat.default_folder()):
        return svhn_mat.splits(mat_folder)
    from ssgan.data import tfds_images

    return tuple(tfds_images.find(dataset, data_dir=folder).info.splits)


def is_on_disk(dataset: str, *, data_dir: str | Path | None = None) -> bool:
    """Tells whether `load` would find a data set without a download.

    Args:
        dataset: The name of a data set, not `auto`.
        data_dir: As for `load`, but it may be gone.
    """
    folder = None if data_dir is None else Path(os.path.expanduser(data_dir))
    if dataset == "street_digits":
        return True
    if folder is not None and not folder.is_dir():
        return False
    if dataset == "svhn_cropped" and svhn_mat.is_in(folder or svhn_mat.default_folder()):
        return True
    return _is_prepared(dataset, folder)


def resolve(dataset: str, *, data_dir: str | Path | None = None) -> str:
    """Decides what `auto` means; other names are returned as they are.

    Args:
        dataset: The name of a data set, or `auto`.
        data_dir: As for `load`.

    Returns:
        For `auto`: `svhn_cropped` if it is on disk or its server answers, otherwise, with a warning
        in the log, `street_digits`.

    Raises:
        UsageError: if `data_dir` is no folder, or SVHN lies in a folder below it.
    """
    if dataset != "auto":
        return dataset
    folder = _existing(data_dir)
    if svhn_mat.is_in(folder or svhn_mat.default_folder()) or _is_prepared("svhn_cropped", folder):
        return "svhn_cropped"
    _refuse_near_miss("svhn_cropped", folder)
    reason = svhn_mat.why_unreachable()
    if reason is None:
        return "svhn_cropped"
    logging.getLogger(__name__).warning(
        "SVHN is not on disk and not downloadable (%s): SYNTHETIC street_digits take its place",
        reason,
    )
    return "street_digits"


def _existing(data_dir: str | Path | None) -> Path | None:
    if data_dir is None:
        return None
    folder = Path(os.path.expanduser(data_dir))
    if not folder.is_dir():
        raise UsageError(f"data_dir {str(data_dir)!r} is not an existing folder; create it, or correct the path")
    return folder


def _street_digits(split: str, limit: int | None) -> ImageSet:
    from ssgan.data import street_digits  # here, because only these images need fonts

    images, labels = street_digits.load(split, limit)
    return ImageSet(
        name="street_digits",
        split=split,
        source="synthetic, drawn from fonts",
        synthetic=True,
        images=np.ascontiguousarray(images),
        labels=labels.astype(np.int32),
        class_names=tuple(street_digits.CLASS_NAMES),
    )


def _svhn(split: str, folder: Path | None) -> ImageSet:
    mat_folder = folder or svhn_mat.default_folder()
    if not svhn_mat.is_in(mat_folder):
        if _is_prepared("svhn_cropped", folder):
            return _tfds("svhn_cropped", split, folder, None)
        _refuse_near_miss("svhn_cropped", folder)
        svhn_mat.check_split(split)
        svhn_mat.download(mat_folder)
    return svhn_mat.read(mat_folder, split)


def _tfds(
    dataset: str, split: str, folder: Path | None, size: tuple[int, int] | None, *, unlabelled: bool = False
) -> ImageSet:
    from ssgan.data import tfds_images  # here, because the other sources need no TensorFlow Datasets

    if folder is not None and not (folder / tfds_images.set_name(dataset)).is_dir():
        _refuse_wrong_folder(dataset, folder)
    builder = tfds_images.find(dataset, data_dir=folder)
    if not tfds_images.is_prepared(builder):
        if ":" not in dataset:
            tfds_images.refuse_other_version(builder)
        tfds_images.prepare(builder)
    found = tfds_images.read(builder, split, size=size)
    pools = [name for name in POOLS if name in builder.info.splits] if unlabelled else []
    return found.with_pool(tfds_images.read(builder, pools[0], size=size)) if pools else found


def _is_prepared(dataset: str, folder: Path | None) -> bool:
    from ssgan.data import tfds_images

    return tfds_images.is_prepared(tfds_images.find(dataset, data_dir=folder))


def _refuse_near_miss(dataset: str, folder: Path | None) -> None:
    """Raises where the data set lies beside what was named: likelier a slip than a wish to download."""
    from ssgan.data import tfds_images

    if folder is not None:
        _refuse_wrong_folder(dataset, folder)
    tfds_images.refuse_other_version(tfds_images.find(dataset, data_dir=folder))


def _refuse_wrong_folder(dataset: str, folder: Path) -> None:
    """Raises where the data set lies one folder below, or the folder is the set's own, or that of a version of it."""
    from ssgan.data import tfds_images

    name, full = tfds_images.set_name(dataset), Path(os.path.abspath(folder))
    for own in (full, *full.parents[:2]):
        if own.name == name and _is_prepared(dataset, own.parent):
            raise UsageError(
                f"data_dir {str(folder)!r} is the folder of {name} itself; "
                f"use --data_dir={shlex.quote(str(own.parent))}"
            )
    below = sorted(path for path in folder.iterdir() if path.is_dir())
    holds = [path for path in below if (path / name).is_dir() or (name == "svhn_cropped" and svhn_mat.is_in(path))]
    if holds:
        raise UsageError(
            f"data_dir {str(folder)!r} does not hold {name}, but folders in it do; "
            f"use {' or '.join(f'--data_dir={shlex.quote(str(path))}' for path in holds)}"
        )
