"""What several replicas of a model, each with its own rows of a batch, need to compute what one device would.

The value of a loss on a replica is the mean over its own rows; the loss is the mean of these values over the replicas,
and the optimizers of Keras sum the gradients, so that each replica descends `share` of its value. A plain mean over
rows, of which every replica has as many, is right without a change; what is no such mean goes through the functions
here. Row `i` of replica `r` of `R` is row `i R + r` of the batch. On one device each of them returns what it is given.
"""

from typing import Any, cast

import keras
import tensorflow as tf


def count() -> int:
    """Returns the number of replicas, in the function that each of them runs; 1 elsewhere."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def number() -> tf.Tensor:
    """Returns the number of this replica, 0..R - 1, an int32 scalar."""
    return tf.cast(_context().replica_id_in_sync_group, tf.int32)


def share(value: tf.Tensor) -> tf.Tensor:
    """Returns this replica's share of a mean over the replicas, whose sum is the mean."""
    return value if count() == 1 else value / count()


def total(values: Any) -> Any:
    """Returns sums over the replicas, of one tensor or a list, in one exchange; differentiable."""
    return values if count() == 1 else _context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def mean(values: Any) -> Any:
    """Returns means over the replicas, of one tensor or a list, in one exchange; differentiable."""
    return values if count() == 1 else _context().all_reduce(tf.distribute.ReduceOp.MEAN, values)


def common_total(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Returns sums over the replicas, for a loss that every replica computes from them alike.

    The gradient into a replica's own part is that of all replicas together, without a second exchange: where `L` of all
    is the mean of R equal values `f(total)`, each of them has R times the part of it that flows into its own rows.
    """
    replicas = count()
    if replicas == 1:
        return values

    @tf.custom_gradient
    def exchanged(*parts):
        return total(list(parts)), lambda *upstream: [replicas * one for one in upstream]

    return exchanged(*values)


def common_mean(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Returns means over the replicas, likewise: of means over rows, of which every replica has as many."""
    return values if count() == 1 else [value / count() for value in common_total(values)]


def gather(rows: tf.Tensor) -> tf.Tensor:
    """Returns the rows of all replicas, float [R * rows, ...], in the order of the batch; differentiable.

    Args:
        rows: float [rows, ...], as many on each replica.
    """
    if count() == 1:
        return rows
    slots = tf.one_hot(number(), count(), dtype=rows.dtype)
    placed = rows[:, tf.newaxis] * tf.reshape(slots, [1, -1, *[1] * (rows.shape.rank - 1)])
    return tf.reshape(total(placed), [-1, *rows.shape[1:]])


def own_rows(values: tf.Tensor, *, axis: int = 0) -> tf.Tensor:
    """Returns this replica's rows of what is of the whole batch, [..., R * rows, ...] along an axis."""
    if count() == 1:
        return values
    rows = tf.shape(values)[axis] if values.shape[axis] is None else values.shape[axis]
    return tf.gather(values, tf.range(rows // count()) * count() + number(), axis=axis)


class OwnSeeds(keras.random.SeedGenerator):
    """A seed generator whose seeds differ between the replicas, though its state is theirs together.

    On one device they are those of the generator that it is made from, whose state it shares.
    """

    def __init__(self, shared: keras.random.SeedGenerator):
        self.__dict__.update(vars(shared), shared=shared)

    def next(self, ordered: bool = True) -> tf.Tensor:
        """Returns a seed, int [2]; every call another one."""
        seed = super().next(ordered)
        return seed if count() == 1 else tf.random.experimental.stateless_fold_in(seed, number())


def common_seeds(seeds: keras.random.SeedGenerator) -> keras.random.SeedGenerator:
    """Returns the generator whose seeds all replicas have: that which `OwnSeeds` are made from, others as they are."""
    return getattr(seeds, "shared", seeds)


def _context() -> tf.distribute.ReplicaContext:
    return cast(tf.distribute.ReplicaContext, tf.distribute.get_replica_context())
