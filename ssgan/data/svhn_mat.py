"""SVHN "cropped digits" in its own MATLAB form: `train_32x32.mat` and `test_32x32.mat`.

Reference: Netzer et al. 2011, "Reading Digits in Natural Images with Unsupervised Feature
    Learning";
http://ufldl.stanford.edu/housenumbers/.
"""

import os
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

from ssgan.data import mat5, network
from ssgan.data.arrays import ImageSet
from ssgan.errors import UsageError
from ssgan.store import files

URL = "http://ufldl.stanford.edu/housenumbers/"
# The sha256 digests that TensorFlow Datasets records for the same two files.
SHA256 = {
    "train_32x32.mat": "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
    "test_32x32.mat": "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
}
_MOST_IMAGES = 73_257 + 531_131  # SVHN's train and extra images
_WAYS_OUT = (
    "Three ways out: put train_32x32.mat and test_32x32.mat in a folder and name it with "
    "--data_dir; point --data_dir at a TFDS folder where svhn_cropped is prepared; or use "
    "--dataset=street_digits, which needs no download."
)


def default_folder() -> Path:
    """Returns where downloads are kept: `ssgan/svhn` in `$XDG_CACHE_HOME`, or in `~/.cache`."""
    return files.user_cache() / "svhn"


def is_in(folder: Path) -> bool:
    """Tells whether a folder holds at least one of the two files.

    One is enough: to read on elsewhere, or to download the other, could put other images of the
    same house numbers on the two sides of the split.
    """
    return any((folder / name).exists() for name in SHA256)


def splits(folder: Path) -> tuple[str, ...]:
    """Returns the splits whose file is in a folder."""
    return tuple(name.removesuffix("_32x32.mat") for name in SHA256 if (folder / name).exists())


def check_split(split: str) -> None:
    """Raises unless there is such a file."""
    if f"{split}_32x32.mat" not in SHA256:
        raise UsageError(f"svhn_cropped has no {split!r} split; it has train, test")


def read(folder: Path, split: str) -> ImageSet:
    """Reads one file, in the order of the file.

    Args:
        folder: Folder that holds the file.
        split: `train` or `test`.

    Returns:
        The images, 32x32 RGB; digit 0, which the file stores as 10, has the label 0.

    Raises:
        UsageError: if there is no such split, or its file is missing, damaged or of another form.
    """
    check_split(split)
    images, labels = _checked(folder / f"{split}_32x32.mat")
    return ImageSet(
        name="svhn_cropped",
        split=split,
        source=f"SVHN .mat files in {folder}",
        synthetic=False,
        images=np.ascontiguousarray(images.transpose(3, 0, 1, 2)),
        labels=(labels.ravel() % 10).astype(np.int32),
        class_names=tuple("0123456789"),
    )


def _checked(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if not path.exists():
        other = ", ".join(name for name in SHA256 if (path.parent / name).exists()) or "neither file"
        raise UsageError(f"{path}: no such file, the folder holds {other}; put both SVHN .mat files there")
    try:
        arrays = mat5.read(path, {"X": _check_images, "y": _check_labels})
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    except (OSError, ValueError, zlib.error) as error:
        raise UsageError(
            f"{path}: not a readable MATLAB 5 file ({error}); found {path.stat().st_size} bytes, perhaps cut short: "
            f"fetch it again from {URL}{path.name}"
        ) from error
    if arrays.keys() != {"X", "y"}:
        raise UsageError(f"{path}: found the arrays {sorted(arrays)}; expected X and y, as SVHN has them")
    images, labels = arrays["X"], arrays["y"].ravel()
    if len(labels) != images.shape[3]:
        raise UsageError(f"{path}: X holds {images.shape[3]} images, y {len(labels)} labels; expected one per image")
    if not np.isin(labels, np.arange(1, 11)).all():
        values = np.unique(labels)[:12].tolist()
        raise UsageError(f"{path}: y holds {values}; expected whole numbers 1..10 (10 is digit 0)")
    return images, labels


def _check_images(dtype: np.dtype, shape: tuple[int, ...]) -> None:
    if dtype != np.uint8 or len(shape) != 4 or shape[:3] != (32, 32, 3) or shape[3] > _MOST_IMAGES:
        raise UsageError(f"X is {dtype} {shape}; expected uint8 (32, 32, 3, N), N up to {_MOST_IMAGES:,}")


def _check_labels(dtype: np.dtype, shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or 1 not in shape or max(shape) > _MOST_IMAGES:
        raise UsageError(f"y has the shape {shape}; expected (N, 1), one per image, N up to {_MOST_IMAGES:,}")


def why_unreachable() -> str | None:
    """Returns None if the files can be downloaded, otherwise why not; within a few seconds."""
    return network.why_unreachable(f"{URL}train_32x32.mat")


def download(folder: Path) -> None:
    """Downloads both files (246 MB; the TFDS builder would fetch the 1.3 GB `extra` split as well).

    The files appear in the folder together, once both are whole and have the published sha256.

    Args:
        folder: Where to put them; created when missing.

    Raises:
        UsageError: if they cannot be fetched or written; after a few seconds when there is no
            network.
    """
    reason = why_unreachable()
    if reason is None:
        try:
            _fetch_both(folder)
        except OSError as error:
            reason = str(error)
    if reason is not None:
        raise UsageError(
            f"svhn_cropped is not on disk (looked in {folder}, and for TFDS's form) and not "
            f"downloadable: {reason}. {_WAYS_OUT}"
        )


def _fetch_both(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Downloading SVHN (246 MB) from {URL} to {folder}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
        for name, sha256 in SHA256.items():
            network.download(URL + name, Path(temporary, name), sha256=sha256)
        for name in SHA256:
            os.replace(Path(temporary, name), folder / name)
