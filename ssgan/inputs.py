"""What `SSGAN` is given, brought into one form or refused in one line: images, labels and label masks.

Shapes and dtypes are looked at when a step is traced, values when it runs. An error in a graph is one of TensorFlow's,
of many lines; `in_words` takes ours out of it.
"""

import contextlib
import dataclasses
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ssgan import replicas
from ssgan.batches import HIDDEN, ROLES
from ssgan.errors import UsageError

_MARK = "ssgan: "  # before and behind the line that is ours


def check_images(images: Any, image_shape: tuple[int, ...]) -> None:
    """Raises a UsageError if images have, as far as it is known, another shape than [batch, *image_shape]."""
    found = tf.TensorShape(images.shape)
    if not found.is_compatible_with([None, *image_shape]):
        expected = ", ".join(map(str, image_shape))
        raise UsageError(
            f"images have the shape {_shown(found)}; expected (batch, {expected}): make them so, for example with "
            "keras.layers.Resizing"
        )


def warn_of_range(images: Any) -> None:
    """Warns of floating-point images that look as if they were in 0..1; of arrays and tensors, not of data sets."""
    if not isinstance(images, np.ndarray | tf.Tensor):
        return
    some = np.asarray(images[:100])
    if some.size and np.issubdtype(some.dtype, np.floating) and some.max() <= 1:
        warnings.warn(
            f"images are from {some.min():.3g} to {some.max():.3g}; expected pixels in 0..255, of any dtype",
            stacklevel=3,
        )


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """The images of a step by their role, in 0..255; None: there are none.

    Attributes:
        labeled: [l, height, width, channels]; of a stream, all images, of which `labels` hides most.
        labels: int32 [l], -1 where hidden.
        unlabeled: [u, height, width, channels]; None for a stream.
        generator: images of the generator's own, [g, height, width, channels].
        is_stream: whether labelled and unlabelled images are mixed in `labeled`.
        hidden: of a stream, which of its images are taken for unlabelled ones, bool [l]: all, if less than 2 are.
    """

    labeled: tf.Tensor | None = None
    labels: Any = None
    unlabeled: tf.Tensor | None = None
    generator: tf.Tensor | None = None
    is_stream: bool = False
    hidden: tf.Tensor | None = None

    def real(self) -> tf.Tensor:
        """Returns all images that the discriminator learns from: the labelled ones, then the unlabelled ones."""
        return tf.concat([part for part in (self.labeled, self.unlabeled) if part is not None], axis=0)

    def labeled_rows(self, of_real: tf.Tensor) -> tf.Tensor | None:
        """Returns of a tensor [rows of `real`] the rows of `labeled`."""
        return None if self.labeled is None else of_real[: tf.shape(self.labeled)[0]]

    def unlabeled_rows(self, of_real: tf.Tensor) -> tf.Tensor | None:
        """Returns of a tensor [rows of `real`] the unlabelled ones; of a stream that hides no label, all."""
        if self.is_stream:
            return tf.boolean_mask(of_real, self.hidden)
        if self.unlabeled is None or self.labeled is None:
            return None if self.unlabeled is None else of_real
        return of_real[tf.shape(self.labeled)[0] :]

    def labeled_alone(self) -> "Batch":
        """Returns the images with a label, and nothing else.

        Raises:
            UsageError: if there are none: of a stream, when the step is run; of a stream on several replicas.
        """
        words = "a batch shows no label; until unlabeled_start every batch has to show some, or unlabeled_start=0"
        if self.labeled is None:
            raise UsageError(words)
        if not self.is_stream:
            return Batch(labeled=self.labeled, labels=self.labels)
        if replicas.count() > 1:
            raise UsageError(
                "steps of the labels alone, of batches of one stream on several replicas, of which some would see no "
                "label; expected batches by role, mixed_batches, or unlabeled_start=0"
            )
        visible = required(self.labels >= 0, tf.reduce_any(self.labels >= 0), words)
        return Batch(labeled=tf.boolean_mask(self.labeled, visible), labels=tf.boolean_mask(self.labels, visible))


