"""Mode collapse, noticed while a generator still trains: from a few hundred of its images, in milliseconds."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from ssgan.output import one_line
from ssgan.quality.checks import Floats, checked_classes, checked_rows
from ssgan.quality.variety import by_class, distance_of_neighbours, distance_of_pairs, ratios

LEAST_SHARE = 0.25  # of what a class is due; with less it is missing
LEAST_VARIETY = 0.5  # of the distance of two real images of a class; below it they are alike
LEAST_GAP = 0.25  # of the distance of a real image to the nearest other; below it the same few are repeated
_CHANCE = 0.001  # of so few images of a class that is drawn as often as it is due
_LEAST_IMAGES = 5  # of a class whose variety is judged
_MOST_NAMES = 5


@dataclasses.dataclass(frozen=True, eq=False)
class RealClasses:
    """What real images of each class are like; NaN for a class of which there are fewer than 5.

    Attributes:
        frequencies: float64 [K], sum 1.
        variety: float64 [K], root mean square distance of two images, by their pixels.
        gap: float64 [K], median distance of an image to the nearest other one.
    """

    frequencies: Floats
    variety: Floats
    gap: Floats


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Collapse:
    """What generated images lack, by class; all empty where nothing is seen.

    Attributes:
        missing: classes with less than a quarter of their share: of the images that were asked for or, where no class
            was asked for, of what their frequency among real images promises.
        alike: classes whose images differ less than half as much as real ones: all show the same.
        repeated: classes whose images are, four times as close as real ones, near another: a few are repeated.
        shares: float64 [K], of each class the images found over those due; NaN where none is due.
        variety: float64 [K], see `within_class_variety`; NaN where it cannot be judged.
        gap: float64 [K], likewise of the distances to the nearest other image.
    """

    missing: tuple[int, ...]
    alike: tuple[int, ...]
    repeated: tuple[int, ...]
    shares: Floats
    variety: Floats
    gap: Floats

    @property
    def found(self) -> bool:
        """Whether anything was seen."""
        return bool(self.missing or self.alike or self.repeated)


class InARow:
    """Says when something has been seen several times in a row, so that one odd look alarms nobody.

    Args:
        needed: how many times.

    Attributes:
        seen: how many times in a row until now.
    """

    def __init__(self, needed: int = 3):
        self.needed = needed
        self.seen = 0

    def __call__(self, found: bool) -> bool:
        """Counts; tells whether it is just now the last of the times needed: once, until it was not seen."""
        self.seen = self.seen + 1 if found else 0
        return self.seen == self.needed


def real_classes(images: npt.NDArray[np.uint8], classes: npt.NDArray[np.integer], *, num_classes: int) -> RealClasses:
    """Returns what real images of each class are like; once, before a training.

    Args:
        images: uint8 [n, height, width, channels]; some hundreds.
        classes: their labels, integer [n] in 0..num_classes - 1; as often as they are to be drawn.
        num_classes: `K`; 1 where there are no classes.
    """
    classes = checked_classes(classes, "classes", num_classes=num_classes, rows=len(images))
    variety, gap = _distances(images, classes, num_classes)
    return RealClasses(np.bincount(classes, minlength=num_classes) / len(classes), variety, gap)


def find_collapse(
    images: npt.NDArray[np.uint8],
    probabilities: npt.NDArray[np.floating],
    real: RealClasses,
    *,
    wanted: npt.NDArray[np.integer] | None = None,
) -> Collapse:
    """Looks for classes that are missing among generated images, and for classes that always look the same.

    It needs a classifier that knows the classes: not in the first tenth of a training. A class is missing only where so
    few images have a chance of less than 1 in 1,000, and its variety is judged from 5 images on.

    Args:
        images: generated ones, uint8 [n, height, width, channels]; 200 to 500.
        probabilities: what the classifier predicts for them, float [n, K].
        real: of real images.
        wanted: the classes that were asked for, integer [n]; None for a generator that is not asked.

    Returns:
        What was seen.

    Raises:
        UsageError: for other shapes or classes.
    """
    num_classes, rows = len(real.frequencies), len(images)
    predicted = checked_rows(probabilities, "probabilities").argmax(axis=1)
    predicted = checked_classes(predicted, "predicted classes", num_classes=num_classes, rows=rows)
    if wanted is None:
        classes, hits, frequencies = predicted, predicted, real.frequencies
    else:
        classes = checked_classes(wanted, "wanted", num_classes=num_classes, rows=rows)
        hits, frequencies = classes[classes == predicted], np.bincount(classes, minlength=num_classes) / rows
    counts = np.bincount(hits, minlength=num_classes)
    shares = ratios(counts.astype(np.float64), rows * frequencies)
    variety, gap = map(ratios, _distances(images, classes, num_classes), (real.variety, real.gap))
    rare = binom.cdf(counts, rows, frequencies) < _CHANCE
    return Collapse(
        missing=_numbers((shares < LEAST_SHARE) & rare),
        alike=_numbers(variety < LEAST_VARIETY),
        repeated=_numbers((gap < LEAST_GAP) & ~(variety < LEAST_VARIETY)),
        shares=shares,
        variety=variety,
        gap=gap,
    )


def collapse_in_words(seen: Collapse, class_names: Sequence[str]) -> str:
    """Returns one line: what is seen and what to try; empty where nothing is.

    Args:
        seen: what `find_collapse` returned.
        class_names: of the K classes.
    """
    if not seen.found:
        return ""
    parts, advice = [], []
    if seen.missing:
        parts.append(f"hardly any {_listed(seen.missing, class_names)}")
        advice.append("--feature_matching_weight")
    if seen.alike:
        parts.append(f"nearly the same picture each time of {_listed(seen.alike, class_names)}")
    if seen.repeated:
        parts.append(f"a few pictures again and again of {_listed(seen.repeated, class_names)}")
    if seen.alike or seen.repeated:
        advice.append("--mode_seeking_weight, --latent=normal")
    advice.append("--minibatch_features or --r1_weight, a lower --generator_learning_rate")
    return f"mode collapse: the generator draws {'; '.join(parts)}. To try: {', '.join(advice)}"


def _distances(images: npt.NDArray[np.uint8], classes: npt.NDArray[np.integer], num_classes: int) -> tuple:
    """Returns distances of pairs and of neighbours, of each class; NaN where there are too few images."""
    rows = np.reshape(images, (len(images), -1)) / 255.0
    measures = distance_of_pairs, distance_of_neighbours
    return tuple(by_class(one, rows, classes, num_classes=num_classes, least=_LEAST_IMAGES) for one in measures)


def _numbers(found: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(found).tolist())


def _listed(numbers: tuple[int, ...], class_names: Sequence[str]) -> str:
    names = [one_line(class_names[number]) for number in numbers[:_MOST_NAMES]]
    more = f" and {len(numbers) - _MOST_NAMES} more" if len(numbers) > _MOST_NAMES else ""
    return ", ".join(names) + more
