"""Tables of errors."""

import statistics
from collections.abc import Sequence
from typing import Any

from experiments.tables import outliers
from experiments.tables.parts import markdown, percent, result


def error(recipe: dict[str, Any], *, bold: bool = False) -> str:
    """Returns mean, deviation and the error of each label seed of a recipe."""
    mean, each = percent(recipe["mean_error"]), ", ".join(percent(run["error"]) for run in recipe["runs"])
    if len(recipe["runs"]) == 1:
        return f"{mean} %"
    shown = f"{mean} ± {percent(recipe['standard_deviation'])} %"
    return f"{f'**{shown}**' if bold else shown} ({each})"


def minutes(recipe: dict[str, Any]) -> str:
    """Returns how long the runs of a recipe took; a range where they differ by more than half a minute."""
    taken = [run["summary"]["train_seconds"] / 60 for run in recipe["runs"]]
    if max(taken) - min(taken) > 0.5:
        return f"{min(taken):.0f}-{max(taken):.0f} min"
    return f"{statistics.mean(taken):.0f} min"


# Study, recipe, what it is called, and what else is to be said: `time` where more than the training was meant.
_LITE, _SHARED = "SVHN-lite", ", shared cores"
# The time of the quick start is that of its two commands: start, training and test.
_QUICK = "6 min"
_TWO_CORES = ", two cores"
ROWS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "default": (
        "svhn_lite_1000",
        "default",
        f"{_LITE}, default recipe",
        {"bold": "yes", "after": f"{_TWO_CORES}, float32"},
    ),
    "before": ("svhn_lite_1000", "default of version 0.1", f"{_LITE}, default of version 0.1", {}),
    "no generator": ("svhn_lite_1000", "no generator", f"{_LITE}, the same without a generator", {}),
    "12 minutes": (
        *("svhn_lite_12_minutes", "without generator"),
        *(f"{_LITE}, today's default without a generator, `--gan_weight=0`", {}),
    ),
    "5 minutes": ("svhn_lite_5_minutes", "without generator", f"{_LITE}, the same in five minutes of one core", {}),
    "early": (
        *("svhn_lite_1000", "unlabelled images from the start"),
        *(f"{_LITE}, version 0.1 with `--unlabeled_start=0 --unlabeled_batch=100`", {}),
    ),
    "supervised": ("svhn_lite_1000", "supervised", f"{_LITE}, supervised baseline of version 0.1", {}),
    "article": ("svhn_lite_1000_article", "article", f"{_LITE}, the article's recipe", {"after": _SHARED}),
    "ceiling": (
        *("svhn_lite_all_labels", "supervised"),
        *(f"{_LITE}, supervised baseline of version 0.1, every label", {}),
    ),
    "ceiling today": (
        *("svhn_lite_all_labels", "today's default"),
        *(f"{_LITE}, today's default on labels alone, every label: the ceiling", {}),
    ),
    "250 today": (
        *("svhn_lite_few", "250 labels"),
        *(f"{_LITE}, today's default with `--gan_weight=0 --unlabeled_start=0.05`", {}),
    ),
    "250": (
        *("svhn_lite_250", "default of version 0.1"),
        *(f"{_LITE}, default of version 0.1 with `--labels=250 --total_steps=3000`", {}),
    ),
    "mnist": ("mnist_100", "with generator", "MNIST, `--recipe=mnist_100`", {"time": "8-14 min; two cores: 7"}),
    "mnist before": ("mnist_100", "drawings", "MNIST, `mnist_100` of version 0.1", {}),
    "quick": ("street_digits", "quick", "street_digits (**synthetic**), the quick start", {"time": _QUICK}),
    "transfer": (
        *("street_digits", "quick"),
        *("trained on street_digits (**synthetic**), tested on SVHN-lite", {"time": _QUICK, "tested": "svhn_cropped"}),
    ),
}


