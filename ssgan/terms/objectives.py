"""What the two networks of a GAN minimise: scalar objectives of the GAN logit `u`, high where an image is real.

The discriminator minimises `E R(u of real) + E F(u of generated)`, the generator `E G(u of generated)`. The GAN logit
is `u = logsumexp(l)`, and `l = u + log softmax(l)`: a loss of `u` alone leaves the class probabilities free.
"""

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ssgan.errors import UsageError
from ssgan.terms.logits import gan_logits

Loss = Callable[[tf.Tensor], tf.Tensor]

_NEWTON_STEPS = 4  # three reach the last digit of float32


@dataclasses.dataclass(frozen=True, kw_only=True)
class Objective:
    """A game between discriminator and generator; each loss is a function of `u`, float [batch] to float32 [batch].

    Attributes:
        real: `R`, the discriminator's loss for real images.
        generated: `F`, its loss for generated ones.
        generator: `G`, the generator's loss.
        smoothed: `R` with one-sided label smoothing (arXiv:1606.03498, section 3.4) of `u` and `s`, 0..0.5; None: there
            is none, since where the target is no probability nobody published what it would be.
        is_log_ratio: whether the best `u` is `log p_data / p_generated`, so that `sigmoid(u)` is the probability of
            "real", as the `K + 1` classes have it.
        needs_lipschitz: whether it has no minimum unless the slope of `u` is bounded.
        grows_exponentially: whether a loss grows as an exponential of `u`: in float32 it is infinite from about 88 on.
        weighs_classes: whether the losses look at the mean class logit in place of `u`, see `scores`.
    """

    real: Loss
    generated: Loss
    generator: Loss
    smoothed: Callable[[tf.Tensor, float], tf.Tensor] | None = None
    is_log_ratio: bool = False
    needs_lipschitz: bool = False
    grows_exponentially: bool = False
    weighs_classes: bool = False

    def scores(self, logits: tf.Tensor, discriminator: keras.Model | None = None) -> tf.Tensor:
        """Returns what the three losses look at: the GAN logit; where it is no log ratio, less `log K`.

        Class logits of 0, at which training begins, have a GAN logit of `log K`: for ten classes 2.3, where hinge is
        flat for real images. The shift puts the beginning at 0 whatever `K`; where the discriminator encodes, the GAN
        logit is the mean of a code, and begins there by itself.

        Where classes are weighed, it is the mean class logit, each by the probability of its class: `u` less the
        entropy of the classes, so that a high score asks for a class that is sure (arXiv:1712.02505, the K+1 critic,
        whose last term is the logit of "generated": 0).

        Args:
            logits: class logits, float [batch, K].
            discriminator: whose logits they are.

        Returns:
            float32 [batch].
        """
        if self.weighs_classes:
            logits = tf.cast(logits, tf.float32)
            return tf.reduce_sum(tf.nn.softmax(logits) * logits, axis=-1)
        begins_at_zero = self.is_log_ratio or bool(getattr(discriminator, "encoding", False))
        return gan_logits(logits) - (0.0 if begins_at_zero else math.log(logits.shape[-1]))


def real_loss(gan_logits: tf.Tensor, *, label_smoothing: float = 0.0) -> tf.Tensor:
    """Cross-entropy of "real" for unlabelled images, `-(1 - s) log D(x) - s log(1 - D(x))`.

    Reference: arXiv:1606.03498, section 5 (`L_unsupervised`) and 3.4 (one-sided label smoothing).

    Args:
        gan_logits: float [batch], see `gan_logits`.
        label_smoothing: `s`, 0..0.5; 0 is the paper's semi-supervised loss.

    Returns:
        float32 [batch] in nats, one loss per row.
    """
    logits = tf.cast(gan_logits, tf.float32)
    return tf.nn.softplus(-logits) + label_smoothing * logits


