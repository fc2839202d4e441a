"""Hostile files made by hand: how each is made, how it is read, and words of its refusal."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.robustness import hostile_files as make
from experiments.robustness.own_hostile import OWN_HOSTILE
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
)

HOSTILE: dict[str, tuple[Callable[[Path], Path], Callable[[Path], Any], str]] = {
    "Keras: a Lambda layer": (
        make.keras_with(lambda c: make.layer(c, "LeakyReLU").update(class_name="Lambda")),
        read_classifier,
        "names 'keras.layers.Lambda'",
    ),
    "Keras: a lambda as activation": (
        make.keras_with(
            lambda c: make.layer(c, "Dense")["config"].update(activation={"class_name": "__lambda__", "config": {}})
        ),
        read_classifier,
        "names '__lambda__'",
    ),
    "Keras: os.system as activation": (
        make.keras_with(lambda c: make.layer(c, "Dense")["config"].update(activation=make.SYSTEM)),
        read_classifier,
        "names 'builtins.function'",
    ),
    "Keras: a TFSMLayer": (
        make.keras_with(lambda c: make.layer(c, "LeakyReLU").update(class_name="TFSMLayer")),
        read_classifier,
        "names 'keras.layers.TFSMLayer'",
    ),
    "Keras: a class of another module": (
        make.keras_with(lambda c: make.layer(c, "Dense").update(module="subprocess", class_name="Popen")),
        read_classifier,
        "names 'subprocess.Popen'",
    ),
    "Keras: a class registered by ssgan": (
        make.keras_with(lambda c: make.layer(c, "Dense").update(registered_name="ssgan>Generator")),
        read_classifier,
        "registered as 'ssgan>Generator'",
    ),
    "Keras: a layer of a billion units": (
        make.keras_with(lambda c: make.layer(c, "Dense")["config"].update(units=10**9)),
        read_classifier,
        "asks for 5,000,000,",
    ),
    "Keras: a hidden factor of a billion": (
        make.keras_with(lambda c: make.layer(c, "Dense")["config"].update(lora_rank=10**9)),
        read_classifier,
        "asks for 7,000,000,",
    ),
    "Keras: an input of a billion channels": (
        make.keras_with(lambda c: make.layer(c, "Conv2D")["build_config"].update(input_shape=[None, 16, 16, 10**9])),
        read_classifier,
        "incompatible with the layer",
    ),
    "Keras: a configuration without end": (
        make.keras_members({"config.json": b'{"a":' * 100_000}),
        read_classifier,
        "nested too deeply",
    ),
    "Keras: a configuration of 2 MB": (
        make.keras_members({"config.json": bytes(2**21)}),
        read_classifier,
        "2,097,152 bytes, which is too large",
    ),
    "Keras: a compressed member": (
        make.keras_members({}, zipfile.ZIP_DEFLATED),
        read_classifier,
        "compressed or encrypted",
    ),
    "Keras: a member outside the folder": (
        make.keras_members({"../../evil.py": b""}),
        read_classifier,
        r"holds \['../../evil.py'",
    ),
    "Keras: a link to another HDF5 file": (
        make.keras_weights(make.link),
        read_classifier,
        "'0' is a link to elsewhere",
    ),
    "Keras: weights stored in another file": (make.keras_weights(make.external), read_classifier, "stored elsewhere"),
    "Keras: compressed weights of 160 GB": (make.keras_weights(make.bomb), read_classifier, "compressed, incomplete"),
    "Keras: weights that are not there": (make.keras_weights(make.unfilled), read_classifier, "compressed, incomplete"),
    "Keras: weights counted twice": (make.keras_weights(make.twice), read_classifier, "holds an array twice"),
    "Keras: a pickle": (make.pickle, read_classifier, "File is not a zip file"),
    "Keras: an .h5 file": (make.legacy, read_classifier, "expected a .keras file; other formats are not safe"),
    "GAN: a generator of a billion channels": (
        make.keras_with(lambda c: c["config"]["generator"]["config"].update(width=10**9), make_gan),
        read_gan,
        "configuration asks for",
    ),
    "GAN: a billion classes": (
        make.keras_with(lambda c: c["config"]["discriminator"]["config"].update(num_classes=10**9), make_gan),
        read_gan,
        "configuration asks for",
    ),
    "GAN: an optimizer that is a function": (
        make.keras_with(lambda c: c["compile_config"].update(d_optimizer=make.SYSTEM), make_gan),
        read_gan,
        "names 'builtins.function'",
    ),
    "GAN: a classifier in its place": (make_classifier, read_gan, "does not load; keras.models.load_model"),
    "JSON: nested without end": (make.words("options.json", b"[" * 100_000), read_options, "not valid JSON"),
    "JSON: an infinite number": (
        make.words("options.json", b'{"learning_rate": 1e999}'),
        read_options,
        "--learning_rate=inf: expected",
    ),
    "JSON: a number of 5,000 digits": (
        make.words("options.json", b'{"labels": ' + b"9" * 5000 + b"}"),
        read_options,
        "not valid JSON",
    ),
    "JSON: no class names": (
        make.words("about.json", b'{"image_shape": []}'),
        read_about,
        "class_names is None; expected",
    ),
    "JSON: NaN in a summary": (make.words("summary.json", b'{"steps": NaN}'), read_summary, "not a finite number"),
    "flagfile: names itself": (
        lambda folder: make.words("options.cfg", f"--flagfile={folder}/options.cfg\n".encode() * 2)(folder),
        read_flagfile,
        "does one name itself",
    ),
    "flagfile: a pipe": (make.pipe, read_flagfile, "not a regular file"),
    "flagfile: names a device": (
        make.words("options.cfg", b"--flagfile=/dev/zero\n"),
        read_flagfile,
        "not a regular file",
    ),
    "MATLAB: a billion images": (
        make.mat_edit(make.dims(32, 32, 3, 6), make.dims(32, 32, 3, 10**9)),
        read_mat,
        r"X is uint8 \(32, 32, 3, 1000000000\)",
    ),
    "MATLAB: more images than bytes": (
        make.mat_edit(make.dims(32, 32, 3, 6), make.dims(32, 32, 3, 600_000)),
        read_mat,
        "600000.* and holds 18,432 numbers",
    ),
    "MATLAB: more bytes than images": (
        make.mat_edit(make.dims(32, 32, 3, 6), make.dims(32, 32, 3, 5)),
        read_mat,
        "declares 18,432 bytes where at most 15,360",
    ),
    "MATLAB: shapes below zero": (
        make.mat_edit(make.dims(32, 32, 3, 6), make.dims(-32, -32, 3, 6)),
        read_mat,
        "has the shape",
    ),
    "MATLAB: 100 MB in 100 KB": (make.mat_bomb, read_mat, "cut short, or longer than it declares"),
    "MATLAB: a struct": (make.mat_with(X={"a": 1}), read_mat, "X is of class struct"),
    "MATLAB: a cell": (make.mat_with(X=np.array([{}], object)), read_mat, "X is of class cell"),
    "MATLAB: text for labels": (make.mat_with(y="words"), read_mat, "y is of class char"),
    "MATLAB: complex labels": (make.mat_with(y=LABELS[:, None] * 1j), read_mat, "y is of class complex"),
    "MATLAB: NaN for labels": (make.mat_with(y=np.full((6, 1), np.nan)), read_mat, r"y holds \[nan\]"),
    "MATLAB: labels above ten": (
        make.mat_with(y=LABELS[:, None] + 1),
        read_mat,
        "y holds .*11.; expected whole",
    ),
    "MATLAB: version 7.3": (
        make.words("test_32x32.mat", b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM\x89HDF" + bytes(600)),
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
        make.read_tfds_named_otherwise,
        "names the class 'antigravity.Image'",
    ),
    "TFDS: a link to another set": (make.tfds_link("four_images"), read_tfds, "four_images is a link"),
    "TFDS: a link to another version": (make.tfds_link("four_images/1.0.0"), read_tfds, "1.0.0 is a link"),
    "TFDS: a link to another features.json": (
        make.tfds_link("four_images/1.0.0/features.json"),
        read_tfds,
        "features.json is a link",
    ),
    "TFDS: a configuration elsewhere": (
        make.tfds_elsewhere,
        read_tfds,
        "names the configuration '../elsewhere/four_images'",
    ),
    "TFDS: records elsewhere": (
        make.tfds_records_elsewhere,
        read_tfds,
        "expected it in the folder itself",
    ),
    "TFDS: a pipe for records": (
        lambda folder: make.piped(make_tfds(folder)),
        read_tfds,
        "is a link, a pipe or a device",
    ),
    "MATLAB: a pipe": (lambda folder: make.piped(make_mat(folder)), read_mat, "not a regular file"),
    "mask: a pipe": (lambda folder: make.piped(make_mask(folder)), read_mask, "not a regular file"),
    "checkpoint: a pipe": (
        lambda folder: make.piped(READERS["checkpoint: state.npz"].make(folder)),
        read_checkpoint,
        "not a regular file",
    ),
    "TFDS: a billion classes": (
        lambda folder: make.replaced(make_tfds(folder), "features.json", '"10"', '"1000000000"'),
        read_tfds,
        "1000000000 classes",
    ),
    "TFDS: a row less than declared": (
        make.record(lambda content: content[16 + int.from_bytes(content[:8], "little") :]),
        read_tfds,
        "holds 3 records",
    ),
    "TFDS: a record of 2^62 bytes": (
        make.record(lambda c: (2**62).to_bytes(8, "little") + c[8:]),
        read_tfds,
        "cannot be read",
    ),
    **OWN_HOSTILE,
}
