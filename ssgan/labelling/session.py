"""What a person has said so far, and which pictures wait for them. Nothing counts before it is in the labels file."""

import contextlib
import dataclasses
import threading
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ssgan.data.own import layout, tables
from ssgan.data.own.layout import Entry
from ssgan.errors import UsageError
from ssgan.labelling.labels_file import LabelsFile

LONGEST_NAME = 100  # characters of a class
ON_VIEW = 15  # pictures, that somebody may be looking at

KINDS = ("open", "labelled", "skipped", "broken", "test")  # what a picture may be
_OPEN, _LABELLED, _SKIPPED, _BROKEN, _TEST = range(len(KINDS))
_NOTHING, _NO_PART = Entry(label=None, split="train"), Entry(label=None, split="broken")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that a person did: of each picture, what was known before; `skipped`: nothing was said."""

    before: dict[int, Entry]
    skipped: bool = False


class Session:
    """Labels, and the queue of pictures. Every method may be called from any thread.

    Args:
        keys: of the pictures, whose numbers are their places.
        file: the labels file.
        classes: names of classes that are to be the first.

    Raises:
        UsageError: if the file, or the names of classes, are not as they should be.
    """

    def __init__(self, keys: Sequence[str], file: LabelsFile, classes: Sequence[str] = ()):
        self._lock = threading.RLock()
        self._keys = keys
        self._file = file
        self._classes: list[str] = []
        for name in classes:
            self.add_class(name)
        self._undo: list[Step] = []
        self._queue: list[int] = []
        self._kind = np.zeros(len(keys), np.uint8)
        self._label = np.full(len(keys), -1, np.int64)
        self._read()

    # What is known

    @property
    def classes(self) -> list[str]:
        """Names of the classes; the first nine have keys."""
        return list(self._classes)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The number of each picture's class, int64 [n]; -1 for none, and for test pictures."""
        with self._lock:
            return np.where(self._kind == _LABELLED, self._label, -1)

    @property
    def open(self) -> npt.NDArray[np.bool_]:
        """Which pictures may get a label, bool [n]; some of them are in the queue."""
        return self._kind == _OPEN

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """Which pictures are not to be chosen, bool [n]: all but open ones, and those in the queue."""
        with self._lock:
            covered = ~self.open
            covered[self._queue] = True
            return covered

    @property
    def waiting(self) -> int:
        """Number of pictures in the queue."""
        return len(self._queue)

    @property
    def notice(self) -> str:
        """What the person ought to know, or empty."""
        return " ".join(self._file.notices)

    def forget_notice(self) -> None:
        """Notes that the notice was read."""
        self._file.notices.clear()

    @property
    def can_undo(self) -> bool:
        """Whether there is something to be undone."""
        return bool(self._undo)

    def upcoming(self, most: int) -> list[int]:
        """Returns the numbers of the pictures that come next."""
        return self._queue[:most]

    def totals(self) -> dict[str, int]:
        """Returns the numbers of pictures of each kind."""
        return dict(zip(KINDS, np.bincount(self._kind, minlength=len(KINDS)).tolist(), strict=True))

    def class_counts(self) -> list[int]:
        """Returns the number of labels of each class."""
        with self._lock:
            return np.bincount(self._label[self._kind == _LABELLED], minlength=len(self._classes)).tolist()

    def entry(self, number: int) -> Entry:
        """Returns what is known of a picture."""
        kind, label = int(self._kind[number]), int(self._label[number])
        if kind in (_LABELLED, _TEST):
            name = self._classes[label] if label >= 0 else None
            return Entry(label=name, split="train" if kind == _LABELLED else "test")
        return _NO_PART if kind == _BROKEN else _NOTHING

    # What is done

    def add_class(self, name: str) -> int:
        """Adds a class, or finds it, and returns its number.

        Raises:
            UsageError: for a name that no class can have, or that looks like another one's.
        """
        name = name.strip()
        with self._lock:
            self._classes = _with_class(self._classes, name)
            return self._classes.index(name)

    def label(self, numbers: Iterable[int], label: int) -> None:
        """Gives pictures a class, by its number.

        Raises:
            UsageError: if there is no such class, or a picture is for testing.
            OSError: if it cannot be written; nothing has changed then.
        """
        with self._lock:
            if not 0 <= label < len(self._classes):
                raise UsageError(f"there is no class {label}; expected 0 to {len(self._classes) - 1}")
            self._change(dict.fromkeys(numbers, Entry(label=self._classes[label], split="train")))

    def mark_broken(self, numbers: Iterable[int]) -> None:
        """Marks pictures as broken: they take no part. Raises: see `label`."""
        self._change(dict.fromkeys(numbers, _NO_PART))

    def skip(self, numbers: Iterable[int]) -> None:
        """Leaves open pictures out until the page is started again."""
        with self._lock:
            chosen = [number for number in numbers if self._kind[number] == _OPEN]
            self._kind[chosen] = _SKIPPED
            self._drop_from_queue(chosen)
            if chosen:
                self._undo.append(Step(before=dict.fromkeys(chosen, _NOTHING), skipped=True))

    def undo(self) -> list[int]:
        """Takes back what was done last, and returns its pictures; those of which nothing is known now come next.

        Raises:
            UsageError: if there is nothing.
            OSError: if it cannot be written; nothing has changed then.
        """
        with self._lock:
            self._notice_changes()
            if not self._undo:
                raise UsageError("there is nothing to undo")
            step = self._undo[-1]
            if not step.skipped:
                self._append(step.before)
            self._undo.pop()
            self._take(step.before)
            again = [number for number in step.before if self._kind[number] == _OPEN]
            self._drop_from_queue(again)
            self._queue[:0] = again
            return list(step.before)

    def extend(self, numbers: Iterable[int], *, anew: bool = False) -> None:
        """Puts open pictures behind the queue; or in its place, but for those on view."""
        with self._lock:
            kept = self._queue[:ON_VIEW] if anew else self._queue
            found = [number for number in numbers if self._kind[number] == _OPEN]
            self._queue = list(dict.fromkeys([*kept, *found]))

    def _change(self, changes: dict[int, Entry]) -> None:
        with self._lock:
            self._notice_changes()
            before = {number: self.entry(number) for number in changes}
            if any(entry.split == "test" for entry in before.values()):
                raise UsageError("the picture is for testing; its label is not changed here")
            self._append(changes)
            self._take(changes)
            self._drop_from_queue(changes)
            self._undo.append(Step(before=before))

    def _append(self, changes: Mapping[int, Entry]) -> None:
        """Writes what differs from what is known."""
        rows = [(self._keys[number], self.entry(number), entry) for number, entry in changes.items()]
        if differing := [row for row in rows if row[1] != row[2]]:
            self._file.append(differing)

    def _take(self, entries: Mapping[int, Entry]) -> None:
        """Knows what is said of pictures."""
        for number, entry in entries.items():
            self._label[number] = -1 if entry.label is None else self.add_class(entry.label)
            if entry.split == "train":
                self._kind[number] = _OPEN if entry.label is None else _LABELLED
            else:
                self._kind[number] = KINDS.index(entry.split)

    def _drop_from_queue(self, numbers: Iterable[int]) -> None:
        dropped = set(numbers)
        self._queue = [number for number in self._queue if number not in dropped]

    def _notice_changes(self) -> None:
        """Reads the file again if somebody else has written to it: what it says counts."""
        if self._file.is_changed():
            before = self.totals()["labelled"]
            self.forget_notice()
            self._read()
            self._file.notices.append(
                f"{self._file.path.name} was changed by another program and has been read again: "
                f"{self.totals()['labelled']:,} labels, {before:,} before."
            )

    def _read(self) -> None:
        with self._file.reading() as entries:
            self._classes = _with_classes(
                self._classes, {entry.label for entry in entries.values()}, tables.label_names(self._file.path)
            )
        skipped = np.flatnonzero(self._kind == _SKIPPED)
        self._take({number: entries[key] for number, key in enumerate(self._keys)})
        self._kind[skipped[self._kind[skipped] == _OPEN]] = _SKIPPED
        self._queue = [number for number in self._queue if self._kind[number] == _OPEN]
        self._undo.clear()


def _with_class(classes: list[str], name: str) -> list[str]:
    """Returns the names of classes with another one behind them, if it is not there."""
    if name in classes:
        return classes
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or name.startswith('{"choices"'):
        raise UsageError(f"a class is called {name[:200]!r}; expected 1 to {LONGEST_NAME} visible characters")
    names = [*classes, name]
    layout.class_names({each: Entry(label=each, split="train") for each in names})
    return names


def _with_classes(classes: list[str], held: set[str | None], names: Sequence[str]) -> list[str]:
    """Returns the names of classes with those of a file behind them, in its order, so that each keeps its key.

    Args:
        classes: those that are known.
        held: of the labels that hold; each is a class.
        names: of all labels, in order; one that was taken back is a class, too, where it can be one beside the others.
    """
    found = classes
    for name in sorted(names, key=lambda name: name not in held):
        with contextlib.nullcontext() if name in held else contextlib.suppress(UsageError):
            found = _with_class(found, name)
    return sorted(found, key=[*classes, *names].index)