def accuracy(rows: Sequence[str]) -> str:
    """Test errors of whole runs."""
    table = []
    for study, name, title, more in map(ROWS.__getitem__, rows):
        recipe = result(study)["recipes"][name]
        run = recipe["runs"][0]
        shown = error(recipe, bold="bold" in more)
        if "tested" in more:
            (metrics,) = (run[key] for key in run if key.startswith(f"metrics_{more['tested']}_"))
            shown = f"{percent(metrics['test_error'])} %"
        table.append(
            [
                title,
                f"{run['options']['labels']:,} of {run['about']['num_train']:,}",
                f"{run['summary']['steps']:,}",
                more.get("time") or minutes(recipe) + more.get("after", ""),
                shown,
            ]
        )
    time = "time, one core, bfloat16"
    return markdown(["experiment", "labels", "steps", time, "test error, mean ± deviation (by label seed)"], table)


_PEERS = {
    "LAMDA-SSL ImprovedGAN": "LAMDA-SSL 1.0.2, ImprovedGAN",
    "ModSSC FixMatch": "ModSSC 1.2.2, FixMatch",
}


def ten_minutes() -> str:
    """Recipes and peers after the same time."""
    recipes, peers = result("comparison")["recipes"], result("peers")["peers"]
    no_generator = "the same without a generator"
    named = [
        ("**ssgan**, default of version 0.1", recipes["default of version 0.1"]),
        (no_generator, recipes["no generator"]),
        ("supervised baseline of version 0.1", recipes["labels only"]),
        *((title, peers[name]) for name, title in _PEERS.items()),
        ("the article's recipe", recipes["article"]),
        ("the paper's recipe", recipes["paper"]),
    ]
    table = []
    for title, recipe in named:
        runs = sorted(recipe["runs"], key=lambda run: run["label_seed"])
        steps, seconds, errors = zip(*map(_took_and_reached, runs), strict=True)
        each = [f"{percent(share)} %" for share in (*errors, recipe["mean_error"])]
        shown = "/".join(f"{number:,}" for number in dict.fromkeys(steps))
        table.append([title, shown, f"{statistics.mean(seconds) / 60:.1f}", *each])
    first = "recipe, 1,000 labels of SVHN-lite"
    return markdown([first, "steps", "minutes, bfloat16", "label seed 0", "label seed 1", "mean"], table)


def _took_and_reached(run: dict[str, Any]) -> tuple[int, float, float]:
    """Returns steps, seconds and test error of a run of ssgan or of a peer."""
    if "test_error" in run:
        return run["steps"], run["seconds"], run["test_error"]
    return run["summary"]["steps"], run["summary"]["train_seconds"], run["error"]


_TIMES = [
    ("svhn_lite_half_time", "without generator", "today's default, `--gan_weight=0`"),
    ("svhn_lite_5_minutes", "without generator", "today's default, `--gan_weight=0`"),
    ("svhn_lite_half_time", "default of version 0.1", "default of version 0.1"),
]


def half_the_time() -> str:
    """Today's default and the first one, each after a short time."""
    named = [(title, result(study)["recipes"][name]) for study, name, title in _TIMES]
    named += [(_PEERS[name], peer) for name, peer in result("peers_intel")["peers"].items()]
    rows = []
    for title, recipe in named:
        steps, seconds, errors = zip(*map(_took_and_reached, recipe["runs"]), strict=True)
        shown = "/".join(f"{number:,}" for number in dict.fromkeys(steps))
        taken = ", ".join(f"{each / 60:.1f}" for each in seconds)
        rows.append([title, shown, taken, error(_recipe_of(errors))])
    first = "recipe, 1,000 labels of SVHN-lite"
    return markdown([first, "steps", "minutes of one core", "test error, mean ± deviation (by label seed)"], rows)


_HALF_HOUR = {
    "default": "as it is",
    "twice as wide": "twice as many filters in every layer †",
}


