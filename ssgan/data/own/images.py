"""The prepared pictures of one split, as every source offers them."""

import dataclasses
import functools
import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tqdm

from ssgan.data.duplicates import groups_of_duplicates
from ssgan.data.own import cache
from ssgan.data.own.decode import Preparation
from ssgan.data.own.folder import Folder
from ssgan.data.source import Labels
from ssgan.errors import UsageError
from ssgan.output import one_line
from ssgan.store import files

SOURCE = "pictures of "  # begins where they were read, in words
_INSTEAD = (
    " with a label; test on others by --images, or train again with --test_fold=1/5, which keeps some of those with a "
    "label for it"
)
_NAMED = 20  # unreadable files in an error
_LONGEST_NAME = 50  # characters of a folder's own name, which may take 4 bytes each; file systems take 255 bytes


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class OwnImages(Labels):
    """A `ssgan.data.Source` of somebody's pictures, read from disk where they are looked at.

    Attributes:
        name: the folder's own name.
        split: `train` or `test`.
        source: the folder, as it was named.
        labels: int32 [n] in 0..num_classes - 1, or -1 for a picture without a label.
        class_names: one name per class.
        keys: one per image: its path below the folder, see `Folder`.
        preparation: how the pictures became images.
        skipped: why pictures are left out, by key, which cannot be read.
        left_out: keys of the folder's pictures that take no part, see `Folder`.
        splits: the names of those that there are.
    """

    name: str
    split: str
    source: str
    labels: npt.NDArray[np.int32]
    class_names: tuple[str, ...]
    keys: tuple[str, ...]
    preparation: Preparation
    skipped: dict[str, str]
    left_out: tuple[str, ...]
    splits: tuple[str, ...]
    _prepared: npt.NDArray[np.uint8]
    _rows: npt.NDArray[np.int64]
    _pixels: tuple[str, ...]  # sha256 of each image

    synthetic = False

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height and width, pixels, and channels."""
        return self.preparation.image_shape

    def read(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Returns the images of these rows."""
        return self._prepared[self._rows[rows]]

    def at(self, rows: npt.NDArray[np.integer]) -> "OwnImages":
        """Returns these images alone."""
        return dataclasses.replace(
            self,
            labels=self.labels[rows],
            keys=tuple(self.keys[row] for row in rows),
            _rows=self._rows[rows],
            _pixels=tuple(self._pixels[row] for row in rows),
        )

    def labelled(self) -> "OwnImages":
        """Returns those that have a label."""
        return self.at(np.flatnonzero(self.labels >= 0))

    @functools.cached_property
    def digest(self) -> str:
        """sha256, in hexadecimal, of the shape, the sha256 of each image's pixels, and the labels."""
        content = hashlib.sha256(f"{[len(self), *self.image_shape]}\n".encode())
        content.update("".join(self._pixels).encode())
        content.update(self.labels.astype("<i4").tobytes())
        return content.hexdigest()


def load(
    folder: Folder,
    split: str,
    preparation: Preparation,
    *,
    test_fold: tuple[int, int] | None = None,
    cache_dir: str | Path | None = None,
    skip: bool = False,
) -> OwnImages:
    """Returns the prepared pictures of a split; all pictures of the folder that the cache lacks are decoded first.

    Args:
        folder: from `find`.
        split: `train`: the train pictures, with and without a label; `test`: the test pictures.
        preparation: of the images.
        test_fold: (k, n): the k-th of n parts of the labelled train pictures is the test split, see `in_fold`; their
            look-alikes without a label are in neither split. For folders without test pictures.
        cache_dir: where prepared pictures are kept; None: see `ssgan.store.files.user_cache`.
        skip: whether unreadable pictures are left out.

    Raises:
        UsageError: if pictures are unreadable, all of which are named, unless `skip`; for a split without pictures; if
            the cache cannot be written.
    """
    if test_fold and folder.has_test:
        raise UsageError(f"--test_fold, but {str(folder.home)!r} has test pictures; leave it out")
    everything = _everything(folder, preparation, cache_dir, skip=skip)
    if test_fold:
        is_test = in_fold(everything, *test_fold)
    else:
        is_test = np.array([folder.entries[key].split == "test" for key in everything.keys])
    if split == "test":
        chosen = np.flatnonzero(is_test & (everything.labels >= 0))
    else:
        chosen = np.flatnonzero(~is_test if split == "train" else np.zeros_like(is_test))
    if not len(chosen):
        raise UsageError(f"{str(folder.home)!r} has no {split} pictures{_INSTEAD if split == 'test' else ''}")
    splits = ("train", "test") if folder.has_test or test_fold else ("train",)
    return dataclasses.replace(everything.at(chosen), split=split, splits=splits)


