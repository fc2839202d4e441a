"""How good the images are that a run's generator draws."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ssgan import quality
from ssgan.errors import UsageError
from ssgan.evaluate.classification import Evaluation
from ssgan.evaluate.runs import Member
from ssgan.evaluate.training_images import read_training_images
from ssgan.models import Discriminator
from ssgan.quality.comparison import LEAST_ROWS
from ssgan.samples import draw_evenly

if TYPE_CHECKING:
    from ssgan.data import Source

DEFAULT_SAMPLES = 1000
LEAST_IMAGES = 2 * LEAST_ROWS  # real ones: half of them beside the generated ones, half to hold both against
_TRAINED_ON = 10_000  # images, of the nets that measure
_SCALED_BY = 500  # images, of the net that is not trained
_Examples = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]


def draws_to_measure(member: Member, images: "Source", asked: int | None, *, has_score: bool = False) -> int:
    """Returns how many generated images are to be measured: those asked for, or what is usual for this run.

    Beside a classifier, none is usual where there are too few real images for it.
    """
    if member.sampler is None:
        return 0
    if asked is not None:
        return asked
    is_usual = not member.config.has_labels or (member.config.conditional and len(images) >= LEAST_IMAGES)
    return DEFAULT_SAMPLES if has_score or is_usual else 0


def check_asked(members: Sequence[Member], *, samples: int | None, has_score: bool) -> None:
    """Raises a UsageError where generated images are asked for that there are not, before anything is measured."""
    asked = f"--samples={samples}" if samples else "--accuracy_score"
    if not samples and not has_score:
        return
    if len(members) > 1:
        raise UsageError(f"{asked} looks at the generator of one run; name it alone by --run")
    (member,) = members
    if member.sampler is None:
        raise UsageError(f"{asked}: {member.run_dir} was trained without a generator (--gan_weight=0)")
    if has_score and not member.config.conditional:
        raise UsageError(
            "--accuracy_score needs images of known classes; this generator was not told any: train with --conditional"
        )


def measure_samples(
    member: Member,
    images: "Source",
    *,
    count: int,
    feature_net: str,
    has_score: bool,
    seed: int = 0,
    data_dir: str | None = None,
    cache_dir: str | None = None,
) -> dict[str, Any]:
    """Measures generated images, and as many real ones beside them, see `ssgan.quality.compare`.

    Args:
        member: a run with a generator.
        images: real ones that it was not trained on; half of them is what both are held against.
        count: generated images; fewer where there are not twice as many real ones.
        feature_net: `random`, or `trained` on all labels of the training images, see `ssgan.quality.features`.
        has_score: whether a new classifier is trained on generated images alone and tested on all `images`, and
            another one on real training images, as many or all that there are: `classification_error`
            (arXiv:1905.10887).
        seed: of noise, order and nets.
        data_dir, cache_dir: of the training images, see `read_training_images`.

    Raises:
        UsageError: if there are too few real images, or training images are needed and not found.
    """
    rows = np.random.RandomState(seed).permutation(len(images))
    count = min(count, len(images) // 2)
    if count < LEAST_ROWS:
        raise UsageError(
            f"{images.name} has {len(images):,} {images.split} images; expected at least {LEAST_IMAGES} to measure "
            "generated ones beside them, or --samples=0"
        )
    where = {"data_dir": data_dir, "cache_dir": cache_dir}
    net = quality.trained_net(*_real_examples(member, **where)) if feature_net == "trained" else _random_net(images)
    generated, _ = draw(member, count, seed=seed)
    parts = images.read(rows[:count]), generated, images.read(rows[count : 2 * count])
    has_classes = feature_net == "trained" and member.config.has_labels
    found = quality.compare(
        *(_as_sample(net, part, has_classes=has_classes) for part in parts),
        feature_net=f"{feature_net} {quality.digest(net)[:12]}",
        num_classes=images.num_classes if has_classes else None,
    )
    if has_score:
        for kind, score in _scores(member, images, _real_examples(member, **where), seed=seed).items():
            found[kind] |= {"classification_error": score.error, "class_errors": score.class_errors}
    return found


def draw(member: Member, count: int, *, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32] | None]:
    """Returns images of a run's generator, uint8 [count, height, width, channels], and the classes that it was told."""
    assert member.sampler is not None
    return draw_evenly(member.sampler, count, seed=seed)


def _random_net(images: "Source") -> Discriminator:
    return quality.random_net(images.read(np.arange(min(len(images), _SCALED_BY))))


def _real_examples(member: Member, **where: str | None) -> _Examples:
    """Returns training images and their labels, seen by the run or not."""
    images = read_training_images(member, **where).images
    rows = np.random.RandomState(0).permutation(np.flatnonzero(images.labels >= 0))[:_TRAINED_ON]
    return images.read(rows), images.labels[rows]


def _as_sample(net: Discriminator, images: npt.NDArray[np.uint8], *, has_classes: bool) -> quality.Sample:
    logits, features = quality.outputs_of(net, images)
    return quality.Sample(features, logits.argmax(axis=1) if has_classes else None)


def _scores(member: Member, images: "Source", real: _Examples, *, seed: int) -> dict[str, Evaluation]:
    """Returns how classifiers do that were trained on generated and on real images alone."""
    generated, classes = draw(member, _TRAINED_ON, seed=seed)
    assert classes is not None  # see `check_asked`
    config = member.config
    tested = images.read(np.arange(len(images))), images.labels
    views: dict[str, Any] = {"augment": config.augment, "shift": config.shift, "flip": config.flip}
    examples = {"generated": (generated, classes), "real": real}
    return {
        kind: quality.classification_accuracy_score(
            *pair, *tested, class_names=images.class_names, seed=seed, arch=config.arch, **views
        )
        for kind, pair in examples.items()
    }
