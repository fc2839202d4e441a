"""The images of a step through the discriminator: which views of which rows, as the terms of the losses need them."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import keras
import tensorflow as tf

from ssgan.inputs import Batch
from ssgan.models import Discriminator
from ssgan.terms import NO_ROWS, Generated, Passes, Rows

_Kind = TypeVar("_Kind", bound=Rows)
Views = tuple[tf.Tensor, tf.Tensor]  # weak and strong


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """What the generator drew: images in -1..1, from which noise and, of a conditional generator, for which classes."""

    images: tf.Tensor
    noise: tf.Tensor
    classes: tf.Tensor | None


def discriminate(
    discriminator: Discriminator,
    batch: Batch,
    drawn: Drawn | None,
    *,
    views_of_real: Views,
    views_of_drawn: Views | None,
    gan_views: str,
    needs: Collection[str],
    seeds: keras.random.SeedGenerator,
    step: tf.Tensor,
) -> Passes:
    """Returns what a discriminator makes of the images of a batch, and of generated ones.

    Args:
        discriminator: the network.
        batch: says which real images have which role.
        drawn: generated images, or None.
        views_of_real: weak and strong view of `batch.real()`, float32 in -1..1.
        views_of_drawn: of the generated images, or None.
        gan_views: `weak` or `strong`: the view in which the GAN sees real and generated images.
        needs: roles of the rows that are looked at, see `ssgan.terms.Passes`; others may be missing.
        seeds: of further random numbers.
        step: number of this step, from 0 on.
    """
    weak, strong = batch.unlabeled_rows(views_of_real[0]), views_of_real[1]
    shares_view = gan_views == "strong"  # then the classifier learns from the very rows that the GAN does
    of_strong = {"labeled", "unlabeled", "real"} if shares_view else {"labeled", "unlabeled"}
    is_seen = of_strong & set(needs) or (shares_view and discriminator.has_batch_statistics)  # which are of both
    seen = {"strong": strong} if is_seen else {}
    if "real" in needs and weak is not None and not shares_view:
        seen["real"] = weak
    if views_of_drawn is not None:
        seen["generated"] = views_of_drawn[shares_view]
    rows = _in_training(discriminator, seen)
    unlabeled = _part(batch.unlabeled_rows, rows.get("strong"))
    real = unlabeled if shares_view else rows.get("real", NO_ROWS)
    return Passes(
        labeled=_part(batch.labeled_rows, rows.get("strong")),
        labels=batch.labels,
        unlabeled=unlabeled,
        weak=Rows(weak, *discriminator(weak, training=False)) if "weak" in needs and weak is not None else NO_ROWS,
        real=_among_its_like(discriminator, real),
        generated=_among_its_like(discriminator, _generated(rows.get("generated"), drawn, views_of_drawn)),
        seeds=seeds,
        step=step,
    )


def _in_training(discriminator: Discriminator, images: Mapping[str, tf.Tensor]) -> dict[str, Rows]:
    """Returns what a discriminator makes of images by name, in training.

    A pass for each name, except where batch normalisation asks for one over all: statistics of its own for each would
    differ from the moving averages, which see them all. With noise on the weights it is one, too: the kernels of a step
    are the same for real and for generated images.
    """
    together = discriminator.has_batch_statistics or discriminator.weight_noise > 0
    if not together or len(images) < 2:
        return {name: Rows(some, *discriminator(some, training=True)) for name, some in images.items()}
    sizes = [tf.shape(some)[0] for some in images.values()]
    outputs = discriminator(tf.concat(list(images.values()), axis=0), training=True)
    parts = zip(images.items(), *(tf.split(output, sizes) for output in outputs), strict=True)
    return {name: Rows(some, logits, features) for (name, some), logits, features in parts}


def _part(of_role: Callable[[tf.Tensor], tf.Tensor | None], rows: Rows | None) -> Rows:
    parts = [] if rows is None else [of_role(tensor) for tensor in (rows.images, rows.logits, rows.features)]
    return NO_ROWS if not parts or parts[0] is None else Rows(*parts)


def _generated(rows: Rows | None, drawn: Drawn | None, views: Views | None) -> Generated:
    if rows is None or drawn is None or views is None:
        return NO_ROWS
    return Generated(
        images=rows.images,
        logits=rows.logits,
        features=rows.features,
        drawn=drawn.images,
        strong=views[1],
        noise=drawn.noise,
        classes=drawn.classes,
    )


def _among_its_like(discriminator: Discriminator, rows: _Kind) -> _Kind:
    """Adds the logits of "generated" that follow from how alike the rows are, where a discriminator has them."""
    if rows is None or not discriminator.minibatch_features:
        return rows
    return dataclasses.replace(rows, generated_logits=discriminator.generated_logits(rows.features))
