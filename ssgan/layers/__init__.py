"""Layers that Keras lacks, and those that are faster here."""

from ssgan.layers.batch_norm import BatchNormalization
from ssgan.layers.noise import Dropout, UniformNoise
from ssgan.layers.weight_norm import (
    WeightNormalized,
    WeightNormConv2D,
    WeightNormConv2DTranspose,
    WeightNormDense,
)

__all__ = [
    "BatchNormalization",
    "Dropout",
    "UniformNoise",
    "WeightNormConv2D",
    "WeightNormConv2DTranspose",
    "WeightNormDense",
    "WeightNormalized",
]
