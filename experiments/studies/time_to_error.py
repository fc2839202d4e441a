"""Draws how soon an error is reached: today's default beside the first one, against time and against operations.

  python -m experiments.studies.time_to_error

Reads what these wrote, on one kind of machine, and writes results/time_to_error.png:

  python -m experiments.studies.measure svhn_lite_half_time svhn_lite_5_minutes --data_dir=FOLDER
  python -m experiments.peers.compare_peers --data_dir=FOLDER --label_seeds 0 1 2 \\
    --output=experiments/results/peers_intel.json

A learning rate falls to 0 at the end of a training, so that a training of half the time is another one: each is drawn
by itself, to its test error.
"""

import argparse
import json
import sys
from typing import Any

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from experiments.common import results
from experiments.common.places import RESULTS
from experiments.speed import shapes
from ssgan.options import Config
from ssgan.report.drawing import BLUE, GREY, INK, VERMILION, blank, save

NOW, THEN = "without generator", "default of version 0.1"
COLOURS = {NOW: BLUE, THEN: VERMILION}
TITLES = {NOW: "today's default, without a generator", THEN: "default of version 0.1"}
PEER_COLOURS = (GREY, "#000000")
TICKS = (0.04, 0.05, 0.06, 0.08, 0.1, 0.2, 0.3, 0.5, 0.9)
TERA = 1e12


def main() -> None:
    """Draws the figure."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    studies = [read(name)["recipes"] for name in ("svhn_lite_half_time", "svhn_lite_5_minutes")]
    peers = read("peers_intel")["peers"]
    figure = blank(7.6, 3.4, layout="constrained")
    by_time, by_flop = figure.subplots(1, 2, sharey=True)
    for recipes in studies:
        for name, recipe in recipes.items():
            for run in recipe["runs"]:
                _draw(by_time, [seconds / 60 for seconds in run["history"]["seconds"]], run, name)
                _draw(by_flop, [flop / TERA for flop in flops(run)], run, name)
    for (name, peer), colour in zip(peers.items(), PEER_COLOURS, strict=True):
        for run in peer["runs"]:
            minutes, errors = [seconds / 60 for seconds, _ in run["curve"]], [error for _, error in run["curve"]]
            by_time.plot(minutes, errors, color=colour, linewidth=0.9, alpha=0.7, label=name)
            by_time.plot(run["minutes"], run["test_error"], "o", color=colour, markersize=4)
    units = {by_time: "minutes of one core", by_flop: "operations of convolutions and dense layers, $10^{12}$"}
    for axes, unit in units.items():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(FixedLocator(TICKS))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 * error:g} %"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_xlim(left=0)
        axes.set_xlabel(unit, fontsize=8, color=INK)
        axes.tick_params(labelsize=7, colors=INK)
        axes.grid(axis="y", linewidth=0.4, alpha=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    by_time.set_title("error on held-out images; dots: on test images", fontsize=8, color=INK, loc="left")
    shown = dict(zip(*reversed(by_time.get_legend_handles_labels()), strict=True))
    by_time.legend(shown.values(), shown.keys(), fontsize=7, frameon=False, labelcolor=INK)
    save(figure, RESULTS / "time_to_error.png")


def read(name: str) -> dict[str, Any]:
    """Returns what a file of results holds.

    Raises:
        SystemExit: if there is none.
    """
    path = RESULTS / f"{name}.json"
    return results.read(path) or sys.exit(f"error: there is no {path}: measure it first, see --help")


def _draw(axes: Any, places: list[float], run: dict[str, Any], name: str) -> None:
    axes.plot(
        places, run["history"]["validation_error"], color=COLOURS[name], linewidth=0.9, alpha=0.7, label=TITLES[name]
    )
    axes.plot(places[-1], run["error"], "o", color=COLOURS[name], markersize=4)


def flops(run: dict[str, Any]) -> list[int]:
    """Returns the operations of a run until each row of its history."""
    from ssgan.training.build import unlabeled_start  # TensorFlow: after --help

    config = Config.from_json(json.dumps(run["options"]))
    begun = unlabeled_start(config, steps=run["summary"]["steps"])
    return [shapes.training_flop(config, int(step), begun=begun) for step in run["history"]["step"]]


if __name__ == "__main__":
    main()
