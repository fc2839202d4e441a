"""Image classification data sets of TensorFlow Datasets, by name: on disk, or downloaded."""

import difflib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from ssgan.data import network
from ssgan.data.arrays import ImageSet
from ssgan.data.resize import fitted
from ssgan.errors import UsageError
from ssgan.store import files

_FEATURE = re.compile(r"tensorflow_datasets\.core\.features\.\w+\.\w+")
_RECORD_FRAME = 16  # bytes beside a record's content: its length and two checksums
_MOST_CLASSES = 100_000
# name[/config][:version]. Namespaces ("huggingface:...") would run code from elsewhere.
_NAME = re.compile(r"[A-Za-z]\w*(/\w[\w.-]*)?(:\d+\.\d+\.\d+)?")
_CONFIGURATION = re.compile(r"\w[\w.-]*")  # no "..", no path
_VERSION = re.compile(r"\d+\.\d+\.\d+")


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
    folder = _checked_folder(name, data_dir)
    try:
        builder = tfds.builder(name, data_dir=folder)
    except tfds.core.DatasetNotFoundError as error:
        known = ["street_digits", *tfds.list_builders(with_community_datasets=False)]
        close = ", ".join(difflib.get_close_matches(name, known, n=4)) or "mnist, fashion_mnist, cifar10, svhn_cropped"
        raise UsageError(f"dataset {name!r} is unknown to TensorFlow Datasets; close to it: {close}") from error
    except Exception as error:  # an unknown config or version, or damaged files: nearly anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(f"dataset {name!r}: {reason[:500]}") from error
    _image_and_label(builder)
    return builder


def _checked_folder(name: str, data_dir: Path | None) -> Path:
    """Returns the TFDS data folder, as resolved, after a look at everything that lies there of a data set.

    TFDS imports what a `features.json` names, and a link, or a configuration's name, may lead it to another one than
    was looked at.

    Raises:
        UsageError: if a class is named that is not one of TFDS itself, or anything but files and folders is there.
    """
    folder = Path(tfds.core.constants.DATA_DIR if data_dir is None else data_dir).expanduser().resolve()
    top = folder / tfds.core.naming.camelcase_to_snakecase(set_name(name))
    for path in _all_below(top):
        if stat.S_IFMT(path.lstat().st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise UsageError(
                f"{path} is a link, a pipe or a device; expected files and folders alone: put there what it leads to, "
                "or name the data folder that has it with --data_dir"
            )
        if path.name == "features.json":
            _check_features(path)
        elif path.name == "metadata.json" and path.parent.name == ".config":
            _check_configuration(path)
    return folder


def _all_below(top: Path) -> Iterator[Path]:
    """Gives a folder, if there is one, and everything in it; raises if there is more that cannot be listed."""
    left = [top] if os.path.lexists(top) else []
    while left:
        path = left.pop()
        yield path
        try:
            left += path.iterdir() if path.is_dir() else []
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error}") from error


def _check_features(path: Path) -> None:
    for value in files.dictionaries(files.read_json(path)):
        for key in ("pythonClassName", "python_class_name", "type"):
            feature = value.get(key)
            if isinstance(feature, str) and not _FEATURE.fullmatch(feature):
                raise UsageError(f"{path} names the class {feature[:100]!r}; expected a feature of TFDS itself")


def _check_configuration(path: Path) -> None:
    default = files.read_json(path).get("default_config_name")
    if isinstance(default, str) and default and not _CONFIGURATION.fullmatch(default):
        raise UsageError(f"{path} names the configuration {default[:100]!r}; expected a folder beside it")


def _image_and_label(builder: tfds.core.DatasetBuilder) -> tuple[str, str]:
    keys = builder.info.supervised_keys or ("image", "label")
    image, label = (_feature(builder, key) for key in keys[:2])
    kinds = (tfds.features.Image, tfds.features.ClassLabel)
    if len(keys) != 2 or type(image) is not kinds[0] or type(label) is not kinds[1] or image.np_dtype != np.uint8:
        raise UsageError(
            f"dataset {builder.name!r} holds {', '.join(builder.info.features)}; "
            "expected an image classification set: a uint8 Image feature and a ClassLabel feature"
        )
    if not 1 <= (label.num_classes or 0) <= _MOST_CLASSES:
        raise UsageError(f"dataset {builder.name!r} has {label.num_classes} classes; expected 1 to {_MOST_CLASSES:,}")
    return keys


def _feature(builder: tfds.core.DatasetBuilder, key: object):
    features = builder.info.features
    known = isinstance(features, tfds.features.FeaturesDict) and isinstance(key, str) and key in features
    return features[key] if known else None


