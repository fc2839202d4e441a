"""The Fréchet distance of two sets of features."""

import numpy as np
import numpy.typing as npt

from ssgan.quality.checks import Floats, checked_pair


def frechet_distance(real: npt.ArrayLike, generated: npt.ArrayLike) -> float:
    """The squared Fréchet distance of two normal distributions, with the means and covariances of the features.

    Reference: Heusel et al. 2017, arXiv:1706.08500, equation 6 (with the features of one particular net it is the FID),
    `|m - m'|^2 + tr C + tr C' - 2 tr (C C')^(1/2)`. With `C = A^T A` and `C' = B^T B` the last trace is the sum of the
    singular values of `A B^T`: neither a square root of a matrix nor complex numbers are needed.

    It is biased: n images against n others of the same normal distribution have about `0.52 d^2 / n`, not 0. Compare
    figures of the same number of images and of the same net alone.

    Args:
        real: features, float [n, d], n of at least 2.
        generated: features, float [m, d], m of at least 2.

    Returns:
        The distance, from 0 on; less is better.

    Raises:
        UsageError: for other shapes, and numbers that are not finite.
    """
    first, second = checked_pair(real, generated)
    shift = first.mean(axis=0) - second.mean(axis=0)
    roots = _root(first), _root(second)
    traces = sum(np.square(root).sum() for root in roots)
    common = np.linalg.svdvals(roots[0] @ roots[1].T).sum()
    return max(0.0, float(shift @ shift + traces - 2 * common))


def _root(rows: Floats) -> Floats:
    """Returns an `A` of at most d rows for which `A^T A` is the covariance of the rows."""
    return np.asarray(np.linalg.qr((rows - rows.mean(axis=0)) / np.sqrt(len(rows) - 1), mode="r"))
