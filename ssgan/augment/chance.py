"""Random numbers for each image of a batch: those of the whole batch, whatever the number of replicas it is cut for."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from ssgan import replicas


def uniform(
    shape: Sequence[Any], seed: tf.Tensor, low: Any = 0.0, high: Any = 1.0, dtype=tf.float32, *, axis: int = 0
) -> tf.Tensor:
    """Returns `tf.random.stateless_uniform` of a shape.

    Args:
        shape: integers and scalars, the images of this replica along `axis`.
        seed: int [2].
        low, high, dtype: bounds of the numbers, the upper one not included, and their dtype.
        axis: of the images.
    """
    return _drawn(lambda whole: tf.random.stateless_uniform(whole, seed, low, high, dtype), shape, axis)


def normal(shape: tf.Tensor, seed: tf.Tensor, *, stddev: float) -> tf.Tensor:
    """Returns `tf.random.stateless_normal` of a shape, whose first axis is of the images, with mean 0."""
    return _drawn(lambda whole: tf.random.stateless_normal(whole, seed, stddev=stddev), tf.unstack(shape), 0)


def of_images(draw: Callable[..., tf.Tensor], shape: Sequence[Any], seeds: keras.random.SeedGenerator) -> tf.Tensor:
    """Returns what a function of `keras.random` draws of a shape, whose first axis is of the images."""
    return _drawn(lambda whole: draw(whole, seed=replicas.common_seeds(seeds)), shape, 0)


def _drawn(draw: Callable[[list[Any]], tf.Tensor], shape: Sequence[Any], axis: int) -> tf.Tensor:
    whole = [*shape[:axis], shape[axis] * replicas.count(), *shape[axis + 1 :]]
    return replicas.own_rows(draw(whole), axis=axis)
