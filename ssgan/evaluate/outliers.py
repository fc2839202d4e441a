"""How unlike the training images an image is: scores from class logits, and from which score on it is an outlier."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ssgan.terms import gan_logits

KEPT = 0.95  # of images that are none

# Of class logits [..., K] to scores [...] in 0..1, the higher the less like the training images.
SCORES: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    # The probability that the image is generated (arXiv:1606.03498, section 5); without a generator, the energy score
    # (arXiv:2010.03759), squashed.
    "gan": lambda logits: tf.sigmoid(-gan_logits(logits)),
    "max_logit": lambda logits: tf.sigmoid(-tf.reduce_max(logits, axis=-1)),  # arXiv:1911.11132
    "max_softmax": lambda logits: 1 - tf.reduce_max(tf.nn.softmax(logits), axis=-1),  # arXiv:1610.02136
}


def thresholds(logits: npt.NDArray[np.float32]) -> dict[str, float]:
    """Returns for each score the least value that 95 % of some images do not exceed; above it an image is an outlier.

    Args:
        logits: [n, K], of images like those of the training, but not among them.
    """
    return {name: float(np.quantile(score(logits), KEPT, method="inverted_cdf")) for name, score in SCORES.items()}
