"""Predictions as rows of a CSV file or of JSON lines, and back: which pictures an unfinished file has already."""

import csv
import dataclasses
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

COLUMNS = ("path", "class", "probability", "outlier_score", "outlier", "reason")
# What makes a spreadsheet compute; and the mark itself, so that one of them can always be taken away again.
_MARKED = ("=", "+", "-", "@", "\t", "\r", "'")
_QUOTED = re.compile(r'[",;\t\r\n]')  # `;` and tabs part cells in some languages' spreadsheets


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """The form of a file of predictions.

    Attributes:
        format: `csv` or `jsonl`.
        class_names: of the K classes.
        has_all: whether a row has the probability of every class.
        threshold: outlier score above which a picture is an outlier; None: nothing is said of that.
    """

    format: str
    class_names: tuple[str, ...]
    has_all: bool
    threshold: float | None = None

    def header(self) -> bytes:
        """Returns the first line of a CSV file; nothing for JSON lines."""
        if self.format == "jsonl":
            return b""
        return _csv_line([*COLUMNS, *(f"probability_{name}" for name in self.class_names if self.has_all)])

    def rows(
        self,
        paths: Sequence[str],
        reasons: Sequence[str],
        probabilities: npt.NDArray[np.float32],
        scores: npt.NDArray[np.float32],
    ) -> bytes:
        """Returns the rows of some pictures.

        Args:
            paths: of n files.
            reasons: why each cannot be read, or ''.
            probabilities: [at least n, K].
            scores: outlier scores, [at least n].
        """
        line = _csv_line if self.format == "csv" else _json_line
        found = zip(paths, reasons, probabilities, scores, strict=False)  # behind the n-th, nothing is meant
        return b"".join(line(self._row(*one)) for one in found)

    def _row(self, path: str, reason: str, probabilities: npt.NDArray[np.float32], score: float) -> Any:
        best = int(probabilities.argmax())
        is_outlier = None if self.threshold is None else bool(score > self.threshold)
        values: list[Any] = [path, self.class_names[best], _short(probabilities[best]), _short(score), is_outlier, None]
        every: list[float | None] = [_short(one) for one in probabilities] if self.has_all else []
        if reason:
            values, every = [path, *[None] * (len(COLUMNS) - 2), reason], [None] * len(every)
        if self.format == "csv":
            return [*values, *every]
        named = dict(zip(COLUMNS, values, strict=True))
        if self.has_all:
            named["probabilities"] = None if reason else dict(zip(self.class_names, every, strict=True))
        return named

    def read(self, file: BinaryIO) -> tuple[dict[str, bool], int]:
        """Reads an unfinished file from its beginning, up to the first row that is not whole.

        Returns:
            Whether each picture could be read, by its path; and the length of the whole rows, header included, bytes.
        """
        done: dict[str, bool] = {}
        length = 0
        header = self.header()
        for record in _csv_records(file) if self.format == "csv" else file:
            if length or not header:
                try:
                    path, is_read = self._parsed(record)
                    done[path] = is_read
                except (ValueError, KeyError, TypeError, csv.Error, RecursionError):
                    break
            elif record != header:
                break
            length += len(record)
        return done, length

    def _parsed(self, record: bytes) -> tuple[str, bool]:
        text = record.decode("utf-8", "surrogateescape")
        if not text.endswith("\n"):
            raise ValueError("the end of the line is missing")
        if self.format == "jsonl":
            values = json.loads(text)
            return values["path"], values["reason"] is None
        (cells,) = csv.reader(io.StringIO(text, newline=""), strict=True)
        if len(cells) != len(COLUMNS) + len(self.class_names) * self.has_all:
            raise ValueError("a cell is missing")
        return cells[0].removeprefix("'"), not cells[COLUMNS.index("reason")]


def _short(value: float) -> float:
    return float(f"{value:.7g}")  # what float32 knows


def _json_line(row: dict[str, Any]) -> bytes:
    # Names of files that are no text stay exact, as `\udc80` to `\udcff`, in what is ASCII alone.
    return json.dumps(row, allow_nan=False).encode() + b"\n"


def _csv_line(cells: Iterable[str | float | bool | None]) -> bytes:
    return (",".join(map(_cell, cells)) + "\n").encode("utf-8", "surrogateescape")


def _cell(value: str | float | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return "" if value is None else f"{value:.7g}"
    text = f"'{value}" if value.startswith(_MARKED) else value
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _csv_records(file: BinaryIO) -> Iterator[bytes]:
    """Gives the rows, whose quoted cells may hold ends of lines; the last may be torn."""
    lines: list[bytes] = []
    quotes = 0
    for line in file:
        lines.append(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            yield b"".join(lines)
            lines, quotes = [], 0
