"""What the nearest neighbours of real and generated features say."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from ssgan.quality.checks import Floats, checked_pair

_AT_ONCE = 512  # rows, so that the distances to 10,000 others take 40 MB


@dataclasses.dataclass(frozen=True, kw_only=True)
class PRDC:
    """Precision, recall, density and coverage.

    Attributes:
        precision: share of the generated images that are near a real one, 0..1: are they as good as real ones?
        recall: share of the real images that are near a generated one, 0..1: is there all that is in the real ones?
        density: as precision, but counts near how many real images each is, so that one odd real image matters less;
            from 0 on, 1 expected of real ones.
        coverage: share of the real images with a generated one nearer than the k-th nearest real one, 0..1.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall_density_coverage(real: npt.ArrayLike, generated: npt.ArrayLike, *, k: int = 5) -> PRDC:
    """Precision and recall, which single odd images disturb, and density and coverage, which they do not.

    Reference: Naeem et al. 2020, arXiv:2002.09797, section 3.2 (density and coverage) and 2 (precision and recall,
    after arXiv:1904.06991). Near an image is what is closer to it than its k-th nearest neighbour of its own kind.

    Of n images against n others of the same distribution the expected coverage is
    `1 - (n - 1) ... (n - k) / ((2n - 1) ... (2n - k))` (lemma 2), 0.969 for k = 5; density is about 1; precision and
    recall depend on the number of features and lie well below 1 where these are many.

    Args:
        real: features, float [n, d], n > k.
        generated: features, float [m, d], m > k; customarily m = n.
        k: neighbours.

    Returns:
        The four figures; the best of each is that of real images.

    Raises:
        UsageError: for other shapes, too few rows, and numbers that are not finite.
    """
    first, second = checked_pair(real, generated, least=k + 1)
    radii, generated_radii = distance_to_nearest(first, k), distance_to_nearest(second, k)
    near_real = np.zeros(len(second), int)
    recalled = covered = 0
    for rows, distances in _distances(first, second):
        near = distances < radii[rows, np.newaxis]
        near_real += near.sum(axis=0)
        covered += int(near.any(axis=1).sum())
        recalled += int((distances < generated_radii).any(axis=1).sum())
    return PRDC(
        precision=float((near_real > 0).mean()),
        recall=recalled / len(first),
        density=float(near_real.mean() / k),
        coverage=covered / len(first),
    )


def one_nearest_neighbour_accuracy(real: npt.ArrayLike, generated: npt.ArrayLike) -> float:
    """How often the nearest other image, of both kinds, is of the same kind.

    Reference: Lopez-Paz and Oquab 2017, arXiv:1610.06545, recommended in Xu et al. 2018, arXiv:1806.07755, section 2.

    Args:
        real: features, float [n, d], n of at least 2.
        generated: features, float [n, d].

    Returns:
        0..1. 0.5: they cannot be told apart, which is best ((n - 1) / (2n - 1), to be exact); 1: they can; towards 0:
        generated images are copies of these real ones. A tie counts half.

    Raises:
        UsageError: for other shapes, different numbers of rows, and numbers that are not finite.
    """
    first, second = checked_pair(real, generated, equally_many=True)
    to_generated = np.empty(len(first))
    to_real = np.full(len(second), np.inf)
    for rows, distances in _distances(first, second):
        to_generated[rows] = distances.min(axis=1)
        to_real = np.minimum(to_real, distances.min(axis=0))
    own = np.concatenate([distance_to_nearest(first), distance_to_nearest(second)])
    other = np.concatenate([to_generated, to_real])
    return float(((own < other) + 0.5 * (own == other)).mean())


def distance_to_nearest(rows: Floats, k: int = 1) -> Floats:
    """Returns the Euclidean distance of each row to its k-th nearest other one, float64 [n].

    Args:
        rows: float64 [n, d], n > k.
        k: from 1 on.
    """
    # At place 0 is the distance of a row to itself, or to one that is the same.
    parts = [np.partition(distances, k, axis=1)[:, k] for _, distances in _distances(rows, rows)]
    return np.concatenate(parts)


def _distances(first: Floats, second: Floats) -> Iterator[tuple[slice, Floats]]:
    """Gives slices of the rows of `first`, each with their Euclidean distances to all rows of `second`."""
    for start in range(0, len(first), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        yield rows, cdist(first[rows], second)
