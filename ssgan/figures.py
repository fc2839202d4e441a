"""The figures of a training or an evaluation: running means by name, begun anew where a model is loaded."""

from collections.abc import Iterable

import keras
import tensorflow as tf


class Figures:
    """Running means.

    Keras finds the metrics of a model in its attributes, and saves them; it does not look into this one.

    Args:
        names: of the means.
    """

    def __init__(self, names: Iterable[str]):
        self.metrics = {name: keras.metrics.Mean(name) for name in names}

    def update(self, name: str, values: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """Takes in values [...], weighted by weights of that shape."""
        self.metrics[name].update_state(values, sample_weight=weights)

    def means(self) -> dict[str, tf.Tensor]:
        """Returns the means, float32 scalars; 0 where there was no value."""
        return {name: metric.result() for name, metric in self.metrics.items()}
