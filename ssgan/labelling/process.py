"""Processes of their own for what takes long, so that the page's own stays small and answers at once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]  # which holds the package


def start(module: str, *arguments: str, **streams: Any) -> subprocess.Popen[Any]:
    """Starts a module of this package as a command that the signals of this one's terminal do not reach.

    It runs in the same folder, of which it imports nothing: that may be somebody else's, with a `keras.py` in it.

    Args:
        module: its name, such as `ssgan.train`.
        arguments: of its command line.
        streams: further arguments of `subprocess.Popen`.
    """
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, env=environment, start_new_session=True, **streams)
