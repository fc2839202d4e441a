"""The paper's SVHN step in PyTorch, as its users would write it for a CPU. In the environment of PyTorch."""

import contextlib

import numpy as np
import torch

from experiments.common import timing
from experiments.peers.torch_nets import LATENT, Discriminator, Generator, discriminator_loss, generator_loss

BATCH = 100  # labelled, unlabelled and generated images each


def measure(*, images: str, steps: int, channels_last: bool, autocast: bool) -> dict:
    """Times the step: D on 100 labelled + 100 unlabelled + 100 generated images, then G on 100 + 100 others.

    Args:
        images: an .npz file with images, labels and label_mask.
        steps: steps to time.
        channels_last: whether images and weights are kept in that memory format.
        autocast: whether the forward passes run under bfloat16 autocast.

    Returns:
        The report: `seconds` of each step, `rows` of real images a step, `about` the versions and the precision.
    """
    torch.manual_seed(0)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    precision = torch.autocast("cpu", torch.bfloat16) if autocast else contextlib.nullcontext()
    step = Step(images, memory_format=memory_format, precision=precision)
    seconds = timing.seconds_per_step(step, steps=steps)
    about = {"torch": torch.__version__, "numpy": np.__version__, "threads": torch.get_num_threads()}
    about["precision"] = "bfloat16" if autocast else "float32"
    return {"seconds": seconds, "rows": 3 * BATCH, "about": about}


class Step:
    """One training step with everything it needs; the images stay in memory as bytes."""

    def __init__(self, images: str, *, memory_format: torch.memory_format, precision):
        with np.load(images) as arrays:
            self.images = torch.from_numpy(arrays["images"]).permute(0, 3, 1, 2).contiguous(memory_format=memory_format)
            self.labels = torch.from_numpy(arrays["labels"]).long()
            self.labeled = torch.from_numpy(arrays["label_mask"]).nonzero()[:, 0]
        self.precision = precision
        self.discriminator = Discriminator().to(memory_format=memory_format)
        self.generator = Generator(memory_format).to(memory_format=memory_format)
        self.d_weights = [weight for weight in self.discriminator.parameters() if weight.requires_grad]
        self.g_weights = [weight for weight in self.generator.parameters() if weight.requires_grad]
        self.averages = [weight.detach().clone() for weight in self.d_weights]
        self.d_optimizer, self.g_optimizer = (
            torch.optim.Adam(weights, lr=3e-4, betas=(0.5, 0.999), fused=True)
            for weights in (self.d_weights, self.g_weights)
        )

    def __call__(self) -> None:
        """Updates the discriminator, its moving average, and the generator."""
        labeled = self.labeled[torch.randint(len(self.labeled), (BATCH,))]
        unlabeled, fresh = torch.randint(len(self.images), (2, BATCH))

        with self.precision:
            with torch.no_grad():
                generated = self.generator(torch.rand(BATCH, LATENT)).float()
            images = torch.cat([self.pixels(torch.cat([labeled, unlabeled])), generated])
            logits, _ = self.discriminator(images)
            loss = discriminator_loss(logits[:BATCH], self.labels[labeled], *logits[BATCH:].split(BATCH))
        self.d_optimizer.zero_grad()
        loss.backward()
        self.d_optimizer.step()
        torch._foreach_lerp_(self.averages, [weight.detach() for weight in self.d_weights], 1e-4)

        with self.precision:
            with torch.no_grad():
                _, real_features = self.discriminator(self.pixels(fresh))
            _, generated_features = self.discriminator(self.generator(torch.rand(BATCH, LATENT)))
            loss = generator_loss(real_features, generated_features)
        self.g_optimizer.zero_grad()
        loss.backward(inputs=self.g_weights)
        self.g_optimizer.step()

    def pixels(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns images in -1..1."""
        return self.images[rows].float().div_(127.5).sub_(1)


if __name__ == "__main__":
    timing.main(measure)
