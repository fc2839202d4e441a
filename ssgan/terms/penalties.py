"""Penalties on the slope of the discriminator."""

import keras
import tensorflow as tf

from ssgan.errors import UsageError
from ssgan.terms.base import Passes, Term
from ssgan.terms.logits import gan_logits


@keras.saving.register_keras_serializable("ssgan")
class R1(Term):
    """Half the squared gradient of the GAN logit by the pixels of real images: arXiv:1801.04406, equation 9.

    It keeps the discriminator flat where the images are, without which a GAN may circle its solution for ever. Pixels
    are in -1..1; in 0..1 it would be four times as large.

    Args:
        weight: `gamma`, at least 0; the paper takes 10.
    """

    name, needs, options = "r1", ("real", "generated"), {"weight": "r1_weight"}

    def check(self, discriminator: keras.Model) -> None:
        """Raises a UsageError for a discriminator with batch norm, in which an image moves the logits of others."""
        if discriminator.has_batch_statistics:
            raise UsageError(
                "R1 needs a gradient for each image, and batch norm mixes them; take another discriminator"
            )

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        images = passes.real.images
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = gan_logits(discriminator(images, training=True)[0])
        return squared_norm(tape.gradient(logits, images)) / 2


def squared_norm(gradients: tf.Tensor) -> tf.Tensor:
    """Returns the squared Euclidean norm of each image's gradient, a mean over the rows.

    Args:
        gradients: float32 [batch, height, width, channels].
    """
    return tf.reduce_mean(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]))
