"""Real or generated: the unsupervised losses of the two networks."""

import keras
import tensorflow as tf

from ssgan.terms.base import Passes, Term
from ssgan.terms.logits import mean
from ssgan.terms.objectives import OBJECTIVES


@keras.saving.register_keras_serializable("ssgan")
class Adversarial(Term):
    """Half the losses of real and of generated images: with the objective `gan`, the cross-entropies of "real" and of
    "generated", `L_unsupervised` of arXiv:1606.03498, section 5.

    Args:
        weight: at least 0.
        objective: a name of `ssgan.terms.OBJECTIVES`.
        label_smoothing: one-sided smoothing of the target of real images, 0..0.5 (section 3.4).
    """

    name, needs = "adversarial", ("real", "generated")
    options = {"weight": "gan_weight", "objective": "objective", "label_smoothing": "label_smoothing"}
    objective: str
    label_smoothing: float

    def __init__(self, weight: float = 1.0, *, objective: str = "gan", label_smoothing: float = 0.0):
        super().__init__(weight, objective=objective, label_smoothing=label_smoothing)
        if OBJECTIVES[objective].is_log_ratio:
            self.watched = ("real_probability", "generated_probability")

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        game = OBJECTIVES[self.objective]
        real, generated = (game.scores(rows.relative_logits) for rows in (passes.real, passes.generated))
        of_real = game.smoothed(real, self.label_smoothing) if game.smoothed else game.real(real)
        return 0.5 * (mean(of_real) + mean(game.generated(generated)))

    def figures(self, passes: Passes) -> dict[str, tuple[tf.Tensor, tf.Tensor | None]]:
        """Returns `real_probability` and `generated_probability`, D(x) and D(G(z)), where they are probabilities."""
        rows = (passes.real, passes.generated)
        return {name: (tf.sigmoid(one.gan_logits), None) for name, one in zip(self.watched, rows, strict=False)}


@keras.saving.register_keras_serializable("ssgan")
class GeneratorAdversarial(Term):
    """The generator's side of an objective: generated images shall be taken for real ones.

    Args:
        weight: at least 0.
        objective: a name of `ssgan.terms.OBJECTIVES`, customarily that of `Adversarial`.
    """

    name, needs = "generator_adversarial", ("generated",)
    options = {"weight": "adversarial_weight", "objective": "objective"}
    objective: str

    def __init__(self, weight: float = 1.0, *, objective: str = "gan"):
        super().__init__(weight, objective=objective)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        game = OBJECTIVES[self.objective]
        return mean(game.generator(game.scores(passes.generated.relative_logits)))
