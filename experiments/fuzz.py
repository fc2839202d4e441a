"""Feeds damaged and hostile files to every reader of ssgan: each must load them or refuse them with a UsageError.

  python experiments/fuzz.py --mutations=2700 --seed=0

Every reader runs in a process of its own, with a limit on memory and on time, and under an audit hook that counts
attempts to run something. Writes experiments/results/fuzz.json and prints a table; exits with status 1 if a file was
neither loaded nor refused. tests/test_hostile.py runs a part of it.
"""

import argparse
import contextlib
import dataclasses
import datetime
import io
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ssgan.config import Config, UsageError

RESULT = Path(__file__).parent / "results" / "fuzz.json"
SECONDS_PER_FILE = 60
MEMORY_PER_READER = 2 * 2**30  # beyond what the process has mapped when it starts
_CANARIES = {"os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen", "pty.spawn"}
_CANARIES |= {"pickle.find_class", "socket.connect", "webbrowser.open"}
_COLUMNS = {
    "tried": "tried",
    "refused": "refused",
    "loaded": "loaded",
    "other": "failures",
    "executed": "executed",
    "slowest s": "slowest_seconds",
    "peak MB": "peak_megabytes",
}
_IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
_LABELS = np.array([1, 2, 10, 4, 5, 1], np.uint8)

# --- mutations: bytes and a random generator to bytes ---


def flip(content: bytes, random: np.random.Generator) -> bytes:
    """Flips one to eight bits."""
    changed = bytearray(content)
    for position in random.integers(0, len(content), random.integers(1, 9)):
        changed[position] ^= 1 << int(random.integers(8))
    return bytes(changed)


def truncate(content: bytes, random: np.random.Generator) -> bytes:
    """Cuts the end off."""
    return content[: random.integers(len(content))]


def insert(content: bytes, random: np.random.Generator) -> bytes:
    """Inserts up to 64 random bytes."""
    position = random.integers(len(content) + 1)
    return content[:position] + random.bytes(random.integers(1, 65)) + content[position:]


def zero(content: bytes, random: np.random.Generator) -> bytes:
    """Zeroes a range."""
    start, stop = _range(content, random)
    return content[:start] + bytes(stop - start) + content[stop:]


def duplicate(content: bytes, random: np.random.Generator) -> bytes:
    """Repeats a range."""
    start, stop = _range(content, random)
    return content[:stop] + content[start:]


