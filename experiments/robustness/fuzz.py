"""Feeds damaged and hostile files to every reader of ssgan: each must load them or refuse them with a UsageError.

  python -m experiments.robustness.fuzz --mutations=2700 --seed=0

Every reader runs in a process of its own, with a limit on memory and on time, and under an audit hook that counts
attempts to run something. Writes results/fuzz.json and prints a table; exits with status 1 if a file was
neither loaded nor refused. tests/test_hostile.py runs a part of it.
"""

import argparse
import contextlib
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.common import places, processes, results
from experiments.robustness.hostile import HOSTILE
from experiments.robustness.mutations import MUTATIONS
from experiments.robustness.readers import READERS, Reader
from ssgan.errors import UsageError
from ssgan.store import files

RESULT = places.RESULTS / "fuzz.json"
SECONDS_PER_FILE = 60
MEMORY_PER_READER = 2 * 2**30  # beyond what the process has mapped when it starts
_CANARIES = {"os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen", "pty.spawn"}
_CANARIES |= {"pickle.find_class", "socket.connect", "webbrowser.open"}
_COLUMNS = {
    "tried": "tried",
    "refused": "refused",
    "loaded": "loaded",
    "other": "failures",
    "executed": "executed",
    "slowest s": "slowest_seconds",
    "peak MB": "peak_megabytes",
}


class Hang(BaseException):
    """A reader took too long; no `Exception`, because readers refuse files over those."""


def attempt(read: Callable[[Path], Any], path: Path) -> str:
    """Reads a file; returns `loaded`, `refused: why` or, which must not be, `failed: why`."""
    try:
        read(path)
        return "loaded"
    except UsageError as error:
        return f"refused: {error}" if "\n" not in str(error) else f"failed: several lines: {error}"
    except BaseException as error:  # whatever a reader lets through is what is looked for
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"failed: {type(error).__name__}: {error}"


def fuzz(reader: Reader, folder: Path, *, mutations: int, seed: int) -> dict:
    """Reads mutated copies of a reader's valid file, in its place.

    Args:
        reader: what to try.
        folder: an empty folder.
        mutations: how many copies.
        seed: seed of the mutations.

    Returns:
        Counts `tried`, `loaded` and `refused`, the list `failures`, and `slowest_seconds`.

    Raises:
        RuntimeError: if the valid file is not loaded.
    """
    path = reader.make(folder)
    if (found := attempt(reader.read, path)) != "loaded":
        raise RuntimeError(f"the valid {path} is not loaded; {found}")
    content = path.read_bytes()
    counts: dict[str, Any] = {"tried": mutations, "loaded": 0, "refused": 0, "failures": [], "slowest_seconds": 0.0}
    for number in range(mutations):
        random = np.random.default_rng([seed, number])
        mutation = MUTATIONS[number % len(MUTATIONS)]
        path.write_bytes(mutation(content, random))
        begin = time.perf_counter()
        with _alarm(SECONDS_PER_FILE):
            found = attempt(reader.read, path)
        counts["slowest_seconds"] = max(counts["slowest_seconds"], round(time.perf_counter() - begin, 3))
        kind = found.partition(":")[0]
        if kind == "failed":
            counts["failures"].append(f"{mutation.__name__} {number}: {found[:300]}")
        else:
            counts[kind] += 1
    return counts


@contextlib.contextmanager
def _alarm(seconds: int):
    def stop(*_):
        raise Hang(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def count_canaries() -> list[str]:
    """Returns a list that is given the name of every attempt, from now on, to run or to fetch something."""
    seen: list[str] = []
    sys.addaudithook(lambda event, _: seen.append(event) if event in _CANARIES else None)
    return seen


def _try_hostile(name: str) -> str:
    make, read, _ = HOSTILE[name]
    with tempfile.TemporaryDirectory() as folder:
        return attempt(read, make(Path(folder))).replace(folder, "FOLDER")


def main() -> None:
    """Runs every reader in a process of its own and writes what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mutations", type=int, default=2700, help="Mutated files, over all readers tried.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of the mutations.")
    parser.add_argument("--only", default="", help="Words in the names of the readers to try; others keep their rows.")
    parser.add_argument("--reader", help=argparse.SUPPRESS)
    options = parser.parse_args()
    chosen = [name for name in READERS if options.only in name]
    each = -(-options.mutations // len(chosen))
    if options.reader:
        print(json.dumps(_run(options.reader, mutations=each, seed=options.seed)))
        return
    about = _about()
    found = {name: _run_in_process(name, options) for name in (*chosen, "hostile")}
    hostile = found.pop("hostile")
    counts = {"mutations": each * len(chosen), "seed": options.seed, "readers": found, "hostile": hostile}
    files.write_json(RESULT, results.with_rows_kept({**about, **counts}, results.read(RESULT), "readers"))
    _print_table(found, hostile)
    failures = [row.get("failures", [row.get("crashed")]) for row in [*found.values(), hostile]]
    sys.exit(any(failures))


def _run(name: str, *, mutations: int, seed: int) -> dict:
    """Tries one reader, or the files made by hand, in this process."""
    import logging

    logging.disable(logging.CRITICAL)  # a damaged cache is reported in the log, and drawn again
    import ssgan.gan  # noqa: F401  (what every command imports)

    canaries = count_canaries()
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY_PER_READER, resource.RLIM_INFINITY))
    before = _peak_megabytes()
    if name == "hostile":
        lines = {each: _try_hostile(each) for each in HOSTILE}
        failures = [f"{each}: {line}" for each, line in lines.items() if not line.startswith("refused: ")]
        counts: dict = {"lines": lines, "failures": failures}
    else:
        with tempfile.TemporaryDirectory() as folder:
            counts = fuzz(READERS[name], Path(folder), mutations=mutations, seed=seed)
    return {**counts, "executed": canaries, "peak_megabytes": _peak_megabytes(), "megabytes_at_start": before}


def _peak_megabytes() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _run_in_process(name: str, options: argparse.Namespace) -> dict:
    flags = [f"--reader={name}", f"--mutations={options.mutations}", f"--seed={options.seed}", f"--only={options.only}"]
    command = [sys.executable, "-m", "experiments.robustness.fuzz", *flags]
    environment = processes.environment() | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=3600)
    print(f"{name}: done", file=sys.stderr, flush=True)
    if done.returncode != 0:
        return {"crashed": f"status {done.returncode}: {done.stderr.strip()[-300:]}"}
    return json.loads(done.stdout.splitlines()[-1])


def _about() -> dict:
    import h5py
    import keras
    import tensorflow as tf
    import tensorflow_datasets as tfds

    from ssgan import hardware

    versions = {module.__name__: module.__version__ for module in (keras, tf, tfds, h5py, np)}
    return {**results.about(hardware.describe()), "versions": versions}


def _print_table(readers: dict, hostile: dict) -> None:
    print(f"{'reader':36}" + "".join(f"{title:>10}" for title in _COLUMNS))
    for name, row in readers.items():
        if "crashed" in row:
            print(f"{name:36}  CRASHED: {row['crashed']}")
        else:
            cells = (row[key] if not isinstance(row[key], list) else len(row[key]) for key in _COLUMNS.values())
            print(f"{name:36}" + "".join(f"{cell:>10}" for cell in cells))
    for name, line in hostile.get("lines", {}).items():
        print(f"{name:42}{line[:200]}")
    for row in [*readers.values(), hostile]:
        print("\n".join(row.get("failures", [])), end="")


if __name__ == "__main__":
    main()
