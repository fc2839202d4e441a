"""Images that lie in memory."""

import dataclasses
import functools
import hashlib
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from ssgan.data.resize import fitted, padded
from ssgan.data.source import Labels
from ssgan.errors import UsageError


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet(Labels):
    """A `ssgan.data.Source` whose images are one array.

    Attributes:
        name: Name of the data set, `svhn_cropped` for example.
        split: Name of the split: `train`, `test`, ...
        source: Where the images were read, in words.
        synthetic: Whether the images were drawn by a program.
        images: uint8 `[n, height, width, channels]` in 0..255, C-contiguous; 1 or 3 channels.
        labels: int32 `[n]` in 0..num_classes - 1, or -1 for an image without a label.
        class_names: One name per class.

    Raises:
        UsageError: from the constructor, for arrays of another kind or labels outside the classes.
    """

    name: str
    split: str
    source: str
    synthetic: bool
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __post_init__(self):
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            self._refuse(f"images are {images.dtype} {list(images.shape)}; expected uint8 [n, h, w, 1 or 3]")
        if not images.flags.c_contiguous:
            self._refuse("images are not C-contiguous; pass them through numpy.ascontiguousarray")
        if labels.dtype != np.int32 or labels.shape != images.shape[:1]:
            self._refuse(f"labels are {labels.dtype} {list(labels.shape)}; expected int32 [{len(images)}]")
        if len(labels) == 0:
            self._refuse("no images; expected at least one")
        if labels.min() < -1 or labels.max() >= self.num_classes:
            self._refuse(
                f"labels lie in {labels.min()}..{labels.max()}; expected 0..{self.num_classes - 1}, or -1 for none"
            )

    def _refuse(self, problem: str) -> NoReturn:
        raise UsageError(f"{self.name} {self.split}, {self.source}: {problem}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height and width, pixels, and channels."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def read(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Returns the images of these rows."""
        return self.images[rows]

    @functools.cached_property
    def digest(self) -> str:
        """sha256, in hexadecimal, of the shape and pixels of the images and of the labels."""
        content = hashlib.sha256(f"{list(self.images.shape)}\n".encode())
        content.update(self.images.data)
        content.update(self.labels.astype("<i4").data)
        return content.hexdigest()

    def first(self, limit: int) -> "ImageSet":
        """Returns the first `limit` images as a set of their own.

        Raises:
            UsageError: if there are fewer.
        """
        if limit > len(self):
            self._refuse(f"{limit} images were asked for; expected at most {len(self)}, all there are")
        return dataclasses.replace(self, images=self.images[:limit].copy(), labels=self.labels[:limit].copy())

    def with_pool(self, pool: "ImageSet") -> "ImageSet":
        """Returns the set with the images of another behind it, as images without a label, whatever the other says."""
        images = np.concatenate([self.images, pool.images])
        labels = np.concatenate([self.labels, np.full(len(pool), -1, np.int32)])
        source = f"{self.source} with its {pool.split} split"
        return dataclasses.replace(self, images=images, labels=labels, source=source)

    def resized(self, size: tuple[int, int]) -> "ImageSet":
        """Returns the set with images of this height and width, pixels; see `fitted` for how."""
        height, width = self.images.shape[1:3]
        if (height, width) == size:
            return self
        if min(size[0] // height, size[1] // width) == 1:
            return dataclasses.replace(self, images=padded(self.images, size))
        import tensorflow as tf  # here, because most images need no resize, and so no TensorFlow

        # On the CPU everywhere: an accelerator may round otherwise, which would change the digest.
        with tf.device("CPU"):
            starts = range(0, len(self), 1024)
            parts = [fitted(self.images[i : i + 1024], size).numpy() for i in starts]
        return dataclasses.replace(self, images=np.concatenate(parts))
