"""Figures as text: one line, or tables."""

from collections.abc import Iterator

import numpy as np

from ssgan.evaluate.calibration import CALIBRATION_BINS
from ssgan.evaluate.classification import Evaluation
from ssgan.output import one_line

LARGEST_MATRIX = 20


def headline(evaluation: Evaluation, *, weights: str, split: str = "test") -> str:
    """One line with the error, its interval and the number of images; also good as a title.

    Args:
        evaluation: the figures.
        weights: which weights were evaluated, such as "EMA".
        split: which images were evaluated, such as "test".

    Returns:
        A line such as `test error 8.12 % (95 % CI 7.10-9.27, 2,451 images), EMA weights`.
    """
    low, high = (100 * end for end in evaluation.interval)
    return (
        f"{split} error {100 * evaluation.error:.2f} % (95 % CI {low:.2f}-{high:.2f}, "
        f"{evaluation.images:,} images), {weights} weights"
    )


def format_report(evaluation: Evaluation, *, raw: Evaluation | None = None, split: str = "test") -> str:
    """The report as text: headline, calibration, per-class table and confusion matrix.

    Above 20 classes the matrix is left out: it would not fit a terminal.

    Args:
        evaluation: the figures of the averaged (EMA) weights.
        raw: the figures of the weights as last trained, shown beside the others where given.
        split: which images were evaluated, such as "test".

    Returns:
        Lines of text without a trailing newline.
    """
    lines = [headline(evaluation, weights="EMA", split=split)]
    if raw is not None:
        lines.append(headline(raw, weights="raw", split=split))
    lines.append(
        f"calibration error {100 * evaluation.calibration_error:.2f} % "
        f"({CALIBRATION_BINS} bins), "
        f"negative log-likelihood {evaluation.negative_log_likelihood:.3f} nats"
    )
    lines += ["", *_class_table(evaluation)]
    if len(evaluation.class_names) <= LARGEST_MATRIX:
        lines += ["", "confusion matrix (rows: true class, columns: predicted class)"]
        lines += _matrix_table(evaluation)
    return "\n".join(lines)


def short_name(name: str, *, width: int) -> str:
    """Returns `name` on one visible line, cut to at most `width` characters with a closing `..`."""
    name = one_line(str(name))
    return name if len(name) <= width else name[: width - 2] + ".."


def _class_table(evaluation: Evaluation) -> Iterator[str]:
    right = np.diagonal(evaluation.confusion).tolist()
    columns = (evaluation.class_names, evaluation.class_counts, right, evaluation.class_errors)
    rows = [["class", "images", "errors", "error"]]
    for name, count, hits, error in zip(*columns, strict=True):
        shown = "-" if error is None else f"{100 * error:.2f} %"
        rows.append([short_name(name, width=24), f"{count:,}", f"{count - hits:,}", shown])
    return aligned(rows)


def _matrix_table(evaluation: Evaluation) -> Iterator[str]:
    rows = [["", *(short_name(name, width=6) for name in evaluation.class_names)]]
    for name, counts in zip(evaluation.class_names, evaluation.confusion.tolist(), strict=True):
        rows.append([short_name(name, width=24), *map(str, counts)])
    return aligned(rows)


def aligned(rows: list[list[str]]) -> Iterator[str]:
    """Gives the lines of a table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells])
