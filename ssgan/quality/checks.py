"""What the measures are given, looked at in one place: rows of features, and class numbers."""

import numpy as np
import numpy.typing as npt

from ssgan.errors import UsageError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]


def checked_pair(
    real: npt.ArrayLike, generated: npt.ArrayLike, *, least: int = 2, equally_many: bool = False
) -> tuple[Floats, Floats]:
    """Returns the features of real and of generated images as float64, [n, d] and [m, d].

    Args:
        real: finite numbers [n, d].
        generated: finite numbers [m, d].
        least: rows that each of them must have.
        equally_many: whether `n == m` must hold.

    Raises:
        UsageError: for anything else.
    """
    first, second = checked_rows(real, "real", least=least), checked_rows(generated, "generated", least=least)
    if first.shape[1] != second.shape[1]:
        raise UsageError(
            f"real has {first.shape[1]} features and generated {second.shape[1]}; expected those of one net"
        )
    if equally_many and len(first) != len(second):
        raise UsageError(f"real has {len(first)} rows and generated {len(second)}; expected equally many: cut one")
    return first, second


def checked_rows(rows: npt.ArrayLike, name: str, *, least: int = 2) -> Floats:
    """Returns rows of numbers as float64 [n, d].

    Raises:
        UsageError: for another shape, fewer rows than `least`, and for numbers that are not finite.
    """
    values = np.asarray(rows, np.float64)
    if values.ndim != 2 or len(values) < least or not values.shape[1]:
        raise UsageError(f"{name} has the shape {values.shape}; expected [n, features] with n of at least {least}")
    if not np.isfinite(values).all():
        wrong = int(np.argmin(np.isfinite(values).all(axis=1)))
        raise UsageError(f"{name} holds NaN or infinity, first in row {wrong}; expected finite numbers")
    return values


def checked_classes(classes: npt.ArrayLike, name: str, *, num_classes: int, rows: int | None = None) -> Integers:
    """Returns class numbers, an integer array [n].

    Args:
        classes: integers in 0..num_classes - 1.
        name: of them, in errors.
        num_classes: `K`.
        rows: `n`; None for any from 1 on.

    Raises:
        UsageError: for anything else.
    """
    values = np.asarray(classes)
    if values.ndim != 1 or not len(values) or values.dtype.kind not in "iu" or rows not in (None, len(values)):
        expected = "[n]" if rows is None else f"[{rows}]"
        raise UsageError(f"{name} is {values.dtype} {values.shape}; expected integers {expected}, one class a row")
    if values.min() < 0 or values.max() >= num_classes:
        raise UsageError(f"{name} holds {values.min()}..{values.max()}; expected classes 0..{num_classes - 1}")
    return values