def half_hour() -> str:
    """What makes use of half an hour, by held-out train images: a wider net, views, a student."""
    rows = []
    recipes = result("svhn_lite_half_hour")["recipes"]
    for name, title in _HALF_HOUR.items():
        recipe = recipes[name]
        runs = recipe["runs"]
        taken = ", ".join(f"{run['summary']['train_seconds'] / 60:.0f}" for run in runs)
        half = _mean_and_each(_recipe_of([_error_after_half(run["history"]) for run in runs]))
        rows.append([title, f"{runs[0]['summary']['steps']:,}", taken, half, error(recipe)])
    students = result("student")["runs"]
    steps = f"{students[0]['options']['total_steps']:,}"
    taken = ", ".join(f"{run['train_seconds'] / 60:.0f}" for run in students)
    for name, title, more in (
        ("teacher, views", "as it is, mean over views", ["", ""]),
        ("student, one view", "a student of that, beside the time of its teacher", [steps, taken]),
    ):
        rows.append([title, *more, "", error(_recipe_of([run["errors"][name] for run in students]))])
    header = ["today's default without a generator", "steps", "minutes of one core"]
    return markdown([*header, "error after half of the steps, % (by label seed)", "at the end"], rows)


def _recipe_of(errors: Sequence[float]) -> dict[str, Any]:
    """Returns what `error` and `_mean_and_each` show of two or more runs."""
    runs = [{"error": each} for each in errors]
    return {"mean_error": statistics.mean(errors), "standard_deviation": statistics.stdev(errors), "runs": runs}


def _error_after_half(history: dict[str, list[float]]) -> float:
    """Returns the validation error of the row that is nearest to half of the steps."""
    row = min(range(len(history["step"])), key=lambda row: abs(history["step"][row] - history["step"][-1] / 2))
    return history["validation_error"][row]


_TERMS = {
    "base": "**base**: pseudo-labels, GAN in every fourth step",
    "labels only": "labels only",
    "no generator": "no generator",
    "GAN in every step, no pseudo-labels": "GAN in every step, no pseudo-labels",
    "GAN in every step": "GAN in every step",
    "generator twice as wide": "generator twice as wide",
    "VAT": "**virtual adversarial training**, `--vat_weight=1`",
    "threshold 0.8": "`--pseudo_label_threshold=0.8`",
    "mean teacher for pseudo-labels": "mean teacher in place of pseudo-labels "
    "([arXiv:1703.01780](https://arxiv.org/abs/1703.01780)) †",
    "conditional entropy": "conditional entropy, weight 0.1 ([arXiv:1705.09783](https://arxiv.org/abs/1705.09783)) †",
    "pull-away": "pull-away of generated features (same) †",
    "manifold": "manifold regularisation ([arXiv:1805.08957](https://arxiv.org/abs/1805.08957)) †",
    "trained gain": "trained gain in every layer †",
    "average pooling": "average pooling",
    "100 unlabelled rows": "100 unlabelled rows",
    "labels alone for 0.3": "labels alone for 0.3 of the steps",
    "no augmentation": "no augmentation",
    "warm-up": "warm-up of the learning rate over 0.1 of the steps †",
    "decay from the start": "learning rate decaying from the start",
    "EMA decay 0.99": "EMA decay 0.99",
}


def ablation() -> str:
    """What each term does."""
    studies = [result(f"ablation_{name}")["recipes"] for name in ("mnist", "svhn_lite")]
    measured = {name for study in studies for name in study}
    if measured != set(_TERMS):
        raise SystemExit(f"the ablations hold other recipes than tables/accuracy.py names: {measured ^ set(_TERMS)}")
    rows = [[title, *(_mean_and_each(study.get(name)) for study in studies)] for name, title in _TERMS.items()]
    return markdown(["", "MNIST, 100 labels", "SVHN-lite, 1,000 labels"], rows)


def _mean_and_each(recipe: dict[str, Any] | None, *, unit: str = "") -> str:
    if recipe is None:
        return ""
    each = ", ".join(percent(run["error"]) for run in recipe["runs"])
    return f"{percent(recipe['mean_error'])}{unit} ({each})"


