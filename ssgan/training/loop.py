"""Training from the newest checkpoint to the last step, and back to a checkpoint where a number is not finite."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ssgan.errors import NonFiniteError, Stopped, UsageError
from ssgan.gan import SSGAN
from ssgan.options import Config, is_mathematics, versions
from ssgan.quality import RealClasses
from ssgan.store import checkpoint, run
from ssgan.store.checkpoint import Checkpoint
from ssgan.training import build as recipe
from ssgan.training import callbacks
from ssgan.training.signals import Signals
from ssgan.workers import Workers

MAX_ROLLBACKS = 3
_DRIFT = 1e-3  # of workers that compute the same update of a weight, not to the bit
_ROLLBACK = "(--on_nan=rollback: with half the learning rate)"
_IDENTITY = ("digest", "label_mask_digest")
_MACHINE = ("processor", "cores", "gpu", "workers")  # on more threads, TensorFlow cuts sums into other parts
TO_THE_BIT = ("deterministic", "onednn", "replicas")  # those that a deterministic run depends on, and ssgan decides
_VERSIONS = ("ssgan", "python", "tensorflow", "keras", *_MACHINE, *TO_THE_BIT)
_ALONE = {"replicas": 1, "workers": 1}  # as versions were that recorded neither


def fit(
    gan: SSGAN,
    batches: Callable[..., tf.data.Dataset],
    config: Config,
    run_dir: Path,
    *,
    workers: Workers,
    about: dict[str, Any],
    validation: tuple[np.ndarray, np.ndarray] | None,
    drawn_as: tuple[RealClasses, Sequence[str]] | None,
    title: str,
    steps: int,
    further: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, float]:
    """Trains a model from the newest checkpoint of its run, or from the beginning, to the last step.

    Args:
        gan: the compiled model at the beginning of the run.
        batches: returns the training batches from step `start` on.
        config: the options.
        run_dir: folder of the run, on the chief's disk.
        workers: those who train together.
        about: data, label mask and versions, as in `about.json`.
        validation: (images, labels) to watch the error on, or None.
        drawn_as: what generated images are to be like, and the names of the classes; None without a generator.
        title: of the figures.
        steps: number of the last step.
        further: callbacks of the user's, which come after those of a run, but before a checkpoint is saved: it holds
            what they have done in the step. They may stop the training, which is finished then.

    Returns:
        What the training took, for `summary.json`: the steps done among it.

    Raises:
        UsageError: if a checkpoint holds what no run saves.
        Stopped: if training ended before its last step: after a signal, a number that is not finite, or an error of the
            disk. The message says how to go on.
        tf.errors.OpError: if another worker has ended, see `Workers.lost_in_words`.
    """
    identity = {"options": config.mathematics(), **{name: about[name] for name in _IDENTITY}}
    newest = functools.partial(_newest_of_chief, run_dir / run.CHECKPOINTS, identity, workers, steps=steps)
    how_to_go_on = workers.how_to_go_on(run_dir)
    saved = newest()
    rollbacks = saved.about["rollbacks"] if saved else 0
    with contextlib.ExitStack() as entered:
        signals: Signals | callbacks.Agreed = entered.enter_context(Signals())
        agreed: list[keras.callbacks.Callback] = []
        watch: list[keras.callbacks.Callback] = []
        if workers.are_several:
            signals = callbacks.Agreed(signals)
            agreed = [signals]
            watch = [entered.enter_context(callbacks.Watch(how_to_go_on))]
        while True:
            if saved is not None:
                recipe.compile_gan(gan, config, steps=steps, rate_factor=0.5**rollbacks)
                if workers.is_chief:
                    gan.restore(saved.arrays)
                _announce(saved, about, run_dir, steps=steps)
            workers.send_state(gan.state())
            start, resumed = (saved.step, saved.about["monitor"]) if saved else (0, None)
            interval = {"total_steps": steps, "log_every": config.log_every}
            written = run_dir if workers.is_chief else None
            monitor = callbacks.Monitor(written, validation=validation, title=title, resumed=resumed, **interval)
            looks: list[keras.callbacks.Callback] = []
            draws: list[keras.callbacks.Callback] = []
            if drawn_as is not None:
                real, class_names = drawn_as
                looks = [callbacks.Variety(real, class_names=class_names, seed=config.seed, **interval)]
                if workers.is_chief:
                    draws = [callbacks.Samples(run_dir, seed=config.seed, caption=title, **interval)]
            belongs = {**identity, "versions": {name: about[name] for name in _VERSIONS}, "rollbacks": rollbacks}
            watching = [
                callbacks.NonFiniteGuard(),
                *looks,
                monitor,
                *draws,
                *further,
                *agreed,
                callbacks.Checkpoints(
                    run_dir / run.CHECKPOINTS if workers.is_chief else None,
                    total_steps=steps,
                    every=config.checkpoint_every,
                    keep=config.keep_checkpoints,
                    about=functools.partial(_with_monitor, belongs, monitor),
                    signals=signals,
                    check=functools.partial(workers.check_state, tolerance=0.0 if config.deterministic else _DRIFT),
                ),
                *watch,
            ]
            try:
                if start < steps:
                    found = workers.batches(batches, start=start)
                    length = steps - start if workers.replicas > 1 else None  # of those, which have no end
                    gan.fit(found, steps_per_epoch=length, shuffle=False, verbose=0, callbacks=watching)
                return {"steps": gan.step, "train_seconds": monitor.seconds(), "rollbacks": rollbacks}
            except NonFiniteError as error:
                saved = newest()
                last_good = f"the last good checkpoint is of step {saved.step}" if saved else "there is no checkpoint"
                if config.on_nan == "stop" or rollbacks == MAX_ROLLBACKS or saved is None:
                    raise Stopped(f"{error}; {last_good}; {how_to_go_on} {_ROLLBACK}", status=1) from error
                rollbacks += 1
                print(f"*** {error}; going back: {last_good}, rollback {rollbacks} of {MAX_ROLLBACKS} ***", flush=True)
            except OSError as error:
                raise Stopped(f"{error}; {how_to_go_on}", status=1) from error
            except Stopped as stopped:
                raise Stopped(f"{stopped}; {how_to_go_on}", status=stopped.status) from None


def _with_monitor(belongs: dict[str, Any], monitor: callbacks.Monitor) -> dict[str, Any]:
    return {**belongs, "monitor": monitor.state()}


def _newest_of_chief(folder: Path, identity: dict[str, Any], workers: Workers, *, steps: int) -> Checkpoint | None:
    """Returns the newest whole checkpoint, which the chief reads; the others learn all of it but the arrays."""
    saved = _newest(folder, identity, steps=steps) if workers.is_chief else None
    if not workers.are_several:
        return saved
    sent = workers.from_chief({"step": saved.step, "about": saved.about} if saved else None)
    return saved or (sent and Checkpoint(sent["step"], {}, sent["about"]))


def _newest(folder: Path, identity: dict[str, Any], *, steps: int) -> Checkpoint | None:
    """Returns the newest whole checkpoint, after a look at whether it is of this run, and at what a run needs of it."""
    saved = checkpoint.load_newest(folder)
    if saved is None:
        return None
    match saved.about:
        case {
            "options": dict(),
            "rollbacks": int(rollbacks),
            "versions": dict(),
            "monitor": {"records": list(records), "seconds": float()},
        }:
            _check_identity(saved, identity, folder)
            rows = [{type(value) for value in record.values()} for record in records if isinstance(record, dict)]
            plain = len(rows) == len(records) and set().union(*rows) <= {int, float, type(None)}
            if plain and 0 <= rollbacks <= MAX_ROLLBACKS and 0 <= saved.step <= steps:
                return saved
    raise UsageError(f"the checkpoint of step {saved.step} in {folder} was not written by ssgan.train; remove it")


def _check_identity(saved: Checkpoint, identity: dict[str, Any], folder: Path) -> None:
    """Raises if a checkpoint was saved with other options, data or labels: by another run."""
    options = saved.about["options"]
    before = {**identity["options"], **versions.today(options), **versions.lost(options)}
    before = {name: value for name, value in before.items() if is_mathematics(name)}  # in an earlier version
    pairs = {f"--{name}": (value, identity["options"].get(name)) for name, value in before.items()}
    pairs |= {name: (saved.about.get(name), identity[name]) for name in _IDENTITY}
    told = [f"{name}={str(found)[:100]} (the run: {here})" for name, (found, here) in pairs.items() if found != here]
    if told:
        raise UsageError(
            f"the checkpoint of step {saved.step} in {folder} is of another run: {', '.join(told)}; move it away, or "
            "start a new run"
        )


def _announce(saved: Checkpoint, about: dict[str, Any], run_dir: Path, *, steps: int) -> None:
    """Says where a run goes on, and what has changed since.

    Raises:
        UsageError: if it is to be deterministic, and the steps so far were not.
    """
    before = {**_ALONE, **saved.about["versions"]}
    changed = {
        name: f"{name} {before.get(name, 'not recorded')} -> {about[name]}"
        for name in _VERSIONS
        if before.get(name) != about[name]
    }
    if about["deterministic"] and (lost := [changed[name] for name in TO_THE_BIT if name in changed]):
        raise UsageError(
            f"--deterministic: the checkpoint of step {saved.step} in {run_dir} was made otherwise: {', '.join(lost)}; "
            "go on without this promise with --resume --nodeterministic, or start a new run"
        )
    print(f"resumed from the checkpoint of step {saved.step} of {steps}", flush=True)
    if changed:
        differ = "the last digits may differ from those of an uninterrupted run"
        if "replicas" in changed:
            differ = "dropout and noise are drawn by each replica, and differ as with another seed"
        if "ssgan" in changed:
            differ = "the rest is trained as this version does, and more than the last digits may differ"
        print(f"*** {', '.join(changed.values())}: {differ} ***")
