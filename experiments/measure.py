"""Trains and tests the experiments of the README, and writes their raw results beside this file.

  python experiments/measure.py NAME... --data_dir=FOLDER

FOLDER holds svhn_lite/ (SVHN's two .mat files, here a part of the official test file, see the README) and tfds/
(MNIST as TFDS prepares it). A run that is finished under runs/ is not trained again. Without names: all experiments.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"
SVHN_LITE, TFDS = "svhn_lite", "tfds"

# name: (config, sub-folder of the data, further flags)
EXPERIMENTS = {
    "svhn_lite_1000": ("svhn_1000", SVHN_LITE, []),
    "svhn_lite_1000_supervised": ("svhn_1000_supervised", SVHN_LITE, []),
    "svhn_lite_1000_article": ("svhn_1000_article", SVHN_LITE, []),
    # 45 steps of 100,000: for the time of a step, not for the error.
    "svhn_lite_1000_paper_excerpt": (
        "svhn_1000_paper",
        SVHN_LITE,
        ["--train_images=4500", "--total_epochs=1", "--log_every=3"],
    ),
    "mnist_100": ("mnist_100", TFDS, []),
    "street_digits": ("street_digits_quick", None, []),
}


def main() -> None:
    """Measures the experiments named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*EXPERIMENTS, []], metavar="NAME", help=", ".join(EXPERIMENTS))
    parser.add_argument("--data_dir", type=Path, required=True)
    options = parser.parse_args()
    for name in options.names or EXPERIMENTS:
        measure(name, options.data_dir)


def measure(name: str, data_dir: Path) -> None:
    """Trains an experiment if need be, tests it, and writes `results/<name>.json`."""
    config, folder, flags = EXPERIMENTS[name]
    run_dir = Path("runs") / name
    data = [f"--data_dir={data_dir / folder}"] if folder else []
    if not (run_dir / "summary.json").exists():
        call("train", f"--flagfile=configs/{config}.cfg", f"--run_dir={run_dir}", *data, *flags)
    call("eval", f"--run={run_dir}")
    write_result(run_dir, run_dir / "metrics.json", name)
    shutil.copy(run_dir / "curves.png", RESULTS / f"{name}.png")
    if name == "street_digits":
        call("eval", f"--run={run_dir}", "--dataset=svhn_cropped", f"--data_dir={data_dir / SVHN_LITE}")
        (metrics,) = run_dir.glob("metrics_svhn_cropped_*.json")
        write_result(run_dir, metrics, "street_digits_to_svhn_lite")


def call(command: str, *flags: str) -> None:
    """Runs one of the two commands of ssgan."""
    subprocess.run([sys.executable, "-m", f"ssgan.{command}", *flags], check=True)


def write_result(run_dir: Path, metrics: Path, name: str) -> None:
    """Gathers what a run says of itself into one file; folders of this machine are left out."""
    options, about = (json.loads((run_dir / file).read_text()) for file in ("options.json", "about.json"))
    figures = json.loads(metrics.read_text())
    for place in (options, about, figures):
        for key in ("data_dir", "run_dir", "source"):
            place.pop(key, None)
    with open(run_dir / "history.csv") as file:
        rows = list(csv.DictReader(file))
    history = {key: [float(row[key]) if row[key] != "nan" else None for row in rows] for key in rows[0]}
    RESULTS.mkdir(exist_ok=True)
    result = {"experiment": name, "metrics": figures, "options": options, "about": about, "history": history}
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"{name}: test error {100 * figures['test_error']:.2f} %, {figures['train_seconds']:.0f} s")


if __name__ == "__main__":
    main()