_PHOTOGRAPHS = {
    "sign_digits": "hands that sign digits, other persons in the test",
    "sign_digits_50": "hands that sign digits, other persons in the test",
    "cifar_lite": "cifar_lite: natural photographs",
    "cifar_lite_400": "cifar_lite: natural photographs",
}
_ARMS = {
    "own_images": "`--recipe=own_images`",
    "labels alone": "the same net and views, labels alone",
    "all labels": "the same, every label",
}


def photographs() -> str:
    """The recipe for photographs of one's own, beside the labels alone."""
    table = []
    for images, title in _PHOTOGRAPHS.items():
        recipes = result("own_images").get(images, {})
        for name, arm in _ARMS.items():
            if name in recipes:
                runs = recipes[name]["runs"]
                options = [run["options"] for run in runs]
                steps = sorted(one["total_steps"] for one in options)
                confident = statistics.mean(run["curve"]["confident"][-1] for run in runs)
                table.append(
                    [
                        f"{title}, {options[0]['image_size']} pixels: {arm}",
                        f"{options[0]['labels']:,}",
                        f"{steps[0]:,}" + (f" to {steps[-1]:,}" if steps[-1] > steps[0] else ""),
                        f"{100 * confident:.0f} %" if name == "own_images" else "",
                        error(recipes[name], bold=name == "own_images"),
                    ]
                )
    return markdown(["", "labels", "steps", "confident at the end", "test error (by label seed)"], table)


_FEWEST = {
    "mnist_fewest": ("MNIST", (20, 50)),
    "svhn_lite_fewest": ("SVHN-lite", (40, 100)),
}
_ARMS_OF_FEWEST = ("generated images as labelled ones", "with generator", "without generator")


def fewest() -> str:
    """Generated images as labelled ones, where labels are fewest."""
    rows = []
    for study, (name, counts) in _FEWEST.items():
        recipes = result(study)["recipes"]
        for labels in counts:
            for arm in _ARMS_OF_FEWEST:
                if recipe := recipes.get(f"{labels} labels, {arm}"):
                    steps, seconds = (
                        statistics.median(run["history"][key][-1] for run in recipe["runs"])
                        for key in ("step", "seconds")
                    )
                    rows.append([f"{name}, {labels}", arm, f"{steps:,.0f}", f"{seconds:.0f}", _mean_and_each(recipe)])
    return markdown(["set, labels", "", "steps", "seconds, median", "test error, % (by label seed)"], rows)


_WORTH = {
    "MNIST, 20": ("mnist_fewest", "20 labels"),
    "MNIST, 100": ("mnist_outliers", "labels, VAT, pseudo-labels"),
    "SVHN-lite, 1,000": ("svhn_lite_outliers", "default"),
    **{
        f"SVHN-lite, {labels:,}, version 0.{version}": ("generator", f"{labels} labels")
        for labels, version in ((1000, 2), (100, 1), (250, 1), (4000, 1))
    },
}


def generator() -> str:
    """With and without the generator, at equal time."""
    pairs = {
        title: [result(study)["recipes"][f"{name}, {arm}"] for arm in (outliers.WITH, outliers.WITHOUT)]
        for title, (study, name) in _WORTH.items()
    }
    long = result("svhn_lite_1000")["recipes"]
    pairs["SVHN-lite, 1,000, version 0.1, 23 minutes"] = [long["default of version 0.1"], long["no generator"]]
    rows = []
    for title, pair in pairs.items():
        first = [recipe["runs"][0] for recipe in pair]
        steps = " / ".join(f"{run['summary']['steps']:,}" for run in first)
        told = "metrics_outliers" in first[0]
        passing = [outliers.cells(kind, *pair)[0] if told else "" for kind in ("noise", "averaged pairs")]
        rows.append([title, steps, *(_mean_and_each(recipe, unit=" %") for recipe in pair), *passing])
    header = ["set, labels", "steps, with and without", "error with generator", "without"]
    return markdown([*header, "noise passes, %, with and without", "averaged pairs"], rows)
