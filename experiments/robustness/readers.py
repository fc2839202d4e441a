"""Every file that ssgan reads: how a valid one is made, and how it is read."""

import contextlib
import dataclasses
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.robustness import own_readers as own
from ssgan.errors import UsageError
from ssgan.options import Config

_IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
LABELS = np.array([1, 2, 10, 4, 5, 1], np.uint8)


@dataclasses.dataclass(frozen=True)
class Reader:
    """One reader of files.

    Attributes:
        make: writes a valid file into a folder, with what belongs beside it, and returns its path.
        read: reads the file through ssgan.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]


def make_classifier(folder: Path) -> Path:
    """Writes a classifier as small as they come, of the layers that ssgan writes."""
    import keras

    inputs = keras.Input((16, 16, 3), name="images")
    outputs = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    outputs = keras.layers.LeakyReLU(0.2)(keras.layers.Conv2D(4, 3)(outputs))
    outputs = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(outputs))
    outputs = keras.layers.Softmax()(keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(outputs)))
    keras.Model(inputs, outputs).save(folder / "classifier.keras")
    return folder / "classifier.keras"


def make_gan(folder: Path) -> Path:
    """Writes an untrained GAN as `ssgan.train` does."""
    from ssgan.store import run
    from ssgan.training import build as recipe

    config = Config(generator_width=1, latent_dim=2, precision="float32")
    recipe.build(config, image_shape=(16, 16, 3), num_classes=3, steps=10).save(folder / run.MODEL)
    return folder / run.MODEL


def read_classifier(path: Path) -> None:
    """Loads a classifier and applies it."""
    import ssgan

    ssgan.load_classifier(path)


def read_gan(path: Path) -> None:
    """Loads the model of a run."""
    from ssgan.evaluate import runs

    runs.load_gan(path)


def _member(name: str, make: Callable[[Path], Path], read: Callable[[Path], Any]) -> Reader:
    """Returns a reader of one member of a zip file: the mutations reach it behind a correct checksum."""

    def make_member(folder: Path) -> Path:
        whole = make(folder)
        with zipfile.ZipFile(whole) as archive:
            (folder / name).write_bytes(archive.read(name))
        whole.rename(folder / "whole")
        return folder / name

    def read_repacked(path: Path) -> None:
        repacked = repack(path.parent / "whole", path.parent / "repacked.keras", {name: path.read_bytes()})
        read(repacked)

    return Reader(make_member, read_repacked)


def repack(source: Path, target: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """Copies a zip file with some members replaced or added."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w", compression) as copy:
        found = {name: archive.read(name) for name in archive.namelist()}
        for name, content in (found | members).items():
            copy.writestr(name, content)
    return target


def make_options(folder: Path) -> Path:
    """Writes the options of a run."""
    (folder / "options.json").write_text(Config(dataset="mnist").to_json())
    return folder / "options.json"


def read_options(path: Path) -> None:
    """Reads the options of a run."""
    from ssgan.store import files

    Config.from_json(files.read_text(path))


def make_flagfile(folder: Path) -> Path:
    """Writes the options of a run as a flagfile."""
    (folder / "options.cfg").write_text(Config(dataset="mnist").to_flagfile())
    return folder / "options.cfg"


def read_flagfile(path: Path) -> None:
    """Parses a flagfile as the command line does."""
    from ssgan.options.flags import parse_flags

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            parse_flags(Config, ["train", f"--flagfile={path}"], usage="")
    except SystemExit as end:
        if end.code == 2 and said.getvalue().count("\n") == 1:
            raise UsageError(said.getvalue().strip()) from end
        if end.code != 0:
            raise


def make_about(folder: Path) -> Path:
    """Writes what a run says of its images."""
    about = {"dataset": "mnist", "image_shape": [28, 28, 1], "num_train": 60_000, "synthetic": False}
    (folder / "about.json").write_text(json.dumps(about | {"class_names": list("0123456789")}))
    return folder / "about.json"


def read_about(path: Path) -> None:
    """Reads what a run says of its images."""
    from ssgan.evaluate import runs

    runs.read_about(path)


def make_summary(folder: Path) -> Path:
    """Writes the summary of a run."""
    (folder / "summary.json").write_text('{"steps": 5000, "train_seconds": 12.5}')
    return folder / "summary.json"


def read_summary(path: Path) -> None:
    """Reads the summary of a run."""
    from ssgan.store import files

    files.write_json(path.with_suffix(".copy"), files.read_json(path))


def make_mask(folder: Path) -> Path:
    """Writes a label mask."""
    from ssgan.data import labels

    labels.save_label_mask(folder / "label_mask.npz", np.arange(100) % 3 == 0, seed=0)
    return folder / "label_mask.npz"


def read_mask(path: Path) -> None:
    """Reads a label mask."""
    from ssgan.data import labels

    labels.load_label_mask(path)


def make_cache(folder: Path) -> Path:
    """Draws three synthetic images, which writes the cache."""
    from ssgan.data import street_digits

    street_digits.load("test", 3, cache_dir=folder)
    return next(folder.glob("*.npz"))


def read_cache(path: Path) -> None:
    """Reads the synthetic images; where the cache is damaged they are drawn again."""
    from ssgan.data import street_digits

    street_digits.load("test", 3, cache_dir=path.parent)


