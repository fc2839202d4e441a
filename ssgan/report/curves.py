"""Learning curves."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from ssgan.errors import UsageError
from ssgan.report import drawing
from ssgan.report.drawing import BLUE, GREY, INK, VERMILION

SMOOTH_FROM = 150

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
    figure = drawing.blank(6.5, 0.9 + 1.75 * len(panels), layout=layout)
    rows = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for axes, (label, entries) in zip(rows, panels.items(), strict=True):
        _draw_panel(axes, {entry: curves[entry[0]] for entry in entries}, label=label)
    rows[0].set_xlim(0, 1.01 * max(1, *(steps[-1] for steps, _ in curves.values())))
    figure.align_ylabels(rows)
    smoothed = any(_is_smoothed(column, curves[column]) for column in curves)
    note = "   (strong training curves: running mean over 2 % of the points)" if smoothed else ""
    rows[-1].set_xlabel("training step" + note, **drawing.text(8))
    drawing.set_title(figure, title)
    drawing.save(figure, path)


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
    axes.set_ylabel(label, **drawing.text(8))
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
        **{**drawing.text(8), "color": colour},
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
