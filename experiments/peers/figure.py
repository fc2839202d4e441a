"""Draws a result of `experiments/peers/bench.py`: seconds per step, a horizontal bar for each tool."""

import statistics
from pathlib import Path

from ssgan.report.drawing import BLUE, GREY, INK, VERMILION, blank, save


def draw(comparisons: dict[str, dict], path: Path) -> None:
    """Writes a PNG with a panel for each comparison; whiskers are the fastest and the slowest round.

    Args:
        comparisons: as in `results/bench.json`.
        path: the PNG file to write.
    """
    counts = [len(comparison["tools"]) + 1 for comparison in comparisons.values()]
    figure = blank(7, 0.9 + sum(0.45 + 0.27 * count for count in counts), layout="constrained")
    panels = figure.subplots(len(counts), squeeze=False, height_ratios=[1.6 + count for count in counts])[:, 0]
    for axes, (name, comparison) in zip(panels, comparisons.items(), strict=True):
        _draw_panel(axes, name, comparison)
    panels[-1].set_xlabel("seconds per step", fontsize=8, color=INK)
    save(figure, path)


def _draw_panel(axes, name: str, comparison: dict) -> None:
    bars = {tool: rounds["median_seconds"] for tool, rounds in comparison["tools"].items()}
    bars = {"convolutions alone": comparison["floor"]["seconds"], **bars}
    colours = [_colour(tool) for tool in bars]
    medians = [statistics.median(seconds) for seconds in bars.values()]
    spread = [
        [median - min(seconds) for median, seconds in zip(medians, bars.values(), strict=True)],
        [max(seconds) - median for median, seconds in zip(medians, bars.values(), strict=True)],
    ]
    places = range(len(bars))
    axes.barh(places, medians, height=0.72, color=colours, xerr=spread, error_kw={"ecolor": INK, "elinewidth": 0.8})
    for place, seconds in zip(places, bars.values(), strict=True):
        text = f"  {statistics.median(seconds):.3g} s"
        axes.text(max(seconds), place, text, va="center", fontsize=7, color=INK)
    axes.set_yticks(places, list(bars), fontsize=7.5, color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * max(max(seconds) for seconds in bars.values()))
    axes.tick_params(axis="x", labelsize=7, labelcolor=INK)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title(f"{name}: {comparison['title']}", fontsize=8.5, color=INK, loc="left")


def _colour(tool: str) -> str:
    if tool.startswith("ssgan"):
        return BLUE
    return GREY if tool.startswith("convolutions") else VERMILION
