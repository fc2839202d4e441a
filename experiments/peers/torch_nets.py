"""Networks and losses in PyTorch: those of arXiv:1606.03498 (code) for SVHN, and ssgan's own small net.

In the environment of PyTorch.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized

LATENT = 100


class Discriminator(nn.Module):
    """Weight-normalised convolutions; returns (logits, pooled features).

    Args:
        arch: `paper`, nine convolutions of 64 and 128 filters, pooled by the mean; or `small`, ssgan's default of six,
            pooled by the maximum.
    """

    def __init__(self, arch: str = "paper"):
        super().__init__()
        self.trunk = nn.Sequential(*_TRUNKS[arch]())
        self.pool = {"paper": torch.mean, "small": torch.amax}[arch]
        self.head = _weight_norm(nn.Linear(128, 10), train_gain=True)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns class logits [batch, 10] and features [batch, 128] of images [batch, 3, 32, 32] in -1..1."""
        features = self.pool(self.trunk(images), dim=(2, 3))
        return self.head(features), features


class Generator(nn.Module):
    """The DCGAN of the paper's code; returns images in -1..1.

    Args:
        memory_format: of the feature maps.
        width: channels of the last hidden layer; 2 and 4 times as many in the layers before.
    """

    def __init__(self, memory_format: torch.memory_format = torch.contiguous_format, *, width: int = 128):
        super().__init__()
        self.memory_format = memory_format
        self.width = width
        shape = {"kernel_size": 5, "stride": 2, "padding": 2, "output_padding": 1}
        self.dense = nn.Sequential(
            nn.Linear(LATENT, 4 * width * 4 * 4, bias=False),
            nn.BatchNorm1d(4 * width * 4 * 4, eps=1e-3),
            nn.ReLU(inplace=True),
        )
        self.stack = nn.Sequential(
            nn.ConvTranspose2d(4 * width, 2 * width, bias=False, **shape),
            nn.BatchNorm2d(2 * width, eps=1e-3),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(2 * width, width, bias=False, **shape),
            nn.BatchNorm2d(width, eps=1e-3),
            nn.ReLU(inplace=True),
            _weight_norm(nn.ConvTranspose2d(width, 3, **shape), train_gain=True, dim=1),
            nn.Tanh(),
        )

    def forward(self, noise: Tensor) -> Tensor:
        """Returns images [batch, 3, 32, 32] of noise [batch, 100]."""
        maps = self.dense(noise).unflatten(1, (4 * self.width, 4, 4)).contiguous(memory_format=self.memory_format)
        return self.stack(maps)


def discriminator_loss(labeled: Tensor, labels: Tensor, unlabeled: Tensor, generated: Tensor) -> Tensor:
    """Returns the loss of the discriminator from three blocks of logits (arXiv:1606.03498, section 5)."""
    real, fake = (_precise(logits).logsumexp(1) for logits in (unlabeled, generated))
    unsupervised = 0.5 * (softplus(-real).mean() + softplus(fake).mean())
    return cross_entropy(_precise(labeled), labels) + unsupervised


def generator_loss(real_features: Tensor, generated_features: Tensor) -> Tensor:
    """Returns the L1 distance of mean features (arXiv:1606.03498, section 3.1)."""
    return (_precise(real_features).mean(0) - _precise(generated_features).mean(0)).abs().mean()


@torch.no_grad()
def initialize_from_data(network: nn.Module, inputs: Tensor) -> None:
    """Sets gains and biases so that each weight-normalised layer's outputs have mean 0 and deviation 1 per channel.

    0.1 in the last layer of a network, the one whose gain is trained (arXiv:1602.07868, section 3; as ssgan does it).

    Args:
        network: as it was made: gains 1, biases 0.
        inputs: a few hundred.
    """
    layers = [layer for layer in network.modules() if is_parametrized(layer)]
    hooks = [layer.register_forward_hook(_normalize) for layer in layers]
    network(inputs)
    for hook in hooks:
        hook.remove()


def _normalize(layer: nn.Module, _, outputs: Tensor) -> Tensor:
    others = [axis for axis in range(outputs.ndim) if axis != 1]
    gain = layer.parametrizations.weight.original0
    scale = (0.1 if gain.requires_grad else 1.0) / (outputs.var(others, correction=0) + 1e-8).sqrt()
    gain.copy_(scale.reshape(gain.shape))
    layer.bias.copy_(-outputs.mean(others) * scale)
    channels = [1, -1] + [1] * (outputs.ndim - 2)
    return outputs * scale.reshape(channels) + layer.bias.reshape(channels)


def _precise(tensor: Tensor) -> Tensor:
    """Returns bfloat16 as float32, anything else as it is."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _paper() -> list[nn.Module]:
    return [
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
    ]


def _small() -> list[nn.Module]:
    return [
        *_convolution(3, 32),
        *_convolution(32, 64, stride=2),
        *_convolution(64, 64),
        nn.Dropout(0.2),
        *_convolution(64, 128, stride=2),
        *_convolution(128, 128),
        nn.Dropout(0.2),
        *_convolution(128, 128, kernel_size=1, padding=0),
    ]


_TRUNKS = {"paper": _paper, "small": _small}


def _convolution(inputs: int, outputs: int, *, kernel_size: int = 3, stride: int = 1, padding: int = 1):
    layer = nn.Conv2d(inputs, outputs, kernel_size, stride, padding)
    return _weight_norm(layer, train_gain=False), nn.LeakyReLU(0.2, inplace=True)


def _weight_norm(layer: nn.Module, *, train_gain: bool, dim: int = 0) -> nn.Module:
    nn.init.normal_(layer.weight, std=0.05)
    layer = weight_norm(layer, dim=dim)
    layer.parametrizations.weight.original0.requires_grad_(train_gain)
    nn.init.ones_(layer.parametrizations.weight.original0)
    return layer