def training_batch(batch: Any, num_classes: int, image_shape: tuple[int, ...], *, generators_own: int = 0) -> Batch:
    """Returns the batch that `fit` was given, by role.

    Args:
        batch: a dictionary as `ssgan.batches.mixed_batches` gives them; or a stream: (images, labels), where the label
            -1 is hidden, or (images, labels, label_mask), the mask of booleans or of zeros and ones. Labels and mask
            are [b] or [b, 1].
        num_classes: labels that may be used are 0..num_classes - 1.
        image_shape: of the images.
        generators_own: so many images at the end of a stream are the generator's own.

    Raises:
        UsageError: for other roles, shapes and dtypes; where the batch is a graph's, for other values when the graph is
            run.
    """
    if isinstance(batch, tuple | list) and len(batch) and isinstance(batch[0], Mapping):
        batch = batch[0]  # so Keras wraps one that is not of a tf.data.Dataset
    if not isinstance(batch, Mapping):
        return _stream(batch, num_classes, image_shape, generators_own)
    if unknown := batch.keys() - set(ROLES):
        raise UsageError(f"a batch holds {', '.join(map(str, unknown))}; expected some of {', '.join(ROLES)}")
    if ("labeled" in batch) != ("labels" in batch) or not {"labeled", "unlabeled"} & batch.keys():
        raise UsageError(f"a batch holds {', '.join(batch)}; expected labeled with labels, or unlabeled, or all three")
    if generators_own and "generator" not in batch:
        raise UsageError(
            "a batch holds no images for the generator; alternating updates need mixed_batches(generator_batch=...)"
        )
    images = {role: batch[role] for role in batch if role != "labels"}
    for shown in images.values():
        check_images(shown, image_shape)
    labels = None
    if "labels" in batch:
        labels = _one_per_image(batch["labels"], batch["labeled"], "labels")
        labels = _class_numbers(labels, tf.ones_like(labels, tf.bool), num_classes)
    return Batch(**images, labels=labels)


def _stream(batch: Any, num_classes: int, image_shape: tuple[int, ...], generators_own: int) -> Batch:
    images, labels, label_mask = keras.utils.unpack_x_y_sample_weight(batch)
    check_images(images, image_shape)
    labels = _one_per_image(labels, images, "labels")
    if label_mask is None:
        label_mask = tf.cast(labels, tf.int64) != HIDDEN
    else:
        label_mask = _as_mask(_one_per_image(label_mask, images, "label_mask"))
    labels = tf.where(label_mask, _class_numbers(labels, label_mask, num_classes), HIDDEN)
    if not generators_own:
        return Batch(labeled=images, labels=labels, is_stream=True, hidden=_hidden(labels))
    words = (
        f"a batch has {{}} rows, and generated_batch={generators_own} of them are the generator's; alternating updates "
        "need these rows on top of the discriminator's: larger batches, without a smaller last one "
        "(dataset.batch(n, drop_remainder=True)), or mixed_batches(..., generator_batch=n)"
    )
    if images.shape[0] is None:
        enough = tf.shape(images)[0] > generators_own
        images = required(images, enough, words, lambda: tf.shape(images)[0])
    elif images.shape[0] <= generators_own:
        raise UsageError(words.format(images.shape[0]))
    labels = labels[:-generators_own]
    return Batch(
        labeled=images[:-generators_own],
        labels=labels,
        generator=images[-generators_own:],
        is_stream=True,
        hidden=_hidden(labels),
    )


def _hidden(labels: tf.Tensor) -> tf.Tensor:
    """Returns which images are taken for unlabelled ones: those without a label, or all where fewer than 2 have none.

    One by itself would be all that the GAN sees of real images, and has no other to be compared with.
    """
    hidden = labels < 0
    return hidden | (replicas.total(tf.reduce_sum(tf.cast(hidden, tf.float32))) < 2)


