"""The options that the measuring scripts share. Only Python's own library."""

import argparse
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from experiments.common import places


def parse(
    description: str,
    *,
    parts: Collection[str],
    rounds: int,
    steps: int,
    warm_up: int,
    output: str,
    multiple: int = 1,
    more: Mapping[str, dict[str, Any]] | None = None,
) -> argparse.Namespace:
    """Returns the options of the command line: only, rounds, steps, work_dir, output.

    Args:
        description: of the script.
        parts: what `--only` may name; all by default.
        rounds, steps: the defaults.
        warm_up: steps before those that are timed, for the help.
        output: name of the .json file in `results/`.
        multiple: of which `--steps` has to be one.
        more: options of the script's own, as arguments of `add_argument` by the flag.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts), help="parts to run; default: all")
    parser.add_argument("--rounds", type=int, default=rounds, help="times each is measured, default %(default)s")
    parser.add_argument(
        "--steps", type=int, default=steps, help=f"timed steps of each process, after {warm_up} of warm-up"
    )
    for flag, settings in (more or {}).items():
        parser.add_argument(flag, **settings)
    add_places(parser, output)
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.steps < 1 or arguments.steps % multiple:
        steps_error = f"a multiple of {multiple}" if multiple > 1 else "at least 1"
        parser.error(f"--rounds: expected at least 1; --steps: {steps_error}")
    return arguments


def add_places(parser: argparse.ArgumentParser, output: str) -> None:
    """Adds the options work_dir and output, the latter by default the file of this name in `results/`."""
    parser.add_argument(
        "--work_dir",
        type=Path,
        default=places.work_folder(),
        help="folder of images, and of the peers' environments, 2 GB; default: in the user's cache",
    )
    parser.add_argument("--output", type=Path, default=places.RESULTS / output, help="the .json file to write")