def is_prepared(builder: tfds.core.DatasetBuilder) -> bool:
    """Tells whether a data set can be read from disk."""
    # builder.is_prepared() says the same, but logs a warning when the answer is no.
    return Path(builder.data_dir, "dataset_info.json").exists()


def set_name(name: str) -> str:
    """Returns the name of a data set without its configuration and version: that of its folder."""
    return re.split("[/:]", name)[0]


def refuse_other_version(builder: tfds.core.DatasetBuilder) -> None:
    """Raises where another version of a data set is on disk, which may be as good as the one to be downloaded."""
    folder, version = Path(builder.data_dir).parent, str(builder.version)
    found = {path.parent.name for path in folder.glob("*/dataset_info.json")} - {version}
    others = sorted(
        (other for other in found if _VERSION.fullmatch(other)), key=lambda other: [*map(int, other.split("."))]
    )
    if others:
        name = builder.info.full_name.removesuffix(f"/{version}")
        raise UsageError(
            f"{folder} holds {name} {', '.join(others)}, TFDS wants {version}; use --dataset={name}:{others[-1]}, "
            f"or --dataset={name}:{version} to download that"
        )


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


def read(builder: tfds.core.DatasetBuilder, split: str, *, size: tuple[int, int] | None = None) -> ImageSet:
    """Reads a split of a prepared data set, in its canonical order.

    TFDS stores examples shuffled, by a fixed rule. Where they carry an `id` (SVHN, CIFAR), that
    names their row in the original files, and they are brought back to that order: SVHN then has
    the same rows, and the same digest, as its `.mat` files. Other sets keep the order in which TFDS
    stores them, the same on every machine.

    Args:
        builder: From `find`, prepared.
        split: `train`, `test`, or another that the set has.
        size: Height and width of the images, pixels; used only where the set has images of
            several sizes, or larger ones.

    Returns:
        The images at their own size, or at `size` where they have several, or a larger one.

    Raises:
        UsageError: if there is no such split, the images have several sizes and `size` is
            None, or the files are damaged.
    """
    if split not in builder.info.splits:
        raise UsageError(
            f"{builder.name} has no {split!r} split; it has {', '.join(builder.info.splits)} "
            "(ssgan.eval --split=NAME takes another than test)"
        )
    image_key, label_key = _image_and_label(builder)
    if None in builder.info.features[image_key].shape and size is None:
        raise UsageError(f"{builder.name} has images of several sizes; pass image_size")
    try:
        _check_records(builder, split)
        columns = _columns(builder, split, size)
    except Exception as error:  # damaged files: any TensorFlow error
        reason = " ".join(str(error).split())[:500]
        raise UsageError(
            f"{builder.name} in {builder.data_dir} cannot be read ({type(error).__name__}: {reason}); prepare it again"
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


def _check_records(builder: tfds.core.DatasetBuilder, split: str) -> None:
    """Raises unless the files of a split are made of as many whole records as it declares.

    TensorFlow takes the memory that a record's length declares before it looks for the record, and a file that ends
    between two records is whole to it. The checksums, which it does verify, are left to it.
    """
    info = builder.info.splits[split]
    for path, declared in zip(map(Path, info.filepaths), info.shard_lengths, strict=True):
        if path.parent != Path(builder.data_dir):
            raise ValueError(f"{path} holds the records; expected it in the folder itself")
        with files.open_regular(path) as file:
            size, found = os.fstat(file.fileno()).st_size, 0
            while (position := file.tell()) < size:
                file.seek(position + _RECORD_FRAME + int.from_bytes(file.read(8), "little"))
                found += 1
        if position != size or found != declared:
            raise ValueError(f"{path.name} holds {found:,} records to byte {position:,} of {size:,}, not {declared:,}")


def _columns(builder: tfds.core.DatasetBuilder, split: str, size: tuple[int, int] | None) -> dict[str, np.ndarray]:
    import tensorflow as tf

    image_key, label_key = _image_and_label(builder)
    keys = {"image": image_key, "label": label_key} | ({"id": "id"} if _has_id(builder) else {})
    examples = builder.as_dataset(
        split=split,
        shuffle_files=False,
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    examples = examples.map(lambda example: {column: example[key] for column, key in keys.items()})
    height, width = builder.info.features[image_key].shape[:2]
    # As they are read, because all images at their full size may not fit into memory.
    if size is not None and (None in (height, width) or height > size[0] or width > size[1]):
        examples = examples.map(
            lambda example: example | {"image": fitted(example["image"], size)},
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
