"""Batch normalisation as one operation."""

import keras
import tensorflow as tf

from ssgan import replicas


@keras.saving.register_keras_serializable("ssgan")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` as one operation in training, forward and backward, where Keras takes twenty.

    It normalises over all but the last axis, and over the rows of all replicas, where there are several: then by plain
    operations. The moving variance is of the unbiased estimate.

    Args:
        **kwargs: of `keras.layers.BatchNormalization`, but for `axis` and `renorm`.

    Input shape: float [batch, units] or [batch, height, width, channels]. Output shape: the same.
    """

    def call(self, inputs, training=False):
        if not training or not self.trainable:
            return super().call(inputs, training=False)
        maps = inputs if len(inputs.shape) == 4 else inputs[:, tf.newaxis, tf.newaxis, :]
        scale = self.gamma if self.scale else tf.ones(maps.shape[-1])
        offset = self.beta if self.center else tf.zeros(maps.shape[-1])
        if replicas.count() > 1:
            maps, mean, variance = self._normalized(maps, scale, offset)
        else:
            maps, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=maps, scale=scale, offset=offset, mean=[], variance=[], epsilon=self.epsilon, is_training=True
            )
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1.0 - self.momentum))
        return tf.reshape(maps, tf.shape(inputs))

    def _normalized(self, maps, scale, offset):
        """Returns the maps, normalised, and mean and unbiased variance, all by the statistics of every replica."""
        values = tf.cast(maps, tf.float32)
        moments = replicas.gather(tf.stack(tf.nn.moments(values, [0, 1, 2]))[tf.newaxis])  # [replicas, 2, channels]
        mean, within = tf.unstack(tf.reduce_mean(moments, 0))
        variance = within + tf.math.reduce_variance(moments[:, 0], 0)
        normalized = tf.nn.batch_normalization(values, mean, variance, offset, scale, self.epsilon)
        count = tf.cast(replicas.count() * tf.reduce_prod(tf.shape(maps)[:3]), tf.float32)
        return tf.cast(normalized, maps.dtype), mean, variance * (count / (count - 1.0))
