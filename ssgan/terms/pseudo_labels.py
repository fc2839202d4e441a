"""Confident predictions as labels."""

import keras
import tensorflow as tf

from ssgan.terms.base import Passes, Term
from ssgan.terms.logits import mean


@keras.saving.register_keras_serializable("ssgan")
class PseudoLabels(Term):
    """Holds predictions for the strong views to the confident ones for the weak views (FixMatch, arXiv:2001.07685).

    Args:
        weight: at least 0.
        threshold: probability from which on a prediction is confident, 0..1.
    """

    network = "discriminator"
    name, needs = "pseudo_labels", ("unlabeled", "weak")
    options = {"weight": "pseudo_label_weight", "threshold": "pseudo_label_threshold"}
    threshold: float
    watched = ("confident",)

    def __init__(self, weight: float = 1.0, *, threshold: float = 0.95):
        super().__init__(weight, threshold=threshold)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        return pseudo_label_loss(passes.unlabeled.logits, passes.weak.logits, threshold=self.threshold)

    def figures(self, passes: Passes) -> dict[str, tuple[tf.Tensor, tf.Tensor | None]]:
        """Returns `confident`, the share of predictions that count, 0..1."""
        return {"confident": (is_confident(passes.weak.logits, self.threshold), None)}


def is_confident(logits: tf.Tensor, threshold: float) -> tf.Tensor:
    """Returns which predictions reach a probability, bool [batch], of class logits float [batch, K]."""
    return tf.reduce_max(tf.nn.softmax(tf.cast(logits, tf.float32)), axis=-1) >= threshold


def pseudo_label_loss(logits: tf.Tensor, weak_logits: tf.Tensor, *, threshold: float) -> tf.Tensor:
    """Cross-entropy of a strongly changed view against the confident predictions for the weak view.

    Reference: Sohn et al. 2020, "FixMatch", arXiv:2001.07685, equation 4.

    Args:
        logits: class logits of the strong views, float [batch, K].
        weak_logits: class logits of the weak views of the same images, float [batch, K]; no gradient flows into them.
        threshold: probability, 0..1, from which on a prediction counts as a label.

    Returns:
        float32 scalar in nats: a sum over the confident rows, divided by all rows (0 when there are no rows).
    """
    weak_logits = tf.stop_gradient(weak_logits)
    targets = tf.argmax(weak_logits, axis=-1)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=tf.cast(logits, tf.float32))
    return mean(tf.where(is_confident(weak_logits, threshold), losses, 0.0))
