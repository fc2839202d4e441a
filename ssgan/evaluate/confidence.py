"""What held-out images say of a classifier beyond its error: how sure it may be, and what is an outlier to it."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import scipy.special

from ssgan.errors import UsageError
from ssgan.evaluate.calibration import best_temperature
from ssgan.evaluate.classification import evaluate
from ssgan.evaluate.outliers import SCORES, thresholds
from ssgan.store import files

FILE = "calibration.json"
_BATCH = 250  # images
LEAST_IMAGES = 200  # with fewer, neither a temperature nor a twentieth of the images is known well enough


def measure(logits_of: keras.Model, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.integer]) -> dict[str, Any]:
    """Returns the temperature of a classifier, its figures before and after, and the thresholds of outlier scores.

    Args:
        logits_of: of images to logits [n, K].
        images: [n, height, width, channels], not trained on.
        labels: [n] in 0..K - 1.
    """
    logits = predicted(logits_of, images)
    temperature = best_temperature(logits, labels)
    return {
        "images": len(images),
        "temperature": temperature,
        "before": _figures(logits, labels),
        "after": _figures(logits / temperature, labels),
        "outlier_thresholds": thresholds(logits),
    }


def predicted(model: keras.Model, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Returns what a model gives for images, some hundred at a time."""
    parts = (images[start : start + _BATCH] for start in range(0, len(images), _BATCH))
    return np.concatenate([np.asarray(model(part, training=False)) for part in parts])


def read(run_dir: Path) -> dict[str, Any]:
    """Returns what `measure` found at the end of a run.

    Raises:
        UsageError: if there is none, or the file is damaged.
    """
    path = run_dir / FILE
    if not path.exists():
        raise UsageError(
            f"{run_dir} has no {FILE}; expected a run of version 0.6 or later that held out at least {LEAST_IMAGES} "
            "images: train with --validation=500, on your own pictures also with --labels=N, fewer than there are"
        )
    found = files.read_json(path)
    names = found.get("outlier_thresholds")
    if not isinstance(names, dict) or names.keys() != SCORES.keys():
        raise UsageError(f"{path}: outlier_thresholds is {str(names)[:100]}; expected {', '.join(SCORES)}")
    for key, value in {"temperature": found.get("temperature"), **names}.items():
        if not isinstance(value, float) or not 0 <= value <= 100 or (key == "temperature" and value == 0):
            above = "above 0, at most 100" if key == "temperature" else "from 0 to 100"
            raise UsageError(f"{path}: {key} is {str(value)[:100]}; expected a number {above}")
    return found


def _figures(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> dict[str, float]:
    probabilities = scipy.special.softmax(np.asarray(logits, np.float64), axis=-1)
    found = evaluate(probabilities, labels, class_names=[str(number) for number in range(logits.shape[1])])
    return {
        "negative_log_likelihood": found.negative_log_likelihood,
        "calibration_error": found.calibration_error,
    }
