"""The named discriminator architectures: each function lists the layers from the image to the last feature map.

They were made for images of up to 32 pixels. Larger ones are first brought to that size by convolutions of stride 2,
one for each halving, so that an image of 64 pixels takes little more time than one of 32.
"""

import functools
import math
from collections.abc import Callable, Sequence

import keras
from keras import layers

from ssgan.errors import UsageError
from ssgan.layers import BatchNormalization, Dropout, SpectralNormConv2D, UniformNoise, WeightNormConv2D


def small(dtype) -> list[layers.Layer]:
    """For quick runs: six weight-normalised convolutions of 32, 64 and 128 filters; 0.3 M weights."""
    conv = functools.partial(_weight_norm_conv, dtype=dtype)
    return [
        *conv(32, 3),
        *conv(64, 3, strides=2),
        *conv(64, 3),
        Dropout(0.2, dtype=dtype),
        *conv(128, 3, strides=2),
        *conv(128, 3),
        Dropout(0.2, dtype=dtype),
        *conv(128, 1),
    ]


def tiny(dtype) -> list[layers.Layer]:
    """For drawings such as MNIST's: six weight-normalised convolutions of 16 to 128 filters; 0.15 M weights.

    With noise between the layers, as in the MNIST network of arXiv:1606.03498, and no dropout.
    """
    conv = functools.partial(_weight_norm_conv, dtype=dtype)
    noise = functools.partial(UniformNoise, 0.3, dtype=dtype)
    return [
        *conv(16, 5, strides=2),
        noise(),
        *conv(32, 3),
        noise(),
        *conv(64, 3, strides=2),
        noise(),
        *conv(64, 3),
        noise(),
        *conv(128, 3, strides=2),
        noise(),
        *conv(128, 1),
    ]


def paper_svhn(dtype) -> list[layers.Layer]:
    """The SVHN network of arXiv:1606.03498 (code): nine weight-normalised convolutions of 64 and 128 filters."""
    return _paper(64, dtype)


def paper_cifar(dtype) -> list[layers.Layer]:
    """The CIFAR-10 network of arXiv:1606.03498 (code): as `paper_svhn` with 96 and 192 filters."""
    return _paper(96, dtype)


def article(dtype) -> list[layers.Layer]:
    """The network of Thalles Santos Silva's article: batch-normalised convolutions, the last one without.

    A batch norm there would fix the very means that feature matching compares.
    """
    conv = functools.partial(_batch_norm_conv, dtype=dtype)
    dropout = functools.partial(Dropout, 0.5, dtype=dtype)
    return [
        Dropout(0.2, dtype=dtype),
        *conv(64, strides=2, batch_norm=False),
        dropout(),
        *conv(64, strides=2),
        *conv(64, strides=2),
        dropout(),
        *conv(128),
        *conv(128),
        *conv(128, strides=2),
        dropout(),
        *conv(128, batch_norm=False),
    ]


def dense_trunk(num_features: int) -> keras.Model:
    """For rows of numbers that are no image, (1, n, 1): two dense layers of 128 units; what they see is noisy."""
    return keras.Sequential(
        [
            keras.Input((1, num_features, 1)),
            layers.Flatten(),
            layers.GaussianNoise(0.05),
            layers.Dense(128, kernel_initializer="he_normal"),
            layers.LeakyReLU(0.2),
            layers.Dropout(0.2),
            layers.Dense(128, kernel_initializer="he_normal"),
            layers.LeakyReLU(0.2),
        ],
        name="dense_trunk",
    )


ARCHITECTURES: dict[str, Callable[..., list[layers.Layer]]] = {
    "small": small,
    "tiny": tiny,
    "paper_svhn": paper_svhn,
    "paper_cifar": paper_cifar,
    "article": article,
}


_FIRST_WIDTH = {"small": 32, "tiny": 16, "paper_svhn": 64, "paper_cifar": 96, "article": 64}


