"""Hostile files made by hand: how each is made, how it is read, and words of its refusal."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from experiments.robustness.readers import (
    LABELS,
    READERS,
    make_classifier,
    make_gan,
    make_mask,
    make_mat,
    make_tfds,
    read_about,
    read_checkpoint,
    read_classifier,
    read_flagfile,
    read_gan,
    read_mask,
    read_mat,
    read_options,
    read_summary,
    read_tfds,
    repack,
)


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


def _piped(path: Path) -> Path:
    """Puts a pipe in the place of a file; whoever opens it waits for a writer."""
    path.unlink()
    os.mkfifo(path)
    return path


def _tfds_link(linked: str) -> Callable[[Path], Path]:
    """Returns a maker of a TFDS folder of which a part is a link to that of a set that names a class to import."""

    def make(folder: Path) -> Path:
        path = make_tfds(folder)
        make_tfds(folder / "elsewhere", image_class="antigravity.Image")
        (folder / linked).rename(folder / "replaced")
        (folder / linked).symlink_to(folder / "elsewhere" / linked)
        return path

    return make


def _read_tfds_named_otherwise(path: Path) -> None:
    from ssgan.data import tfds_images

    tfds_images.find("FourImages", data_dir=path.parents[2])  # TFDS takes it for four_images


def _tfds_records_elsewhere(folder: Path) -> Path:
    path = _replaced(make_tfds(folder), "dataset_info.json", "{DATASET}-", "../{DATASET}-")
    path.rename(path.parents[1] / path.name)
    return path


def _tfds_elsewhere(folder: Path) -> Path:
    """Writes a TFDS folder whose default configuration is another folder, with a set that names a class to import."""
    path = make_tfds(folder)
    make_tfds(folder / "elsewhere", image_class="antigravity.Image")
    path.parent.rename(folder / "replaced")
    (folder / "four_images" / ".config").mkdir()
    metadata = {"default_config_name": "../elsewhere/four_images"}
    (folder / "four_images" / ".config" / "metadata.json").write_text(json.dumps(metadata))
    return path


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
    "MATLAB: complex labels": (_mat_with(y=LABELS[:, None] * 1j), read_mat, "y is of class complex"),
    "MATLAB: NaN for labels": (_mat_with(y=np.full((6, 1), np.nan)), read_mat, r"y holds \[nan\]"),
    "MATLAB: labels above ten": (
        _mat_with(y=LABELS[:, None] + 1),
        read_mat,
        "y holds .*11.; expected whole",
    ),
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
    "TFDS: a class to import, in a set named otherwise": (
        lambda folder: make_tfds(folder, image_class="antigravity.Image"),
        _read_tfds_named_otherwise,
        "names the class 'antigravity.Image'",
    ),
    "TFDS: a link to another set": (_tfds_link("four_images"), read_tfds, "four_images is a link"),
    "TFDS: a link to another version": (_tfds_link("four_images/1.0.0"), read_tfds, "1.0.0 is a link"),
    "TFDS: a link to another features.json": (
        _tfds_link("four_images/1.0.0/features.json"),
        read_tfds,
        "features.json is a link",
    ),
    "TFDS: a configuration elsewhere": (
        _tfds_elsewhere,
        read_tfds,
        "names the configuration '../elsewhere/four_images'",
    ),
    "TFDS: records elsewhere": (
        _tfds_records_elsewhere,
        read_tfds,
        "expected it in the folder itself",
    ),
    "TFDS: a pipe for records": (lambda folder: _piped(make_tfds(folder)), read_tfds, "is a link, a pipe or a device"),
    "MATLAB: a pipe": (lambda folder: _piped(make_mat(folder)), read_mat, "not a regular file"),
    "mask: a pipe": (lambda folder: _piped(make_mask(folder)), read_mask, "not a regular file"),
    "checkpoint: a pipe": (
        lambda folder: _piped(READERS["checkpoint: state.npz"].make(folder)),
        read_checkpoint,
        "not a regular file",
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
