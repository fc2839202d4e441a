"""The figures of a training or an evaluation: running means by name, begun anew where a model is loaded."""

import threading
from collections.abc import Iterable

import keras
import tensorflow as tf

from ssgan import replicas


class RunningMean(keras.metrics.Mean):
    """`keras.metrics.Mean` whose variables are the same on every replica: to read them needs no exchange.

    Those of Keras are each replica's own, and one worker of several that read them alone would wait for the others.
    """

    def add_variable(self, shape, initializer, dtype=None, aggregation="none", name=None):
        return keras.Variable(initializer, shape=shape, dtype=dtype, trainable=False, name=name)


ASKED = "asked"


class Figures:
    """Running means.

    On several replicas, what they take in during a step is added up over all replicas at its end, in one exchange.
    Keras finds the metrics of a model in its attributes, and saves them; it does not look into this one.

    Args:
        names: of the means.
    """

    def __init__(self, names: Iterable[str]):
        self.metrics = {name: RunningMean(name) for name in names}
        self._step = _Step()

    def begin(self) -> None:
        """Begins a step."""
        self._step.sums, self._step.asked = [], None

    def update(self, name: str, values: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """Takes in values [...], weighted by weights of that shape; a scalar is the mean over the replicas."""
        if replicas.count() == 1:
            self.metrics[name].update_state(values, sample_weight=weights)
            return
        values = tf.cast(values, tf.float32)
        weights = tf.ones_like(values) if weights is None else tf.cast(weights, tf.float32)
        sums = [tf.reduce_sum(values * weights), tf.reduce_sum(weights)]
        self._step.sums.append((name, *(sums if values.shape.rank else map(replicas.share, sums))))

    def ask(self, numbers: tf.Tensor) -> None:
        """Takes numbers of this replica, float32 [n], whose sums over all `means` then has as `asked`."""
        self._step.asked = numbers

    def means(self) -> dict[str, tf.Tensor]:
        """Returns the means, float32 scalars; 0 where there was no value. It ends a step."""
        names, asked, answer = [name for name, *_ in self._step.sums], self._step.asked, {}
        if names:
            own = tf.stack([one for _, *sums in self._step.sums for one in sums])
            summed = replicas.total(own if asked is None else tf.concat([own, asked], 0))
            for number, name in enumerate(names):
                self.metrics[name].total.assign_add(summed[2 * number])
                self.metrics[name].count.assign_add(summed[2 * number + 1])
            if asked is not None:
                answer[ASKED] = summed[2 * len(names) :]
        self.begin()
        return {name: metric.result() for name, metric in self.metrics.items()} | answer


class _Step(threading.local):
    """What a replica took in during a step; the replicas of one process are traced in a thread each."""

    def __init__(self) -> None:
        self.sums: list[tuple] = []
        self.asked: tf.Tensor | None = None
