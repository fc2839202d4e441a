"""The two networks, and the noise in their training."""

import dataclasses

from ssgan.options.declare import option
from ssgan.options.groups.group import Group


@dataclasses.dataclass(frozen=True, kw_only=True)
class Networks(Group):
    """Discriminator and generator."""

    arch: str = option(
        "small",
        "Discriminator: small (quick), tiny (drawings), paper_svhn (64/128), paper_cifar (96/192), article.",
        choices=("small", "tiny", "paper_svhn", "paper_cifar", "article"),
        essential=True,
    )
    pooling: str = option("max", "Global pooling that makes the features.", choices=("average", "max"))
    normalization: str = option(
        "weight",
        "Of the discriminator's convolutions: weight or spectral normalisation (arXiv:1802.05957), or none. "
        "Not with the batch norm of --arch=article.",
        choices=("weight", "spectral", "none"),
    )
    minibatch_features: int = option(
        0,
        "Minibatch discrimination: measures of how alike the images of a batch are, which tell generated ones that "
        "repeat themselves and leave the classes alone (arXiv:1606.03498, 3.2); 0 for none, the paper takes 100.",
        low=0,
        high=1000,
    )
    generator_width: int = option(
        32, "Channels of the generator's last hidden layer (the paper: 128); doubled per level below.", low=1, high=1024
    )
    generator: str = option(
        "resize",
        "Design of the generator: dcgan (transposed convolutions), resize (pixels doubled, then convolved: no "
        "checkerboard), self_modulated (dcgan, its batch norms steered by the noise, arXiv:1810.01365).",
        choices=("dcgan", "resize", "self_modulated"),
    )
    generator_normalization: str = option(
        "batch",
        "Between the generator's layers: batch norm, or virtual batch norm, by a fixed batch (arXiv:1606.03498, 3.4).",
        choices=("batch", "virtual"),
    )
    latent: str = option(
        "normal",
        "What the noise is drawn from: normal, or uniform, 0 to 1 as the paper's code.",
        choices=("uniform", "normal"),
    )
    latent_dim: int = option(100, "Size of the noise vector z.", low=1, high=10_000)
    conditional: bool = option(
        True,
        "The generator draws images of a class that it is told, beside the noise; without labels, of none.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Noise(Group):
    """Noise in the training of the discriminator; what it predicts has none."""

    input_noise: float = option(
        0.0,
        "Standard deviation of noise on the pixels, in -1..1, that the discriminator sees in training, real and "
        "generated (instance noise, arXiv:1610.04490); 0 for none.",
        low=0.0,
        high=10.0,
    )
    hidden_noise: float | None = option(
        None,
        "Standard deviation of noise after each of its activations but the last. Default: that of --arch, 0.3 for "
        "tiny and none for the others.",
        low=0.0,
        high=10.0,
    )
    dropout: float | None = option(
        None,
        "Rate of each of its dropout layers. Default: those of --arch, which tiny has none of.",
        low=0.0,
        high=0.99,
    )
    weight_noise: float = option(
        0.0,
        "Standard deviation of noise on the kernels of its convolutions, relative to their root mean square, drawn "
        "anew in each step; 0 for none. Not with --arch=article or --normalization=none.",
        low=0.0,
        high=1.0,
    )
    label_noise: float = option(
        0.0,
        "Share of the images whose target, real or generated, is exchanged for the discriminator, drawn anew in each "
        "step; 0 for none.",
        low=0.0,
        high=0.49,
    )
