"""An exported classifier, written, or timed in its own runtime. In ssgan's environment, with its extra `export`."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from experiments.common import timing

SHAPE, CLASSES = (32, 32, 3), 10
TIMED_MANY = 5  # times that many images are classified in a process


def measure(*, task: str, format: str, folder: str, **options) -> dict:
    """Does one of `write` and `clock`, which see."""
    tasks: dict[str, Callable[..., dict]] = {"write": write, "clock": clock}
    return tasks[task](format, Path(folder), **options)


def write(format: str, folder: Path, *, arch: str) -> dict:
    """Writes an untrained classifier of an architecture in a format, into a new folder, and holds it against Keras.

    Returns:
        The report: `bytes` of the files, `largest_difference` of a probability, `about` the machine.
    """
    import keras

    import ssgan
    from ssgan import hardware
    from ssgan.formats import checked

    keras.utils.set_random_seed(0)
    discriminator = ssgan.Discriminator(CLASSES, arch=arch)
    discriminator.build((None, *SHAPE))
    file = folder.with_suffix(".keras")
    ssgan.to_classifier(discriminator, SHAPE).save(file)
    folder.mkdir()
    report = checked.write(ssgan.load_classifier(file), file, format, folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"bytes": size, "largest_difference": report["largest_difference"], "about": hardware.describe()}


def clock(format: str, folder: Path, *, steps: int, count: int) -> dict:
    """Times every way to run an export on one image and on `count`, in turn.

    Returns:
        The report: `load_seconds`, imports of the runtime included, and by way to run it `one` and `many`: the medians,
        milliseconds.
    """
    import numpy as np

    images = np.random.default_rng(0).integers(0, 256, (count, *SHAPE), np.uint8)
    begin = time.perf_counter()
    ways = _ways(format, folder)
    load_seconds = time.perf_counter() - begin
    seconds: dict[str, dict[str, list[float]]] = {name: {"one": [], "many": []} for name in ways}
    for key, size, times in (("many", count, TIMED_MANY), ("one", 1, steps)):
        for number in range(timing.WARM_UP + times):
            for name, run in ways.items():
                begin = time.perf_counter()
                run(images[:size])
                if number >= timing.WARM_UP:
                    seconds[name][key].append(time.perf_counter() - begin)
    medians = {name: {key: 1e3 * statistics.median(of) for key, of in found.items()} for name, found in seconds.items()}
    return {"load_seconds": load_seconds, "milliseconds": medians}


def _ways(format: str, folder: Path) -> dict[str, Callable]:
    """Returns functions from images to probabilities: the runtime's, for Keras several."""
    from ssgan.formats.runtimes import FORMATS

    path = folder / FORMATS[format].file
    if format != "keras":
        return {format: FORMATS[format].load(path)}

    import tensorflow as tf

    import ssgan

    model = ssgan.load_classifier(path)
    compiled = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    return {
        "predict_on_batch": model.predict_on_batch,
        "tf.function": lambda images: compiled(images).numpy(),
        "call": lambda images: model(images).numpy(),
        "predict": lambda images: model.predict(images, verbose=0),
    }


if __name__ == "__main__":
    timing.main(measure)
