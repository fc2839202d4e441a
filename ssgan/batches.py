"""Training batches: `batch = f(seed, step)`, as a `tf.data.Dataset` of (images, labels, label_mask).

One representation serves both protocols. `mixed_batches` is the paper's: a fixed number of labelled rows in front of
the unlabelled ones, in every step. `masked_batches` is the article's: one random stream in which most labels are
hidden. Every pool of rows is walked in passes, each a new permutation of the pool that is computed from the seed and
the number of the pass, so that any step can be made without the ones before it. Hidden labels are -1 in the batch:
what is not in the batch cannot be learnt.
"""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ssgan.config import UsageError

_LABELED, _UNLABELED = range(2)  # streams of random numbers, one per purpose
HIDDEN = -1


def mixed_batches(
    images: np.ndarray,
    labels: np.ndarray,
    label_mask: np.ndarray,
    *,
    unlabeled: np.ndarray | None = None,
    labeled_batch: int,
    unlabeled_batch: int,
    seed: int,
    steps: int | None = None,
    start: int = 0,
) -> tf.data.Dataset:
    """Batches of `labeled_batch` labelled rows, followed by `unlabeled_batch` rows without labels.

    The labelled images are among the unlabelled ones too, with their labels hidden there (arXiv:1606.03498, code).

    Args:
        images: uint8 [n, height, width, channels]; read where they are, not copied: leave them as they are meanwhile.
        labels: integer [n] or [n, 1], from 0 on where the mask is true.
        label_mask: bool [n], true where the label may be used.
        unlabeled: row numbers of the unlabelled pool; default all `n` rows.
        labeled_batch: labelled rows per batch; 0 when no label is visible.
        unlabeled_batch: unlabelled rows per batch.
        seed: seed of the order.
        steps: number of the step at which the data set ends: in `fit(batches, epochs=10)` each epoch has the same ones.
            None, the default: there is no end; `fit(batches, steps_per_epoch=500, epochs=10)` goes on through all ten.
        start: number of its first step.

    Returns:
        A data set of `steps - start` batches, or an endless one: images uint8 [b, height, width, channels], labels
        int32 [b] (-1 where hidden), label_mask bool [b], with `b = labeled_batch + unlabeled_batch`.

    Raises:
        ValueError: if labelled rows are asked for and no label is visible, the arrays do not fit together, or a
            visible label is no class number.
    """
    labels = _checked_labels(images, labels, label_mask, unlabeled)
    labeled = np.flatnonzero(label_mask)
    if labeled_batch and not len(labeled):
        raise ValueError(f"labeled_batch={labeled_batch}, but label_mask shows no label; expected labeled_batch=0")
    unlabeled = np.arange(len(images)) if unlabeled is None else unlabeled
    mask = np.arange(labeled_batch + unlabeled_batch) < labeled_batch

    def rows_at(step: int) -> tuple[np.ndarray, np.ndarray]:
        labeled_rows = rows_due(labeled, step, labeled_batch, stream=(seed, _LABELED))
        unlabeled_rows = rows_due(unlabeled, step, unlabeled_batch, stream=(seed, _UNLABELED))
        return np.concatenate([labeled_rows, unlabeled_rows]), mask

    return _dataset(images, labels, rows_at, steps=steps, start=start)


def masked_batches(
    images: np.ndarray,
    labels: np.ndarray,
    label_mask: np.ndarray,
    *,
    unlabeled: np.ndarray | None = None,
    batch: int,
    seed: int,
    steps: int | None = None,
    start: int = 0,
) -> tf.data.Dataset:
    """Batches of one random stream over all rows, each with its label where the mask allows it.

    With 1000 labels among 73,257 images a batch of 128 holds 1.75 labelled rows on average, and often none.

    Args:
        batch: rows per batch.
        images, labels, label_mask, unlabeled, seed, steps, start: as for `mixed_batches`.

    Returns:
        As for `mixed_batches`, with `b = batch`.

    Raises:
        ValueError: if the arrays do not fit together, or a visible label is no class number.
    """
    labels = _checked_labels(images, labels, label_mask, unlabeled)
    pool = np.arange(len(images)) if unlabeled is None else unlabeled

    def rows_at(step: int) -> tuple[np.ndarray, np.ndarray]:
        rows = rows_due(pool, step, batch, stream=(seed, _UNLABELED))
        return rows, label_mask[rows]

    return _dataset(images, labels, rows_at, steps=steps, start=start)


