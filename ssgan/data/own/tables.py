"""Labels that lie in a file beside the pictures: a CSV, or what Label Studio exports."""

import csv
import dataclasses
import io
import json
import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ssgan.data.own.layout import Entry, refuse
from ssgan.errors import UsageError
from ssgan.store import files

_PICTURE, _LABEL, _SPLIT = ("image", "filename", "file_name", "path"), ("label", "choice"), "split"
_DELIMITERS = ",;\t|"
_SPLITS = {"": "train", "train": "train", "training": "train", "test": "test", "testing": "test", "broken": "broken"}
_ANNOTATED = "annotation_id"  # the column by which Label Studio's CSV is known
LARGEST = 2**28  # bytes of a labels file
_SERVED = "/data/"  # Label Studio's addresses, in its CSV too
_UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts before the name of an upload


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """What a file says of a picture, and where; `takes_back`: whether rows before it no longer count."""

    place: str
    picture: str
    label: str
    split: str = "train"
    takes_back: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """How a CSV is laid out: what stands between its cells, its columns, and the numbers of those that are read."""

    delimiter: str
    columns: tuple[str, ...]
    picture: int
    label: int
    split: int | None

    @property
    def is_taken_back(self) -> bool:
        """Whether an empty label takes back; in Label Studio's CSV it is somebody's who had nothing to say."""
        return _ANNOTATED not in self.columns


def read_table(path: Path) -> Table:
    """Returns how a CSV is laid out, by its first line.

    Raises:
        UsageError: if it cannot be read, or has not the columns of a labels file.
    """
    text = _text(path, errors="replace")  # a row may be damaged; it is the first line that counts
    delimiter = _delimiter(text)
    try:
        return _table(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), []), delimiter, path)
    except csv.Error as error:
        raise UsageError(f"{path}: no readable CSV ({error})") from error


def read_labels_file(
    path: Path,
    keys: Iterable[str],
    *,
    folder: Path,
    missing: list[str] | None = None,
    complain: Callable[[str], object] = refuse,
) -> dict[str, Entry]:
    """Returns what a labels file says of the pictures of a folder; those that it does not name have no label.

    CSV: a column `filename`, `file_name`, `image` or `path`, a column `label` or `choice`, and perhaps `split` (train,
    test, or broken: takes no part). A row with an empty label takes back what rows above it say of its picture, but in
    Label Studio's CSV, where it is somebody's who had nothing to say. JSON: Label Studio's exports `JSON` and
    `JSON-MIN`. Pictures are named by their path below the folder; a bare name will do where only one picture has it,
    and so will a longer path that ends as one picture's does.

    Args:
        path: `.csv`, `.tsv` or `.json`.
        keys: of the folder's `Listing`.
        folder: the pictures' folder.
        missing: gets the rows whose picture is not there, which are passed over then; without it they are a mistake.
        complain: given each mistake; see `refuse`. What it is about has no label then.

    Raises:
        UsageError: by `complain`, for a file of another form, a picture that is not there, or could be several, or has
            two labels.
    """
    entries = {key: Entry(label=None, split="train") for key in keys}
    names = _Names(entries, folder)
    said: dict[str, Row] = {}
    strangers: list[str] = [] if missing is None else missing
    for row in _rows(path, complain):
        found = names.keys_of(row)
        if not found:
            strangers.append(f"{row.place}: {row.picture[:100]!r}")
        elif len(found) > 1:
            could_be = " or ".join(map(repr, found[:3]))
            complain(f"{row.place}: {row.picture[:100]!r} may be {could_be}; expected the path below the folder")
        elif found[0] not in said or not said[found[0]].label or row.takes_back:
            said[found[0]] = row
        elif row.label and (row.label, row.split) != ((before := said[found[0]]).label, before.split):
            complain(
                f"{found[0]!r} is {before.label[:100]!r} ({before.split}) in {before.place} and {row.label[:100]!r} "
                f"({row.split}) in {row.place}; expected one label a picture, or a row with an empty label between, "
                "which takes the first back"
            )
    if strangers and missing is None:
        more = f" and {len(strangers) - 5:,} more" if len(strangers) > 5 else ""
        complain(
            f"{path} names pictures that are not in {str(folder)!r}: {', '.join(strangers[:5])}{more}; expected paths "
            "below that folder (--skip_unreadable passes over them)"
        )
    return entries | {key: Entry(label=row.label or None, split=row.split) for key, row in said.items()}


def label_names(path: Path) -> list[str]:
    """Returns every label that a file has ever given, taken back or not, in the order of their first rows."""
    return list(dict.fromkeys(row.label for row in _rows(path, refuse) if row.label))


class _Names:
    """Finds pictures by what a labels file calls them."""

    def __init__(self, keys: Iterable[str], folder: Path):
        self._keys = dict.fromkeys(keys)
        self._folder = unicodedata.normalize("NFC", folder.resolve().as_posix()).rstrip("/") + "/"
        self._by_name: dict[str, list[str]] = {}
        for key in self._keys:
            name = posixpath.basename(key)
            for spelled in {name, _uploaded(name)}:
                self._by_name.setdefault(spelled, []).append(key)

    def keys_of(self, row: Row) -> list[str]:
        """Returns the keys of the pictures that a row may name; none if it leads out of the folder."""
        name = unicodedata.normalize("NFC", row.picture.replace("\\", "/"))
        if ".." in name.split("/"):
            return []
        path = posixpath.normpath(name.removeprefix(self._folder).lstrip("/"))
        if path in self._keys:
            return [path]
        base = posixpath.basename(path)
        ending = [key for key in self._by_name.get(base, []) if f"/{path}".endswith(f"/{key}")]
        ending = ending or [key for key in self._by_name.get(base, []) if f"/{key}".endswith(f"/{path}")]
        is_upload = _UPLOAD.match(base) and path == base
        return ending or (self._by_name.get(_UPLOAD.sub("", base), []) if is_upload else [])


