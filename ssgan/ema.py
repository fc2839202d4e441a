"""The moving average of a network's weights, which is what predicts."""

import keras
import tensorflow as tf

from ssgan.errors import UsageError


def averaged_copy(network: keras.Model) -> keras.Model:
    """Returns a copy of a network, without its weights, that is not trained.

    It is in float32 whatever the precision of training, so that the average keeps its digits and its predictions; but
    for a trunk of the user's own, which has its own precision.

    Raises:
        UsageError: for a network that Keras cannot make from its config.
    """
    config = {**network.get_config(), "name": f"ema_{network.name}", "dtype": "float32"}
    try:
        average = type(network).from_config(config)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{network.name} cannot be made anew from its config, as its moving average is: expected a trunk without a "
            "Lambda, whose own layers and models are registered, by @keras.saving.register_keras_serializable() "
            f"({type(error).__name__}: {str(error).partition('.')[0][:200]})"
        ) from error
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
