"""The SVHN networks and losses of arXiv:1606.03498 (code) in PyTorch. In the environment of PyTorch."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus
from torch.nn.utils.parametrizations import weight_norm

LATENT = 100


class Discriminator(nn.Module):
    """Nine weight-normalised convolutions of 64 and 128 filters; returns (logits, pooled features)."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Dropout(0.2),
            *_convolution(3, 64),
            *_convolution(64, 64),
            *_convolution(64, 64, stride=2),
            nn.Dropout(0.5),
            *_convolution(64, 128),
            *_convolution(128, 128),
            *_convolution(128, 128, stride=2),
            nn.Dropout(0.5),
            *_convolution(128, 128, padding=0),
            *_convolution(128, 128, kernel_size=1, padding=0),
            *_convolution(128, 128, kernel_size=1, padding=0),
        )
        self.head = _weight_norm(nn.Linear(128, 10), train_gain=True)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns class logits [batch, 10] and features [batch, 128] of images [batch, 3, 32, 32] in -1..1."""
        features = self.trunk(images).mean((2, 3))
        return self.head(features), features


class Generator(nn.Module):
    """The DCGAN of the paper's code; returns images in -1..1."""

    def __init__(self, memory_format: torch.memory_format = torch.contiguous_format):
        super().__init__()
        self.memory_format = memory_format
        shape = {"kernel_size": 5, "stride": 2, "padding": 2, "output_padding": 1}
        self.dense = nn.Sequential(
            nn.Linear(LATENT, 512 * 4 * 4, bias=False), nn.BatchNorm1d(512 * 4 * 4, eps=1e-3), nn.ReLU(inplace=True)
        )
        self.stack = nn.Sequential(
            nn.ConvTranspose2d(512, 256, bias=False, **shape),
            nn.BatchNorm2d(256, eps=1e-3),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(256, 128, bias=False, **shape),
            nn.BatchNorm2d(128, eps=1e-3),
            nn.ReLU(inplace=True),
            _weight_norm(nn.ConvTranspose2d(128, 3, **shape), train_gain=True, dim=1),
            nn.Tanh(),
        )

    def forward(self, noise: Tensor) -> Tensor:
        """Returns images [batch, 3, 32, 32] of noise [batch, 100]."""
        maps = self.dense(noise).unflatten(1, (512, 4, 4)).contiguous(memory_format=self.memory_format)
        return self.stack(maps)


def discriminator_loss(labeled: Tensor, labels: Tensor, unlabeled: Tensor, generated: Tensor) -> Tensor:
    """Returns the loss of the discriminator from three blocks of logits (arXiv:1606.03498, section 5)."""
    real, fake = (_precise(logits).logsumexp(1) for logits in (unlabeled, generated))
    unsupervised = 0.5 * (softplus(-real).mean() + softplus(fake).mean())
    return cross_entropy(_precise(labeled), labels) + unsupervised


def generator_loss(real_features: Tensor, generated_features: Tensor) -> Tensor:
    """Returns the L1 distance of mean features (arXiv:1606.03498, section 3.1)."""
    return (_precise(real_features).mean(0) - _precise(generated_features).mean(0)).abs().mean()


def _precise(tensor: Tensor) -> Tensor:
    """Returns bfloat16 as float32, anything else as it is."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _convolution(inputs: int, outputs: int, *, kernel_size: int = 3, stride: int = 1, padding: int = 1):
    layer = nn.Conv2d(inputs, outputs, kernel_size, stride, padding)
    return _weight_norm(layer, train_gain=False), nn.LeakyReLU(0.2, inplace=True)


def _weight_norm(layer: nn.Module, *, train_gain: bool, dim: int = 0) -> nn.Module:
    nn.init.normal_(layer.weight, std=0.05)
    layer = weight_norm(layer, dim=dim)
    layer.parametrizations.weight.original0.requires_grad_(train_gain)
    nn.init.ones_(layer.parametrizations.weight.original0)
    return layer
