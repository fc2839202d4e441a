"""The images of a step through the discriminator."""

from collections.abc import Callable

import keras
import tensorflow as tf

from ssgan.inputs import Batch
from ssgan.models import Discriminator
from ssgan.terms import NO_ROWS, Passes, Rows


def discriminate(
    discriminator: Discriminator,
    batch: Batch,
    views: tuple[tf.Tensor, tf.Tensor],
    generated: tf.Tensor | None,
    *,
    needs_weak: bool,
    seeds: keras.random.SeedGenerator,
) -> Passes:
    """Returns what a discriminator makes of real and generated images, in training.

    Two passes, except where batch normalisation asks for one: statistics of its own for either half would differ from
    the moving averages, which see both.

    Args:
        discriminator: the network.
        batch: says which real images have which role.
        views: weak and strong view of `batch.real()`, float32 in -1..1.
        generated: strong view of the generated images, or None.
        needs_weak: whether a third pass, as outside of training, is over the weak views of the unlabelled images.
        seeds: of further random numbers.
    """
    weak, strong = views
    of_generated = NO_ROWS
    if generated is not None and discriminator.has_batch_statistics:
        logits, features = discriminator(tf.concat([strong, generated], axis=0), training=True)
        rows = tf.shape(strong)[0]
        of_real = strong, logits[:rows], features[:rows]
        of_generated = Rows(generated, logits[rows:], features[rows:])
    else:
        of_real = strong, *discriminator(strong, training=True)
        if generated is not None:
            of_generated = Rows(generated, *discriminator(generated, training=True))
    unlabeled, of_weak = _rows(batch.unlabeled_rows, of_real), NO_ROWS
    if needs_weak and unlabeled is not NO_ROWS:
        weak = batch.unlabeled_rows(weak)
        of_weak = Rows(weak, *discriminator(weak, training=False))
    return Passes(
        labeled=_rows(batch.labeled_rows, of_real),
        labels=batch.labels,
        unlabeled=unlabeled,
        weak=of_weak,
        generated=of_generated,
        seeds=seeds,
    )


def _rows(of_role: Callable[[tf.Tensor], tf.Tensor | None], of_real: tuple[tf.Tensor, ...]) -> Rows:
    parts = [of_role(tensor) for tensor in of_real]
    return NO_ROWS if parts[0] is None else Rows(*parts)
