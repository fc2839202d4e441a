"""The table of the GAN's techniques, and their picture. Both say so where something is not measured yet."""

import statistics
from collections.abc import Callable, Iterable
from typing import Any

from experiments.common import results
from experiments.studies.techniques import TECHNIQUES
from experiments.tables.parts import RESULTS, markdown, percent

_HEADER = (
    *("technique", "beside the options of the base", "held-out error, %", "error after learning from its images, %"),
    *("coverage, % of that of real images", "time of a step"),
)
_PICTURE = "techniques.png"


def techniques() -> str:
    """What each technique does to classifier and generator."""
    return table(results.read(RESULTS / "techniques.json"))


def picture() -> str:
    """The picture of the generated images, where there is one."""
    if not (RESULTS / _PICTURE).exists():
        return "Not drawn yet."
    return f"![Images of the generator of each technique](../../experiments/results/{_PICTURE})"


def table(found: dict[str, Any]) -> str:
    """Returns the table of a results file, whole, partial or empty, and how it was measured below it."""
    known = found.get("techniques", {})
    runs = {name: known.get(name, {}).get("runs", []) for name in dict.fromkeys([*TECHNIQUES, *known])}
    rows = []
    for name, of_technique in runs.items():
        flags = TECHNIQUES[name] if name in TECHNIQUES else known[name]["flags"]
        step = known.get(name, {}).get("step")
        rows.append([name, " ".join(f"`{flag}`" for flag in flags), *_cells(of_technique, step)])
    how = _how([run for each in runs.values() for run in each], known.get("base", {}).get("step"))
    return f"{markdown(_HEADER, rows)}\n\n{how}"


def _cells(runs: list[dict[str, Any]], step: dict[str, Any] | None) -> list[str]:
    if not runs:
        return ["not measured yet", "", "", ""]
    errors = mean_and_each([run["error"] for run in runs], percent, missing="not finite")
    scores = mean_and_each([run["score_error"] for run in runs], percent)
    coverages = mean_and_each([_coverage(run) for run in runs], lambda share: f"{100 * share:.0f}")
    return [errors, scores, coverages, f"{step['of_base']:.2f}" if step else "-"]


def mean_and_each(values: Iterable[float | None], show: Callable[[float], str], *, missing: str = "-") -> str:
    """Returns the mean of the values that there are, and each in brackets where there are several."""
    values = list(values)
    there = [value for value in values if value is not None]
    if not there:
        return missing
    each = ", ".join(missing if value is None else show(value) for value in values)
    return f"{show(statistics.mean(there))} ({each})" if len(values) > 1 else each


def _coverage(run: dict[str, Any]) -> float | None:
    if run["quality"] is None:
        return None
    return run["quality"]["generated"]["coverage"] / run["quality"]["real"]["coverage"]


def _how(runs: list[dict[str, Any]], step_of_base: dict[str, Any] | None) -> str:
    if not runs:
        return "Nothing is measured yet."
    seeds, steps, arithmetic = (
        " and ".join(str(value) for value in sorted(set(values)))
        for values in (
            [run["label_seed"] for run in runs],
            [run["options"]["total_steps"] for run in runs],
            [run["precision"] for run in runs],
        )
    )
    told = f"{steps} steps in {arithmetic}; label seeds {seeds}, each in brackets."
    if step_of_base:
        told += f" A step of the base takes {1000 * step_of_base['seconds']:.0f} ms of processor time, which is 1.00."
    return told
