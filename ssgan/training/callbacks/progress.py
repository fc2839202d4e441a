"""How far a run is."""

import math
import shutil
import sys
import time

import keras


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


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