def generated_loss(gan_logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of "generated" for generated images, `-log(1 - D(G(z)))`.

    Reference: arXiv:1606.03498, section 5 (`L_unsupervised`).

    Args:
        gan_logits: float [batch], see `gan_logits`.

    Returns:
        float32 [batch] in nats, one loss per row.
    """
    return tf.nn.softplus(tf.cast(gan_logits, tf.float32))


def jeffrey_conjugate(u: tf.Tensor) -> tf.Tensor:
    """Conjugate of Jeffrey's `f(r) = (r - 1) log r`: `W + 1 / W + u - 2` with `W = LambertW(exp(1 - u))`.

    Reference: arXiv:1606.00709, supplement. With `w = log W`, which solves `exp(w) + w = 1 - u`, it is
    `exp(-w) - 1 - w`, where nothing overflows before the value itself does, and nothing cancels. Newton's iteration
    begins to the right of the solution and converges from there, by the last step with the exact derivative, `1 / W`.

    Args:
        u: float [batch].

    Returns:
        float32 [batch].
    """
    y = 1 - tf.cast(u, tf.float32)
    w = tf.minimum(y, tf.math.log(tf.maximum(y, 1.0)))
    for _ in range(_NEWTON_STEPS):
        w -= (tf.exp(w) + (w - y)) / (tf.exp(w) + 1)
    return tf.math.expm1(-w) - w


def _objective(real: Loss, generated: Loss, generator: Loss, **properties: Any) -> Objective:
    """Returns an objective of losses that see float32, whatever they are given."""

    def of_float32(loss: Loss) -> Loss:
        # AutoGraph would look for the source of a lambda among several in its line, and warn that it cannot tell.
        return tf.autograph.experimental.do_not_convert(lambda u: loss(tf.cast(u, tf.float32)))

    return Objective(
        real=of_float32(real), generated=of_float32(generated), generator=of_float32(generator), **properties
    )


def _f_gan(g: Loss, conjugate: Loss, **properties: Any) -> Objective:
    """Returns the game of an f-divergence: `R = -g(u)`, `F = f*(g(u))`, `G = -g(u)` (arXiv:1606.00709, section 3.2).

    That generator, in place of the `-F` of equation 8, has a slope of the right sign everywhere: `F` of Pearson's
    divergence rises again below -2. `conjugate` is `f*(g(u))`.
    """

    def minus_g(u):
        return -g(u)

    return _objective(minus_g, conjugate, minus_g, **properties)


def _smoothed_square(u: tf.Tensor, label_smoothing: float) -> tf.Tensor:
    return 0.5 * tf.square(tf.cast(u, tf.float32) - (1 - label_smoothing))


_GAN: dict[str, Any] = {"smoothed": lambda u, s: real_loss(u, label_smoothing=s), "is_log_ratio": True}

OBJECTIVES: dict[str, Objective] = {
    # Goodfellow et al. 2014, arXiv:1406.2661: section 3, and equation 1 with a generator that may saturate.
    "gan": _objective(real_loss, generated_loss, real_loss, **_GAN),
    "gan_saturating": _objective(real_loss, generated_loss, lambda u: -generated_loss(u), **_GAN),
    # Mao et al. 2016, "Least Squares GAN", arXiv:1611.04076: targets 0, 1, 1 and -1, 1, 0.
    "lsgan": _objective(
        lambda u: 0.5 * tf.square(u - 1),
        lambda u: 0.5 * tf.square(u),
        lambda u: 0.5 * tf.square(u - 1),
        smoothed=_smoothed_square,
    ),
    "lsgan_symmetric": _objective(
        lambda u: 0.5 * tf.square(u - 1), lambda u: 0.5 * tf.square(u + 1), lambda u: 0.5 * tf.square(u)
    ),
    # Lim and Ye 2017, "Geometric GAN", arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957.
    "hinge": _objective(lambda u: tf.nn.relu(1 - u), lambda u: tf.nn.relu(1 + u), lambda u: -u),
    # Arjovsky et al. 2017, "Wasserstein GAN", arXiv:1701.07875, equation 2.
    "wasserstein": _objective(lambda u: -u, lambda u: u, lambda u: -u, needs_lipschitz=True),
    # Sercu and Mroueh 2017, arXiv:1712.02505: the same difference of means, of a critic that weighs the classes.
    "ipm": _objective(lambda u: -u, lambda u: u, lambda u: -u, needs_lipschitz=True, weighs_classes=True),
    # arXiv:2002.00865.
    "exponential": _objective(
        lambda u: tf.exp(-u / 2),
        lambda u: tf.exp(u / 2),
        lambda u: -tf.exp(u / 2),
        is_log_ratio=True,
        grows_exponentially=True,
    ),
    # Nowozin et al. 2016, "f-GAN", arXiv:1606.00709, tables 1 and 2, and its supplement: g(u), then f*(g(u)).
    "kl": _f_gan(lambda u: u, lambda u: tf.exp(u - 1), grows_exponentially=True),
    "reverse_kl": _f_gan(lambda u: -tf.exp(-u), lambda u: u - 1, is_log_ratio=True, grows_exponentially=True),
    "pearson": _f_gan(lambda u: u, lambda u: tf.square(u) / 4 + u),
    "neyman": _f_gan(lambda u: -tf.math.expm1(-u), lambda u: -2 * tf.math.expm1(-u / 2), grows_exponentially=True),
    "hellinger": _f_gan(lambda u: -tf.math.expm1(-u), tf.math.expm1, grows_exponentially=True),
    "js": _f_gan(
        lambda u: math.log(2) - tf.nn.softplus(-u), lambda u: tf.nn.softplus(u) - math.log(2), is_log_ratio=True
    ),
    "tv": _f_gan(lambda u: 0.5 * tf.tanh(u), lambda u: 0.5 * tf.tanh(u)),
    "jeffrey": _f_gan(lambda u: u, jeffrey_conjugate, grows_exponentially=True),
}
"""The objectives by name: the GAN, least squares, hinge, Wasserstein, IPM, and the f-divergences of f-GAN."""


def check_objective(
    name: str, *, label_smoothing: float = 0.0, has_gradient_penalty: bool = False, has_slope_penalty: bool = False
) -> None:
    """Raises a UsageError for an objective that cannot be trained so, and warns of one that may overflow.

    Args:
        name: of an objective.
        label_smoothing: one-sided, 0..0.5.
        has_gradient_penalty: whether a gradient penalty takes part, which bounds the slope of the discriminator.
            Spectral normalisation of its convolutions does not: the gain of the class logits is free.
        has_slope_penalty: whether any penalty on the slope takes part.
    """
    if name not in OBJECTIVES:
        raise UsageError(f"objective={name[:100]!r}: expected one of {', '.join(OBJECTIVES)}")
    objective = OBJECTIVES[name]
    if label_smoothing and objective.smoothed is None:
        smoothed = ", ".join(known for known, one in OBJECTIVES.items() if one.smoothed is not None)
        raise UsageError(
            f"label_smoothing={label_smoothing} with the objective {name}, whose target is no probability; expected "
            f"label_smoothing=0, or one of {smoothed}"
        )
    if objective.needs_lipschitz and not has_gradient_penalty:
        raise UsageError(
            f"the objective {name} has no minimum unless the slope of the discriminator is bounded; add a gradient "
            "penalty"
        )
    if objective.grows_exponentially and not has_slope_penalty:
        warnings.warn(
            f"the objective {name} grows exponentially, and may overflow; a penalty on the slope of the discriminator, "
            "such as R1, keeps it small",
            stacklevel=2,
        )
