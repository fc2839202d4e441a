"""The layers of the measured networks by their shapes, and which convolutions a training step runs. No TensorFlow.

Written down a second time, not read from ssgan's models: so that the count of operations is the same for every tool,
and does not change when ssgan computes a layer in another way.
"""

import collections
import dataclasses
from collections.abc import Iterator

from ssgan import phases

CLASSES = 10
FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT = "forward", "input gradient", "weight gradient"


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution, transposed convolution or dense layer.

    Attributes:
        kind: `conv`, `transposed` or `dense`.
        size: height and width of the input, pixels; 1 for dense.
        inputs, outputs: channels.
        kernel: height and width of the kernel, pixels.
        stride: pixels.
        padding: `SAME` or `VALID`.
    """

    kind: str
    size: int
    inputs: int
    outputs: int
    kernel: int = 1
    stride: int = 1
    padding: str = "SAME"

    @property
    def output_size(self) -> int:
        """Height and width of the output, pixels."""
        if self.kind == "transposed":
            return self.size * self.stride
        side = self.size if self.padding == "SAME" else self.size - self.kernel + 1
        return -(-side // self.stride)

    @property
    def weights(self) -> int:
        """Number of weights in the kernel."""
        return self.kernel**2 * self.inputs * self.outputs

    def flop(self, rows: int) -> int:
        """Operations of one pass (forward or either gradient) over `rows` images; a multiply-add counts as two."""
        places = self.size if self.kind == "transposed" else self.output_size
        return 2 * rows * places**2 * self.weights


@dataclasses.dataclass(frozen=True)
class Work:
    """One operation of a training step: a layer, forward or one of its gradients, over so many images."""

    layer: Layer
    operation: str
    rows: int

    @property
    def flop(self) -> int:
        """Operations; a multiply-add counts as two."""
        return self.layer.flop(self.rows)


def discriminator(arch: str) -> list[Layer]:
    """Returns the layers of a discriminator for 32x32 RGB images, see `ssgan.models.architectures`."""
    plan: list[tuple]
    width = {"paper_svhn": 64, "paper_cifar": 96}.get(arch)
    if width:
        same, halved = (3, 1), (3, 2)
        wide = 2 * width
        plan = [(width, *same), (width, *same), (width, *halved), (wide, *same), (wide, *same), (wide, *halved)]
        plan += [(wide, 3, 1, "VALID"), (wide, 1, 1), (wide, 1, 1)]
    elif arch == "small":
        plan = [(32, 3, 1), (64, 3, 2), (64, 3, 1), (128, 3, 2), (128, 3, 1), (128, 1, 1)]
    elif arch == "article":
        plan = [(64, 3, 2), (64, 3, 2), (64, 3, 2), (128, 3, 1), (128, 3, 1), (128, 3, 2), (128, 3, 1)]
    else:
        raise ValueError(f"arch={arch!r}: expected paper_svhn, paper_cifar, small or article")
    layers: list[Layer] = []
    size, channels = 32, 3
    for outputs, *shape in plan:
        layers.append(Layer("conv", size, channels, outputs, *shape))
        size, channels = layers[-1].output_size, outputs
    return [*layers, Layer("dense", 1, channels, CLASSES)]


def generator(design: str, width: int, *, classes: int = 0) -> list[Layer]:
    """Returns the layers of a generator of 32x32 RGB images, see `ssgan.models.generator`.

    Args:
        design: `resize` (3x3 convolutions of images made twice as large) or `dcgan` (transposed convolutions, 5x5).
        width: channels of its last hidden layer.
        classes: of which it is told one; 0: of none.
    """
    layers = [Layer("dense", 1, 100 + classes, 4 * 4 * 4 * width)]
    for size, inputs, outputs in ((4, 4 * width, 2 * width), (8, 2 * width, width), (16, width, 3)):
        if design == "resize":
            layers.append(Layer("conv", 2 * size, inputs, outputs, 3))
        elif design == "dcgan":
            layers.append(Layer("transposed", size, inputs, outputs, 5, 2))
        else:
            raise ValueError(f"generator={design!r}: expected resize or dcgan")
    return layers


def step_work(config) -> list[Work]:
    """Returns the convolutions and dense layers of one training step, each pass over as many images as it can take.

    Args:
        config: an `ssgan.options.Config`, or whatever has the same options.
    """
    critic = discriminator(config.arch)
    maker = generator(config.generator, config.generator_width, classes=CLASSES if config.conditional else 0)
    labeled = config.labeled_batch if config.batching == "mixed" else 0
    as_the_gan_sees = config.unlabeled_batch if config.gan_views == "weak" else 0  # by a further pass
    real, made = labeled + config.unlabeled_batch + as_the_gan_sees, config.generated_batch
    work = [*_forward(maker, made), *_forward(critic, real + made), *_backward(critic, real + made)]
    if config.updates == "alternating":  # the generator's turn: new images, new noise
        work += [*_forward(maker, made), *_forward(critic, 2 * made)]
    if config.pseudo_label_weight:
        work += _forward(critic, config.unlabeled_batch)
    to_images = [Work(layer, INPUT_GRADIENT, made) for layer in critic]
    return [*work, *to_images, *_backward(maker, made)]


def training_flop(config, steps: int, *, begun: int) -> int:
    """Returns the operations of the first so many steps of a training, forward and backward; augmentation is left out.

    Args:
        config: as of `step_work`.
        steps: that are counted.
        begun: the step from which on the images without labels take part.

    Raises:
        ValueError: for updates or terms that pass images in another way.
    """
    others = (config.vat_weight, config.consistency_term_weight, config.adversarial_examples_weight, config.d_steps - 1)
    if config.batching != "mixed" or config.updates != "simultaneous" or any(others):
        raise ValueError("expected mixed batching, simultaneous updates, and no term that passes images once more")
    critic, labeled = discriminator(config.arch), config.labeled_batch
    of_labels = [*_forward(critic, labeled), *_backward(critic, labeled)]
    rows = labeled + (config.unlabeled_batch if config.pseudo_label_weight else 0)
    of_classes = [*_forward(critic, rows), *_backward(critic, rows)]
    if config.pseudo_label_weight:
        of_classes += _forward(critic, config.unlabeled_batch)
    kinds = {phases.LABELS: of_labels, phases.CLASSES: of_classes, phases.BOTH: step_work(config)}
    due = phases.Phases(
        unlabeled_start=begun,
        gan_every=config.gan_every,
        d_steps=config.d_steps,
        has_gan=config.gan_weight > 0,
        trains_generator=True,
    )
    counts = collections.Counter(due.kind(step) for step in range(steps))
    return sum(count * sum(work.flop for work in kinds[kind]) for kind, count in counts.items())


def _forward(layers: list[Layer], rows: int) -> Iterator[Work]:
    return (Work(layer, FORWARD, rows) for layer in layers)


def _backward(layers: list[Layer], rows: int) -> Iterator[Work]:
    """Gradients of all weights; nobody asks for that of the input of the first layer."""
    yield from (Work(layer, WEIGHT_GRADIENT, rows) for layer in layers)
    yield from (Work(layer, INPUT_GRADIENT, rows) for layer in layers[1:])