def edit_length(content: bytes, random: np.random.Generator) -> bytes:
    """Overwrites 2, 4 or 8 aligned bytes with a number that a length field would not survive."""
    width = int(random.choice([2, 4, 8]))
    value = int(random.choice([0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**62])) % 256**width
    start = int(random.integers(max(len(content) // 2, 1))) * 2
    return content[:start] + value.to_bytes(width, random.choice(["little", "big"])) + content[start + width :]


def edit_token(content: bytes, random: np.random.Generator) -> bytes:
    """Replaces what stands between two delimiters of a text by something that is hard to digest."""
    hostile = [
        b"1e999",
        b"-1",
        b"0",
        b"9" * 30,
        b"NaN",
        b"null",
        b"[" * 2000,
        b'"\\ud800"',
        b"{}",
        b'"' + b"x" * 999 + b'"',
    ]
    cuts = [i for i, byte in enumerate(content[:100_000]) if byte in b',:[]{}="\n']
    if len(cuts) < 2:
        return insert(content, random)
    at = int(random.integers(len(cuts) - 1))
    return content[: cuts[at] + 1] + hostile[random.integers(len(hostile))] + content[cuts[at + 1] :]


def _range(content: bytes, random: np.random.Generator) -> tuple[int, int]:
    start = int(random.integers(len(content)))
    return start, min(len(content), start + int(2 ** random.uniform(0, 12)))


MUTATIONS = (flip, truncate, insert, zero, duplicate, edit_length, edit_token)

# --- readers: how a valid file is made, and how it is read ---


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
    from ssgan import recipe, run

    config = Config(generator_width=1, latent_dim=2, precision="float32")
    recipe.build(config, image_shape=(16, 16, 3), num_classes=3, steps=10).save(folder / run.MODEL)
    return folder / run.MODEL


def read_classifier(path: Path) -> None:
    """Loads a classifier and applies it."""
    import ssgan

    ssgan.load_classifier(path)


def read_gan(path: Path) -> None:
    """Loads the model of a run."""
    from ssgan import eval

    eval.load_gan(path)


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
    from ssgan import files

    Config.from_json(files.read_text(path))


def make_flagfile(folder: Path) -> Path:
    """Writes the options of a run as a flagfile."""
    (folder / "options.cfg").write_text(Config(dataset="mnist").to_flagfile())
    return folder / "options.cfg"


def read_flagfile(path: Path) -> None:
    """Parses a flagfile as the command line does."""
    from ssgan.cli import parse_flags

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
    from ssgan import eval

    eval.read_about(path)


def make_summary(folder: Path) -> Path:
    """Writes the summary of a run."""
    (folder / "summary.json").write_text('{"steps": 5000, "train_seconds": 12.5}')
    return folder / "summary.json"


def read_summary(path: Path) -> None:
    """Reads the summary of a run."""
    from ssgan import files

    files.write_json(path.with_suffix(".copy"), files.read_json(path))


def make_mask(folder: Path) -> Path:
    """Writes a label mask."""
    from ssgan import labels

    labels.save_label_mask(folder / "label_mask.npz", np.arange(100) % 3 == 0, seed=0)
    return folder / "label_mask.npz"


def read_mask(path: Path) -> None:
    """Reads a label mask."""
    from ssgan import labels

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

    svhn = {"X": _IMAGES.transpose(1, 2, 3, 0), "y": _LABELS[:, None]}
    scipy.io.savemat(folder / "test_32x32.mat", svhn | arrays, do_compression=compressed)
    return folder / "test_32x32.mat"


def read_mat(path: Path) -> None:
    """Reads images in SVHN's form."""
    from ssgan.data import svhn_mat

    svhn_mat.read(path.parent, "test")


def make_tfds(folder: Path, *, image_class: str = "tensorflow_datasets.core.features.image_feature.Image") -> Path:
    """Writes four images as TFDS stores them, of a data set that it has no code for."""
    import tensorflow as tf

    prefix = "tensorflow_datasets.core.features."
    image = {"pythonClassName": image_class, "image": {"dtype": "uint8", "shape": {"dimensions": ["32", "32", "3"]}}}
    label = {"pythonClassName": prefix + "class_label_feature.ClassLabel", "classLabel": {"numClasses": "10"}}
    features = {"featuresDict": {"features": {"image": image, "label": label}}}
    split = {"name": "test", "shardLengths": ["4"], "numBytes": "9999"}
    split["filepathTemplate"] = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    about = {"name": "four_images", "version": "1.0.0", "fileFormat": "tfrecord", "splits": [split]}
    about["supervisedKeys"] = {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "label"}]}}
    version = folder / "four_images" / "1.0.0"
    version.mkdir(parents=True)
    features["pythonClassName"] = prefix + "features_dict.FeaturesDict"
    (version / "features.json").write_text(json.dumps(features))
    (version / "dataset_info.json").write_text(json.dumps(about))
    record = version / "four_images-test.tfrecord-00000-of-00001"
    with tf.io.TFRecordWriter(str(record)) as writer:
        for pixels, number in zip(_IMAGES[:4], _LABELS, strict=False):
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
        from ssgan import checkpoint

        saved = checkpoint.Checkpoint(
            3, {"weights/000": np.arange(50, dtype=np.float32)}, {"records": [], "seconds": 1.0}
        )
        return checkpoint.save(folder / "checkpoints", saved, keep=1) / name

    return make


def read_checkpoint(path: Path) -> None:
    """Reads a checkpoint."""
    from ssgan import checkpoint

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
}

# --- trials ---


class Hang(BaseException):
    """A reader took too long; no `Exception`, because readers refuse files over those."""


def attempt(read: Callable[[Path], Any], path: Path) -> str:
    """Reads a file; returns `loaded`, `refused: why` or, which must not be, `failed: why`."""
    try:
        read(path)
        return "loaded"
    except UsageError as error:
        return f"refused: {error}" if "\n" not in str(error) else f"failed: several lines: {error}"
    except BaseException as error:  # whatever a reader lets through is what is looked for
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"failed: {type(error).__name__}: {error}"


