"""Images from a trained generator, as they are looked at, saved and measured."""

import keras
import numpy as np
import numpy.typing as npt
import tqdm

from ssgan.models import Generator

_BATCH = 250


def sample(
    generator: Generator,
    noise: npt.ArrayLike,
    classes: npt.NDArray[np.int32] | None = None,
    *,
    has_bar: bool = False,
) -> npt.NDArray[np.uint8]:
    """Returns the images that a generator draws, as outside of training.

    Args:
        generator: customarily `gan.sampler`.
        noise: float32 [n, latent_dim], see `Generator.noise`.
        classes: int [n] in 0..K - 1 for a conditional generator, else None.
        has_bar: whether a progress bar is shown, on a terminal.

    Returns:
        uint8 [n, height, width, channels].
    """
    rows: npt.NDArray[np.float32] = keras.ops.convert_to_numpy(noise)
    pixels = np.empty((len(rows), *generator.image_shape), np.uint8)
    bar = tqdm.tqdm(total=len(rows), unit=" images", disable=None if has_bar else True, leave=False)
    with bar:
        for start in range(0, len(rows), _BATCH):
            part = slice(start, start + _BATCH)
            inputs = rows[part] if classes is None else (rows[part], classes[part])
            pixels[part] = to_pixels(keras.ops.convert_to_numpy(generator(inputs, training=False)))
            bar.update(len(pixels[part]))
    return pixels


def draw_evenly(
    generator: Generator, count: int, *, seed: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32] | None]:
    """Draws images, evenly over the classes.

    Args:
        generator: customarily `gan.sampler`.
        count: images.
        seed: of the noise.

    Returns:
        The images, uint8 [count, height, width, channels], and the classes that a conditional generator was told,
        int32 [count]; None of another.
    """
    classes = even_classes(count, generator.num_classes) if generator.num_classes else None
    return sample(generator, generator.noise(count, seed=seed), classes), classes


def to_pixels(images: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """Returns images in -1..1 as uint8 pixels of the same shape."""
    return np.clip((images + 1.0) * 127.5, 0, 255).round().astype(np.uint8)


def even_classes(count: int, num_classes: int) -> npt.NDArray[np.int32]:
    """Returns `count` classes, int32: 0, 1, ..., K - 1, 0, 1, ...: so the first so many are even, too."""
    return (np.arange(count) % num_classes).astype(np.int32)


def between(ends: npt.NDArray[np.floating], steps: int, *, spherical: bool) -> npt.NDArray[np.float32]:
    """Returns noise on the way between two of them, both ends included.

    Args:
        ends: float [2, latent_dim].
        steps: number of rows, at least 2.
        spherical: along a great circle, as normal noise asks for, which lies on a sphere (arXiv:1609.04468, section
            2.1); otherwise along a line.

    Returns:
        float32 [steps, latent_dim].
    """
    share = np.linspace(0, 1, steps)[:, np.newaxis]
    first, last = np.asarray(ends, np.float64)
    if not spherical:
        return ((1 - share) * first + share * last).astype(np.float32)
    cosine = first @ last / (np.linalg.norm(first) * np.linalg.norm(last))
    angle = np.arccos(np.clip(cosine, -1, 1))
    rows = (np.sin((1 - share) * angle) * first + np.sin(share * angle) * last) / np.sin(angle)
    return rows.astype(np.float32)
