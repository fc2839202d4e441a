"""Real or generated: the unsupervised losses of the two networks."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from ssgan.augment import chance
from ssgan.terms.base import Passes, Term
from ssgan.terms.logits import mean
from ssgan.terms.objectives import OBJECTIVES, Loss, check_objective
from ssgan.terms.penalties import GradientPenalty, SlopePenalty


@keras.saving.register_keras_serializable("ssgan")
class Adversarial(Term):
    """Half the losses of real and of generated images: with the objective `gan`, the cross-entropies of "real" and of
    "generated", `L_unsupervised` of arXiv:1606.03498, section 5.

    Args:
        weight: at least 0.
        objective: a name of `ssgan.terms.OBJECTIVES`.
        label_smoothing: one-sided smoothing of the target of real images, 0..0.5 (section 3.4).
        label_noise: share of the images, 0..0.49, drawn anew in each step, whose loss is that of the other kind: some
            real ones are called generated, and some generated ones real. Customary rather than published; the best
            discriminator of the objective `gan` then keeps to `|u| <= log((1 - p) / p)`.
    """

    network = "discriminator"
    name, needs = "adversarial", ("real", "generated")
    options = {
        "weight": "gan_weight",
        "objective": "objective",
        "label_smoothing": "label_smoothing",
        "label_noise": "label_noise",
    }
    objective: str
    label_smoothing: float
    label_noise: float

    def __init__(
        self, weight: float = 1.0, *, objective: str = "gan", label_smoothing: float = 0.0, label_noise: float = 0.0
    ):
        super().__init__(weight, objective=objective, label_smoothing=label_smoothing, label_noise=label_noise)
        if OBJECTIVES[objective].is_log_ratio:
            self.watched = ("real_probability", "generated_probability")

    def check(self, discriminator: keras.Model, generator: keras.Model, terms: Sequence[Term]) -> None:
        """Raises a UsageError for an objective that cannot be trained so, see `check_objective`."""
        penalties = [term for term in terms if isinstance(term, SlopePenalty) and term.weight]
        has_gradient_penalty = any(isinstance(term, GradientPenalty) for term in penalties)
        check_objective(
            self.objective,
            label_smoothing=self.label_smoothing,
            has_gradient_penalty=has_gradient_penalty,
            has_slope_penalty=bool(penalties),
        )

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        game = OBJECTIVES[self.objective]
        real, generated = (game.scores(rows.relative_logits, discriminator) for rows in (passes.real, passes.generated))

        def as_real(scores):
            return game.smoothed(scores, self.label_smoothing) if game.smoothed else game.real(scores)

        of_real = self._noisy(real, as_real, game.generated, passes.seeds)
        of_generated = self._noisy(generated, game.generated, as_real, passes.seeds)
        return 0.5 * (mean(of_real) + mean(of_generated))

    def _noisy(self, scores: tf.Tensor, loss: Loss, other: Loss, seeds: keras.random.SeedGenerator) -> tf.Tensor:
        """Returns the losses of rows, that of the other kind in the share `label_noise` of them."""
        if not self.label_noise:
            return loss(scores)
        draws = chance.of_images(keras.random.uniform, tf.unstack(tf.shape(scores)), seeds)
        return exchanged(scores, loss, other, draws < self.label_noise)

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

    network = "generator"
    name, needs = "generator_adversarial", ("generated",)
    options = {"weight": "adversarial_weight", "objective": "objective"}
    objective: str

    def __init__(self, weight: float = 1.0, *, objective: str = "gan"):
        super().__init__(weight, objective=objective)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        game = OBJECTIVES[self.objective]
        return mean(game.generator(game.scores(passes.generated.relative_logits, discriminator)))


def exchanged(scores: tf.Tensor, loss: Loss, other: Loss, mask: tf.Tensor) -> tf.Tensor:
    """Returns one loss of each row, `other` where the mask is true; neither is computed where it does not count.

    So a loss that would overflow there, as those that grow exponentially may, leaves no NaN in the gradient.

    Args:
        scores: `u`, float [rows].
        loss, other: functions of `u`.
        mask: bool [rows].

    Returns:
        float32 [rows].
    """
    nothing = tf.zeros_like(scores)
    return tf.where(mask, other(tf.where(mask, scores, nothing)), loss(tf.where(mask, nothing, scores)))
