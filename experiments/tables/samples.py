"""The table of generated images: what a new classifier learns from them alone, and how like real ones they are."""

from typing import Any

from experiments.tables.parts import markdown, percent, result

# Study, recipe, what it is called.
_ROWS = [
    ("mnist_100", "with generator", "MNIST, `--recipe=mnist_100`"),
    ("svhn_lite_1000", "default", "SVHN-lite, the default recipe"),
]


def samples() -> str:
    """Generated images of whole runs, beside real ones; the first label seed of each."""
    header = [
        *(
            "recipe",
            "test error of its classifier",
            "of a new one that learns from generated images alone",
            "from real",
        ),
        *("coverage", "of real", "Fréchet distance", "of real"),
    ]
    return markdown(header, [[title, *_cells(result(study)["recipes"][name])] for study, name, title in _ROWS])


def _cells(recipe: dict[str, Any]) -> list[str]:
    run = recipe["runs"][0]
    found = run["metrics"]["samples"]
    generated, real = found["generated"], found["real"]
    pairs = [
        *((each["classification_error"], lambda value: f"{percent(value)} %") for each in (generated, real)),
        *((each["coverage"], lambda value: f"{100 * value:.0f} %") for each in (generated, real)),
        *((each["frechet_distance"], lambda value: f"{value:.2g}") for each in (generated, real)),
    ]
    return [f"{percent(run['error'])} %", *(show(value) for value, show in pairs)]
