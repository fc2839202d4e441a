"""How different the images of one class are."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ssgan.quality.checks import Floats, Integers, checked_classes, checked_pair
from ssgan.quality.neighbours import distance_to_nearest


def within_class_variety(
    real: npt.ArrayLike,
    real_classes: npt.ArrayLike,
    generated: npt.ArrayLike,
    generated_classes: npt.ArrayLike,
    *,
    num_classes: int,
) -> Floats:
    """The distance of two generated images of a class, over that of two real ones: 1 is best, 0 says always the same.

    It takes the place of the structural similarity within a class (arXiv:1610.09585, section 4.2), whose several scales
    need images of 176 pixels. Two pictures of a class in turn have 0.7, so that it sees little variety, not few
    pictures: see `birthday` for these.

    Args:
        real: features or pixels, float [n, d].
        real_classes: integer [n] in 0..num_classes - 1.
        generated: features or pixels, float [m, d].
        generated_classes: integer [m]: the classes that were asked for or, where none was, those that are predicted.
        num_classes: `K`.

    Returns:
        float64 [K]: of each class the ratio of the root mean square distances; NaN where one of the two has fewer than
        2 images of it, or the real ones are all the same.

    Raises:
        UsageError: for other shapes or classes, and numbers that are not finite.
    """
    first, second = checked_pair(real, generated)
    of_real = checked_classes(real_classes, "real_classes", num_classes=num_classes, rows=len(first))
    of_generated = checked_classes(generated_classes, "generated_classes", num_classes=num_classes, rows=len(second))
    return ratios(
        by_class(distance_of_pairs, second, of_generated, num_classes=num_classes),
        by_class(distance_of_pairs, first, of_real, num_classes=num_classes),
    )


def by_class(
    measure: Callable[[Floats], float], rows: Floats, classes: Integers, *, num_classes: int, least: int = 2
) -> Floats:
    """Returns a measure of the rows of each class, float64 [K]; NaN where there are fewer than `least`."""
    parts = [rows[classes == number] for number in range(num_classes)]
    return np.array([measure(part) if len(part) >= least else np.nan for part in parts])


def distance_of_pairs(rows: Floats) -> float:
    """Returns the root mean square of the distances of all pairs of rows, without looking at each pair.

    The mean of the squares is twice the sum of the variances of the columns.

    Args:
        rows: float [n, d], n of at least 2.
    """
    from_first = rows - rows[0]  # of copies exactly 0, whatever is rounded
    return float(np.sqrt(2 * from_first.var(axis=0, ddof=1).sum()))


def distance_of_neighbours(rows: Floats) -> float:
    """Returns the median distance of a row to the nearest other one.

    Args:
        rows: float [n, d], n of at least 2.
    """
    return float(np.median(distance_to_nearest(rows)))


def ratios(numerators: Floats, denominators: Floats) -> Floats:
    """Returns quotients, NaN where one divides by 0."""
    wrong = ~(denominators > 0)
    return np.where(wrong, np.nan, numerators / np.where(wrong, 1.0, denominators))
