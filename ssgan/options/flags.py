"""Command lines: flags made from the options, recipes and flagfiles, `--help` by group, one-line errors."""

import dataclasses
import os
import re
import sys
import textwrap
import typing
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from absl import flags

from ssgan.errors import UsageError
from ssgan.options import groups, recipes, versions
from ssgan.options.declare import expectation, plain_type
from ssgan.output import lasting_output, one_line

_MOST_FLAGFILES = 100
_DURATIONS = {"total_steps", "total_epochs"}
_WIDTH = 100  # of the help, characters


@lasting_output()
def parse_flags(
    config_class: type,
    argv: Sequence[str],
    *,
    usage: str,
    saved: Callable[[Any], Any] | None = None,
    positional: str | None = None,
) -> Any:
    """Parses a command line into `config_class`; answers `--help` and mistakes itself.

    Args:
        config_class: a dataclass whose fields were declared with `option`.
        argv: the command line, program name first; `--flagfile=FILE` is read as absl does, `--recipe=NAME` before the
            other arguments.
        usage: what the command does, shown above the list of flags by `--help`.
        saved: given the options, returns others, whose values then take the place of the defaults; or None.
        positional: the option whose values are the arguments without a name, wherever they stand, and all after `--`:
            all of them for a `tuple[str, ...]`, at most one for a `str`. None where every argument has a name.

    Returns:
        An instance of `config_class`.

    Raises:
        SystemExit: with status 0 after `--help`; with status 2 and one line on stderr after a mistake.
    """
    try:
        end = argv.index("--") if positional and "--" in argv else len(argv)
        _answer_help(config_class, argv[1:end], usage=usage, positional=positional)
        argv = [*argv[:1], *_with_files(argv[1:end], has_recipes=_is_grouped(config_class)), *argv[end:]]
        options = _parse(config_class(), argv, positional)
        defaults = saved(options) if saved else None
        return _parse(defaults, argv, positional) if defaults else options
    except (flags.Error, UsageError, UnicodeDecodeError) as error:
        exit_with_usage_error(error)


def exit_with_usage_error(error: Exception) -> NoReturn:
    """Prints the mistake as one line on stderr and exits with status 2."""
    print(f"error: {one_line(str(error))} (--help lists the options)", file=sys.stderr)
    raise SystemExit(2)


def _parse(defaults: Any, argv: Sequence[str], positional: str | None) -> Any:
    values = _flag_values(defaults, positional)
    rest = tuple(values(list(argv))[1:])
    found = {field.name: values[field.name].value for field in _named(defaults, positional)}
    if rest and positional:
        takes_all = _takes_all(next(field for field in dataclasses.fields(defaults) if field.name == positional))
        found[positional] = rest if takes_all else rest[0]
        rest = () if takes_all else rest[1:]
    if rest:
        only = f"one {positional.upper()} is expected, and " if positional else ""
        raise UsageError(f"unexpected argument {rest[0]!r}: {only}every option is written --name=value")
    return dataclasses.replace(defaults, **found)


def _flag_values(defaults: Any, positional: str | None) -> flags.FlagValues:
    values = flags.FlagValues()
    values.set_gnu_getopt(positional is not None)  # options may stand behind the others
    define: dict[type, Callable] = {
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        bool: flags.DEFINE_bool,
        str: flags.DEFINE_string,
    }
    for field in _named(defaults, positional):
        define[plain_type(field)](field.name, getattr(defaults, field.name), "", flag_values=values)
    for old, name in versions.RENAMED.items():
        if name in values:
            flags.DEFINE_alias(old, name, flag_values=values)
    return values


def _named(options: Any, positional: str | None) -> list[dataclasses.Field]:
    return [field for field in dataclasses.fields(options) if field.name != positional]


def _takes_all(field: dataclasses.Field) -> bool:
    return typing.get_origin(field.type) is tuple


