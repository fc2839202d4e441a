"""Tables of what can be done with a classifier after its training: views, class frequencies, temperature."""

import statistics
from collections.abc import Callable, Iterator
from typing import Any

from experiments.studies.corrections import WITH, WITHOUT
from experiments.studies.ensembles import KINDS
from experiments.tables.parts import markdown, percent, result, with_interval

STUDIES = {
    ("svhn_lite_12_minutes", "without generator"): "SVHN-lite, 1,000",
    ("svhn_lite_half_hour", "default"): "SVHN-lite, 1,000, held-out train images",
    ("svhn_lite_few", "4,000 labels"): "SVHN-lite, 4,000",
    ("svhn_lite_few", "250 labels"): "SVHN-lite, 250",
    ("svhn_lite_few", "100 labels"): "SVHN-lite, 100",
    ("svhn_lite_few", "40 labels"): "SVHN-lite, 40",
    ("mnist_100_long", "without generator"): "MNIST, 100",
    ("mnist_few", "100 labels"): "MNIST, 100",
    ("mnist_few", "50 labels"): "MNIST, 50",
    ("mnist_few", "20 labels"): "MNIST, 20",
}


def errors() -> str:
    """Test errors of one view and of means over views, without and with the class prior."""
    rows = []
    for title, runs in _recipes():
        found = [run["metrics_corrections"] for run in runs]
        alone = [one[WITHOUT]["one view"]["error"] for one in found]
        rows.append(
            [
                title,
                f"{runs[0]['summary']['steps']:,}",
                f"{statistics.median(run['summary']['train_seconds'] for run in runs) / 60:.0f}",
                _shown(alone, each=True),
                *(
                    _beside([one[prior][views]["error"] for one in found], alone)
                    for prior, views in ((WITHOUT, "views"), (WITH, "one view"), (WITH, "views"))
                ),
            ]
        )
    header = ["set, labels", "steps", "minutes, one core", "one view (by label seed)", "views"]
    return markdown([*header, "one view, class prior", "views, class prior"], rows)


def ensembles() -> str:
    """Test errors of one net and of means over nets that were trained on the same labels."""
    errors = [run["errors"] for run in result("svhn_lite_ensembles")["runs"]]
    names = [f"{views}, {prior}" for prior, views in KINDS]
    rows = [
        [count, *(_shown([one[count][name] for one in errors], each=name == names[-1]) for name in names)]
        for count in min(errors, key=len)
    ]
    return markdown(["nets", *(name.removesuffix(f", {WITHOUT}") for name in names)], rows)


def calibration() -> str:
    """How well probabilities fit the test images, before and after the temperature."""
    rows = []
    for title, runs in _recipes():
        found = [run["metrics_corrections"][WITHOUT]["one view"] for run in runs]
        cells = [
            _shown([one[name] for one in found], form)
            for name, form in (
                ("calibration_error", percent),
                ("calibrated_calibration_error", percent),
                ("negative_log_likelihood", "{:.3f}".format),
                ("calibrated_negative_log_likelihood", "{:.3f}".format),
            )
        ]
        temperature = _shown([run["metrics_corrections"][WITHOUT]["temperature"] for run in runs], "{:.2f}".format)
        rows.append([title, temperature, *cells])
    header = ["set, labels", "temperature", "calibration error, %", "calibrated", "negative log-likelihood, nats"]
    return markdown([*header, "calibrated"], rows)


def _recipes() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yields what each recipe is called, and its runs."""
    for (study, name), title in STUDIES.items():
        runs = result(study)["recipes"].get(name, {"runs": []})["runs"]
        if measured := [run for run in runs if "metrics_corrections" in run]:
            yield title, measured


def _beside(values: list[float], others: list[float]) -> str:
    """Returns the mean of values, and how much less they are than others of the same runs, with the 95 % interval."""
    by = [one - other for one, other in zip(values, others, strict=True)]
    return f"{percent(statistics.mean(values))}; {with_interval(by, digits=2)}"


def _shown(values: list[float], form: Callable[[float], str] = percent, *, each: bool = False) -> str:
    """Returns mean and deviation of values of some runs, and perhaps each."""
    spread = f" ± {form(statistics.stdev(values))}" if len(values) > 1 else ""
    listed = f" ({', '.join(map(form, values))})" if each else ""
    return f"{form(statistics.mean(values))}{spread}{listed}"
