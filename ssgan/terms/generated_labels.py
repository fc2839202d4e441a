"""Generated images as labelled ones."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from ssgan.errors import UsageError
from ssgan.terms.base import Passes, Term, needs_classes
from ssgan.terms.logits import mean


@keras.saving.register_keras_serializable("ssgan")
class GeneratedLabels(Term):
    """Generated images, in their strong view, are of the class that was asked for, where the discriminator agrees.

    Reference: Li et al. 2017, "Triple generative adversarial nets", arXiv:1703.02291, the pseudo
    discriminative loss, which is likewise left out until the generator draws something.

    Args:
        weight: at least 0; the paper's code takes 0.03.
        threshold: probability of the class that was asked for, 0..1, from which on an image is learned
            from; not of the paper.
        start: step from which on it has a part; until then it is 0, and takes no time.
    """

    network = "discriminator"
    name, needs = "generated_labels", ("generated",)
    options = {"weight": "generated_labels", "threshold": "pseudo_label_threshold", "start": None}
    threshold: float
    start: int
    watched = ("generated_confident",)

    def __init__(self, weight: float = 1.0, *, threshold: float = 0.95, start: int = 0):
        super().__init__(weight, threshold=threshold, start=start)

    def check(self, discriminator: keras.Model, generator: keras.Model, terms: Sequence[Term]) -> None:
        """Raises a UsageError for a discriminator with batch norm, and for a generator that is not conditional."""
        needs_classes(self, generator)
        if discriminator.has_batch_statistics:
            raise UsageError(
                "GeneratedLabels passes the generated images once more, and batch norm would have other statistics "
                "then; take another discriminator"
            )

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        def loss() -> tf.Tensor:
            logits, _ = discriminator(passes.generated.strong, training=True)
            return generated_label_loss(logits, passes.generated.classes, self._agreed(passes))

        return tf.cond(passes.step >= self.start, loss, lambda: tf.constant(0.0))

    def figures(self, passes: Passes) -> dict[str, tuple[tf.Tensor, tf.Tensor | None]]:
        """Returns `generated_confident`, the share of generated images that count, 0..1."""
        return {"generated_confident": (self._agreed(passes), None)}

    def _agreed(self, passes: Passes) -> tf.Tensor:
        generated = passes.generated
        return is_of_class(generated.logits, generated.classes, threshold=self.threshold)


def is_of_class(logits: tf.Tensor, classes: tf.Tensor, *, threshold: float) -> tf.Tensor:
    """Returns whether the probability of a class, among the `K`, reaches a threshold.

    Args:
        logits: float [batch, K].
        classes: int [batch], 0..K - 1.
        threshold: 0..1.

    Returns:
        bool [batch].
    """
    probabilities = tf.nn.softmax(tf.cast(logits, tf.float32))
    return tf.gather(probabilities, classes, batch_dims=1) >= threshold


def generated_label_loss(logits: tf.Tensor, classes: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of generated images against the classes that were asked for.

    Args:
        logits: of the discriminator, float [batch, K].
        classes: int [batch], 0..K - 1.
        counts: rows that count, bool [batch].

    Returns:
        float32 scalar in nats: a sum over the rows that count, divided by all rows.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=tf.cast(logits, tf.float32))
    return mean(tf.where(counts, losses, 0.0))
