"""Trains and tests the recipes of a study, each with several choices of labels, and writes their raw results.

  python -m experiments.studies.measure STUDY... --data_dir=FOLDER

FOLDER holds svhn_lite/ (SVHN's two .mat files, here a part of the official test file, see the README) and tfds/
(MNIST as TFDS prepares it). Prints the errors and puts them into results/<study>.json after every run; what that file
holds of other recipes, of other label seeds and of newer runs stays, be it measured elsewhere or no longer possible. A
run that is finished under runs/ is not trained again, one that was interrupted goes on: repeat the command until all
is done. Without names: all studies, a day's work.

In a study of so many minutes, the steps that fit into them are counted once for each recipe, before it is trained; the
learning rate falls to 0 at the last of them. Leave the machine alone while such a study, or any time, is measured.
"""

import argparse
import csv
import itertools
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments.common import results
from experiments.common.places import RESULTS
from experiments.studies import corrections, outliers
from experiments.studies.recipes import STUDIES, Study
from ssgan.options import Config
from ssgan.store import files

CALIBRATION_STEPS, TIMED_TOGETHER = 200, 20
POINTS = 20  # of a curve, in a study of so many minutes


def main() -> None:
    """Measures the studies that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", choices=[*STUDIES, []], metavar="STUDY", help=", ".join(STUDIES))
    parser.add_argument("--data_dir", type=Path, required=True)
    parser.add_argument("--label_seeds", type=int, nargs="+", help="train these only; default: all of the study")
    parser.add_argument("--recipes", nargs="+", help="train these only; default: all of the study")
    options = parser.parse_args()
    for name in options.studies or STUDIES:
        study = STUDIES[name]
        earlier(name)
        for recipe, label_seed in plan(parser, study, options):
            measure(name, recipe, label_seed, options.data_dir)
            write_results(name)


def plan(parser: argparse.ArgumentParser, study: Study, options: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """Returns the recipes and label seeds to train, one label seed after the other."""
    unknown = set(options.recipes or ()) - study.recipes.keys()
    if unknown:
        parser.error(f"--recipes {', '.join(sorted(unknown))}: expected some of {', '.join(study.recipes)}")
    return (
        (recipe, label_seed)
        for label_seed in options.label_seeds or study.label_seeds
        for recipe in options.recipes or study.recipes
    )


def measure(name: str, recipe: str, label_seed: int, data_dir: Path) -> None:
    """Trains and tests one run, so far as that is still to be done."""
    study, folder = STUDIES[name], recipe_folder(name, recipe)
    run_dir = folder / f"label_seed_{label_seed}"
    flags = [*study.recipes[recipe], *([f"--data_dir={data_dir / study.data}"] if study.data else [])]
    if not (run_dir / "summary.json").exists():
        if study.minutes:
            steps = round(60 * study.minutes / seconds_per_step(folder, flags))
            flags += [f"--total_steps={steps}", f"--log_every={max(1, steps // POINTS)}"]
        flags.append(f"--label_seed={label_seed}")
        train(run_dir, flags)
    if study.tested and not (run_dir / "metrics.json").exists():
        draws = study.scored and "--gan_weight=0" not in flags
        run(run_dir, "ssgan.eval", f"--run={run_dir}", *(["--accuracy_score"] if draws else []))
    if study.corrected and not (run_dir / corrections.FILE).exists():
        run(run_dir, "experiments.studies.corrections", f"--run={run_dir}", *(["--test"] if study.tested else []))
    if study.outliers and not (run_dir / outliers.FILE).exists():
        run(run_dir, "experiments.studies.outliers", f"--run={run_dir}", f"--data_dir={data_dir}")
    if study.transfer and not list(run_dir.glob("metrics_svhn_cropped_*.json")):
        run(
            run_dir,
            "ssgan.eval",
            f"--run={run_dir}",
            "--dataset=svhn_cropped",
            f"--data_dir={data_dir / study.transfer}",
        )


def train(run_dir: Path, flags: list[str]) -> None:
    """Trains a run that is not finished, from where it was interrupted."""
    how = ["--resume"] if (run_dir / "options.json").exists() else flags
    run(run_dir, "ssgan.train", *how, f"--run_dir={run_dir}")


def seconds_per_step(folder: Path, flags: list[str]) -> float:
    """Returns the mean time of a step, measured once and kept in the recipe's folder.

    By a short training, in which each kind of step has the same share as in a long one, without what compiling takes.
    """
    from ssgan.training.build import unlabeled_start  # TensorFlow: after --help

    path = folder / "seconds_per_step.json"
    if not path.exists():
        trial = folder / "calibration"
        shutil.rmtree(trial, ignore_errors=True)
        call(
            "ssgan.train",
            *flags,
            f"--log_every={TIMED_TOGETHER}",
            f"--total_steps={CALIBRATION_STEPS}",
            "--validation=0",
            f"--run_dir={trial}",
        )
        begun = unlabeled_start(Config.from_json((trial / "options.json").read_text()), steps=CALIBRATION_STEPS)
        ends = [(int(row["step"]), float(row["seconds"])) for row in history(trial)]
        files.write_json(path, {"seconds": mean_step(ends, begun=begun)})
        shutil.rmtree(trial)
    return files.read_json(path)["seconds"]


def mean_step(ends: list[tuple[int, float]], *, begun: int) -> float:
    """Returns the mean time of a step, by the steps and seconds at which equally long parts of a training ended.

    Of each kind of part the median is taken, since TensorFlow compiles in the first part, and in that in which the
    images without labels come in, after the step `begun`.
    """
    times = {step: end - start for (_, start), (step, end) in itertools.pairwise(ends)}
    of_labels = [seconds for step, seconds in times.items() if step <= begun]
    of_all = [seconds for step, seconds in times.items() if step > begun]
    share = begun / ends[-1][0]
    seconds = share * statistics.median(of_labels or of_all) + (1 - share) * statistics.median(of_all)
    return seconds / (ends[1][0] - ends[0][0])


def run(run_dir: Path, module: str, *flags: str) -> None:
    """Runs a module for a run; which commits that were is noted beside its folder."""
    noted, commit = commits(run_dir), results.commit()
    if commit not in noted:
        results.put(commits_file(run_dir), commits=[*noted, commit])
    call(module, *flags)


def commits(run_dir: Path) -> list[str]:
    """Returns the commits that a run was trained and tested at, none if that was not noted."""
    return results.read(commits_file(run_dir)).get("commits", [])


def commits_file(run_dir: Path) -> Path:
    """Returns where they are noted: a new run's folder has to be empty."""
    return run_dir.with_name(f"{run_dir.name}_commits.json")


