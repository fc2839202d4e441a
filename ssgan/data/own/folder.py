"""What is found in somebody's folder before a picture is opened: files, labels, splits; and which size suits them."""

import contextlib
import dataclasses
import itertools
import os
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ssgan.data.own import layout
from ssgan.data.own.decode import Facts, Preparation, look
from ssgan.data.own.layout import Entry
from ssgan.data.own.opening import Unreadable
from ssgan.data.own.tables import read_labels_file
from ssgan.errors import UsageError

ALL_IMAGES = "all images"  # the one class of pictures without any label
_SIZES = (64, 48, 32)  # what is chosen from where pictures are of many sizes
_GREY = ("1", "L", "LA", "I", "I;16", "I;16B")  # Pillow's modes
_LOOKED_AT = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Folder:
    """Pictures, and what is known of them.

    Attributes:
        home: the folder.
        roots: it, and the folders named beside it.
        paths: file by key, in order; keys are paths below `home`, or begin with `unlabeled_images:` or `test_images:`.
        entries: label and split by key.
        class_names: names of the classes, in order.
        refused: why files that look like pictures are not among them, by key.
        left_out: keys of pictures that take no part: those beside `train/` and `test/`, test pictures without a label,
            and all of them where others are given.
        others: number of files that are no pictures.
    """

    home: Path
    roots: tuple[Path, ...]
    paths: dict[str, Path]
    entries: dict[str, Entry]
    class_names: tuple[str, ...]
    refused: dict[str, str]
    left_out: tuple[str, ...]
    others: int

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.home.resolve().name or "images"

    @property
    def has_test(self) -> bool:
        """Whether there are test pictures with a label."""
        return any(entry.split == "test" for entry in self.entries.values())


def find(
    images: str | Path,
    *,
    unlabeled_images: str | Path | None = None,
    labels_file: str | Path | None = None,
    test_images: str | Path | None = None,
    skip_missing: bool = False,
    class_names: tuple[str, ...] | None = None,
    needs_labels: bool = True,
    complain: Callable[[str], object] = layout.refuse,
) -> Folder:
    """Finds the pictures of a folder and what is said of them; none is opened.

    Args:
        images: folder with a sub-folder a class, `_unlabeled/` for those without, all of this perhaps in `train/` with
            `test/` beside it; or any folder with a `labels_file`.
        unlabeled_images: folder with further pictures, whose labels are not known.
        labels_file: CSV or JSON, see `ssgan.data.own.tables.read_labels_file`; sub-folders then say nothing.
        test_images: folder with a sub-folder a class, of pictures to test on; those of `images` are then left out.
        skip_missing: whether rows of the labels file whose picture is not there are passed over.
        class_names: names of the classes, where they are known; None: those of the train pictures.
        needs_labels: whether pictures without any label are a mistake; else all of them are one class.
        complain: given each mistake in what is found; see `layout.refuse`.

    Raises:
        UsageError: if folders are missing or empty; by `complain`, if a folder beside `images` lies in it, the labels
            file has another form, or names of classes do not fit.
    """
    home = _path(images)
    listing = layout.list_pictures(home, complain=complain)
    if labels_file is None:
        entries = layout.read_folders(listing.paths, home, complain=complain)
    else:
        entries = read_labels_file(
            _path(labels_file), listing.paths, folder=home, missing=[] if skip_missing else None, complain=complain
        )
    if test_images is not None:
        entries = {key: entry for key, entry in entries.items() if entry.split == "train"}
    parts = [(home, listing, entries)]
    if unlabeled_images is not None:
        parts.append(_beside("unlabeled_images", _path(unlabeled_images), complain))
    if test_images is not None:
        parts.append(_beside("test_images", _path(test_images), complain))
    # Pictures may be labelled in one part and unlabelled in another, unless some are for testing.
    has_tests = test_images is not None or any(entry.split == "test" for entry in entries.values())
    for (outer, _, _), (inner, _, _) in itertools.permutations(parts, 2):
        if inner.resolve().is_relative_to(outer.resolve()) and (outer == home or has_tests):
            complain(f"{str(inner)!r} lies in {str(outer)!r}, all of whose pictures are taken; put it elsewhere")
            break
    every = sorted((key, entry) for _, _, some in parts for key, entry in some.items())
    entries = {key: entry for key, entry in every if entry.split == "train" or entry.label is not None}
    paths = {key: path for _, part, _ in parts for key, path in part.paths.items()}
    names = layout.class_names(entries, class_names, complain=complain)
    if not names and not needs_labels:
        names = (ALL_IMAGES,)
    elif not names:
        complain(
            f"{str(images)!r} holds {len(paths):,} pictures and no labels; expected a sub-folder for each class (what "
            "has no label in _unlabeled/), or a CSV with the columns filename and label, by --labels_file"
        )
    return Folder(
        home=home,
        roots=tuple(root for root, _, _ in parts),
        paths={key: paths[key] for key in entries},
        entries=entries,
        class_names=names,
        refused={key: reason for _, part, _ in parts for key, reason in part.refused.items()},
        left_out=tuple(key for key in paths if key not in entries),
        others=sum(part.others for _, part, _ in parts),
    )


