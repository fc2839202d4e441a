"""The figures of a folder of pictures: counts, sizes, kinds, and what is there twice."""

import collections
import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssgan.data import own
from ssgan.data.duplicates import groups_of_duplicates
from ssgan.data.own.cache import Prepared
from ssgan.data.own.decode import SIXTEEN_BITS, Facts
from ssgan.data.own.images import prepare
from ssgan.errors import UsageError

QUANTILES = (0.0, 0.1, 0.5, 0.9, 1.0)
SPLITS = ("train", "test")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Twins:
    """Pictures that show the same.

    Attributes:
        keys: two or more.
        exact: whether they are the same in every pixel, once prepared.
        splits: those that they are in.
        labels: those that they have.
    """

    keys: tuple[str, ...]
    exact: bool
    splits: tuple[str, ...]
    labels: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Survey:
    """What was found in a folder.

    Attributes:
        folder: its pictures and labels.
        mistakes: what training would refuse the folder for, in words.
        preparation: how its pictures would be prepared.
        prepared: all of them; those that cannot be read are black.
        twins: groups of pictures that show the same.
    """

    folder: own.Folder
    mistakes: tuple[str, ...]
    preparation: own.Preparation
    prepared: Prepared
    twins: tuple[Twins, ...]

    @functools.cached_property
    def unreadable(self) -> dict[str, str]:
        """Why files that look like pictures cannot be used, by key."""
        return dict(sorted((self.folder.refused | self.prepared.unreadable).items()))

    @property
    def rows(self) -> dict[str, int]:
        """Rows of the pictures that can be read, by key."""
        return self.prepared.rows

    @functools.cached_property
    def facts(self) -> dict[str, Facts]:
        """What the files that can be read hold, by key."""
        return {key: facts for key in self.rows if (facts := self.prepared.records[key].facts)}

    @functools.cached_property
    def counts(self) -> dict[str, dict[str, int]]:
        """Numbers of readable pictures with a label, by class and split."""
        found = {name: dict.fromkeys(SPLITS, 0) for name in self.folder.class_names}
        for key in self.rows:
            label, split = self.folder.entries[key].label, self.folder.entries[key].split
            if label is not None:
                found.setdefault(label, dict.fromkeys(SPLITS, 0))[split] += 1
        return found

    @functools.cached_property
    def unlabeled(self) -> dict[str, int]:
        """Numbers of readable pictures without a label, by split."""
        entries = [self.folder.entries[key] for key in self.rows]
        return {split: sum(one.split == split and one.label is None for one in entries) for split in SPLITS}

    def labeled(self, split: str) -> int:
        """Number of readable pictures of a split with a label."""
        return sum(count[split] for count in self.counts.values())

    @property
    def links(self) -> int:
        """Number of pictures that are links to others in the folder."""
        return sum(path.is_symlink() for path in self.folder.paths.values())

    def kinds(self, name: str) -> dict[str, int]:
        """Returns how many files have each value of a fact, such as `format`, the most frequent first."""
        return dict(collections.Counter(getattr(facts, name) for facts in self.facts.values()).most_common())

    @property
    def odd(self) -> dict[str, int]:
        """Numbers of pictures that ask for more than to be decoded."""
        found = list(self.facts.values())
        return {
            "turned": sum(facts.turned for facts in found),
            "animated": sum(facts.animated for facts in found),
            "sixteen_bits": sum(facts.mode in SIXTEEN_BITS for facts in found),
            "transparent": sum(facts.alpha for facts in found),
        }

    def quantiles(self, side: str) -> list[int]:
        """Returns the `QUANTILES` of `width` or `height`, pixels as stored; none where nothing can be read."""
        sides = [getattr(facts, side) for facts in self.facts.values()]
        return np.quantile(sides, QUANTILES, method="nearest").tolist() if sides else []


def survey(images: str | Path, *, cache_dir: str | Path | None = None, **others: Any) -> Survey:
    """Finds, prepares and compares the pictures of a folder; whatever is wrong with them is collected.

    Args:
        images: the folder.
        cache_dir: where prepared pictures are kept; training finds them there.
        others: `unlabeled_images`, `labels_file` and `test_images`, see `ssgan.data.own.find`.

    Raises:
        UsageError: if folders are missing or empty; if the cache cannot be written.
    """
    mistakes: list[str] = []
    folder = own.find(images, complain=mistakes.append, **others)
    try:
        preparation = own.choose_preparation(folder, image_size=None, resize="crop", color="auto")
    except UsageError as error:  # nothing can be opened
        mistakes.append(str(error))
        preparation = own.Preparation(height=32, width=32, channels=3, resize="crop")
    prepared = prepare(folder, preparation, cache_dir)
    return Survey(
        folder=folder,
        mistakes=tuple(mistakes),
        preparation=preparation,
        prepared=prepared,
        twins=_twins(folder, prepared),
    )


class _Readable:
    """The prepared pictures that could be read."""

    def __init__(self, prepared: Prepared):
        self._images = prepared.images
        self.keys = list(prepared.rows)
        self._rows = np.array(list(prepared.rows.values()), int)

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        return self._images[self._rows[rows]]


def _twins(folder: own.Folder, prepared: Prepared) -> tuple[Twins, ...]:
    readable = _Readable(prepared)
    found = []
    for group in groups_of_duplicates(readable):
        keys = tuple(readable.keys[row] for row in group.rows)
        entries = [folder.entries[key] for key in keys]
        splits = tuple(split for split in SPLITS if any(one.split == split for one in entries))
        labels = tuple(sorted({one.label for one in entries if one.label is not None}))
        found.append(Twins(keys=keys, exact=group.exact, splits=splits, labels=labels))
    return tuple(found)
