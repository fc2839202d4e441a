"""Makers of hostile files: each writes one into a folder, with what belongs beside it, and returns its path."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.robustness.readers import make_classifier, make_mat, make_tfds, repack


def keras_with(change: Callable[[dict], Any], make=make_classifier) -> Callable[[Path], Path]:
    """Returns a maker of a `.keras` file whose configuration is changed."""

    def make_changed(folder: Path) -> Path:
        source = make(folder)
        with zipfile.ZipFile(source) as archive:
            config = json.loads(archive.read("config.json"))
        change(config)
        changed = json.dumps(config).encode()
        return repack(source.rename(folder / "whole"), folder / source.name, {"config.json": changed})

    return make_changed


def layer(config: dict, class_name: str) -> dict:
    """Returns the first layer of a class in the configuration of a `.keras` file."""
    return next(layer for layer in config["config"]["layers"] if layer["class_name"] == class_name)


def keras_members(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Callable[[Path], Path]:
    """Returns a maker of a `.keras` file of which some members are replaced or added."""

    def make(folder: Path) -> Path:
        source = make_classifier(folder).rename(folder / "whole")
        return repack(source, folder / "classifier.keras", members, compression)

    return make


def keras_weights(change: Callable[[Any, Path], Any]) -> Callable[[Path], Path]:
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


def link(file: Any, folder: Path) -> None:
    """Makes the weights of a layer a link to another file."""
    import h5py

    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.ExternalLink(str(folder / "other.h5"), "/secret")


def external(file: Any, folder: Path) -> None:
    """Stores the weights of a layer in another file."""
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (4, 3), "f4", external=[(str(folder / "whole"), 0, 48)])


def bomb(file: Any, _: Path) -> None:
    """Makes the weights of a layer 160 GB, compressed to nothing."""
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (4, 10**10), "f4", chunks=(1, 2**20), compression="gzip")


def unfilled(file: Any, _: Path) -> None:
    """Declares 160 GB of weights without writing them."""
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (4, 10**10), "f4")


def twice(file: Any, _: Path) -> None:
    """Gives an array a second name."""
    file["layers/dense/vars/2"] = file["layers/dense/vars/0"]


def legacy(folder: Path) -> Path:
    """Writes what looks like a model in the old format of Keras."""
    path = make_classifier(folder).rename(folder / "classifier.h5")
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    return path


def pickle(folder: Path) -> Path:
    """Writes a pickle that runs a command."""
    path = folder / "classifier.keras"
    path.write_bytes(b"cposix\nsystem\n(S'touch executed'\ntR.")
    return path


def mat_edit(old: bytes, new: bytes) -> Callable[[Path], Path]:
    """Returns a maker of an uncompressed `.mat` file in which some bytes are replaced."""

    def make(folder: Path) -> Path:
        path = make_mat(folder, compressed=False)
        content = path.read_bytes()
        path.write_bytes(content.replace(old, new, 1))
        return path if old in content else path / "unchanged"

    return make


def mat_bomb(folder: Path) -> Path:
    """Writes a compressed matrix that declares little and inflates to 100 MB."""
    import zlib

    path = make_mat(folder)
    plain = make_mat(folder, compressed=False).read_bytes()
    deflate = zlib.compressobj(9)
    packed = deflate.compress(plain[128:]) + b"".join(deflate.compress(bytes(2**20)) for _ in range(100))
    packed += deflate.flush()
    path.write_bytes(plain[:128] + np.array([15, len(packed)], "<u4").tobytes() + packed)
    return path


def mat_with(**arrays: Any) -> Callable[[Path], Path]:
    """Returns a maker of a `.mat` file of other arrays."""
    return lambda folder: make_mat(folder, **arrays)


def words(name: str, content: bytes) -> Callable[[Path], Path]:
    """Returns a maker of a file of this content."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def record(edit: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    """Returns a maker of a TFDS folder whose file of records is changed."""

    def make(folder: Path) -> Path:
        path = make_tfds(folder)
        path.write_bytes(edit(path.read_bytes()))
        return path

    return make


def pipe(folder: Path) -> Path:
    """Makes a pipe where a flagfile is expected."""
    os.mkfifo(folder / "options.cfg")
    return folder / "options.cfg"


def piped(path: Path) -> Path:
    """Puts a pipe in the place of a file; whoever opens it waits for a writer."""
    path.unlink()
    os.mkfifo(path)
    return path


def tfds_link(linked: str) -> Callable[[Path], Path]:
    """Returns a maker of a TFDS folder of which a part is a link to that of a set that names a class to import."""

    def make(folder: Path) -> Path:
        path = make_tfds(folder)
        make_tfds(folder / "elsewhere", image_class="antigravity.Image")
        (folder / linked).rename(folder / "replaced")
        (folder / linked).symlink_to(folder / "elsewhere" / linked)
        return path

    return make


def read_tfds_named_otherwise(path: Path) -> None:
    """Reads the images by another spelling of their set's name."""
    from ssgan.data import tfds_images

    tfds_images.find("FourImages", data_dir=path.parents[2])  # TFDS takes it for four_images


def tfds_records_elsewhere(folder: Path) -> Path:
    """Writes a TFDS folder whose records lie in the folder above."""
    path = replaced(make_tfds(folder), "dataset_info.json", "{DATASET}-", "../{DATASET}-")
    path.rename(path.parents[1] / path.name)
    return path


def tfds_elsewhere(folder: Path) -> Path:
    """Writes a TFDS folder whose default configuration is another folder, with a set that names a class to import."""
    path = make_tfds(folder)
    make_tfds(folder / "elsewhere", image_class="antigravity.Image")
    path.parent.rename(folder / "replaced")
    (folder / "four_images" / ".config").mkdir()
    metadata = {"default_config_name": "../elsewhere/four_images"}
    (folder / "four_images" / ".config" / "metadata.json").write_text(json.dumps(metadata))
    return path


def dims(*sizes: int) -> bytes:
    """Returns sizes as a `.mat` file holds them."""
    return np.array(sizes, "<i4").tobytes()


SYSTEM = {"module": "builtins", "class_name": "function", "config": "os.system", "registered_name": "function"}


def replaced(beside: Path, name: str, old: str, new: str) -> Path:
    """Replaces words in a file beside a given one, and returns the given one."""
    path = beside.with_name(name)
    path.write_text(path.read_text().replace(old, new))
    return beside