def _beside(
    option: str, folder: Path, complain: Callable[[str], object]
) -> tuple[Path, layout.Listing, dict[str, Entry]]:
    """Returns the pictures of a folder that was named beside the first, its option before their keys."""
    found = layout.list_pictures(folder, complain=complain)
    if option == "test_images":
        in_classes = layout.read_folders(found.paths, folder, complain=complain)
        entries = {key: Entry(label=one.label, split="test") for key, one in in_classes.items()}
    else:
        entries = {key: Entry(label=None, split="train") for key in found.paths}
    named = layout.Listing(
        paths={f"{option}:{key}": path for key, path in found.paths.items()},
        refused={f"{option}:{key}": reason for key, reason in found.refused.items()},
        others=found.others,
    )
    return folder, named, {f"{option}:{key}": entry for key, entry in entries.items()}


def choose_preparation(folder: Folder, *, image_size: tuple[int, int] | None, resize: str, color: str) -> Preparation:
    """Returns how pictures are to be prepared; what is not given is chosen from a thousand of them.

    Height and width: those of the pictures, where all have the same and it is 16 to 64; otherwise the largest of 64, 48
    and 32 that is not above the usual shorter side. Grey, if all of the pictures are.

    Args:
        folder: the pictures.
        image_size: (height, width), pixels, or None.
        resize: see `Preparation`.
        color: `auto`, `color` or `grey`.

    Raises:
        UsageError: if none of the pictures can be opened.
    """
    known = _some_facts(folder) if image_size is None or color == "auto" else []
    height, width = image_size or _usual_size(known)
    is_grey = color == "grey" or (color == "auto" and all(fact.mode in _GREY for fact in known))
    return Preparation(height=height, width=width, channels=1 if is_grey else 3, resize=resize)


def _some_facts(folder: Folder) -> list[Facts]:
    paths = list(folder.paths.values())
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), _LOOKED_AT)).astype(int)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of files that it opens all the same
        for place in chosen:
            with contextlib.suppress(Unreadable):
                found.append(look(paths[place]))
    if not found:
        raise UsageError(f"of the pictures in {str(folder.home)!r}, none of {len(chosen):,} looked at can be opened")
    return found


def _usual_size(known: list[Facts]) -> tuple[int, int]:
    sizes = {(fact.height, fact.width) for fact in known}
    height, width = min(sizes)
    if len(sizes) == 1 and 16 <= min(height, width) <= max(height, width) <= 64:
        return height, width
    usual = statistics.median(min(fact.height, fact.width) for fact in known)
    side = next((side for side in _SIZES if side <= usual), _SIZES[-1])
    return side, side


def _path(name: str | Path) -> Path:
    return Path(os.path.expanduser(name))
