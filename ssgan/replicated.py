"""What a model has to be like to be trained on several replicas as on one device."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from ssgan import layers
from ssgan.errors import UsageError
from ssgan.models.checks import nested
from ssgan.replicas import OwnSeeds

_LOCAL = ("clipnorm", "clipvalue", "global_clipnorm", "gradient_accumulation_steps")


def check_replicated(
    strategy: tf.distribute.Strategy,
    optimizers: Sequence[keras.optimizers.Optimizer],
    parts: Sequence[keras.layers.Layer],
) -> None:
    """Raises a UsageError for what would not be trained as on one device.

    Args:
        strategy: that of the model.
        optimizers: of both networks.
        parts: layers of the discriminator.
    """
    if tf.distribute.get_strategy() is not strategy or any(
        getattr(optimizer, "_distribution_strategy", strategy) is not strategy for optimizer in optimizers
    ):
        raise UsageError(
            "the model, its optimizers and compile belong to different strategies; expected all of them in one "
            "`with strategy.scope():`, or none"
        )
    if strategy.num_replicas_in_sync == 1:
        return
    for optimizer in optimizers:
        for name in _LOCAL:
            if getattr(optimizer, name, None):
                raise UsageError(
                    f"{name}={getattr(optimizer, name)} of an optimizer would be applied to the gradient of each "
                    "replica, before they are added up; leave it out, or take one device"
                )
    for layer in nested(parts):
        is_plain = isinstance(layer, keras.layers.BatchNormalization) and not isinstance(
            layer, layers.BatchNormalization
        )
        if is_plain and not layer.synchronized:
            raise UsageError(
                f"{layer.name} would normalise the rows of each replica by themselves; expected "
                "keras.layers.BatchNormalization(synchronized=True), or ssgan.layers.BatchNormalization"
            )


def give_own_seeds(parts: Sequence[keras.layers.Layer]) -> None:
    """Lets dropout and noise differ between the replicas; the noise of kernels, which they share, stays theirs."""
    for layer in nested(parts):
        if hasattr(layer, "seed_generator") and not isinstance(layer, layers.RecomputedKernel):
            vars(layer)["seed_generator"] = OwnSeeds(layer.seed_generator)  # a built layer takes no new state otherwise