def call(module: str, *flags: str) -> None:
    """Runs a module as a command."""
    subprocess.run([sys.executable, "-m", module, *flags], check=True)


def write_results(name: str) -> None:
    """Puts every finished run of a study into `results/<study>.json`, and prints the errors."""
    study, recipes = STUDIES[name], earlier(name)
    for recipe in study.recipes:
        last = "metrics.json" if study.tested else "summary.json"
        folders = [path.parent for path in recipe_folder(name, recipe).glob(f"label_seed_*/{last}")]
        if folders:
            here = [outcome(folder, tested=study.tested) for folder in folders]
            recipes[recipe] = entry(newest([*recipes.get(recipe, {"runs": []})["runs"], *here]))
            report(f"{name}, {recipe:34}", recipes[recipe])
    result = {"study": name, "error": error_of(study), "minutes": study.minutes, "recipes": recipes}
    files.write_json(RESULTS / f"{name}.json", result)
    curves = recipe_folder(name, next(iter(study.recipes))) / f"label_seed_{study.label_seeds[0]}" / "curves.png"
    if name == "comparison":
        from experiments.studies import figure as study_figure  # matplotlib: after --help

        peers = RESULTS / "peers.json"
        study_figure.draw(result, files.read_json(peers) if peers.exists() else {"peers": {}}, RESULTS / f"{name}.png")
    elif study.tested and curves.exists():
        shutil.copy(curves, RESULTS / f"{name}.png")
    grids = sorted((curves.parent / "samples").glob("step_*.png"))
    if study.scored and grids:
        shutil.copy(grids[-1], RESULTS / f"{name}_samples.png")


def error_of(study: Study) -> str:
    """Returns which error the figures of a study are."""
    return "test" if study.tested else "validation: held-out train images"


def earlier(name: str) -> dict[str, Any]:
    """Returns the recipes that the results of a study hold by now.

    Raises:
        SystemExit: if they were not measured as the study is today, so that new runs do not belong to them.
    """
    path, study = RESULTS / f"{name}.json", STUDIES[name]
    found, expected = results.read(path), {"error": error_of(study), "minutes": study.minutes}
    if found and any(found[key] != value for key, value in expected.items()):
        shown = ", ".join(f"{key} {found[key]} (the study: {value})" for key, value in expected.items())
        sys.exit(f"error: {path} holds other results, of {shown}: move it away, or name the study anew")
    return found.get("recipes", {})


def newest(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the runs by label seed, of each the one begun last; of equals the last in the list."""
    by_seed = {run["label_seed"]: run for run in sorted(runs, key=lambda run: run["about"]["date"])}
    return [by_seed[seed] for seed in sorted(by_seed)]


def entry(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns what the results say of a recipe; `unlike_options` are those that not all of its runs have in common."""
    errors, options = [run["error"] for run in runs], [run["options"] for run in runs]
    shared = set.intersection(*(set(each) for each in options)) - {"label_seed"}
    return {
        "mean_error": statistics.mean(errors),
        "standard_deviation": statistics.stdev(errors) if len(errors) > 1 else None,
        "unlike_options": sorted(name for name in shared if any(each[name] != options[0][name] for each in options)),
        "runs": runs,
    }


def report(title: str, found: dict[str, Any]) -> None:
    """Prints the errors of a recipe."""
    shown = ", ".join(f"{100 * run['error']:.2f}" for run in found["runs"])
    print(f"{title} {100 * found['mean_error']:6.2f} % ({shown})", flush=True)
    if found["unlike_options"]:
        print(f"    *** runs of unlike options: {', '.join(found['unlike_options'])} ***", flush=True)


def recipe_folder(name: str, recipe: str) -> Path:
    """Returns where the runs of a recipe are."""
    return Path("runs") / name / recipe.replace(",", "").replace(" ", "_")  # a comma would separate two runs


def history(run_dir: Path) -> list[dict[str, str]]:
    """Returns the rows of a run's `history.csv`."""
    with open(run_dir / "history.csv") as file:
        return list(csv.DictReader(file))


def outcome(run_dir: Path, *, tested: bool) -> dict[str, Any]:
    """Returns what a run says of itself, its own options included; folders of this machine are left out."""
    run = {name: results.public(files.read_json(run_dir / f"{name}.json")) for name in ("options", "about", "summary")}
    rows = history(run_dir)
    run["history"] = {key: [float(row[key]) if row[key] != "nan" else None for row in rows] for key in rows[0]}
    for path in sorted(run_dir.glob("metrics*.json")):
        run[path.stem] = results.public(files.read_json(path))
    error = run["metrics"]["test_error"] if tested else run["history"]["validation_error"][-1]
    about = {"error": error, "label_seed": run["options"]["label_seed"], "commits": commits(run_dir) or ["unknown"]}
    return {**about, **run}


if __name__ == "__main__":
    main()
