"""The kernel distance of two sets of features."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from ssgan.errors import UsageError
from ssgan.quality.checks import Floats, checked_pair

_AT_ONCE = 512  # rows, so that the kernel of 10,000 others takes 40 MB


@dataclasses.dataclass(frozen=True)
class KernelDistance:
    """The kernel distance, of all rows and over blocks of them.

    Attributes:
        distance: of all rows; about 0, and so at times below it, where the distributions are the same.
        mean: of the blocks; it means the same, and varies more.
        deviation: standard deviation of the blocks.
        blocks: number of blocks.
    """

    distance: float
    mean: float
    deviation: float
    blocks: int

    @property
    def error(self) -> float:
        """Standard error of `mean`, and at least that of `distance`."""
        return self.deviation / math.sqrt(self.blocks)


def kernel_distance(real: npt.ArrayLike, generated: npt.ArrayLike, *, blocks: int = 10) -> KernelDistance:
    """The squared maximum mean discrepancy with a cubic kernel.

    Reference: Binkowski et al. 2018, arXiv:1801.01401, section 4 (with the features of one particular net it is the
    KID). It has no bias, whatever the number of images. What a block of a tenth of the rows has is up to ten times as
    uncertain as what all have.

    Args:
        real: features, float [n, d].
        generated: features, float [m, d].
        blocks: at least 2. The rows are put into them in a random order, always the same one; each has at least 2 rows
            of either kind.

    Returns:
        The distance, less of which is better, and what the blocks have.

    Raises:
        UsageError: for fewer blocks or rows, other shapes, and numbers that are not finite.
    """
    if blocks < 2:
        raise UsageError(f"blocks={blocks}: expected at least 2")
    first, second = checked_pair(real, generated, least=2 * blocks)
    parts = zip(_parts(first, blocks, seed=0), _parts(second, blocks, seed=1), strict=True)
    values = [squared_discrepancy(*part) for part in parts]
    spread = float(np.mean(values)), float(np.std(values, ddof=1))
    return KernelDistance(squared_discrepancy(first, second), *spread, blocks)


def squared_discrepancy(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy with the kernel `(x.y / d + 1)^3`.

    Reference: arXiv:1801.01401, section 4; the estimate is that of Gretton et al. 2012 (JMLR 13), lemma 6.

    Args:
        first: float [n, d], n of at least 2.
        second: float [m, d], m of at least 2.

    Raises:
        UsageError: for other shapes, and numbers that are not finite.
    """
    x, y = checked_pair(first, second)
    between = _sum(x, y) / (len(x) * len(y))
    return _mean_of_pairs(x) + _mean_of_pairs(y) - 2 * between


def _mean_of_pairs(rows: Floats) -> float:
    with_itself = float(((np.square(rows).mean(axis=1) + 1) ** 3).sum())
    return (_sum(rows, rows) - with_itself) / (len(rows) * (len(rows) - 1))


def _sum(x: Floats, y: Floats) -> float:
    """Returns the sum of the kernel over all pairs of a row of `x` and a row of `y`."""
    starts = range(0, len(x), _AT_ONCE)
    return float(sum(((x[start : start + _AT_ONCE] @ y.T / x.shape[1] + 1) ** 3).sum() for start in starts))


def _parts(rows: Floats, blocks: int, *, seed: int) -> list[Floats]:
    # RandomState, because NumPy froze its streams: the same figure on every version.
    return np.array_split(rows[np.random.RandomState(seed).permutation(len(rows))], blocks)
