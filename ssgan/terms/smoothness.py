"""Predictions that are steady under small changes."""

import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from ssgan.augment import chance
from ssgan.errors import UsageError
from ssgan.terms.base import Passes, Term
from ssgan.terms.logits import mean
from ssgan.terms.supervised import supervised_loss

_PROBE = 0.02  # root mean square of a pixel of the random change; less would be lost in bfloat16
_FEATURE_WEIGHT = 0.1  # of the second part of the consistency term, in proportion to the first


@keras.saving.register_keras_serializable("ssgan")
class VirtualAdversarial(Term):
    """Holds predictions steady along the small change that changes them most (arXiv:1704.03976, section 3.3).

    Args:
        weight: at least 0.
        radius: root mean square of a pixel of the change, for pixels in -1..1.
    """

    network = "discriminator"
    name, needs = "virtual_adversarial", ("weak",)
    options = {"weight": "vat_weight", "radius": "vat_radius"}
    radius: float

    def __init__(self, weight: float = 1.0, *, radius: float = 0.05):
        super().__init__(weight, radius=radius)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        images, unchanged = passes.weak.images, passes.weak.logits
        shape = tf.unstack(tf.shape(images))
        probe = _of_unit_size(chance.of_images(keras.random.normal, shape, passes.seeds))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(probe)
            logits, _ = discriminator(images + _PROBE * probe, training=False)
            divergence = kl_divergence(unchanged, logits)
        direction = _of_unit_size(tf.stop_gradient(tape.gradient(divergence, probe)))
        stochastic = not discriminator.has_batch_statistics  # which are those of the real images alone
        logits, _ = discriminator(images + self.radius * direction, training=stochastic)
        return kl_divergence(unchanged, logits)


@keras.saving.register_keras_serializable("ssgan")
class AdversarialExamples(Term):
    """Cross-entropy of the labels after the small change of each image that raises it most.

    Reference: Goodfellow et al. 2014, arXiv:1412.6572, section 4 (`sign`: the fast gradient sign method), and Miyato
    et al. 2016, arXiv:1605.07725, section 3 (`l2`: the fast gradient method). No gradient flows into the change.

    Args:
        weight: at least 0.
        radius: root mean square of a pixel of the change, for pixels in -1..1; of either norm.
        norm: `l2`, in the direction of the gradient, or `sign`, by which every pixel changes equally.
    """

    network = "discriminator"
    name, needs = "adversarial_examples", ("labeled",)
    options = {
        "weight": "adversarial_examples_weight",
        "radius": "vat_radius",
        "norm": "adversarial_examples_norm",
    }
    radius: float
    norm: str

    def __init__(self, weight: float = 1.0, *, radius: float = 0.05, norm: str = "l2"):
        super().__init__(weight, radius=radius, norm=norm)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        images, labels = passes.labeled.images, passes.labels
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            loss = supervised_loss(discriminator(images, training=False)[0], labels, labels >= 0)
        change = steepest_change(tape.gradient(loss, images), radius=self.radius, norm=self.norm)
        stochastic = not discriminator.has_batch_statistics  # which are those of the unchanged images
        return supervised_loss(discriminator(images + change, training=stochastic)[0], labels, labels >= 0)


@keras.saving.register_keras_serializable("ssgan")
class ConsistencyTerm(Term):
    """Holds predictions and features of unlabelled images steady under dropout and noise.

    Reference: Wei et al. 2018, "Improving the Improved Training of Wasserstein GANs", arXiv:1803.01541, and
    its semi-supervised code. The images are passed through the discriminator once more.

    Args:
        weight: at least 0; the code of the paper takes 0.5.
    """

    network = "discriminator"
    name, needs, options = "consistency_term", ("unlabeled",), {"weight": "consistency_term_weight"}

    def check(self, discriminator: keras.Model, generator: keras.Model, terms: Sequence[Term]) -> None:
        """Raises a UsageError for a discriminator with batch norm, or one whose two passes would be the same."""
        if discriminator.has_batch_statistics:
            raise UsageError(
                "ConsistencyTerm passes the unlabelled images once more, and batch norm would have other statistics "
                "then; take another discriminator"
            )
        if not _is_random(discriminator):
            raise UsageError(
                "ConsistencyTerm compares two passes, which are the same without dropout or noise; take another "
                "discriminator"
            )

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        first = passes.unlabeled
        return consistency(first.logits, first.features, *discriminator(first.images, training=True))


def consistency(
    logits: tf.Tensor, features: tf.Tensor, other_logits: tf.Tensor, other_features: tf.Tensor
) -> tf.Tensor:
    """Mean squared difference of class probabilities, and a tenth of that of features.

    Reference: arXiv:1803.01541, the consistency term of its semi-supervised code.

    Args:
        logits, other_logits: class logits of the same images, float [batch, K].
        features, other_features: float [batch, features].

    Returns:
        float32 scalar; 0 when there are no rows.
    """

    def distance(one, other):
        return mean(tf.reduce_mean(tf.math.squared_difference(tf.cast(one, tf.float32), other), axis=-1))

    of_classes = [tf.nn.softmax(tf.cast(each, tf.float32)) for each in (logits, other_logits)]
    return distance(*of_classes) + _FEATURE_WEIGHT * distance(features, tf.cast(other_features, tf.float32))


def steepest_change(gradients: tf.Tensor, *, radius: float, norm: str) -> tf.Tensor:
    """Returns the change of each image of one size along which its loss rises most, to first order.

    Args:
        gradients: of the loss by the pixels, float32 [batch, height, width, channels].
        radius: root mean square of a pixel of the change.
        norm: in which the size is bounded: `l2`, or `sign` for the largest pixel.

    Returns:
        float32 [batch, height, width, channels]; no gradient flows through it; 0 where that of the loss is 0.

    Raises:
        ValueError: for another norm.
    """
    if norm not in ("l2", "sign"):
        raise ValueError(f"norm={norm!r}: expected 'l2' or 'sign'")
    gradients = tf.stop_gradient(gradients)
    return radius * (tf.sign(gradients) if norm == "sign" else _of_unit_size(gradients))


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


def _is_random(model: keras.Model) -> bool:
    """Tells whether a layer of a model, or of the models in it, draws random numbers."""
    return any(
        _is_random(layer) if isinstance(layer, keras.Model) else hasattr(layer, "seed_generator")
        for layer in model.layers
    )