def fuzz(reader: Reader, folder: Path, *, mutations: int, seed: int) -> dict:
    """Reads mutated copies of a reader's valid file, in its place.

    Args:
        reader: what to try.
        folder: an empty folder.
        mutations: how many copies.
        seed: seed of the mutations.

    Returns:
        Counts `tried`, `loaded` and `refused`, the list `failures`, and `slowest_seconds`.

    Raises:
        RuntimeError: if the valid file is not loaded.
    """
    path = reader.make(folder)
    if (found := attempt(reader.read, path)) != "loaded":
        raise RuntimeError(f"the valid {path} is not loaded; {found}")
    content = path.read_bytes()
    counts = {"tried": mutations, "loaded": 0, "refused": 0, "failures": [], "slowest_seconds": 0.0}
    for number in range(mutations):
        random = np.random.default_rng([seed, number])
        mutation = MUTATIONS[number % len(MUTATIONS)]
        path.write_bytes(mutation(content, random))
        begin = time.perf_counter()
        with _alarm(SECONDS_PER_FILE):
            found = attempt(reader.read, path)
        counts["slowest_seconds"] = max(counts["slowest_seconds"], round(time.perf_counter() - begin, 3))
        kind = found.partition(":")[0]
        if kind == "failed":
            counts["failures"].append(f"{mutation.__name__} {number}: {found[:300]}")
        else:
            counts[kind] += 1
    return counts


@contextlib.contextmanager
def _alarm(seconds: int):
    def stop(*_):
        raise Hang(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def count_canaries() -> list[str]:
    """Returns a list that is given the name of every attempt, from now on, to run or to fetch something."""
    seen: list[str] = []
    sys.addaudithook(lambda event, _: seen.append(event) if event in _CANARIES else None)
    return seen


# --- files made by hand: name, how it is made, how it is read, words of the refusal ---


def _keras_with(change: Callable[[dict], Any], make=make_classifier) -> Callable[[Path], Path]:
    """Returns a maker of a `.keras` file whose configuration is changed."""

    def make_changed(folder: Path) -> Path:
        source = make(folder)
        with zipfile.ZipFile(source) as archive:
            config = json.loads(archive.read("config.json"))
        change(config)
        changed = json.dumps(config).encode()
        return repack(source.rename(folder / "whole"), folder / source.name, {"config.json": changed})

    return make_changed


def _layer(config: dict, class_name: str) -> dict:
    return next(layer for layer in config["config"]["layers"] if layer["class_name"] == class_name)


def _keras_members(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        source = make_classifier(folder).rename(folder / "whole")
        return repack(source, folder / "classifier.keras", members, compression)

    return make


def _keras_weights(change: Callable[[Any, Path], Any]) -> Callable[[Path], Path]:
    """Returns a maker of a `.keras` file whose HDF5 file is changed by h5py."""

    def make(folder: Path) -> Path:
        import h5py

        source = make_classifier(folder).rename(folder / "whole")
        with zipfile.ZipFile(source) as archive:
            weights = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(weights, "r+") as file:
            change(file, folder)
        return repack(source, folder / "classifier.keras", {"model.weights.h5": weights.getvalue()})

    return make


def _link(file: Any, folder: Path) -> None:
    import h5py

    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.ExternalLink(str(folder / "other.h5"), "/secret")


def _external(file: Any, folder: Path) -> None:
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (4, 3), "f4", external=[(str(folder / "whole"), 0, 48)])


def _bomb(file: Any, _: Path) -> None:
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (4, 10**10), "f4", chunks=(1, 2**20), compression="gzip")


def _unfilled(file: Any, _: Path) -> None:
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (4, 10**10), "f4")


def _twice(file: Any, _: Path) -> None:
    file["layers/dense/vars/2"] = file["layers/dense/vars/0"]


def _legacy(folder: Path) -> Path:
    path = make_classifier(folder).rename(folder / "classifier.h5")
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    return path


def _pickle(folder: Path) -> Path:
    path = folder / "classifier.keras"
    path.write_bytes(b"cposix\nsystem\n(S'touch executed'\ntR.")
    return path


def _mat_edit(old: bytes, new: bytes) -> Callable[[Path], Path]:
    """Returns a maker of an uncompressed `.mat` file in which some bytes are replaced."""

    def make(folder: Path) -> Path:
        path = make_mat(folder, compressed=False)
        content = path.read_bytes()
        path.write_bytes(content.replace(old, new, 1))
        return path if old in content else path / "unchanged"

    return make