def evaluation_batch(batch: Any, num_classes: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns images, labels int32 [b] and weights float32 [b] of a batch that `evaluate` was given.

    Args:
        batch: (images, labels) or (images, labels, weights); a label_mask is weights, too.
        num_classes: labels of images with a weight are 0..num_classes - 1.

    Raises:
        UsageError: as `training_batch`.
    """
    images, labels, weights = keras.utils.unpack_x_y_sample_weight(batch)
    labels = _one_per_image(labels, images, "labels")
    weights = tf.ones_like(labels, tf.float32) if weights is None else _one_per_image(weights, images, "weights")
    weights = tf.cast(weights, tf.float32)
    labels = required(
        labels,
        ~tf.reduce_any((weights != 0) & (tf.cast(labels, tf.float32) == HIDDEN)),
        f"labels to evaluate hold {HIDDEN}, a hidden label: leave these images out, or give them the weight 0 "
        "(x, y, sample_weight)",
    )
    return images, _class_numbers(labels, weights != 0, num_classes), weights


def required(
    values: tf.Tensor, condition: tf.Tensor, words: str, wrong: Callable[[], tf.Tensor] | None = None
) -> tf.Tensor:
    """Returns the values; raises when the step is run, before they are used, if the condition is false: see `in_words`.

    Args:
        values: any tensor.
        condition: what must be true, a bool scalar.
        words: of the error, with `{}` where what is wrong is to stand.
        wrong: returns what is wrong, a scalar, where the words have a place for it; only called for the error.
    """

    def refuse() -> bool:
        told = f"{_MARK}{words}{_MARK}"
        tf.debugging.Assert(False, [tf.strings.format(told, wrong()) if wrong else tf.constant(told)])
        return True

    with tf.device("CPU:0"):  # where the batch comes from
        looked_at = tf.cond(condition, lambda: True, refuse)
    with tf.control_dependencies([looked_at]):  # else a step might learn from them first
        return tf.identity(values)


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Turns an error of `required` in a step into a UsageError of one line."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if found := re.search(f"{_MARK}(.*?){_MARK}", str(error)):
            raise UsageError(found[1].replace("\\'", "'")) from None
        raise


def _one_per_image(values: Any, images: Any, name: str) -> tf.Tensor:
    """Returns numbers [b], from [b] or [b, 1]."""
    if values is None:
        raise UsageError(
            f"there are no {name}; expected (images, labels, label_mask), or (images, labels) with "
            f"{HIDDEN} for a hidden label"
        )
    values = tf.convert_to_tensor(values)
    if not (values.dtype.is_integer or values.dtype.is_floating or values.dtype.is_bool):
        raise UsageError(f"{name} are {values.dtype.name}; expected whole numbers from 0 to the number of classes - 1")
    rows = tf.TensorShape(images.shape)[:1]
    if not any(values.shape.is_compatible_with(shape) for shape in (rows, rows.concatenate(1))):
        raise UsageError(
            f"{name} have the shape {_shown(values.shape)}; expected one number per image: for one-hot "
            "labels, labels.argmax(axis=-1)"
        )
    return values if values.shape.rank == 1 else tf.reshape(values, tf.shape(images)[:1])


def _as_mask(values: tf.Tensor) -> tf.Tensor:
    if values.dtype.is_bool:
        return values
    wrong = (values != 0) & (values != 1)
    return required(
        values != 0,
        ~tf.reduce_any(wrong),
        "label_mask holds {}; expected true or false, 1 or 0, which says whether a label may be used; it is no weight",
        lambda: tf.boolean_mask(values, wrong)[0],
    )


def _class_numbers(labels: tf.Tensor, used: tf.Tensor, num_classes: int) -> tf.Tensor:
    numbers = tf.cast(labels, tf.int32)
    wrong = used & ((numbers < 0) | (numbers >= num_classes) | (tf.cast(numbers, labels.dtype) != labels))
    return required(
        numbers,
        ~tf.reduce_any(wrong),
        f"labels hold {{}}; expected whole numbers from 0 to {num_classes - 1}: labels - 1 where they begin at 1",
        lambda: tf.boolean_mask(labels, wrong)[0],
    )


def _shown(shape: tf.TensorShape) -> str:
    return "unknown" if shape.rank is None else str(tuple(shape))
