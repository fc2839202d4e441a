"""How frequent each class is among images without labels, where the labels say another thing: as many of each, say."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import scipy.special

from ssgan.classifier import logits_of, shift_logits
from ssgan.evaluate.calibration import best_temperature, negative_log_likelihood
from ssgan.evaluate.confidence import predicted

_MOST_IMAGES = 10_000  # without a label, by which the frequencies are estimated
_ITERATIONS = 1000
_SETTLED = 1e-7  # of a frequency, in an iteration
_LEAST = 1e-4  # a class that is nowhere predicted may yet be there


def correct(
    classifier: keras.Model,
    unlabeled: npt.NDArray[np.uint8],
    held_out: tuple[npt.NDArray[np.uint8], npt.NDArray[np.integer]],
    trained_labels: npt.NDArray[np.integer],
) -> dict[str, Any]:
    """Corrects the bias of a classifier whose labels had other class frequencies than the images without labels have.

    To each logit is added `T log(q / p)`, T the temperature that fits the held-out images: then the calibrated
    probabilities are multiplied by `q / p`. The classifier stays as it was unless that makes the held-out images
    likelier.

    Args:
        classifier: from `ssgan.to_classifier`.
        unlabeled: images without labels, [n, height, width, channels].
        held_out: images and labels that were not trained on, [m, height, width, channels] and [m].
        trained_labels: those that were trained on, integer [k]; p are the class frequencies among them.

    Returns:
        `frequencies`, q, estimated of each class; `is_taken`, whether the classifier has another bias now; `before` and
        `after`, the negative log-likelihood of the held-out images in nats with either, at the temperature T.
    """
    model, (images, labels) = logits_of(classifier), held_out
    logits = predicted(model, images)
    temperature = best_temperature(logits, labels)
    classes = logits.shape[1]
    known = _frequencies(np.bincount(trained_labels, minlength=classes))
    frequencies = estimate_frequencies(scipy.special.softmax(predicted(model, unlabeled) / temperature, axis=-1), known)
    log_ratios = np.log(frequencies / known)
    before = negative_log_likelihood(logits / temperature, labels)
    after = negative_log_likelihood(logits / temperature + log_ratios, labels)
    is_taken = after < before
    if is_taken:
        shift_logits(classifier, temperature * log_ratios)
    return {"frequencies": frequencies.tolist(), "is_taken": is_taken, "before": before, "after": after}


def estimate_frequencies(
    probabilities: npt.NDArray[np.floating], label_frequencies: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Returns the class frequencies under which images are most likely, by expectation maximisation.

    Reference: Saerens, Latinne & Decaestecker 2002, "Adjusting the outputs of a classifier to new a priori
    probabilities: a simple procedure", section 2.2.

    Args:
        probabilities: [n, K], predicted for images without labels, calibrated.
        label_frequencies: [K], the class frequencies that the classifier was trained with; above 0, of sum 1.

    Returns:
        [K], of sum 1; none much below 1e-4 / K.
    """
    relative = np.asarray(probabilities, np.float64) / label_frequencies
    prior = np.asarray(label_frequencies, np.float64)
    for _ in range(_ITERATIONS):
        posterior = relative * prior
        posterior /= posterior.sum(axis=1, keepdims=True)
        before, prior = prior, posterior.mean(axis=0)
        if abs(prior - before).max() < _SETTLED:
            break
    return _frequencies(prior)


def some(rows: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Returns rows of images without a label, evenly spaced, as many as are looked at."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_IMAGES)).astype(int)]


def _frequencies(counts: npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
    """Returns counts as frequencies of sum 1, none of them 0."""
    shares = np.maximum(counts / counts.sum(), _LEAST / len(counts))
    return shares / shares.sum()
