"""Names and numbers as the page shows them; names come from anyone."""

import unicodedata
from collections.abc import Sequence

from ssgan.data import Source

LONGEST_NAME, LONGEST_TITLE = 32, 120
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"


def cut(text: object, most: int = LONGEST_NAME) -> str:
    """Returns text on one line, with a replacement for what cannot be seen, cut to at most `most` characters."""
    line = " ".join(str(text)[: 4 * most + 100].split())
    line = "".join(character if _visible(character) else "\N{REPLACEMENT CHARACTER}" for character in line)
    return line if len(line) <= most else line[: most - 1] + "…"


def percent(share: float) -> str:
    """Returns a share as a percentage, with two digits after the point below 10 %."""
    return f"{100 * share:.2f} %" if share < 0.0995 else f"{100 * share:.1f} %"


class ClassNames:
    """The names of the classes, by their number, fit to be shown."""

    def __init__(self, names: Sequence[str]):
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    @property
    def longest(self) -> int:
        """Returns the number of characters of the longest name as it is shown."""
        return max(len(self[label]) for label in range(len(self)))

    def __getitem__(self, label: int) -> str:
        """Returns a name that is not too long; `class 3` where it is blank or missing."""
        return cut(self._names[label]) or f"class {label}" if label >= 0 else "no label"

    def title(self, label: int) -> str:
        """Returns the name at more length."""
        return cut(self._names[label], LONGEST_TITLE) if label >= 0 else ""


def key(images: Source, row: int) -> str:
    """Returns the name of the file where the source knows one, otherwise the row."""
    keys: Sequence[str] | None = getattr(images, "keys", None)
    return cut(keys[row], LONGEST_TITLE) if keys is not None else f"{images.split} row {row:,}"


def _visible(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) not in _HIDDEN
