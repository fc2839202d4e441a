"""The table of which pictures to label, and its picture. Both say so where something is not measured yet."""

import statistics
from typing import Any

from experiments.common import results
from experiments.studies.which_labels import LABELS, NAMES, SETS, WAYS, errors
from experiments.tables.parts import RESULTS, markdown, percent

_PICTURE = "which_labels.png"


def which_labels() -> str:
    """Error against labels for each way of choosing them."""
    return table(results.read(RESULTS / "which_labels.json").get("sets", {}))


def picture() -> str:
    """The picture of the study, where there is one."""
    if not (RESULTS / _PICTURE).exists():
        return "Not drawn yet."
    return f"![Test error against the number of labels](../experiments/results/{_PICTURE})"


def table(found: dict[str, dict[str, Any]]) -> str:
    """Returns the table of a study, whole, partial or empty, and how it was measured below it."""
    header = ["images", "chosen", *(f"{count} labels" for count in LABELS)]
    rows = [
        [NAMES[images], way, *(_cells(chains) if (chains := found.get(images, {}).get(way)) else ["not measured yet"])]
        for images in SETS
        for way in WAYS
    ]
    chains = [chain for ways in found.values() for of_way in ways.values() for chain in of_way]
    rows = [[*row, *[""] * (len(header) - len(row))] for row in rows]
    return f"{markdown(header, rows)}\n\n{_how(chains)}"


def _cells(chains: list[dict[str, Any]]) -> list[str]:
    return [f"{percent(mean)} ± {percent(deviation)}" for mean, deviation in errors(chains)]


def _how(chains: list[dict[str, Any]]) -> str:
    if not chains:
        return "Nothing is measured yet."
    seeds = sorted({chain["seed"] for chain in chains})
    flags = " ".join(f"`{flag}`" for flag in chains[0]["recipe"])
    seconds = statistics.mean(chain["seconds"] for chain in chains)
    return (
        f"Test error, %, mean ± standard deviation over {len(seeds)} seeds, each of which chooses other pictures and "
        f"begins with other weights; {flags}; a chain of {len(LABELS)} trainings takes {seconds / 60:.1f} minutes of "
        "one core."
    )
