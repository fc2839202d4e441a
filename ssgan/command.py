"""How a command runs: a quiet start of TensorFlow, and errors as one line with a status."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from ssgan.errors import Stopped, UsageError
from ssgan.options.flags import exit_with_usage_error
from ssgan.output import lasting_output, one_line


@lasting_output()
def run_command(command: Callable[[Any], Any], options: Any, *, tensorflow: bool = True) -> None:
    """Imports TensorFlow and runs a command with its parsed options.

    Args:
        command: what to run.
        options: its argument.
        tensorflow: whether it needs TensorFlow.

    Raises:
        SystemExit: with one line on stderr: with status 2 after a mistake of the user, 1 after an error of the disk or
            a number that is not finite, 130 after Ctrl-C, 143 after SIGTERM.
    """
    try:
        if tensorflow:
            _check_keras()
            _import_tensorflow()
        command(options)
    except UsageError as error:
        exit_with_usage_error(error)
    except Stopped as stopped:
        _exit(f"stopped: {stopped}", status=stopped.status)
    except OSError as error:
        _exit(f"error: {error}", status=1)
    except KeyboardInterrupt:
        _exit("stopped: Ctrl-C", status=130)


def _exit(message: str, *, status: int) -> NoReturn:
    print(one_line(message), file=sys.stderr)
    raise SystemExit(status)


def _check_keras() -> None:
    """Raises unless Keras is set to TensorFlow, channels last; reads what Keras does, whose import may fail."""
    home = os.path.expanduser("~")
    folder = os.environ.get("KERAS_HOME", f"{home if os.access(home, os.W_OK) else '/tmp'}/.keras")
    path = Path(os.path.expanduser(folder), "keras.json")
    try:
        settings = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):  # Keras takes its defaults then, too
        settings = {}
    chosen = os.environ.get("KERAS_BACKEND")
    backend, layout = chosen or settings.get("backend", "tensorflow"), settings.get("image_data_format")
    if backend != "tensorflow":
        where = "KERAS_BACKEND" if chosen else path
        raise UsageError(
            f"Keras is set to the backend {backend!r} by {where}; expected tensorflow: set KERAS_BACKEND=tensorflow"
        )
    if layout == "channels_first":
        raise UsageError(f"Keras is set to {layout!r} by {path}; expected channels_last as its image_data_format")


def _import_tensorflow() -> None:
    """Imports TensorFlow without the lines that its start writes to stderr whatever the log level."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silenced_stderr():
        import tensorflow

        tensorflow.config.list_physical_devices()


@contextlib.contextmanager
def silenced_stderr() -> Iterator[None]:
    """Discards what native code writes to file descriptor 2; Python's exceptions are not written but raised."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
