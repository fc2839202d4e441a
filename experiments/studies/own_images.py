"""Trains the recipe for photographs of one's own, `configs/own_images.cfg`, and what it is to be compared with.

  python -m experiments.studies.own_images --data_dir=FOLDER            15 minutes each, test error
  python -m experiments.studies.own_images --data_dir=FOLDER --decide   5 minutes each, error on held-out train images

FOLDER holds sign_digits/ (photographs of hands that sign digits, 64x64 here, split by person) and cifar_lite/ (natural
photographs, 32x32, a part of CIFAR-10), each with train/<class>/ and test/<class>/. The labels alone have the same net
and views and as much time. Decisions are made on persons, or images, of the train split that are trained on in no way,
with labels of their own. Puts every run into results/own_images.json, or results/own_images_decisions.json, as soon as
it is done; one that is there is not trained again. Leave the machine alone meanwhile: the steps are as many as fit.
On one core each (`taskset -c 0`), two at a time, --minutes=23 gives as many steps as 15 minutes on two cores.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from experiments.common import places, processes, results

RECIPE = "--flagfile=configs/own_images.cfg"
LABELS_ALONE = ["--gan_weight=0", "--pseudo_label_weight=0", "--vat_weight=0"]
SIGNS, CIFAR = ["--image_size=64"], ["--image_size=32"]
# By name: the folder, and what the images ask for.
SETS = {
    "sign_digits": ("sign_digits", [*SIGNS, "--labels=100"]),
    "cifar_lite": ("cifar_lite", [*CIFAR, "--labels=1000"]),
    "sign_digits_50": ("sign_digits", [*SIGNS, "--labels=50"]),
    "cifar_lite_400": ("cifar_lite", [*CIFAR, "--labels=400"]),
}
RECIPES = {
    "own_images": [],
    "labels alone": LABELS_ALONE,
    "all labels": [*LABELS_ALONE, "--labels=1652", "--label_strategy=first"],
}
DECISIONS = {
    "base": [],
    "labels alone": LABELS_ALONE,
    "generator": ["--gan_weight=1"],
}
MINUTES, DECISION_MINUTES = 15.0, 5.0
LABEL_SEEDS, DECISION_SEEDS = (0, 1, 2), (100, 101)


def main() -> None:
    """Measures what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True)
    parser.add_argument("--decide", action="store_true", help="test on held-out train images")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--recipes", nargs="+", choices={**RECIPES, **DECISIONS}, help="default: all")
    parser.add_argument("--label_seeds", type=int, nargs="+")
    parser.add_argument("--minutes", type=float, help=f"default: {MINUTES:.0f}, to decide {DECISION_MINUTES:.0f}")
    options = parser.parse_args()
    recipes = DECISIONS if options.decide else RECIPES
    for label_seed in options.label_seeds or (DECISION_SEEDS if options.decide else LABEL_SEEDS):
        for images in options.sets:
            for recipe in options.recipes or recipes:
                if recipe != "all labels" or images == "sign_digits":
                    run(images, recipe, recipes[recipe], label_seed, options)


def run(images: str, recipe: str, further: list[str], label_seed: int, options: argparse.Namespace) -> None:
    """Trains and tests once, unless that was done, and puts the outcome into the results."""
    path = places.RESULTS / ("own_images_decisions.json" if options.decide else "own_images.json")
    runs = results.read(path).get(images, {}).get(recipe, {}).get("runs", [])
    if any(each["label_seed"] == label_seed for each in runs):
        return
    origin = results.about({})
    minutes = options.minutes or (DECISION_MINUTES if options.decide else MINUTES)
    folder, size_and_labels = SETS[images]
    flags = [RECIPE, *size_and_labels, *further, f"--label_seed={label_seed}"]
    found = processes.run(
        "studies.photograph_training",
        {
            "data": str(options.data_dir / folder),
            "by_person": folder == "sign_digits",
            "flags": flags,
            "minutes": minutes,
            "held_out": options.decide,
        },
    )
    put(path, images, recipe, {**origin, "minutes": minutes, **found})


def put(path: Path, images: str, recipe: str, found: dict[str, Any]) -> None:
    """Adds a run to a results file, and prints the errors of its recipe."""
    whole = results.read(path)
    recipes = whole.setdefault(images, {})
    runs = [*recipes.get(recipe, {}).get("runs", []), found]
    errors = [each["error"] for each in runs]
    recipes[recipe] = {
        "mean_error": statistics.mean(errors),
        "standard_deviation": statistics.stdev(errors) if len(errors) > 1 else None,
        "runs": runs,
    }
    results.put(path, **whole)
    shown = ", ".join(f"{100 * error:.2f}" for error in errors)
    print(f"{images}, {recipe:14} {100 * statistics.mean(errors):6.2f} % ({shown})", flush=True)


if __name__ == "__main__":
    main()
