"""From predicted probabilities to figures: error, interval, confusion, calibration, report."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ssgan.errors import UsageError
from ssgan.evaluate.calibration import expected_calibration_error

# Float32 rounding over a thousand classes stays far below this; logits do not.
TOLERANCE = 1e-3
# Keeps the negative log-likelihood finite (at most 87.3 nats) where a softmax underflowed.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)
Z_95 = 1.959963984540054


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What a classifier got right and wrong on one set of labelled images.

    Everything that is a count of right and wrong answers follows from the confusion matrix.

    Attributes:
        class_names: one name per class, in label order.
        confusion: int64 [classes, classes], images with the row's label predicted as the column.
        calibration_error: expected calibration error in 0..1 (see `expected_calibration_error`).
        negative_log_likelihood: mean of `-log p(label | image)` in nats, at least 0.
    """

    class_names: tuple[str, ...]
    confusion: npt.NDArray[np.int64]
    calibration_error: float
    negative_log_likelihood: float

    @property
    def images(self) -> int:
        """The number of images."""
        return int(self.confusion.sum())

    @property
    def errors(self) -> int:
        """The number of wrongly classified images."""
        return self.images - int(np.trace(self.confusion))

    @property
    def error(self) -> float:
        """The fraction of wrongly classified images, in 0..1."""
        return self.errors / self.images

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of `error`, both ends in 0..1."""
        return wilson_interval(self.errors, self.images)

    @property
    def class_counts(self) -> tuple[int, ...]:
        """The number of images of each class."""
        return tuple(self.confusion.sum(axis=1).tolist())

    @property
    def class_errors(self) -> tuple[float | None, ...]:
        """The error of each class in 0..1, None for a class without images."""
        right = np.diagonal(self.confusion).tolist()
        pairs = zip(right, self.class_counts, strict=True)
        return tuple((count - hits) / count if count else None for hits, count in pairs)

    def as_dict(self) -> dict[str, Any]:
        """Returns all figures as plain Python values, ready for `json.dump` (no NaN)."""
        return {
            "images": self.images,
            "errors": self.errors,
            "error": self.error,
            "error_interval_95": list(self.interval),
            "calibration_error": self.calibration_error,
            "negative_log_likelihood": self.negative_log_likelihood,
            "class_names": list(self.class_names),
            "class_counts": list(self.class_counts),
            "class_errors": list(self.class_errors),
            "confusion": self.confusion.tolist(),
        }


def evaluate(probabilities: npt.ArrayLike, labels: npt.ArrayLike, *, class_names: Sequence[str]) -> Evaluation:
    """Compares predicted class probabilities with the true labels.

    The predicted class is the most probable one; among equals, the first.

    Args:
        probabilities: float [images, classes] in 0..1, each row summing to 1.
        labels: integer [images] in 0..classes - 1.
        class_names: one name per class, in label order.

    Returns:
        An `Evaluation`.

    Raises:
        UsageError: the shapes disagree, there are no images, a row is no probability
            distribution, or a label is not an integer in range.
    """
    probabilities = _checked_probabilities(probabilities, class_names)
    labels = _checked_labels(labels, shape=probabilities.shape)
    predictions = probabilities.argmax(axis=1)
    of_label = probabilities[np.arange(len(labels)), labels]
    return Evaluation(
        class_names=tuple(class_names),
        confusion=confusion_matrix(labels, predictions, classes=probabilities.shape[1]),
        calibration_error=expected_calibration_error(probabilities.max(axis=1), predictions == labels),
        negative_log_likelihood=float(-np.log(of_label.clip(SMALLEST_PROBABILITY, 1.0)).mean()),
    )


def wilson_interval(errors: int, total: int, *, z: float = Z_95) -> tuple[float, float]:
    """The Wilson score interval of a proportion; unlike `p ± z s` it stays inside 0..1.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927;
    compared with other intervals by Newcombe, Statistics in Medicine 1998.

    Args:
        errors: the number of errors, in 0..total.
        total: the number of trials, at least 1.
        z: the quantile of the standard normal; the default gives 95 % coverage.

    Returns:
        The lower and the upper end, both in 0..1.

    Raises:
        UsageError: `total` is not positive or `errors` is outside 0..total.
    """
    if total < 1 or not 0 <= errors <= total:
        raise UsageError(
            f"Received {errors} errors among {total} trials. Expected at least 1 trial and errors in 0..trials."
        )
    share, spread = errors / total, z * z / total
    centre = share + spread / 2
    half_width = z * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    # At 0 and at `total` errors the touching end is exact; rounding would leave it beside it.
    lower = (centre - half_width) / (1 + spread) if errors > 0 else 0.0
    upper = (centre + half_width) / (1 + spread) if errors < total else 1.0
    return lower, upper


def confusion_matrix(
    labels: npt.NDArray[np.integer], predictions: npt.NDArray[np.integer], *, classes: int
) -> npt.NDArray[np.int64]:
    """Counts each pair of true and predicted class.

    Args:
        labels: integer [images] in 0..classes - 1.
        predictions: integer [images] in 0..classes - 1.
        classes: the number of classes.

    Returns:
        int64 [classes, classes]; rows are true classes, columns predicted ones.
    """
    pairs = np.asarray(labels, np.int64) * classes + predictions
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def _checked_probabilities(probabilities: npt.ArrayLike, class_names: Sequence[str]) -> npt.NDArray[np.float64]:
    values = np.asarray(probabilities, np.float64)
    if values.ndim != 2:
        raise UsageError(f"Received probabilities of shape {values.shape}. Expected [images, classes].")
    if values.shape[0] == 0:
        raise UsageError("Received no images. Expected at least one row of probabilities.")
    if values.shape[1] != len(class_names):
        raise UsageError(
            f"Received probabilities for {values.shape[1]} classes but {len(class_names)} class "
            "names. Expected one name per class: is this the data the classifier was trained on?"
        )
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values).all(axis=1)))
        raise UsageError(f"Received NaN or infinite probabilities, first in row {row}.")
    sums = values.sum(axis=1)
    outside = (abs(values - 0.5) > 0.5 + TOLERANCE).any(axis=1)
    outside |= abs(sums - 1) > TOLERANCE
    if outside.any():
        row = int(np.argmax(outside))
        low, high = values[row].min(), values[row].max()
        raise UsageError(
            f"Row {row} of the probabilities lies in {low:.6g}..{high:.6g} and sums to "
            f"{sums[row]:.6g}. Expected values in 0..1 that sum to 1: apply a softmax to logits."
        )
    return values


def _checked_labels(labels: npt.ArrayLike, *, shape: tuple[int, ...]) -> npt.NDArray[np.integer]:
    values = np.asarray(labels)
    images, classes = shape
    if values.shape != (images,) or values.dtype.kind not in "iu":
        raise UsageError(
            f"Received labels of shape {values.shape} and dtype {values.dtype}. Expected integers "
            f"of shape ({images},), one class index per image (one-hot labels: take the argmax)."
        )
    if values.min() < 0 or values.max() >= classes:
        raise UsageError(
            f"Received labels in {values.min()}..{values.max()}. Expected 0..{classes - 1}; "
            "leave out images whose label is unknown."
        )
    return values
