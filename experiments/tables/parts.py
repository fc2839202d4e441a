"""What the tables are made of: results, Markdown, numbers."""

import functools
import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import scipy.stats

RESULTS = Path(__file__).parents[1] / "results"


@functools.cache
def result(name: str) -> dict[str, Any]:
    """Returns a file of results/."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("|".join(["", *(f" {cell} " if cell else " " for cell in row), ""]) for row in lines)


def percent(share: float) -> str:
    """Returns a share as percent with two digits, without the sign."""
    return f"{100 * share:.2f}"


def with_interval(values: Sequence[float], *, digits: int = 1) -> str:
    """Returns the mean of differences of shares and half of its 95 % interval, by Student's t, in points."""
    if len(values) < 2:
        return f"{100 * values[0]:+.{digits}f}"
    half = scipy.stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{100 * statistics.mean(values):+.{digits}f} ± {100 * half:.{digits}f}"
