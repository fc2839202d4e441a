"""Whether probabilities can be believed."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import scipy.optimize
import scipy.special

CALIBRATION_BINS = 15
_TEMPERATURES = (0.05, 20.0)


@dataclasses.dataclass(frozen=True)
class CalibrationBin:
    """The images whose predicted class has a probability within the bin.

    Attributes:
        images: how many.
        confidence: the mean of those probabilities, in 0..1.
        accuracy: the share of right predictions, in 0..1.
    """

    images: int
    confidence: float
    accuracy: float


def calibration_bins(
    confidences: npt.NDArray[np.floating], correct: npt.NDArray[np.bool_]
) -> list[CalibrationBin | None]:
    """Returns what was predicted, and how much of it is right, over 15 bins of equal width, `(b / 15, (b + 1) / 15]`.

    Args:
        confidences: float [images] in 0..1, the probability of the predicted class.
        correct: bool [images], whether the prediction is right.

    Returns:
        One for each bin, None for an empty one.
    """
    inner_edges = np.linspace(0.0, 1.0, CALIBRATION_BINS + 1)[1:-1]
    bins = np.digitize(confidences, inner_edges, right=True)
    counts, sums, hits = (
        np.bincount(bins, weights=weights, minlength=CALIBRATION_BINS).tolist()
        for weights in (None, np.asarray(confidences, np.float64), np.asarray(correct, np.float64))
    )
    return [
        CalibrationBin(count, total / count, right / count) if count else None
        for count, total, right in zip(counts, sums, hits, strict=True)
    ]


def expected_calibration_error(confidences: npt.NDArray[np.floating], correct: npt.NDArray[np.bool_]) -> float:
    """The mean distance between confidence and accuracy over the bins of `calibration_bins`.

    `sum_b n_b / n * |accuracy_b - confidence_b|` (Guo et al. 2017, arXiv:1706.04599, equation 3).

    Args:
        confidences: float [images] in 0..1, the probability of the predicted class.
        correct: bool [images], whether the prediction is right.

    Returns:
        The calibration error in 0..1; 0 is perfectly calibrated.
    """
    bins = filter(None, calibration_bins(confidences, correct))
    return sum(part.images * abs(part.accuracy - part.confidence) for part in bins) / len(confidences)


def best_temperature(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> float:
    """Returns the temperature by which logits are divided to make labels most likely (arXiv:1706.04599, section 4.2).

    Its logarithm has a standard normal prior. That hardly matters where some images are classified wrongly; where none
    is, it keeps the classifier from being taken for one that never errs.

    Args:
        logits: [n, K], of images that were not trained on.
        labels: integer [n] in 0..K - 1.

    Returns:
        A number from 0.05 to 20; above 1, the classifier is surer than it is right.
    """
    logits = np.asarray(logits, np.float64)

    def unlikelihood(log_temperature: float) -> float:
        by_labels = len(labels) * negative_log_likelihood(logits / math.exp(log_temperature), labels)
        return by_labels + log_temperature**2 / 2

    bounds = tuple(map(math.log, _TEMPERATURES))
    return math.exp(scipy.optimize.minimize_scalar(unlikelihood, bounds=bounds, method="bounded").x)


def negative_log_likelihood(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> float:
    """Returns the mean of `-log p(label | image)` in nats.

    Args:
        logits: [n, K].
        labels: integer [n] in 0..K - 1.
    """
    log_probabilities = scipy.special.log_softmax(np.asarray(logits, np.float64), axis=-1)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())
