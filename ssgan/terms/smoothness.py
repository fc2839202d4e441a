"""Predictions that are steady under small changes."""

import math

import keras
import tensorflow as tf

from ssgan.terms.base import Passes, Term
from ssgan.terms.logits import mean

_PROBE = 0.02  # root mean square of a pixel of the random change; less would be lost in bfloat16


@keras.saving.register_keras_serializable("ssgan")
class VirtualAdversarial(Term):
    """Holds predictions steady along the small change that changes them most (arXiv:1704.03976, section 3.3).

    Args:
        weight: at least 0.
        radius: root mean square of a pixel of the change, for pixels in -1..1.
    """

    name, needs = "virtual_adversarial", ("weak",)
    options = {"weight": "vat_weight", "radius": "vat_radius"}
    radius: float

    def __init__(self, weight: float = 1.0, *, radius: float = 0.05):
        super().__init__(weight, radius=radius)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        images, unchanged = passes.weak.images, passes.weak.logits
        probe = _of_unit_size(keras.random.normal(tf.shape(images), seed=passes.seeds))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(probe)
            logits, _ = discriminator(images + _PROBE * probe, training=False)
            divergence = kl_divergence(unchanged, logits)
        direction = _of_unit_size(tf.stop_gradient(tape.gradient(divergence, probe)))
        stochastic = not discriminator.has_batch_statistics  # which are those of the real images alone
        logits, _ = discriminator(images + self.radius * direction, training=stochastic)
        return kl_divergence(unchanged, logits)


def kl_divergence(target_logits: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Kullback-Leibler divergence of predictions from target predictions, `KL(target || prediction)`.

    With the logits of images as targets, and those of the same images after `r` as predictions, it is the local
    distributional smoothness of virtual adversarial training: Miyato et al. 2018, arXiv:1704.03976, equation 5.

    Args:
        target_logits: class logits, float [batch, K]; no gradient flows into them.
        logits: class logits, float [batch, K].

    Returns:
        float32 scalar in nats, a mean over the rows; 0 when there are none.
    """
    target = tf.nn.log_softmax(tf.stop_gradient(tf.cast(target_logits, tf.float32)))
    difference = target - tf.nn.log_softmax(tf.cast(logits, tf.float32))
    return mean(tf.reduce_sum(tf.exp(target) * difference, axis=-1))


def _of_unit_size(change: tf.Tensor) -> tf.Tensor:
    """Returns each image's change scaled to a root mean square of 1; a gradient may be too small to be squared."""
    change = tf.math.divide_no_nan(change, tf.reduce_max(tf.abs(change), axis=[1, 2, 3], keepdims=True))
    return tf.math.l2_normalize(change, axis=[1, 2, 3]) * math.sqrt(math.prod(change.shape[1:]))
