"""Measures what it is worth to choose which pictures get a label: error against labels, for four ways of choosing.

  python -m experiments.studies.which_labels --data_dir=FOLDER                        all that is not measured yet
  python -m experiments.studies.which_labels --data_dir=FOLDER --sets sign_digits     these alone
  python -m experiments.studies.which_labels --draw                                   the picture again

FOLDER holds sign_digits/ and svhn_lite/. A chain is what somebody does at the page of ssgan.label: choose 20 pictures,
label them (here, the hidden labels are looked up), train, choose more, up to 200 labels; the same short recipe for
every way. Each training begins anew, with the same seed. Puts every chain into results/which_labels.json as soon as it
is done; one that is there is not made again. So the study can be interrupted, and two of them can run side by side, of
other sets, ways or seeds, on one core each (`taskset -c 0`).
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from experiments.common import places, processes, results

SETS = {
    "sign_digits": ["--images={data_dir}/sign_digits"],
    "svhn_lite": ["--dataset=svhn_cropped", "--data_dir={data_dir}/svhn_lite"],
}
NAMES = {"sign_digits": "sign_digits", "svhn_lite": "SVHN-lite"}
RECIPE = [
    *("--recipe=own_images", "--image_size=32", "--arch=tiny", "--flip=no", "--shift=2"),
    *("--unlabeled_batch=32", "--total_steps=400", "--precision=float32"),
]
WAYS = ("random", "typical", "uncertain", "mixed")
LABELS = (20, 50, 100, 200)
SEEDS = (0, 1, 2)


def main() -> None:
    """Measures what is asked for, and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--steps", type=int, help="of each training; default: those of the recipe")
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    parser.add_argument("--output", type=Path, default=places.RESULTS / "which_labels.json", help="the .json to write")
    options = parser.parse_args()
    if not options.draw:
        if options.data_dir is None:
            parser.error("--data_dir: expected the folder that holds sign_digits/ and svhn_lite/")
        for seed in options.seeds:
            for images in options.sets:
                for way in options.ways:
                    run(images, way, seed, options)
    draw(options.output)


def run(images: str, way: str, seed: int, options: argparse.Namespace) -> None:
    """Makes one chain, unless that was done, and puts the outcome into the results."""
    recipe = [*RECIPE, *([f"--total_steps={options.steps}"] if options.steps else [])]
    known = results.read(options.output).get("sets", {}).get(images, {}).get(way, [])
    if any(chain["seed"] == seed and chain["recipe"] == recipe for chain in known):
        return
    origin = results.about({})
    flags = [*recipe, *(flag.format(data_dir=options.data_dir) for flag in SETS[images])]
    found = processes.run("studies.labelling_chain", {"flags": flags, "way": way, "labels": list(LABELS), "seed": seed})
    put(options.output, images, way, {**origin, "seed": seed, "recipe": recipe, **found})


def put(path: Path, images: str, way: str, chain: dict[str, Any]) -> None:
    """Adds a chain to a results file, in the place of another one of its seed, and says what it found."""
    known = results.read(path).get("sets", {})
    of_set = known.setdefault(images, {})
    others = [each for each in of_set.get(way, []) if each["seed"] != chain["seed"]]
    of_set[way] = sorted([*others, chain], key=lambda each: each["seed"])
    known[images] = {each: of_set[each] for each in WAYS if each in of_set}
    results.put(path, labels=list(LABELS), sets={each: known[each] for each in SETS if each in known})
    shown = ", ".join(f"{count}: {100 * error:.2f} %" for count, error in zip(LABELS, chain["errors"], strict=True))
    print(f"{images:12} {way:10} seed {chain['seed']}: {shown}  ({chain['seconds']:.0f} s)", flush=True)


def errors(chains: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Returns for each number of labels the mean error of the chains, and its standard deviation, 0 of one chain."""
    columns = zip(*(chain["errors"] for chain in chains), strict=True)
    return [(statistics.mean(each), statistics.stdev(each) if len(each) > 1 else 0.0) for each in columns]


def draw(path: Path) -> None:
    """Draws the picture beside a results file, if there are results."""
    found = results.read(path).get("sets", {})
    if found:
        from experiments.studies import which_labels_figure  # matplotlib: after --help

        which_labels_figure.draw(found, path.with_suffix(".png"))


if __name__ == "__main__":
    main()
