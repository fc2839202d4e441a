"""Several devices or machines, by TensorFlow's own strategies: who works together, and what they agree on."""

import contextlib
import hashlib
import json
import os
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ssgan import output, replicas
from ssgan.cluster import TF_CONFIG, Cluster, find
from ssgan.deadline import LONG_LIMIT, end_after
from ssgan.errors import Stopped, UsageError


class Workers:
    """Those who train together: this process alone, on one device or several, or one of several processes.

    Args:
        strategy: under whose scope the model is made.
        cluster: the workers, or None for this process alone.
    """

    def __init__(self, strategy: tf.distribute.Strategy, cluster: Cluster | None):
        self.strategy = strategy
        self.cluster = cluster
        self._how_to_go_on = ""
        self._limit = threading.TIMEOUT_MAX  # seconds that an exchange may take: others may read images for hours
        self._total = tf.function(self._total_of_replicas, reduce_retracing=True)

    @property
    def replicas(self) -> int:
        """The number of replicas of the model, over all workers."""
        return self.strategy.num_replicas_in_sync

    @property
    def count(self) -> int:
        """The number of workers, 1 for this process alone."""
        return len(self.cluster.workers) if self.cluster else 1

    @property
    def are_several(self) -> bool:
        """Whether there are other workers than this process."""
        return self.count > 1

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run."""
        return self.cluster is None or self.cluster.is_chief

    def total(self, values: np.ndarray) -> np.ndarray:
        """Returns the sum of float64 arrays [n], one of each worker, in which every worker has a part.

        Once they have begun alike, a worker that is stuck ends the others after ten minutes.
        """
        clock = end_after(self._limit, f"another worker is stuck; {self._how_to_go_on}")
        try:
            return self._total(tf.constant(values, tf.float64)).numpy()
        finally:
            clock.cancel()

    def _total_of_replicas(self, values: tf.Tensor) -> tf.Tensor:
        here = self.replicas // self.count

        def of_replica():
            is_first = replicas.count() == 1 or replicas.number() % here == 0  # which alone speaks for its worker
            return replicas.total(tf.where(is_first, values, tf.zeros_like(values)))

        return self.strategy.experimental_local_results(self.strategy.run(of_replica))[0]

    def from_chief(self, value: Any) -> Any:
        """Returns the chief's value, which JSON can hold, on every worker; that of the others has no part."""
        if not self.are_several:
            return value
        text = np.frombuffer(json.dumps(value).encode(), np.uint8) if self.is_chief else np.zeros(0)
        length = int(self.total(np.array([len(text)], np.float64))[0])
        sent = np.zeros(length)
        sent[: len(text)] = text
        return json.loads(self.total(sent).astype(np.uint8).tobytes())

    def send_state(self, variables: Mapping[str, keras.Variable]) -> None:
        """Gives every worker the chief's values of the variables."""
        if not self.are_several:
            return
        values = [np.asarray(variable).astype(np.float64) for variable in variables.values()]
        own = np.concatenate([value.ravel() for value in values])
        sent = self.total(own if self.is_chief else np.zeros_like(own))
        if self.is_chief:
            return
        ends = np.cumsum([value.size for value in values])[:-1]
        for variable, part in zip(variables.values(), np.split(sent, ends), strict=True):
            variable.assign(part.reshape(variable.shape).astype(variable.dtype))

    def of_each(self, values: Any) -> np.ndarray:
        """Returns the float64 values [n] of every worker, [workers, n]."""
        placed = np.zeros((self.count, len(values)))
        placed[self.cluster.index if self.cluster else 0] = values
        return self.total(placed.ravel()).reshape(placed.shape)

    def check_alike(self, what: Mapping[str, Any]) -> None:
        """Raises a UsageError, on every worker, unless what JSON holds of all of them is the same, by name."""
        if not self.are_several:
            return
        digests = [hashlib.sha256(json.dumps(one, sort_keys=True).encode()).digest()[:6] for one in what.values()]
        found = self.of_each([int.from_bytes(digest, "big") for digest in digests])
        told = [
            f"worker {worker} has another {', '.join(name for name, differs in zip(what, row, strict=True) if differs)}"
            for worker, row in enumerate(found != found[0])
            if row.any()
        ]
        if told:
            raise UsageError(f"{'; '.join(told)} than worker 0; expected the same on all of them")
        self._limit = LONG_LIMIT

    def check_state(self, arrays: Mapping[str, np.ndarray], step: int, *, tolerance: float) -> None:
        """Raises a `Stopped`, on every worker, if the variables of one are no longer those of the others.

        Each worker updates its own copy, by gradients that they share.

        Args:
            arrays: the state of this worker, by name.
            step: after which it is looked at.
            tolerance: by which the sums of an array of floats may differ, in proportion to that of their sizes; those
                of other arrays have to be equal.
        """
        if not self.are_several:
            return
        sums = [array.sum(dtype=np.float64) for array in arrays.values()]
        sizes = [tolerance * np.abs(array).sum() if array.dtype.kind == "f" else 0.0 for array in arrays.values()]
        found, allowed = np.split(self.of_each([*sums, *sizes]), 2, axis=1)
        alike = np.isclose(found, found[0], rtol=0.0, atol=np.nan_to_num(allowed[0], posinf=0.0), equal_nan=True)
        for worker, number in np.argwhere(~alike)[:1]:
            name = list(arrays)[number]
            raise Stopped(f"worker {worker} has another {name} than worker 0 at step {step}", status=1)

    def batches(self, batches: Callable[..., tf.data.Dataset], *, start: int) -> Any:
        """Returns the batches from step `start` on, each replica's rows of them; endless, where there are several."""
        if self.replicas == 1:
            return batches(start=start)
        return self.strategy.distribute_datasets_from_function(
            lambda context: batches(start=start, steps=None, input_context=context)
        )

    def in_words(self) -> str:
        """Says how many there are."""
        of = f", of {len(self.cluster.workers)} workers" if self.cluster else ", of this machine"
        return f"{self.replicas} replicas{of}"

    def spread(self, function: Callable[[tf.Tensor], Any], *, batch_size: int) -> Callable[[np.ndarray], Any]:
        """Returns a function of images [n, ...] that each replica computes for its rows of every batch of them.

        Args:
            function: of images [rows, ...] to a tensor, or a tuple of them, of as many rows, float.
            batch_size: images that all replicas look at together, of which each has as many.
        """

        @tf.function
        def of_batch(images):
            found = self.strategy.run(
                lambda: tf.nest.map_structure(replicas.gather, function(replicas.own_rows(tf.identity(images))))
            )
            return tf.nest.map_structure(lambda one: self.strategy.experimental_local_results(one)[0], found)

        def of_images(images):
            starts = range(0, len(images), batch_size)
            padded = np.resize(images, (len(starts) * batch_size, *images.shape[1:]))
            found = [of_batch(tf.constant(padded[start : start + batch_size])) for start in starts]
            return tf.nest.map_structure(lambda *parts: np.concatenate(parts)[: len(images)], *found)

        return of_images

    def how_to_go_on(self, run_dir: Path | str) -> str:
        """Returns the command that goes on with a run."""
        on_all = ", on every worker" if self.are_several else ""
        # Where TF_CONFIG does not name the workers, a worker that does not see the run is to know that it is one.
        named = " --distribute=multi_worker" if self.are_several and not os.environ.get(TF_CONFIG) else ""
        return f"go on with{on_all}: python -m ssgan.train --resume --run_dir={shlex.quote(str(run_dir))}{named}"

    def wait(self) -> None:
        """Waits for all workers, of whom each may end then: none has still to send something to another."""
        if self.are_several:
            self.total(np.zeros(1))
            with contextlib.suppress(
                tf.errors.OpError
            ):  # whoever is through this has seen that all others are through the first
                self.total(np.zeros(1))

    @contextlib.contextmanager
    def lost_in_words(self, how_to_go_on: str) -> Iterator[None]:
        """Turns TensorFlow's error into a `Stopped`, with what to do then, where there are several workers.

        When another has ended it may be of any kind, so that it is said together with TensorFlow's own words.
        """
        self._how_to_go_on = how_to_go_on
        try:
            yield
        except tf.errors.OpError as error:
            if not self.are_several:
                raise
            lost = f"another worker ended or cannot be reached, or an operation failed here ({_first_line(error)})"
            raise Stopped(f"{lost}; {how_to_go_on}", status=1) from error


