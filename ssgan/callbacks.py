"""What happens while a run trains: progress, history, curves, samples, and a guard against NaN.

The callbacks count training steps, not epochs: `fit` sees a run as one epoch of `total_steps` batches, and every
`log_every` steps the metrics are written down and begin anew.
"""

import csv
import io
import math
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ssgan import checkpoint, files, plots
from ssgan.stops import Signals, Stopped


class NonFiniteError(ArithmeticError):
    """A metric, or a variable that was to be saved, became NaN or infinite."""


class NonFiniteGuard(keras.callbacks.Callback):
    """Stops the training at the first metric that is not finite.

    Keras' own `TerminateOnNaN` looks at a metric named `loss` only, which a GAN does not have.

    Raises:
        NonFiniteError: from `fit`, naming the step and the metric.
    """

    def on_train_batch_end(self, batch, logs=None):
        """Looks at every metric of the step."""
        for name, value in logs.items():
            if not math.isfinite(value):
                raise NonFiniteError(f"{name} is {float(value)} at step {int(self.model.steps_done)}")


class Monitor(keras.callbacks.Callback):
    """Every `log_every` steps: one record of the metrics, and the metrics begin anew.

    A record holds the step, the seconds of training, the learning rates of discriminator and generator, the metrics as
    means over the interval and, where there are validation images, the error of the EMA weights on them. It goes to
    `history.csv`, to TensorBoard (`tensorboard/`), to `curves.png` and to the progress bar.

    Args:
        run_dir: folder of the run.
        total_steps: number of the last step.
        log_every: steps between two records; the last step always has one.
        validation: (images, labels) to watch the error on, or None.
        title: of the curves.
        resumed: what `state` returned when the run was saved, to go on there; None at its beginning.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        total_steps: int,
        log_every: int,
        validation: tuple[np.ndarray, np.ndarray] | None,
        title: str,
        resumed: dict[str, Any] | None = None,
    ):
        super().__init__()
        self.run_dir = run_dir
        self.total_steps = total_steps
        self.log_every = log_every
        self.validation = validation
        self.title = title
        resumed = resumed or {"records": [], "seconds": 0.0}
        self.records: list[dict[str, float]] = [
            {name: math.nan if value is None else value for name, value in record.items()}
            for record in resumed["records"]
        ]
        self.seconds_before = resumed["seconds"]
        self.begin = time.monotonic()

    def on_train_begin(self, logs=None):
        """Starts the clock; writes the logs anew, as they were at this step."""
        shutil.rmtree(self.run_dir / "tensorboard", ignore_errors=True)
        self.writer = tf.summary.create_file_writer(str(self.run_dir / "tensorboard"))
        for record in self.records:
            self._write_scalars(record)
        self._write_history()
        self.means = {
            name: [keras.ops.convert_to_numpy(variable) for variable in metric.variables]
            for name, metric in self.model.train_metrics.items()
        }
        self.progress = Progress(self.total_steps, start=int(self.model.steps_done))
        self.begin = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        """Puts the means of the interval so far back: `fit` has just reset them."""
        for name, values in self.means.items():
            for variable, value in zip(self.model.train_metrics[name].variables, values, strict=True):
                variable.assign(value)

    def state(self) -> dict[str, Any]:
        """Returns the records and the seconds of training so far, as JSON can hold them."""
        records = [
            {name: None if math.isnan(value) else value for name, value in record.items()} for record in self.records
        ]
        return {"records": records, "seconds": self.seconds()}

    def seconds(self) -> float:
        """Returns the seconds of training so far, those before the run was resumed included."""
        return round(self.seconds_before + time.monotonic() - self.begin, 3)

    def on_train_batch_end(self, batch, logs=None):
        """Shows the step, and writes a record when one is due."""
        step = int(self.model.steps_done)
        if not _is_due(step, self.log_every, self.total_steps):
            self.progress.show(step, logs)
            return
        self.records.append(self._record(step, logs))
        self._write_history()
        self._write_scalars(self.records[-1])
        plots.learning_curves(self.history(), self.run_dir / "curves.png", title=self.title)
        self.progress.show(step, logs, record=self.records[-1])
        self.model.reset_metrics()

    def on_train_end(self, logs=None):
        """Closes the TensorBoard log."""
        self.writer.close()

    def history(self) -> dict[str, list[float]]:
        """Returns the records as columns."""
        return {name: [record.get(name, math.nan) for record in self.records] for name in self.records[-1]}

    def _record(self, step: int, logs: dict) -> dict[str, float]:
        has_generator = self.model.unsupervised_weight > 0
        record = {
            "step": step,
            "seconds": self.seconds(),
            "learning_rate": float(self.model.d_optimizer.learning_rate),
            "g_learning_rate": float(self.model.g_optimizer.learning_rate) if has_generator else math.nan,
            # A mean of nothing is not 0: the baseline has no generator, an unlabelled batch no accuracy.
            **{
                name: float(logs[name]) if float(metric.count) else math.nan
                for name, metric in self.model.train_metrics.items()
            },
        }
        if self.validation is not None:
            images, labels = self.validation
            predicted = self.model.predict(images, batch_size=250, verbose=0).argmax(axis=-1)
            record["validation_error"] = float(np.mean(predicted != labels))
        return record

    def _write_history(self) -> None:
        table = io.StringIO()
        if self.records:
            # A record of an earlier version may lack what the last one has.
            rows = csv.DictWriter(table, self.records[-1].keys(), restval=math.nan, lineterminator="\n")
            rows.writeheader()
            rows.writerows(self.records)
        files.write(self.run_dir / "history.csv", table.getvalue())

    def _write_scalars(self, record: dict[str, float]) -> None:
        # tf.summary.scalar needs the tensorboard package; to write, this part of TensorFlow is enough.
        metadata = tf.compat.v1.SummaryMetadata()
        metadata.plugin_data.plugin_name = "scalars"
        with self.writer.as_default(step=int(record["step"])):
            for name, value in record.items():
                tf.summary.write(name, tf.constant(value, tf.float32), metadata=metadata)
        self.writer.flush()


class Progress:
    """Keras' progress bar over the whole run on a terminal; one line per record elsewhere.

    Args:
        total_steps: number of the last step.
        start: number of the step after which training goes on; the bar is over the steps that are left.
    """

    # In the order of interest: a narrow terminal shows the first ones.
    LABELS = {
        "validation_error": "val_error",
        "labeled_accuracy": "acc",
        "d_loss": "d_loss",
        "g_loss": "g_loss",
        "real_probability": "D(x)",
        "generated_probability": "D(G(z))",
        "confident": "confident",
    }

    def __init__(self, total_steps: int, *, start: int = 0):
        self.total_steps = total_steps
        self.start = start
        self.last_line = (start, time.monotonic())
        self.validation: dict[str, float] = {}
        labels = list(self.LABELS.values())
        self.bar = None
        if getattr(sys.stdout, "isatty", bool)():  # None, and what a notebook or a logger puts there, may have none
            self.bar = keras.utils.Progbar(total_steps - start, width=10, stateful_metrics=labels)

    def show(self, step: int, logs: dict, *, record: dict[str, float] | None = None) -> None:
        """Shows the metrics of a step; `record` holds more where one was written."""
        if self.bar is not None:
            self.validation = {k: v for k, v in (record or self.validation).items() if k == "validation_error"}
            self.bar.update(step - self.start, self._that_fit({**logs, **self.validation}))
        elif record is not None:
            # By the pace of the last steps: later ones take longer than those of the labels alone.
            (last_step, last_time), self.last_line = self.last_line, (step, time.monotonic())
            left = (self.last_line[1] - last_time) / (step - last_step) * (self.total_steps - step)
            named = {name: value for name, value in record.items() if name not in ("step", "seconds")}
            metrics = "  ".join(f"{name} {value:.4g}" for name, value in named.items() if not math.isnan(value))
            print(f"step {step}/{self.total_steps}  {_duration(left)} left  {metrics}", flush=True)

    def _that_fit(self, values: dict[str, float]) -> list[tuple[str, float]]:
        """Returns the metrics for which the line has room: Keras redraws it, and cannot redraw a wrapped one."""
        room = shutil.get_terminal_size().columns - 2 * len(str(self.total_steps)) - 40
        shown = []
        for name, label in self.LABELS.items():
            room -= len(f" - {label}: 0.0000e-00")
            if name in values and room > 0:
                shown.append((label, float(values[name])))
        return shown


class Samples(keras.callbacks.Callback):
    """Every `log_every` steps: a grid of images generated from the same noise, `samples/step_<step>.png`.

    Args:
        run_dir: folder of the run.
        total_steps: number of the last step.
        log_every: steps between two grids; the last step always has one.
        seed: of the noise.
        caption: below the grid.
    """

    def __init__(self, run_dir: Path, *, total_steps: int, log_every: int, seed: int, caption: str):
        super().__init__()
        self.folder = run_dir / "samples"
        self.total_steps = total_steps
        self.log_every = log_every
        self.seed = seed
        self.caption = caption

    def on_train_batch_end(self, batch, logs=None):
        """Draws the grid when one is due."""
        step = int(self.model.steps_done)
        if not _is_due(step, self.log_every, self.total_steps):
            return
        generator = self.model.generator
        noise = keras.random.uniform((100, generator.latent_dim), seed=self.seed)
        images = np.asarray(generator(noise, training=False))
        pixels = np.clip((images + 1.0) * 127.5, 0, 255).round().astype(np.uint8)
        path = self.folder / f"step_{step:06d}.png"
        plots.sample_grid(pixels, path, caption=f"{self.caption}, step {step}")


class Checkpoints(keras.callbacks.Callback):
    """At the beginning, every `every` steps, at the last step and before a signal ends the run: a checkpoint.

    It comes after the other callbacks, so that it saves what they have done in the step.

    Args:
        folder: of the checkpoints.
        total_steps: number of the last step.
        every: steps between two checkpoints.
        keep: how many of the newest to keep.
        about: returns what else belongs to the checkpoint, see `ssgan.checkpoint.Checkpoint`.
        signals: where a signal was received, the run is saved after the step and stopped.
    """

    def __init__(
        self,
        folder: Path,
        *,
        total_steps: int,
        every: int,
        keep: int,
        about: Callable[[], dict[str, Any]],
        signals: Signals,
    ):
        super().__init__()
        self.folder = folder
        self.total_steps = total_steps
        self.every = every
        self.keep = keep
        self.about = about
        self.signals = signals
        self.saves: list[float] = []
        self.bytes = 0

    def on_train_begin(self, logs=None):
        """Saves the beginning, to which a run can go back, too."""
        if int(self.model.steps_done) == 0:
            self._save(0)

    def on_train_batch_end(self, batch, logs=None):
        """Saves when it is due, or when a signal was received."""
        step = int(self.model.steps_done)
        received = self.signals.received
        if received is not None or _is_due(step, self.every, self.total_steps):
            self._save(step)
        if received is not None:
            raise Stopped(
                f"{received.name} at step {step} of {self.total_steps}, which is saved", status=128 + received
            )

    def on_train_end(self, logs=None):
        """Says what the checkpoints took."""
        if self.saves:
            each = sum(self.saves) / len(self.saves)
            print(f"{len(self.saves)} checkpoints of {self.bytes / 1e6:.1f} MB, {each:.2f} s each", flush=True)

    def _save(self, step: int) -> None:
        begin = time.monotonic()
        arrays = {name: np.asarray(variable) for name, variable in self.model.state().items()}
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise NonFiniteError(f"{name} is not finite at step {step}")
        path = checkpoint.save(self.folder, checkpoint.Checkpoint(step, arrays, self.about()), keep=self.keep)
        self.bytes = sum(file.stat().st_size for file in path.iterdir())
        self.saves.append(time.monotonic() - begin)


def _is_due(step: int, log_every: int, total_steps: int) -> bool:
    return step % log_every == 0 or step == total_steps


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
