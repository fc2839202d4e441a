"""LAMDA-SSL's own ImprovedGAN with convolutional networks put in, for a given time. In the environment of LAMDA-SSL."""

import sys

import numpy as np
import torch
from torch import nn

from experiments.common import timing
from experiments.peers import peer_images
from experiments.peers.lamda_step import (
    Adam,
    ImprovedGAN,
    LabeledDataLoader,
    LabeledDataset,
    Networks,
    RandomSampler,
    UnlabeledDataLoader,
    UnlabeledDataset,
)
from experiments.peers.torch_nets import LATENT, Discriminator, Generator, initialize_from_data
from experiments.peers.torch_training import (
    INITIALIZATION_IMAGES,
    Classifier,
    bfloat16,
    error,
    random_photo,
    report,
    to_pixels,
)
from experiments.peers.training_clock import Clock

BATCH = 100  # labelled images of a step, LAMDA-SSL's default; as many for the discriminator and for the generator
GENERATOR_WIDTH, LEARNING_RATE = 16, 1e-3  # as in ssgan's default of version 0.1
PREDICTED_TOGETHER = 500


class MixedGenerator(nn.Module):
    """A generator under autocast, whose images are float32."""

    def __init__(self, network: Generator):
        super().__init__()
        self.network = network

    def forward(self, noise):
        """Returns images."""
        with bfloat16():
            return self.network(noise).float()


class ImprovedGANForATime(ImprovedGAN):
    """Ends its only epoch when the clock says so."""

    clock: Clock

    def end_fit_batch_G(self, *args, **kwargs):  # noqa: N802
        """Called by LAMDA-SSL for the last part of a step."""
        super().end_fit_batch_G(*args, **kwargs)
        if self.clock.count():
            self.num_it_epoch = 0


def train(*, images: str, seconds: float, seed: int) -> dict:
    """Trains and tests.

    Networks, learning rate, first moment of Adam, arithmetic and changes of the images are those of ssgan's default
    recipe: the learning rate of LAMDA-SSL, 0.02, is for the layers of its own multi-layer perceptron. All else is
    LAMDA-SSL's default: there is no schedule, no weight decay and no moving average (for this algorithm its `predict`
    would not use one).

    Args:
        images: an .npz file of `peer_images`.
        seconds: time of the training; evaluations come on top.
        seed: of weights, batches, noise and dropout.

    Returns:
        The report: `test_error`, `curve` of [seconds, validation error], `steps`, `seconds`, `about` the versions.
    """
    torch.manual_seed(seed)
    np.random.seed(seed)
    split = peer_images.read(images)
    sampler = RandomSampler(replacement=True, num_samples=sys.maxsize // 2)
    loading = {"drop_last": True, "prefetch_factor": None}
    algorithm = ImprovedGANForATime(
        network=networks(split),
        dim_in=(3, 32, 32),
        num_classes=10,
        labeled_dataset=LabeledDataset(transform=random_shift),
        unlabeled_dataset=UnlabeledDataset(transform=random_shift),
        test_dataset=UnlabeledDataset(),
        labeled_dataloader=LabeledDataLoader(batch_size=BATCH, **loading),
        unlabeled_dataloader=UnlabeledDataLoader(**loading),
        test_dataloader=UnlabeledDataLoader(batch_size=PREDICTED_TOGETHER, prefetch_factor=None),
        labeled_sampler=sampler,
        unlabeled_sampler=sampler,
        optimizer=Adam(lr=LEARNING_RATE, betas=(0.5, 0.999)),
        epoch=1,
        num_it_epoch=sys.maxsize,
        evaluation=None,
        device="cpu",
    )
    labeled, unlabeled, held_out = (
        to_pixels(part).numpy() for part in (split.labeled_images, split.unlabeled_images, split.held_out_images)
    )
    algorithm.clock = Clock(seconds, lambda: error(algorithm.predict(held_out), split.held_out_labels))
    algorithm.fit(labeled, split.labels, unlabeled)
    return report(algorithm.clock, split, lambda pixels: algorithm.predict(pixels.numpy()), lamda_ssl="1.0.2")


def networks(split: peer_images.Split) -> Networks:
    """Returns both networks, initialised from data; the discriminator sees every image changed in training."""
    generator, discriminator = Generator(width=GENERATOR_WIDTH), Discriminator("small")
    initialize_from_data(generator, torch.rand(INITIALIZATION_IMAGES, LATENT))
    initialize_from_data(discriminator, to_pixels(split.unlabeled_images[:INITIALIZATION_IMAGES]))
    return Networks(MixedGenerator(generator), Classifier(discriminator, change=random_photo))


def random_shift(image: np.ndarray) -> np.ndarray:
    """Translates an image [channels, height, width] by up to 2 pixels in either direction; the edge is repeated."""
    _, height, width = image.shape
    down, right = np.random.randint(-2, 3, 2)
    rows = np.clip(np.arange(height) + down, 0, height - 1)
    columns = np.clip(np.arange(width) + right, 0, width - 1)
    return image[:, rows[:, None], columns]


if __name__ == "__main__":
    timing.main(train)
