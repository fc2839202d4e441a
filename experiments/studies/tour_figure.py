"""Draws the pictures of the tour: what the games made, how hard each objective pushes, and where two numbers go."""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.patches import Circle

from experiments.studies import dynamics
from ssgan import terms
from ssgan.report.drawing import BLUE, GREY, INK, VERMILION, blank, save

COLUMNS = 5
REACH = 1.45  # of a panel, either side
# From Okabe and Ito's palette.
COLOURS = (BLUE, VERMILION, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK, GREY)
SURE = np.linspace(-6, 6, 241)


def draw_games(
    games: dict[str, dict[str, Any]], path: Path, *, real: np.ndarray, middles: np.ndarray, near: float
) -> None:
    """Writes a PNG with a panel for each game: real points, and the generated ones of the first seed.

    Args:
        games: by name, as `play` of the tour returns them.
        path: the PNG file to write.
        real: points, [n, 2].
        middles: of the heaps, [heaps, 2].
        near: how far from the middle a point belongs to a heap.
    """
    rows = -(-len(games) // COLUMNS)
    figure = blank(1.5 * COLUMNS, 1.62 * rows, layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    for panel, (name, game) in zip(panels, games.items(), strict=False):
        panel.scatter(*np.transpose(real), s=1.5, color=VERMILION, alpha=0.5, linewidths=0)
        for middle in middles:
            panel.add_patch(Circle(middle, near, fill=False, edgecolor=GREY, linewidth=0.5))
        _draw_game(panel, name, game)
    save(figure, path)


def _draw_game(panel: Any, name: str, game: dict[str, Any]) -> None:
    panel.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
    if game["points"]:
        points = np.array([point.split(",") for point in game["points"]], float)
        panel.scatter(*points.T, s=2.5, color=BLUE, alpha=0.7, linewidths=0)
    else:
        panel.text(0, 0, "not finite", ha="center", va="center", fontsize=7, color=INK)
    heaps, near = " ".join(map(str, game["heaps"])), " ".join(f"{100 * share:.0f}" for share in game["near"])
    panel.set_title(f"{name}\n", fontsize=7, color=INK, pad=-1, fontweight="bold")
    panel.text(0, REACH, f"heaps {heaps} · near {near} %", ha="center", va="bottom", fontsize=6, color=INK)


def slopes() -> dict[str, np.ndarray]:
    """Returns how hard each objective pushes a generated image up, `-G'(u)` at `SURE`; equal ones under one name."""
    found: dict[str, np.ndarray] = {}
    for name, objective in terms.OBJECTIVES.items():
        u = tf.constant(SURE, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(u)
            loss = objective.generator(u)
        push = -tape.gradient(loss, u).numpy()
        known = next((known for known, other in found.items() if np.allclose(push, other, rtol=1e-3, atol=1e-6)), "")
        found.pop(known, None)
        found[f"{known}, {name}" if known else name] = push
    return found


def draw_slopes(path: Path) -> None:
    """Writes a PNG: to the left the pushes of `slopes`, to the right the paths of `dynamics`."""
    figure = blank(9.4, 3.7, layout="constrained")
    pushes, paths = figure.subplots(1, 2, width_ratios=(1.25, 1))
    for (name, push), colour in zip(slopes().items(), COLOURS, strict=True):
        pushes.plot(SURE, push, color=colour, linewidth=1.6, label=textwrap.fill(name, 22))
    pushes.set(ylim=(-0.6, 3), xlim=(SURE[0], SURE[-1]))
    pushes.axhline(0, color=INK, linewidth=0.6)
    pushes.set_title("how hard the generator is pushed, -G'(u)", fontsize=8.5, color=INK, loc="left")
    pushes.set_xlabel("u: below 0 the discriminator says generated, above 0 real", fontsize=8, color=INK)
    pushes.legend(fontsize=6.5, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    for rule, colour in zip(dynamics.RULES, COLOURS, strict=False):
        theta, phi = dynamics.path(rule).T
        paths.plot(theta, phi, color=colour, linewidth=1.2, label=rule)
    paths.plot(*dynamics.START, "o", color=INK, markersize=4)
    paths.plot(0, 0, "+", color=INK, markersize=8)
    paths.set(aspect="equal", xlim=(-2.6, 2.6), ylim=(-3.4, 2.4))
    paths.set_title("two numbers that play the game, 100 steps", fontsize=8.5, color=INK, loc="left")
    paths.set_xlabel("generator", fontsize=8, color=INK)
    paths.set_ylabel("discriminator", fontsize=8, color=INK)
    paths.legend(fontsize=6.5, loc="lower left", frameon=False, ncols=3)
    for axes in (pushes, paths):
        axes.tick_params(labelsize=7, labelcolor=INK)
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)
