"""Virtual batch normalisation: each row is normalised by a fixed batch of reference and by itself, by no other row.

The reference goes through the network in front of every batch: a `ReferenceBatch` puts it there, each
`VirtualBatchNormalization` takes its statistics from it, and the end of the network drops its rows.
"""

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable("ssgan")
class ReferenceBatch(keras.layers.Layer):
    """Puts the same rows, chosen once and saved as a weight that is not trained, in front of every batch.

    Args:
        rows: number of these rows.
        initializer: what they are drawn from, a Keras initializer or its name.

    Input shape: float [batch, size]. Output shape: [rows + batch, size].
    """

    def __init__(self, rows: int, *, initializer="random_normal", **kwargs):
        super().__init__(**kwargs)
        self.rows = rows
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        self.reference = self.add_weight(
            name="reference", shape=(self.rows, input_shape[-1]), initializer=self.initializer, trainable=False
        )

    def call(self, inputs):
        return ops.concatenate([self.reference, inputs], axis=0)

    def compute_output_shape(self, input_shape):
        return None, *input_shape[1:]

    def get_config(self) -> dict:
        config = {"rows": self.rows, "initializer": keras.initializers.serialize(self.initializer)}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("ssgan")
class VirtualBatchNormalization(keras.layers.Layer):
    """Normalises each row by the statistics of a reference batch and, with the weight of one row of it, its own.

    Reference: Salimans et al. 2016, arXiv:1606.03498, section 3.4, and its code: with `w = 1 / (n + 1)` the mean and
    the mean square of a row are `w * own + (1 - w) * reference`. The reference is normalised by itself. Nothing is
    averaged over steps: training and inference are the same.

    Args:
        reference_rows: `n`, at least 1: so many first rows of the inputs are the reference batch.
        epsilon: added to the variance.

    Input shape: float [n + batch, units] or [n + batch, height, width, channels]. Output shape: the same.

    Raises:
        ValueError: for fewer than 1 row.
    """

    def __init__(self, reference_rows: int, *, epsilon: float = 1e-3, **kwargs):
        super().__init__(**kwargs)
        if reference_rows < 1:
            raise ValueError(f"reference_rows={reference_rows}: expected at least 1")
        self.reference_rows = reference_rows
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gamma = self.add_weight(name="gamma", shape=input_shape[-1:], initializer="ones", autocast=False)
        self.beta = self.add_weight(name="beta", shape=input_shape[-1:], initializer="zeros", autocast=False)

    def call(self, inputs):
        values = tf.cast(inputs, tf.float32)
        reference, own = values[: self.reference_rows], values[self.reference_rows :]
        of_reference = tf.nn.moments(reference, list(range(len(values.shape) - 1)))
        of_own = tf.nn.moments(own, list(range(1, len(values.shape) - 1)), keepdims=True)
        mixed = _mixed_moments(of_own, of_reference, 1 / (self.reference_rows + 1))
        parts = self._normalized(reference, *of_reference), self._normalized(own, *mixed)
        return tf.cast(tf.concat(parts, axis=0), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "reference_rows": self.reference_rows, "epsilon": self.epsilon}

    def _normalized(self, values, mean, variance):
        return tf.nn.batch_normalization(values, mean, variance, self.beta, self.gamma, self.epsilon)


def _mixed_moments(
    own: tuple[tf.Tensor, tf.Tensor], reference: tuple[tf.Tensor, tf.Tensor], weight: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and variance of a mixture of two parts, the first with this weight.

    The variance is that of `weight * E[own^2] + (1 - weight) * E[reference^2] - mean^2`, without its cancellation.
    """
    mean = weight * own[0] + (1 - weight) * reference[0]
    between = weight * (1 - weight) * tf.square(own[0] - reference[0])
    return mean, weight * own[1] + (1 - weight) * reference[1] + between
