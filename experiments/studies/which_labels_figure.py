"""Draws the study of which pictures to label: error against the number of labels, a panel for each set."""

from pathlib import Path
from typing import Any

from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator

from experiments.studies import which_labels
from ssgan.report.drawing import BLUE, GREY, INK, VERMILION, blank, save

COLOURS = {"random": GREY, "typical": "#009e73", "uncertain": VERMILION, "mixed": BLUE}
TICKS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 1.0)


def draw(found: dict[str, dict[str, Any]], path: Path) -> None:
    """Writes a PNG: a line for each way through the means of its chains, and a point for each chain.

    Args:
        found: chains by set and way, as in `results/which_labels.json`.
        path: the PNG file to write.
    """
    figure = blank(3.8 * len(found), 3.2, layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False).ravel()
    for axes, (name, ways) in zip(panels, found.items(), strict=True):
        for way, chains in ways.items():
            means = [mean for mean, _ in which_labels.errors(chains)]
            axes.plot(which_labels.LABELS, means, color=COLOURS[way], linewidth=1.3, label=way)
            for chain in chains:
                axes.plot(which_labels.LABELS, chain["errors"], ".", color=COLOURS[way], markersize=3.5, alpha=0.6)
        axes.set(xscale="log", yscale="log")
        axes.xaxis.set_major_locator(FixedLocator(which_labels.LABELS))
        axes.xaxis.set_major_formatter(FixedFormatter([str(count) for count in which_labels.LABELS]))
        axes.yaxis.set_major_locator(FixedLocator(TICKS))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 * error:g} %"))
        axes.xaxis.set_minor_locator(NullLocator()), axes.yaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("labels", fontsize=8, color=INK)
        axes.set_title(f"{which_labels.NAMES[name]}: test error", fontsize=8, color=INK, loc="left")
        axes.tick_params(labelsize=7, colors=INK)
        axes.grid(axis="y", linewidth=0.4, alpha=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].legend(fontsize=7, frameon=False, labelcolor=INK)
    save(figure, path)
