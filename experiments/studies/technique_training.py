"""One training of the study of techniques, and what became of classifier and generator. In a process of its own."""

import csv
import dataclasses
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.common import timing
from experiments.studies.techniques import LEVELS

if TYPE_CHECKING:
    from ssgan.data import Source
    from ssgan.evaluate.runs import Member

_FEATURE_IMAGES = 500  # train images by which the net of the features is scaled, of every run the same
_FIGURES = ("error", "score_error", "class_variety", "classes_drawn", "quality", "images")


def measure(*, flags: list[str], scored: int, score_steps: int, shown: int) -> dict[str, Any]:
    """Trains as the flags say and measures the moving averages of the last step on held-out train images.

    Args:
        flags: options of `ssgan.train`, --total_steps and --validation among them.
        scored: generated images that a fresh net learns from; the first of them are compared with as many real ones,
            half of those held out.
        score_steps: steps of the fresh net.
        shown: generated images in the report.

    Returns:
        The report: `error` of the classifier, `score_error` of the fresh net (None where no class was asked for),
        `class_variety`, `classes_drawn`, `quality`, `images`, precision, hardware. All figures are None where the
        training met a number that is not finite, which `not_finite` names.
    """
    from ssgan import hardware
    from ssgan.errors import NonFiniteError, Stopped
    from ssgan.options import Config
    from ssgan.options.flags import parse_flags
    from ssgan.train import train
    from ssgan.training.build import total_steps

    config: Config = parse_flags(Config, ["techniques", *flags], usage="")
    steps = total_steps(config, num_unlabeled=0)
    not_finite, figures = None, dict.fromkeys(_FIGURES)
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        config = dataclasses.replace(config, run_dir=str(run_dir), log_every=steps, checkpoint_every=steps)
        try:
            train(config)
            figures = _figures(run_dir, scored=scored, score_steps=score_steps, shown=shown)
        except Stopped as stopped:
            if not isinstance(stopped.__cause__, NonFiniteError):
                raise
            not_finite = str(stopped.__cause__)
    about = {"seed": config.seed, "precision": hardware.precision(config.precision), "hardware": hardware.describe()}
    return {**figures, "not_finite": not_finite, **about}


def _figures(run_dir: Path, *, scored: int, score_steps: int, shown: int) -> dict[str, Any]:
    from ssgan.evaluate.runs import read_members
    from ssgan.evaluate.samples import draw
    from ssgan.training import sources

    (member,) = read_members(str(run_dir), sha256=None)
    images = sources.load_images(member.config, "train")
    _, _, held_out = sources.choose_labels(member.config, images)
    rows = np.random.RandomState(0).permutation(np.flatnonzero(held_out))
    generated, classes = draw(member, scored, seed=1)
    score_error = None
    if classes is not None:
        score_error = _score_error(member, (generated, classes), images, rows, steps=score_steps)
    return {
        **_of_history(run_dir / "history.csv"),
        "score_error": score_error,
        "quality": _quality(images.read(np.arange(min(len(images), _FEATURE_IMAGES))), images.read(rows), generated),
        "images": as_levels(generated[:shown]).tolist(),
    }


def _of_history(path: Path) -> dict[str, float | None]:
    with open(path) as file:
        *_, last = csv.DictReader(file)
    names = {"error": "validation_error", "class_variety": "class_variety", "classes_drawn": "classes_drawn"}
    values = {name: float(last.get(column, math.nan)) for name, column in names.items()}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _score_error(
    member: "Member",
    examples: tuple[np.ndarray, np.ndarray],
    images: "Source",
    rows: np.ndarray,
    *,
    steps: int,
) -> float:
    from ssgan import quality

    config = member.config
    views: dict[str, Any] = {"augment": config.augment, "shift": config.shift, "flip": config.flip}
    tested = images.read(rows), images.labels[rows]
    names = images.class_names
    found = quality.classification_accuracy_score(
        *examples, *tested, class_names=names, steps=steps, arch=config.arch, **views
    )
    return found.error


def _quality(for_features: np.ndarray, real: np.ndarray, generated: np.ndarray) -> dict[str, Any]:
    """Returns the measures of generated and of real images, in the features of a net that was never trained."""
    from ssgan import quality

    net, count = quality.random_net(for_features), min(len(real) // 2, len(generated))
    parts = real[:count], generated[:count], real[count : 2 * count]
    samples = (quality.Sample(quality.features_of(net, part)) for part in parts)
    found = quality.compare(*samples, feature_net=f"random {quality.digest(net)[:12]}")
    return {name: found[name] for name in ("images", "feature_net", "generated", "real")}


def as_levels(images: np.ndarray) -> np.ndarray:
    """Returns pixels 0..255 in as many shades as the picture has, uint8."""
    return (images.astype(np.float64) * (LEVELS - 1) / 255).round().astype(np.uint8)


if __name__ == "__main__":
    timing.main(measure)
