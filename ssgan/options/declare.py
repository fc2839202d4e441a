"""How an option is declared and checked: one place for its default, its help and its bounds."""

import dataclasses
import types
import typing
from typing import Any

from ssgan.errors import UsageError


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    essential: bool = False,
    mathematics: bool = True,
) -> Any:
    """Declares one option.

    Args:
        default: its default.
        help: what it does, with units.
        low, high: bounds, both inclusive.
        choices: the values it may have.
        essential: whether `--help` shows it; `--help=GROUP` and `--helpfull` do in any case.
        mathematics: whether it changes the weights in the end: then a run cannot be resumed with another value.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices}
    return dataclasses.field(default=default, metadata={**metadata, "essential": essential, "mathematics": mathematics})


def weight(default: float, help: str) -> Any:
    """Declares the weight of a term of a loss, 0 to 1000."""
    return option(default, help, low=0.0, high=1000.0)


def plain_type(field: dataclasses.Field) -> type:
    """Returns `int` for both `int` and `int | None`."""
    if isinstance(field.type, type):
        return field.type
    return next(member for member in typing.get_args(field.type) if member is not types.NoneType)


def expectation(field: dataclasses.Field) -> str:
    """Says which values an option takes, beyond its type; empty when any will do."""
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    if choices:
        return "one of " + ", ".join(choices)
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else ""


def check(group: type, name: str, value: Any, *, shown_as: str | None = None) -> None:
    """Raises a UsageError unless an option of a group may have this value.

    Args:
        group: the dataclass that declares it.
        name: of the option.
        value: any.
        shown_as: its name in the error, such as `--labels`; None for `name`.
    """
    field = next(field for field in dataclasses.fields(group) if field.name == name)
    shown_as = shown_as or name
    if value is None and field.default is None:
        return
    plain = plain_type(field)
    accepted = (int, float) if plain is float else plain
    if not isinstance(value, accepted) or (isinstance(value, bool) and plain is not bool):
        raise UsageError(f"{shown_as}={shortened(repr(value))}: expected {plain.__name__}")
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    in_range = (low is None or value >= low) and (high is None or value <= high)
    if not in_range or (choices and value not in choices):
        raise UsageError(f"{shown_as}={shortened(str(value))}: expected {expectation(field)}")


def as_size(text: str) -> tuple[int, int]:
    """Returns the height and width in `64` or `48,64`.

    Raises:
        UsageError: for another text, or sides that are not 16 to 128.
    """
    sides = [int(side) for side in text.split(",") if side.strip().isdecimal()]
    if len(sides) != text.count(",") + 1 or len(sides) > 2 or not all(16 <= side <= 128 for side in sides):
        raise UsageError(f"--image_size={shortened(text)}: expected 16 to 128, or two such numbers, height,width")
    return sides[0], sides[-1]


def as_fold(text: str) -> tuple[int, int]:
    """Returns the two numbers in `2/5`: which part, of how many.

    Raises:
        UsageError: for another text.
    """
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts) and 2 <= int(parts) <= 100):
        raise UsageError(f"--test_fold={shortened(text)}: expected K/N, such as 1/5, the first of five parts")
    return int(number), int(parts)


def shortened(text: str) -> str:
    """Returns at most 200 characters of a text, for an error."""
    return text if len(text) <= 200 else f"{text[:200]}..."
