"""The history of a run."""

import csv
import io
import math
import shutil
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ssgan import report
from ssgan.report import scalars
from ssgan.store import files
from ssgan.training.callbacks import variety
from ssgan.training.callbacks.due import is_due
from ssgan.training.callbacks.progress import Progress

DRAWN_EVERY = 60.0  # seconds at least between two drawings of the curves, which take some tenths of one


class Monitor(keras.callbacks.Callback):
    """Every `log_every` steps: one record of the metrics, and the metrics begin anew.

    A record holds the step, the seconds of training, the learning rates of discriminator and generator, the metrics as
    means over the interval, what `Variety` saw and, where there are validation images, the error of the EMA weights on
    them. It goes to `history.csv`, to TensorBoard (`tensorboard/`), to the progress bar and, at most once a minute, to
    `curves.png`.

    Args:
        run_dir: folder of the run; None: nothing is written, by a worker that is not the chief.
        total_steps: number of the last step.
        log_every: steps between two records; the last step always has one.
        validation: (images, labels) to watch the error on, or None.
        title: of the curves.
        resumed: what `state` returned when the run was saved, to go on there; None at its beginning.
    """

    def __init__(
        self,
        run_dir: Path | None,
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
        self.drawn = -DRAWN_EVERY

    def on_train_begin(self, logs=None):
        """Starts the clock; writes the logs anew, as they were at this step."""
        if self.run_dir is not None:
            shutil.rmtree(self.run_dir / scalars.FOLDER, ignore_errors=True)
            self.writer = tf.summary.create_file_writer(str(self.run_dir / scalars.FOLDER))
            for record in self.records:
                scalars.write_scalars(self.writer, record, step=int(record["step"]))
            self._write_history(self.run_dir)
        self.means = {
            name: [keras.ops.convert_to_numpy(variable) for variable in metric.variables]
            for name, metric in self.model.train_metrics.items()
        }
        self.progress = Progress(self.total_steps, start=self.model.step)
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
        """Shows the step, and writes a record when one is due; the callbacks behind get the newest error, too."""
        step = self.model.step
        if is_due(step, self.log_every, self.total_steps):
            self.records.append(self._record(step, logs))
            if self.run_dir is not None:
                self._write_history(self.run_dir)
                scalars.write_scalars(self.writer, self.records[-1], step=step)
                self._draw(self.run_dir, is_last=step == self.total_steps)
            self.progress.show(step, logs, record=self.records[-1])
            self.model.reset_metrics()
        else:
            self.progress.show(step, logs)
        if self.validation is not None and self.records:
            logs["validation_error"] = self.records[-1]["validation_error"]

    def on_epoch_end(self, epoch, logs=None):
        """Gives the callbacks behind the last record as the figures of the epoch: the means have just begun anew."""
        last = self.records[-1] if self.records else {}
        logs.update({name: value for name, value in last.items() if not math.isnan(value)})

    def on_train_end(self, logs=None):
        """Closes the TensorBoard log."""
        if self.run_dir is not None:
            self.writer.close()

    def history(self) -> dict[str, list[float]]:
        """Returns the records as columns."""
        return {name: [record.get(name, math.nan) for record in self.records] for name in self.records[-1]}

    def _draw(self, run_dir: Path, *, is_last: bool) -> None:
        if is_last or self.seconds() - self.drawn >= DRAWN_EVERY:
            self.drawn = self.seconds()
            report.learning_curves(self.history(), run_dir / "curves.png", title=self.title)

    def _record(self, step: int, logs: dict) -> dict[str, float]:
        has_generator = bool(self.model.g_terms)
        record = {
            "step": step,
            "seconds": self.seconds(),
            "learning_rate": _number(self.model.d_optimizer.learning_rate),
            "g_learning_rate": _number(self.model.g_optimizer.learning_rate) if has_generator else math.nan,
            # A mean of nothing is not 0: the baseline has no generator, an unlabelled batch no accuracy.
            **{
                name: float(logs[name]) if _number(metric.count) else math.nan
                for name, metric in self.model.train_metrics.items()
            },
        }
        record |= {name: logs[name] for name in variety.NAMES if name in logs}
        if self.validation is not None:
            images, labels = self.validation
            predicted = self.model.probabilities(images).argmax(axis=-1)
            record["validation_error"] = float(np.mean(predicted != labels))
        return record

    def _write_history(self, run_dir: Path) -> None:
        table = io.StringIO()
        if self.records:
            # A record of an earlier version may lack what the last one has.
            rows = csv.DictWriter(table, self.records[-1].keys(), restval=math.nan, lineterminator="\n")
            rows.writeheader()
            rows.writerows(self.records)
        files.write(run_dir / "history.csv", table.getvalue())


def _number(value: keras.Variable | tf.Tensor) -> float:
    return float(keras.ops.convert_to_numpy(value))  # of a variable with a copy on each device, too
