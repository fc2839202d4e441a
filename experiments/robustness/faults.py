"""Breaks short runs of the default net in many ways, and counts what was lost: ssgan beside Keras' own callbacks.

  python -m experiments.robustness.faults --kills=8 --others=1 --seed=0

Every fault is injected into a process of its own that trains on the synthetic street_digits; afterwards the run is
resumed until it ends, and its final state is compared with that of the run never interrupted. The same faults hit a
plain Keras set-up: the same model and batches in `fit` with `BackupAndRestore` and `ModelCheckpoint`. Prints a table
and writes results/faults.json.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from experiments.common import places, processes, results
from experiments.robustness.set_ups import OPTIONS, PlainKeras, Ssgan

LARGEST_FILE = 2_000_000  # bytes; less than a checkpoint, for the full disk
RESULTS = places.RESULTS / "faults.json"


def start(tool, run: Path) -> subprocess.Popen:
    """Starts training."""
    log = open(run.with_suffix(".log"), "a")  # noqa: SIM115  (the process writes there)
    return subprocess.Popen(tool.command(run), stdout=log, stderr=log, env=processes.environment())


def finish(tool, run: Path, straight: str) -> str:
    """Resumes until the run ends, and says how it ended."""
    for _ in range(3):
        status = start(tool, run).wait()
        if tool.final_state(run) is not None:
            return "identical" if tool.final_state(run) == straight else "OTHER WEIGHTS, silently"
    return f"CANNOT RESUME (exit status {status}: {_last_line(run)[:80]})"


def until_progress(tool, run: Path, process: subprocess.Popen, before: list[tuple[str, float]]) -> None:
    """Waits until something was saved that was not there before, or the process ended."""
    while process.poll() is None and _newest(tool, run) == before:
        time.sleep(0.01)


def _newest(tool, run: Path) -> list[tuple[str, float]]:
    """Returns the newest saved files with their times; empty before the first save, and while files move."""
    try:
        return [(str(file), file.stat().st_mtime) for file in tool.saved(run)]
    except (IndexError, FileNotFoundError):
        return []


def kill_at_random(tool, run: Path, rng: random.Random) -> Iterator[str]:
    """Kills the process, and three that resume it, at random moments: in start-up, in training, at the end."""
    for _ in range(4):
        before = _newest(tool, run)
        process = start(tool, run)
        if rng.random() < 0.2:
            time.sleep(rng.uniform(0.5, 8))
        else:
            until_progress(tool, run, process, before)
            time.sleep(rng.uniform(0, 1.5))
        yield from _kill(tool, run, process)


def kill_in_saves(tool, run: Path, rng: random.Random) -> Iterator[str]:
    """As `kill_at_random`, always while a save is under way."""
    for _ in range(4):
        before = _newest(tool, run)
        process = start(tool, run)
        until_progress(tool, run, process, before)
        time.sleep(rng.uniform(0, 0.5))
        while process.poll() is None and not tool.saving(run):
            time.sleep(0.0005)
        time.sleep(rng.uniform(0, 0.03))
        yield from _kill(tool, run, process)


def _kill(tool, run: Path, process: subprocess.Popen) -> Iterator[str]:
    if process.poll() is None:
        process.kill()
        process.wait()
        yield "inside a save" if tool.saving(run) else "elsewhere"


def signalled(number: signal.Signals) -> Callable:
    """Returns a fault: the signal during training, which must end it with status 128 + its number."""

    def fault(tool, run: Path, rng: random.Random) -> Iterator[str]:
        process = start(tool, run)
        until_progress(tool, run, process, [])
        time.sleep(rng.uniform(0, 2))
        process.send_signal(number)
        status = process.wait()
        yield f"exit status {status}" + (", state saved" if b"is saved" in run.with_suffix(".log").read_bytes() else "")

    return fault


def full_disk(tool, run: Path, rng: random.Random) -> Iterator[str]:
    """No file of the process can grow beyond a limit from some moment in training on, as when a disk is full."""
    process = start(tool, run)
    until_progress(tool, run, process, [])
    time.sleep(rng.uniform(0, 2))
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    status = process.wait()
    yield f"exit status {status}: {_last_line(run)[:160]}"


def _last_line(run: Path) -> str:
    """Returns the last line of what the processes of a run printed."""
    line = run.with_suffix(".log").read_text(errors="replace").strip().splitlines()[-1]
    return line.replace(f"{run.parent}/", "").replace(run.name, "RUN")


def damaged(change: Callable[[Path, random.Random], None]) -> Callable:
    """Returns a fault: after a kill in training, the newest saved files are changed."""

    def fault(tool, run: Path, rng: random.Random) -> Iterator[str]:
        process = start(tool, run)
        until_progress(tool, run, process, [])
        until_progress(tool, run, process, _newest(tool, run))  # so that something was saved before the newest
        time.sleep(1)
        process.kill()
        process.wait()
        change(max(tool.saved(run), key=lambda file: file.stat().st_size), rng)
        yield "damaged"

    return fault


def flip_a_bit(file: Path, rng: random.Random) -> None:
    """Flips one bit in the second half of a file, where the values are."""
    content = bytearray(file.read_bytes())
    content[rng.randrange(len(content) // 2, len(content) * 9 // 10)] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def truncate(file: Path, rng: random.Random) -> None:
    """Cuts a file short."""
    os.truncate(file, rng.randrange(file.stat().st_size))


def delete(file: Path, _) -> None:
    """Removes one file of a checkpoint."""
    file.unlink()


FAULTS: dict[str, Callable] = {
    "SIGKILL at random moments": kill_at_random,
    "SIGKILL inside saves": kill_in_saves,
    "SIGTERM": signalled(signal.SIGTERM),
    "Ctrl-C": signalled(signal.SIGINT),
    "files cannot grow (full disk)": full_disk,
    "bit flipped in the newest checkpoint": damaged(flip_a_bit),
    "newest checkpoint cut short": damaged(truncate),
    "file of the newest checkpoint deleted": damaged(delete),
}


def measure(tool, fault: Callable, folder: Path, *, straight: str, events: int, rng: random.Random) -> dict:
    """Injects a fault until it has happened so often, each time in a new run or one that is resumed."""
    happened: list[str] = []
    ended: dict[str, int] = {}
    while len(happened) < events:
        run = folder / f"{tool.name}_{len(list(folder.iterdir()))}"
        happened += list(fault(tool, run, rng))
        end = finish(tool, run, straight)
        ended[end] = ended.get(end, 0) + 1
        shutil.rmtree(run, ignore_errors=True)
    counts = {what: happened.count(what) for what in dict.fromkeys(happened)}
    return {"times": len(happened), "happened": counts, "runs_ended": ended}


def main() -> None:
    """Runs every fault against both tools."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=8, help="SIGKILLs of ssgan, half of them inside saves")
    parser.add_argument("--others", type=int, default=1, help="times for every other fault, and for Keras")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=FAULTS, help="one fault, beside the results there are; default: all")
    arguments = parser.parse_args()
    from ssgan.store import files

    about, rng = _about(), random.Random(arguments.seed)
    rows = json.loads(RESULTS.read_text())["rows"] if arguments.only else []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for tool in (Ssgan(), PlainKeras()):
            straight_run = folder / f"{tool.name}_straight"
            start(tool, straight_run).wait()
            straight = tool.final_state(straight_run)
            if straight is None:
                sys.exit(straight_run.with_suffix(".log").read_text())
            for name in [arguments.only] if arguments.only else FAULTS:
                events = arguments.kills // 2 if tool.name == "ssgan" and "KILL" in name else arguments.others
                row = measure(tool, FAULTS[name], folder, straight=straight, events=events, rng=rng)
                rows = [old for old in rows if (old["tool"], old["fault"]) != (tool.name, name)]
                rows.append({"tool": tool.name, "fault": name, **row})
                rows.sort(key=lambda row: (row["tool"] != "ssgan", list(FAULTS).index(row["fault"])))
                print(
                    f"{tool.name:6} {name:38} {row['times']:3} x  {row['happened']}  ->  {row['runs_ended']}",
                    flush=True,
                )
                files.write_json(RESULTS, {**about, "rows": rows})


def _about() -> dict:
    """Returns what the results should be read with: command, date, code, options, machine."""
    from ssgan import determinism

    determinism.turn_off_onednn()  # as the runs do: the description says so
    from ssgan import hardware

    return {**results.about(hardware.describe()), "options": OPTIONS}


if __name__ == "__main__":
    main()
