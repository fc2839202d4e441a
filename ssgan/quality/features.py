"""Fixed nets whose features measures compare; neither is downloaded, and neither is the net that was trained against.

Figures are comparable only where they come from the same net, which its digest says. Two machines may differ in the
last bits of a net that was made with the same seed: keep it in a file.
"""

import hashlib

import numpy as np
import numpy.typing as npt

from ssgan.errors import UsageError
from ssgan.gan import to_unit_range
from ssgan.models import Discriminator
from ssgan.quality.supervised import INITIAL_IMAGES, evenly, train_supervised
from ssgan.seeds import seeded

_SEED = 0
_POOLING = "average"  # by it, kernel distances tell copies and noise from real images more surely than by `max`
_AT_ONCE = 250


def random_net(images: npt.NDArray[np.uint8]) -> Discriminator:
    """Returns a net that was never trained: random weights of a fixed seed, scaled by real images.

    It sees colours, edges and textures, not what an image shows, and hardly which way up it is. Naeem et al.
    (arXiv:2002.09797) recommend random nets where images are unlike those that a trained net knows.

    Args:
        images: real images, uint8 [n, height, width, channels]; 500 of them, from the first to the last, say by how
            much the outputs of each layer are scaled (arXiv:1602.07868, section 3).

    Returns:
        A discriminator of the architecture `small`, its features averaged over the image; see `features_of`.
    """
    some = images[evenly(np.arange(len(images)), INITIAL_IMAGES)]
    with seeded(_SEED):
        net = Discriminator(2, pooling=_POOLING, name="random_features")
        net.build((None, *images.shape[1:]))
    net.initialize_from_data(to_unit_range(some))
    return net


def trained_net(
    images: npt.NDArray[np.uint8], labels: npt.NDArray[np.integer], *, steps: int = 1200, seed: int = 0
) -> Discriminator:
    """Returns a net that was trained on all labels of the real training images, and so sees what tells classes apart.

    Args:
        images: uint8 [n, height, width, channels].
        labels: integer [n], from 0 on; -1 where unknown.
        steps: updates, of 64 images each.
        seed: of weights, batches and dropout.

    Returns:
        A discriminator of the architecture `small`, its features averaged over the image; see `features_of`.

    Raises:
        UsageError: if no image has a label.
    """
    if not (np.asarray(labels) >= 0).any():
        raise UsageError("none of the real images has a label to train a net on; take a random one")
    num_classes = int(np.max(labels)) + 1
    return train_supervised(images, labels, num_classes=num_classes, steps=steps, seed=seed, pooling=_POOLING)


def features_of(net: Discriminator, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Returns the pooled features of images, float32 [n, d], d = 128.

    Args:
        net: of `random_net` or `trained_net`.
        images: uint8 [n, height, width, channels], n of at least 1.
    """
    return outputs_of(net, images)[1]


def outputs_of(
    net: Discriminator, images: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Returns the logits of images, float32 [n, K], and their pooled features, float32 [n, d].

    Args:
        net: of images in -1..1; in inference.
        images: uint8 [n, height, width, channels], n of at least 1.
    """
    parts = [images[start : start + _AT_ONCE] for start in range(0, len(images), _AT_ONCE)]
    outputs = [[np.asarray(output) for output in net(to_unit_range(part), training=False)] for part in parts]
    logits, features = (np.concatenate(of_parts) for of_parts in zip(*outputs, strict=True))
    return logits, features


def digest(net: Discriminator) -> str:
    """Returns the sha256 of a net's weights, in hexadecimal: which net figures come from."""
    found = hashlib.sha256()
    for weight in net.get_weights():
        found.update(f"{weight.dtype} {weight.shape}".encode())
        found.update(np.ascontiguousarray(weight).tobytes())
    return found.hexdigest()