def prepare(folder: Folder, preparation: Preparation, cache_dir: str | Path | None = None) -> cache.Prepared:
    """Returns all pictures of a folder, decoded now or before; tells of its progress on stderr.

    Args:
        folder: from `find`.
        preparation: of the images.
        cache_dir: where prepared pictures are kept; None: see `ssgan.store.files.user_cache`.

    Raises:
        UsageError: if the cache cannot be written.
    """
    kept_in = Path(os.path.expanduser(cache_dir)) if cache_dir else files.user_cache()
    place = _cache_folder(folder, preparation, kept_in)
    with tqdm.tqdm(total=len(folder.paths), unit=" pictures", desc="prepare", disable=None, leave=False) as bar:
        try:
            prepared = cache.prepare(
                folder.paths, preparation, folder=place, told=lambda done: bar.update(done - bar.n)
            )
        except OSError as error:
            why = f"{error.strerror or error}: {error.filename or place}"
            raise UsageError(f"prepared pictures cannot be kept ({why}); name another folder by --cache_dir") from error
    if prepared.decoded:
        print(f"prepared {prepared.decoded:,} pictures, kept in {place}", file=sys.stderr)
    return prepared


def in_fold(images: OwnImages, number: int, folds: int) -> npt.NDArray[np.bool_]:
    """Tells which images are in one of several parts of about the same size; the same ones in every call.

    Images that look alike are in one part, and the classes in every part as they are in all. Of the images without a
    label, those that look like a labelled one are in its part, and the others in none.

    Args:
        images: with and without a label.
        number: of the part, 1 to `folds`.
        folds: number of parts.

    Returns:
        bool [n].
    """
    group = np.arange(len(images))
    for found in groups_of_duplicates(images):
        rows = np.array(found.rows)
        group[rows] = rows[np.argmax(images.labels[rows] >= 0)]  # the first with a label, if there is one
    part = np.full(len(images), -1)
    random = np.random.RandomState(0)
    dealt = 0
    for label in range(images.num_classes):
        firsts = np.flatnonzero((group == np.arange(len(images))) & (images.labels == label))
        part[random.permutation(firsts)] = (np.arange(len(firsts)) + dealt) % folds
        dealt += len(firsts)
    return part[group] == number - 1


def _everything(folder: Folder, preparation: Preparation, cache_dir: str | Path | None, *, skip: bool) -> OwnImages:
    """Returns all pictures that can be read."""
    prepared = prepare(folder, preparation, cache_dir)
    skipped = folder.refused | prepared.unreadable
    if skipped and not skip:
        _refuse(skipped, folder)
    rows = prepared.rows
    number = {name: label for label, name in enumerate(folder.class_names)} | {None: -1}
    return OwnImages(
        name=folder.name,
        split="all",
        source=f"{SOURCE}{folder.home}",
        labels=np.array([number[folder.entries[key].label] for key in rows], np.int32),
        class_names=folder.class_names,
        keys=tuple(rows),
        preparation=preparation,
        skipped=skipped,
        left_out=folder.left_out,
        splits=("all",),
        _prepared=prepared.images,
        _rows=np.array(list(rows.values()), np.int64),
        _pixels=tuple(prepared.records[key].pixels for key in rows),
    )


def _refuse(skipped: dict[str, str], folder: Folder) -> None:
    """Raises an error that names unreadable pictures; all of them are printed where they are many."""
    lines = [one_line(f"{key}: {reason}") for key, reason in skipped.items()]
    if len(lines) > _NAMED:
        print("\n".join(lines), file=sys.stderr)
        lines = [*lines[:_NAMED], f"and {len(lines) - _NAMED:,} more, printed above"]
    raise UsageError(
        f"{len(skipped):,} of {len(folder.paths) + len(folder.refused):,} pictures cannot be read: {'; '.join(lines)}; "
        "mend or remove them, or go on without them by --skip_unreadable"
    )


def _cache_folder(folder: Folder, preparation: Preparation, cache_dir: Path) -> Path:
    """Returns where these pictures, so prepared, are kept: named after the folder, and after what else tells them."""
    roots = [str(root.resolve()) for root in folder.roots]
    told = hashlib.sha256(json.dumps([roots, preparation.as_dict()]).encode()).hexdigest()
    return cache_dir / f"{folder.name[:_LONGEST_NAME]}-{preparation.height}x{preparation.width}-{told[:12]}"
