"""What every source of images offers; nothing that takes one asks for more."""

from typing import Protocol

import numpy as np
import numpy.typing as npt


class Source(Protocol):
    """Images with their labels, in the canonical order of their source.

    Label masks name images by row, so the order is part of the source: two with one digest have the same images, with
    the same labels, in the same rows.

    Attributes:
        name: name of the data set, `svhn_cropped` for example.
        split: name of the split: `train`, `test`, ...
        source: where the images are read, in words.
        synthetic: whether the images were drawn by a program.
        labels: int32 `[n]` in 0..num_classes - 1, or -1 for an image without a label.
        class_names: one name per class.
    """

    @property
    def name(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def synthetic(self) -> bool: ...
    @property
    def labels(self) -> npt.NDArray[np.int32]: ...
    @property
    def class_names(self) -> tuple[str, ...]: ...

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height and width, pixels, and channels, 1 or 3."""

    @property
    def num_classes(self) -> int:
        """Number of classes."""

    @property
    def num_unlabelled(self) -> int:
        """Number of images without a label."""

    @property
    def digest(self) -> str:
        """sha256, in hexadecimal, of the shape and pixels of the images and of the labels."""

    def __len__(self) -> int:
        """Returns the number of images."""

    def read(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Returns the images of these rows, uint8 [rows, height, width, channels] in 0..255."""


class Labels:
    """What a source's labels and names of classes say, whatever holds its images."""

    labels: npt.NDArray[np.int32]
    class_names: tuple[str, ...]

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def num_unlabelled(self) -> int:
        """Number of images without a label."""
        return int((self.labels < 0).sum())
