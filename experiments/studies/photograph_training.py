"""One training on photographs, tested on test images or on held-out train images. In a process of its own."""

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.common import results, timing
from experiments.common.images import photographs

if TYPE_CHECKING:
    from ssgan.data import ImageSet
    from ssgan.gan import SSGAN
    from ssgan.options import Config

TRIAL_STEPS = 80  # that are timed
POINTS = 10  # of the curve
HELD_OUT = 0.25  # share of the persons, or of the images where nobody is known
_HOLD_OUT_SEED = 12345


def measure(*, data: str, by_person: bool, flags: list[str], minutes: float | None, held_out: bool) -> dict[str, Any]:
    """Trains as the flags say and tests the moving average of the last step.

    Args:
        data: folder with `train/<class>/` and `test/<class>/`, of pictures with numbers in their names.
        by_person: whether the classes of a person's photographs rise, so that new persons are known by a fall.
        flags: options of `ssgan.train`.
        minutes: time of the training, of which the number of steps follows; None: as many steps as the flags say.
        held_out: whether train images are held out and tested on, in place of the test images.

    Returns:
        The report: error, what was trained on what, how long that took.
    """
    from ssgan import augment, hardware
    from ssgan.options import Config
    from ssgan.options.flags import parse_flags
    from ssgan.training import sources

    config: Config = parse_flags(Config, ["own_images", *flags, f"--images={data}"], usage="")
    config = sources.find_images(config)
    train, tested = _images(config, by_person=by_person, held_out=held_out)
    config = dataclasses.replace(
        config,
        labels=len(train) if config.labels is None else config.labels,
        flip=augment.resolve_flip(config.flip, train.class_names),
    )
    if minutes is not None:
        steps = max(1, round(60 * minutes / _seconds_per_step(config, train)))
        config = dataclasses.replace(config, total_steps=steps)
    gan, seconds, curve = trained(config, train, tested)
    return {
        "error": curve["error"][-1],
        "label_seed": config.label_seed,
        "tested_on": f"{len(tested)} images",
        "trained_on": f"{len(train)} images, {config.labels} labels",
        "options": results.public(vars(config)),
        **seconds,
        "curve": curve,
        "hardware": hardware.describe(),
    }


def trained(config: "Config", train: "ImageSet", tested: "ImageSet") -> tuple["SSGAN", dict, dict]:
    """Returns the trained model, the seconds that it took without the tests, and the errors on the way."""
    import keras

    from ssgan.training import build as recipe

    steps = recipe.total_steps(config, num_unlabeled=len(train))
    gan, batches = _model_and_batches(config, train, steps)
    curve: dict[str, list[float]] = {"step": [], "error": [], "confident": []}
    clock = {"train_seconds": 0.0, "processor_seconds": 0.0}
    begun = [time.perf_counter(), time.process_time()]

    def note(number: int, logs: dict[str, float]) -> None:
        if (number + 1) % max(1, steps // POINTS) and number + 1 < steps:
            return
        for index, (key, now) in enumerate(zip(clock, (time.perf_counter(), time.process_time()), strict=True)):
            clock[key] += now - begun[index]
        curve["step"].append(number + 1)
        curve["error"].append(_error(gan, tested))
        curve["confident"].append(float(logs.get("confident", 0.0)))
        begun[:] = time.perf_counter(), time.process_time()

    gan.fit(batches, shuffle=False, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=note)])
    return gan, clock, curve


def _images(config: "Config", *, by_person: bool, held_out: bool) -> tuple["ImageSet", "ImageSet"]:
    train = photographs(config, "train")
    if not held_out:
        return train, photographs(config, "test")
    owners = persons(train.labels) if by_person else np.arange(len(train))
    everybody = np.random.RandomState(_HOLD_OUT_SEED).permutation(np.unique(owners))
    out = np.isin(owners, everybody[: round(HELD_OUT * len(everybody))])
    return part(train, ~out), part(train, out)


def persons(labels: np.ndarray) -> np.ndarray:
    """Returns the number of the person of each photograph, where a new one begins wherever the class does not rise."""
    return np.cumsum(np.concatenate([[False], labels[1:] <= labels[:-1]]))


def part(images: "ImageSet", rows: np.ndarray) -> "ImageSet":
    """Returns some of the images, with their labels."""
    return dataclasses.replace(images, images=images.images[rows], labels=images.labels[rows])


def _model_and_batches(config: "Config", train: "ImageSet", steps: int):
    import keras

    from ssgan.data.labels import label_mask
    from ssgan.training import build as recipe
    from ssgan.training import sources

    keras.utils.set_random_seed(config.seed)
    count, how = config.labels or 0, (config.label_seed, config.label_strategy)
    mask = label_mask(train.labels, count, *how, num_classes=train.num_classes)
    gan = recipe.build(config, image_shape=train.image_shape, num_classes=train.num_classes, steps=steps)
    gan.initialize_from_data(sources.to_begin_with(config, train, np.arange(len(train))))
    return gan, recipe.batches(config, train, mask, unlabeled=np.arange(len(train)), steps=steps)


def _seconds_per_step(config: "Config", train: "ImageSet") -> float:
    """Returns the mean time of a step in a long training, by a short one."""
    import keras

    gan, batches = _model_and_batches(config, train, TRIAL_STEPS)
    kinds, stamps = [gan.phases.kind(number) for number in range(TRIAL_STEPS)], [time.perf_counter()]
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda number, logs: stamps.append(time.perf_counter()))
    gan.fit(batches, shuffle=False, verbose=0, callbacks=[watch])
    return mean_of_kinds(kinds, np.diff(stamps))


def mean_of_kinds(kinds: list[str], times: np.ndarray) -> float:
    """Returns the mean time of a step: of each kind its median, for the first of a kind is compiled, by its share."""
    medians = {kind: float(np.median(times[np.array(kinds) == kind])) for kind in kinds}
    return float(np.mean([medians[kind] for kind in kinds]))


def _error(gan: "SSGAN", tested: "ImageSet") -> float:
    parts = range(0, len(tested), 500)
    predicted = np.concatenate([gan(tested.images[start : start + 500]).numpy().argmax(axis=1) for start in parts])
    return float((predicted != tested.labels).mean())


if __name__ == "__main__":
    timing.main(measure)
