"""Layers that Keras lacks, and those that are faster here."""

from ssgan.layers.batch_norm import BatchNormalization
from ssgan.layers.minibatch import MinibatchDiscrimination
from ssgan.layers.noise import Dropout, UniformNoise
from ssgan.layers.recomputed import RecomputedKernel
from ssgan.layers.rejection import CascadingRejection
from ssgan.layers.self_modulation import SelfModulatedBatchNormalization
from ssgan.layers.spectral_norm import SpectralNormalized, SpectralNormConv2D, SpectralNormDense
from ssgan.layers.virtual_batch_norm import ReferenceBatch, VirtualBatchNormalization
from ssgan.layers.weight_norm import (
    WeightNormalized,
    WeightNormConv2D,
    WeightNormConv2DTranspose,
    WeightNormDense,
)

__all__ = [
    "BatchNormalization",
    "CascadingRejection",
    "Dropout",
    "MinibatchDiscrimination",
    "RecomputedKernel",
    "ReferenceBatch",
    "SelfModulatedBatchNormalization",
    "SpectralNormConv2D",
    "SpectralNormDense",
    "SpectralNormalized",
    "UniformNoise",
    "VirtualBatchNormalization",
    "WeightNormConv2D",
    "WeightNormConv2DTranspose",
    "WeightNormDense",
    "WeightNormalized",
]
