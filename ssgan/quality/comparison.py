"""Every measure of generated images, each beside what it is for real ones."""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ssgan.errors import UsageError
from ssgan.quality.duplicates import Birthday, birthday
from ssgan.quality.frechet import frechet_distance
from ssgan.quality.kernel import kernel_distance
from ssgan.quality.modes import class_modes
from ssgan.quality.neighbours import one_nearest_neighbour_accuracy, precision_recall_density_coverage
from ssgan.quality.variety import within_class_variety

LEAST_ROWS = 40
_BATCHES = 10  # for the birthday paradox


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """Some images, as they are compared.

    Attributes:
        features: float [n, d], of a fixed net: see `ssgan.quality.random_net` and `trained_net`.
        classes: integer [n], predicted by one classifier for all samples, real and generated; None: there is none.
    """

    features: npt.NDArray[np.floating]
    classes: npt.NDArray[np.integer] | None = None


def compare(
    real: Sample, generated: Sample, reference: Sample, *, feature_net: str, num_classes: int | None = None
) -> dict[str, Any]:
    """Measures generated images, and as many real ones, against other real ones.

    What a figure is where nothing is wrong depends on the features and the number of images; the figure of real images
    says it. Generated images are as good as their figures are close to that.

    Args:
        real: real images, none of them in `reference`, n of at least 40.
        generated: as many generated ones.
        reference: as many real ones, against which both are measured.
        feature_net: name and digest of the net of the features; figures of different nets are not comparable.
        num_classes: `K`, where the samples have classes.

    Returns:
        What `json.dump` takes: `images` (n), `features` (d), `feature_net`; the measures of `generated` and of `real`,
        each a float, an int or, where it has no value, None; `class_variety`, of each class, as in
        `within_class_variety`; and `closest_pairs`, rows of generated images, see `birthday`.

    Raises:
        UsageError: for different numbers of images or features, fewer than 40 images, or classes of a part of them.
    """
    samples = {"real": real, "generated": generated, "reference": reference}
    lengths = {name: len(sample.features) for name, sample in samples.items()}
    if len(set(lengths.values())) > 1 or min(lengths.values()) < LEAST_ROWS:
        found = ", ".join(f"{count} of {name}" for name, count in lengths.items())
        raise UsageError(f"there are {found}; expected as many of each, at least {LEAST_ROWS}")
    with_classes = [name for name, sample in samples.items() if sample.classes is not None]
    if len(with_classes) != (0 if num_classes is None else 3):
        raise UsageError(
            f"num_classes={num_classes}, and classes are known of {', '.join(with_classes) or 'no sample'}; expected "
            "num_classes and the classes of all three, or neither"
        )
    pairs = birthday(reference.features, generated.features, batch=lengths["real"] // _BATCHES)
    of_generated = _measures(reference, generated, pairs, num_classes)
    of_real = _measures(reference, real, birthday(reference.features, real.features, batch=pairs.batch), num_classes)
    return {
        "images": lengths["real"],
        "features": reference.features.shape[1],
        "feature_net": feature_net,
        "generated": of_generated,
        "real": of_real,
        "class_variety": None if num_classes is None else _finite(_variety(reference, generated, num_classes)),
        "closest_pairs": pairs.pairs.tolist(),
    }


def _measures(
    reference: Sample, sample: Sample, pairs: Birthday, num_classes: int | None
) -> dict[str, float | int | None]:
    features = reference.features, sample.features
    kernel = kernel_distance(*features)
    found: dict[str, float | int | None] = {
        "frechet_distance": frechet_distance(*features),
        "kernel_distance": kernel.distance,
        "kernel_distance_error": kernel.error,
        **dataclasses.asdict(precision_recall_density_coverage(*features)),
        "one_nearest_neighbour_accuracy": one_nearest_neighbour_accuracy(*features),
        "duplicated": pairs.duplicated,
        "support": pairs.support,
    }
    if num_classes is not None:
        modes = class_modes(*_classes(reference, sample), num_classes=num_classes)
        known = [value for value in _finite(_variety(reference, sample, num_classes)) if value is not None]
        found["class_divergence"], found["class_divergence_bias"] = modes.divergence, modes.bias
        found["classes_present"] = modes.present
        found["within_class_variety"] = float(np.mean(known)) if known else None
    return found


def _classes(reference: Sample, sample: Sample) -> tuple[Any, Any]:
    return reference.classes, sample.classes


def _variety(reference: Sample, sample: Sample, num_classes: int) -> npt.NDArray[np.float64]:
    of_reference, of_sample = _classes(reference, sample)
    return within_class_variety(reference.features, of_reference, sample.features, of_sample, num_classes=num_classes)


def _finite(values: npt.NDArray[np.float64]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]
