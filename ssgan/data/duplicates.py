"""Images that are there twice: the same pixels, or nearly the same picture.

Nearly the same are pictures that were coded, scaled or brightened anew, or lost a narrow border. Candidates are pairs
whose 64-bit difference hashes (dHash) differ in at most 8 bits, and are found without a look at all pairs: of nine
bands of such hashes at least one is equal. Candidates are confirmed by their pixels, so that other photographs
before the same background are not taken for duplicates.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ssgan.data.fingerprints import Fingerprints, Images, fingerprints

HASH_DISTANCE = 8  # bits of 64
# The bounds within which a pair is confirmed, chosen by looking at pairs of photographs of hands, CIFAR-10 and SVHN.
PIXEL_DISTANCE = 0.28  # root mean square difference of two 16x16 thumbnails, in their standard deviations
LEVEL_DISTANCE = 25.0  # mean brightness, levels of 255
CONTRAST_RATIO = 1.25
# So many neighbours, in the order of their brightness, are compared where thousands of images share a band.
NEIGHBOURS = 4096
_CHUNK_PAIRS = 2**14


@dataclasses.dataclass(frozen=True)
class Group:
    """Images that are duplicates of each other, directly or through others of the group.

    Attributes:
        rows: ascending, at least two.
        exact: whether all of them have the same pixels.
    """

    rows: tuple[int, ...]
    exact: bool


@dataclasses.dataclass(frozen=True)
class Pair:
    """An image of a second set that is also in a first.

    Attributes:
        first: row in the first set.
        second: row in the second set.
        exact: whether the pixels are the same.
    """

    first: int
    second: int
    exact: bool


def groups_of_duplicates(images: Images | npt.NDArray[np.uint8]) -> list[Group]:
    """Finds the images that are there twice or more.

    Images are read a few at a time; 1 KB of each is kept, and no list of pairs, which would be long where thousands are
    alike. 20,000 small photographs take seconds.

    Args:
        images: a source, or uint8 [n, height, width, 1 or 3].

    Returns:
        The groups, in the order of their first rows; no row is in two.
    """
    if not len(images):
        return []
    prints = fingerprints([images])
    exact_of = _first_with_same_pixels(prints.digests)
    parents = exact_of.copy()
    for pairs in _candidates(prints, np.unique(exact_of)):
        roots = _roots(parents)
        apart = pairs[roots[pairs[:, 0]] != roots[pairs[:, 1]]]
        for first, second in apart[_pixel_distance(prints, apart) <= PIXEL_DISTANCE]:
            _join(parents, first, second)
    roots = _roots(parents)
    order = np.argsort(roots, kind="stable")
    starts = np.flatnonzero(np.diff(roots[order], prepend=-1))
    members = [rows for rows in np.split(order, starts[1:]) if len(rows) > 1]
    return [Group(tuple(rows.tolist()), exact=bool((exact_of[rows] == exact_of[rows[0]]).all())) for rows in members]


def duplicates_between(first: Images | npt.NDArray[np.uint8], second: Images | npt.NDArray[np.uint8]) -> list[Pair]:
    """Finds the images of a second set that are in a first one, too: test images that were trained on.

    Args:
        first: a source, or uint8 [n, height, width, channels].
        second: another, with images of the same shape.

    Returns:
        At most one pair for each image of the second set, with the most alike of the first; in the order of the second.
    """
    size = len(first)
    if not size or not len(second):
        return []
    prints = fingerprints([first, second])
    exact_of = _first_with_same_pixels(prints.digests)
    exact = {row: int(exact_of[row]) for row in range(size, len(exact_of)) if exact_of[row] < size}
    nearest = np.full(len(exact_of), -1)
    least = np.full(len(exact_of), PIXEL_DISTANCE, np.float32)
    for pairs in _candidates(prints, np.unique(exact_of)):
        pairs = np.sort(pairs, axis=1)
        pairs = pairs[(pairs[:, 0] < size) & (size <= pairs[:, 1])]
        distances = _pixel_distance(prints, pairs)
        for pair in np.flatnonzero(distances <= least[pairs[:, 1]]):
            one, other = pairs[pair]
            if nearest[other] < 0 or (distances[pair], one) < (least[other], nearest[other]):
                nearest[other], least[other] = one, distances[pair]
    found = [(row, exact.get(row, int(nearest[exact_of[row]]))) for row in range(size, len(exact_of))]
    return [Pair(first, row - size, exact=row in exact) for row, first in found if first >= 0]


def _first_with_same_pixels(digests: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    """Returns for each image the first row that has its digest."""
    _, first, of = np.unique(digests, return_index=True, return_inverse=True)
    return first[of]


def _candidates(prints: Fingerprints, rows: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Gives the pairs whose hashes are near and whose brightness may be, [pairs, 2], each once, many at a time."""
    # Bits far from each other, 0, 9, 18, ..., which are more independent than neighbours.
    bands = [sum(1 << bit for bit in range(band, 64, HASH_DISTANCE + 1)) for band in range(HASH_DISTANCE + 1)]
    waiting, size = [np.empty((0, 2), np.int64)], 0
    for number, band in enumerate(bands):
        for pairs in _neighbours(prints, rows, np.uint64(band)):
            differing = prints.hashes[pairs[:, 0]] ^ prints.hashes[pairs[:, 1]]
            near = np.bitwise_count(differing) <= HASH_DISTANCE
            for earlier in bands[:number]:
                near &= (differing & np.uint64(earlier)) != 0
            waiting.append(pairs[near])
            size += len(waiting[-1])
            if size >= _CHUNK_PAIRS:
                yield from np.split(np.concatenate(waiting), range(_CHUNK_PAIRS, size, _CHUNK_PAIRS))
                waiting, size = [], 0
    yield np.concatenate([np.empty((0, 2), np.int64), *waiting])


