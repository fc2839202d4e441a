"""The file of labels: rows are put behind it, one at a time, and it is never written anew.

What a row says holds until one below it says otherwise; see `ssgan.data.own.tables.read_labels_file`, which reads it.
"""

import codecs
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
_State = tuple[int, int, int]


class LabelsFile:
    """A CSV file of labels that is open to be written to by this process alone.

    Args:
        path: the file, made by `opened` where it is missing.
        keys: of the folder's pictures.
        folder: the pictures' folder.

    Attributes:
        notices: what the person ought to know of the file.
    """

    def __init__(self, path: Path, keys: Sequence[str], folder: Path):
        self.path = path
        self.notices: list[str] = []
        self._keys = keys
        self._folder = folder
        self._table = _table(path)
        self._state: _State | None = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[dict[str, Entry]]:
        """Yields what the file says, by key; it counts as read where nothing is raised while entered.

        Rows of pictures that are not in the folder are passed over, which `notices` then say.

        Raises:
            UsageError: if it says what `read_labels_file` refuses, is no CSV, or is another folder's.
        """
        state, table, missing = self._state_now(), _table(self.path), list[str]()
        entries = tables.read_labels_file(self.path, self._keys, folder=self._folder, missing=missing)
        if missing and not any(entry.label or entry.split != "train" for entry in entries.values()):
            raise UsageError(
                f"{self.path} names pictures that are not in {str(self._folder)!r}, and none that is: {missing[0]}; is "
                "it another folder's? --labels_file=FILE names another one"
            )
        yield entries
        self._state, self._table = state, table
        if missing:
            self.notices.append(
                f"{len(missing):,} rows of {self.path.name} are of pictures that are not in the folder: {missing[0]}"
                f"{' …' if len(missing) > 1 else ''}."
            )

    def is_changed(self) -> bool:
        """Tells whether somebody else has written to the file since it was read, or written to, here."""
        return self._state_now() != self._state

    def _state_now(self) -> _State | None:
        return _state(os.stat(self.path)) if self.path.exists() else None

    def append(self, changes: Sequence[Change]) -> None:
        """Puts rows behind the file; on return they are on the disk.

        Raises:
            UsageError: if the file has no column for what is to be said, or somebody else has just changed it.
            OSError: if it cannot be written; no part of a row is left in it then.
        """
        rows = "".join(self._rows(*change) for change in changes)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND)
        try:
            if _state(os.fstat(descriptor)) != self._state:
                raise UsageError(f"{self.path} was changed by another program at this moment; press the key again")
            length = os.fstat(descriptor).st_size
            is_torn = length and os.pread(descriptor, 1, length - 1) != b"\n"
            try:
                _write(descriptor, ("\n" * bool(is_torn) + rows).encode())
                os.fsync(descriptor)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, length)
                    self._state = _state(os.fstat(descriptor))
                raise
            self._state = _state(os.fstat(descriptor))  # of what was written to, whatever the name means by now
        finally:
            os.close(descriptor)

    def _rows(self, key: str, before: Entry, after: Entry) -> str:
        """Returns one row, or two: a label takes the place of another one that was taken back."""
        taken_back = [Entry(label=None, split="train")] if before.label is not None and after.label is not None else []
        return "".join(self._row(key, entry) for entry in [*taken_back, after])

    def _row(self, key: str, entry: Entry) -> str:
        cells = [""] * len(self._table.columns)
        cells[self._table.picture], cells[self._table.label] = key, entry.label or ""
        if entry.split != "train":
            if self._table.split is None:
                raise UsageError(
                    f"{self.path} has no column split, which says that a picture is broken; put it into "
                    "the first line, and an empty cell into each other one"
                )
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
    path = path.resolve()  # the lock is of the file, not of a link to it
    if path.suffix.lower() == ".json":
        raise UsageError(f"--labels_file={path}: rows are put behind a CSV file; name another one")
    try:
        held = filelock.FileLock(path.with_name(f".{path.name}.lock"), timeout=0).acquire()
    except PermissionError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror}: {error.filename}); --labels_file=FILE names another one"
        ) from error
    except filelock.Timeout as error:
        raise UsageError(
            f"{path} is being written to by another process; is the page of this folder open already? "
            "--labels_file=FILE names another one"
        ) from error
    with held:
        if not path.exists():
            said = [[key, entry.label or "", entry.split.removesuffix("train")] for key, entry in first.items()]
            files.write(path, "".join(_line(cells) for cells in [_COLUMNS, *said]))
        torn = _drop_torn_row(path)
        file = LabelsFile(path, keys, folder)
        if torn:
            file.notices.append(f"The last row of {path.name} was written by half, and was dropped: {torn}")
        yield file


def can_be_named(key: str) -> bool:
    """Tells whether a labels file can name a picture: as text in one line, of which spaces round it are cut off."""
    return key == key.strip() and not set(key) & set("\\\r\n") and not _is_odd(key)


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


def _drop_torn_row(path: Path) -> str:
    """Cuts off, and returns, what a power failure left of a last row; nobody was told that it was written.

    Rows are written with quotation marks, and so a row is whole or has an open one, or too few cells. One that begins
    otherwise is somebody's own.
    """
    content = files.read_bytes(path, max_bytes=tables.LARGEST)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)  # half a letter at the end may be
    except UnicodeDecodeError:
        return ""  # a file in another encoding, which is not read
    last = content[content.rfind(b"\n") + 1 :]
    if not last.startswith(b'"') or last == content or _is_whole(last, tables.read_table(path)):
        return ""
    os.truncate(path, len(content) - len(last))
    return last.decode(errors="replace")


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


def _state(found: os.stat_result) -> _State:
    """Returns what tells that a file was changed."""
    return found.st_ino, found.st_size, found.st_mtime_ns
