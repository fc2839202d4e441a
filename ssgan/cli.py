"""What the two command lines share: flags made from a dataclass, one-line errors, a quiet start of TensorFlow."""

import contextlib
import dataclasses
import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from absl import flags

from ssgan.config import UsageError, expectation, plain_type
from ssgan.stops import Stopped

_MOST_FLAGFILES = 100


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
        _check_flagfiles(argv[1:])
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


def _check_flagfiles(arguments: Sequence[str]) -> None:
    """Raises if a flagfile is no text file of bounded size, or they name each other without end."""
    left, read = _flagfiles(arguments), 0
    while left:
        from ssgan import files  # here, because most command lines name no file

        if (read := read + 1) > _MOST_FLAGFILES:
            raise UsageError(f"{left[0]}: the flagfiles name more than {_MOST_FLAGFILES}; does one name itself?")
        left += _flagfiles(files.read_text(left.pop(0)).splitlines())


def _flagfiles(arguments: Sequence[str]) -> list[Path]:
    """Returns the flagfiles that arguments name, in both of absl's forms."""
    named = []
    for argument, following in itertools.zip_longest(arguments, arguments[1:], fillvalue=""):
        name, given, value = argument.partition("=")
        if name in ("--flagfile", "-flagfile") and (file := (value if given else following).strip()):
            named.append(Path(file).expanduser())
    return named


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


def run_command(command: Callable[[Any], Any], options: Any) -> None:
    """Imports TensorFlow and runs a command with its parsed options.

    Raises:
        SystemExit: with one line on stderr: with status 2 after a mistake of the user, 1 after an error of the disk or
            a number that is not finite, 130 after Ctrl-C, 143 after SIGTERM.
    """
    _import_tensorflow()
    try:
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