def _neighbours(prints: Fingerprints, rows: npt.NDArray[np.int64], band: np.uint64) -> Iterator[npt.NDArray[np.int64]]:
    """Gives the pairs whose hashes agree in a band, and that are about as bright; [pairs, 2]."""
    brightness = prints.levels.mean(axis=1)
    order = rows[np.lexsort((brightness[rows], prints.hashes[rows] & band))]
    keys, levels = prints.hashes[order] & band, brightness[order]
    first = np.arange(len(order))
    for step in range(1, NEIGHBOURS + 1):
        first = first[: np.searchsorted(first, len(order) - step)]
        # What is beyond the bounds now is so for every further neighbour, too.
        first = first[(keys[first] == keys[first + step]) & (levels[first + step] - levels[first] <= LEVEL_DISTANCE)]
        if not len(first):
            break
        yield np.stack([order[first], order[first + step]], axis=1)


def _pixel_distance(prints: Fingerprints, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Returns the distance of thumbnails, [pairs]; infinite where one of the bounds is already passed."""
    first, second = pairs.T
    levels = np.abs(prints.levels[first] - prints.levels[second]).max(axis=1)
    contrasts = prints.contrasts[first] / prints.contrasts[second]
    possible = (levels <= LEVEL_DISTANCE) & (contrasts <= CONTRAST_RATIO) & (contrasts >= 1 / CONTRAST_RATIO)
    # A mean over a field never differs more than its pixels do.
    coarse = prints.coarse[first[possible]] - prints.coarse[second[possible]]
    possible[possible] = _root_mean_square(coarse) <= PIXEL_DISTANCE
    distances = np.full(len(pairs), np.inf, np.float32)
    fine = prints.standardized(first[possible]) - prints.standardized(second[possible])
    distances[possible] = _root_mean_square(fine)
    return distances


def _root_mean_square(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.sqrt(np.square(values).mean(axis=tuple(range(1, values.ndim))))


def _roots(parents: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns the root of every row."""
    while not np.array_equal(roots := parents[parents], parents):
        parents = roots
    return roots


def _root(parents: npt.NDArray[np.int64], row: int) -> int:
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = int(parents[row])
    return row


def _join(parents: npt.NDArray[np.int64], first: int, second: int) -> None:
    one, other = sorted((_root(parents, first), _root(parents, second)))
    parents[other] = one
