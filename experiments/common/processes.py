"""A process of its own for everything that is measured. Only Python's own library."""

import json
import os
import subprocess
import sys
from pathlib import Path

from experiments.common import places

LINES_OF_AN_ERROR = 12
_PRIVATE = ("--work_dir", "--data_dir", "--images", "--output")


def run(module: str, options: dict, *, python: str | Path = sys.executable) -> dict:
    """Runs a module of `experiments` and returns its report.

    Args:
        module: its room and name, `speed.floor` for example.
        options: of the function that it hands to `timing.main`.
        python: the interpreter of the environment it needs.

    Raises:
        SystemExit: if the process fails; the message ends with the end of what it printed.
    """
    call = [python, "-m", f"experiments.{module}", json.dumps(options)]
    done = subprocess.run(call, capture_output=True, text=True, env=environment())
    if done.returncode:
        fail(f"experiments.{module}", done.returncode, done.stdout + done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def environment() -> dict[str, str]:
    """Returns the environment variables: ssgan and `experiments` of this working copy, few words of TensorFlow."""
    return {**os.environ, "PYTHONPATH": str(places.ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}


def fail(name: str, status: int, printed: str) -> None:
    """Ends this program with the end of what a process printed."""
    lines = printed.splitlines()[-LINES_OF_AN_ERROR:]
    sys.exit("\n".join([f"error: {name} ended with status {status}:", *lines]))


def command_line() -> str:
    """Returns the command line of this program without the folders of this machine."""
    arguments = iter(sys.argv[1:])
    kept = []
    for argument in arguments:
        if argument in _PRIVATE:
            next(arguments, None)
        elif not argument.startswith(_PRIVATE):
            kept.append(argument)
    script = Path(sys.argv[0])
    return " ".join([f"python -m experiments.{script.parent.name}.{script.stem}", *kept])
