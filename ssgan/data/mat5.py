"""Reads arrays of numbers from MATLAB 5 files, in time and memory that the file's size bounds.

Reference: "MAT-File Format", The MathWorks: a header of 128 bytes, then one element per variable: a tag (type and size,
4 bytes each) and its content. A compressed element holds another one, deflated; a matrix holds elements for its class,
shape, name and numbers. They are read here, and not by `scipy.io.loadmat`, because that takes the memory that a file
declares, and inflates what it holds, before anyone could object.
"""

import math
import os
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ssgan.store import files

Check = Callable[[np.dtype, tuple[int, ...]], None]

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_INT8, _INT32, _UINT32 = 1, 5, 6
_STORED_AS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_OTHER_CLASSES = {1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 16: "function_handle"}
_COMPLEX = 0x0800
_MOST_VARIABLES = 64
_LONGEST_SHAPE = 4 * 32
_LONGEST_NAME = 63
_CHUNK = 2**20


def read(path: Path, wanted: Mapping[str, Check]) -> dict[str, np.ndarray]:
    """Reads the arrays that are wanted; others are skipped.

    Args:
        path: the file.
        wanted: for each name a function of type and shape, which raises where they are not welcome; it is asked before
            memory is taken for the array.

    Returns:
        The arrays that were found, by name.

    Raises:
        ValueError: if the file is damaged or of another kind, or an array is not one of real numbers.
        OSError: if it cannot be read.
    """
    arrays: dict[str, np.ndarray] = {}
    with files.open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        order = _byte_order(file.read(_HEADER))
        for _ in range(_MOST_VARIABLES):
            if file.tell() == size:
                return arrays
            kind, length = _tag(file, order)
            end = file.tell() + length
            if kind not in (_MATRIX, _COMPRESSED) or end > size:
                raise ValueError(f"an element of type {kind} declares {length:,} of the file's {size:,} bytes")
            variable = _Variable(file, order, length) if kind == _MATRIX else _inflated_variable(file, order, length)
            if variable.name in arrays:
                raise ValueError(f"it holds {variable.name} twice")
            if variable.name in wanted:
                arrays[variable.name] = variable.array(wanted[variable.name])
            file.seek(end)
    raise ValueError(f"it holds more than {_MOST_VARIABLES} variables")


def _byte_order(header: bytes) -> str:
    if header.startswith((b"\x89HDF", b"MATLAB 7.3")):
        raise ValueError("it is of MATLAB 7.3 (HDF5); save it with -v7")
    order = {b"IM": "<", b"MI": ">"}.get(header[126:])
    if order is None or np.frombuffer(header[124:126], order + "u2") != 0x0100:
        raise ValueError("it lacks the header")
    return order


class _Inflated:
    """What a compressed element holds, inflated piece by piece as it is asked for."""

    def __init__(self, file: BinaryIO, length: int):
        self._file, self._left = file, length
        self._inflate = zlib.decompressobj()

    def read(self, length: int) -> bytes:
        """Returns at least one and at most so many bytes; none at the end."""
        while not self._inflate.eof:
            waiting = self._inflate.unconsumed_tail
            if not waiting:
                waiting = self._file.read(min(_CHUNK, self._left))
                self._left -= len(waiting)
            piece = self._inflate.decompress(waiting, length)
            if piece or not waiting:
                return piece
        return b""

    def check_end(self) -> None:
        """Raises if anything is left; at its end, zlib verifies the checksum of everything."""
        if self.read(1) or not self._inflate.eof:
            raise ValueError("a compressed element is cut short, or longer than it declares")


def _exactly(source: BinaryIO | _Inflated, length: int) -> bytearray:
    """Reads so many bytes; memory is taken for no more than there are."""
    found = bytearray()
    while len(found) < length:
        piece = source.read(min(length - len(found), _CHUNK))
        if not piece:
            raise ValueError(f"it ends where {length - len(found):,} more bytes were declared")
        found += piece
    return found


def _tag(source: BinaryIO | _Inflated, order: str) -> tuple[int, int]:
    kind, length = np.frombuffer(_exactly(source, 8), order + "u4").tolist()
    return kind, length


class _Variable:
    """A matrix element whose class, shape and name have been read, and whose numbers have not."""

    def __init__(self, source: BinaryIO | _Inflated, order: str, length: int):
        self._source, self._order, self._left = source, order, length
        flags = self._element((_UINT32,), 8)
        self._flags = int(flags[0]) if len(flags) == 2 else 0
        self._class = self._flags & 0xFF
        known = self._class in _CLASSES or self._class in _OTHER_CLASSES
        self.shape = tuple(self._element((_INT32,), _LONGEST_SHAPE).tolist()) if known else ()
        self.name = self._element((_INT8,), _LONGEST_NAME).tobytes().decode("latin-1") if known else ""

    def array(self, check: Check) -> np.ndarray:
        """Returns the array, once `check` has accepted its type and shape."""
        if self._class not in _CLASSES or self._flags & _COMPLEX:
            found = _OTHER_CLASSES.get(self._class, "complex")
            raise ValueError(f"{self.name} is of class {found}; expected real numbers")
        if len(self.shape) < 2 or min(self.shape) < 0:
            raise ValueError(f"{self.name} has the shape {self.shape}")
        dtype, count = np.dtype(_CLASSES[self._class]), math.prod(self.shape)
        check(dtype, self.shape)
        numbers = self._element(_STORED_AS, count * dtype.itemsize)
        if len(numbers) != count:
            raise ValueError(f"{self.name} has the shape {self.shape} and holds {len(numbers):,} numbers")
        if isinstance(self._source, _Inflated):
            self._source.check_end()
        return numbers.astype(dtype, copy=False).reshape(self.shape, order="F")

    def _element(self, kinds: Collection[int], most: int) -> np.ndarray:
        """Reads the next element: one of some types, of at most so many bytes; and what pads it to a multiple of 8."""
        tag = _exactly(self._source, 8)
        kind, length = np.frombuffer(tag, self._order + "u4").tolist()
        small = kind >> 16  # up to 4 bytes lie in the tag itself, their number beside the type
        kind, length = (kind & 0xFFFF, small) if small else (kind, length)
        self._left -= 8 if small else 8 + length
        if kind not in kinds or length > (4 if small else most) or self._left < 0:
            raise ValueError(f"an element of type {kind} declares {length:,} bytes where at most {most:,} are expected")
        content = tag[4 : 4 + length] if small else _exactly(self._source, length)
        padding = 0 if small else min(-length % 8, self._left)
        self._left -= len(_exactly(self._source, padding))
        return np.frombuffer(content, self._order + _STORED_AS[kind])


def _inflated_variable(file: BinaryIO, order: str, length: int) -> _Variable:
    source = _Inflated(file, length)
    kind, length = _tag(source, order)
    if kind != _MATRIX:
        raise ValueError(f"a compressed element holds one of type {kind}; expected {_MATRIX}")
    return _Variable(source, order, length)
