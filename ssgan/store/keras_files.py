"""Reads `.keras` files that may come from anyone: everything in one is checked before Keras sees it.

Nothing in a file decides what is run: every class that it names must be on the caller's list. Nothing decides how much
memory is taken beyond a few times its size: archives are not compressed, and the weights a configuration asks for are
counted, without being made, before they are. The checksum of every member is verified before HDF5 reads one, so an
accident never reaches that library; it stays the one that a forger of checksums would have to break. A file is read
once, and what was checked is what is loaded, whatever happens to the file meanwhile.
"""

import concurrent.futures
import hashlib
import io
import json
import math
import os
import tempfile
import warnings
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import keras

from ssgan.errors import UsageError
from ssgan.store import files

_METADATA, _CONFIG, _WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
_LARGEST_FILE = 2**30
_LARGEST_JSON = 2**20  # ssgan writes some 20 KB
_MOST_OBJECTS = 300  # classes named in a configuration, which bounds the time that Keras takes to build it
_MOST_WEIGHTS = 10_000  # groups and arrays
_DEEPEST_GROUP = 8
_NUMBERS = ("float32", "int64", "int32", "uint32")


def load(
    path: Path,
    *,
    root: str,
    parts: Collection[str],
    networks: Collection[str] = (),
    sha256: str | None = None,
    mistaken: Mapping[str, str] = MappingProxyType({}),
) -> keras.Model:
    """Loads a model, not compiled, if it consists of known classes only.

    Args:
        path: the `.keras` file.
        root: class of the model, with its module: `ssgan.gan.SSGAN`.
        parts: classes that it may be made of, with their modules: `keras.layers.Dense`.
        networks: the parts whose weights are counted one by one; none: those of the whole model are. For a root that
            does more than to declare its weights when it is made, such as to copy some.
        sha256: the digest that the file must have, in hexadecimal; None for any.
        mistaken: what to say of a model of another class that may be taken for it, by class.

    Raises:
        UsageError: if the file is missing, damaged, has another digest, names another class, or asks for more memory
            than it fills.
    """
    try:
        content = _read(path)
        if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != sha256.strip().lower():
            raise ValueError(f"it has the sha256 {found}; expected {sha256}: it is not the file that was named")
        config, num_weights = _checked(content, {root, *parts}, mistaken)
        if _name(config) != root:
            raise ValueError(f"it holds a {_name(config)}; expected a {root}")
        _check_size(config, networks, num_weights)
        return _load(content)
    except Exception as error:  # a damaged file makes zipfile, HDF5 and Keras raise nearly anything
        raise UsageError(f"{path} cannot be loaded: {_one_line(error)}") from error


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise ValueError("there is no such file")
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > _LARGEST_FILE:
            raise ValueError(f"it has {size:,} bytes; expected at most {_LARGEST_FILE:,}")
        return file.read(size)


def _load(content: bytes) -> keras.Model:
    """Returns the model of a file that was checked, from a copy out of the reach of other users: Keras wants a name."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # Keras only warns of weights that it does not find, and makes random ones.
        warnings.filterwarnings("error", "Skipping nested container")
        copy = Path(folder, "model.keras")
        copy.write_bytes(content)
        return keras.models.load_model(copy, compile=False, safe_mode=True)


def _one_line(error: Exception) -> str:
    told = " ".join(str(error).split())[:500]
    return told if type(error) is ValueError else f"{type(error).__name__}: {told}"


def _checked(file: bytes, classes: Collection[str], mistaken: Mapping[str, str]) -> tuple[dict, int]:
    """Returns the configuration in a file and how many numbers its weights are, both checked."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        _check_members(archive.infolist(), len(file))
        archive.read(_METADATA)  # every member is read, which verifies its CRC
        config = _parsed(archive.read(_CONFIG))
        if (found := _name(config)) in mistaken:
            raise ValueError(mistaken[found])
        _check_classes(config, classes)
        content = archive.read(_WEIGHTS)
    with h5py.File(io.BytesIO(content), "r") as weights:
        return config, _count_numbers(weights, len(content))


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    names = sorted(member.filename for member in members)
    if names != sorted((_METADATA, _CONFIG, _WEIGHTS)):
        raise ValueError(f"it holds {names[:10]}; expected {_METADATA}, {_CONFIG} and {_WEIGHTS}")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise ValueError(f"{member.filename} is compressed or encrypted; Keras writes it as it is")
        if member.file_size > (size if member.filename == _WEIGHTS else _LARGEST_JSON):
            raise ValueError(f"{member.filename} is declared to have {member.file_size:,} bytes, which is too large")


