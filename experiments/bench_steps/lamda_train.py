"""LAMDA-SSL's own ImprovedGAN with convolutional networks put in, for a given time. In the environment of LAMDA-SSL."""

import sys

import numpy as np
import torch
from torch import nn

from bench_steps import peer_images, timing
from bench_steps.lamda_step import (
    Adam,
    ImprovedGAN,
    LabeledDataLoader,
    LabeledDataset,
    Networks,
    RandomSampler,
    UnlabeledDataLoader,
    UnlabeledDataset,
)
from bench_steps.torch_nets import LATENT, Discriminator, Generator, initialize_from_data
from bench_steps.torch_training import (
    INITIALIZATION_IMAGES,
    Classifier,
    error,
    precision,
    random_color_and_cutout,
    report,
    to_pixels,
)
from bench_steps.training_clock import Clock

GENERATOR_WIDTH = {"paper": 128, "small": 16}
LEARNING_RATE = {"paper": 3e-4, "small": 1e-3}
PREDICTED_TOGETHER = 500


class MixedGenerator(nn.Module):
    """A generator under autocast, whose images are float32."""

    def __init__(self, network: Generator):
        super().__init__()
        self.network = network

    def forward(self, noise):
        """Returns images."""
        with precision(bfloat16=True):
            return self.network(noise).float()


class ImprovedGANForATime(ImprovedGAN):
    """Ends its only epoch when the clock says so."""

    clock: Clock

    def end_fit_batch_G(self, *args, **kwargs):  # noqa: N802
        """Called by LAMDA-SSL for the last part of a step."""
        super().end_fit_batch_G(*args, **kwargs)
        if self.clock.count():
            self.num_it_epoch = 0


def train(
    *,
    images: str,
    seconds: float,
    seed: int,
    nets: str = "small",
    batch: int = 100,
    mu: int = 1,
    lambda_u: float = 1.0,
    learning_rate: float | None = None,
    bfloat16: bool = True,
    shift: bool = True,
    color: bool = True,
) -> dict:
    """Trains and tests.

    The batch, `mu`, `lambda_u` and all that is not an option here are LAMDA-SSL's defaults: there is no schedule, no
    weight decay and no moving average (for this algorithm its `predict` would not use one).

    Args:
        images: an .npz file of `peer_images`.
        seconds: time of the training; evaluations come on top.
        seed: of weights, batches, noise and dropout.
        nets: `paper`, those of arXiv:1606.03498, or `small`, those of ssgan's default recipe.
        batch: labelled images of a step.
        mu: unlabelled images for each labelled one: half of them are the discriminator's, half the generator's, and
            as many are generated for either.
        lambda_u: weight of the unsupervised loss.
        learning_rate: of Adam with a first moment of 0.5; by default the paper's, and ssgan's for `small`. That of
            LAMDA-SSL, 0.02, is for the layers of its own multi-layer perceptron.
        bfloat16: whether the convolutions are computed in it.
        shift: whether real images are shifted by up to 2 pixels.
        color: whether the discriminator, in training, sees every image in other colours and with a box cut out.

    Returns:
        The report: `test_error`, `curve` of [seconds, validation error], `steps`, `seconds`, `about` the versions.
    """
    torch.manual_seed(seed)
    np.random.seed(seed)
    split = peer_images.read(images)
    sampler = RandomSampler(replacement=True, num_samples=sys.maxsize // (2 * mu))
    change = random_shift if shift else None
    loading = {"drop_last": True, "prefetch_factor": None}
    algorithm = ImprovedGANForATime(
        network=networks(nets, split, bfloat16=bfloat16, color=color),
        dim_in=(3, 32, 32),
        num_classes=10,
        labeled_dataset=LabeledDataset(transform=change),
        unlabeled_dataset=UnlabeledDataset(transform=change),
        test_dataset=UnlabeledDataset(),
        labeled_dataloader=LabeledDataLoader(batch_size=batch, **loading),
        unlabeled_dataloader=UnlabeledDataLoader(**loading),
        test_dataloader=UnlabeledDataLoader(batch_size=PREDICTED_TOGETHER, prefetch_factor=None),
        labeled_sampler=sampler,
        unlabeled_sampler=sampler,
        mu=mu,
        lambda_u=lambda_u,
        optimizer=Adam(lr=learning_rate or LEARNING_RATE[nets], betas=(0.5, 0.999)),
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


def networks(nets: str, split: peer_images.Split, *, bfloat16: bool, color: bool) -> Networks:
    """Returns both networks, initialised from data."""
    generator, discriminator = Generator(width=GENERATOR_WIDTH[nets]), Discriminator(nets)
    initialize_from_data(generator, torch.rand(INITIALIZATION_IMAGES, LATENT))
    initialize_from_data(discriminator, to_pixels(split.unlabeled_images[:INITIALIZATION_IMAGES]))
    classifier = Classifier(discriminator, bfloat16=bfloat16, change=random_color_and_cutout if color else None)
    return Networks(MixedGenerator(generator) if bfloat16 else generator, classifier)


def random_shift(image: np.ndarray) -> np.ndarray:
    """Translates an image [channels, height, width] by up to 2 pixels in either direction; the edge is repeated."""
    _, height, width = image.shape
    down, right = np.random.randint(-2, 3, 2)
    rows = np.clip(np.arange(height) + down, 0, height - 1)
    columns = np.clip(np.arange(width) + right, 0, width - 1)
    return image[:, rows[:, None], columns]


if __name__ == "__main__":
    timing.main(train)
