"""Which pictures lie in somebody's folder, and what its sub-folders say of them."""

import dataclasses
import itertools
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from ssgan.data.own.opening import is_picture
from ssgan.errors import UsageError

LARGEST_CLASSES = 1000
UNLABELED = ("_unlabeled", "_unlabelled")
_NO_LABELS = ("unlabeled", "unlabelled", "nolabel", "no_label")
_SPLITS = ("train", "test", "val", "valid", "validation")
_JUNK = (  # of desktops and network drives
    *("thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx"),
    *("@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found"),
)
_NAMED = 3  # reasons, in an error
_PICTURES = re.compile(r"\.(jpe?g|jpe|jfif|mpo|png|gif|bmp|tiff?|webp|avif|ppm|pgm|jp2|heic|heif)", re.IGNORECASE)
_RAW = re.compile(r"\.(dng|nef|cr2|arw|orf|rw2|pef)", re.IGNORECASE)  # of cameras: TIFF with a thumbnail in it


def refuse(mistake: str) -> NoReturn:
    """Raises a UsageError: what becomes of a mistake, unless `complain` is another function, such as `list.append`."""
    raise UsageError(mistake)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listing:
    """The pictures of a folder.

    Attributes:
        paths: each picture's file by its key, the path below the folder with `/`, composed Unicode (NFC), in order.
        refused: why files that look like pictures are not read, by key: links that lead out of the folder; and why
            folders are not.
        others: number of files that are no pictures by name and content.
    """

    paths: dict[str, Path]
    refused: dict[str, str]
    others: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """What is known of a picture: the name of its class, None for none, and its split, `train` or `test`."""

    label: str | None
    split: str


def list_pictures(folder: Path, *, complain: Callable[[str], object] = refuse) -> Listing:
    """Lists the pictures of a folder and of all folders in it; what the desktop leaves there is passed over.

    A file counts as a picture by its name or by how it begins.

    Args:
        folder: where to look.
        complain: given each mistake; see `refuse`.

    Raises:
        UsageError: if it is no folder, or holds no picture; by `complain`, for two names that differ in their Unicode
            form alone.
    """
    if not folder.is_dir():
        raise UsageError(f"{str(folder)!r} is not an existing folder; correct the path")
    home = folder.resolve()
    paths: dict[str, Path] = {}
    refused: dict[str, str] = {}
    others = 0
    for path in _files_in(folder, refused):
        key = _key(path, folder)
        if path.is_symlink() and not _leads_into(path, home):
            refused[key] = "a link that leads out of the folder; put the file itself there"
        elif not _is_picture(path):
            others += 1
        elif key in paths:
            complain(f"{path} and {paths[key]} have names that look the same; rename one of them")
        else:
            paths[key] = path
    if not paths:
        reasons = "".join(f"; {key}: {reason}" for key, reason in itertools.islice(refused.items(), _NAMED))
        raise UsageError(
            f"{str(folder)!r} holds no pictures; expected files such as .jpg, .png or .webp in it{reasons}"
        )
    return Listing(paths=dict(sorted(paths.items())), refused=refused, others=others)


def read_folders(
    keys: Collection[str], folder: Path, *, complain: Callable[[str], object] = refuse
) -> dict[str, Entry]:
    """Returns what the sub-folders say: a class each, in `train/` and `test/` where these are there.

    `_unlabeled/` holds pictures without a label, and so do the folders in which no sub-folder follows. A folder
    `train/` that holds pictures and no folders of them is a class as any other.

    Args:
        keys: of a `Listing`.
        folder: its folder, for errors.
        complain: given each mistake; see `refuse`.

    Returns:
        What is known, by key; pictures beside `train/` and `test/` are not in it.

    Raises:
        UsageError: by `complain`, for a folder such as `test/` or `Train/` that holds folders of pictures, where there
            is no `train/`: it would become a class.
    """
    in_folders = {key for key in keys if key.count("/") > 1}
    has_splits = any(key.startswith("train/") for key in in_folders)
    if not has_splits:
        tops = {key.partition("/")[0] for key in in_folders}
        if mistaken := sorted(name for name in tops if name.strip().lower() in _SPLITS):
            complain(
                f"{', '.join(mistaken)} in {str(folder)!r} would be a class of that name; put the pictures to train on "
                "into train/<class>/ and those to test on into test/<class>/"
            )
    return {key: entry for key in keys if (entry := _of_folders(key, has_splits))}


