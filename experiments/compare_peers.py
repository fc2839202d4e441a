"""Trains two other tools for a given time on the images and labels that ssgan gets, to compare their test errors.

  python experiments/compare_peers.py --data_dir=FOLDER --minutes=10

FOLDER holds svhn_lite/ (SVHN's two .mat files, here a part of the official test file, see the README). The peers are
ModSSC's FixMatch and LAMDA-SSL's ImprovedGAN, either with the network, learning rate and changes of the images of
ssgan's default recipe; their environments are made when they are first needed. Prints the errors and writes
results/peers.json, anew after every run. A run that is in it, of the same minutes, is not trained again: repeat the
command until all is done. Leave the machine alone meanwhile.
"""

import argparse
import dataclasses
import datetime
import statistics
from pathlib import Path
from typing import Any

from bench_steps import arguments as shared_options
from bench_steps import environments, processes

from ssgan import files

DATASET, SVHN_LITE = "svhn_cropped", "svhn_lite"


@dataclasses.dataclass(frozen=True)
class Peer:
    """A tool to compare with: a module of `bench_steps`, and its environment."""

    module: str
    environment: str


PEERS = {
    "LAMDA-SSL ImprovedGAN": Peer("lamda_train", "lamda_ssl"),
    "ModSSC FixMatch": Peer("modssc_train", "modssc"),
}


def main() -> None:
    """Trains whatever is still to be trained."""
    arguments = parse_arguments()
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    for label_seed in arguments.label_seeds:
        for name in arguments.only:
            runs = read(arguments.output)["peers"].get(name, {"runs": []})["runs"]
            if not any((run["label_seed"], run["minutes"]) == (label_seed, arguments.minutes) for run in runs):
                print(f"{name}, label seed {label_seed}: {arguments.minutes:g} minutes ...", flush=True)
                run = train(name, label_seed, arguments)
                results = read(arguments.output)  # by now, another process may have added its own
                add(results["peers"].setdefault(name, {"runs": []})["runs"], run)
                write(results, arguments.output)
    print(table(read(arguments.output)), flush=True)


def read(output: Path) -> dict[str, Any]:
    """Returns the results so far."""
    return files.read_json(output) if output.exists() else {"peers": {}}


def parse_arguments() -> argparse.Namespace:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10, help="time of each training, default %(default)s")
    parser.add_argument("--label_seeds", type=int, nargs="+", default=[0, 1], help="default: 0 1")
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER", help=", ".join(PEERS))
    parser.add_argument(
        "--work_dir",
        type=Path,
        default=environments.default_folder(),
        help="folder of the peers' environments, 2 GB; default: in the user's cache",
    )
    parser.add_argument("--output", type=Path, default=shared_options.RESULTS / "peers.json", help="the .json file")
    arguments = parser.parse_args()
    if arguments.minutes <= 0:
        parser.error("--minutes: expected more than 0")
    return arguments


def train(name: str, label_seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Trains a peer with the labels of a seed, which is also its own seed; returns what is kept of the run."""
    peer = PEERS[name]
    python = environments.python_of(peer.environment, arguments.work_dir)
    images = str(arguments.work_dir / f"peer_images_{label_seed}.npz")
    source = {"dataset": DATASET, "data_dir": str(arguments.data_dir / SVHN_LITE), "label_seed": label_seed}
    data = processes.run("peer_images", {**source, "output": images})
    options = {"images": images, "seconds": 60 * arguments.minutes, "seed": label_seed}
    report = processes.run(peer.module, options, python=python)
    return {
        "label_seed": label_seed,
        "seed": label_seed,
        "minutes": arguments.minutes,
        **report,
        "date": datetime.datetime.now().isoformat(timespec="seconds"),
        "command": processes.command_line(),
        "images": data["dataset"],
        "label_mask_digest": data["label_mask_digest"],
        "hardware": data["about"],
    }


def add(runs: list[dict[str, Any]], run: dict[str, Any]) -> None:
    """Adds a run to those of its peer, in the place of what it replaces; runs of other minutes go."""
    kept = [old for old in runs if old["minutes"] == run["minutes"] and old["label_seed"] != run["label_seed"]]
    runs[:] = sorted([*kept, run], key=lambda run: run["label_seed"])


def write(results: dict[str, Any], output: Path) -> None:
    """Writes the results, with mean and deviation of each peer."""
    for peer in results["peers"].values():
        errors = [run["test_error"] for run in peer["runs"]]
        peer["mean_error"] = statistics.mean(errors)
        peer["standard_deviation"] = statistics.stdev(errors) if len(errors) > 1 else None
    output.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(output, results)


def table(results: dict[str, Any]) -> str:
    """Returns the figures of all runs as text."""
    lines = [f"\n{'':24}labels  minutes   steps  validation error  test error"]
    for name, peer in results["peers"].items():
        for run in peer["runs"]:
            validation = f"{100 * run['curve'][-1][1]:14.2f} %"
            figures = f"{run['label_seed']:6}{run['minutes']:9g}{run['steps']:8}{validation:>18}"
            lines.append(f"{name:24}{figures}{100 * run['test_error']:10.2f} %")
        if len(peer["runs"]) > 1:
            lines.append(f"{name:24}{'mean':>6}{100 * peer['mean_error']:45.2f} %")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
