"""Which classes are generated, and how often."""

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr

from ssgan.quality.checks import checked_classes


@dataclasses.dataclass(frozen=True)
class ClassModes:
    """How the classes of generated images are distributed.

    Attributes:
        divergence: Kullback-Leibler divergence of the generated class frequencies from the real ones, nats; 0 is best.
        bias: what is expected of `divergence` where the frequencies are the same: it is of so many images alone.
        present: number of classes that are generated at least once.
    """

    divergence: float
    bias: float
    present: int


def class_modes(real: npt.ArrayLike, generated: npt.ArrayLike, *, num_classes: int) -> ClassModes:
    """Compares the class frequencies of generated images with those of real ones, `KL(generated || real)`.

    Reference: after the second part of the mode score, Che et al. 2017, arXiv:1612.02136. It sees classes that are
    missing, not that all images of a class are the same. Both kinds of images are to be classified by one classifier;
    where that errs much, so does this.

    Args:
        real: class numbers, integer [n] in 0..num_classes - 1.
        generated: class numbers, integer [m].
        num_classes: `K`.

    Returns:
        The divergence, in which a class without any real image counts as one with half an image; its expected value
        where the frequencies are the same, `(K - 1) / 2 (1 / m + 1 / n)`; and the number of classes.

    Raises:
        UsageError: for other numbers or shapes.
    """
    given = {"real": real, "generated": generated}
    counts = [
        np.bincount(checked_classes(classes, name, num_classes=num_classes), minlength=num_classes)
        for name, classes in given.items()
    ]
    expected = np.maximum(counts[0], 0.5)
    divergence = rel_entr(counts[1] / counts[1].sum(), expected / expected.sum()).sum()
    bias = (num_classes - 1) / 2 * sum(1 / count.sum() for count in counts)
    return ClassModes(float(divergence), float(bias), int((counts[1] > 0).sum()))
