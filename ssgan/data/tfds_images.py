"""Image classification data sets of TensorFlow Datasets, by name: on disk, or downloaded."""

import difflib
import re
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from ssgan.config import UsageError
from ssgan.data import network
from ssgan.data.image_set import ImageSet, to_square

# name[/config][:version]. Namespaces ("huggingface:...") would run code from elsewhere.
_NAME = re.compile(r"[A-Za-z]\w*(/[\w.-]+)?(:\d+\.\d+\.\d+)?")


def find(name: str, *, data_dir: Path | None = None) -> tfds.core.DatasetBuilder:
    """Finds a data set by its TFDS name and checks its kind; never uses the network.

    Args:
        name: `mnist`, `cifar10`, `imagenette/160px-v2`, `svhn_cropped:3.1.0`, ...; or the name of a
            data set that is prepared in `data_dir`.
        data_dir: TFDS data folder. None: TFDS's own (`$TFDS_DATA_DIR`, or `~/tensorflow_datasets`).

    Returns:
        The TFDS builder, prepared or not.

    Raises:
        UsageError: if there is no such data set, or it is not one of labelled uint8 images.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"dataset {name!r} is not a TFDS name; expected name, name/config or name:1.2.3")
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        known = ["street_digits", *tfds.list_builders(with_community_datasets=False)]
        close = ", ".join(difflib.get_close_matches(name, known, n=4)) or "mnist, fashion_mnist, cifar10, svhn_cropped"
        raise UsageError(f"dataset {name!r} is unknown to TensorFlow Datasets; close to it: {close}") from error
    except (ValueError, AssertionError) as error:  # an unknown config or version
        raise UsageError(f"dataset {name!r}: {str(error).strip().splitlines()[0]}") from error
    _image_and_label(builder)
    return builder


def _image_and_label(builder: tfds.core.DatasetBuilder) -> tuple[str, str]:
    keys = builder.info.supervised_keys or ("image", "label")
    image, label = (_feature(builder, key) for key in keys[:2])
    kinds = (tfds.features.Image, tfds.features.ClassLabel)
    if len(keys) != 2 or type(image) is not kinds[0] or type(label) is not kinds[1] or image.np_dtype != np.uint8:
        raise UsageError(
            f"dataset {builder.name!r} holds {', '.join(builder.info.features)}; "
            "expected an image classification set: a uint8 Image feature and a ClassLabel feature"
        )
    return keys


def _feature(builder: tfds.core.DatasetBuilder, key: object):
    features = builder.info.features
    known = isinstance(features, tfds.features.FeaturesDict) and isinstance(key, str) and key in features
    return features[key] if known else None


def is_prepared(builder: tfds.core.DatasetBuilder) -> bool:
    """Tells whether a data set can be read from disk."""
    # builder.is_prepared() says the same, but logs a warning when the answer is no.
    return Path(builder.data_dir, "dataset_info.json").exists()


def prepare(builder: tfds.core.DatasetBuilder) -> None:
    """Downloads and prepares a data set with TFDS, which shows its own progress.

    Raises:
        UsageError: if that fails; after a few seconds when there is no network, where TFDS alone
            would go on trying for minutes.
    """
    reason = _why_not_downloadable(builder)
    if reason is None:
        try:
            builder.download_and_prepare()
        except Exception as error:  # from the code of several hundred builders, the network and the disk
            reason = f"{type(error).__name__}: {error}"
    if reason is not None:
        raise UsageError(
            f"{builder.name} is not prepared in {builder.data_dir} and not downloadable: {reason}. "
            "Point --data_dir at a TFDS folder where it is prepared, or use "
            "--dataset=street_digits, which needs no download."
        )


def _why_not_downloadable(builder: tfds.core.DatasetBuilder) -> str | None:
    if by_hand := builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        return f"its files must be fetched by hand: {' '.join(by_hand.split()).rstrip('.')}"
    urls = list(builder.url_infos or ())
    return network.why_unreachable(urls[0]) if urls else None


def read(builder: tfds.core.DatasetBuilder, split: str, *, image_size: int | None = None) -> ImageSet:
    """Reads a split of a prepared data set, in its canonical order.

    TFDS stores examples shuffled, by a fixed rule. Where they carry an `id` (SVHN, CIFAR), that
    names their row in the original files, and they are brought back to that order: SVHN then has
    the same rows, and the same digest, as its `.mat` files. Other sets keep the order in which TFDS
    stores them, the same on every machine.

    Args:
        builder: From `find`, prepared.
        split: `train` or `test`.
        image_size: Height and width of the images, pixels; used only where the set has images of
            several sizes.

    Returns:
        The images at their own size, or at `image_size` where they have several.

    Raises:
        UsageError: if there is no such split, the images have several sizes and `image_size` is
            None, or the files are damaged.
    """
    if split not in builder.info.splits:
        raise UsageError(f"{builder.name} has no {split!r} split; it has {', '.join(builder.info.splits)}")
    image_key, label_key = _image_and_label(builder)
    if None in builder.info.features[image_key].shape and image_size is None:
        raise UsageError(f"{builder.name} has images of several sizes; pass image_size")
    try:
        columns = _columns(builder, split, image_size)
    except Exception as error:  # damaged files: any TensorFlow error
        raise UsageError(
            f"{builder.name} in {builder.data_dir} cannot be read ({type(error).__name__}: {error}); prepare it again"
        ) from error
    root = builder.data_dir.removesuffix(builder.info.full_name).rstrip("/")
    order = _file_order(columns["id"]) if "id" in columns else slice(None)
    return ImageSet(
        name=builder.name,
        split=split,
        source=f"TFDS {builder.info.full_name.replace('/', ' ')} in {root}",
        synthetic=False,
        images=columns["image"][order],
        labels=columns["label"][order].astype(np.int32),
        class_names=tuple(builder.info.features[label_key].names),
    )


def _columns(builder: tfds.core.DatasetBuilder, split: str, image_size: int | None) -> dict[str, np.ndarray]:
    import tensorflow as tf

    image_key, label_key = _image_and_label(builder)
    keys = {"image": image_key, "label": label_key} | ({"id": "id"} if _has_id(builder) else {})
    examples = builder.as_dataset(
        split=split,
        shuffle_files=False,
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    examples = examples.map(lambda example: {column: example[key] for column, key in keys.items()})
    if image_size is not None and None in builder.info.features[image_key].shape:
        examples = examples.map(
            lambda example: example | {"image": to_square(example["image"], image_size)},
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    batches = list(examples.batch(1024).prefetch(2).as_numpy_iterator())
    return {column: np.concatenate([batch[column] for batch in batches]) for column in keys}


def _has_id(builder: tfds.core.DatasetBuilder) -> bool:
    return isinstance(_feature(builder, "id"), tfds.features.Text)


def _file_order(ids: np.ndarray) -> np.ndarray:
    """Returns the rows in the order of the numbers that end their ids (`train_000012`)."""
    numbers = [int(match.group()) if (match := re.search(rb"\d+$", key)) else -1 for key in ids]
    return np.lexsort((ids.astype(bytes), np.array(numbers)))
