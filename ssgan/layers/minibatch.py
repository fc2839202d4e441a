"""Minibatch discrimination: how near each row of a batch is to the others; a generator that repeats itself shows."""

import keras
import tensorflow as tf

from ssgan import replicas
from ssgan.errors import UsageError


@keras.saving.register_keras_serializable("ssgan")
class MinibatchDiscrimination(keras.layers.Layer):
    """Puts beside each row's features how near it is to the other rows of its batch, under several learned measures.

    Reference: Salimans et al. 2016, arXiv:1606.03498, section 3.2, and its code, which leaves out a row's nearness to
    itself; a bias, which the code adds, is left to the layer behind this one. Real and generated images are to go
    through it apart. As the outputs for one row depend on all, no class logit may come from it: see
    `ssgan.Discriminator(minibatch_features=...)`.

    Args:
        measures: `B`, at least 1; the paper's code: 100.
        size: `C`, numbers that each measure compares, at least 1; the paper's code: 5.

    Input shape: float [n, features], n at least 2. Output shape: [n, features + B].

    Raises:
        ValueError: for fewer than 1 measure or number, or a batch of 1.
    """

    def __init__(self, measures: int = 100, size: int = 5, **kwargs):
        super().__init__(**kwargs)
        for name, value in (("measures", measures), ("size", size)):
            if value < 1:
                raise ValueError(f"{name}={value}: expected at least 1")
        self.measures = measures
        self.size = size

    def build(self, input_shape):
        # Columns of about unit length, so that the distances are of the size of the features' differences.
        shape = (input_shape[-1], self.measures * self.size)
        self.projection = self.add_weight(name="projection", shape=shape, initializer="lecun_normal", autocast=False)

    def call(self, inputs):
        return tf.concat([inputs, tf.cast(self.nearness(inputs), inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return *input_shape[:-1], input_shape[-1] + self.measures

    def nearness(self, features: tf.Tensor) -> tf.Tensor:
        """Returns `nearness` of the features [n, features] times a learned matrix, float32 [n, B].

        On several replicas, that of their own rows to all others of the batch, of which each has as many.
        """
        if replicas.count() > 1 and features.shape[0] is None:
            raise UsageError(
                "minibatch discrimination in batches of one stream on several replicas, which would have different "
                "numbers of rows; take batches by role, mixed_batches, or one device"
            )
        projected = tf.matmul(tf.cast(features, tf.float32), self.projection)
        rows = tf.reshape(projected, [-1, self.measures, self.size])
        return nearness(rows, replicas.gather(rows))

    def get_config(self) -> dict:
        return {**super().get_config(), "measures": self.measures, "size": self.size}


def nearness(rows: tf.Tensor, batch: tf.Tensor | None = None) -> tf.Tensor:
    """How near each row is to all others, `o_ib = sum over j != i of exp(-sum_c |M_ibc - M_jbc|)`.

    Reference: arXiv:1606.03498, section 3.2. It holds n * n * B * C numbers at a time.

    Args:
        rows: `M`, float [n, B, C].
        batch: all rows of the batch, these among them, float [m, B, C], m at least 2; None: these are all.

    Returns:
        float32 [n, B] in 0..m - 1: m - 1 where all rows are the same.

    Raises:
        ValueError: for fewer than 2 rows; InvalidArgumentError where their number is known only when a graph runs.
    """
    batch = rows if batch is None else batch
    words = "minibatch discrimination compares the rows of a batch; expected at least 2 rows, not {}"
    if batch.shape[0] is not None and batch.shape[0] < 2:
        raise ValueError(words.format(batch.shape[0]))
    if batch.shape[0] is None:
        tf.debugging.assert_greater(tf.shape(batch)[0], 1, words.format("1"))
    rows, batch = tf.cast(rows, tf.float32), tf.cast(batch, tf.float32)
    distances = tf.reduce_sum(tf.abs(rows[:, tf.newaxis] - batch), axis=-1)
    return tf.reduce_sum(tf.exp(-distances), axis=1) - 1.0