def _parsed(content: bytes) -> dict:
    try:
        config = json.loads(content.decode())
    except RecursionError as error:
        raise ValueError(f"{_CONFIG} is nested too deeply") from error
    if not isinstance(config, dict):
        raise ValueError(f"{_CONFIG} holds a {type(config).__name__}; expected a JSON object")
    return config


def _objects(values: Any) -> Iterator[dict]:
    """Gives every dictionary in a JSON value that Keras may take for a description of an object."""
    for value in files.dictionaries(values):
        if not value.keys().isdisjoint(("class_name", "module", "registered_name", "spec_name")):
            yield value


def _name(described: dict) -> str:
    module = f"{described['module']}." if "module" in described else ""
    return f"{module}{described.get('class_name')}"


def _check_classes(config: dict, classes: Collection[str]) -> None:
    described = list(_objects(config))
    if len(described) > _MOST_OBJECTS + sum(_name(one) == "__keras_tensor__" for one in described):
        raise ValueError(f"it names {len(described)} objects; expected at most {_MOST_OBJECTS}")
    for one in described:
        name = _name(one)
        if name == "__keras_tensor__" and one.keys() == {"class_name", "config"}:
            continue
        if name not in classes or one.get("registered_name") not in _registered_names(name):
            raise ValueError(
                f"it names {name[:100]!r} (registered as {str(one.get('registered_name'))[:100]!r}), which ssgan does "
                "not write and so does not load; keras.models.load_model loads other files, if you trust them"
            )


def _registered_names(name: str) -> tuple[str | None, ...]:
    package, class_name = name.split(".")[0], name.split(".")[-1]
    return (None, class_name) if package == "keras" else (f"{package}>{class_name}",)


def _count_numbers(weights: h5py.File, size: int) -> int:
    """Returns how many numbers lie in an HDF5 file, all of which are there and in the file itself."""
    groups, seen, numbers, stored = [(weights, 0)], 0, 0, 0
    addresses = set()
    while groups:
        group, depth = groups.pop()
        for name in group:
            seen += 1
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{_WEIGHTS}: {name[:100]!r} is a link to elsewhere; expected weights")
            found = group[name]
            addresses.add(h5py.h5o.get_info(found.id).addr)
            if len(addresses) != seen or seen > _MOST_WEIGHTS or depth > _DEEPEST_GROUP:
                raise ValueError(f"{_WEIGHTS} holds an array twice, or too many, or nested too deeply")
            if isinstance(found, h5py.Group):
                groups.append((found, depth + 1))
            else:
                _check_array(found)
                numbers, stored = numbers + math.prod(found.shape), stored + found.nbytes
    if stored > size:
        raise ValueError(f"{_WEIGHTS}: its arrays would take {stored:,} bytes; the file has {size:,}")
    return numbers


def _check_array(found: Any) -> None:
    if not isinstance(found, h5py.Dataset) or found.shape is None or found.dtype not in _NUMBERS or found.attrs:
        raise ValueError(f"{_WEIGHTS}: {found.name[:100]} is no plain array of {', '.join(_NUMBERS)}")
    if found.chunks is not None or found.external or found.is_virtual or found.id.get_storage_size() != found.nbytes:
        raise ValueError(f"{_WEIGHTS}: {found.name[:100]} is compressed, incomplete or stored elsewhere")


def _check_size(config: dict, counted: Collection[str], num_weights: int) -> None:
    """Raises if the model would have more weights than the file holds.

    Keras keeps the variables of a stateless scope for the thread that entered it; so a thread of their own ends them.
    """
    parts = [one for one in _objects(config) if _name(one) in counted] if counted else [config]
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        asked = thread.submit(_count_weights, parts).result()
    if asked > num_weights:
        raise ValueError(f"its configuration asks for {asked:,} weights; the file holds {num_weights:,}")


def _count_weights(described: list[dict]) -> int:
    """Returns how many weights Keras would make of the descriptions, making none."""
    with keras.StatelessScope(initialize_variables=False):
        made = [keras.saving.deserialize_keras_object({**one, "compile_config": None}) for one in described]
        if unbuilt := [one.name for one in made if not one.built]:
            raise ValueError(f"the shapes of {', '.join(unbuilt)} are missing")
        return sum(math.prod(weight.shape) for one in made for weight in one.weights)
