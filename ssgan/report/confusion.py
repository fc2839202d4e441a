"""Confusion matrices."""

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from ssgan.errors import UsageError
from ssgan.report import drawing
from ssgan.report.curves import PERCENT
from ssgan.report.drawing import GREY, INK
from ssgan.report.text import short_name

LARGEST_COUNTED = 20
LARGEST_NAMED = 50


def confusion_matrix(
    matrix: npt.ArrayLike,
    class_names: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str,
) -> None:
    """Writes a confusion matrix, coloured by the share of each true class.

    The colour scale is the square root of the share, so that rare confusions show. Cells hold
    the counts (zeros stay blank) up to 20 classes; axes hold the names up to 50.

    Args:
        matrix: integer [classes, classes], at least 0; rows are true classes, columns predicted.
        class_names: one name per class, in label order.
        path: the PNG file to write.
        title: a text above the matrix; wraps.

    Raises:
        UsageError: `matrix` is not square with one row per class name, or holds negative counts.
    """
    counts = np.asarray(matrix)
    classes = len(class_names)
    if counts.shape != (classes, classes) or classes == 0 or (counts < 0).any():
        raise UsageError(
            f"Received a matrix of shape {counts.shape} and {classes} class names. "
            "Expected [classes, classes] counts of at least 0 and one name per class."
        )
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 0.42 * max(classes, 8) if classes <= LARGEST_COUNTED else 7.0
    figure = drawing.blank(side + 1.6, side + 1.0, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    if classes <= LARGEST_COUNTED:
        _write_counts(axes, counts, shares=shares)
    _name_classes(axes, class_names)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=28, pad=0.03, format=PERCENT)
    bar.set_ticks([0, 0.01, 0.05, 0.1, 0.2, 0.5, 1])
    bar.set_label("share of the true class (%)", **drawing.text(8))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=2, color=GREY, labelcolor=INK)
    drawing.set_title(figure, title)
    drawing.save(figure, path)


def _write_counts(axes: Axes, counts: npt.NDArray[np.integer], *, shares: npt.NDArray[np.float64]) -> None:
    points = min(8.0, 42 / len(str(counts.max())))
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.35 else INK
        text = {**drawing.text(points), "color": colour}
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", **text)


def _name_classes(axes: Axes, class_names: Sequence[str]) -> None:
    axes.set_xlabel("predicted class", **drawing.text(8))
    axes.set_ylabel("true class", **drawing.text(8))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=7, labelcolor=INK)
    classes = len(class_names)
    if classes > LARGEST_NAMED:
        return
    short = [short_name(name, width=16) for name in class_names]
    names = [name if drawing.drawable(name) == name else str(number) for number, name in enumerate(short)]
    upright = max(map(len, names)) * classes > 60
    size = drawing.text(8 if classes <= LARGEST_COUNTED else 6.5)
    axes.set_yticks(range(classes), names, **size)
    axes.set_xticks(range(classes), names, rotation=90 if upright else 0, **size)
