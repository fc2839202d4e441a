"""Losses of the generator that look at each image by itself, or at pairs: its class, how real it is, its variety."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from ssgan import replicas
from ssgan.errors import UsageError
from ssgan.terms.base import Passes, Term, needs_classes
from ssgan.terms.logits import kplus1_logits, mean

_SMALLEST_RATIO = 1e-3  # of a change of the images to one of the noise, below which it is taken for none


@keras.saving.register_keras_serializable("ssgan")
class GeneratedClass(Term):
    """A generated image shall be real, and of its class: cross-entropy among the K + 1 classes (arXiv:1703.02000).

    Args:
        weight: at least 0.
    """

    network = "generator"
    name, needs, options = "generated_class", ("generated",), {"weight": "generated_class_weight"}
    watched = ("generated_accuracy",)

    def check(self, discriminator: keras.Model, generator: keras.Model, terms: Sequence[Term]) -> None:
        """Raises a UsageError for a generator that is not conditional."""
        needs_classes(self, generator)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        return generated_class_loss(passes.generated.relative_logits, passes.generated.classes)

    def figures(self, passes: Passes) -> dict[str, tuple[tf.Tensor, tf.Tensor | None]]:
        """Returns `generated_accuracy`: the share of generated images that are taken for their class, 0..1."""
        found = tf.argmax(passes.generated.logits, axis=-1, output_type=tf.int32)
        return {"generated_accuracy": (tf.equal(found, passes.generated.classes), None)}


@keras.saving.register_keras_serializable("ssgan")
class ModeSeeking(Term):
    """Other noise shall give another image of the same class: the inverse ratio of arXiv:1903.05628, equation 3.

    Args:
        weight: at least 0.
    """

    network = "generator"
    name, needs, options = "mode_seeking", ("generated",), {"weight": "mode_seeking_weight"}

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        return mode_seeking_loss(passes.generated.drawn, passes.generated.noise)


def generated_class_loss(logits: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of the classes asked for among the `K + 1` classes, `-l_c + log(1 + sum_k exp l_k)`.

    It says "real" and "of this class" in one: the sum of `-log p(real)` and of `-log p(class | real)`.

    Reference: Zhou et al. 2018, "Activation maximization generative adversarial nets", arXiv:1703.02000, section 4.

    Args:
        logits: class logits of generated images less those of "generated", float [batch, K].
        classes: that were asked for, int [batch], 0..K - 1.

    Returns:
        float32 scalar in nats, a mean over the rows.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=kplus1_logits(logits))
    return mean(losses)


def mode_seeking_loss(images: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """How little the images change with the noise: `mean|z1 - z2| / mean|G(z1) - G(z2)|`.

    The rows of the second half are held against those of the first; of an odd number, the last is left out.

    Reference: Mao et al. 2019, "Mode seeking generative adversarial networks", arXiv:1903.05628, equation 3.

    Args:
        images: float [batch, height, width, channels] in -1..1, at least 2; those of a pair of one class.
        noise: float [batch, latent_dim].

    Returns:
        float32 scalar, at most 1000.

    Raises:
        UsageError: for fewer than two rows.
    """
    if noise.shape[0] is not None and noise.shape[0] < 2:
        raise UsageError(f"mode seeking with {noise.shape[0]} generated image; expected at least 2: generated_batch=2")
    images, noise = tf.cast(images, tf.float32), tf.cast(noise, tf.float32)
    of_images, of_noise = replicas.common_mean([_mean_distance(images), _mean_distance(noise)])
    ratio = of_images / of_noise
    return 1.0 / (ratio + _SMALLEST_RATIO)


def _mean_distance(values: tf.Tensor) -> tf.Tensor:
    """Returns the mean absolute difference of the rows of the first half from those of the second."""
    half = tf.shape(values)[0] // 2
    return tf.reduce_mean(tf.abs(values[:half] - values[half : 2 * half]))
