"""A plain supervised training, whose net measures generated images."""

import keras
import numpy as np
import numpy.typing as npt

from ssgan.batches import mixed_batches
from ssgan.gan import SSGAN
from ssgan.models import Discriminator, Generator
from ssgan.seeds import seeded
from ssgan.terms import Supervised

BATCH = 64
LEARNING_RATE = 1e-3
INITIAL_IMAGES = 500  # as in the code of arXiv:1606.03498


def train_supervised(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.integer],
    *,
    num_classes: int,
    steps: int,
    seed: int,
    arch: str = "small",
    pooling: str = "max",
    augment: str = "none",
    shift: int = 0,
    flip: str = "no",
) -> Discriminator:
    """Trains a new discriminator as a classifier, on labels alone; the same arguments give the same net.

    Args:
        images: uint8 [n, height, width, channels].
        labels: integer [n] in 0..num_classes - 1; -1: left out.
        num_classes: `K`, at least 2.
        steps: updates, of 64 images each, by Adam at a learning rate of 1e-3.
        seed: of weights, batches, dropout and augmentation.
        arch, pooling: see `ssgan.Discriminator`.
        augment, shift, flip: see `ssgan.augment.two_views`, whose strong view it learns from.

    Returns:
        The moving average of its weights; images in -1..1 to logits and features.

    Raises:
        ValueError: for images or labels of other shapes, dtypes and values.
    """
    known = labels >= 0
    batches = mixed_batches(images, labels, known, labeled_batch=BATCH, unlabeled_batch=0, seed=seed, steps=steps)
    with seeded(seed):
        generator = Generator(images.shape[1:], width=1)  # has no part in it
        gan = SSGAN(Discriminator(num_classes, arch=arch, pooling=pooling), generator)
        gan.compile(
            keras.optimizers.Adam(LEARNING_RATE),
            keras.optimizers.Adam(LEARNING_RATE),
            d_terms=[Supervised()],
            g_terms=[],
            augment=augment,
            shift=shift,
            flip=flip,
        )
        gan.initialize_from_data(images[evenly(np.flatnonzero(known), INITIAL_IMAGES)], seed=seed)
        gan.fit(batches, shuffle=False, verbose=0)
    return gan.ema_discriminator


def evenly(rows: npt.NDArray[np.integer], most: int) -> npt.NDArray[np.integer]:
    """Returns at most so many of some rows, from their beginning to their end: they may be sorted by class."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
