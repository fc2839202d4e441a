"""Training batches: `batch = f(seed, step)`, as a `tf.data.Dataset`.

`mixed_batches` is the paper's protocol: images by their role, a fixed number of labelled ones in every step.
`masked_batches` is the article's: one random stream in which most labels are hidden. Every pool of images is walked in
passes, each a new permutation of the pool that is computed from the seed and the number of the pass, so that any step
can be made without the ones before it. A hidden label is -1 in the batch: what is not in the batch cannot be learnt.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from ssgan.data.source import Source
from ssgan.errors import UsageError
from ssgan.shares import Share

_LABELED, _UNLABELED = range(2)  # streams of random numbers, one per purpose
HIDDEN = -1
ROLES = ("labeled", "labels", "unlabeled", "generator")


def mixed_batches(
    images: np.ndarray | Source,
    labels: np.ndarray,
    label_mask: np.ndarray,
    *,
    unlabeled: np.ndarray | None = None,
    labeled_batch: int,
    unlabeled_batch: int,
    generator_batch: int = 0,
    seed: int,
    steps: int | None = None,
    start: int = 0,
    input_context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Batches of `labeled_batch` images with a label beside `unlabeled_batch` others.

    The labelled images are among the unlabelled ones too (arXiv:1606.03498, code).

    Args:
        images: uint8 [n, height, width, channels], or a source of such images; read where they are, not copied: leave
            them as they are meanwhile.
        labels: integer [n] or [n, 1], from 0 on where the mask is true.
        label_mask: bool [n], true where the label may be used.
        unlabeled: row numbers of the unlabelled pool; default all `n` rows.
        labeled_batch: labelled images per batch; 0 when no label is visible.
        unlabeled_batch: unlabelled images per batch; 0 for the supervised baseline.
        generator_batch: unlabelled images per batch that are the generator's own, for alternating updates.
        seed: seed of the order.
        steps: number of the step at which the data set ends: in `fit(batches, epochs=10)` each epoch has the same ones.
            None, the default: there is no end; `fit(batches, steps_per_epoch=500, epochs=10)` goes on through all ten.
        start: number of its first step.
        input_context: that of `strategy.distribute_datasets_from_function`, where several replicas train: of each batch
            the data set has the parts of this worker's replicas, one after the other, and only they are read.

    Returns:
        A data set of `steps - start` batches, or an endless one, of dictionaries: `labeled` uint8
        [labeled_batch, height, width, channels] with `labels` int32 [labeled_batch], `unlabeled` and `generator`
        likewise; a role without images is left out.

    Raises:
        ValueError: if labelled images are asked for and no label is visible, or nothing is asked for, the arrays do not
            fit together, a visible label is no class number, or batches cannot be cut for so many replicas.
    """
    read_images, dtype, image_shape = _reader(images)
    labels = _checked_labels(len(images), labels, label_mask, unlabeled)
    labeled = np.flatnonzero(label_mask)
    if labeled_batch and not len(labeled):
        raise ValueError(f"labeled_batch={labeled_batch}, but label_mask shows no label; expected labeled_batch=0")
    if not labeled_batch and not unlabeled_batch:
        raise ValueError("labeled_batch=0 and unlabeled_batch=0 leave a batch empty; expected one of them above 0")
    pool = np.arange(len(images)) if unlabeled is None else unlabeled

    sizes = {"labeled_batch": labeled_batch, "unlabeled_batch": unlabeled_batch, "generator_batch": generator_batch}
    share = Share.of(input_context, **sizes)

    def read(number: int) -> tuple[np.ndarray, ...]:
        step, part = share.step_and_part(number)
        shown = rows_due(labeled, step, labeled_batch, stream=(seed, _LABELED))
        others = rows_due(pool, step, unlabeled_batch + generator_batch, stream=(seed, _UNLABELED))
        rows = [some[part] for some in (shown, others[:unlabeled_batch], others[unlabeled_batch:])]
        return *map(read_images, rows), labels[rows[0]]

    own = [share.rows(size) for size in sizes.values()]
    shapes = [*((dtype, [size, *image_shape]) for size in own), (tf.int32, [own[0]])]

    def batch_at(number: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = dict(zip(("labeled", "unlabeled", "generator", "labels"), _in_graph(read, number, shapes), strict=True))
        return {role: rows[role] for role in ROLES if rows[role].shape[0]}

    return _ahead(share.numbers(steps, start).map(batch_at), 2 * share.own)


def masked_batches(
    images: np.ndarray | Source,
    labels: np.ndarray,
    label_mask: np.ndarray,
    *,
    unlabeled: np.ndarray | None = None,
    batch: int,
    seed: int,
    steps: int | None = None,
    start: int = 0,
    input_context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Batches of one random stream over all images, each with its label where the mask allows it.

    With 1000 labels among 73,257 images a batch of 128 holds 1.75 labelled ones on average, and often none.

    Args:
        batch: images per batch.
        images, labels, label_mask, unlabeled, seed, steps, start, input_context: as for `mixed_batches`.

    Returns:
        A data set of `steps - start` batches, or an endless one: images uint8 [batch, height, width, channels], labels
        int32 [batch], -1 where hidden.

    Raises:
        ValueError: if the arrays do not fit together, a visible label is no class number, or batches cannot be cut for
            so many replicas.
    """
    read_images, dtype, image_shape = _reader(images)
    labels = _checked_labels(len(images), labels, label_mask, unlabeled)
    pool = np.arange(len(images)) if unlabeled is None else unlabeled

    share = Share.of(input_context, batch=batch)

    def read(number: int) -> tuple[np.ndarray, np.ndarray]:
        step, part = share.step_and_part(number)
        rows = rows_due(pool, step, batch, stream=(seed, _UNLABELED))[part]
        return read_images(rows), labels[rows]

    own = share.rows(batch)
    shapes = [(dtype, [own, *image_shape]), (tf.int32, [own])]

    def batch_at(number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tuple(_in_graph(read, number, shapes))

    return _ahead(share.numbers(steps, start).map(batch_at), 2 * share.own)


def _ahead(batches: tf.data.Dataset, number: int) -> tf.data.Dataset:
    """Returns batches of which so many are read ahead.

    There is nothing to tune in them, and the thread by which TensorFlow tunes is waited for when a training ends: it
    may have lain down for a minute.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.prefetch(number).with_options(options)


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
    for number in np.unique(positions // len(pool)):
        here = positions // len(pool) == number
        rows[here] = pool[_permutation(len(pool), *stream, int(number))[positions[here] % len(pool)]]
    return rows


@functools.lru_cache(maxsize=8)
def _permutation(size: int, *key: int) -> np.ndarray:
    # RandomState, because NumPy froze its streams: the same batches on every machine and version.
    return np.random.RandomState(key).permutation(size)


def _in_graph(read: Callable, step: tf.Tensor, shapes: Sequence[tuple[tf.DType, list[int]]]) -> list[tf.Tensor]:
    """Returns the arrays of these dtypes and shapes that a NumPy function reads for a step.

    From where they are: a tensor of all images would be a second copy of them.
    """
    found = tf.numpy_function(read, [step], [dtype for dtype, _ in shapes], stateful=False)
    return [tf.ensure_shape(one, shape) for one, (_, shape) in zip(found, shapes, strict=True)]


def _reader(images: np.ndarray | Source) -> tuple[Callable[[np.ndarray], np.ndarray], tf.DType, tuple[int, ...]]:
    """Returns how images are read by their rows, their dtype, and the shape of one.

    An array of floats is refused, as it is likelier in 0..1; a source may say that it has them.
    """
    if not isinstance(images, np.ndarray) and hasattr(images, "read"):
        return images.read, tf.as_dtype(getattr(images, "dtype", np.uint8)), images.image_shape
    if isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.ndim == 4:
        return images.__getitem__, tf.uint8, images.shape[1:]
    found = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else f"a {type(images).__name__}"
    raise ValueError(f"images are {found}; expected uint8 [n, height, width, channels], an array or a source")


def _checked_labels(
    num_images: int, labels: np.ndarray, label_mask: np.ndarray, unlabeled: np.ndarray | None
) -> np.ndarray:
    """Returns the labels as int32 [n], those that the mask hides replaced, once all arrays fit together."""
    if unlabeled is not None and (unlabeled.dtype.kind not in "iu" or not len(unlabeled)):
        raise ValueError(
            f"unlabeled is {unlabeled.dtype} {unlabeled.shape}; expected the row numbers of at least one image "
            "(for a boolean mask: numpy.flatnonzero)"
        )
    rows = (num_images,)
    if labels.shape not in (rows, (*rows, 1)) or label_mask.shape != rows or label_mask.dtype != bool:
        raise ValueError(
            f"labels {labels.shape} and label_mask {label_mask.dtype} {label_mask.shape} do not fit "
            f"{num_images} images; expected integer [{num_images}] and bool [{num_images}] (one-hot labels: "
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
    known = np.full(num_images, HIDDEN, np.int32)
    known[label_mask] = numbers
    return known
