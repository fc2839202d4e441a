"""One chain of the study of which pictures to label: choose, label, train, choose more. In a process of its own."""

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from experiments.common import timing
from ssgan.labelling import picking
from ssgan.labelling.embedding import Floats, embed

if TYPE_CHECKING:
    from ssgan.data import Source
    from ssgan.options import Config

_AT_ONCE = 500  # images


def measure(*, flags: list[str], way: str, labels: list[int], seed: int) -> dict[str, Any]:
    """Makes a chain and tests the moving average of each training on the test images.

    Args:
        flags: options of `ssgan.train`.
        way: `random`, `typical` (always by the embedding), `uncertain` (random before there is a run) or `mixed` (what
            `ssgan.label` does).
        labels: numbers of labels after which it trains, rising.
        seed: of the choices, and of the trainings.

    Returns:
        The report: `errors` after each training, the `class_counts` of the labels, and the time.
    """
    from ssgan import augment, hardware
    from ssgan.options import Config
    from ssgan.options.flags import parse_flags
    from ssgan.training import sources

    begin = time.perf_counter()
    config: Config = sources.find_images(parse_flags(Config, ["which_labels", *flags, f"--seed={seed}"], usage=""))
    train, tested = sources.load_images(config, "train"), sources.load_images(config, "test")
    config = dataclasses.replace(config, flip=augment.resolve_flip(config.flip, train.class_names))
    chooser = Chooser(way, train, seed)
    errors, class_counts = [], []
    for count in labels:
        mask = chooser.choose(count)
        model = trained(config, train, mask)
        chooser.looked(*seen(model, train.read(np.arange(len(train)))))
        errors.append(error_of(model, tested))
        class_counts.append(np.bincount(train.labels[mask], minlength=train.num_classes).tolist())
    return {
        "errors": errors,
        "class_counts": class_counts,
        "tested_on": f"{len(tested)} images",
        "seconds": time.perf_counter() - begin,
        "hardware": hardware.describe(),
    }


class Chooser:
    """Somebody who labels what a way of choosing shows to them.

    Args:
        way: of choosing, see `measure`.
        train: the images, whose labels are looked up.
        seed: of the choices.
    """

    def __init__(self, way: str, train: "Source", seed: int):
        self._way = way
        self._labels = train.labels
        self._random = np.random.default_rng(seed)
        self._embedded = embed(train.read, len(train), seed=seed)
        self._features: Floats | None = None
        self._probabilities: Floats | None = None
        self._mask = np.zeros(len(train), bool)

    def looked(self, features: Floats, probabilities: Floats) -> None:
        """Takes what a run sees in all images: features [n, d] and probabilities [n, K]."""
        self._features, self._probabilities = features, probabilities

    def choose(self, count: int) -> np.ndarray:
        """Chooses images until so many have a label; returns which have one, bool [n]."""
        self._mask[self._next(count - int(self._mask.sum()))] = True
        return self._mask.copy()

    def _next(self, more: int) -> np.ndarray:
        chance: dict[str, Any] = {"count": more, "random": self._random}
        if self._way == "typical":
            return picking.typical(self._embedded, self._mask, **chance)
        if self._way == "mixed":
            classes = max(1, len(np.unique(self._labels[self._mask])))
            features = self._embedded if self._features is None else self._features
            return picking.next_pictures(
                features, self._probabilities, self._mask, labels_a_class=self._mask.sum() / classes, **chance
            )
        if self._way == "uncertain" and self._features is not None and self._probabilities is not None:
            return picking.uncertain(self._features, self._probabilities, self._mask, **chance)
        return self._random.permutation(np.flatnonzero(~self._mask))[:more]


def trained(config: "Config", train: "Source", mask: np.ndarray) -> keras.Model:
    """Trains anew on the labels of a mask, and returns a model of images to features and probabilities."""
    from ssgan import classifier
    from ssgan.training import build as recipe
    from ssgan.training import sources

    keras.utils.set_random_seed(config.seed)
    config = dataclasses.replace(config, labels=int(mask.sum()))
    everything = np.arange(len(train))
    steps = recipe.total_steps(config, num_unlabeled=len(train))
    gan = recipe.build(config, image_shape=train.image_shape, num_classes=train.num_classes, steps=steps)
    gan.initialize_from_data(sources.to_begin_with(config, train, everything))
    gan.fit(recipe.batches(config, train, mask, unlabeled=everything, steps=steps), shuffle=False, verbose=0)
    plain = classifier.to_classifier(gan.ema_discriminator, train.image_shape)
    return keras.Model(plain.inputs, [plain.get_layer("features").output, plain.outputs[0]])


def seen(model: keras.Model, images: np.ndarray) -> tuple[Floats, Floats]:
    """Returns features [n, d] and probabilities [n, K] of images."""
    features, probabilities = model.predict(images, batch_size=_AT_ONCE, verbose=0)
    return features.astype(np.float32), probabilities.astype(np.float32)


def error_of(model: keras.Model, tested: "Source") -> float:
    """Returns the share of images whose most probable class is wrong."""
    _, probabilities = seen(model, tested.read(np.arange(len(tested))))
    return float((probabilities.argmax(axis=1) != tested.labels).mean())


if __name__ == "__main__":
    timing.main(measure)