def check_image_shape(shape: tuple[int | None, ...], arch: str, halvings: int | None = None) -> None:
    """Raises a UsageError if an architecture takes no images of this shape, [batch, height, width, channels].

    Args:
        shape: of the images.
        arch: the architecture.
        halvings: how often images are halved before it; None: see `halvings_to_32_pixels`.
    """
    if len(shape) != 4 or not all(side and 16 <= side <= 128 for side in shape[1:3]) or shape[3] not in (1, 3):
        raise UsageError(f"images of shape {tuple(shape)}: expected [batch, 16..128, 16..128, 1 or 3]")
    sides = [side or 0 for side in shape[1:3]]
    times = 2 + (halvings_to_32_pixels(sides) if halvings is None else halvings)
    if arch in ("paper_svhn", "paper_cifar") and math.ceil(min(sides) / 2**times) < 3:
        raise UsageError(
            f"--arch={arch} and images of {sides[0]} x {sides[1]} pixels: the shorter side is halved to less than the "
            "3 that its last convolution of 3 x 3 takes; expected sides that differ less, or another architecture"
        )


def halvings_to_32_pixels(image_shape: Sequence[int]) -> int:
    """Returns how often an image (height, width, ...) is to be halved until its larger side is at most 32 pixels."""
    return max(0, math.ceil(math.log2(max(image_shape[:2]) / 32)))


def halving(arch: str, dtype) -> list[layers.Layer]:
    """Returns the layers that halve images before an architecture, as wide as its first convolution."""
    if arch == "article":
        return _batch_norm_conv(_FIRST_WIDTH[arch], strides=2, batch_norm=False, dtype=dtype)
    return _weight_norm_conv(_FIRST_WIDTH[arch], 3, strides=2, dtype=dtype)


def with_normalization(parts: Sequence[layers.Layer], normalization: str) -> list[layers.Layer]:
    """Returns the layers of an architecture, its weight-normalised convolutions exchanged.

    Args:
        parts: the layers.
        normalization: `weight`: nothing is exchanged; `spectral`: for spectrally normalised ones (arXiv:1802.05957);
            `none`: for plain ones.

    Raises:
        ValueError: where something is to be exchanged in an architecture with batch norm.
    """
    if normalization != "weight" and any(isinstance(part, BatchNormalization) for part in parts):
        raise ValueError(
            f"normalization={normalization!r}: this architecture has batch norm, which would undo it; expected another "
            "arch, or normalization='weight', which changes nothing here"
        )
    exchange = _EXCHANGED[normalization]
    return [exchange(part) if isinstance(part, WeightNormConv2D) else part for part in parts]


def _spectral_norm_conv(conv: WeightNormConv2D) -> layers.Layer:
    return SpectralNormConv2D(
        conv.units, conv.kernel_size, strides=conv.strides, padding=conv.padding, dtype=conv.dtype_policy
    )


def _plain_conv(conv: WeightNormConv2D) -> layers.Layer:
    return layers.Conv2D(conv.units, conv.kernel_size, conv.strides, conv.padding, dtype=conv.dtype_policy)


_EXCHANGED: dict[str, Callable[[WeightNormConv2D], layers.Layer]] = {
    "weight": lambda conv: conv,
    "spectral": _spectral_norm_conv,
    "none": _plain_conv,
}
NORMALIZATIONS = tuple(_EXCHANGED)


def _paper(width: int, dtype) -> list[layers.Layer]:
    conv = functools.partial(_weight_norm_conv, dtype=dtype)
    return [
        Dropout(0.2, dtype=dtype),
        *conv(width, 3),
        *conv(width, 3),
        *conv(width, 3, strides=2),
        Dropout(0.5, dtype=dtype),
        *conv(2 * width, 3),
        *conv(2 * width, 3),
        *conv(2 * width, 3, strides=2),
        Dropout(0.5, dtype=dtype),
        *conv(2 * width, 3, padding="valid"),
        *conv(2 * width, 1),
        *conv(2 * width, 1),
    ]


def _weight_norm_conv(
    filters: int, kernel_size: int, *, strides: int = 1, padding: str = "same", dtype
) -> list[layers.Layer]:
    conv = WeightNormConv2D(filters, kernel_size, strides=strides, padding=padding, dtype=dtype)
    return [conv, layers.LeakyReLU(0.2, dtype=dtype)]


def _batch_norm_conv(filters: int, *, strides: int = 1, batch_norm: bool = True, dtype) -> list[layers.Layer]:
    conv = layers.Conv2D(filters, 3, strides, "same", dtype=dtype)
    norm = [BatchNormalization(momentum=0.9, dtype=dtype)] if batch_norm else []
    return [conv, *norm, layers.LeakyReLU(0.2, dtype=dtype)]