def _of_folders(key: str, has_splits: bool) -> Entry | None:
    """Returns what is known of a picture; None beside `train/` and `test/`."""
    *parts, _ = key.split("/")
    split = "train"
    if has_splits and parts[:1] not in ([name] for name in UNLABELED):
        if not parts or parts[0] not in ("train", "test"):
            return None
        split = parts.pop(0)
    if not parts or parts[0] in UNLABELED:
        return Entry(label=None, split=split)
    return Entry(label=parts[0], split=split)


def class_names(
    entries: Mapping[str, Entry],
    known: tuple[str, ...] | None = None,
    *,
    complain: Callable[[str], object] = refuse,
) -> tuple[str, ...]:
    """Returns the names of the classes: those that are known, or else those of the train pictures, in order.

    Args:
        entries: what is known, by key.
        known: names of the classes, or None.
        complain: given each mistake; see `refuse`.

    Raises:
        UsageError: by `complain`, if there are too many to be classes, a name says that there is no label, names differ
            in case or space alone, or a test picture is of a class that no train picture has.
    """
    of_all = {entry.label for entry in entries.values() if entry.label is not None}
    if known is not None:
        if strange := sorted(of_all - set(known)):
            complain(f"labels {', '.join(strange)[:200]}; expected some of {', '.join(known)[:500]}")
        return known
    of_train = {entry.label for entry in entries.values() if entry.label is not None and entry.split == "train"}
    of_test = of_all - of_train
    names = sorted(of_train)
    if len(names) > LARGEST_CLASSES:
        complain(
            f"{len(names):,} different labels, such as {names[0][:50]!r} and {names[-1][:50]!r}; expected at most "
            f"{LARGEST_CLASSES:,} classes: is that column a number or a name of each picture?"
        )
    for name in names:
        if name.strip().strip("_").lower() in _NO_LABELS:
            complain(
                f"{name!r} would be a class of that name; pictures without a label belong into _unlabeled/, or have an "
                "empty label in the labels file"
            )
    if alike := alike_names([*names, *of_test]):
        told = "; ".join(" and ".join(repr(name)[:100] for name in names) for names in alike[:5])
        complain(f"labels that differ in case or space alone: {told}; did you mean one class? Name it alike")
    if of_test:
        complain(f"test pictures of classes that no train picture has: {str(sorted(of_test))[1:-1][:200]}")
    return tuple(names)


def alike_names(names: Iterable[str]) -> list[list[str]]:
    """Returns the groups of names that differ in case, space and Unicode form alone."""
    groups: dict[str, list[str]] = {}
    for name in names:
        plain = " ".join(unicodedata.normalize("NFKC", name).replace("_", " ").split()).casefold()
        groups.setdefault(plain, []).append(name)
    return [sorted(group) for group in groups.values() if len(group) > 1]


def _files_in(folder: Path, refused: dict[str, str]) -> Iterator[Path]:
    """Gives every file below a folder that is neither hidden nor left by a desktop; links to folders are files.

    Folders that cannot be read are added to `refused`.
    """

    def note(error: OSError) -> None:
        refused[_key(Path(error.filename), folder)] = f"a folder that cannot be read ({error.strerror})"

    for root, folders, names in os.walk(folder, onerror=note):
        linked = [name for name in folders if os.path.islink(os.path.join(root, name))]
        folders[:] = sorted(name for name in folders if not _is_junk(name) and name not in linked)
        yield from (Path(root, name) for name in sorted([*names, *linked]) if not _is_junk(name))


def _key(path: Path, folder: Path) -> str:
    return unicodedata.normalize("NFC", path.relative_to(folder).as_posix())


def _leads_into(link: Path, home: Path) -> bool:
    try:
        return link.resolve().is_relative_to(home)
    except (OSError, RuntimeError):  # a link to itself
        return False


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name.lower() in _JUNK


def _is_picture(path: Path) -> bool:
    if _PICTURES.fullmatch(path.suffix):
        return True
    try:
        if _RAW.fullmatch(path.suffix) or not stat.S_ISREG(path.stat().st_mode):
            return False
        with open(path, "rb") as file:
            return is_picture(file.read(12))
    except OSError:
        return False
