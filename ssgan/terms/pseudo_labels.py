"""Confident predictions as labels."""

import keras
import tensorflow as tf

from ssgan import replicas
from ssgan.errors import UsageError
from ssgan.terms.base import Passes, Term
from ssgan.terms.logits import mean

_KEPT = 0.99  # of the frequencies so far, in a step
_LEAST = 1e-6  # frequency


@keras.saving.register_keras_serializable("ssgan")
class PseudoLabels(Term):
    """Holds predictions for the strong views to the confident ones for the weak views (FixMatch, arXiv:2001.07685).

    Aligned, the predictions are first made as frequent in each class as the labels are (distribution alignment,
    ReMixMatch, arXiv:1911.09785, section 3.2). With very few labels this keeps one class from taking another one's
    images; where there are enough, and the classes of the unlabelled images differ from those of the labels, it costs.

    Args:
        weight: at least 0.
        threshold: probability from which on a prediction is confident, 0..1.
        alignment: exponent of the ratio of frequencies by which the probabilities are multiplied, 0..1: 0 leaves them
            as they are, 1 is the paper's.
    """

    network = "discriminator"
    name, needs = "pseudo_labels", ("unlabeled", "weak")
    options = {
        "weight": "pseudo_label_weight",
        "threshold": "pseudo_label_threshold",
        "alignment": "pseudo_label_alignment",
    }
    threshold: float
    alignment: float
    watched = ("confident",)
    history: "ClassFrequencies | None" = None

    def __init__(self, weight: float = 1.0, *, threshold: float = 0.95, alignment: float = 0.0):
        super().__init__(weight, threshold=threshold, alignment=alignment)

    def follow(self, network: keras.Model) -> None:
        """Begins the frequencies of the classes, where predictions are aligned."""
        if self.alignment:
            self.history = ClassFrequencies(network.num_classes, name=f"{self.name}_frequencies")

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        if self.alignment:
            self._followed().update(passes)
        return pseudo_label_loss(passes.unlabeled.logits, self._targets(passes), threshold=self.threshold)

    def figures(self, passes: Passes) -> dict[str, tuple[tf.Tensor, tf.Tensor | None]]:
        """Returns `confident`, the share of predictions that count, 0..1."""
        return {"confident": (is_confident(self._targets(passes), self.threshold), None)}

    def _targets(self, passes: Passes) -> tf.Tensor:
        if not self.alignment:
            return passes.weak.logits
        return aligned_logits(passes.weak.logits, self._followed().log_ratios(), alignment=self.alignment)

    def _followed(self) -> "ClassFrequencies":
        if self.history is None:
            raise UsageError(f"{self.name} follows no network; call follow(network) first")
        return self.history


class ClassFrequencies(keras.layers.Layer):
    """How frequent each class is, among labels and in predictions: moving averages over steps, equal at first.

    Args:
        num_classes: K.
        **kwargs: of `keras.layers.Layer`.

    Attributes:
        labels, predictions: float32 [K], each of sum 1.
    """

    def __init__(self, num_classes: int, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        equal = keras.initializers.Constant(1 / num_classes)
        self.labels, self.predictions = (
            self.add_weight(
                name=name,
                shape=(num_classes,),
                initializer=equal,
                trainable=False,
                aggregation="only_first_replica",
            )
            for name in ("labels", "predictions")
        )
        self.built = True

    def update(self, passes: Passes) -> None:
        """Takes in the labels of a step, where it has some, and what is predicted for the weak views."""
        _move(self.predictions, tf.nn.softmax(tf.cast(passes.weak.logits, tf.float32)))
        if passes.labels is not None:
            shown = tf.boolean_mask(passes.labels, passes.labels >= 0)
            _move(self.labels, tf.one_hot(shown, self.labels.shape[0]))

    def log_ratios(self) -> tf.Tensor:
        """Returns the logarithms of the frequencies of labels over those of predictions, float32 [K]."""
        wanted, predicted = (tf.math.log(tf.maximum(part, _LEAST)) for part in (self.labels, self.predictions))
        return wanted - predicted


def _move(average: keras.Variable, rows: tf.Tensor) -> None:
    """Moves an average, [K], a little towards the mean of rows, [n, K], of all replicas; not where there are none."""
    summed, count = replicas.total([tf.reduce_sum(rows, axis=0), tf.cast(tf.shape(rows)[0], tf.float32)])
    step = tf.where(count > 0, 1 - _KEPT, 0.0)
    average.assign_add(step * (tf.math.divide_no_nan(summed, count) - average))


def aligned_logits(logits: tf.Tensor, log_ratios: tf.Tensor, *, alignment: float) -> tf.Tensor:
    """Returns logits whose probabilities are multiplied by ratios of frequencies: arXiv:1911.09785, section 3.2.

    Args:
        logits: class logits, float [batch, K].
        log_ratios: of the classes' frequencies, wanted over predicted, float32 [K].
        alignment: exponent of the ratios, 0..1.

    Returns:
        float32 [batch, K].
    """
    return tf.cast(logits, tf.float32) + alignment * log_ratios


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
