"""Everything that is found out about runs beyond their figures, for the page that shows it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy.typing as npt

from ssgan.data import Source
from ssgan.data.duplicates import Pair
from ssgan.errors import UsageError
from ssgan.evaluate.classification import Evaluation
from ssgan.evaluate.examples import Suspect
from ssgan.evaluate.runs import Member
from ssgan.evaluate.training_images import TrainingImages, read_training_images
from ssgan.store import files, run

VERSIONS = ("ssgan", "tensorflow", "keras", "python", "processor", "cores", "gpu", "onednn", "deterministic", "date")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Tested:
    """What was predicted, and for what.

    Attributes:
        title: the images in a word or two, such as `svhn_cropped`.
        tested_on: the images in more words.
        images: the images.
        probabilities: float [images, classes], predictions of the EMA weights.
        evaluation: the figures of these predictions.
        raw: the figures of the weights as last trained.
    """

    title: str
    tested_on: str
    images: Source
    probabilities: npt.NDArray
    evaluation: Evaluation
    raw: Evaluation


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """What is known of the first run, and of its images; names and texts may be anyone's.

    Attributes:
        training: the images that it was trained on, None where they are not to be had.
        missing: why not.
        suspects: labelled ones among them whose label may be wrong.
        doubted: why that was not looked at, or empty.
        on_training: whether the images tested on are of them.
        pairs: images tested on that are among them; None where all of those tested on are.
        labels: number of labels used.
        about: what the run says of itself.
        summary: how it went.
        options: with which options.
    """

    training: TrainingImages | None
    missing: str
    suspects: Sequence[Suspect]
    doubted: str
    on_training: bool
    pairs: Sequence[Pair] | None
    labels: int
    about: dict[str, Any]
    summary: dict[str, Any]
    options: dict[str, Any]


def gather(
    member: Member,
    images: Source,
    *,
    on_training: bool = False,
    data_dir: str | None = None,
    cache_dir: str | None = None,
) -> Findings:
    """Looks at the images that a run was trained on, where they are still to be had.

    Args:
        member: the run.
        images: those it is tested on.
        on_training: whether these are those of the training, so that they are not looked for among them.
        data_dir: where the images of the training are now; None for where they were.
        cache_dir: where their prepared pictures are kept; None: see `ssgan.store.files.user_cache`.
    """
    training, missing, suspects, doubted, pairs = None, "", [], "", None
    labels = member.config.labels or 0
    try:
        training = read_training_images(member, data_dir=data_dir, cache_dir=cache_dir)
    except (UsageError, OSError) as error:
        missing = str(error)
    if training is not None:
        labels = int(training.mask.sum())
        features = _features(member.saved)
        suspects = training.suspects(features) if features else []
        doubted = "" if features else "the classifier has no layer of features"
        pairs = None if on_training else training.found_in(images)
    return Findings(
        training=training,
        missing=missing,
        suspects=suspects,
        doubted=doubted,
        on_training=on_training,
        pairs=pairs,
        labels=labels,
        about=member.about,
        summary=files.read_json(member.run_dir / run.SUMMARY),
        options=dataclasses.asdict(member.config),
    )


def _features(classifier: keras.Model) -> keras.Model | None:
    """Returns a model of the features and the probabilities; None for a classifier of another make."""
    layers = {layer.name: layer for layer in classifier.layers}
    if "features" not in layers or len(layers["features"].output.shape) != 2:
        return None
    return keras.Model(classifier.inputs, [layers["features"].output, classifier.outputs[0]])
