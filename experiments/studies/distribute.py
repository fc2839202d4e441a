"""One device, two replicas, two processes: the same weights? What happens when a worker dies, and what does it cost?

  python -m experiments.studies.distribute --only equality noise faults bytes steps model

`equality`: three recipes, three steps of SGD in float32, on one device, two logical CPUs and two processes. `noise`:
two logical CPUs beside two processes, with dropout and noise. `faults`: see `distribute_faults`. `bytes`: what a step
exchanges.
`steps`: seconds of a step of one and of two processes; for two quiet cores. `model`: from the bytes, what N GPUs would
wait for over several links. Writes results/distribute.json.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from experiments.common import places, processes, results
from experiments.studies.distribute_faults import faults

PARTS = ("equality", "noise", "faults", "bytes", "steps", "model")
RECIPES = ("default", "paper", "article")
RESULTS = places.RESULTS / "distribute.json"
LAUNCH = [sys.executable, "-m", "ssgan.launch", "--workers=2", "--"]
LINKS = {  # bytes a second that an all-reduce reaches, and seconds of a message: of data sheets, rounded down
    "NVLink (H100)": (300e9, 15e-6),
    "PCIe 4.0 x16": (20e9, 25e-6),
    "100 Gbit/s": (10e9, 50e-6),
    "10 Gbit/s": (1e9, 100e-6),
}
COMPUTE = (0.005, 0.02, 0.1)  # seconds that a step computes on one device


def equality(work: Path) -> dict:
    """Returns the largest differences of weights and moving averages after three steps from those of one device."""
    found = {}
    for recipe in RECIPES:
        begun, one = _weights(work, recipe, "one")
        found[recipe] = {"moved": _difference(begun, one)}
        for name in ("two replicas", "two processes"):
            found[recipe][name] = _difference(one, _weights(work, recipe, name)[1])
    return found


def noise(work: Path) -> dict:
    """Returns how far two replicas are from two processes with dropout and noise, which each replica draws."""
    (begun, replicas), (_, both) = (_weights(work, "noisy", name) for name in ("two replicas", "two processes"))
    return {"moved": _difference(begun, replicas), "difference": _difference(replicas, both)}


def _weights(work: Path, recipe: str, how: str) -> tuple[dict, dict]:
    """Trains three steps of a recipe on `one` device, `two replicas` or `two processes`; returns begin and end."""
    import numpy as np

    file = work / f"{recipe}_{how.replace(' ', '_')}.npz"
    options = json.dumps({"recipe": recipe, "devices": 2 if how == "two replicas" else 1, "file": str(file)})
    before = LAUNCH if how == "two processes" else []
    _run([*before, sys.executable, "-m", "experiments.studies.distributed_training", options])
    found = dict(np.load(file))
    begun, ended = (
        {name.removeprefix(when): found[name] for name in found if name.startswith(when)}
        for when in ("before/", "after/")
    )
    return begun, ended


def _difference(one: dict, other: dict) -> float:
    return max(float(abs(one[name] - other[name]).max()) for name in one)


def exchanged(work: Path) -> dict:
    """Returns what two replicas exchange in a step of each recipe, as `distributed_training` counts it."""
    found = {}
    for recipe in RECIPES:
        file = work / f"{recipe}.json"
        options = json.dumps({"recipe": recipe, "devices": 2, "file": str(file)})
        _run([sys.executable, "-m", "experiments.studies.distributed_training", options])
        found[recipe] = json.loads(file.read_text())
    return found


def steps(work: Path) -> dict:
    """Returns seconds of a step of one process on one core, and of two on a core each, of the same batch."""
    found = {}
    flags = ["--dataset=street_digits", "--train_images=2000", "--precision=float32", "--unlabeled_start=0"]
    flags += ["--total_steps=120", "--log_every=20", "--checkpoint_every=1000", "--validation=0"]
    one = ["taskset", "-c", "1", sys.executable, "-m", "ssgan.train", *flags]
    script = f"exec taskset -c $((1 - $(echo $TF_CONFIG | grep -c '\"index\": 1'))) {sys.executable} -m ssgan.train"
    two = [*LAUNCH, "bash", "-c", f'{script} "$@"', "worker", *flags]
    for name, command in (("one process", one), ("two processes", two)):
        run = work / name.replace(" ", "_")
        _run([*command, f"--run_dir={run}"])
        rows = [line.split(",") for line in (run / "history.csv").read_text().splitlines()[1:]]
        seconds = {int(row[0]): float(row[1]) for row in rows}
        found[name] = {"seconds_a_step": round((seconds[120] - seconds[40]) / 80, 4)}
    return found


def model(found: dict) -> dict:
    """Returns how many times faster N devices would be, by the exchanges and bytes of the default recipe.

    A step takes `compute / N + exchanges * 2 (N - 1) * latency + 2 (N - 1) / N * bytes / bandwidth`: a ring, in which
    every exchange is 2 (N - 1) messages one after the other; nothing overlapped.
    """
    per_step = found["bytes"]["default"]
    speedups: dict[str, dict[str, dict[int, float]]] = {}
    for link, (bandwidth, latency) in LINKS.items():
        for compute in COMPUTE:
            for devices in (2, 4, 8):
                sent = 2 * (devices - 1) / devices * per_step["bytes"] / bandwidth
                waited = per_step["exchanges"] * 2 * (devices - 1) * latency
                step = compute / devices + waited + sent
                speedups.setdefault(link, {}).setdefault(f"{1000 * compute:g} ms", {})[devices] = round(
                    compute / step, 2
                )
    return speedups


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=processes.environment())
    if done.returncode:
        processes.fail(" ".join(command[:6]), done.returncode, done.stdout + done.stderr)


def main() -> None:
    """Runs the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to run; default: all")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the .json file to write")
    arguments = parser.parse_args()
    from ssgan import hardware

    about = results.about(hardware.describe())
    measured = {"equality": equality, "noise": noise, "faults": faults, "bytes": exchanged, "steps": steps}
    for part in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            found = model(results.read(arguments.output)) if part == "model" else measured[part](Path(folder))
        results.put(arguments.output, **{part: found, f"{part}_about": about})
        print(json.dumps({part: found}, indent=1))


if __name__ == "__main__":
    main()
