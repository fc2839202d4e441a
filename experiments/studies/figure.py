"""Draws recipes, and peers if there are any, that were trained for the same time: validation error against minutes."""

import math
import statistics
from pathlib import Path

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ssgan.report.drawing import INK, blank, save

# Okabe and Ito's palette, told apart with every common form of colour blindness.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
TICKS = (0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
LABEL_GAP = 0.055  # of the panel's height, between two names


def draw(study: dict, peers: dict, path: Path) -> None:
    """Writes a PNG: one thin line for each label seed, at its end the name and the mean test error.

    Args:
        study: as in `results/comparison.json`.
        peers: as in `results/peers.json`; without peers, `{"peers": {}}`.
        path: the PNG file to write.
    """
    curves = [
        (name, result["mean_error"], [_curve_of_history(run["history"]) for run in result["runs"]])
        for name, result in study["recipes"].items()
    ]
    curves += [
        (name, peer["mean_error"], [run["curve"] for run in peer["runs"]]) for name, peer in peers["peers"].items()
    ]
    figure = blank(7.6, 4.2, layout="constrained")
    axes = figure.subplots()
    for (_, _, lines), colour in zip(curves, COLOURS, strict=False):
        for line in lines:
            minutes, errors = [seconds / 60 for seconds, _ in line], [error for _, error in line]
            axes.plot(minutes, errors, color=colour, linewidth=1.1, alpha=0.8)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(TICKS))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 * error:g} %"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlim(left=0)
    axes.set_xlabel("minutes of training", fontsize=8, color=INK)
    axes.set_title("error on held-out train images; names with the mean test error", fontsize=8, color=INK, loc="left")
    axes.tick_params(labelsize=7, colors=INK)
    axes.grid(axis="y", linewidth=0.4, alpha=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    _name(axes, curves)
    save(figure, path)


def _curve_of_history(history: dict) -> list[tuple[float, float]]:
    pairs = zip(history["seconds"], history["validation_error"], strict=True)
    return [(seconds, error) for seconds, error in pairs if error is not None]


def _name(axes, curves: list) -> None:
    """Writes the names to the right, in the order of the curves' ends and apart from each other."""
    low, high = (math.log(limit) for limit in axes.get_ylim())
    ends = [statistics.mean(line[-1][1] for line in lines) for _, _, lines in curves]
    height = -LABEL_GAP
    for number in sorted(range(len(curves)), key=lambda number: ends[number]):
        name, test_error, _ = curves[number]
        height = max((math.log(ends[number]) - low) / (high - low), height + LABEL_GAP)
        text = f"{name}, {100 * test_error:.1f} %"
        axes.text(1.01, height, text, transform=axes.transAxes, fontsize=7.5, color=COLOURS[number], va="center")
