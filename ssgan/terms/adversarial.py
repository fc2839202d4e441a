"""Real or generated: the unsupervised loss of the discriminator."""

import keras
import tensorflow as tf

from ssgan.terms.base import Passes, Term
from ssgan.terms.logits import mean
from ssgan.terms.objectives import generated_loss, real_loss


@keras.saving.register_keras_serializable("ssgan")
class Adversarial(Term):
    """Half the cross-entropies of "real" and of "generated": `L_unsupervised` of arXiv:1606.03498, section 5.

    Args:
        weight: at least 0.
        label_smoothing: one-sided smoothing of the target of real images, 0..0.5 (section 3.4).
    """

    name, needs = "adversarial", ("real", "generated")
    options = {"weight": "gan_weight", "label_smoothing": "label_smoothing"}
    label_smoothing: float
    watched = ("real_probability", "generated_probability")

    def __init__(self, weight: float = 1.0, *, label_smoothing: float = 0.0):
        super().__init__(weight, label_smoothing=label_smoothing)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        real = real_loss(passes.real.gan_logits, label_smoothing=self.label_smoothing)
        return 0.5 * (mean(real) + mean(generated_loss(passes.generated.gan_logits)))

    def figures(self, passes: Passes) -> dict[str, tuple[tf.Tensor, tf.Tensor | None]]:
        """Returns `real_probability` and `generated_probability`: D(x) and D(G(z)), 0..1."""
        return {
            "real_probability": (tf.sigmoid(passes.real.gan_logits), None),
            "generated_probability": (tf.sigmoid(passes.generated.gan_logits), None),
        }
