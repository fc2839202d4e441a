"""Feature matching: a loss of the generator."""

import keras
import tensorflow as tf

from ssgan.terms.base import Passes, Term


@keras.saving.register_keras_serializable("ssgan")
class FeatureMatching(Term):
    """Distance between the mean features of unlabelled and of generated images: arXiv:1606.03498, section 3.1.

    Args:
        weight: at least 0.
        distance: `l1` or `squared`.
    """

    name, needs = "feature_matching", ("unlabeled", "generated")
    options = {"weight": "gan_weight", "distance": "feature_matching"}
    distance: str

    def __init__(self, weight: float = 1.0, *, distance: str = "l1"):
        super().__init__(weight, distance=distance)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        return feature_matching_loss(passes.unlabeled.features, passes.generated.features, distance=self.distance)


def feature_matching_loss(
    real_features: tf.Tensor, generated_features: tf.Tensor, *, distance: str = "l1"
) -> tf.Tensor:
    """Distance between the mean features of real and of generated images, the generator's loss.

    Reference: arXiv:1606.03498, section 3.1, `|| E f(x) - E f(G(z)) ||^2`; the paper's SVHN and CIFAR-10 code takes
    the mean absolute difference.

    Args:
        real_features: float [batch, features]; no gradient flows into them.
        generated_features: float [batch', features].
        distance: `l1` (mean absolute difference) or `squared` (mean squared difference).

    Returns:
        float32 scalar.

    Raises:
        ValueError: for another distance.
    """
    if distance not in ("l1", "squared"):
        raise ValueError(f"distance={distance!r}: expected 'l1' or 'squared'")
    real_mean = tf.stop_gradient(tf.reduce_mean(tf.cast(real_features, tf.float32), axis=0))
    difference = real_mean - tf.reduce_mean(tf.cast(generated_features, tf.float32), axis=0)
    return tf.reduce_mean(tf.abs(difference) if distance == "l1" else tf.square(difference))
