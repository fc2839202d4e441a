"""How many different images a generator draws: the birthday paradox."""

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import pdist

from ssgan.errors import UsageError
from ssgan.quality.checks import Floats, checked_pair


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Birthday:
    """What was found in batches of images.

    Attributes:
        batch: images in a batch, `s`.
        batches: number of generated batches.
        threshold: distance up to which two images count as one.
        duplicated: share of the batches in which there are such two, 0..1.
        support: estimated number of different images, None where no two count as one. It is `0.72 s^2` where about half
            of the batches have some.
        pairs: int64 [batches, 2], rows of the two closest images of each batch, the closest first. Look at them: close
            in features is not yet the same picture.
        distances: float64 [batches], of these pairs.
    """

    batch: int
    batches: int
    threshold: float
    duplicated: float
    support: float | None
    pairs: npt.NDArray[np.int64]
    distances: Floats


def birthday(real: npt.ArrayLike, generated: npt.ArrayLike, *, batch: int = 100) -> Birthday:
    """Looks for images that are nearly the same within batches, and estimates from them how many different ones exist.

    Reference: Arora and Zhang 2017, arXiv:1706.08224, section 3: of N equally likely images, a batch of s holds two
    that are the same with a probability of one half where `N = s^2 / (2 ln 2) = 0.72 s^2`. The paper looks at the
    closest pairs by eye. Here two images count as one where they are as close as the closest pair is in a quarter of
    the real batches. The estimate is the number of all pairs over that of those which count as one: it is the paper's
    where half of the batches have some, and holds for a handful of images, too.

    A quarter of the batches of real images have such pairs by construction, so that these are estimated at about
    `1.7 s^2`, and more than that cannot be told from it.

    Args:
        real: features, float [n, d], n of at least `4 * batch`.
        generated: features, float [m, d], m of at least `4 * batch`. What is left over is not looked at.
        batch: `s`, at least 2.

    Returns:
        The estimate, and the closest pairs.

    Raises:
        UsageError: for fewer rows, other shapes, and numbers that are not finite.
    """
    if batch < 2:
        raise UsageError(f"batch={batch}: expected at least 2")
    first, second = checked_pair(real, generated, least=4 * batch)
    of_real = [pdist(first[rows]).min() for rows in _batches(len(first), batch)]
    threshold = float(np.quantile(of_real, 0.25, method="lower"))
    rows = _batches(len(second), batch)
    distances = np.array([pdist(second[of_batch]) for of_batch in rows])
    same = distances <= threshold
    support = distances.size / same.sum() if same.any() else None
    closest = distances.argmin(axis=1)
    order = np.argsort(distances.min(axis=1), kind="stable")
    places = np.array(np.triu_indices(batch, 1))[:, closest]  # in the order in which pdist gives the pairs
    return Birthday(
        batch=batch,
        batches=len(rows),
        threshold=threshold,
        duplicated=float(same.any(axis=1).mean()),
        support=None if support is None else float(support),
        pairs=np.take_along_axis(rows, places.T, axis=1)[order],
        distances=distances.min(axis=1)[order],
    )


def _batches(rows: int, batch: int) -> npt.NDArray[np.int64]:
    """Returns row numbers [batches, batch] in a random order, always the same one."""
    count = rows // batch
    return np.random.RandomState(0).permutation(rows)[: count * batch].reshape(count, batch)
