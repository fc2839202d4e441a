"""The two optimizers of a GAN, and how their learning rates go together."""

import math

import keras

from ssgan.errors import UsageError


def two_optimizers(d_optimizer, g_optimizer) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
    """Returns the optimizers of discriminator and generator, given as such or by name.

    Raises:
        UsageError: for optimizers that are missing, shared, or average weights.
    """
    given = {"d_optimizer": d_optimizer, "g_optimizer": g_optimizer}
    if d_optimizer is not None and d_optimizer is g_optimizer and not isinstance(d_optimizer, str):
        raise UsageError("d_optimizer and g_optimizer are one; expected one for each network, which keeps its moments")
    for name, optimizer in given.items():
        if optimizer is None:
            raise UsageError(f"{name}=None: expected an optimizer for each network, d_optimizer= and g_optimizer=")
        given[name] = keras.optimizers.get(optimizer)
        if given[name].use_ema:
            raise UsageError(f"{name} has use_ema=True: SSGAN keeps its own average, see ema_decay; leave it out")
    return given["d_optimizer"], given["g_optimizer"]


def ratio_of_rates(d_optimizer: keras.optimizers.Optimizer, g_optimizer: keras.optimizers.Optimizer) -> float | None:
    """Returns the generator's learning rate by the discriminator's, or None where they have none that can be set."""
    d_rate, g_rate = d_optimizer.learning_rate, g_optimizer.learning_rate
    if not (isinstance(d_rate, keras.Variable) and isinstance(g_rate, keras.Variable)):
        return None
    d_value, g_value = (float(keras.ops.convert_to_numpy(rate)) for rate in (d_rate, g_rate))
    return g_value / d_value if 0 < d_value < math.inf else None
