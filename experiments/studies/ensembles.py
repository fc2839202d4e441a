"""Trains further nets on the same labels, and measures the means of their predictions on the test images.

  python -m experiments.studies.ensembles --data_dir=FOLDER [--label_seeds 0 1 ...] [--nets 2]

The first net of each choice of labels is the run of the study svhn_lite_12_minutes, which is trained before; each other
one differs from it in its seed, and takes 8,000 steps: on other labels, nets gained little after those. Means are over
the nets, and over the views of each, without and with the class prior, see `experiments.studies.corrections`. Prints
the errors and writes results/svhn_lite_ensembles.json, anew after every choice of labels; a run that is finished is not
trained again.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

import numpy as np

from experiments.common import results
from experiments.common.places import RESULTS
from experiments.studies import corrections, measure
from experiments.studies.recipes import STUDIES, SVHN_LITE

STUDY, RECIPE, NAME = "svhn_lite_12_minutes", "without generator", "svhn_lite_ensembles"
STEPS = 8000  # of a further net
KINDS = [(prior, views) for prior in (corrections.WITHOUT, corrections.WITH) for views in ("one view", "views")]


def main() -> None:
    """Trains and measures what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True)
    parser.add_argument("--label_seeds", type=int, nargs="+", default=STUDIES[STUDY].label_seeds)
    parser.add_argument("--nets", type=int, default=2, help="default: %(default)s")
    options = parser.parse_args()
    output = RESULTS / f"{NAME}.json"
    for label_seed in options.label_seeds:
        measure.measure(STUDY, RECIPE, label_seed, options.data_dir)
        first = measure.recipe_folder(STUDY, RECIPE) / f"label_seed_{label_seed}"
        nets = [first, *(train(label_seed, net, options.data_dir) for net in range(1, options.nets))]
        found = {run["label_seed"]: run for run in results.read(output).get("runs", [])}
        found[label_seed] = {"label_seed": label_seed, **ensemble(nets)}
        results.put(output, runs=[found[seed] for seed in sorted(found)])
    print(shown(results.read(output)["runs"]), flush=True)


def train(label_seed: int, net: int, data_dir: Path) -> Path:
    """Returns the folder of a run that differs from the first one in seed and steps, so far as needed trained."""
    run_dir = Path("runs") / NAME / f"label_seed_{label_seed}_net_{net}"
    if not (run_dir / "summary.json").exists():
        flags = [*STUDIES[STUDY].recipes[RECIPE], f"--data_dir={data_dir / SVHN_LITE}"]
        flags += [f"--seed={net}", f"--label_seed={label_seed}", f"--total_steps={STEPS}"]
        measure.train(run_dir, flags)
    return run_dir


def ensemble(nets: list[Path]) -> dict[str, Any]:
    """Returns the errors of the first net, of the mean over the first two, and so on; what each run says of itself."""
    measured = [corrections.measure(net, by_test=True) for net in nets]
    labels = measured[0][1]["labels"]
    errors = {}
    for count in range(1, len(nets) + 1):
        means = {
            (prior, views): np.mean([one[1]["probabilities"][prior][views] for one in measured[:count]], axis=0)
            for prior, views in KINDS
        }
        errors[str(count)] = {
            f"{views}, {prior}": float((mean.argmax(-1) != labels).mean()) for (prior, views), mean in means.items()
        }
    return {"errors": errors, "runs": [measure.outcome(net, tested=False) for net in nets]}


def shown(runs: list[dict[str, Any]]) -> str:
    """Returns the mean errors as text."""
    lines = []
    for count in min((run["errors"] for run in runs), key=len):
        for kind in runs[0]["errors"][count]:
            each = [run["errors"][count][kind] for run in runs]
            spread = f" +- {100 * statistics.stdev(each):.2f}" if len(each) > 1 else ""
            lines.append(f"{count} nets, {kind:32} {100 * statistics.mean(each):.2f}{spread} %")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
