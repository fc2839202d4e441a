"""ssgan's training step as its users get it: real options, batches, model and `fit`. In ssgan's environment."""

import dataclasses
import time

from experiments.common import places, results, timing
from experiments.speed import shapes


def measure(*, config: str, flags: list[str], images: str, steps: int) -> dict:
    """Times ssgan's step.

    Args:
        config: name of a file in `configs/`.
        flags: options on top of it.
        images: an .npz file with images, labels and label_mask.
        steps: steps to time.

    Returns:
        The report: `seconds` of each step, `rows` of real images a step, `about` the machine, `options` in full.
    """
    options = read_options(config, flags)
    gan, batches, rows = prepare(options, images, steps=timing.WARM_UP + steps)
    seconds = fit_seconds(gan, batches)

    from ssgan import hardware

    about = {**hardware.describe(), "precision": options.precision}
    return {"seconds": seconds, "rows": rows, "about": about, "options": described(options)}


def described(options) -> dict:
    """Returns every option of a measured step, as a results file holds them."""
    return results.public(dataclasses.asdict(options))


def fit_seconds(gan, batches) -> list[float]:
    """Trains on the batches; returns the wall time of each step after the warm-up, seconds."""
    clock = _clock()
    gan.fit(batches, shuffle=False, verbose=0, callbacks=[clock])
    return timing.differences(clock.stamps)


def read_options(config: str, flags: list[str]):
    """Returns the options of a file in `configs/` with flags on top, their precision decided.

    Unlabelled images and the GAN take part in every step, so that all the steps that are timed do the same.
    """
    from ssgan import determinism
    from ssgan.options import Config
    from ssgan.options.flags import parse_flags

    options = parse_flags(Config, ["ssgan", f"--flagfile={places.CONFIGS / config}.cfg", *flags], usage="")
    if options.deterministic:
        determinism.turn_off_onednn()

    from ssgan import hardware

    precision = hardware.precision(options.precision)
    return dataclasses.replace(options, precision=precision, unlabeled_start=0.0, gan_every=1)


def prepare(options, images: str, *, steps: int):
    """Returns the compiled model and its training batches as `ssgan.train` makes them, and the images in each."""
    import keras
    import numpy as np
    import tensorflow as tf

    from ssgan.data import ImageSet
    from ssgan.training import build as recipe

    with np.load(images) as arrays:
        pixels, labels, label_mask = (arrays[name] for name in ("images", "labels", "label_mask"))
    names = tuple(map(str, range(10)))
    image_set = ImageSet("bench", "train", images, True, pixels, labels, names)
    keras.utils.set_random_seed(options.seed)
    if options.deterministic:
        tf.config.experimental.enable_op_determinism()
    gan = recipe.build(options, image_shape=pixels.shape[1:], num_classes=len(names), steps=steps)
    check_shapes(gan, options)
    gan.initialize_from_data(pixels[:500])
    batches = recipe.batches(options, image_set, label_mask, unlabeled=np.arange(len(labels)), steps=steps)
    return gan, batches, _rows(batches.element_spec)


def _rows(spec) -> int:
    """Returns the number of images in a batch: of a dictionary by role, or of a stream of images and labels."""
    images = [part for role, part in spec.items() if role != "labels"] if isinstance(spec, dict) else spec[:1]
    return sum(part.shape[0] for part in images)


def check_shapes(gan, options) -> None:
    """Compares the kernels of the model with `experiments.speed.shapes`, by which operations are counted.

    Raises:
        ValueError: if they differ.
    """
    for network, layers in (
        (gan.discriminator, shapes.discriminator(options.arch)),
        (
            gan.generator,
            shapes.generator(options.generator, options.generator_width, classes=gan.generator.num_classes),
        ),
    ):
        kernels = [variable for variable in network.variables if len(variable.shape) in (2, 4)]
        found = sorted(int(variable.value.numpy().size) for variable in kernels)
        expected = sorted(layer.weights for layer in layers)
        if found != expected:
            raise ValueError(f"{network.name} has kernels of {found} weights; experiments.speed.shapes says {expected}")


def _clock():
    import keras

    class Clock(keras.callbacks.Callback):
        """Notes the time at the beginning and after every step."""

        def __init__(self) -> None:
            super().__init__()
            self.stamps: list[float] = []
            self.steps = 0

        def on_train_begin(self, logs=None):
            self.stamps.append(time.perf_counter())

        def on_train_batch_end(self, batch, logs=None):
            # Several steps in one execution: each gets its share.
            now, last, count = time.perf_counter(), self.stamps[-1], batch + 1 - self.steps
            self.stamps += [last + (now - last) * (number + 1) / count for number in range(count)]
            self.steps = batch + 1

    return Clock()


if __name__ == "__main__":
    timing.main(measure)
