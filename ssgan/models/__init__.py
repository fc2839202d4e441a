"""The two networks: `Discriminator`, which is the classifier, and `Generator`."""

from ssgan.models.architectures import ARCHITECTURES, dense_trunk
from ssgan.models.discriminator import Discriminator
from ssgan.models.generator import Generator, is_row

__all__ = ["ARCHITECTURES", "Discriminator", "Generator", "dense_trunk", "is_row"]
