"""Whether probabilities can be believed."""

import dataclasses

import numpy as np
import numpy.typing as npt

CALIBRATION_BINS = 15


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
