"""Keras' side of the training: one compiled function for each kind of step, input that is looked at, whole files."""

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ssgan import inputs, shares
from ssgan.errors import UsageError
from ssgan.figures import ASKED
from ssgan.store import files


class HostStepped(keras.Model):
    """A model whose kind of step is chosen outside the graph, by a counter that Python keeps.

    A subclass says which kind of step is due (`step_kind`), does it (`train_step_of`), keeps its number in the variable
    `steps_done`, and has an `image_shape`, `train_figures` and `test_figures`.
    """

    _step: int | None = None
    asking: Callable[[], list[float]] | None = None  # of several workers: numbers of this one, before each step
    _predicted: Callable | None = None
    answer: np.ndarray | None = None  # their sums over all of them, after it

    @property
    def step(self) -> int:
        """The number of training steps done; read from the variable once, then counted."""
        if self._step is None:
            self._step = int(keras.ops.convert_to_numpy(self.steps_done))
        return self._step

    def step_kind(self) -> str:
        """Returns the kind of the step that is due."""
        raise NotImplementedError

    def train_step_of(self, kind: str, batch: Any, asked: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """Does one step of a kind; returns the logs."""
        raise NotImplementedError

    def train_step(self, batch):
        """Does the step that is due, eagerly; `fit` runs `train_step_of`, as a compiled function for each kind."""
        if not tf.executing_eagerly():
            raise UsageError("train_step in a graph would always be of one kind; expected train_step_of(kind, batch)")
        logs = self.train_step_of(self.step_kind(), batch)
        self._step = self.step + 1
        return logs

    def make_train_function(self, force=False):
        """Returns the function that `fit` calls: it draws a batch from an iterator and does the step that is due."""
        if self.train_function is not None and not force:
            return self.train_function
        compiled = {}

        def step(batch: Any) -> dict[str, tf.Tensor]:
            kind = self.step_kind()
            if kind not in compiled:
                compiled[kind] = self._compiled(functools.partial(self.train_step_of, kind))
            if self.asking is None:
                logs = compiled[kind](batch)
            else:
                logs = compiled[kind](batch, tf.constant(self.asking()))
                self.answer = logs.pop(ASKED).numpy()
            self._step = self.step + 1
            return logs

        self.train_function = self._stepping(step)
        return self.train_function

    def make_test_function(self, force=False):
        """Returns the function that `evaluate` calls: it draws a batch from an iterator and tests on it."""
        if self.test_function is None or force:
            self.test_function = self._stepping(self._compiled(self.test_step))
        return self.test_function

    def _stepping(self, step: Callable[[Any], dict[str, tf.Tensor]]) -> Callable[[Iterator], dict[str, tf.Tensor]]:
        """Returns the function that does a step, or the `steps_per_execution` that Keras counts as one."""

        def steps(iterator: Iterator) -> dict[str, tf.Tensor]:
            logs: dict[str, tf.Tensor] = {}
            for _ in range(self.steps_per_execution):
                try:
                    batch = next(iterator)
                except StopIteration:
                    if not logs:
                        raise
                    break
                logs = step(batch)
            return logs

        return steps

    def _compiled(self, step: Callable[..., dict[str, tf.Tensor]]) -> Callable[..., dict[str, tf.Tensor]]:
        """Returns a function that does a step on every replica; its logs are those of one, as they are the same."""

        @tf.autograph.experimental.do_not_convert
        def on_replicas(*arguments):
            strategy = self.distribute_strategy
            logs = strategy.run(step, arguments)
            return {name: strategy.experimental_local_results(value)[0] for name, value in logs.items()}

        if self.run_eagerly:
            return on_replicas
        return tf.function(on_replicas, reduce_retracing=True, jit_compile=self.jit_compile)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: `compile` has built all. Under a strategy, Keras would average the rows of a batch for it."""

    @property
    def train_metrics(self) -> dict[str, keras.metrics.Mean]:
        """The figures of the training, by name."""
        return self.train_figures.metrics

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """All metrics, which Keras resets at the beginning of an epoch."""
        return [*self.train_figures.metrics.values(), *self.test_figures.metrics.values()]

    def load_own_variables(self, store):
        """Loads them, and forgets the number of steps that was counted."""
        super().load_own_variables(store)
        self._step = None

    def set_weights(self, weights):
        """Sets them, and forgets the number of steps that was counted."""
        super().set_weights(weights)
        self._step = None

    def __call__(self, images, *args, **kwargs):
        """Looks at the shape of the images before Keras does, which would wrap the words for it in its own."""
        inputs.check_images(images, self.image_shape)
        return super().__call__(images, *args, **kwargs)

    def fit(self, x=None, *args, class_weight=None, **kwargs):
        """Trains as `keras.Model.fit` does, on batches as the class describes them.

        Raises:
            UsageError: for images, labels or masks of other shapes or values, and for endless batches without
                `steps_per_epoch`.
        """
        if class_weight is not None:
            raise UsageError(f"class_weight={class_weight}: SSGAN does not weigh classes; leave it out")
        if isinstance(x, tf.data.Dataset) and kwargs.get("steps_per_epoch") is None:
            if x.cardinality() == tf.data.INFINITE_CARDINALITY:
                raise UsageError(
                    "the batches have no end; expected a length of the epoch: fit(..., steps_per_epoch=500)"
                )
            if self.distribute_strategy.num_replicas_in_sync > 1:  # the end of a data set would be agreed on each step
                kwargs["steps_per_epoch"] = shares.number_of(x)
        x = shares.distributed(x, self.distribute_strategy)
        inputs.warn_of_range(x)
        self._step = None  # the variable may have been set since
        with inputs.in_words():
            return super().fit(x, *args, **kwargs)

    def train_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Does the step that is due, as `keras.Model.train_on_batch`.

        Raises:
            UsageError: as `fit`.
        """
        with inputs.in_words():
            return super().train_on_batch(*shares.cut((x, y, sample_weight), self.distribute_strategy), **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Returns the errors on a batch, as `keras.Model.test_on_batch`.

        Raises:
            UsageError: as `evaluate`.
        """
        with inputs.in_words():
            return super().test_on_batch(*shares.cut((x, y, sample_weight), self.distribute_strategy), **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """Returns the errors as `keras.Model.evaluate` does: `error` of the EMA weights, `raw_error` of the raw ones.

        Raises:
            UsageError: for images or labels of other shapes or values.
        """
        inputs.warn_of_range(x)
        with inputs.in_words():
            return super().evaluate(x, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Returns class probabilities as `keras.Model.predict` does, float32 [n, K].

        Raises:
            UsageError: for images of another shape.
        """
        inputs.warn_of_range(x)
        return super().predict(x, *args, **kwargs)

    def probabilities(self, images: np.ndarray, *, batch_size: int = 250) -> np.ndarray:
        """Returns what `predict` does, as this process alone computes it: one worker of several may ask for it.

        Args:
            images: uint8 [n, height, width, channels], n at least 1.
            batch_size: images that are looked at together.
        """
        if self._predicted is None:
            self._predicted = tf.function(lambda some: self(some, training=False), reduce_retracing=True)
        parts = [images[start : start + batch_size] for start in range(0, len(images), batch_size)]
        return np.concatenate([self._predicted(tf.constant(part)).numpy() for part in parts])

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Saves as `keras.Model.save` does; a `.keras` file is replaced when the new one is whole."""
        local = isinstance(filepath, str | os.PathLike) and "://" not in str(filepath)
        if not (overwrite and local and str(filepath).endswith(".keras")):
            return super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)
        with files.whole(Path(filepath)) as temporary:
            super().save(temporary, zipped=zipped, **kwargs)
