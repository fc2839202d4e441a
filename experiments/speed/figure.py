"""Draws the curves of `experiments/speed/costs.py`: seconds per step against rows, networks and train images."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.ticker import FuncFormatter, NullLocator

from ssgan.report.drawing import BLUE, GREY, INK, VERMILION, blank, save

SECONDS = FuncFormatter(lambda value, _: f"{value:g}")
DEFAULT_WIDTH = 16  # of the generator, at which the other discriminators are measured


def draw(result: dict, path: Path) -> None:
    """Writes a PNG with a panel for each curve; whiskers are the fastest and the slowest round.

    Args:
        result: as in `results/costs.json`, with all curves.
        path: the PNG file to write.
    """
    figure = blank(8.4, 2.9, layout="constrained")
    rows, widths, images = figure.subplots(1, 3)
    _draw_rows(rows, result["rows"]["points"])
    _draw_networks(widths, result["generator_width"]["points"], result["arch"]["points"])
    _draw_images(images, result["train_images"]["points"])
    rows.set_ylabel("seconds per step", fontsize=8, color=INK)
    save(figure, path)


def _draw_rows(axes, points: list[dict]) -> None:
    first, last = points[0], points[-1]
    proportional = [last["seconds"] * first["x"] / last["x"], last["seconds"]]
    axes.plot([first["x"], last["x"]], proportional, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.text(first["x"], proportional[0], "  proportional", fontsize=7, color=GREY, va="top")
    _line(axes, points)
    _both_logarithmic(axes, points)
    _label(axes, "rows per batch", "labelled + unlabelled + generated rows")


def _draw_networks(axes, widths: list[dict], nets: list[dict]) -> None:
    _line(axes, widths)
    axes.annotate("small", (widths[-1]["x"], widths[-1]["seconds"]), (-4, 7), textcoords="offset points", **_text(BLUE))
    others = [{**net, "x": DEFAULT_WIDTH, "name": net["x"]} for net in nets if net["x"] != "small"]
    _line(axes, others, color=VERMILION, linestyle="none")
    for net in others:
        axes.annotate(
            net["name"], (net["x"], net["seconds"]), (6, 0), textcoords="offset points", va="center", **_text(VERMILION)
        )
    _both_logarithmic(axes, widths, others)
    _label(axes, "networks", "generator width, channels")


def _draw_images(axes, points: list[dict]) -> None:
    _line(axes, points)
    axes.set_xscale("log")
    axes.set_xticks([point["x"] for point in points], [f"{point['x']:,}" for point in points])
    axes.set_xlim(points[0]["x"] / 1.7, points[-1]["x"] * 1.7)
    axes.set_ylim(0, 1.6 * max(max(point["median_seconds"]) for point in points))
    axes.xaxis.set_minor_locator(NullLocator())
    _label(axes, "train images", "images in memory")


def _line(axes, points: list[dict], *, color: str = BLUE, linestyle: str = "-") -> None:
    x, seconds = ([point[key] for point in points] for key in ("x", "seconds"))
    spread = [
        [point["seconds"] - min(point["median_seconds"]) for point in points],
        [max(point["median_seconds"]) - point["seconds"] for point in points],
    ]
    shown = {"color": color, "linestyle": linestyle, "linewidth": 1.4, "marker": "o", "markersize": 4}
    axes.errorbar(x, seconds, yerr=spread, ecolor=INK, elinewidth=0.8, **shown)


def _both_logarithmic(axes, points: list[dict], others: Sequence[dict] = ()) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks([point["x"] for point in points], [str(point["x"]) for point in points])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(SECONDS)
    axes.yaxis.set_minor_locator(NullLocator())
    seconds = [point["seconds"] for point in (*points, *others)]
    axes.set_ylim(min(seconds) / 1.6, max(seconds) * 1.6)


def _label(axes, title: str, x_label: str) -> None:
    axes.set_title(title, fontsize=8.5, color=INK, loc="left")
    axes.set_xlabel(x_label, fontsize=8, color=INK)
    axes.tick_params(labelsize=7, labelcolor=INK)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _text(color: str) -> dict:
    return {"fontsize": 7, "color": color}
