"""The labels."""

import keras
import tensorflow as tf

from ssgan.terms.base import Passes, Term
from ssgan.terms.logits import masked_mean


@keras.saving.register_keras_serializable("ssgan")
class Supervised(Term):
    """Cross-entropy of the labels that are visible: `L_supervised` of arXiv:1606.03498, section 5.

    Args:
        weight: at least 0.
    """

    network = "discriminator"
    name, needs, options = "supervised", ("labeled",), {"weight": "gan_weight"}
    watched = ("labeled_accuracy",)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        return supervised_loss(passes.labeled.logits, passes.labels, passes.labels >= 0)

    def figures(self, passes: Passes) -> dict[str, tuple[tf.Tensor, tf.Tensor | None]]:
        """Returns `labeled_accuracy`, 0..1."""
        predicted = tf.argmax(passes.labeled.logits, axis=-1, output_type=tf.int32)
        correct = tf.equal(predicted, passes.labels)  # ==, of a length and one not known, would have no static rank
        return {"labeled_accuracy": (correct, passes.labels >= 0)}


def supervised_loss(logits: tf.Tensor, labels: tf.Tensor, label_mask: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of the class labels, a mean over the labelled rows.

    Reference: arXiv:1606.03498, section 5, `L_supervised = -E log p(y | x, y < K + 1)`.

    Args:
        logits: class logits, float [batch, K].
        labels: integer [batch]; where `label_mask` is false any value is allowed and none is read.
        label_mask: bool [batch], true where the label may be used.

    Returns:
        float32 scalar in nats; 0 when no row is labelled.
    """
    visible = tf.where(label_mask, tf.cast(labels, tf.int32), 0)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=visible, logits=tf.cast(logits, tf.float32))
    return masked_mean(losses, label_mask)
