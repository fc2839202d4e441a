"""What the page says, in the order in which it says it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssgan.data import Source
from ssgan.data.duplicates import Pair
from ssgan.evaluate.calibration import calibration_bins
from ssgan.evaluate.classification import Evaluation, wilson_interval
from ssgan.evaluate.examples import Example, confident_errors, least_certain
from ssgan.evaluate.findings import Findings, Tested
from ssgan.pages import templates
from ssgan.report.html import facts, pictures, words
from ssgan.report.quality import compared, quality_rows
from ssgan.store import files

MOST_ERRORS, MOST_DOUBTFUL, MOST_SUSPECTS, MOST_PAIRS = 24, 12, 24, 12
MOST_CLASSES, MOST_CONFUSIONS = 100, 12
LARGEST_TABLE = 20  # classes; more make a picture
_LARGEST_PLOT = 90_000  # bytes


def write_page(
    path: Path,
    tested: Tested,
    found: Findings,
    *,
    members: Sequence[tuple[Path, str, Evaluation]],
    samples: Mapping[str, Any] | None,
    confusion: Path,
) -> None:
    """Writes the page: one file, whole or not at all, at most 1 MB, that asks nothing of a network.

    Args:
        path: the file to write.
        tested: what was predicted.
        found: what is known of the first run.
        members: of each run its folder, what it was trained on, and its own figures.
        samples: how good generated images are, as `ssgan.quality.compare` returns it; None where it was not measured.
        confusion: the picture of the confusion matrix.
    """
    environment = templates(Path(__file__).parent)
    environment.filters |= {"cut": words.cut, "percent": words.percent, "thumbnail": pictures.thumbnail}
    content = {
        "tested": tested,
        "found": found,
        "members": members,
        "facts": facts.facts(found),
        "tiles": facts.tiles(found),
        "details": facts.details(found),
        "quality": samples and {"compared": compared(samples), "rows": quality_rows(samples)},
        **_figures(tested, found),
        **_examples(tested, found),
        **_plots(members[0][0], confusion=None if len(tested.evaluation.class_names) <= LARGEST_TABLE else confusion),
    }
    files.write(path, environment.get_template("page.html").render(content))


def _figures(tested: Tested, found: Findings) -> dict[str, Any]:
    """Returns what is shown as numbers."""
    evaluation, labels = tested.evaluation, tested.images.labels
    names, predictions = words.ClassNames(evaluation.class_names), tested.probabilities.argmax(axis=1)
    return {
        "evaluation": evaluation,
        "scale": _scale(evaluation.interval[1]),
        "names": names,
        "classes": _classes(evaluation, found),
        "matrix": _matrix(evaluation) if len(names) <= LARGEST_TABLE else None,
        "confusions": _confusions(predictions, labels, len(names)),
        "bins": calibration_bins(tested.probabilities.max(axis=1), predictions == labels),
    }


def _examples(tested: Tested, found: Findings) -> dict[str, Any]:
    """Returns what is shown as thumbnails."""
    images, probabilities, training = tested.images, tested.probabilities, found.training
    return {
        "errors": _shown(images, confident_errors(probabilities, images.labels, most=MOST_ERRORS)),
        "doubtful": _shown(images, least_certain(probabilities, images.labels, most=MOST_DOUBTFUL)),
        "suspects": _shown(training.images, found.suspects[:MOST_SUSPECTS]) if training else [],
        "pairs": [_sides(pair, images, training.images) for pair in (found.pairs or [])[:MOST_PAIRS]]
        if training
        else [],
    }


def _plots(run_dir: Path, *, confusion: Path | None) -> dict[str, Any]:
    """Returns the pictures that are there already."""
    samples = sorted((run_dir / "samples").glob("step_*.png"))
    return {
        "confusion": confusion and pictures.plot(confusion, max_bytes=_LARGEST_PLOT),
        "curves": pictures.plot(run_dir / "curves.png", max_bytes=_LARGEST_PLOT),
        "samples": pictures.plot(samples[-1], max_bytes=_LARGEST_PLOT) if samples else None,
    }


def _scale(largest: float) -> float:
    """Returns the end of an axis of errors, at least `largest`, in 0..1."""
    return next((end for end in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75) if end >= largest), 1.0)


def _classes(evaluation: Evaluation, found: Findings) -> dict[str, Any]:
    """Returns the rows of the table of classes, the worst ones where there are too many, and its scale."""
    counts, errors = evaluation.class_counts, evaluation.class_errors
    order: Sequence[int] = range(len(counts))
    if len(counts) > MOST_CLASSES:
        order = sorted(order, key=lambda label: (-(errors[label] or 0.0), -counts[label]))[:MOST_CLASSES]
    used = found.training.class_counts if found.training else None
    rows, largest = [], 0.0
    for label in order:
        error = errors[label]
        wrong = 0 if error is None else round(error * counts[label])
        interval = None if error is None else wilson_interval(wrong, counts[label])
        largest = max(largest, interval[1]) if interval else largest
        rows.append((label, counts[label], wrong, error, interval, used[label] if used else None))
    return {"rows": rows, "of": len(counts), "with_labels": used is not None, "scale": _scale(largest)}


def _matrix(evaluation: Evaluation) -> list[list[tuple[int, float]]]:
    """Returns each count of the confusion matrix, with its share of the true class."""
    return [
        [(count, count / max(total, 1)) for count in row]
        for row, total in zip(evaluation.confusion.tolist(), evaluation.class_counts, strict=True)
    ]


def _confusions(predictions: npt.NDArray, labels: npt.NDArray, classes: int) -> list[tuple[int, int, int]]:
    """Returns the most frequent errors as (true class, predicted class, images)."""
    wrong = predictions != labels
    pairs, counts = np.unique(labels[wrong].astype(np.int64) * classes + predictions[wrong], return_counts=True)
    first = np.argsort(-counts, kind="stable")[:MOST_CONFUSIONS]
    return [(*divmod(int(pairs[i]), classes), int(counts[i])) for i in first]


def _shown(images: Source, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Returns examples with their pixels and the name of their file, or their row."""
    pixels = images.read(np.array([example.row for example in examples], np.int64))
    return [
        {"example": example, "pixels": one, "key": words.key(images, example.row)}
        for example, one in zip(examples, pixels, strict=True)
    ]


def _sides(pair: Pair, tested: Source, trained: Source) -> dict[str, Any]:
    """Returns the two images of a pair."""
    sides = [
        {"pixels": images.read(np.array([row]))[0], "label": int(images.labels[row]), "key": words.key(images, row)}
        for images, row in ((tested, pair.second), (trained, pair.first))
    ]
    return {"exact": pair.exact, "sides": sides}
