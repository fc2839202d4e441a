"""Every option of a training run, in groups: frozen dataclasses, which `ssgan.options.Config` puts together."""

from ssgan.options.groups.group import Group
from ssgan.options.groups.images import (
    DEFAULT_LABELS,
    DEFAULT_SIZE,
    DEFAULT_VALIDATION,
    Batches,
    Data,
    Labels,
    OwnImages,
    Views,
)
from ssgan.options.groups.losses import Gan, GeneratorLoss, Penalties, PseudoLabels, Smoothness
from ssgan.options.groups.networks import Networks, Noise
from ssgan.options.groups.run import DEFAULT_STEPS, DISTRIBUTE, Optimizer, Run

__all__ = [
    "Batches",
    "DEFAULT_LABELS",
    "DEFAULT_SIZE",
    "DEFAULT_STEPS",
    "DEFAULT_VALIDATION",
    "DISTRIBUTE",
    "Data",
    "Gan",
    "GeneratorLoss",
    "Group",
    "Labels",
    "Networks",
    "Noise",
    "Optimizer",
    "OwnImages",
    "Penalties",
    "PseudoLabels",
    "Run",
    "Smoothness",
    "Views",
]
