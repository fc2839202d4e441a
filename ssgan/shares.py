"""The rows of a batch that each of several replicas gets: row `i` of replica `r` of `R` is row `i R + r` of all."""

import dataclasses
from typing import Any

import tensorflow as tf

from ssgan.errors import UsageError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Share:
    """The part of every batch that one worker reads: that of each of its replicas, one after the other.

    Attributes:
        first: number of its first replica.
        own: number of its replicas.
        all: number of all replicas.
    """

    first: int = 0
    own: int = 1
    all: int = 1

    @classmethod
    def of(cls, context: tf.distribute.InputContext | None, **sizes: int) -> "Share":
        """Returns the share of a worker; raises a UsageError for sizes of a batch that cannot be cut so."""
        if context is None:
            return cls()
        own = context.num_replicas_in_sync // context.num_input_pipelines
        for name, size in sizes.items():
            check_divides(name, size, context.num_replicas_in_sync)
        return cls(first=context.input_pipeline_id * own, own=own, all=context.num_replicas_in_sync)

    def numbers(self, steps: int | None, start: int) -> tf.data.Dataset:
        """Returns the numbers of the parts to read, from those of step `start` on."""
        if steps is None:
            return tf.data.Dataset.counter(start * self.own)
        return tf.data.Dataset.range(start * self.own, steps * self.own)

    def step_and_part(self, number: int) -> tuple[int, slice]:
        """Returns the step of a part, and its rows of the step's batch."""
        return number // self.own, slice(self.first + number % self.own, None, self.all)

    def rows(self, size: int) -> int:
        """Returns the number of rows of a part, of so many of the batch."""
        return size // self.all

    def parts(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns the parts of this worker's replicas, [own, n, ...], of the rows [all * n, ...] of a batch."""
        by_replica = tf.reshape(rows, [self.rows(rows.shape[0]), self.all, *rows.shape[1:]])
        own = by_replica[:, self.first : self.first + self.own]
        return tf.transpose(own, [1, 0, *range(2, own.shape.rank)])


def number_of(batches: tf.data.Dataset) -> int:
    """Returns the number of batches of a data set; raises a UsageError where it does not know it."""
    found = int(batches.cardinality())
    if found < 0:
        raise UsageError(
            "the number of batches is not known; on several replicas expected a length of the epoch: "
            "fit(..., steps_per_epoch=500)"
        )
    return found


def distributed(batches: Any, strategy: tf.distribute.Strategy) -> Any:
    """Returns batches as the replicas of a strategy read them, endless: each its rows; on one device as they are.

    Every worker makes the whole batch of a data set, and keeps its own rows: it has to be the same batch everywhere.
    That of `ssgan.batches` is; made with an `input_context`, as part of a distributed data set, it is not made whole.

    Args:
        batches: a `tf.data.Dataset` of batches whose sizes are known, or a data set that is distributed already.
        strategy: that of the model.

    Raises:
        UsageError: for other data, and for batches that cannot be cut so.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1 or isinstance(batches, tf.distribute.DistributedDataset):
        return batches
    if not isinstance(batches, tf.data.Dataset):
        raise UsageError(
            f"fit was given a {type(batches).__name__} on {replicas} replicas; expected a tf.data.Dataset of batches, "
            "such as those of ssgan.batches"
        )
    for part in tf.nest.flatten(batches.element_spec):
        if not part.shape.rank or part.shape[0] is None:
            raise UsageError(
                f"a batch holds {part.dtype.name} {part.shape} on {replicas} replicas; expected sizes that are known: "
                "dataset.batch(..., drop_remainder=True)"
            )
        check_divides("a batch of", part.shape[0], replicas)

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        share = Share.of(context)

        def parts(*batch):
            cut = tf.nest.map_structure(share.parts, batch)
            return cut if len(cut) > 1 else cut[0]

        return batches.repeat().map(parts).unbatch().prefetch(2 * share.own)

    return strategy.distribute_datasets_from_function(of_worker)


def cut(batch: Any, strategy: tf.distribute.Strategy) -> Any:
    """Returns a batch of arrays and None with, for each replica, its rows; on one device as it is.

    Raises:
        UsageError: for a batch that cannot be cut so.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return batch
    for part in tf.nest.flatten(batch):
        if part is not None:
            check_divides("a batch of", len(part), replicas)

    def of_replica(context: tf.distribute.experimental.ValueContext) -> Any:
        own = slice(context.replica_id_in_sync_group, None, replicas)
        return tf.nest.map_structure(lambda part: None if part is None else tf.convert_to_tensor(part[own]), batch)

    return strategy.experimental_distribute_values_from_function(of_replica)


def check_divides(name: str, rows: int, replicas: int, *, pairs: bool = False) -> None:
    """Raises a UsageError, with numbers that would do, unless every one of so many replicas gets as many rows.

    Args:
        name: of the option.
        rows: its value.
        replicas: how many there are.
        pairs: whether two rows stay together.
    """
    unit = 2 * replicas if pairs else replicas
    if rows % unit:
        near = sorted({rows - rows % unit, rows + unit - rows % unit} - {0})
        raise UsageError(
            f"{name}={rows} on {replicas} replicas, which are to have as many {'pairs of ' * pairs}rows each; expected "
            f"a multiple of {unit}, such as {' or '.join(map(str, near))}"
        )
