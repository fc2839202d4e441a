"""Which pictures to label next. Pure functions of features and predictions: the same chance gives the same pictures."""

import numpy as np
import numpy.typing as npt

from ssgan.labelling.embedding import Floats

Numbers = npt.NDArray[np.int64]

FEW_LABELS = 10  # a class: up to about so many, typical pictures teach more than uncertain ones (arXiv:2202.02794)
_MOST_CLUSTERS = 500  # as the paper has it
_LEAST_OF_CLUSTER = 5  # pictures, as the paper has it
_NEIGHBOURS = 20  # as the paper has it
_FITTED, _ROUNDS = 20_000, 10  # of k-means
_COMPARED = 1000  # pictures of a cluster, among which neighbours are looked for
_AT_ONCE = 20_000


def next_pictures(
    features: Floats,
    probabilities: Floats | None,
    covered: npt.NDArray[np.bool_],
    *,
    count: int,
    labels_a_class: float,
    random: np.random.Generator,
) -> Numbers:
    """Returns pictures to label next: typical ones where labels are few or no run has been seen, then uncertain ones.

    Args:
        features: float [n, d].
        probabilities: float [n, K], what a run predicts; None without one.
        covered: bool [n], those that have a label, or are to be left out.
        count: how many at most.
        labels_a_class: how many labels there are, a class.
        random: of the choice.

    Returns:
        int64, rows of pictures that are not covered, the first first.
    """
    if probabilities is None or labels_a_class < FEW_LABELS:
        return typical(features, covered, count=count, random=random)
    return uncertain(features, probabilities, covered, count=count, random=random)


def typical(features: Floats, covered: npt.NDArray[np.bool_], *, count: int, random: np.random.Generator) -> Numbers:
    """Returns the most typical pictures of the clusters that have no label yet, the largest clusters first.

    TypiClust (Hacohen et al. 2022, arXiv:2202.02794, algorithm 1): k-means with a cluster for each label that there is
    or is asked for, at most 500. A picture is the more typical, the closer its 20 neighbours in the cluster are.

    Args, returns: as of `next_pictures`.
    """
    count = min(count, int((~covered).sum()))
    if not count:
        return np.empty(0, np.int64)
    clusters = max(1, min(int(covered.sum()) + count, _MOST_CLUSTERS, len(features) // _LEAST_OF_CLUSTER))
    cluster = k_means(features, clusters, random)
    sizes, labelled = np.bincount(cluster, minlength=clusters), np.bincount(cluster[covered], minlength=clusters)
    order = np.lexsort([-sizes, labelled, sizes < _LEAST_OF_CLUSTER])
    picked: list[int] = []
    waiting = []
    for each in order:
        if rows := _by_typicality(features, cluster == each, covered, random):
            picked.append(rows.pop())
            waiting.append(rows)
        if len(picked) == count:
            break
    while len(picked) < count:  # there are fewer clusters than pictures asked for
        picked += [rows.pop() for rows in waiting if rows]
    return np.array(picked[:count], np.int64)


def uncertain(
    features: Floats, probabilities: Floats, covered: npt.NDArray[np.bool_], *, count: int, random: np.random.Generator
) -> Numbers:
    """Returns uncertain pictures that differ from each other.

    BADGE (Ash et al. 2020, arXiv:1906.03671, algorithm 1): k-means++ seeding of the gradients of the last layer, each
    for the class that is predicted: long where the prediction is uncertain, and apart where pictures differ. A gradient
    is the product of `p - onehot(argmax p)` and the features, and distances are taken from the two factors.

    Args, returns: as of `next_pictures`.
    """
    rows = np.flatnonzero(~covered)
    if not len(rows):
        return rows
    error = probabilities[rows].astype(np.float64)
    error[np.arange(len(rows)), error.argmax(axis=1)] -= 1
    return rows[_spread(error, features[rows].astype(np.float64), min(count, len(rows)), random)]


def k_means(points: Floats, clusters: int, random: np.random.Generator) -> Numbers:
    """Returns the cluster of each point, int64 [n]; the centres come from at most 20,000 points, by k-means++."""
    some = points[np.sort(random.permutation(len(points))[:_FITTED])]
    centres = some[_spread(np.ones((len(some), 1)), some.astype(np.float64), min(clusters, len(some)), random)]
    for _ in range(_ROUNDS):
        cluster = _nearest(some, centres)
        sizes = np.bincount(cluster, minlength=len(centres))
        order = np.argsort(cluster, kind="stable")
        begins = np.searchsorted(cluster[order], np.flatnonzero(sizes))
        centres[sizes > 0] = np.add.reduceat(some[order], begins) / sizes[sizes > 0, None]
    return np.concatenate([_nearest(points[at : at + _AT_ONCE], centres) for at in range(0, len(points), _AT_ONCE)])


def _nearest(points: Floats, centres: Floats) -> Numbers:
    return ((centres**2).sum(axis=1) - 2 * points @ centres.T).argmin(axis=1)


def _spread(left: npt.NDArray, right: npt.NDArray, count: int, random: np.random.Generator) -> Numbers:
    """Returns rows of points `left x right` (outer products, flattened), each drawn far from those drawn before.

    k-means++ (Arthur and Vassilvitskii 2007): the first is the longest vector, as BADGE begins; each further one is
    drawn with a probability in proportion to its squared distance from the nearest of those that are there.
    """
    squares = (left**2).sum(axis=1) * (right**2).sum(axis=1)
    picked = [int(squares.argmax())]
    distance = np.full(len(left), np.inf)
    while len(picked) < count:
        last = picked[-1]
        product = (left @ left[last]) * (right @ right[last])
        distance = np.minimum(distance, np.maximum(squares + squares[last] - 2 * product, 0))
        distance[picked] = 0
        total = np.cumsum(distance)
        if total[-1] > 0:
            picked.append(int(np.searchsorted(total, random.random() * total[-1], side="right")))
        else:  # all others are the same as one that is there
            picked.append(int(np.setdiff1d(np.arange(len(left)), picked)[0]))
    return np.array(picked[:count], np.int64)


def _by_typicality(
    features: Floats, inside: npt.NDArray[np.bool_], covered: npt.NDArray[np.bool_], random: np.random.Generator
) -> list[int]:
    """Returns the rows of a cluster that are not covered, the most typical one last."""
    rows = np.flatnonzero(inside)
    open_rows = rows[~covered[rows]]
    if not len(open_rows):
        return []
    others = features[random.permutation(rows)[:_COMPARED]]
    points = features[open_rows]
    squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * points @ others.T
    near = min(_NEIGHBOURS + 1, len(others))  # one of them is the picture itself
    distances = np.sqrt(np.maximum(np.partition(squares, near - 1, axis=1)[:, :near], 0)).mean(axis=1)
    return open_rows[np.argsort(-distances, kind="stable")].tolist()
