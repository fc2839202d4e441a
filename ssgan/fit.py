"""Training from the newest checkpoint to the last step, and back to a checkpoint where a number is not finite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ssgan import callbacks, checkpoint, recipe, run
from ssgan.checkpoint import Checkpoint
from ssgan.config import Config
from ssgan.gan import SSGAN
from ssgan.stops import Signals, Stopped

MAX_ROLLBACKS = 3
_IDENTITY = ("digest", "label_mask_digest")
_VERSIONS = ("python", "tensorflow", "keras", "processor", "gpu")


def fit(
    gan: SSGAN,
    batches: Callable[..., tf.data.Dataset],
    config: Config,
    run_dir: Path,
    *,
    about: dict[str, Any],
    validation: tuple[np.ndarray, np.ndarray] | None,
    title: str,
    steps: int,
) -> dict[str, float]:
    """Trains a model from the newest checkpoint of its run, or from the beginning, to the last step.

    Args:
        gan: the compiled model at the beginning of the run.
        batches: returns the training batches from step `start` on.
        config: the options.
        run_dir: folder of the run.
        about: data, label mask and versions, as in `about.json`.
        validation: (images, labels) to watch the error on, or None.
        title: of the figures.
        steps: number of the last step.

    Returns:
        What the training took, for `summary.json`.

    Raises:
        Stopped: if training ended before its last step: after a signal, a number that is not finite, or an error of the
            disk. The message says how to go on.
    """
    folder = run_dir / run.CHECKPOINTS
    identity = {"options": config.mathematics(), **{name: about[name] for name in _IDENTITY}}
    saved = checkpoint.load_newest(folder, identity=identity)
    rollbacks = saved.about["rollbacks"] if saved else 0

    def what_belongs_to_it() -> dict[str, Any]:
        versions = {name: about[name] for name in _VERSIONS}
        return {**identity, "versions": versions, "rollbacks": rollbacks, "monitor": monitor.state()}

    with Signals() as signals:
        while True:
            if saved is not None:
                recipe.compile_gan(gan, config, steps=steps, rate_factor=0.5**rollbacks)
                gan.restore(saved.arrays)
                _announce(saved, about, steps=steps)
            start = saved.step if saved else 0
            interval = {"total_steps": steps, "log_every": config.log_every}
            resumed = saved.about["monitor"] if saved else None
            monitor = callbacks.Monitor(run_dir, validation=validation, title=title, resumed=resumed, **interval)
            samples = callbacks.Samples(run_dir, seed=config.seed, caption=title, **interval)
            checkpoints = callbacks.Checkpoints(
                folder,
                total_steps=steps,
                every=config.checkpoint_every,
                keep=config.keep_checkpoints,
                about=what_belongs_to_it,
                signals=signals,
            )
            watching: list[keras.callbacks.Callback] = [callbacks.NonFiniteGuard(), monitor]
            if config.unsupervised_weight:
                watching.append(samples)
            try:
                if start < steps:
                    gan.fit(batches(start=start), shuffle=False, verbose=0, callbacks=[*watching, checkpoints])
                return {"train_seconds": monitor.seconds(), "rollbacks": rollbacks}
            except callbacks.NonFiniteError as error:
                saved = checkpoint.load_newest(folder, identity=identity)
                last_good = f"the last good checkpoint is of step {saved.step if saved else None}"
                if config.on_nan == "stop" or rollbacks == MAX_ROLLBACKS or saved is None:
                    advice = "--on_nan=rollback goes back there with half the learning rate, at most 3 times"
                    raise Stopped(f"{error}; {last_good}; {_how_to_go_on(run_dir)}; {advice}", status=1) from error
                rollbacks += 1
                print(f"*** {error}; going back: {last_good}, rollback {rollbacks} of {MAX_ROLLBACKS} ***", flush=True)
            except OSError as error:
                raise Stopped(f"{error}; {_how_to_go_on(run_dir)}", status=1) from error
            except Stopped as stopped:
                raise Stopped(f"{stopped}; {_how_to_go_on(run_dir)}", status=stopped.status) from None


def _how_to_go_on(run_dir: Path) -> str:
    return f"go on with: python -m ssgan.train --resume --run_dir={run_dir}"


def _announce(saved: Checkpoint, about: dict[str, Any], *, steps: int) -> None:
    print(f"resumed from the checkpoint of step {saved.step} of {steps}", flush=True)
    before = saved.about["versions"]
    changed = [f"{name} {before[name]} -> {about[name]}" for name in _VERSIONS if before[name] != about[name]]
    if changed:
        print(f"*** {', '.join(changed)}: the last digits may differ from those of an uninterrupted run ***")
