"""Which classes bear a flip from left to right, and the views in words."""

import re
from collections.abc import Sequence

from ssgan.errors import UsageError

# Words of a class that is another one, or none, in the mirror.
_HANDED = frozenset(
    (
        *("left", "right", "clockwise", "anticlockwise", "counterclockwise", "east", "west"),
        *("links", "rechts", "gauche", "droite", "izquierda", "derecha", "sinistra", "destra"),
        *("letter", "letters", "digit", "digits", "number", "numbers", "character", "characters"),
        *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    )
)
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")  # turnLeft is two words
_CHANGES = {
    "photo": "moved and turned a little, of other colours, half of them inverted, a box cut out",
    "natural": "moved, turned and zoomed, in another light and of other colours, a box cut out",
    "color": "of other colours, half of them inverted, a box cut out",
    "affine": "moved, turned and stretched, under noise and strokes",
}


def resolve_flip(flip: str, class_names: Sequence[str]) -> str:
    """Returns `yes` or `no`: what `auto` means for these classes, other values as they are.

    `auto` flips no digits, letters and the like: nothing, where a class has a name of single characters or numbers
    alone, or with a word such as left, right, digit or letter in it.

    Args:
        flip: `auto`, `yes` or `no`.
        class_names: the names of the classes.
    """
    if flip != "auto":
        return flip
    return "no" if any(_is_handed(name) for name in class_names) else "yes"


def _is_handed(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(_HUMPS.sub(" ", name))]
    return all(len(word) == 1 or word.isdecimal() for word in words) or not _HANDED.isdisjoint(words)


def check_resolved(flip: str) -> None:
    """Raises a UsageError for `auto`, which only `resolve_flip` knows the meaning of."""
    if flip == "auto":
        raise UsageError(
            "flip=auto: expected yes or no here; ssgan.augment.resolve_flip says which, by the class names"
        )


def in_words(*, flip: str, shift: int, augment: str) -> str:
    """Says how training images are changed, and which options change that, in one line.

    Args:
        flip: `yes` or `no`.
        shift: largest translation of the weak view, pixels.
        augment: the strong view, see `two_views`.
    """
    flipped = "half of them flipped left-right" if flip == "yes" else "never flipped"
    shifted = [f"shifted by up to {shift} pixels"] if shift else []
    changes = [_CHANGES[augment]] if augment in _CHANGES else []
    other = "no" if flip == "yes" else "yes"
    return f"{', '.join([flipped, *shifted, *changes])}; --flip={other}, --shift or --augment change that"
