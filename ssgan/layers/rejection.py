"""Cascading rejection: several scores of one vector of features, each of what those before it have not looked at."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("ssgan")
class CascadingRejection(keras.layers.Layer):
    """Several scores of "real": the part of the features that a score depends on is taken away before the next one.

    Reference: "Cascading rejection", arXiv:1911.10979. Each score is a further opinion on real and generated, and the
    loss is a weighted mean of their losses; the scores are none of class logits.

    Args:
        scores: their number, at least 1.

    Input shape: float [batch, features]. Output shape: [batch, scores].

    Raises:
        ValueError: for fewer than 1 score.
    """

    def __init__(self, scores: int, **kwargs):
        super().__init__(**kwargs)
        if scores < 1:
            raise ValueError(f"scores={scores}: expected at least 1")
        self.scores = scores

    def build(self, input_shape):
        self.directions = self.add_weight(
            name="directions",
            shape=(input_shape[-1], self.scores),
            initializer="glorot_uniform",
            autocast=False,
        )

    def call(self, inputs):
        return tf.cast(cascading_scores(inputs, self.directions), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return *input_shape[:-1], self.scores

    def get_config(self) -> dict:
        return {**super().get_config(), "scores": self.scores}


def cascading_scores(features: tf.Tensor, directions: tf.Tensor) -> tf.Tensor:
    """Returns `D_i = <v_i, w_i>`, where `v_(i+1) = v_i - D_i w_i / |w_i|^2` is `v_i` without its part along `w_i`.

    Reference: arXiv:1911.10979.

    Args:
        features: `v_1`, float [batch, features].
        directions: `w`, float [features, scores]; one of zeros scores 0 and takes nothing away.

    Returns:
        float32 [batch, scores].
    """
    rest, scores = tf.cast(features, tf.float32), []
    for direction in tf.unstack(tf.cast(directions, tf.float32), axis=1):
        scores.append(tf.linalg.matvec(rest, direction))
        along = tf.math.divide_no_nan(direction, tf.reduce_sum(tf.square(direction)))
        rest -= scores[-1][:, tf.newaxis] * along
    return tf.stack(scores, axis=1)
