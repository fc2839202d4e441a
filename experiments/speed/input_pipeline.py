"""What the input pipeline takes of ssgan's step. In ssgan's environment."""

import time

from experiments.common import timing
from experiments.speed.ssgan_step import described, fit_seconds, prepare, read_options

ALONE = 10  # times as many batches are timed alone: they take a fraction of a step each


def measure(*, config: str, flags: list[str], images: str, steps: int, rounds: int) -> dict:
    """Times batches alone, steps on them, and steps on one batch that stays in memory, in turn.

    Batches are made while the step before is computed, so a step waits for them less than they take alone, but shares
    the cores with them.

    Args:
        config: name of a file in `configs/`.
        flags: options on top of it.
        images: an .npz file with images, labels and label_mask.
        steps: steps to time in each round.
        rounds: times everything is timed.

    Returns:
        The report, a list per round of: `batch_seconds`, one list of single times, `step_seconds` and
        `cached_step_seconds` likewise; `options` in full.
    """
    import tensorflow as tf

    options = read_options(config, flags)
    gan, alone, _ = prepare(options, images, steps=timing.WARM_UP + ALONE * steps)
    batches = alone.take(timing.WARM_UP + steps)
    cached = tf.data.Dataset.from_tensors(next(iter(batches))).repeat(timing.WARM_UP + steps)
    report: dict = {"batch_seconds": [], "step_seconds": [], "cached_step_seconds": []}
    for _ in range(rounds):
        report["batch_seconds"].append(_iteration_seconds(alone))
        report["step_seconds"].append(fit_seconds(gan, batches))
        report["cached_step_seconds"].append(fit_seconds(gan, cached))
    return {**report, "options": described(options)}


def _iteration_seconds(batches) -> list[float]:
    """Returns the wall time of each batch after the warm-up, seconds, when nothing else is done."""
    stamps = [time.perf_counter()]
    for _ in batches:
        stamps.append(time.perf_counter())
    return timing.differences(stamps)


if __name__ == "__main__":
    timing.main(measure)
