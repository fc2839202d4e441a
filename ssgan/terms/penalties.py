"""Penalties on the slope of the discriminator."""

from collections.abc import Sequence
from typing import ClassVar

import keras
import tensorflow as tf

from ssgan.augment import chance
from ssgan.errors import UsageError
from ssgan.terms.base import Passes, Term
from ssgan.terms.logits import gan_logits, mean

_EPSILON = 1e-10  # the root of 0 has no gradient


class SlopePenalty(Term):
    """Base of the penalties on the gradient of the GAN logit by the pixels of each image."""

    title: ClassVar[str]
    network = "discriminator"

    def check(self, discriminator: keras.Model, generator: keras.Model, terms: Sequence[Term]) -> None:
        """Raises a UsageError for a discriminator in which an image moves the logits of others, as with batch norm."""
        if discriminator.has_batch_statistics or discriminator.minibatch_features:
            mixes = "batch norm" if discriminator.has_batch_statistics else "minibatch discrimination"
            raise UsageError(
                f"{self.title} needs a gradient for each image, and {mixes} mixes them; take another discriminator"
            )


@keras.saving.register_keras_serializable("ssgan")
class R1(SlopePenalty):
    """Half the squared gradient of the GAN logit by the pixels of real images: arXiv:1801.04406, equation 9.

    It keeps the discriminator flat where the images are, without which a GAN may circle its solution for ever. Pixels
    are in -1..1; in 0..1 it would be four times as large.

    Args:
        weight: `gamma`, at least 0; the paper takes 10.
    """

    name, needs, options = "r1", ("real", "generated"), {"weight": "r1_weight"}
    title = "R1"

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        return half_squared_slope(passes.real.images, discriminator)


@keras.saving.register_keras_serializable("ssgan")
class R2(SlopePenalty):
    """As `R1`, at generated images: arXiv:1801.04406, equation 10.

    Args:
        weight: `gamma`, at least 0; the paper takes 10.
    """

    name, needs, options = "r2", ("generated",), {"weight": "r2_weight"}
    title = "R2"

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        return half_squared_slope(passes.generated.images, discriminator)


@keras.saving.register_keras_serializable("ssgan")
class GradientPenalty(SlopePenalty):
    """Squared distance of the gradient's norm from 1, at mixtures of real and generated images (WGAN-GP).

    Reference: Gulrajani et al. 2017, arXiv:1704.00028, equation 3. Real and generated images are paired in their order,
    as many as there are of both. It bounds the slope, as the Wasserstein objective needs it.

    Args:
        weight: `lambda`, at least 0; the paper takes 10.
    """

    name, needs, options = "gradient_penalty", ("real", "generated"), {"weight": "gradient_penalty_weight"}
    title = "GradientPenalty"

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        real, generated = passes.real.images, passes.generated.images
        rows = tf.minimum(tf.shape(real)[0], tf.shape(generated)[0])
        share = chance.of_images(keras.random.uniform, [rows, 1, 1, 1], passes.seeds)
        mixed = tf.stop_gradient(share * real[:rows] + (1 - share) * generated[:rows])
        return mean(tf.square(tf.sqrt(squared_slopes(mixed, discriminator) + _EPSILON) - 1))


def half_squared_slope(images: tf.Tensor, discriminator: keras.Model) -> tf.Tensor:
    """Returns half the squared norm of the GAN logit's gradient, a mean over the images, float32 scalar.

    Args:
        images: float32 [batch, height, width, channels] in -1..1.
        discriminator: returns class logits first.
    """
    return mean(squared_slopes(images, discriminator)) / 2


def squared_slopes(images: tf.Tensor, discriminator: keras.Model) -> tf.Tensor:
    """Returns the squared Euclidean norm of the gradient of the GAN logit by the pixels, float32 [batch].

    Args:
        images: float32 [batch, height, width, channels] in -1..1.
        discriminator: returns class logits first; as in training.
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = gan_logits(discriminator(images, training=True)[0])
    return tf.reduce_sum(tf.square(tape.gradient(logits, images)), axis=[1, 2, 3])