def _mat_bomb(folder: Path) -> Path:
    """Writes a compressed matrix that declares little and inflates to 100 MB."""
    import zlib

    path = make_mat(folder)
    plain = make_mat(folder, compressed=False).read_bytes()
    deflate = zlib.compressobj(9)
    packed = deflate.compress(plain[128:]) + b"".join(deflate.compress(bytes(2**20)) for _ in range(100))
    packed += deflate.flush()
    path.write_bytes(plain[:128] + np.array([15, len(packed)], "<u4").tobytes() + packed)
    return path


def _mat_with(**arrays: Any) -> Callable[[Path], Path]:
    return lambda folder: make_mat(folder, **arrays)


def _words(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _record(edit: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = make_tfds(folder)
        path.write_bytes(edit(path.read_bytes()))
        return path

    return make


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "options.cfg")
    return folder / "options.cfg"


def _dims(*sizes: int) -> bytes:
    return np.array(sizes, "<i4").tobytes()


_SYSTEM = {"module": "builtins", "class_name": "function", "config": "os.system", "registered_name": "function"}

HOSTILE: dict[str, tuple[Callable[[Path], Path], Callable[[Path], Any], str]] = {
    "Keras: a Lambda layer": (
        _keras_with(lambda c: _layer(c, "LeakyReLU").update(class_name="Lambda")),
        read_classifier,
        "names 'keras.layers.Lambda'",
    ),
    "Keras: a lambda as activation": (
        _keras_with(
            lambda c: _layer(c, "Dense")["config"].update(activation={"class_name": "__lambda__", "config": {}})
        ),
        read_classifier,
        "names '__lambda__'",
    ),
    "Keras: os.system as activation": (
        _keras_with(lambda c: _layer(c, "Dense")["config"].update(activation=_SYSTEM)),
        read_classifier,
        "names 'builtins.function'",
    ),
    "Keras: a TFSMLayer": (
        _keras_with(lambda c: _layer(c, "LeakyReLU").update(class_name="TFSMLayer")),
        read_classifier,
        "names 'keras.layers.TFSMLayer'",
    ),
    "Keras: a class of another module": (
        _keras_with(lambda c: _layer(c, "Dense").update(module="subprocess", class_name="Popen")),
        read_classifier,
        "names 'subprocess.Popen'",
    ),
    "Keras: a class registered by ssgan": (
        _keras_with(lambda c: _layer(c, "Dense").update(registered_name="ssgan>Generator")),
        read_classifier,
        "registered as 'ssgan>Generator'",
    ),
    "Keras: a layer of a billion units": (
        _keras_with(lambda c: _layer(c, "Dense")["config"].update(units=10**9)),
        read_classifier,
        "asks for 5,000,000,",
    ),
    "Keras: a hidden factor of a billion": (
        _keras_with(lambda c: _layer(c, "Dense")["config"].update(lora_rank=10**9)),
        read_classifier,
        "asks for 7,000,000,",
    ),
    "Keras: an input of a billion channels": (
        _keras_with(lambda c: _layer(c, "Conv2D")["build_config"].update(input_shape=[None, 16, 16, 10**9])),
        read_classifier,
        "incompatible with the layer",
    ),
    "Keras: a configuration without end": (
        _keras_members({"config.json": b'{"a":' * 100_000}),
        read_classifier,
        "nested too deeply",
    ),
    "Keras: a configuration of 2 MB": (
        _keras_members({"config.json": bytes(2**21)}),
        read_classifier,
        "2,097,152 bytes, which is too large",
    ),
    "Keras: a compressed member": (
        _keras_members({}, zipfile.ZIP_DEFLATED),
        read_classifier,
        "compressed or encrypted",
    ),
    "Keras: a member outside the folder": (
        _keras_members({"../../evil.py": b""}),
        read_classifier,
        r"holds \['../../evil.py'",
    ),
    "Keras: a link to another HDF5 file": (_keras_weights(_link), read_classifier, "'0' is a link to elsewhere"),
    "Keras: weights stored in another file": (_keras_weights(_external), read_classifier, "stored elsewhere"),
    "Keras: compressed weights of 160 GB": (_keras_weights(_bomb), read_classifier, "compressed, incomplete"),
    "Keras: weights that are not there": (_keras_weights(_unfilled), read_classifier, "compressed, incomplete"),
    "Keras: weights counted twice": (_keras_weights(_twice), read_classifier, "holds an array twice"),
    "Keras: a pickle": (_pickle, read_classifier, "File is not a zip file"),
    "Keras: an .h5 file": (_legacy, read_classifier, "expected a .keras file; other formats are not safe"),
    "GAN: a generator of a billion channels": (
        _keras_with(lambda c: c["config"]["generator"]["config"].update(width=10**9), make_gan),
        read_gan,
        "configuration asks for",
    ),
    "GAN: a billion classes": (
        _keras_with(lambda c: c["config"]["discriminator"]["config"].update(num_classes=10**9), make_gan),
        read_gan,
        "configuration asks for",
    ),
    "GAN: an optimizer that is a function": (
        _keras_with(lambda c: c["compile_config"].update(d_optimizer=_SYSTEM), make_gan),
        read_gan,
        "names 'builtins.function'",
    ),
    "GAN: a classifier in its place": (make_classifier, read_gan, "does not load; keras.models.load_model"),
    "JSON: nested without end": (_words("options.json", b"[" * 100_000), read_options, "not valid JSON"),
    "JSON: an infinite number": (
        _words("options.json", b'{"learning_rate": 1e999}'),
        read_options,
        "--learning_rate=inf: expected",
    ),
    "JSON: a number of 5,000 digits": (
        _words("options.json", b'{"labels": ' + b"9" * 5000 + b"}"),
        read_options,
        "not valid JSON",
    ),
    "JSON: no class names": (_words("about.json", b'{"image_shape": []}'), read_about, "class_names is None; expected"),
    "JSON: NaN in a summary": (_words("summary.json", b'{"steps": NaN}'), read_summary, "not a finite number"),
    "flagfile: names itself": (
        lambda folder: _words("options.cfg", f"--flagfile={folder}/options.cfg\n".encode() * 2)(folder),
        read_flagfile,
        "does one name itself",
    ),
    "flagfile: a pipe": (_pipe, read_flagfile, "not a regular file"),
    "flagfile: names a device": (_words("options.cfg", b"--flagfile=/dev/zero\n"), read_flagfile, "not a regular file"),
    "MATLAB: a billion images": (
        _mat_edit(_dims(32, 32, 3, 6), _dims(32, 32, 3, 10**9)),
        read_mat,
        r"X is uint8 \(32, 32, 3, 1000000000\)",
    ),
    "MATLAB: more images than bytes": (
        _mat_edit(_dims(32, 32, 3, 6), _dims(32, 32, 3, 600_000)),
        read_mat,
        "600000.* and holds 18,432 numbers",
    ),
    "MATLAB: more bytes than images": (
        _mat_edit(_dims(32, 32, 3, 6), _dims(32, 32, 3, 5)),
        read_mat,
        "declares 18,432 bytes where at most 15,360",
    ),
    "MATLAB: shapes below zero": (_mat_edit(_dims(32, 32, 3, 6), _dims(-32, -32, 3, 6)), read_mat, "has the shape"),
    "MATLAB: 100 MB in 100 KB": (_mat_bomb, read_mat, "cut short, or longer than it declares"),
    "MATLAB: a struct": (_mat_with(X={"a": 1}), read_mat, "X is of class struct"),
    "MATLAB: a cell": (_mat_with(X=np.array([{}], object)), read_mat, "X is of class cell"),
    "MATLAB: text for labels": (_mat_with(y="words"), read_mat, "y is of class char"),
    "MATLAB: complex labels": (_mat_with(y=_LABELS[:, None] * 1j), read_mat, "y is of class complex"),
    "MATLAB: NaN for labels": (_mat_with(y=np.full((6, 1), np.nan)), read_mat, r"y holds \[nan\]"),
    "MATLAB: labels above ten": (_mat_with(y=_LABELS[:, None] + 1), read_mat, "y holds .*11.; expected whole"),
    "MATLAB: version 7.3": (
        _words("test_32x32.mat", b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM\x89HDF" + bytes(600)),
        read_mat,
        "MATLAB 7.3",
    ),
    "TFDS: a class to import": (
        lambda folder: make_tfds(folder, image_class="antigravity.Image"),
        read_tfds,
        "names the class 'antigravity.Image'",
    ),
    "TFDS: a billion classes": (
        lambda folder: _replaced(make_tfds(folder), "features.json", '"10"', '"1000000000"'),
        read_tfds,
        "1000000000 classes",
    ),
    "TFDS: a row less than declared": (
        _record(lambda content: content[16 + int.from_bytes(content[:8], "little") :]),
        read_tfds,
        "holds 3 records",
    ),
    "TFDS: a record of 2^62 bytes": (
        _record(lambda c: (2**62).to_bytes(8, "little") + c[8:]),
        read_tfds,
        "cannot be read",
    ),
}


def _replaced(beside: Path, name: str, old: str, new: str) -> Path:
    path = beside.with_name(name)
    path.write_text(path.read_text().replace(old, new))
    return beside


def _try_hostile(name: str) -> str:
    make, read, _ = HOSTILE[name]
    with tempfile.TemporaryDirectory() as folder:
        return attempt(read, make(Path(folder))).replace(folder, "FOLDER")


# --- the experiment ---


def main() -> None:
    """Runs every reader in a process of its own and writes what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mutations", type=int, default=2400, help="Mutated files, over all readers.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of the mutations.")
    parser.add_argument("--reader", help=argparse.SUPPRESS)
    options = parser.parse_args()
    each = -(-options.mutations // len(READERS))
    if options.reader:
        print(json.dumps(_run(options.reader, mutations=each, seed=options.seed)))
        return
    found = {name: _run_in_process(name, options) for name in (*READERS, "hostile")}
    hostile = found.pop("hostile")
    result = {"mutations": each * len(READERS), "seed": options.seed, "readers": found, "hostile": hostile, **_about()}
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    _print_table(found, hostile)
    failures = [row.get("failures", [row.get("crashed")]) for row in [*found.values(), hostile]]
    sys.exit(any(failures))


def _run(name: str, *, mutations: int, seed: int) -> dict:
    """Tries one reader, or the files made by hand, in this process."""
    import logging

    logging.disable(logging.CRITICAL)  # a damaged cache is reported in the log, and drawn again
    import ssgan.gan  # noqa: F401  (what every command imports)

    canaries = count_canaries()
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY_PER_READER, resource.RLIM_INFINITY))
    before = _peak_megabytes()
    if name == "hostile":
        lines = {each: _try_hostile(each) for each in HOSTILE}
        failures = [f"{each}: {line}" for each, line in lines.items() if not line.startswith("refused: ")]
        counts: dict = {"lines": lines, "failures": failures}
    else:
        with tempfile.TemporaryDirectory() as folder:
            counts = fuzz(READERS[name], Path(folder), mutations=mutations, seed=seed)
    return {**counts, "executed": canaries, "peak_megabytes": _peak_megabytes(), "megabytes_at_start": before}


def _peak_megabytes() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _run_in_process(name: str, options: argparse.Namespace) -> dict:
    command = [
        sys.executable,
        __file__,
        f"--reader={name}",
        f"--mutations={options.mutations}",
        f"--seed={options.seed}",
    ]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=3600)
    print(f"{name}: done", file=sys.stderr, flush=True)
    if done.returncode != 0:
        return {"crashed": f"status {done.returncode}: {done.stderr.strip()[-300:]}"}
    return json.loads(done.stdout.splitlines()[-1])


def _about() -> dict:
    import h5py
    import keras
    import tensorflow as tf
    import tensorflow_datasets as tfds

    from ssgan import hardware

    versions = {module.__name__: module.__version__ for module in (keras, tf, tfds, h5py, np)}
    date = datetime.date.today().isoformat()
    return {"date": date, "python": platform.python_version(), "versions": versions, "hardware": hardware.describe()}


def _print_table(readers: dict, hostile: dict) -> None:
    print(f"{'reader':36}" + "".join(f"{title:>10}" for title in _COLUMNS))
    for name, row in readers.items():
        if "crashed" in row:
            print(f"{name:36}  CRASHED: {row['crashed']}")
        else:
            cells = (row[key] if not isinstance(row[key], list) else len(row[key]) for key in _COLUMNS.values())
            print(f"{name:36}" + "".join(f"{cell:>10}" for cell in cells))
    for name, line in hostile.get("lines", {}).items():
        print(f"{name:42}{line[:200]}")
    for row in [*readers.values(), hostile]:
        print("\n".join(row.get("failures", [])), end="")


if __name__ == "__main__":
    main()
