"""How fast images are evaluated and classified, by batch size. In ssgan's environment."""

import time

from experiments.common import timing
from experiments.speed.ssgan_step import described, prepare, read_options


def measure(*, config: str, flags: list[str], images: str, count: int, batch_sizes: list[int], rounds: int) -> dict:
    """Times `gan.evaluate`, of averaged and raw weights, and `classifier.predict`.

    Args:
        config: name of a file in `configs/`.
        flags: options on top of it.
        images: an .npz file with images, labels and label_mask.
        count: number of images to look at.
        batch_sizes: images per batch, each size in turn.
        rounds: times each is timed; once more before the clock counts.

    Returns:
        The report: `images_per_second` of `evaluate` and `predict`, by batch size, a figure per round;
        `options` in full.
    """
    import numpy as np

    from ssgan.classifier import to_classifier

    options = read_options(config, flags)
    gan, _, _ = prepare(options, images, steps=1)
    with np.load(images) as arrays:
        pixels, labels = arrays["images"][:count], arrays["labels"][:count]
    classifier = to_classifier(gan.ema_discriminator, pixels.shape[1:])
    calls = {
        "evaluate": lambda size: gan.evaluate(pixels, labels, batch_size=size, verbose=0),
        "predict": lambda size: classifier.predict(pixels, batch_size=size, verbose=0),
    }
    rates: dict = {name: {size: [] for size in batch_sizes} for name in calls}
    for number in range(1 + rounds):
        for name, call in calls.items():
            for size in batch_sizes:
                begin = time.perf_counter()
                call(size)
                if number:
                    rates[name][size].append(len(pixels) / (time.perf_counter() - begin))
    return {"images_per_second": rates, "options": described(options)}


if __name__ == "__main__":
    timing.main(measure)