def start(distribute: str) -> Workers:
    """Returns those who work together, as the option and the environment say; to be called before a tensor is made.

    A worker that is not the chief is silent from here on, but for its errors, which bear its number.

    Raises:
        UsageError: for devices or workers that are not there.
        Stopped: if the workers cannot be connected.
    """
    cluster = find(distribute)
    try:
        return Workers(_strategy(distribute, cluster), cluster)
    except tf.errors.OpError as error:
        if cluster is None:
            raise
        own = cluster.workers[cluster.index]
        raise Stopped(
            f"the workers cannot be connected ({_first_line(error)}); expected {own} to be a free port of this host, "
            "and all workers to start within minutes: start them again",
            status=1,
        ) from error


def _first_line(error: tf.errors.OpError) -> str:
    """Returns the kind of an error of TensorFlow, and the first of its many lines."""
    return f"{type(error).__name__}: {str(error.message).strip().partition(chr(10))[0][:200]}"


def _strategy(distribute: str, cluster: Cluster | None) -> tf.distribute.Strategy:
    if cluster is not None:
        return _of_workers(cluster)
    gpus = tf.config.list_physical_devices("GPU")
    if distribute == "none" or (distribute == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    devices = [device.name for device in tf.config.list_logical_devices("GPU" if gpus else "CPU")]
    if len(devices) < 2:
        raise UsageError(
            f"--distribute=mirrored: TensorFlow sees {len(devices)} device ({devices[0]}); expected several GPUs, or "
            "--distribute=none"
        )
    return tf.distribute.MirroredStrategy(devices)


def _of_workers(cluster: Cluster) -> tf.distribute.Strategy:
    """Connects the workers: returns when all of them have come."""
    if cluster.is_chief:
        print(f"workers {', '.join(cluster.workers)}: waiting until all have come", flush=True)
    else:
        output.speak_as(f"worker {cluster.index}: ")
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.workers)}),
        task_type="worker",
        task_id=cluster.index,
        rpc_layer="grpc",
    )
    return tf.distribute.MultiWorkerMirroredStrategy(resolver)
