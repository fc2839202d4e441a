"""Grids of generated images."""

from pathlib import Path

import keras
import numpy as np

from ssgan import report
from ssgan.training.callbacks.due import is_due


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
        step = self.model.step
        if not is_due(step, self.log_every, self.total_steps):
            return
        generator = self.model.generator
        noise = keras.random.uniform((100, generator.latent_dim), seed=self.seed)
        images = np.asarray(generator(noise, training=False))
        pixels = np.clip((images + 1.0) * 127.5, 0, 255).round().astype(np.uint8)
        path = self.folder / f"step_{step:06d}.png"
        report.sample_grid(pixels, path, caption=f"{self.caption}, step {step}")
