"""The step of `ssgan_agreement` in PyTorch: the same weights, batch and noise. In the environment of PyTorch.

Where a stride does not divide evenly, TensorFlow's `same` pads behind and PyTorch's `padding` in front. Hence
PyTorch computes the mirror image: images and kernels are turned by 180 degrees, and so are the gradients of kernels.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from experiments.common import timing
from experiments.peers.torch_nets import Discriminator, Generator, discriminator_loss, generator_loss

Place = tuple[torch.Tensor, Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]


def measure(*, expected: str, smooth: bool) -> dict:
    """Computes losses and gradients, and compares them with those of ssgan.

    Args:
        expected: the .npz file of `ssgan_agreement`.
        smooth: whether SiLU takes the place of ReLU and leaky ReLU.

    Returns:
        The report: relative errors, `|difference| / |the latter|` (L2 norms), of both losses and of every gradient:
        `ssgan_to_float32` and `ssgan_to_float64`, both of PyTorch, and `float32_to_float64` of PyTorch itself.
    """
    with np.load(expected) as file:
        theirs = dict(file)
    single, double = (compute(theirs, dtype, smooth=smooth) for dtype in (torch.float32, torch.float64))
    return {
        "ssgan_to_float32": _relative_errors(theirs, single),
        "ssgan_to_float64": _relative_errors(theirs, double),
        "float32_to_float64": _relative_errors(single, double),
    }


def compute(arrays: dict[str, np.ndarray], dtype: torch.dtype, *, smooth: bool) -> dict[str, np.ndarray]:
    """Returns losses and gradients, by the names and in the layout of ssgan's file."""
    discriminator, generator = Discriminator(), Generator()
    for network in (discriminator, generator):
        for parent in list(network.modules()):
            for name, layer in parent.named_children():
                if isinstance(layer, nn.Dropout):
                    layer.p = 0.0
                if smooth and isinstance(layer, nn.ReLU | nn.LeakyReLU):
                    setattr(parent, name, nn.SiLU())
    places = {**_discriminator_places(discriminator), **_generator_places(generator)}
    with torch.no_grad():
        for name, (tensor, to_torch, _) in places.items():
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(to_torch(arrays[name]))))
    # Weights keep their identity when they change their type: `places` goes on naming them.
    losses = _losses(discriminator.to(dtype), generator.to(dtype), arrays, dtype)
    gradients = {
        f"gradient.{name}": to_keras(tensor.grad.numpy())
        for name, (tensor, _, to_keras) in places.items()
        if tensor.grad is not None
    }
    return {**losses, **gradients}


def _losses(discriminator: nn.Module, generator: nn.Module, arrays: dict[str, np.ndarray], dtype: torch.dtype) -> dict:
    """Returns both losses; the gradients of each network are left at its weights."""
    labeled, unlabeled, fresh = (
        torch.from_numpy(arrays[role]).to(dtype).permute(0, 3, 1, 2).flip(2, 3) / 127.5 - 1
        for role in ("labeled", "unlabeled", "generator")
    )
    labels = torch.from_numpy(arrays["labels"]).long()
    d_noise, g_noise = (torch.from_numpy(arrays[name]).to(dtype) for name in ("d_noise", "g_noise"))
    with torch.no_grad():
        generated = generator(d_noise)
    blocks = discriminator(torch.cat([labeled, unlabeled, generated]))[0].split(100)
    d_loss = discriminator_loss(blocks[0], labels, blocks[1], blocks[2])
    d_loss.backward()
    g_loss = generator_loss(discriminator(fresh)[1].detach(), discriminator(generator(g_noise))[1])
    g_loss.backward(inputs=list(generator.parameters()))
    return {"d_loss": d_loss.item(), "g_loss": g_loss.item()}


def _discriminator_places(network: Discriminator) -> dict[str, Place]:
    """Returns for each array of ssgan's: the tensor it belongs in, the way there and the way back."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    places: dict[str, Place] = {}
    for number, layer in enumerate(layers):
        kernel = _matrix if isinstance(layer, nn.Linear) else _convolution
        places |= _weight_norm_places(f"d.{{}}.{number}", layer, kernel)
    return places


def _generator_places(network: Generator) -> dict[str, Place]:
    dense, first_norm, _ = network.dense
    *hidden, to_pixels, _ = network.stack
    transposed, norms = hidden[::3], [first_norm, *hidden[1::3]]
    places: dict[str, Place] = {
        "g.kernel.0": (
            dense.weight,
            lambda k: _units(k).reshape(8192, -1),
            lambda k: _units_back(k.reshape(512, 4, 4, -1)),
        )
    }
    for number, layer in enumerate(transposed, start=1):
        places[f"g.kernel.{number}"] = (layer.weight, *_convolution)
    for number, norm in enumerate(norms):
        ways: tuple = (_same, _same)
        if number == 0:  # of the dense layer's units
            ways = (lambda k: _units(k).reshape(-1), lambda k: _units_back(k.reshape(512, 4, 4, 1))[0])
        places |= {f"g.gamma.{number}": (norm.weight, *ways), f"g.beta.{number}": (norm.bias, *ways)}
    return places | _weight_norm_places("g.{}.0", to_pixels, _convolution)


def _weight_norm_places(name: str, layer: nn.Module, kernel: tuple) -> dict[str, Place]:
    gain, direction = (layer.parametrizations.weight.original0, layer.parametrizations.weight.original1)
    return {
        name.format("direction"): (direction, *kernel),
        name.format("gain"): (gain, lambda g: g.reshape(gain.shape), np.ravel),
        name.format("bias"): (layer.bias, _same, _same),
    }


def _same(array: np.ndarray) -> np.ndarray:
    return array


def _units(array: np.ndarray) -> np.ndarray:
    """Turns [..., 4 * 4 * 512] into [512, 4, 4, ...], mirrored: the dense layer's units in PyTorch's order."""
    return array.reshape(-1, 4, 4, 512)[:, ::-1, ::-1].transpose(3, 1, 2, 0)


def _units_back(array: np.ndarray) -> np.ndarray:
    return array.transpose(3, 1, 2, 0)[:, ::-1, ::-1].reshape(array.shape[3], -1)


# The way there and the way back, each its own inverse.
_matrix = (np.transpose, np.transpose)
_convolution = (lambda k: k[::-1, ::-1].transpose(3, 2, 0, 1), lambda k: k.transpose(2, 3, 1, 0)[::-1, ::-1])


def _relative_errors(found: dict, expected: dict) -> dict[str, float]:
    """Compares losses and gradients.

    Raises:
        KeyError: if one side has a gradient that the other has not.
    """
    names = [name for name in {**found, **expected} if name.startswith("gradient.") or name.endswith("_loss")]
    pairs = ((name, np.asarray(found[name], float), np.asarray(expected[name], float)) for name in names)
    return {name: float(np.linalg.norm(one - other) / np.linalg.norm(other)) for name, one, other in pairs}


if __name__ == "__main__":
    timing.main(measure)
