"""Single images that a report shows: what a classifier gets wrong, doubts, or was told otherwise."""

import dataclasses

import numpy as np
import numpy.typing as npt

_AT_ONCE = 512


@dataclasses.dataclass(frozen=True)
class Example:
    """An image and what was predicted for it.

    Attributes:
        row: of the image in its source.
        label: the class that the source says.
        predicted: another class, or the same.
        probability: of `predicted`, in 0..1.
    """

    row: int
    label: int
    predicted: int
    probability: float


@dataclasses.dataclass(frozen=True)
class Suspect(Example):
    """A labelled image whose label may be wrong: `predicted` is the class that its neighbours have.

    Attributes:
        agreeing: the share of the neighbours that have the class `predicted`, in 0..1.
        given: the share of them that have the label of the image.
        neighbours: how many there are.
    """

    agreeing: float
    given: float
    neighbours: int


def confident_errors(probabilities: npt.NDArray, labels: npt.NDArray[np.integer], *, most: int) -> list[Example]:
    """Returns wrongly classified images, those with the most probable prediction first.

    Args:
        probabilities: float [images, classes].
        labels: integer [images].
        most: how many to return at most.
    """
    predictions, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predictions != labels)
    rows = wrong[np.argsort(-confidences[wrong], kind="stable")[:most]]
    return _examples(rows, labels, predictions, confidences)


def least_certain(probabilities: npt.NDArray, labels: npt.NDArray[np.integer], *, most: int) -> list[Example]:
    """Returns the images whose two most probable classes are the closest to each other, right or wrong.

    Args:
        probabilities: float [images, classes], at least 2 classes.
        labels: integer [images].
        most: how many to return at most.
    """
    first_two = np.partition(probabilities, -2, axis=1)[:, -2:]
    rows = np.argsort(first_two[:, 1] - first_two[:, 0], kind="stable")[:most]
    return _examples(rows, labels, probabilities.argmax(axis=1), first_two[:, 1])


def _examples(rows, labels, predictions, confidences) -> list[Example]:
    return [Example(int(row), int(labels[row]), int(predictions[row]), float(confidences[row])) for row in rows]


def suspected_labels(
    features: npt.NDArray, probabilities: npt.NDArray, labels: npt.NDArray[np.integer], *, neighbours: int = 10
) -> list[Suspect]:
    """Returns the labelled images that look like those of another class.

    Training fits the labels that it is given, wrong ones too, so what is predicted for an image that was trained on
    says little of its label. Its neighbours do: the labelled images with the most similar features (cosine), the image
    itself left out. An image is suspected where more of them have one other class than have its own.

    Args:
        features: float [images, features], of the layer before the logits.
        probabilities: float [images, classes], predictions for the same images.
        labels: integer [images], the labels that were given.
        neighbours: how many labelled images are looked at; fewer where there are not so many.

    Returns:
        The suspects, with the row in these arrays; first those whose neighbours and prediction speak the least for the
        label.
    """
    count = min(neighbours, len(labels) - 1)
    if count < 1:
        return []
    units = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    suspects = []
    for start in range(0, len(labels), _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, len(labels)))
        similar = units[rows] @ units.T
        similar[np.arange(len(rows)), rows] = -np.inf
        nearest = np.argpartition(-similar, count - 1, axis=1)[:, :count]
        for row, near in zip(rows.tolist(), labels[nearest], strict=True):
            votes = np.bincount(near)
            top, own = int(votes.argmax()), int((near == labels[row]).sum())
            if votes[top] > own:
                probability = float(probabilities[row, top])
                suspects.append(
                    Suspect(row, int(labels[row]), top, probability, int(votes[top]) / count, own / count, count)
                )
    return sorted(suspects, key=lambda one: one.given + float(probabilities[one.row, one.label]) - one.agreeing)