def rows_due(pool: np.ndarray, step: int, count: int, *, stream: tuple[int, int]) -> np.ndarray:
    """Returns the rows that are due at a step when a pool is walked pass after pass, each pass a permutation.

    Args:
        pool: int64 [n], the row numbers to walk.
        step: number of the step, from 0.
        count: rows per step.
        stream: (seed, purpose); each stream has permutations of its own.

    Returns:
        int64 [count], a pure function of the arguments.
    """
    positions = np.arange(step * count, (step + 1) * count)
    rows = np.empty(count, np.int64)
    for number in np.unique(positions // len(pool)) if count else ():
        here = positions // len(pool) == number
        rows[here] = pool[_permutation(len(pool), *stream, int(number))[positions[here] % len(pool)]]
    return rows


@functools.lru_cache(maxsize=8)
def _permutation(size: int, *key: int) -> np.ndarray:
    # RandomState, because NumPy froze its streams: the same batches on every machine and version.
    return np.random.RandomState(key).permutation(size)


def _dataset(
    images: np.ndarray, labels: np.ndarray, rows_at: Callable, *, steps: int | None, start: int
) -> tf.data.Dataset:
    def read(step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # From the caller's arrays: a tensor of all images would be a second copy of them.
        rows, mask = rows_at(step)
        return images[rows], np.where(mask, labels[rows], HIDDEN), mask

    def batch_at(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        shown, known, mask = tf.numpy_function(read, [step], (tf.uint8, tf.int32, tf.bool), stateful=False)
        shown = tf.ensure_shape(shown, [batch, *images.shape[1:]])
        return shown, tf.ensure_shape(known, [batch]), tf.ensure_shape(mask, [batch])

    batch = len(rows_at(start)[0])
    numbers = tf.data.Dataset.counter(start) if steps is None else tf.data.Dataset.range(start, steps)
    return numbers.map(batch_at).prefetch(2)


def _checked_labels(
    images: np.ndarray, labels: np.ndarray, label_mask: np.ndarray, unlabeled: np.ndarray | None
) -> np.ndarray:
    """Returns the labels as int32 [n], those that the mask hides replaced, once all arrays fit together."""
    if unlabeled is not None and (unlabeled.dtype.kind not in "iu" or not len(unlabeled)):
        raise ValueError(
            f"unlabeled is {unlabeled.dtype} {unlabeled.shape}; expected the row numbers of at least one image "
            "(for a boolean mask: numpy.flatnonzero)"
        )
    if images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError(f"images are {images.dtype} {images.shape}; expected uint8 [n, height, width, channels]")
    rows = images.shape[:1]
    if labels.shape not in (rows, (*rows, 1)) or label_mask.shape != rows or label_mask.dtype != bool:
        raise ValueError(
            f"labels {labels.shape} and label_mask {label_mask.dtype} {label_mask.shape} do not fit "
            f"{len(images)} images; expected integer [{len(images)}] and bool [{len(images)}] (one-hot labels: "
            "labels.argmax(axis=-1))"
        )
    visible = labels.ravel()[label_mask]
    with np.errstate(invalid="ignore"):  # a NaN is among the wrong ones below
        numbers = visible.astype(np.int32) if visible.dtype.kind in "biuf" else np.full(len(visible), -1)
    wrong = visible[(numbers != visible) | (numbers < 0)]
    if len(wrong):
        raise UsageError(
            f"label_mask shows labels such as {wrong[0]}, {labels.dtype}; expected whole numbers from 0 on, and a mask "
            "that is false for images without one"
        )
    known = np.full(len(images), HIDDEN, np.int32)
    known[label_mask] = numbers
    return known
