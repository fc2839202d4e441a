"""Trains two other tools for a given time on the images and labels that ssgan gets, to compare their test errors.

  python -m experiments.peers.compare_peers --data_dir=FOLDER --minutes=10

FOLDER holds svhn_lite/ (SVHN's two .mat files, here a part of the official test file, see the README). The peers are
ModSSC's FixMatch and LAMDA-SSL's ImprovedGAN, either with the network, learning rate and changes of the images of
ssgan's default recipe of version 0.1; their environments are made when they are first needed. Prints the errors and
writes results/peers.json, anew after every run. A run that is in it is not trained again: repeat the command until all
is done. Runs of other minutes belong into another file, see --output. Leave the machine alone meanwhile.
"""

import argparse
import dataclasses
import statistics
import sys
from pathlib import Path
from typing import Any

from experiments.common import arguments as shared_options
from experiments.common import processes, results
from experiments.peers import environments

DATASET, SVHN_LITE = "svhn_cropped", "svhn_lite"


@dataclasses.dataclass(frozen=True)
class Peer:
    """A tool to compare with: a module of `experiments`, and its environment."""

    module: str
    environment: str


PEERS = {
    "LAMDA-SSL ImprovedGAN": Peer("peers.lamda_train", "lamda_ssl"),
    "ModSSC FixMatch": Peer("peers.modssc_train", "modssc"),
}


def main() -> None:
    """Trains whatever is still to be trained."""
    arguments = parse_arguments()
    refuse_other_minutes(arguments)
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    for label_seed in arguments.label_seeds:
        for name in arguments.only:
            runs = read(arguments.output).get(name, {"runs": []})["runs"]
            if label_seed not in [run["label_seed"] for run in runs]:
                print(f"{name}, label seed {label_seed}: {arguments.minutes:g} minutes ...", flush=True)
                run = train(name, label_seed, arguments)
                add(name, run, arguments.output)
    print(table(read(arguments.output)), flush=True)


def read(output: Path) -> dict[str, Any]:
    """Returns the peers of the results so far."""
    return results.read(output).get("peers", {})


def refuse_other_minutes(arguments: argparse.Namespace) -> None:
    """Ends the program where the results are of trainings of another length: they would not be comparable."""
    found = {run["minutes"] for peer in read(arguments.output).values() for run in peer["runs"]}
    if found - {arguments.minutes}:
        minutes = ", ".join(f"{each:g}" for each in sorted(found))
        sys.exit(
            f"error: {arguments.output} holds runs of {minutes} minutes, and --minutes={arguments.minutes:g}: name "
            "another file with --output"
        )


def parse_arguments() -> argparse.Namespace:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10, help="time of each training, default %(default)s")
    parser.add_argument("--label_seeds", type=int, nargs="+", default=[0, 1], help="default: 0 1")
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER", help=", ".join(PEERS))
    shared_options.add_places(parser, "peers.json")
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
    data = processes.run("peers.peer_images", {**source, "output": images})
    about = results.about(data["about"])
    options = {"images": images, "seconds": 60 * arguments.minutes, "seed": label_seed}
    report = processes.run(peer.module, options, python=python)
    return {
        "label_seed": label_seed,
        "seed": label_seed,
        "minutes": arguments.minutes,
        **report,
        **about,
        "images": data["dataset"],
        "label_mask_digest": data["label_mask_digest"],
    }


def add(name: str, run: dict[str, Any], output: Path) -> None:
    """Adds a run of a peer to the results, with the peer's mean and deviation."""
    peers = read(output)  # by now, another process may have added its own
    others = [old for old in peers.get(name, {"runs": []})["runs"] if old["label_seed"] != run["label_seed"]]
    runs = sorted([*others, run], key=lambda run: run["label_seed"])
    errors = [run["test_error"] for run in runs]
    deviation = statistics.stdev(errors) if len(errors) > 1 else None
    peers[name] = {"runs": runs, "mean_error": statistics.mean(errors), "standard_deviation": deviation}
    results.put(output, peers=peers)


def table(peers: dict[str, Any]) -> str:
    """Returns the figures of all runs as text."""
    lines = [f"\n{'':24}labels  minutes   steps  validation error  test error"]
    for name, peer in peers.items():
        for run in peer["runs"]:
            validation = f"{100 * run['curve'][-1][1]:14.2f} %"
            figures = f"{run['label_seed']:6}{run['minutes']:9g}{run['steps']:8}{validation:>18}"
            lines.append(f"{name:24}{figures}{100 * run['test_error']:10.2f} %")
        if len(peer["runs"]) > 1:
            lines.append(f"{name:24}{'mean':>6}{100 * peer['mean_error']:45.2f} %")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
