"""Tables as scikit-learn has them: rows of numbers as images in 0..255, and labels some of which are missing."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from ssgan.data.arrays import ImageSet
from ssgan.errors import UsageError

SMALLEST, LARGEST = 16, 128  # pixels a side that the networks take
UNLABELLED = -1
_MISSING = (UNLABELLED, str(UNLABELLED), "")  # NumPy makes "-1" of a -1 beside strings
_SPREAD = 127.5 / 4  # of a standard deviation


class Rows(ImageSet):
    """Rows that are no image, a `ssgan.data.Source` whose `images` are float32 [n, 1, features, 1] in 0..255."""

    dtype = np.float32

    def __post_init__(self):
        """Asks for nothing: not for uint8."""


@dataclasses.dataclass(frozen=True)
class Scaling:
    """How rows of numbers become what the networks are fed with.

    Attributes:
        image_shape: height, width and channels of what a row holds; of one pixel's height or width, it is no image.
        scaler: fitted to the rows of the training; None for images that are in 0..255 already.
    """

    image_shape: tuple[int, int, int]
    scaler: MinMaxScaler | StandardScaler | None

    @property
    def is_image(self) -> bool:
        """Whether neighbouring numbers of a row are neighbouring pixels."""
        return is_image(self.image_shape)

    def images(self, rows: npt.NDArray) -> npt.NDArray:
        """Returns the rows, [n, numbers], as images: uint8 of at least 16 pixels; else float32 [n, 1, numbers, 1]."""
        if self.scaler is not None and not self.is_image:
            scaled = 127.5 + _SPREAD * self.scaler.transform(rows)
            return np.clip(scaled, 0, 255).astype(np.float32)[:, np.newaxis, :, np.newaxis]
        if self.scaler is not None:
            rows = self.scaler.transform(rows.reshape(-1, 1))
        pixels = rows if rows.dtype == np.uint8 else np.clip(np.rint(rows), 0, 255).astype(np.uint8)
        return enlarged(pixels.reshape(-1, *self.image_shape))


def fit_scaling(rows: npt.NDArray, image_shape: tuple[int, int, int]) -> Scaling:
    """Returns how rows become images.

    uint8 images stay as they are. Of others, what lies between the least and the greatest value becomes 0..255; of rows
    that are no image, each column is standardised, and what lies within four standard deviations becomes 0..255.

    Args:
        rows: numbers [n, height * width * channels].
        image_shape: height, width and channels.
    """
    if not is_image(image_shape):
        return Scaling(image_shape, StandardScaler().fit(rows))
    if rows.dtype == np.uint8:
        return Scaling(image_shape, None)
    return Scaling(image_shape, MinMaxScaler((0, 255), clip=True).fit(rows.reshape(-1, 1)))


def is_image(image_shape: Sequence[int]) -> bool:
    """Tells whether what has this shape has a height and a width."""
    return min(image_shape[:2]) > 1


def check_image_shape(image_shape: Sequence[int], num_features: int) -> tuple[int, int, int]:
    """Returns the shape of the images that lie in rows of so many numbers.

    Raises:
        UsageError: if it is no such shape, or the networks take no such images.
    """
    shape = tuple(image_shape)
    if len(shape) != 3 or not all(isinstance(side, int | np.integer) and side > 0 for side in shape):
        raise UsageError(f"image_shape={image_shape!r}: expected (height, width, channels)")
    if np.prod(shape) != num_features:
        raise UsageError(f"image_shape={shape}: expected {num_features} numbers, as many as X has in a row")
    if is_image(shape) and (max(shape[:2]) > LARGEST or shape[2] not in (1, 3)):
        raise UsageError(f"image_shape={shape}: expected at most {LARGEST} pixels a side, and 1 or 3 channels")
    height, width, channels = map(int, shape)
    return height, width, channels


def enlarged(images: npt.NDArray) -> npt.NDArray:
    """Returns images, [n, height, width, channels], of at least 16 pixels a side.

    Smaller ones are enlarged by the greatest whole factor with which they have at most 16, and then padded with zeros.
    """
    sides = images.shape[1:3]
    factor = max(1, SMALLEST // max(sides))
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    missing = [max(0, SMALLEST - side * factor) for side in sides]
    if not any(missing):
        return images
    rows, columns = ((one // 2, one - one // 2) for one in missing)
    return np.pad(images, ((0, 0), rows, columns, (0, 0)))


def known_labels(y: npt.NDArray) -> tuple[npt.NDArray, npt.NDArray[np.bool_]]:
    """Returns the labels that are known, [known], and which those are, bool [n].

    Args:
        y: [n]; numbers, of which -1 and NaN are no label, or strings and objects, of which "", None and "-1" are none,
            either.

    Raises:
        UsageError: if some of the labels are strings, and some are not.
    """
    if y.dtype.kind in "OSUT":
        known = np.array([not _is_missing(label) for label in y], bool)
    else:
        known = (y != UNLABELLED) & ~np.isnan(y)
    labels = y[known]
    if labels.dtype == object:
        if len({isinstance(label, str) for label in labels}) > 1:
            raise UsageError("y holds strings and other labels; expected labels of one kind")
        labels = np.array(labels.tolist())
    return labels, known


def _is_missing(label: object) -> bool:
    same = label == label  # NaN is not, and pandas' NA does not know
    return label is None or not isinstance(same, bool | np.bool_) or not same or label in _MISSING
