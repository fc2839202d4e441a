"""Figures as PNG files: sample grids, learning curves, confusion matrices.

Drawn with matplotlib's object-oriented interface, so no window, backend or pyplot state is
touched. A file appears complete or not at all: it is written beside its place and renamed.
"""

import functools
import io
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from ssgan import files
from ssgan.config import UsageError
from ssgan.evaluate import short_name

# A power of two: pixels / DPI * DPI is then exact, and no image column is lost to rounding.
DPI = 128
GRID_GAP = 2
GRID_IMAGE = 64
GRID_CAPTION_WIDTH = 320
CAPTION_POINTS, CAPTION_LINE = 7.5, 18
INK, GREY = "#222222", "#8c8c8c"
# From Okabe and Ito's palette, told apart with every common form of colour blindness.
BLUE, VERMILION = "#0072b2", "#d55e00"
SMOOTH_FROM = 150
LARGEST_COUNTED_MATRIX = 20
LARGEST_NAMED_MATRIX = 50

LOSS, PROBABILITY, ERROR = "loss", "probability of being real", "error (%)"
# Panel -> its curves: (column of the history, legend, colour).
PANELS = {
    LOSS: (
        ("d_loss", "discriminator", VERMILION),
        ("g_loss", "generator", BLUE),
    ),
    PROBABILITY: (
        ("real_probability", "D(x), real images", VERMILION),
        ("generated_probability", "D(G(z)), generated images", BLUE),
    ),
    ERROR: (
        ("labeled_accuracy", "labelled rows, training", GREY),
        ("validation_error", "validation, EMA weights", BLUE),
    ),
}

PERCENT = FuncFormatter(lambda value, _: f"{100 * value:g}")
Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def sample_grid(
    images: npt.ArrayLike,
    path: str | os.PathLike[str],
    *,
    columns: int = 10,
    caption: str | None = None,
) -> None:
    """Writes images side by side, row by row, enlarged without blurring.

    Each image is enlarged by the largest whole factor that keeps it within 64 pixels (at least
    1); gaps and margin are 2 white pixels. The caption goes below and wraps.

    Args:
        images: uint8 [images, height, width, channels] in 0..255 with 1 or 3 channels.
        path: the PNG file to write.
        columns: images per row, at least 1.
        caption: a text, None for none.

    Raises:
        UsageError: the images have another shape or dtype, there are none, or `columns` is
            below 1.
    """
    grid = _tile(np.asarray(images), columns=columns)
    height, width = grid.shape[:2]
    lines, below = "", 0
    if caption:
        width = max(width, GRID_CAPTION_WIDTH)
        lines = _wrap(caption, width=width - 12, points=CAPTION_POINTS)
        below = 8 + CAPTION_LINE * len(lines.splitlines())
    figure = _figure(width / DPI, (height + below) / DPI)
    figure.figimage(grid, yo=below, origin="upper")
    x, y = 4 / width, (below - 3) / (height + below)
    figure.text(x, y, lines, va="top", **_text(CAPTION_POINTS))
    _save(figure, path)


def learning_curves(history: Mapping[str, Sequence[float | None]], path: str | os.PathLike[str], *, title: str) -> None:
    """Writes losses, probabilities and errors over the steps, one panel each.

    Columns that are missing or empty are skipped, and so are panels without a curve. Training
    curves of more than 150 points are drawn faintly under their running mean.

    Args:
        history: columns of equal length: `step`, and any of `d_loss`, `g_loss`,
            `real_probability`, `generated_probability`, `labeled_accuracy` and
            `validation_error` (the last four in 0..1); None, NaN or infinity where not measured.
        path: the PNG file to write.
        title: a text above the panels; wraps.

    Raises:
        UsageError: `step` is missing, the lengths differ, or there is nothing to draw.
    """
    curves = _curves(history)
    panels = {
        label: [entry for entry in entries if entry[0] in curves]
        for label, entries in PANELS.items()
        if any(column in curves for column, _, _ in entries)
    }
    layout = ConstrainedLayoutEngine(h_pad=0.06, hspace=0.04)
    figure = _figure(6.5, 0.9 + 1.75 * len(panels), layout=layout)
    rows = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for axes, (label, entries) in zip(rows, panels.items(), strict=True):
        _draw_panel(axes, {entry: curves[entry[0]] for entry in entries}, label=label)
    rows[0].set_xlim(0, 1.01 * max(1, *(steps[-1] for steps, _ in curves.values())))
    figure.align_ylabels(rows)
    smoothed = any(_is_smoothed(column, curves[column]) for column in curves)
    note = "   (strong training curves: running mean over 2 % of the points)" if smoothed else ""
    rows[-1].set_xlabel("training step" + note, **_text(8))
    _set_title(figure, title)
    _save(figure, path)


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
    side = 0.42 * max(classes, 8) if classes <= LARGEST_COUNTED_MATRIX else 7.0
    figure = _figure(side + 1.6, side + 1.0, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    if classes <= LARGEST_COUNTED_MATRIX:
        _write_counts(axes, counts, shares=shares)
    _name_classes(axes, class_names)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=28, pad=0.03, format=PERCENT)
    bar.set_ticks([0, 0.01, 0.05, 0.1, 0.2, 0.5, 1])
    bar.set_label("share of the true class (%)", **_text(8))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=2, color=GREY, labelcolor=INK)
    _set_title(figure, title)
    _save(figure, path)


