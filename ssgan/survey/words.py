"""Names, numbers and lists as they are shown; names come from anybody."""

import unicodedata
from collections.abc import Iterable, Sequence

from ssgan.output import visible


def shown(name: str, most: int = 60) -> str:
    r"""Returns a name on one line: what cannot be seen, or turns the direction, is escaped; the middle is cut.

    Args:
        name: any text.
        most: characters that are left.
    """
    line = visible(name[: 2 * most] + name[2 * most :][-most:])
    return line if len(line) <= most else f"{line[: most - most // 3 - 1]}…{line[-(most // 3) :]}"


def padded(name: str, width: int) -> str:
    """Returns a name filled with spaces to a number of columns; some characters take two, some none."""
    return name + " " * max(0, width - columns(name))


def columns(name: str) -> int:
    """Returns how many columns of a terminal a name takes."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in name
    )


def listed(names: Sequence[str], most: int) -> str:
    """Returns some names with commas between, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(shown, names[:most])) + more


def counted(counts: Iterable[tuple[str, int]]) -> str:
    """Returns counts with their names, such as `3 turned, 1 animated`; those of 0 are left out."""
    return ", ".join(f"{count:,} {shown(name)}" for name, count in counts if count)
