"""What the two command lines share: flags made from a dataclass, one-line errors, a quiet start of TensorFlow."""

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

from absl import flags

from ssgan.config import UsageError, expectation, plain_type
from ssgan.stops import Stopped

_MOST_FLAGFILES = 100


class _Output:
    """A standard stream that takes every character, and goes on when nobody reads it: a run shall not die for its log.

    What the encoding lacks is written as its number. After an error (the reader has gone, as after `| head -1`; the
    disk is full) what follows is discarded, with a line on stderr unless the reader just left.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        encoding = self._stream.encoding or "utf-8"
        with self._discarding():
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        with self._discarding():
            self._stream.flush()

    @contextlib.contextmanager
    def _discarding(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            with open(os.devnull, "wb") as nothing:
                os.dup2(nothing.fileno(), self._stream.fileno())  # what the stream still holds goes there, too
            if not isinstance(error, BrokenPipeError):
                print(f"the output cannot be written any more ({error.strerror}); going on without", file=sys.stderr)


@contextlib.contextmanager
def _lasting_output() -> Iterator[None]:
    """Makes stdout and stderr last; where one is closed, what is printed is discarded."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes this number, the lowest: else a file would, and be printed into
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        _Output(stream or os.fdopen(number, "w", closefd=False)) for number, stream in enumerate(before, 1)
    )
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


@_lasting_output()
def parse_flags(
    config_class: type, argv: Sequence[str], *, usage: str, saved: Callable[[Any], Any] | None = None
) -> Any:
    """Parses a command line into `config_class`; answers `--help` and mistakes itself.

    Args:
        config_class: a dataclass whose fields were declared with `option`.
        argv: the command line, program name first; `--flagfile=FILE` is read as absl does.
        usage: what the command does, shown above the list of flags by `--help`.
        saved: given the options, returns others, whose values then take the place of the defaults; or None.

    Returns:
        An instance of `config_class`.

    Raises:
        SystemExit: with status 0 after `--help`; with status 2 and one line on stderr after a mistake.
    """
    try:
        argv = [*argv[:1], *_with_flagfiles(argv[1:])]
        options = _parse(config_class(), argv, usage=usage)
        defaults = saved(options) if saved else None
        return _parse(defaults, argv, usage=usage) if defaults else options
    except (flags.Error, UsageError, UnicodeDecodeError) as error:
        exit_with_usage_error(error)


def _parse(defaults: Any, argv: Sequence[str], *, usage: str) -> Any:
    values = _flag_values(defaults)
    rest = values(list(argv))[1:]
    if values["help"].value:
        print(f"{usage}\n\n{values.get_help()}")
        raise SystemExit(0)
    if rest:
        raise UsageError(f"unexpected argument {rest[0]!r}: every option is written --name=value")
    return dataclasses.replace(defaults, **{name: values[name].value for name in vars(defaults)})


def exit_with_usage_error(error: Exception) -> NoReturn:
    """Prints the mistake as one line on stderr and exits with status 2."""
    print(f"error: {' '.join(str(error).split())} (--help lists the options)", file=sys.stderr)
    raise SystemExit(2)


def _with_flagfiles(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments with the lines of flagfiles in their place; absl would read them by the locale, unbounded.

    Raises:
        UsageError: if a flagfile is no text file of bounded size, or they name each other without end.
    """
    left, read, found = list(arguments), 0, []
    while left:
        name, given, value = (argument := left.pop(0)).partition("=")
        if name not in ("--flagfile", "-flagfile") or not (given or left):
            found.append(argument)
        elif file := (value if given else left.pop(0)).strip():
            from ssgan import files  # here, because most command lines name no file

            if (read := read + 1) > _MOST_FLAGFILES:
                raise UsageError(f"{file}: the flagfiles name more than {_MOST_FLAGFILES}; does one name itself?")
            lines = files.read_text(Path(os.path.expanduser(file))).split("\n")
            left[:0] = [line.strip() for line in lines if line.strip() and not line.startswith(("#", "//"))]
    return found


def _flag_values(defaults: Any) -> flags.FlagValues:
    values = flags.FlagValues()
    flags.DEFINE_bool("help", False, "Show this help.", flag_values=values, short_name="h")
    define: dict[type, Callable] = {
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        bool: flags.DEFINE_bool,
        str: flags.DEFINE_string,
    }
    for field in dataclasses.fields(defaults):
        expected = expectation(field)
        help = field.metadata["help"] + (f" ({expected})" if expected else "")
        define[plain_type(field)](field.name, getattr(defaults, field.name), help, flag_values=values)
    return values


@_lasting_output()
def run_command(command: Callable[[Any], Any], options: Any) -> None:
    """Imports TensorFlow and runs a command with its parsed options.

    Raises:
        SystemExit: with one line on stderr: with status 2 after a mistake of the user, 1 after an error of the disk or
            a number that is not finite, 130 after Ctrl-C, 143 after SIGTERM.
    """
    try:
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
    print(" ".join(message.split()), file=sys.stderr)
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
    with _silenced_stderr():
        import tensorflow

        tensorflow.config.list_physical_devices()


@contextlib.contextmanager
def _silenced_stderr() -> Iterator[None]:
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
