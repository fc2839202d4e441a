"""The moving average of a network's weights, which is what predicts."""

import keras
import tensorflow as tf


def averaged_copy(network: keras.Model) -> keras.Model:
    """Returns a copy of a network, without its weights, that is not trained.

    It is in float32 whatever the precision of training, so that the average keeps its digits and its predictions; but
    for a trunk of the user's own, which has its own precision.
    """
    config = {**network.get_config(), "name": f"ema_{network.name}", "dtype": "float32"}
    average = type(network).from_config(config)
    average.trainable = False
    return average


def update_average(average: keras.Model, network: keras.Model, *, steps: tf.Tensor, decay: float) -> None:
    """Moves an average towards the present weights: `average + (1 - d) * (weight - average)`.

    Args:
        average: the averaged network.
        network: the one that is trained.
        steps: number of steps done, integer scalar, this one included.
        decay: `d`, 0..1; in the first steps `(1 + steps) / (10 + steps)` if that is less, so that the average does not
            dwell on the initial weights.
    """
    steps = tf.cast(steps, tf.float32)
    decay = tf.minimum(decay, (1.0 + steps) / (10.0 + steps))
    for mean, weight in zip(average.weights, network.weights, strict=True):
        mean.assign_add((1.0 - decay) * (weight - mean))
