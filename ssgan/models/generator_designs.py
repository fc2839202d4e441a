"""The designs of the generator: the layers that lead from the noise to the last hidden map, and the last layer."""

from collections.abc import Sequence

from keras import layers

from ssgan.layers import (
    BatchNormalization,
    SelfModulatedBatchNormalization,
    VirtualBatchNormalization,
    WeightNormalized,
    WeightNormConv2D,
    WeightNormConv2DTranspose,
)

DESIGNS = ("dcgan", "resize", "self_modulated")
NORMALIZATIONS = ("batch", "virtual")
REFERENCE_ROWS = 64  # of virtual batch norm; each row has a weight of 1/65 in its own statistics


def check_design(design: str, normalization: str) -> None:
    """Raises a ValueError for an unknown design or normalisation, and for two that exclude each other."""
    if design not in DESIGNS:
        raise ValueError(f"design={design!r}: expected one of {', '.join(DESIGNS)}")
    if normalization not in NORMALIZATIONS:
        raise ValueError(f"normalization={normalization!r}: expected one of {', '.join(NORMALIZATIONS)}")
    if design == "self_modulated" and normalization != "batch":
        raise ValueError(
            f"design='self_modulated' modulates a batch norm; expected normalization='batch', not {normalization!r}"
        )


def hidden_layers(
    design: str, normalization: str, *, base: Sequence[int], channels: Sequence[int], dtype
) -> list[layers.Layer]:
    """Returns the layers from the noise to what the last layer sees.

    Args:
        design: of `DESIGNS`.
        normalization: of `NORMALIZATIONS`.
        base: height and width of the first map, pixels.
        channels: of every map; each map doubles height and width.
        dtype: Keras dtype policy of the layers.
    """

    def norm_relu() -> list[layers.Layer]:
        return [_norm(design, normalization, dtype), layers.ReLU(dtype=dtype)]

    stack = [
        layers.Dense(base[0] * base[1] * channels[0], use_bias=False, dtype=dtype),
        # Normalised before the reshape, each unit by itself: whatever does not depend on the noise is removed.
        *norm_relu(),
        layers.Reshape((*base, channels[0]), dtype=dtype),
    ]
    for filters in channels[1:]:
        if design == "resize":
            stack.append(layers.UpSampling2D(2, dtype=dtype))
            stack.append(layers.Conv2D(filters, 3, padding="same", use_bias=False, dtype=dtype))
        else:
            stack.append(layers.Conv2DTranspose(filters, 5, 2, "same", use_bias=False, dtype=dtype))
        stack.extend(norm_relu())
    return [*stack, layers.UpSampling2D(2, dtype=dtype)] if design == "resize" else stack


def last_layer(design: str, *, channels: int, dtype) -> WeightNormalized:
    """Returns the weight-normalised layer that gives the pixels of an image of so many channels, before tanh."""
    if design == "resize":
        return WeightNormConv2D(channels, 3, train_gain=True, init_scale=0.1, dtype=dtype)
    return WeightNormConv2DTranspose(channels, 5, strides=2, train_gain=True, init_scale=0.1, dtype=dtype)


def _norm(design: str, normalization: str, dtype) -> layers.Layer:
    if design == "self_modulated":
        return SelfModulatedBatchNormalization(momentum=0.9, dtype=dtype)
    if normalization == "virtual":
        return VirtualBatchNormalization(REFERENCE_ROWS, dtype=dtype)
    return BatchNormalization(momentum=0.9, dtype=dtype)
