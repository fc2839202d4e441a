"""Pictures by the million: named by anybody, decoded a few batches ahead of who looks at them."""

import collections
import dataclasses
import itertools
import os
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssgan.cores import available_cores
from ssgan.data.own.decode import Preparation, Unreadable, read_picture
from ssgan.data.own.layout import list_pictures
from ssgan.errors import UsageError

_AHEAD = 2  # batches that are decoded while one is looked at
_TOGETHER = 8  # pictures in a task of a thread


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Some pictures.

    Attributes:
        paths: of the files, n of them.
        images: uint8 [batch_size, height, width, channels]; black where a picture cannot be read, and behind the n-th.
        reasons: why each picture cannot be read; empty for one that was.
    """

    paths: list[str]
    images: npt.NDArray[np.uint8]
    reasons: list[str]


def find_pictures(named: Iterable[str], listed: bytes | None) -> dict[str, str]:
    """Returns the pictures that are meant, each once, by its path; with the reason where it is not to be read, or ''.

    Args:
        named: files, which are taken as they are; folders, whose pictures are taken as `list_pictures` finds them; `-`
            for those of `listed`.
        listed: paths of files, with NUL behind each or one a line; need not be there. None where there is no list.

    Raises:
        UsageError: if nothing has a name, or a folder no pictures.
    """
    found: dict[str, str] = {}
    for name in named:
        path = Path(os.path.expanduser(name))
        if name == "-":
            found.update(dict.fromkeys(_listed(listed or b""), ""))
        elif path.is_dir():
            listing = list_pictures(path)
            in_folder = {key: (str(file), "") for key, file in listing.paths.items()}
            in_folder |= {key: (str(path / key), reason) for key, reason in listing.refused.items()}
            found.update(in_folder[key] for key in sorted(in_folder))
        elif os.path.lexists(path):
            found[str(path)] = ""
        else:
            raise UsageError(f"there is no file or folder {name!r}; correct the path")
    return found


def _listed(content: bytes) -> list[str]:
    lines = content.split(b"\0" if b"\0" in content else b"\n")
    return [str(Path(os.fsdecode(line))) for line in lines if line]  # `./a.jpg` is `a.jpg`, as in a folder


def read_batches(pictures: Mapping[str, str], preparation: Preparation, *, batch_size: int) -> Generator[Batch]:
    """Gives all pictures in order; a thread for each core decodes those of the next two batches meanwhile.

    Args:
        pictures: as `find_pictures` returns them.
        preparation: of the images.
        batch_size: pictures in each batch but the last.
    """
    pool = ThreadPoolExecutor(available_cores())
    pending: collections.deque[tuple[list[str], npt.NDArray[np.uint8], list[Future[list[str]]]]] = collections.deque()
    left = iter(pictures.items())
    try:
        while some := list(itertools.islice(left, batch_size)):
            images = np.zeros((batch_size, *preparation.image_shape), np.uint8)
            starts = range(0, len(some), _TOGETHER)
            tasks = [pool.submit(_read, some[row : row + _TOGETHER], preparation, images[row:]) for row in starts]
            pending.append(([path for path, _ in some], images, tasks))
            if len(pending) > _AHEAD:
                yield _decoded(*pending.popleft())
        while pending:
            yield _decoded(*pending.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _read(pictures: list[tuple[str, str]], preparation: Preparation, images: npt.NDArray[np.uint8]) -> list[str]:
    """Puts pictures into the first rows of `images`; returns the reasons."""
    reasons = []
    for row, (path, reason) in enumerate(pictures):
        try:
            if not reason:
                images[row] = read_picture(path, preparation)
        except Unreadable as error:
            reason = str(error)
        reasons.append(reason)
    return reasons


def _decoded(paths: list[str], images: npt.NDArray[np.uint8], tasks: list[Future[list[str]]]) -> Batch:
    return Batch(paths=paths, images=images, reasons=[reason for task in tasks for reason in task.result()])