def make_mat(folder: Path, *, compressed: bool = True, **arrays: Any) -> Path:
    """Writes six images in SVHN's form, or other arrays."""
    import scipy.io

    svhn = {"X": _IMAGES.transpose(1, 2, 3, 0), "y": LABELS[:, None]}
    scipy.io.savemat(folder / "test_32x32.mat", svhn | arrays, do_compression=compressed)
    return folder / "test_32x32.mat"


def read_mat(path: Path) -> None:
    """Reads images in SVHN's form."""
    from ssgan.data import svhn_mat

    svhn_mat.read(path.parent, "test")


def make_tfds(
    folder: Path,
    *,
    image_class: str = "tensorflow_datasets.core.features.image_feature.Image",
    name: str = "four_images",
) -> Path:
    """Writes four images as TFDS stores them; by default, of a data set that it has no code for."""
    import tensorflow as tf

    prefix = "tensorflow_datasets.core.features."
    image = {"pythonClassName": image_class, "image": {"dtype": "uint8", "shape": {"dimensions": ["32", "32", "3"]}}}
    label = {"pythonClassName": prefix + "class_label_feature.ClassLabel", "classLabel": {"numClasses": "10"}}
    features: dict[str, Any] = {"featuresDict": {"features": {"image": image, "label": label}}}
    split = {"name": "test", "shardLengths": ["4"], "numBytes": "9999"}
    split["filepathTemplate"] = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    about: dict[str, Any] = {"name": name, "version": "1.0.0", "fileFormat": "tfrecord", "splits": [split]}
    about["supervisedKeys"] = {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "label"}]}}
    version = folder / name / "1.0.0"
    version.mkdir(parents=True)
    features["pythonClassName"] = prefix + "features_dict.FeaturesDict"
    (version / "features.json").write_text(json.dumps(features))
    (version / "dataset_info.json").write_text(json.dumps(about))
    record = version / f"{name}-test.tfrecord-00000-of-00001"
    with tf.io.TFRecordWriter(str(record)) as writer:
        for pixels, number in zip(_IMAGES[:4], LABELS, strict=False):
            png = tf.train.Feature(bytes_list=tf.train.BytesList(value=[tf.io.encode_png(pixels).numpy()]))
            key = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(number) % 10]))
            example = tf.train.Example(features=tf.train.Features(feature={"image": png, "label": key}))
            writer.write(example.SerializeToString())
    return record


def read_tfds(path: Path) -> None:
    """Reads images as TFDS stores them."""
    from ssgan.data import tfds_images

    tfds_images.read(tfds_images.find("four_images", data_dir=path.parents[2]), "test")


def _make_tfds_json(name: str) -> Callable[[Path], Path]:
    return lambda folder: make_tfds(folder).with_name(name)


def _make_checkpoint(name: str) -> Callable[[Path], Path]:
    """Returns a function that writes a checkpoint and returns the path of one of its two files."""

    def make(folder: Path) -> Path:
        from ssgan.store import checkpoint

        saved = checkpoint.Checkpoint(
            3, {"weights/000": np.arange(50, dtype=np.float32)}, {"records": [], "seconds": 1.0}
        )
        return checkpoint.save(folder / "checkpoints", saved, keep=1) / name

    return make


def read_checkpoint(path: Path) -> None:
    """Reads a checkpoint."""
    from ssgan.store import checkpoint

    checkpoint.load(path.parent)


READERS = {
    "classifier.keras": Reader(make_classifier, read_classifier),
    "classifier.keras: config.json": _member("config.json", make_classifier, read_classifier),
    "classifier.keras: model.weights.h5": _member("model.weights.h5", make_classifier, read_classifier),
    "gan.keras": Reader(make_gan, read_gan),
    "gan.keras: config.json": _member("config.json", make_gan, read_gan),
    "options.json": Reader(make_options, read_options),
    "options.cfg": Reader(make_flagfile, read_flagfile),
    "about.json": Reader(make_about, read_about),
    "summary.json": Reader(make_summary, read_summary),
    "checkpoint: manifest.json": Reader(_make_checkpoint("manifest.json"), read_checkpoint),
    "checkpoint: state.npz": Reader(_make_checkpoint("state.npz"), read_checkpoint),
    "label_mask.npz": Reader(make_mask, read_mask),
    "street_digits cache": Reader(make_cache, read_cache),
    ".mat, compressed": Reader(make_mat, read_mat),
    ".mat, plain": Reader(lambda folder: make_mat(folder, compressed=False), read_mat),
    "TFDS record": Reader(make_tfds, read_tfds),
    "TFDS features.json": Reader(_make_tfds_json("features.json"), read_tfds),
    "TFDS dataset_info.json": Reader(_make_tfds_json("dataset_info.json"), read_tfds),
    **{f"own picture: {kind}": Reader(own.make_picture(kind), own.read_picture) for kind in own.KINDS},
    "own labels: CSV": Reader(own.make_csv, own.read_labels),
    "own labels: Label Studio": Reader(own.make_label_studio, own.read_labels),
    "own cache: manifest.json": Reader(own.make_cache("manifest.json"), own.read_cache),
    "own cache: array": Reader(own.make_cache("*.npy"), own.read_cache),
}
