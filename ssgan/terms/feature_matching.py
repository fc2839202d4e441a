"""Feature matching, of all images or class by class: losses of the generator."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from ssgan import replicas
from ssgan.terms.base import Passes, Term, needs_classes
from ssgan.terms.logits import masked_mean
from ssgan.terms.pseudo_labels import is_confident


@keras.saving.register_keras_serializable("ssgan")
class FeatureMatching(Term):
    """Distance between the mean features of real and of generated images: arXiv:1606.03498, section 3.1.

    Args:
        weight: at least 0.
        distance: `l1` or `squared`.
    """

    network = "generator"
    name, needs = "feature_matching", ("real", "generated")
    options = {"weight": "feature_matching_weight", "distance": "feature_matching"}
    distance: str

    def __init__(self, weight: float = 1.0, *, distance: str = "l1"):
        super().__init__(weight, distance=distance)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        return feature_matching_loss(passes.real.features, passes.generated.features, distance=self.distance)


@keras.saving.register_keras_serializable("ssgan")
class ClassFeatureMatching(Term):
    """Feature matching class by class: real images are of the class that they are confidently predicted to be of.

    They are the unlabelled ones: labelled images are seen in strong views alone, which generated ones are not to match.

    Args:
        weight: at least 0.
        threshold: probability from which on a prediction is confident, 0..1.
    """

    network = "generator"
    name, needs = "class_feature_matching", ("real", "weak", "generated")
    options = {"weight": "class_feature_matching_weight", "threshold": "pseudo_label_threshold"}
    threshold: float

    def __init__(self, weight: float = 1.0, *, threshold: float = 0.95):
        super().__init__(weight, threshold=threshold)

    def check(self, discriminator: keras.Model, generator: keras.Model, terms: Sequence[Term]) -> None:
        """Raises a UsageError for a generator that is not conditional."""
        needs_classes(self, generator)

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        logits = passes.weak.logits
        classes = tf.where(is_confident(logits, self.threshold), tf.argmax(logits, axis=-1, output_type=tf.int32), -1)
        real, generated = (passes.real.features, classes), (passes.generated.features, passes.generated.classes)
        return class_feature_matching_loss(*real, *generated, num_classes=logits.shape[-1])


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
    real_mean, generated_mean = _means(tf.stop_gradient(real_features), generated_features)
    difference = real_mean - generated_mean
    return tf.reduce_mean(tf.abs(difference) if distance == "l1" else tf.square(difference))


def class_feature_matching_loss(
    real_features: tf.Tensor,
    real_classes: tf.Tensor,
    generated_features: tf.Tensor,
    generated_classes: tf.Tensor,
    *,
    num_classes: int,
) -> tf.Tensor:
    """Mean absolute difference between the mean features of real and of generated images, a mean over the classes.

    Feature matching (arXiv:1606.03498, section 3.1) within each class that has both.

    Args:
        real_features: float [batch, features]; no gradient flows into them.
        real_classes: int32 [batch], -1 where not known.
        generated_features: float [batch', features].
        generated_classes: int32 [batch'].
        num_classes: K.

    Returns:
        float32 scalar; 0 where no class has both.
    """
    of_real = _class_sums(tf.stop_gradient(real_features), real_classes, num_classes)
    of_generated = _class_sums(generated_features, generated_classes, num_classes)
    real, real_rows, generated, generated_rows = replicas.common_total([*of_real, *of_generated])
    real, generated = (
        tf.math.divide_no_nan(sums, rows[:, tf.newaxis])
        for sums, rows in ((real, real_rows), (generated, generated_rows))
    )
    distances = tf.reduce_mean(tf.abs(real - generated), axis=-1)
    return masked_mean(distances, (real_rows > 0) & (generated_rows > 0))


def _means(*features: tf.Tensor) -> list[tf.Tensor]:
    """Returns the mean of each of some features [rows, size] over the rows of all replicas, float32 [size]."""
    rows = [tf.cast(some, tf.float32) for some in features]
    if all(some.shape[0] is not None for some in rows) or replicas.count() == 1:
        return replicas.common_mean([tf.reduce_mean(some, axis=0) for some in rows])
    counts = [tf.cast(tf.shape(some)[0], tf.float32) for some in rows]  # which may differ, of a stream
    summed = replicas.common_total([*(tf.reduce_sum(some, axis=0) for some in rows), *counts])
    return [tf.math.divide_no_nan(*pair) for pair in zip(summed[: len(rows)], summed[len(rows) :], strict=True)]


def _class_sums(features: tf.Tensor, classes: tf.Tensor, num_classes: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the sum of the features of each class, float32 [K, features], and the number of its rows, [K]."""
    of_class = tf.one_hot(classes, num_classes, axis=0)
    return of_class @ tf.cast(features, tf.float32), tf.reduce_sum(of_class, axis=1)
