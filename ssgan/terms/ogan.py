"""O-GAN: the discriminator is an encoder, too, whose codes are made to agree with the noise of generated images.

Reference: Su 2019, "O-GAN: Extremely Concise Approach for Auto-Encoding Generative Adversarial Networks",
arXiv:1903.01931. Of a code `e` [nz] the mean is the score of "real", and the rest, `N(e) = (e - mean) / std`, is to be
the noise `N(z)` of which the image was made: the mean is the one thing that `N` takes away, so neither hinders the
other. An image is reconstructed as `G(N(e))`.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from ssgan.errors import UsageError
from ssgan.models import Discriminator, Generator
from ssgan.terms.base import Passes, Term
from ssgan.terms.logits import mean


@keras.saving.register_keras_serializable("ssgan")
class CodeCorrelation(Term):
    """The codes of generated images shall agree with their noise: less the mean correlation (arXiv:1903.01931).

    Args:
        weight: at least 0; the paper's code takes 0.5, for both networks.
    """

    network = "discriminator"
    name, needs, options = "code_correlation", ("generated",), {"weight": "encoder_weight"}

    def check(self, discriminator: keras.Model, generator: keras.Model, terms: Sequence[Term]) -> None:
        """Raises a UsageError for a discriminator that gives no codes, and for a generator of other noise."""
        if not discriminator.encoding:
            raise UsageError(
                f"{type(self).__name__} needs a discriminator that encodes; expected Discriminator(..., encoding=nz)"
            )
        check_codes(discriminator, generator)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        codes = discriminator.encode(passes.generated.features)
        return -mean(correlation(passes.generated.noise, codes))


@keras.saving.register_keras_serializable("ssgan")
class GeneratorCodeCorrelation(CodeCorrelation):
    """As `CodeCorrelation`, a term of the generator.

    Args:
        weight: at least 0.
    """

    network = "generator"
    name = "generator_code_correlation"


def standardized(codes: tf.Tensor) -> tf.Tensor:
    """Returns `N(e)`: each row less its mean, over its standard deviation.

    Args:
        codes: `e` or `z`, float [batch, nz].

    Returns:
        float32 [batch, nz], with mean 0 and mean square 1 in each row; 0 where a row is constant.
    """
    codes = tf.cast(codes, tf.float32)
    mean, variance = tf.nn.moments(codes, [-1], keepdims=True)
    return (codes - mean) * tf.math.rsqrt(variance + 1e-12)


def correlation(noise: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    """Returns Pearson's correlation of noise and code, for which `|N(z) - N(e)|^2 = 2 nz (1 - rho)`.

    Less half of its mean is a part of the loss of both networks in the paper's code.

    Args:
        noise: `z`, float [batch, nz], of which images were generated.
        codes: `e`, float [batch, nz], of these images.

    Returns:
        `rho`, float32 [batch] in -1..1; 0 where a row is constant.
    """
    return tf.reduce_mean(standardized(noise) * standardized(codes), axis=-1)


def check_codes(discriminator: Discriminator, generator: Generator) -> None:
    """Raises a UsageError if the discriminator's codes cannot be noise of the generator."""
    if discriminator.encoding != generator.latent_dim:
        raise UsageError(
            f"the discriminator's encoding={discriminator.encoding} and the generator's latent_dim="
            f"{generator.latent_dim}; O-GAN compares them, so expected the same number"
        )
    if generator.latent != "normal":
        raise UsageError(
            f"the generator's latent={generator.latent!r}; O-GAN standardises noise, so expected latent='normal'"
        )
