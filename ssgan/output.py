"""Standard output that lasts: it takes every character, and a run does not die for its log."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class Output:
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
def lasting_output() -> Iterator[None]:
    """Makes stdout and stderr last; where one is closed, what is printed is discarded."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes this number, the lowest: else a file would, and be printed into
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        Output(stream or os.fdopen(number, "w", closefd=False)) for number, stream in enumerate(before, 1)
    )
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def speak_as(name: str) -> None:
    """From now on, in this process, nothing is written to stdout, and every line on stderr begins with a name."""
    sys.stdout.flush()
    sys.stdout, sys.stderr = open(os.devnull, "w"), Named(sys.stderr, name)  # noqa: SIM115


class Named(Output):
    """A stream whose lines begin with a name."""

    def __init__(self, stream: TextIO, name: str):
        super().__init__(stream)
        self._name = name
        self._begins = True

    def write(self, text: str) -> int:
        for line in text.splitlines(keepends=True):
            super().write(self._name + line if self._begins else line)
            self._begins = line.endswith("\n")
        return len(text)


def visible(text: str) -> str:
    r"""Returns text with what cannot be seen, or would steer a terminal or turn its direction, escaped: `\x1b`."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def one_line(text: str) -> str:
    """Returns text, such as an error with somebody's names in it, on one visible line."""
    return visible(" ".join(text.split()))
