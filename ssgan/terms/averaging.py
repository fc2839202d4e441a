"""Weights that stay near their mean over the training."""

from collections.abc import Sequence
from typing import ClassVar

import keras
import tensorflow as tf

from ssgan.errors import UsageError
from ssgan.terms.base import Passes, Term


@keras.saving.register_keras_serializable("ssgan")
class HistoricalAveraging(Term):
    """Squared distance of the discriminator's weights from their mean so far: arXiv:1606.03498, section 3.3.

    The mean takes in the present weights whenever the term is computed, once in an update of the network. It is kept in
    variables, `history`, which `follow` makes; a training that is to go on has to save them.

    Args:
        weight: at least 0; the paper names none. The distance is a sum over all weights.
    """

    name, options = "historical_averaging", {"weight": "historical_averaging_weight"}
    needs: ClassVar[tuple[str, ...]] = ()
    network = "discriminator"

    history: "HistoricalMean | None" = None

    def follow(self, network: keras.Model) -> None:
        """Begins a mean of the trainable weights of a network."""
        self.history = HistoricalMean(network.trainable_variables, name=self.name)
        self._weights = network.trainable_variables

    def __call__(self, passes: Passes, discriminator: keras.Model) -> tf.Tensor:
        if self.history is None:
            raise UsageError(f"{self.name} follows no network; call follow(network) first")
        self.history.update(self._weights)
        return self.history.squared_distance(self._weights)


@keras.saving.register_keras_serializable("ssgan")
class GeneratorHistoricalAveraging(HistoricalAveraging):
    """As `HistoricalAveraging`, of the generator's weights: a term of the generator.

    Args:
        weight: at least 0.
    """

    name = "generator_historical_averaging"
    network = "generator"


class HistoricalMean(keras.layers.Layer):
    """The mean of some weights over all updates so far: a layer, so that Keras saves its variables.

    Args:
        weights: variables, whose shapes it takes.
        **kwargs: of `keras.layers.Layer`.

    Attributes:
        updates: how many values the mean is of, int64 scalar.
        means: float32, one for each of the weights, 0 at first.
    """

    def __init__(self, weights: Sequence[keras.Variable], **kwargs):
        super().__init__(dtype="float32", **kwargs)
        frozen = {"initializer": "zeros", "trainable": False, "aggregation": "only_first_replica"}
        self.updates = self.add_weight(name="updates", shape=(), dtype="int64", **frozen)
        self.means = [
            self.add_weight(name=f"mean_{number}", shape=weight.shape, **frozen)
            for number, weight in enumerate(weights)
        ]
        self.built = True

    def update(self, weights: Sequence[keras.Variable]) -> None:
        """Takes in the present values of the weights."""
        self.updates.assign_add(1)
        count = tf.cast(self.updates.value, tf.float32)
        for mean, weight in zip(self.means, weights, strict=True):
            mean.assign_add((tf.cast(weight.value, tf.float32) - mean) / count)

    def squared_distance(self, weights: Sequence[keras.Variable]) -> tf.Tensor:
        """Returns the squared Euclidean distance of the weights from their mean, float32 scalar.

        The mean, variables that are not trained, is a constant for the gradient.
        """
        pairs = zip(self.means, weights, strict=True)
        return tf.add_n(
            [tf.reduce_sum(tf.square(tf.cast(weight.value, tf.float32) - mean.value)) for mean, weight in pairs]
        )
