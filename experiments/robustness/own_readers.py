"""The files of somebody's own images that ssgan reads: pictures, files of labels, and the cache of what was decoded."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ssgan.data import own
from ssgan.errors import UsageError

PREPARATION = own.Preparation(height=16, width=16, channels=3, resize="crop")
KINDS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 90, "exif": True},
    "PNG": {"exif": True},
    "GIF": {"save_all": True},
    "WEBP": {"save_all": True, "exif": True},
    "TIFF": {"compression": "tiff_lzw", "exif": True},
    "BMP": {},
    "AVIF": {"exif": True},
}
KEYS = ("cat/one 1.png", "cat/two.png", "dog/größe.png", "dog/four.png")


def picture(seed: int = 0) -> Image.Image:
    """Returns a picture with edges and noise."""
    y, x = np.mgrid[0:48, 0:64]
    noise = np.random.default_rng(seed).integers(0, 64, (48, 64, 3))
    return Image.fromarray((np.stack([3 * x, 4 * y, 90 * (x > y)], axis=-1) + noise).clip(0, 255).astype(np.uint8))


def make_picture(kind: str) -> Callable[[Path], Path]:
    """Returns a function that writes a picture of a kind, on its side by EXIF or animated where there is that."""

    def make(folder: Path) -> Path:
        options = dict(KINDS[kind])
        if options.pop("exif", False):
            exif = Image.Exif()
            exif[0x0112] = 6
            options["exif"] = exif
        if options.get("save_all"):
            options["append_images"] = [picture(1)]
        path = folder / f"picture.{kind.lower()}"
        picture().save(path, kind, **options)
        return path

    return make


def read_picture(path: Path) -> None:
    """Decodes a picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as they are while a folder is prepared
        try:
            pixels = own.read_picture(path, PREPARATION)
        except own.Unreadable as error:
            raise UsageError(f"{path}: {error}") from error
    if pixels.shape != PREPARATION.image_shape or pixels.dtype != np.uint8:
        raise RuntimeError(f"pixels {pixels.dtype} {pixels.shape}")


def make_folder(folder: Path) -> Path:
    """Writes a folder of pictures."""
    for number, key in enumerate(KEYS):
        (folder / "images" / key).parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(folder / "images" / key)
    return folder / "images"


def make_csv(folder: Path) -> Path:
    """Writes labels as a CSV, of every kind of row."""
    make_folder(folder)
    rows = ("filename,label,split", '"cat/one 1.png",cat,train', "two.png,,", "dog/größe.png,dog,test", "four.png,dog,")
    (folder / "labels.csv").write_text("\ufeff" + "\r\n".join(rows), "utf-8")
    return folder / "labels.csv"


def make_label_studio(folder: Path) -> Path:
    """Writes labels as Label Studio exports them, of every kind of task."""
    make_folder(folder)
    choice = {"type": "choices", "value": {"choices": ["cat"]}, "from_name": "choice", "to_name": "image"}
    annotation = {"id": 1, "was_cancelled": False, "result": [choice]}
    addresses = ("/data/upload/1/0a1b2c3d-one_1.png", "/data/local-files/?d=cat%2Ftwo.png", "dog/gr%C3%B6%C3%9Fe.png")
    tasks = [{"id": 1, "data": {"image": address}, "annotations": [annotation]} for address in addresses]
    (folder / "labels.json").write_text(
        json.dumps([*tasks, {"id": 2, "data": {"image": "four.png"}, "annotations": []}])
    )
    return folder / "labels.json"


def read_labels(path: Path) -> None:
    """Finds a folder's pictures and their labels."""
    found = own.find(path.parent / "images", labels_file=path)
    if set(found.entries) != set(KEYS):
        raise RuntimeError(f"entries of {sorted(found.entries)}")


def make_cache(member: str) -> Callable[[Path], Path]:
    """Returns a function that prepares a folder, keeps the cache aside, and returns a copy of one of its files."""

    def make(folder: Path) -> Path:
        _load(folder, make_folder(folder))
        cache = next((folder / "cache").iterdir())
        cache.rename(folder / "whole")
        return Path(shutil.copy(next((folder / "whole").glob(member)), folder))

    return make


def read_cache(path: Path) -> None:
    """Loads a folder whose cache has this file in the place of one of its own; where it is damaged, it is made anew."""
    folder = path.parent
    shutil.rmtree(folder / "cache", ignore_errors=True)
    digest = _load(folder, folder / "images")
    cache = next((folder / "cache").iterdir())
    shutil.rmtree(cache)
    shutil.copytree(folder / "whole", cache)
    shutil.copy(path, cache)
    if len(_load(folder, folder / "images")) != len(digest):
        raise RuntimeError("another digest")


def _load(folder: Path, images: Path) -> str:
    source = own.load(own.find(images), "train", PREPARATION, cache_dir=folder / "cache", skip=True)
    for row in range(len(source)):
        source.read(np.array([row]))
    return source.digest
