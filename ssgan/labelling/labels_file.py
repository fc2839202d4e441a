"""The file of labels: rows are put behind it, one at a time, and it is never written anew.

What a row says holds until one below it says otherwise; see `ssgan.data.own.tables.read_labels_file`, which reads it.
"""

import contextlib
import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import filelock

from ssgan.data.own import tables
from ssgan.data.own.layout import Entry
from ssgan.errors import UsageError
from ssgan.store import files

_COLUMNS = ("filename", "label", "split")
Change = tuple[str, Entry, Entry]  # of a picture's key: what was known, what is known now


class LabelsFile:
    """A CSV file of labels that is open to be written to by this process alone.

    Args:
        path: the file, made by `opened` where it is missing.
        keys: of the folder's pictures.
        folder: the pictures' folder.
    """

    def __init__(self, path: Path, keys: Sequence[str], folder: Path):
        self.path = path
        self._keys = keys
        self._folder = folder
        self._table = _table(path)
        self._state: tuple[int, int, int] | None = None

    def read(self) -> dict[str, Entry]:
        """Returns what the file says, by key.

        Raises:
            UsageError: if it says what `read_labels_file` refuses, or is no CSV.
        """
        self._state = _state(self.path)
        self._table = _table(self.path)
        return tables.read_labels_file(self.path, self._keys, folder=self._folder)

    def is_changed(self) -> bool:
        """Tells whether somebody else has written to the file since it was read, or written to, here."""
        return _state(self.path) != self._state

    def append(self, changes: Sequence[Change]) -> None:
        """Puts rows behind the file; on return they are on the disk.

        Raises:
            UsageError: if the file has no column for what is to be said.
            OSError: if it cannot be written; no part of a row is left in it then.
        """
        rows = "".join(self._rows(*change) for change in changes)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND)
        try:
            length = os.fstat(descriptor).st_size
            is_torn = length and os.pread(descriptor, 1, length - 1) != b"\n"
            try:
                _write(descriptor, ("\n" * bool(is_torn) + rows).encode())
                os.fsync(descriptor)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, length)
                raise
        finally:
            os.close(descriptor)
        self._state = _state(self.path)

    def _rows(self, key: str, before: Entry, after: Entry) -> str:
        """Returns one row, or two: a label takes the place of another one that was taken back."""
        taken_back = [Entry(label=None, split="train")] if before.label is not None and after.label is not None else []
        return "".join(self._row(key, entry) for entry in [*taken_back, after])

    def _row(self, key: str, entry: Entry) -> str:
        cells = [""] * len(self._table.columns)
        cells[self._table.picture], cells[self._table.label] = key, entry.label or ""
        if entry.split != "train":
            if self._table.split is None:
                raise UsageError(f"{self.path} has no column split, which says that a picture is broken; add one")
            cells[self._table.split] = entry.split
        return _line(cells, self._table.delimiter)


@contextlib.contextmanager
def opened(path: Path, keys: Sequence[str], folder: Path, *, first: Mapping[str, Entry]) -> Iterator[LabelsFile]:
    """Opens the labels file of a folder; no other process can while it is open.

    Args:
        path: the file.
        keys: of the folder's pictures.
        folder: the pictures' folder.
        first: what a new file begins with.

    Raises:
        UsageError: if another process has it open, it is no CSV, or it cannot be written.
    """
    if path.suffix.lower() == ".json":
        raise UsageError(f"--labels_file={path}: rows are put behind a CSV file; name another one")
    try:
        with filelock.FileLock(path.with_name(f".{path.name}.lock"), timeout=0):
            if not path.exists():
                said = [[key, entry.label or "", entry.split.removesuffix("train")] for key, entry in first.items()]
                files.write(path, "".join(_line(cells) for cells in [_COLUMNS, *said]))
            _drop_torn_row(path)
            yield LabelsFile(path, keys, folder)
    except filelock.Timeout as error:
        raise UsageError(
            f"{path} is being written to by another process; is the page of this folder open already?"
        ) from error


def can_be_named(key: str) -> bool:
    """Tells whether a labels file can name a picture: as text, of which spaces round it and backslashes are changed."""
    return key == key.strip() and "\\" not in key and "\r" not in key and not _is_odd(key)


def _is_odd(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:  # a name that is no text
        return True
    return False


def _table(path: Path) -> tables.Table:
    table = tables.read_table(path)
    if not table.is_taken_back:
        raise UsageError(f"{path} is an export of Label Studio, in which no label can be taken back; name another file")
    return table


def _drop_torn_row(path: Path) -> None:
    """Cuts off what a power failure left of a last row; nobody was told that it was written.

    Rows are written with quotation marks, and so a row is whole or has an open one, or too few cells.
    """
    content = files.read_bytes(path, max_bytes=tables.LARGEST)
    last = content[content.rfind(b"\n") + 1 :]
    if last and content.count(b"\n") and not _is_whole(last, tables.read_table(path)):
        os.truncate(path, len(content) - len(last))


def _is_whole(row: bytes, table: tables.Table) -> bool:
    try:
        (cells,) = csv.reader([row.decode()], delimiter=table.delimiter, strict=True)
    except (csv.Error, ValueError):
        return False
    return len(cells) == len(table.columns)


def _line(cells: Sequence[str], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _state(path: Path) -> tuple[int, int, int] | None:
    """Returns what tells that a file was changed; None where there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
