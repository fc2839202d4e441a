"""The command of the quick start as it is, watched from outside. Only Python's own library."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, cast

from experiments.common import places, processes, results

QUICK_START = places.CONFIGS / "street_digits_quick.cfg"
POLL_SECONDS = 0.01


def peak_mib(flags: list[str]) -> tuple[int, dict]:
    """Returns the peak memory of the command, with flags on top, from its start to the saved classifier, MiB.

    And the options of its run.

    Raises:
        SystemExit: if the command fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process, output = _start(flags, folder)
        with output:
            output.read()
        _, status, usage = os.wait4(process.pid, 0)  # of this process alone: RUSAGE_CHILDREN would be of all so far
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            processes.fail("ssgan.train", process.returncode, (folder / "stderr.txt").read_text())
        return round(usage.ru_maxrss / 1024), _options(folder)  # kibibytes on Linux


def first_times() -> tuple[float, float, dict]:
    """Returns the seconds from the start of the command to its first line, and to the end of its first step.

    The latter is when the checkpoint of this step appears, so writing it is counted, too. And the options of its run.

    Raises:
        SystemExit: if the command fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin = time.perf_counter()
        process, output = _start(["--checkpoint_every=1", "--keep_checkpoints=1000"], folder)
        output.readline()
        line = time.perf_counter() - begin
        while not (folder / "run" / "checkpoints" / "step_000000001").exists():
            if process.poll() is not None:
                processes.fail("ssgan.train", process.returncode, (folder / "stderr.txt").read_text())
            time.sleep(POLL_SECONDS)
        step = time.perf_counter() - begin
        process.kill()
        process.communicate()
        return line, step, _options(folder)


def _options(folder: Path) -> dict:
    return results.public(json.loads((folder / "run" / "options.json").read_text()))


def _start(flags: list[str], folder: Path) -> tuple[subprocess.Popen, IO[str]]:
    """Starts the command, and returns its stdout, too; its run and what it says on stderr are in the folder."""
    call = [sys.executable, "-m", "ssgan.train", f"--flagfile={QUICK_START}", f"--run_dir={folder / 'run'}", *flags]
    with open(folder / "stderr.txt", "w") as errors:
        process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=errors, text=True, env=processes.environment())
    return process, cast(IO[str], process.stdout)
