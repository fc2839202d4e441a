"""Figures of generated images as text."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ssgan.report.text import aligned

Figures = Mapping[str, float | int | None]


def format_quality(found: Mapping[str, Any]) -> str:
    """The measures as a table: of generated images, and of as many real ones; for each what is better.

    Args:
        found: as `ssgan.quality.compare` returns it; a figure that it lacks is left out. `generated` and `real` may
            hold `classification_error` as well, 0..1: of a classifier that was trained on such images alone.

    Returns:
        Lines of text without a trailing newline.
    """
    return "\n".join([f"generated images: {compared(found)}", "", *aligned(quality_rows(found))])


def compared(found: Mapping[str, Any]) -> str:
    """Returns how many images were compared, and in which features."""
    return f"{found['images']:,} of each kind, {found['features']} features of the net {found['feature_net']}"


def quality_rows(found: Mapping[str, Any]) -> list[list[str]]:
    """Returns the table of `format_quality`: its head, and for each measure its name, two figures, what is better."""
    return [["", "generated", "real", "better"], *_rows(found["generated"], found["real"])]


def _rows(generated: Figures, real: Figures) -> Iterator[list[str]]:
    for name, (title, shown, better) in _MEASURES.items():
        if name in generated:
            yield [title, shown(name, generated), shown(name, real), better]


def _shown(form: str, *, factor: float = 1.0) -> Callable[[str, Figures], str]:
    """Returns a function that shows a figure in this form, times a factor, or `-` where it has no value."""

    def show(name: str, figures: Figures) -> str:
        value = figures.get(name)
        return "-" if value is None else form.format(factor * value)

    return show


def _with_error(name: str, figures: Figures) -> str:
    """Returns a figure with its standard error, of which two digits are shown."""
    value, error = figures.get(name), figures.get(f"{name}_error")
    if value is None or not error:
        return _number(name, figures)
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


_number, _ratio, _count = _shown("{:.4g}"), _shown("{:.2f}"), _shown("{:,.0f}")
_share = _shown("{:.1f} %", factor=100)
_MEASURES: dict[str, tuple[str, Callable[[str, Figures], str], str]] = {
    "frechet_distance": ("Fréchet distance", _number, "lower"),
    "kernel_distance": ("kernel distance", _with_error, "lower"),
    "precision": ("precision: as good as real", _share, "as real"),
    "recall": ("recall: all that is real", _share, "as real"),
    "density": ("density", _ratio, "as real"),
    "coverage": ("coverage", _share, "as real"),
    "one_nearest_neighbour_accuracy": ("told from real (nearest neighbour)", _share, "50 %"),
    "duplicated": ("batches with duplicates", _share, "as real"),
    "support": ("different images, estimated", _count, "higher"),
    "classes_present": ("classes drawn", _count, "as real"),
    "class_divergence": ("class frequencies, divergence (nats)", _shown("{:.4f}"), "lower"),
    "within_class_variety": ("variety within a class", _ratio, "as real"),
    "classification_error": ("error of a classifier trained on them", _share, "lower"),
}