def _uploaded(name: str) -> str:
    """Returns what Label Studio calls an upload, but for the eight digits that it puts before."""
    return re.sub(r"[^-\w.]", "", name.replace(" ", "_"))


def _rows(path: Path, complain: Callable[[str], object]) -> Iterator[Row]:
    try:
        text = _text(path)
        yield from _label_studio_rows(text, path, complain) if _is_json(path) else _csv_rows(text, path, complain)
    except UsageError as error:  # of the file as a whole
        complain(str(error))


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json"


def _text(path: Path, errors: str = "strict") -> str:
    try:
        return files.read_bytes(path, max_bytes=LARGEST).decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is no text in UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _csv_rows(text: str, path: Path, complain: Callable[[str], object]) -> Iterator[Row]:
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        table = _table(next(reader, []), delimiter, path)
        for cells in reader:
            values = [cell.strip() for cell in cells]
            place = f"{path}, line {reader.line_num}"
            if not any(values):
                continue
            if len(values) != len(table.columns):
                complain(f"{place}: {len(values)} cells; expected {len(table.columns)}, as in its first line")
                continue
            of_split = values[table.split].lower() if table.split is not None else ""
            if of_split not in _SPLITS:
                complain(f"{place}: the split {of_split[:50]!r}; expected train, test, broken or nothing")
                continue
            if len(labels := _several(values[table.label])) > 1:
                complain(f"{place}: {str(labels)[1:-1][:200]}; expected one label a picture")
                continue
            picture, label = values[table.picture], "" if of_split == "broken" else values[table.label]
            if picture.startswith(_SERVED) or "://" in picture:
                picture = _local(picture)
            takes_back = not label and table.is_taken_back
            yield Row(place=place, picture=picture, label=label, split=_SPLITS[of_split], takes_back=takes_back)
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: no readable CSV ({error})") from error


def _delimiter(text: str) -> str:
    head = next(iter(text[:65536].splitlines()), "")
    return max(_DELIMITERS, key=head.count)


def _table(head: list[str], delimiter: str, path: Path) -> Table:
    columns = [name.strip().lower() for name in head]
    return Table(
        delimiter=delimiter,
        columns=tuple(columns),
        picture=_column(columns, _PICTURE, path),
        label=_column(columns, _LABEL, path),
        split=columns.index(_SPLIT) if _SPLIT in columns else None,
    )


def _column(columns: list[str], names: tuple[str, ...], path: Path) -> int:
    found = [name for name in columns if name in names]
    if len(found) != 1:
        what = f"several columns {', '.join(found)}" if found else f"the columns {', '.join(columns)[:200]!r}"
        raise UsageError(f"{path} has {what[:300]}; expected one column of {', '.join(names)}")
    return columns.index(found[0])


def _label_studio_rows(text: str, path: Path, complain: Callable[[str], object]) -> Iterator[Row]:
    try:
        tasks = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no readable JSON file: {error}") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise UsageError(f"{path} holds no list of tasks; expected Label Studio's export JSON or JSON-MIN")
    for number, task in enumerate(tasks, start=1):
        place = f"{path}, task {number}"
        data = task.get("data", task)
        named = [data[name] for name in _PICTURE if isinstance(data, dict) and isinstance(data.get(name), str)]
        labels = sorted(set(_annotated(task) if "data" in task else _chosen_by(task)))
        if not named:
            complain(f"{place}: no image; expected its address as data.image")
        elif len(labels) > 1:
            complain(f"{place}: {str(labels)[1:-1][:200]}; expected one label a picture")
        else:
            yield Row(place=place, picture=_local(named[0]), label=labels[0] if labels else "")
    keys = dict.fromkeys(key for task in tasks for key in task)
    if tasks and not keys.keys() & {*_LABEL, "annotations"}:
        complain(
            f"{path} has tasks of {', '.join(keys)[:200]!r}; expected annotations, or labels as {' or '.join(_LABEL)}: "
            "the name of the choices in Label Studio"
        )


def _annotated(task: dict[str, Any]) -> Iterator[str]:
    """Gives the choices of all annotations that were not cancelled."""
    for annotation in _dictionaries(task.get("annotations")):
        if not annotation.get("was_cancelled"):
            for result in _dictionaries(annotation.get("result")):
                value = result.get("value")
                if result.get("type") == "choices" and isinstance(value, dict):
                    yield from _chosen(value)


def _chosen_by(task: dict[str, Any]) -> Iterator[str]:
    for name in _LABEL:
        yield from _chosen(task.get(name))


def _chosen(choice: Any) -> Iterator[str]:
    found = choice.get("choices") if isinstance(choice, dict) else choice
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, str | int) and not isinstance(one, bool) and str(one).strip():
            yield str(one).strip()


def _several(cell: str) -> list[str]:
    """Returns the labels in a cell: of several, Label Studio writes JSON into its CSV."""
    try:
        return sorted(set(_chosen(json.loads(cell)))) if cell.startswith('{"choices"') else [cell]
    except (ValueError, RecursionError):
        return [cell]


def _dictionaries(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _local(address: str) -> str:
    """Returns the path in an address such as `/data/local-files/?d=cats/one%20cat.jpg`; of an upload, the bare name."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    if named := parse_qs(parts.query).get("d"):
        return named[0]
    path = unquote(parts.path if parts.scheme else address)
    return posixpath.basename(path) if "/data/upload/" in f"/{path}" else path
