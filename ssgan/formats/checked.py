"""A classifier is written in another format, run there, and held against Keras before anybody relies on it."""

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ssgan.errors import UsageError
from ssgan.formats import runtimes

CHECKED_IMAGES = 64
LARGEST_DIFFERENCE = 1e-5  # of a probability; float32 in another order of summation gives some 1e-7


def write(classifier: keras.Model, file: Path | None, name: str, folder: Path) -> dict[str, Any]:
    """Writes a classifier into a folder, in one of `runtimes.FORMATS`, and compares it there with Keras.

    Args:
        classifier: as `ssgan.load_classifier` returns it.
        file: the `.keras` file that it was loaded from; None where it is of no file.
        name: of the format.
        folder: an empty folder.

    Returns:
        The number of images, the largest difference of a probability and what is allowed, for JSON.

    Raises:
        UsageError: if it cannot be converted or run, or the result differs from Keras'.
    """
    path, images = folder / runtimes.FORMATS[name].file, test_images(classifier.input_shape[1:])
    expected = classifier.predict_on_batch(images)
    parts = (slice(1), slice(None))  # one image by itself, and many at once
    try:
        if runtimes.FORMATS[name].keras_name:
            runtimes.write(classifier, name, path)
        elif file is None:
            classifier.save(path)
        else:
            shutil.copyfile(file, path)
        run = runtimes.FORMATS[name].load(path)
        found = [run(images[rows]) for rows in parts]
    except OSError:
        raise
    except Exception as error:  # the converters raise nearly anything, of a layer that they do not know for example
        raise UsageError(
            f"--format={name}: this classifier cannot be converted, or not be run then: {type(error).__name__}: "
            f"{str(error)[:300]}"
        ) from error
    difference = max(_difference(one, expected[rows], name) for one, rows in zip(found, parts, strict=True))
    return {
        "images": len(images),
        "largest_difference": difference,
        "largest_difference_allowed": LARGEST_DIFFERENCE,
    }


def test_images(image_shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Returns images of random pixels and of random squares, up to half the image wide: what is smooth, and what not.

    Args:
        image_shape: (height, width, channels).

    Returns:
        uint8 [64, height, width, channels], always the same.
    """
    height, width, channels = image_shape
    noise = np.random.default_rng(0).integers(0, 256, (CHECKED_IMAGES, height, width, channels), np.uint8)
    sides = [1, 2, 4, 8]
    parts = zip(np.split(noise, len(sides)), sides, strict=True)
    return np.concatenate([np.kron(part, _square(side))[:, :height, :width] for part, side in parts])


def _square(side: int) -> npt.NDArray[np.uint8]:
    return np.ones((1, side, side, 1), np.uint8)


def _difference(found: npt.NDArray, expected: npt.NDArray, name: str) -> float:
    """Returns the largest difference of a probability.

    Raises:
        UsageError: if it is too large, or another class is the most probable.
    """
    difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else np.inf
    others = int((found.argmax(-1) != expected.argmax(-1)).sum()) if found.shape == expected.shape else len(expected)
    if not difference <= LARGEST_DIFFERENCE or others:
        raise UsageError(
            f"--format={name}: probabilities differ from Keras' by up to {difference:.2g}, the class of {others} of "
            f"{len(expected)} images too; expected at most {LARGEST_DIFFERENCE:.0e} and no class: nothing is written; "
            "other versions of the packages may do"
        )
    return difference
