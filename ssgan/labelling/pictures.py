"""The pictures of a folder that may get a label: as they are shown, and as they are compared."""

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssgan.data import own
from ssgan.data.own import layout
from ssgan.data.own.decode import as_shown
from ssgan.data.own.images import prepare
from ssgan.data.own.layout import Entry
from ssgan.data.own.opening import read_content
from ssgan.errors import UsageError
from ssgan.labelling.labels_file import can_be_named

LARGE, SMALL = 1024, 256  # pixels of the longer side, as shown
_LOSSLESS = 256  # up to so many pixels of the longer side


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """What can be shown, and so labelled; the number of a picture is its place in `keys`.

    Attributes:
        home: the folder.
        every_key: of all pictures in it, see `ssgan.data.own.Folder`.
        keys: of those that can be shown.
        paths: of their files.
        left_out: number of files that look like pictures and cannot be shown, or not be named in a labels file.
        prepared: uint8 [m, height, width, channels], on disk, of all that the cache holds.
        rows: int64 [n], of each picture in `prepared`.
    """

    home: Path
    every_key: tuple[str, ...]
    keys: tuple[str, ...]
    paths: tuple[Path, ...]
    left_out: int
    prepared: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)

    def images(self, numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Returns pictures as they are trained on, uint8 [n, height, width, channels]."""
        return self.prepared[self.rows[numbers]]

    def shown(self, number: int, *, longest: int) -> tuple[bytes, str]:
        """Returns a picture for the page, encoded anew: nothing of the file itself, such as its notes, is passed on.

        Args:
            number: of the picture, 0 to n - 1.
            longest: pixels of a side at most.

        Returns:
            The content of a file, and its media type.

        Raises:
            ssgan.data.own.Unreadable: if the file is damaged by now, or gone.
        """
        picture = as_shown(read_content(self.paths[number]), longest=longest)
        kind = "PNG" if max(picture.size) <= _LOSSLESS else "JPEG"
        content = io.BytesIO()
        picture.save(content, kind, **({"compress_level": 1} if kind == "PNG" else {"quality": 90}))
        return content.getvalue(), f"image/{kind.lower()}"


def find(folder: Path, *, cache_dir: str | None = None) -> Pictures:
    """Finds the pictures of a folder and prepares them; tells of its progress on stderr.

    Args:
        folder: with sub-folders, or not.
        cache_dir: where prepared pictures are kept, see `ssgan.data.own.load`; training finds them there.

    Raises:
        UsageError: if there is no such folder, or it holds no picture that can be read.
        OSError: if the cache cannot be written.
    """
    listing = layout.list_pictures(folder)
    found = own.Folder(
        home=folder,
        roots=(folder,),
        paths=listing.paths,
        entries={},
        class_names=(),
        refused=listing.refused,
        left_out=(),
        others=listing.others,
    )
    preparation = own.choose_preparation(found, image_size=None, resize="crop", color="auto")
    prepared = prepare(found, preparation, cache_dir)
    rows = {key: row for key, row in prepared.rows.items() if can_be_named(key)}
    if not rows:
        raise UsageError(f"{str(folder)!r} holds no picture that can be read")
    return Pictures(
        home=folder,
        every_key=tuple(listing.paths),
        keys=tuple(rows),
        paths=tuple(listing.paths[key] for key in rows),
        left_out=len(listing.paths) + len(listing.refused) - len(rows),
        prepared=prepared.images,
        rows=np.array(list(rows.values()), np.int64),
    )


def said_by_folders(pictures: Pictures, classes: Sequence[str]) -> dict[str, Entry]:
    """Returns what the sub-folders say, by key, for a labels file to begin with: with one they say nothing any more.

    Args:
        pictures: of the folder.
        classes: names of the classes, if they are known: sub-folders of other names are none then.

    Raises:
        UsageError: for what `ssgan.data.own.layout.read_folders` refuses.
    """
    entries = layout.read_folders(pictures.keys, pictures.home)
    no_part = Entry(label=None, split="broken")
    said = {}
    for key in pictures.keys:
        entry = entries.get(key, no_part)
        if entry.label is not None and (not classes or entry.label in classes):
            said[key] = entry
        elif entry.split != "train":
            said[key] = no_part
    return said
