"""Times a step of every technique of the GAN beside one of the base: the two in turns, in one process.

  python -m experiments.studies.technique_times                            all of them, ten minutes of one core
  python -m experiments.studies.technique_times --techniques R1 VAT        these alone

Puts the times into results/techniques.json. The images are noise, for what is in them does not change the time. As the
two take turns, other work on the machine slows both; `taskset -c 0` keeps them on a core of their own.
"""

import argparse
import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.common import places, results
from experiments.studies.techniques import BASE, TECHNIQUES, put_all

if TYPE_CHECKING:
    from ssgan.data import ImageSet

BLOCK, ROUNDS = 4, 9  # steps in one turn, all kinds of a step among them, and turns
IMAGES, LABELS = 200, 100


def main() -> None:
    """Times what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--techniques", nargs="+", choices=TECHNIQUES, default=list(TECHNIQUES), metavar="TECHNIQUE")
    parser.add_argument("--output", type=Path, default=places.RESULTS / "techniques.json", help="the .json to write")
    options = parser.parse_args()
    from ssgan import hardware  # TensorFlow: after --help

    origin, base = results.about(hardware.describe()), steps_of("base")
    for name in options.techniques:
        found = beside(base, steps_of(name))
        put(options.output, name, {**origin, **found})
        print(f"{name:34} {1000 * found['seconds']:6.1f} ms, {found['of_base']:.2f} of the base", flush=True)


def steps_of(name: str) -> Callable[[], object]:
    """Returns a function that does `BLOCK` steps of a technique, of one batch, and waits for what they compute."""
    from ssgan import hardware
    from ssgan.options import Config
    from ssgan.options.flags import parse_flags
    from ssgan.training import build

    asked: Config = parse_flags(Config, ["technique_times", *BASE, *TECHNIQUES[name], "--unlabeled_start=0"], usage="")
    config, images = dataclasses.replace(asked, precision=hardware.precision(asked.precision)), noise()
    gan = build.build(config, image_shape=images.image_shape, num_classes=10, steps=BLOCK * (1 + ROUNDS))
    gan.initialize_from_data(images.images)
    rows = np.arange(IMAGES)
    batches = itertools.repeat(next(iter(build.batches(config, images, rows < LABELS, unlabeled=rows, steps=1))))
    step = gan.make_train_function()
    return lambda: [float(step(batches)["d_loss"]) for _ in range(BLOCK)]


def noise() -> "ImageSet":
    """Returns images as large as MNIST's, every class among those with a label."""
    from ssgan.data import ImageSet

    return ImageSet(
        name="noise",
        split="train",
        source="random numbers",
        synthetic=True,
        images=np.random.RandomState(0).randint(0, 256, (IMAGES, 28, 28, 1)).astype(np.uint8),
        labels=np.arange(IMAGES, dtype=np.int32) % 10,
        class_names=tuple("0123456789"),
    )


def beside(base: Callable[[], object], technique: Callable[[], object]) -> dict[str, float]:
    """Returns a step's processor time, seconds, and its share of the base's, medians; the first turn only compiles."""
    turns = [(seconds(base), seconds(technique)) for _ in range(1 + ROUNDS)][1:]
    return {
        "seconds": statistics.median(own for _, own in turns),
        "of_base": statistics.median(own / other for other, own in turns),
    }


def seconds(block: Callable[[], object]) -> float:
    """Returns the processor time of a step."""
    start = time.process_time()
    block()
    return (time.process_time() - start) / BLOCK


def put(path: Path, name: str, found: dict[str, Any]) -> None:
    """Puts the time of a technique beside its runs."""
    known = results.read(path).get("techniques", {})
    known[name] = {"flags": TECHNIQUES[name], "runs": [], **known.get(name, {}), "step": found}
    put_all(path, known)


if __name__ == "__main__":
    main()
