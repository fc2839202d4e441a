"""NumPy archives of arrays, read with a bound and without pickles: a file may be hostile.

Apart from `ssgan.store.files`, which every command imports before it knows whether it needs NumPy.
"""

import io
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ssgan.errors import UsageError
from ssgan.store.files import open_regular

_LARGEST_HEADER = 4096


def read_npz(path: Path, *, max_bytes: int) -> dict[str, np.ndarray]:
    """Reads every array of a NumPy archive; pickles are refused, and so is what would take more memory.

    Args:
        path: the archive, compressed or not.
        max_bytes: bound of all arrays together.

    Raises:
        UsageError: if the file is missing, damaged, larger than it may be, or holds anything but plain arrays.
    """
    try:
        file = open_regular(path)
    except (OSError, ValueError) as error:
        raise _no_archive(path, error) from error
    with file:
        return parse_npz(file, path, max_bytes=max_bytes)


def parse_npz(file: BinaryIO, path: Path, *, max_bytes: int) -> dict[str, np.ndarray]:
    """Reads every array of an open NumPy archive, as `read_npz` does; `path` is its name in errors."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if size > max_bytes + _LARGEST_HEADER * len(members):
                raise ValueError(f"its arrays would take {size:,} bytes; expected at most {max_bytes:,}")
            return {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}
    except (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise _no_archive(path, error) from error


def _no_archive(path: Path, error: Exception) -> UsageError:
    return UsageError(f"{path} is no readable NumPy archive ({type(error).__name__}: {error})")


def _array(content: bytes) -> np.ndarray:
    """Returns the array of a `.npy` file, which is held to the length that its header declares."""
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("an array is not in the .npy format 1.0")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=_LARGEST_HEADER)
    values = memoryview(content)[file.tell() :]  # not a copy of its own
    if dtype.hasobject or dtype.itemsize * int(np.prod(shape, dtype=object)) != len(values):
        raise ValueError(f"an array is declared as {dtype} {shape}, which is not what its {len(values):,} bytes hold")
    return np.frombuffer(values, dtype).reshape(shape, order="F" if fortran_order else "C").copy()
