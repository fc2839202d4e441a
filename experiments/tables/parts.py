"""What the tables are made of: results, Markdown, numbers."""

import functools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

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