def _with_files(arguments: Sequence[str], *, has_recipes: bool) -> list[str]:
    """Returns the arguments with the lines of flagfiles in their place, and of recipes before them all.

    absl would read flagfiles by the locale, unbounded.

    Raises:
        UsageError: if a flagfile is no text file of bounded size, or they name each other without end; for a recipe
            that there is not.
    """
    left, read, found = list(arguments), 0, []
    named: list[str] = []
    while left:
        argument = left.pop(0)
        name, (_, given, value) = _name(argument), argument.partition("=")
        if name not in ("flagfile", "recipe" if has_recipes else "flagfile") or not (given or left):
            found.append(argument)
        elif not (file := (value if given else left.pop(0)).strip()):
            continue
        elif name == "recipe":
            named.append(file)
        elif (read := read + 1) > _MOST_FLAGFILES:
            raise UsageError(f"{file}: the flagfiles name more than {_MOST_FLAGFILES}; does one name itself?")
        else:
            left[:0] = recipes.option_lines(Path(os.path.expanduser(file)))
    given_names = {_name(argument) for argument in found}
    if has_recipes and not (named or read) and "images" in given_names and not {"resume", "noresume"} & given_names:
        named = [recipes.OWN_IMAGES]
    return [*(line for name in named for line in _lines_beside(name, given_names)), *found]


def _name(argument: str) -> str:
    """Returns the name of the option that an argument gives, or nothing."""
    name = argument.partition("=")[0]
    return name.removeprefix("-").removeprefix("-") if name.startswith("-") else ""


def _lines_beside(recipe: str, given: set[str]) -> list[str]:
    """Returns the options of a recipe; without its duration, where another one is given."""
    other_duration = given & _DURATIONS
    return [line for line in recipes.lines(recipe) if not (other_duration and _name(line) in _DURATIONS)]


def _answer_help(config_class: type, arguments: Sequence[str], *, usage: str, positional: str | None) -> None:
    """Prints the options that are asked for and exits: the essential ones, those of a group, or all."""
    for argument in arguments:
        if asked := re.fullmatch(r"-h|--?help(full)?(?:=(.*))?", argument):
            print(_help(config_class, usage=usage, full=bool(asked[1]), group=asked[2], positional=positional))
            raise SystemExit(0)


def _help(config_class: type, *, usage: str, full: bool, group: str | None, positional: str | None) -> str:
    if not _is_grouped(config_class):
        return "\n".join([usage, *_listed(dataclasses.fields(config_class), positional)])
    named = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", one.__name__).lower(): one for one in _groups(config_class)}
    if group is not None and group not in named:
        raise UsageError(f"--help={group[:100]}: expected one of {', '.join(named)}")
    lines = [usage]
    for name, one in named.items():
        fields = [
            field
            for field in dataclasses.fields(one)
            if full or group == name or (group is None and field.metadata["essential"])
        ]
        if fields:
            lines += ["", f"{name}: {one.__doc__}", *_listed(fields, positional)]
    return "\n".join([*lines, "", *_further(named)])


def _further(named: Iterable[str]) -> list[str]:
    told = (
        f"--recipe=NAME takes the options of {', '.join(recipes.names())}; an option given beside it overrides it.",
        "--flagfile=FILE reads options from a file, one --name=value a line.",
        f"--help=GROUP shows the options of {', '.join(named)}; --helpfull shows all.",
    )
    return [line for one in told for line in textwrap.wrap(one, _WIDTH, subsequent_indent=" " * 6)]


def _listed(fields: Sequence[dataclasses.Field], positional: str | None) -> list[str]:
    lines = []
    for field in fields:
        expected = expectation(field)
        told = field.metadata["help"] + (f" ({expected})" if expected else "")
        default = "" if field.default is None else str(field.default)
        if field.name == positional:
            lines.append(f"  {field.name.upper()}{' ...' if _takes_all(field) else ''}")
        elif plain_type(field) is bool:
            lines.append(f"  --{'' if field.default else '[no]'}{field.name}")
        else:
            lines.append(f"  --{field.name}={default or plain_type(field).__name__.upper()}")
        lines += textwrap.wrap(told, _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return lines


def _is_grouped(config_class: type) -> bool:
    return issubclass(config_class, groups.Group)


def _groups(config_class: type) -> list[type]:
    """Returns the groups of a configuration, in the order in which they are told."""
    return [base for base in reversed(config_class.__mro__) if issubclass(base, groups.Group)][1:-1]
