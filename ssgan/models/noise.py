"""Noise and dropout in a discriminator, other than as its named architecture has them."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers

from ssgan.errors import UsageError
from ssgan.layers import Dropout, RecomputedKernel, UniformNoise
from ssgan.options import check_option

# Not of a trunk of one's own; each with what leaves it as it is.
_OF_ARCHITECTURE: dict[str, float | None] = {"hidden_noise": None, "dropout": None, "weight_noise": 0.0}


def check_noise(noise: Mapping[str, float | None], *, has_own_trunk: bool) -> None:
    """Raises a UsageError for noise out of its bounds, or of layers that a trunk of one's own has itself.

    Args:
        noise: `input_noise`, `hidden_noise`, `dropout` and `weight_noise` of a discriminator.
        has_own_trunk: whether it has no named architecture.
    """
    for name, value in noise.items():
        check_option(name, value)
    if has_own_trunk and (given := [name for name, usual in _OF_ARCHITECTURE.items() if noise[name] != usual]):
        raise UsageError(
            f"{given[0]}={noise[given[0]]} is of the named architectures; a trunk of your own has its own layers, such "
            f"as ssgan.layers.UniformNoise: leave {given[0]} out"
        )


def with_hidden_noise(parts: Sequence[layers.Layer], stddev: float | None) -> list[layers.Layer]:
    """Returns the layers of an architecture with noise after each activation but the last, in place of its own noise.

    Args:
        parts: the layers.
        stddev: standard deviation of the noise, at least 0; None: nothing is changed.
    """
    if stddev is None:
        return list(parts)
    kept = [part for part in parts if not isinstance(part, UniformNoise)]
    if not stddev:
        return kept
    *noisy, _ = [number for number, part in enumerate(kept) if isinstance(part, layers.LeakyReLU)]
    for number in reversed(noisy):
        kept.insert(number + 1, UniformNoise(stddev, dtype=kept[number].dtype_policy))
    return kept


def with_dropout(parts: Sequence[layers.Layer], rate: float | None) -> list[layers.Layer]:
    """Returns the layers of an architecture, each dropout with this rate; None: nothing is changed.

    Raises:
        UsageError: for a rate above 0 where there is no dropout.
    """
    if rate and not any(isinstance(part, Dropout) for part in parts):
        raise UsageError(f"dropout={rate}: this architecture has no dropout; expected another arch, or dropout=None")
    return [_copy(part, rate=rate) if isinstance(part, Dropout) and rate is not None else part for part in parts]


def with_weight_noise(parts: Sequence[layers.Layer], weight_noise: float) -> list[layers.Layer]:
    """Returns the layers of an architecture with noise on the kernels of its convolutions; 0: nothing is changed.

    Raises:
        UsageError: for convolutions whose kernels are not recomputed: those without weight or spectral normalisation.
    """
    if not weight_noise:
        return list(parts)
    if any(isinstance(part, layers.Conv2D) for part in parts):
        raise UsageError(
            f"weight_noise={weight_noise}: its convolutions are plain ones; expected normalization='weight' or "
            "'spectral', and an arch without batch norm"
        )
    return [_copy(part, weight_noise=weight_noise) if isinstance(part, RecomputedKernel) else part for part in parts]


def is_noise(layer: layers.Layer) -> bool:
    """Tells whether a layer is dropout or noise, and nothing else."""
    return isinstance(layer, layers.Dropout | layers.GaussianNoise)


def is_stochastic(layer: layers.Layer) -> bool:
    """Tells whether a layer does, or may do, something else in training."""
    return is_noise(layer) or isinstance(layer, layers.BatchNormalization | RecomputedKernel | keras.Model)


def _copy(layer: layers.Layer, **arguments: Any) -> layers.Layer:
    """Returns a layer like another one that was not built, but for some arguments."""
    return type(layer).from_config({**layer.get_config(), **arguments})
