"""Grids of generated images."""

from pathlib import Path

import keras
import numpy as np

from ssgan import report
from ssgan.samples import even_classes, sample
from ssgan.training.callbacks.due import is_due

_IMAGES = 100


class Samples(keras.callbacks.Callback):
    """Every `log_every` steps: a grid of images generated from the same noise, `samples/step_<step>.png`.

    Of a conditional generator, the classes one after the other: of ten, a row for each.

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
        step = self.model.step
        if not is_due(step, self.log_every, self.total_steps):
            return
        generator = self.model.sampler
        noise = generator.noise(_IMAGES, seed=self.seed)
        classes = np.sort(even_classes(_IMAGES, generator.num_classes)) if generator.num_classes else None
        path = self.folder / f"step_{step:06d}.png"
        report.sample_grid(sample(generator, noise, classes), path, caption=f"{self.caption}, step {step}")
