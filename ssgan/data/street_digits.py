"""`street_digits`: synthetic 32x32 crops of house numbers, a stand-in for SVHN without a download.

Every image is a pure function of (split, index, seed); `street_scene` draws it.
"""

import itertools
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ssgan.data import street_scene
from ssgan.data.street_scene import SIDE
from ssgan.errors import UsageError
from ssgan.store import files, npz

CLASS_NAMES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
FULL_SIZE = {"train": 73_257, "test": 26_032}
QUICK_SIZE = {"train": 10_000, "test": 2_000}
VERSION = 1  # part of the cache key: raise it whenever any drawn pixel changes

_SVHN_TRAIN_COUNTS = (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659)
_CUMULATIVE = np.cumsum(_SVHN_TRAIN_COUNTS) / sum(_SVHN_TRAIN_COUNTS)
_WORTH_A_HELPER = 1_000  # images that repay the start of another interpreter
_ROW = 1 + SIDE * SIDE * 3  # bytes of a label and its image, as in CIFAR-10's binary files
_log = logging.getLogger(__name__)


def digit(split: str, index: int, seed: int = 0) -> tuple[np.ndarray, int]:
    """Draws one digit: a pure function of its arguments, the same in any order and any process.

    Args:
        split: `"train"` or `"test"`; the two share no image.
        index: 0 .. `FULL_SIZE[split]` - 1.
        seed: 0 or more; another seed is another dataset.

    Returns:
        The image, uint8 [32, 32, 3] in 0..255, and its label, 0..9.

    Raises:
        UsageError: for an unknown split, or an index or a seed out of range.
    """
    _check(split, seed, "index", index, 0)
    rng = np.random.Generator(np.random.PCG64([seed, list(FULL_SIZE).index(split), index]))
    label = int(np.searchsorted(_CUMULATIVE, rng.random(), side="right"))
    return street_scene.draw(rng, label), label


def load(
    split: str, num_images: int | None = None, *, seed: int = 0, cache_dir: str | os.PathLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draws the first images of a split, or reads them back from the cache.

    The first 100 of 1000 images are the 100 images asked for alone. Labels follow the class frequencies of SVHN's train
    split (http://ufldl.stanford.edu/housenumbers).

    Args:
        split: `"train"` or `"test"`.
        num_images: 1 .. `FULL_SIZE[split]`; None for `QUICK_SIZE[split]`.
        seed: 0 or more; another seed is another dataset.
        cache_dir: folder of the cache; None for `ssgan` in `$XDG_CACHE_HOME` or `~/.cache`.

    Returns:
        Images, uint8 [num_images, 32, 32, 3] in 0..255, and labels, int32 [num_images] in 0..9.

    Raises:
        UsageError: for an unknown split, or a size or a seed out of range.
    """
    count = QUICK_SIZE.get(split, 0) if num_images is None else num_images
    _check(split, seed, "num_images", count, 1)
    folder = files.user_cache() if cache_dir is None else Path(cache_dir)
    path = folder / f"street_digits-v{VERSION}-{split}-{count}-seed{seed}.npz"
    drawn = _read(path, count)
    if drawn is None:
        rows = _draw_in_parallel(split, count, seed)
        drawn = rows[:, 1:].reshape(count, SIDE, SIDE, 3), rows[:, 0].astype(np.int32)
        _write(path, *drawn)
    return drawn


def _check(split: str, seed: int, name: str, value: int, low: int) -> None:
    if split not in FULL_SIZE:
        raise UsageError(f"street_digits has no split {split!r}; it has 'train' and 'test'")
    for what, given, least, most in (("seed", seed, 0, 2**63 - 1), (name, value, low, FULL_SIZE[split] - 1 + low)):
        if not isinstance(given, int | np.integer) or not least <= given <= most:
            raise UsageError(
                f"street_digits: {what} is {given!r}; expected a whole number in {least}..{most} for split {split!r}"
            )


def _read(path: Path, count: int) -> tuple[np.ndarray, np.ndarray] | None:
    if not path.exists():
        return None
    try:
        arrays = npz.read_npz(path, max_bytes=count * _ROW * 2)
        images, labels = arrays["images"], arrays["labels"]
    except (UsageError, KeyError) as error:  # whatever is wrong with a cache, drawing again mends it
        _log.warning("cannot read the cache %s (%s); drawing the images again", path, error)
        return None
    found = (images.shape, images.dtype, labels.shape, labels.dtype)
    if found != ((count, SIDE, SIDE, 3), np.uint8, (count,), np.int32):
        _log.warning("the cache %s holds %s; drawing the images again", path, found)
        return None
    return images, labels


def _write(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Writes beside the final name and renames, so that no reader ever sees half a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.whole(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, images=images, labels=labels)
    except OSError as error:
        _log.warning("cannot cache the images in %s (%s); the next run draws again", path, error)


def _draw_in_parallel(split: str, count: int, seed: int) -> np.ndarray:
    """Draws in this process and in helpers, which are interpreters of their own: rows as of `_draw`.

    Neither fork (unsafe once TensorFlow's threads run) nor multiprocessing's spawn (which runs a script without a
    `__main__` guard again) is used.
    """
    if count > _WORTH_A_HELPER:
        print(f"street_digits: drawing {count} {split} images; later runs read them back", file=sys.stderr)
    workers = min(os.cpu_count() or 1, 8, count // _WORTH_A_HELPER + 1)
    first, *others = itertools.pairwise(count * i // workers for i in range(workers + 1))
    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(_draw_in_helper, split, start, stop, seed) for start, stop in others]
        return np.concatenate([_draw(split, *first, seed), *(job.result() for job in jobs)])


def _draw_in_helper(split: str, start: int, stop: int, seed: int) -> np.ndarray:
    """Draws in another interpreter, or here if that fails."""
    draw = f"_draw({split!r}, {start}, {stop}, {seed})"
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import _draw; sys.stdout.buffer.write({draw})"
    try:
        done = subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True)
        sent, reason = done.stdout, done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    except OSError as error:
        sent, reason = b"", str(error)
    if len(sent) != (stop - start) * _ROW:
        _log.warning("a helper process drew nothing (%s); drawing its images here, which takes longer", reason)
        return _draw(split, start, stop, seed)
    return np.frombuffer(sent, np.uint8).reshape(-1, _ROW)


def _draw(split: str, start: int, stop: int, seed: int) -> np.ndarray:
    """Draws images `start` .. `stop` - 1: uint8 [stop - start, 1 + 3072], the label and then the image's bytes."""
    rows = np.empty((stop - start, _ROW), np.uint8)
    for row, index in zip(rows, range(start, stop), strict=True):
        image, row[0] = digit(split, index, seed)
        row[1:] = image.ravel()
    return rows
