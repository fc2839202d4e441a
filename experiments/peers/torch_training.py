"""What the peers' trainings share: the classifier, random changes of images as in `ssgan.augment`, the report.

In an environment with PyTorch.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from experiments.peers.peer_images import Split
from experiments.peers.torch_nets import Discriminator
from experiments.peers.training_clock import Clock

INITIALIZATION_IMAGES = 500


class Classifier(nn.Module):
    """A discriminator whose convolutions are computed in bfloat16, features and logits in float32.

    Args:
        network: what is called.
        change: of the images, in training only.
    """

    def __init__(self, network: Discriminator, *, change: Callable[[Tensor], Tensor] | None = None):
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.change = change

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns class logits [batch, 10] and features [batch, 128] of images [batch, 3, 32, 32] in -1..1."""
        if self.training and self.change is not None:
            images = self.change(images)
        with bfloat16():
            maps = self.network.trunk(images.contiguous(memory_format=torch.channels_last))
        features = self.network.pool(maps.float(), dim=(2, 3))
        return self.network.head(features), features


def bfloat16() -> torch.autocast:
    """Returns the context of convolutions in bfloat16."""
    return torch.autocast("cpu", torch.bfloat16)


def to_pixels(images: np.ndarray) -> Tensor:
    """Returns uint8 [batch, height, width, channels] as float32 [batch, channels, height, width] in -1..1."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1


def random_shift(images: Tensor, *, pixels: int = 2) -> Tensor:
    """Translates each image by its own whole number of pixels in either direction; the edge is repeated."""
    batch, _, height, width = images.shape
    down, right = torch.randint(-pixels, pixels + 1, (2, batch, 1))
    rows = (torch.arange(height) + down).clamp(0, height - 1)[:, None, :, None]
    columns = (torch.arange(width) + right).clamp(0, width - 1)[:, None, None, :]
    return images[torch.arange(batch)[:, None, None, None], torch.arange(images.shape[1])[:, None, None], rows, columns]


def random_photo(images: Tensor) -> Tensor:
    """Changes images in -1..1 as `ssgan.augment.random_photo`: a mild affine change, other colours, a box cut out."""
    return random_color_and_cutout(random_affine(images))


def random_affine(
    images: Tensor, *, pixels: float = 2.0, slant: float = 0.15, stretch: float = 0.2, degrees: float = 12.0
) -> Tensor:
    """Translates, slants, stretches and turns each (square) image about its centre; the edge is repeated."""
    right, down, lean, wide, high, turn = torch.empty(6, len(images)).uniform_(-1, 1)
    cos, sin = torch.cos(math.radians(degrees) * turn), torch.sin(math.radians(degrees) * turn)
    a, c = cos * torch.exp(stretch * wide), sin * torch.exp(stretch * wide)
    b = slant * lean * a - sin * torch.exp(stretch * high)
    d = slant * lean * c + cos * torch.exp(stretch * high)
    side = 2.0 / images.shape[-1]  # of a pixel: the image reaches from -1 to 1
    rows = [torch.stack([a, b, side * pixels * right], 1), torch.stack([c, d, side * pixels * down], 1)]
    grid = nn.functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def random_color_and_cutout(images: Tensor) -> Tensor:
    """Changes colours and contrast, inverts half of the images, greys out a random box; images in -1..1."""
    batch, channels, height, width = images.shape
    mean = images.mean((2, 3), keepdim=True)
    contrast = torch.empty(batch, channels, 1, 1).uniform_(0.5, 1.5)
    brightness = torch.empty(batch, channels, 1, 1).uniform_(-0.3, 0.3)
    sign = torch.randint(2, (batch, 1, 1, 1)) * 2 - 1
    colored = sign * (contrast * (images - mean) + mean + brightness)
    outside = _outside(batch, height)[:, None, :, None] | _outside(batch, width)[:, None, None, :]
    return colored.clamp(-1, 1) * outside


def _outside(batch: int, size: int) -> Tensor:
    """Returns bool [batch, size]: whether a pixel is more than up to a quarter of the size from a random centre."""
    center, extent = torch.rand(2, batch, 1)
    return ((torch.arange(size) + 0.5) / size - center).abs() > extent * 0.25


def report(clock: Clock, split: Split, predict: Callable[[Tensor], np.ndarray], **about) -> dict:
    """Tests the classifier, and returns the report of a training that is over."""
    about |= {"torch": torch.__version__, "numpy": np.__version__, "threads": torch.get_num_threads()}
    return {
        "test_error": error(predict(to_pixels(split.test_images)), split.test_labels),
        "curve": clock.curve,
        "steps": clock.steps,
        "seconds": clock.seconds,
        "about": {**about, "precision": "bfloat16"},  # of the convolutions, see `Classifier`
    }


def error(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Returns the fraction of labels that were predicted wrongly."""
    return float((np.asarray(predicted) != labels).mean())
