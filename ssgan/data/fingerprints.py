"""What is kept of each image to find it again: a digest, a hash that survives small changes, a thumbnail."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

FLATTEST = 6.0  # levels of 255; what varies less is compared as if it varied so much, so that noise does not count
THUMBNAIL, COARSE = 16, 4
_CHUNK_BYTES = 2**23
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


class Images(Protocol):
    """What is needed of a `ssgan.data.Source`: how many images, and `read`."""

    def __len__(self) -> int: ...
    def read(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Returns the images of these rows, uint8 [rows, height, width, channels]."""


@dataclasses.dataclass(frozen=True, eq=False)
class Fingerprints:
    """What is kept of `n` images.

    Attributes:
        digests: sha256 of the pixels, [n] of 32 bytes.
        hashes: 64-bit difference hashes, uint64 [n].
        thumbnails: uint8 [n, 16 * 16, channels].
        levels: means over the pixels, float32 [n, channels] in 0..255.
        contrasts: standard deviations over pixels and channels, float32 [n], at least `FLATTEST`.
        coarse: thumbnails of 4 x 4 pixels, of mean 0, in those standard deviations, float32 [n, 4 * 4 * channels].
    """

    digests: npt.NDArray[np.void]
    hashes: npt.NDArray[np.uint64]
    thumbnails: npt.NDArray[np.uint8]
    levels: npt.NDArray[np.float32]
    contrasts: npt.NDArray[np.float32]
    coarse: npt.NDArray[np.float32]

    def standardized(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Returns thumbnails of mean 0 and standard deviation 1, float [rows, 16 * 16, channels]."""
        shown = self.thumbnails[rows].astype(np.float32)
        return (shown - self.levels[rows].mean(axis=1)[:, None, None]) / self.contrasts[rows, None, None]


def fingerprints(sets: Sequence[Images | npt.NDArray[np.uint8]]) -> Fingerprints:
    """Reads images, a few MiB at a time, and keeps 1 KB of each.

    Args:
        sets: sources or uint8 [n, height, width, 1 or 3], of one shape; at least one image in all.
    """
    digests, hashes, thumbnails = [], [], []
    for images in sets:
        for part in _chunks(images):
            digests.append(b"".join(hashlib.sha256(image.data).digest() for image in part))
            hashes.append(_difference_hash(part))
            thumbnails.append(np.rint(_shrunk(part.astype(np.float32), THUMBNAIL, THUMBNAIL)).astype(np.uint8))
    shown = np.concatenate(thumbnails)
    shown = shown.reshape(len(shown), THUMBNAIL**2, -1)
    levels = shown.mean(axis=1, dtype=np.float32)
    contrasts = shown.std(axis=(1, 2), dtype=np.float32).clip(FLATTEST)
    coarse = _shrunk(shown.reshape(len(shown), THUMBNAIL, THUMBNAIL, -1), COARSE, COARSE)
    coarse = (coarse.reshape(len(shown), -1) - levels.mean(axis=1)[:, None]) / contrasts[:, None]
    return Fingerprints(
        np.frombuffer(b"".join(digests), "V32"), np.concatenate(hashes), shown, levels, contrasts, coarse
    )


def _chunks(images: Images | npt.NDArray[np.uint8]) -> Iterator[npt.NDArray[np.uint8]]:
    """Gives all images, a few MiB at a time."""
    read = images.__getitem__ if isinstance(images, np.ndarray) else images.read
    at_once = max(1, _CHUNK_BYTES // read(np.arange(1)).nbytes)
    for start in range(0, len(images), at_once):
        yield np.ascontiguousarray(read(np.arange(start, min(start + at_once, len(images)))))


def _difference_hash(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Returns dHash: whether each of 8 x 8 fields is brighter than its left neighbour, as 64 bits."""
    grey = images.astype(np.float32) @ _GREY if images.shape[-1] == 3 else images[..., 0].astype(np.float32)
    fields = _shrunk(grey[..., None], 8, 9)[..., 0]
    bits = fields[:, :, 1:] > fields[:, :, :-1]
    return np.packbits(bits.reshape(len(bits), 64), axis=1).view(np.uint64)[:, 0]


def _shrunk(images: npt.NDArray, height: int, width: int) -> npt.NDArray[np.float32]:
    """Returns the means over fields of equal size, float [n, height, width, channels]."""
    down, across = _field_weights(images.shape[1], height), _field_weights(images.shape[2], width)
    return np.einsum("hi,nijc,wj->nhwc", down, images, across, optimize=True)


def _field_weights(pixels: int, fields: int) -> npt.NDArray[np.float32]:
    """Returns the share that each pixel has in each field, [fields, pixels]."""
    edges, pixel = np.linspace(0, pixels, fields + 1)[:, None], np.arange(pixels)
    shared = np.minimum(edges[1:], pixel + 1) - np.maximum(edges[:-1], pixel)
    return (shared.clip(0) * fields / pixels).astype(np.float32)
