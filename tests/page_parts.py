"""What a page is made of, without a training: predictions, images and a run folder."""

from pathlib import Path

import numpy as np
from PIL import Image

from ssgan import report
from ssgan.data import ImageSet
from ssgan.data.duplicates import Pair
from ssgan.evaluate.classification import evaluate
from ssgan.evaluate.examples import suspected_labels
from ssgan.evaluate.findings import Findings, Tested
from ssgan.evaluate.training_images import TrainingImages
from ssgan.options import Config
from ssgan.report.html import write_page

NAMES = tuple("abcdefghij")


class WithKeys(ImageSet):
    """Images that were files."""

    keys: tuple[str, ...] = ()


def image_set(names: tuple[str, ...], *, split: str, count: int, size: int = 24, noise: bool = False) -> ImageSet:
    random = np.random.default_rng(len(split))
    fields = random.integers(0, 256, (count, size if noise else 4, size if noise else 4, 3), np.uint8)
    return ImageSet(
        name="things",
        split=split,
        source="a test",
        synthetic=False,
        images=np.stack([np.asarray(Image.fromarray(field).resize((size, size))) for field in fields]),
        labels=(np.arange(count) % len(names)).astype(np.int32),
        class_names=names,
    )


def tested(names: tuple[str, ...] = NAMES, *, count: int = 200, **options) -> Tested:
    images = image_set(names, split="test", count=count, **options)
    random = np.random.default_rng(0)
    scores = random.normal(0, 1, (count, len(names))) + 3 * np.eye(len(names))[images.labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    evaluation = evaluate(probabilities, images.labels, class_names=names)
    return Tested(
        title="things",
        tested_on="things (a test)",
        images=images,
        probabilities=probabilities,
        evaluation=evaluation,
        raw=evaluation,
    )


def training(names: tuple[str, ...] = NAMES, *, count: int = 60, **options) -> TrainingImages:
    return TrainingImages(image_set(names, split="train", count=count, **options), np.arange(count) // 10 % 2 == 0)


def found(of: TrainingImages | None, *, missing: str = "", **about) -> Findings:
    suspects, pairs = [], None
    if of is not None:
        vectors = np.random.default_rng(0).normal(size=(len(of.images), 3))
        suspects = suspected_labels(vectors, np.full((len(of.images), of.images.num_classes), 0.1), of.images.labels)
        pairs = [Pair(1, 2, exact=True), Pair(4, 5, exact=False)] * 12
    origin = {"dataset": "things", "image_shape": [24, 24, 3], "synthetic": False, "num_train": 60, "gpu": "none"}
    return Findings(
        training=of,
        missing=missing,
        suspects=suspects,
        doubted="",
        on_training=False,
        pairs=pairs,
        labels=30,
        about={**origin, "ssgan": "1.0", **about},
        summary={"steps": 1000, "train_seconds": 321.5},
        options=vars(Config(dataset="things", labels=1000, validation=0)),
    )


def write(folder: Path, what: Tested, of: Findings, samples: dict | None = None) -> str:
    """Writes the page into a run folder with all its pictures, and returns it."""
    names = what.evaluation.class_names
    report.learning_curves({"step": [1, 2], "d_loss": [2.0, 1.0]}, folder / "curves.png", title="things")
    report.sample_grid(what.images.read(np.arange(20)), folder / "samples" / "step_000002.png", caption="things")
    if len(names) < 1000:
        report.confusion_matrix(what.evaluation.confusion, names, folder / "confusion.png", title="things")
    path = folder / "report.html"
    runs = [(folder, "things with 30 labels", what.evaluation)]
    write_page(path, what, of, members=runs, samples=samples, confusion=folder / "confusion.png")
    return path.read_text("utf-8")
