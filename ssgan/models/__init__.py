"""The two networks: `Discriminator`, which is the classifier, and `Generator`."""

from ssgan.models.architectures import ARCHITECTURES
from ssgan.models.discriminator import Discriminator
from ssgan.models.generator import Generator

__all__ = ["ARCHITECTURES", "Discriminator", "Generator"]
