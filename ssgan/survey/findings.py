"""What is wrong with a folder of pictures, in words, the worst first."""

import dataclasses
from collections.abc import Callable

from ssgan.data.own.decode import SIXTEEN_BITS
from ssgan.survey.figures import Survey, Twins
from ssgan.survey.words import counted

FEWEST_LABELS = 5  # of a class
_DARK = 32  # of 255: an eighth
LARGEST_RATIO = 10  # of the largest class to the smallest
WRONG_TWINS: dict[str, Callable[[Twins], bool]] = {
    "across_splits": lambda twins: len(twins.splits) > 1,
    "labels_differ": lambda twins: len(twins.labels) > 1,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong.

    Attributes:
        kind: `layout`, `one_class`, `unreadable`, `dark`, `across_splits`, `labels_differ`, `few_labels`, `imbalance`
            or `left_out`.
        stops: whether training stops for it; if not, its figures may be worse or wrong.
        count: of what is concerned.
        message: in a sentence.
        remedy: what to do about it.
        names: of the pictures or classes that it is about, all of them.
    """

    kind: str
    stops: bool
    count: int
    message: str
    remedy: str
    names: tuple[str, ...]


def findings(found: Survey) -> list[Finding]:
    """Returns what is wrong with a folder; an empty list where nothing is."""
    mistakes = [
        Finding(kind="layout", stops=True, count=1, message=mistake, remedy="", names=()) for mistake in found.mistakes
    ]
    others = (_one_class, _unreadable, _dark, _across_splits, _labels_differ, _few_labels, _imbalance, _left_out)
    return [*mistakes, *(one for find in others if (one := find(found)))]


def _one_class(found: Survey) -> Finding | None:
    names = found.folder.class_names
    return _finding(
        "one_class",
        names if len(names) == 1 else (),
        "all labelled pictures are of one class",
        "make a sub-folder for each class; is it the folder above yours?",
        stops=True,
    )


def _unreadable(found: Survey) -> Finding | None:
    files = tuple(found.unreadable)
    return _finding(
        "unreadable",
        files,
        _one_or_many(len(files), "file cannot be read", "files cannot be read"),
        "mend or remove them, or train with --skip_unreadable",
        stops=True,
    )


def _dark(found: Survey) -> Finding | None:
    keys = tuple(key for key, facts in found.facts.items() if facts.mode in SIXTEEN_BITS)
    brightest = max((int(found.prepared.images[found.rows[key]].max()) for key in keys), default=255)
    return _finding(
        "dark",
        keys if brightest < _DARK else (),
        _one_or_many(len(keys), "picture of 16 bits is", "pictures of 16 bits are")
        + f" nearly black: the brightest pixel of all is {brightest} of 255",
        "their values are far from 65535, as of cameras of 12 bits; multiply them in the files, by 16 for instance",
    )


def _across_splits(found: Survey) -> Finding | None:
    twins = list(filter(WRONG_TWINS["across_splits"], found.twins))
    tests = tuple(key for one in twins for key in one.keys if found.folder.entries[key].split == "test")
    return _finding(
        "across_splits",
        tests,
        _one_or_many(len(tests), "test picture is", "test pictures are")
        + f" among the train pictures, too ({_exactly(twins)})",
        "remove them from one side, or the test error is too good",
    )


def _labels_differ(found: Survey) -> Finding | None:
    twins = list(filter(WRONG_TWINS["labels_differ"], found.twins))
    pictures = tuple(key for one in twins for key in one.keys)
    return _finding(
        "labels_differ",
        pictures,
        _one_or_many(len(twins), "picture is there twice", "pictures are there twice")
        + f" with different labels ({_exactly(twins)})",
        "look at them, and correct the labels",
    )


def _few_labels(found: Survey) -> Finding | None:
    classes = tuple(name for name, count in found.counts.items() if count["train"] < FEWEST_LABELS)
    return _finding(
        "few_labels",
        classes,
        _one_or_many(len(classes), "class has", "classes have")
        + f" fewer than {FEWEST_LABELS} labelled train pictures",
        "label more of them",
    )


def _imbalance(found: Survey) -> Finding | None:
    counts = sorted((count["train"], name) for name, count in found.counts.items() if count["train"])
    if not counts or counts[-1][0] < LARGEST_RATIO * counts[0][0]:
        return None
    (fewest, smallest), (most, largest) = counts[0], counts[-1]
    return _finding(
        "imbalance",
        (largest, smallest),
        f"the largest class has {most:,} labels, the smallest {fewest:,}",
        "label more of the small ones; look at the error of each class, not of all",
    )


def _left_out(found: Survey) -> Finding | None:
    pictures = found.folder.left_out
    return _finding(
        "left_out",
        pictures,
        _one_or_many(len(pictures), "picture takes", "pictures take")
        + " no part: beside train/ and test/, marked as broken, or replaced",
        "move them into train/, test/ or _unlabeled/, or leave them",
    )


def _finding(kind: str, names: tuple[str, ...], message: str, remedy: str, *, stops: bool = False) -> Finding | None:
    """Returns a finding that is about some names; None where these are none."""
    if not names:
        return None
    return Finding(kind=kind, stops=stops, count=len(names), message=message, remedy=remedy, names=names)


def _exactly(twins: list[Twins]) -> str:
    exact = sum(one.exact for one in twins)
    return counted([("exactly", exact), ("nearly", len(twins) - exact)])


def _one_or_many(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