def _tile(images: npt.NDArray[np.uint8], *, columns: int) -> npt.NDArray[np.uint8]:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise UsageError(
            f"Received images of shape {images.shape} and dtype {images.dtype}. "
            "Expected uint8 [images, height, width, 1 or 3]."
        )
    if images.size == 0 or columns < 1:
        raise UsageError(
            f"Received images of shape {images.shape} and {columns} columns. "
            "Expected at least one image and one column."
        )
    columns = min(columns, len(images))
    factor = max(1, GRID_IMAGE // max(images.shape[1:3]))
    enlarged = images.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = enlarged.shape[1:3]
    pitch_y, pitch_x = height + GRID_GAP, width + GRID_GAP
    rows = -(-len(images) // columns)
    grid = np.full((rows * pitch_y + GRID_GAP, columns * pitch_x + GRID_GAP, 3), 255, np.uint8)
    for index, image in enumerate(enlarged):
        row, column = divmod(index, columns)
        top, left = GRID_GAP + row * pitch_y, GRID_GAP + column * pitch_x
        grid[top : top + height, left : left + width] = image
    return grid


def _curves(history: Mapping[str, Sequence[float | None]]) -> dict[str, Curve]:
    """Returns the finite points of every known column, accuracies turned into errors."""
    names = [column for entries in PANELS.values() for column, _, _ in entries]
    columns = {name: np.array(history[name], np.float64) for name in ("step", *names) if name in history}
    lengths = {name: len(values) for name, values in columns.items()}
    if "step" not in columns or len(set(lengths.values())) > 1:
        raise UsageError(
            f"Received a history with columns of lengths {lengths}. Expected a column 'step' and columns as long as it."
        )
    steps = columns.pop("step")
    if "labeled_accuracy" in columns:
        columns["labeled_accuracy"] = 1 - columns["labeled_accuracy"]
    finite = {name: np.isfinite(values) for name, values in columns.items()}
    curves = {
        name: (steps[finite[name]], values[finite[name]]) for name, values in columns.items() if finite[name].any()
    }
    if not curves:
        raise UsageError(
            f"Received a history with the columns {', '.join(history)} and nothing to draw. "
            f"Expected a finite value in at least one of {', '.join(names)}."
        )
    return curves


def _draw_panel(axes: Axes, curves: dict[tuple[str, str, str], Curve], *, label: str) -> None:
    for (column, legend, colour), (steps, values) in curves.items():
        smoothed = _is_smoothed(column, (steps, values))
        if smoothed:
            axes.plot(steps, values, color=colour, linewidth=0.6, alpha=0.3)
        shown = _running_mean(values) if smoothed else values
        marker = "o" if len(values) <= 40 else None
        axes.plot(steps, shown, marker=marker, ms=2.5, lw=1.4, color=colour, label=legend)
    axes.set_ylabel(label, **_text(8))
    _scale(axes, np.concatenate([values for _, values in curves.values()]), label=label)
    for (column, _, colour), (steps, errors) in curves.items():
        if column == "validation_error":
            _annotate_last(axes, steps[-1], errors[-1], colour=colour)
    _clean(axes)


def _scale(axes: Axes, values: npt.NDArray[np.float64], *, label: str) -> None:
    if label == ERROR:
        _scale_errors(axes, values)
    elif label == PROBABILITY:
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    elif values.min() > 0 and values.max() > 20 * values.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _scale_errors(axes: Axes, errors: npt.NDArray[np.float64]) -> None:
    """Sets a logarithmic axis in per cent, with a short linear piece down to 0 where needed."""
    lowest = errors[errors > 0].min(initial=1.0)
    bottom = max(edge for edge in (0.002, 0.005, 0.01, 0.02, 0.05) if edge < max(lowest, 0.003))
    top = min(max(1.15 * errors.max(), 4 * bottom), 1.1)
    ticks = np.outer([0.001, 0.01, 0.1, 1], (1, 2, 5) if top > 20 * bottom else (1, 1.5, 2, 3, 5, 7))
    reaches_zero = errors.min() < bottom
    axes.set_yscale("symlog", linthresh=bottom, linscale=0.3)
    axes.set_ylim(-0.1 * bottom if reaches_zero else bottom, top)
    shown = ticks[(ticks >= bottom) & (ticks <= top)].tolist()
    axes.set_yticks([0.0, *shown] if reaches_zero else shown)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(PERCENT)


def _annotate_last(axes: Axes, step: float, error: float, *, colour: str) -> None:
    axes.annotate(
        f"{100 * error:.2f} %",
        (step, error),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
        **{**_text(8), "color": colour},
    )


def _is_smoothed(column: str, curve: Curve) -> bool:
    return column != "validation_error" and len(curve[0]) > SMOOTH_FROM


def _running_mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Centred mean over 2 % of the points; the window shrinks at both ends."""
    window = np.ones(len(values) // 50 // 2 * 2 + 1)
    weights = np.convolve(np.ones_like(values), window, mode="same")
    return np.convolve(values, window, mode="same") / weights


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", labelsize=7.5, length=2, color=GREY, labelcolor=INK)
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        borderpad=0.1,
        borderaxespad=0.2,
        handlelength=1.4,
    )


def _write_counts(axes: Axes, counts: npt.NDArray[np.integer], *, shares: npt.NDArray[np.float64]) -> None:
    points = min(8.0, 42 / len(str(counts.max())))
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.35 else INK
        text = {**_text(points), "color": colour}
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", **text)


def _name_classes(axes: Axes, class_names: Sequence[str]) -> None:
    axes.set_xlabel("predicted class", **_text(8))
    axes.set_ylabel("true class", **_text(8))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=7, labelcolor=INK)
    classes = len(class_names)
    if classes > LARGEST_NAMED_MATRIX:
        return
    short = [short_name(name, width=16) for name in class_names]
    names = [name if _drawable(name) == name else str(number) for number, name in enumerate(short)]
    upright = max(map(len, names)) * classes > 60
    size = _text(8 if classes <= LARGEST_COUNTED_MATRIX else 6.5)
    axes.set_yticks(range(classes), names, **size)
    axes.set_xticks(range(classes), names, rotation=90 if upright else 0, **size)


def _figure(width: float, height: float, **options: Any) -> Figure:
    return Figure(figsize=(width, height), dpi=DPI, facecolor="white", **options)


def _text(points: float) -> dict[str, Any]:
    # Names and titles are the caller's: a dollar sign in them does not start a formula.
    return {"fontsize": points, "color": INK, "parse_math": False}


def _set_title(figure: Figure, title: str) -> None:
    width = 0.97 * figure.get_figwidth() * DPI
    figure.suptitle(_wrap(title, width=width, points=9.5), x=0.015, ha="left", **_text(9.5))


def _wrap(text: str, *, width: float, points: float) -> str:
    """Breaks `text` into lines of at most `width` pixels, keeping its own line breaks."""
    return "\n".join(_wrap_line(_drawable(line), width, points) for line in text.splitlines())


def _drawable(text: str) -> str:
    """Returns `text` with a replacement character for each that the font lacks, of which matplotlib would warn."""
    return "".join(character if ord(character) in _characters() else "\N{REPLACEMENT CHARACTER}" for character in text)


@functools.cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties())).get_charmap())


def _wrap_line(line: str, width: float, points: float) -> str:
    renderer, font = RendererAgg(1, 1, DPI), FontProperties(size=points)
    columns = max(len(line), 1)
    while True:
        lines = textwrap.wrap(line, columns) or [""]
        widest = max(renderer.get_text_width_height_descent(part, font, False)[0] for part in lines)
        if widest <= width or columns == 1:
            return "\n".join(lines)
        columns = max(1, min(columns - 1, int(columns * width / widest)))


def _save(figure: Figure, path: str | os.PathLike[str]) -> None:
    path = Path(path)
    content = io.BytesIO()
    # Without the default "Software" entry equal figures give equal files.
    FigureCanvasAgg(figure).print_png(content, metadata={"Software": None})
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.whole(path) as temporary:
        temporary.write_bytes(content.getvalue())
