"""What pictures look like, in some numbers: made in seconds, without a net, before there is a label to train one."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_SIDE = 16  # pixels of a side, 16 to 31, in which edges are looked for
_CELLS = 4  # of a side
_COLOUR = np.float32(0.05)  # how much the colours count beside the edges
_FITTED = 4000  # pictures from which the directions of most variance are taken
_DIMENSIONS = 48
_AT_ONCE = 1000


def embed(read: Callable[[npt.NDArray[np.integer]], npt.NDArray[np.uint8]], count: int, *, seed: int) -> Floats:
    """Returns features of pictures: which way edges run in each part, and its colours.

    Sums of absolute differences in four directions in each of 4 x 4 cells, as SURF has them (Bay et al. 2006, section
    4), beside the mean colours of the cells, projected to the 48 directions in which they vary most.

    Args:
        read: returns some of the pictures, uint8 [k, height, width, channels], by their numbers.
        count: number of pictures, n.
        seed: chooses those that the directions are taken from.

    Returns:
        float32 [n, d], d = 48 or, where there are fewer pictures, their number.
    """
    some = np.sort(np.random.default_rng(seed).permutation(count)[:_FITTED])
    raw = described(read(some))
    mean = raw.mean(axis=0)
    _, _, directions = np.linalg.svd(raw - mean, full_matrices=False)
    projection = directions[:_DIMENSIONS].T
    parts = (np.arange(start, min(start + _AT_ONCE, count)) for start in range(0, count, _AT_ONCE))
    return np.concatenate([(described(read(part)) - mean) @ projection for part in parts])


def described(images: npt.NDArray[np.uint8]) -> Floats:
    """Returns what `embed` projects, float32 [n, 64 + 16 * channels]: edges, of length 1, and colours.

    Args:
        images: uint8 [n, height, width, channels], height and width at least 16.
    """
    grey, colours = _shrunk(images)
    right, down = np.zeros_like(grey), np.zeros_like(grey)
    right[:, 1:-1, 1:-1] = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    down[:, 1:-1, 1:-1] = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    slanted = np.float32(np.sqrt(0.5))
    directions = (right, down, slanted * (right + down), slanted * (right - down))
    _, height, width = grey.shape
    of_cells = np.kron(_means(height, _CELLS), _means(width, _CELLS))
    edges = np.concatenate([np.abs(each).reshape(len(grey), -1) @ of_cells for each in directions], axis=1)
    edges = np.sqrt(np.maximum(edges, 0))
    edges /= np.maximum(np.linalg.norm(edges, axis=1, keepdims=True), np.float32(1e-6))
    return np.concatenate([edges, _COLOUR * colours], axis=1)


def _shrunk(images: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Returns grey images of 16 to 31 pixels a side, float32 in 0..1, and the mean colours of their cells.

    Of each block of pixels that becomes one, two rows are looked at.
    """
    count, height, width, channels = images.shape
    rows, columns = height // _SIDE, width // _SIDE
    high, wide = height // rows // _CELLS * _CELLS, width // columns // _CELLS * _CELLS
    images = images[:, : high * rows, : wide * columns]
    lines = (images[:, ::rows].astype(np.uint16) + images[:, rows // 2 :: rows]).reshape(count * high, -1)
    across = _means(wide * columns, wide)
    to_grey = np.kron(across, np.full((channels, 1), 1 / channels, np.float32))
    to_colours = np.kron(across @ _means(wide, _CELLS), np.eye(channels, dtype=np.float32))
    shrunk = lines.astype(np.float32) @ np.concatenate([to_grey, to_colours], axis=1) / np.float32(2 * 255)
    grey, colours = shrunk[:, :wide].reshape(count, high, wide), shrunk[:, wide:].reshape(count, _CELLS, -1)
    in_cells = colours.reshape(count, _CELLS, high // _CELLS, _CELLS * channels).mean(axis=2)
    return grey, in_cells.reshape(count, -1)


def _means(long: int, short: int) -> Floats:
    """Returns the matrix [long, short] that takes the mean of each `long // short` numbers in a row."""
    each = long // short
    return np.kron(np.eye(short), np.full((each, 1), 1 / each)).astype(np.float32)
