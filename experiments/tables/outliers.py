"""Tables of how well outliers are told."""

import statistics
from typing import Any

from experiments.tables.parts import markdown, percent, result, with_interval

WITH, WITHOUT = "with generator", "without generator"


def drawings() -> str:
    """Outliers to MNIST."""
    return table(result("mnist_outliers")["recipes"])


def photographs() -> str:
    """Outliers to house numbers."""
    return table(result("svhn_lite_outliers")["recipes"])


def table(recipes: dict[str, Any]) -> str:
    """Returns a row for each set of outliers, and two columns for each recipe that was trained with and without.

    With a generator the score is `gan`; without, it is of each set the best of all scores.
    """
    names = [name.removesuffix(f", {WITH}") for name in recipes if name.endswith(f", {WITH}")]
    pairs = [(recipes[f"{name}, {WITH}"], recipes[f"{name}, {WITHOUT}"]) for name in names]
    header = ["outliers", *(f"{name}: {what}" for name in names for what in ("pass", "AUROC"))]
    kinds = list(pairs[0][0]["runs"][0]["metrics_outliers"]["gan"])
    return markdown(header, [[kind, *(cell for pair in pairs for cell in cells(kind, *pair))] for kind in kinds])


def cells(kind: str, with_generator: dict[str, Any], without: dict[str, Any]) -> tuple[str, str]:
    """Returns the share that passes, with and without and the difference of the pairs, and the AUROC, in percent."""
    generator, none = _by_seed(with_generator), _by_seed(without)
    seeds = sorted(generator.keys() & none.keys())
    best = min(none[seeds[0]], key=lambda score: statistics.mean(none[seed][score][kind]["passing"] for seed in seeds))
    passing, auroc = (
        ([generator[seed]["gan"][kind][what] for seed in seeds], [none[seed][best][kind][what] for seed in seeds])
        for what in ("passing", "auroc")
    )
    by = [one - other for one, other in zip(*passing, strict=True)]
    shown = f"{_mean(passing[0])} / {_mean(passing[1])}; {with_interval(by)}"
    return shown, f"{_mean(auroc[0])} / {_mean(auroc[1])}"


def _by_seed(recipe: dict[str, Any]) -> dict[int, Any]:
    return {run["label_seed"]: run["metrics_outliers"] for run in recipe["runs"]}


def _mean(shares: list[float]) -> str:
    return percent(statistics.mean(shares))
