"""LAMDA-SSL's own ImprovedGAN with the paper's SVHN networks put in. In the environment of LAMDA-SSL."""

import time
import warnings

import numpy as np
import torch
from torch import nn

from experiments.common import timing
from experiments.peers.torch_nets import LATENT, Discriminator, Generator

warnings.filterwarnings("ignore")  # of LAMDA-SSL's, about Python and PyTorch newer than itself

from LAMDA_SSL.Algorithm.Classification.ImprovedGAN import ImprovedGAN  # noqa: E402
from LAMDA_SSL.Dataloader.LabeledDataloader import LabeledDataLoader  # noqa: E402
from LAMDA_SSL.Dataloader.UnlabeledDataloader import UnlabeledDataLoader  # noqa: E402
from LAMDA_SSL.Dataset.LabeledDataset import LabeledDataset  # noqa: E402
from LAMDA_SSL.Dataset.UnlabeledDataset import UnlabeledDataset  # noqa: E402
from LAMDA_SSL.Opitimizer.Adam import Adam  # noqa: E402
from LAMDA_SSL.Sampler.RandomSampler import RandomSampler  # noqa: E402

BATCH = 100


class FlatDiscriminator(nn.Module):
    """A discriminator as LAMDA-SSL calls it: of flat images, the features in an attribute."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images):
        """Returns logits."""
        logits, self.feature = self.network(images.view(-1, 3, 32, 32))
        return logits


class FlatGenerator(nn.Module):
    """A generator as LAMDA-SSL calls it: with a number of images."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, batch, noise=None):
        """Returns images."""
        return self.network(torch.rand(batch, LATENT) if noise is None else noise)


class Networks(nn.Module):
    """Both networks, under the names that LAMDA-SSL gives them."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module):
        super().__init__()
        self.G, self.D = FlatGenerator(generator), FlatDiscriminator(discriminator)

    def forward(self, images):
        """Returns logits."""
        return self.D(images)


class TimedImprovedGAN(ImprovedGAN):
    """Notes the time when a step begins and when the last one has ended."""

    def start_fit_batch(self, *args, **kwargs):
        """Called by LAMDA-SSL when it has a batch."""
        self.stamps = [*getattr(self, "stamps", []), time.perf_counter()]

    def end_fit(self, *args, **kwargs):
        """Called by LAMDA-SSL after the last step."""
        self.stamps.append(time.perf_counter())


def measure(*, images: str, steps: int) -> dict:
    """Times the step: D on 100 labelled + 100 unlabelled + 100 generated images, then G on 100 + 100 others.

    LAMDA-SSL as it comes, which keeps no moving average; the images are scaled to -1..1 before it gets them.

    Args:
        images: an .npz file with images, labels and label_mask.
        steps: steps to time.

    Returns:
        The report: `seconds` of each step, `rows` of real images a step, `about` the versions and the precision.
    """
    torch.manual_seed(0)
    with np.load(images) as arrays:
        pixels = np.ascontiguousarray(arrays["images"].transpose(0, 3, 1, 2)).astype("float32") / 127.5 - 1
        labels, mask = arrays["labels"].astype("int64"), arrays["label_mask"]
    total = timing.WARM_UP + steps
    sampler = RandomSampler(replacement=True, num_samples=BATCH * total)
    algorithm = TimedImprovedGAN(
        network=Networks(Generator(), Discriminator()),
        dim_in=(3, 32, 32),
        num_classes=10,
        labeled_dataset=LabeledDataset(),
        unlabeled_dataset=UnlabeledDataset(),
        labeled_dataloader=LabeledDataLoader(batch_size=BATCH, drop_last=True, prefetch_factor=None),
        unlabeled_dataloader=UnlabeledDataLoader(drop_last=True, prefetch_factor=None),
        labeled_sampler=sampler,
        unlabeled_sampler=sampler,
        mu=2,  # unlabelled images for each labelled one: half of them are the generator's
        optimizer=Adam(lr=3e-4, betas=(0.5, 0.999)),
        epoch=1,
        num_it_epoch=total,
        device="cpu",
    )
    algorithm.fit(pixels[mask], labels[mask], pixels)
    about = {"lamda_ssl": "1.0.2", "torch": torch.__version__, "numpy": np.__version__, "precision": "float32"}
    return {"seconds": timing.differences(algorithm.stamps), "rows": 3 * BATCH, "about": about}


if __name__ == "__main__":
    timing.main(measure)
