"""What happens while a run trains: progress, history, curves, samples, and a guard against NaN.

The callbacks count training steps, not epochs: `fit` sees a run as one epoch of `total_steps` batches, and every
`log_every` steps the metrics are written down and begin anew.
"""

import csv
import math
import shutil
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ssgan import plots


class NonFiniteLossError(ArithmeticError):
    """A metric became NaN or infinite."""


class NonFiniteGuard(keras.callbacks.Callback):
    """Stops the training at the first metric that is not finite.

    Keras' own `TerminateOnNaN` looks at a metric named `loss` only, which a GAN does not have.

    Raises:
        NonFiniteLossError: from `fit`, naming the step and the metric.
    """

    def on_train_batch_end(self, batch, logs=None):
        """Looks at every metric of the step."""
        for name, value in logs.items():
            if not math.isfinite(value):
                raise NonFiniteLossError(
                    f"{name} is {float(value)} at step {batch + 1}; lower --learning_rate, or look at "
                    "the last rows of history.csv"
                )


class Monitor(keras.callbacks.Callback):
    """Every `log_every` steps: one record of the metrics, and the metrics begin anew.

    A record holds the step, the seconds of training, the learning rate, the metrics as means over the interval and,
    where there are validation images, the error of the EMA weights on them. It goes to `history.csv`, to TensorBoard
    (`tensorboard/`), to `curves.png` and to the progress bar.

    Args:
        run_dir: folder of the run.
        total_steps: number of the last step.
        log_every: steps between two records; the last step always has one.
        validation: (images, labels) to watch the error on, or None.
        title: of the curves.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        total_steps: int,
        log_every: int,
        validation: tuple[np.ndarray, np.ndarray] | None,
        title: str,
    ):
        super().__init__()
        self.run_dir = run_dir
        self.total_steps = total_steps
        self.log_every = log_every
        self.validation = validation
        self.title = title
        self.records: list[dict[str, float]] = []

    def on_train_begin(self, logs=None):
        """Opens the TensorBoard log and starts the clock."""
        self.writer = tf.summary.create_file_writer(str(self.run_dir / "tensorboard"))
        self.progress = Progress(self.total_steps)
        self.begin = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        """Shows the step, and writes a record when one is due."""
        step = batch + 1
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
        return {name: [record[name] for record in self.records] for name in self.records[0]}

    def _record(self, step: int, logs: dict) -> dict[str, float]:
        record = {
            "step": step,
            "seconds": round(time.monotonic() - self.begin, 3),
            "learning_rate": float(self.model.d_optimizer.learning_rate),
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
        with open(self.run_dir / "history.csv", "a", newline="") as file:
            rows = csv.DictWriter(file, self.records[-1].keys())
            if len(self.records) == 1:
                rows.writeheader()
            rows.writerow(self.records[-1])

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

    def __init__(self, total_steps: int):
        self.total_steps = total_steps
        self.begin = time.monotonic()
        self.validation: dict[str, float] = {}
        labels = list(self.LABELS.values())
        self.bar = keras.utils.Progbar(total_steps, width=10, stateful_metrics=labels) if sys.stdout.isatty() else None

    def show(self, step: int, logs: dict, *, record: dict[str, float] | None = None) -> None:
        """Shows the metrics of a step; `record` holds more where one was written."""
        if self.bar is not None:
            self.validation = {k: v for k, v in (record or self.validation).items() if k == "validation_error"}
            self.bar.update(step, self._that_fit({**logs, **self.validation}))
        elif record is not None:
            left = (time.monotonic() - self.begin) / step * (self.total_steps - step)
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
        step = batch + 1
        if not _is_due(step, self.log_every, self.total_steps):
            return
        generator = self.model.generator
        noise = keras.random.uniform((100, generator.latent_dim), seed=self.seed)
        images = np.asarray(generator(noise, training=False))
        pixels = np.clip((images + 1.0) * 127.5, 0, 255).round().astype(np.uint8)
        path = self.folder / f"step_{step:06d}.png"
        plots.sample_grid(pixels, path, caption=f"{self.caption}, step {step}")


def _is_due(step: int, log_every: int, total_steps: int) -> bool:
    return step % log_every == 0 or step == total_steps


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
