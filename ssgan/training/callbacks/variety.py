"""A look at what the generator draws, while it trains."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from ssgan.quality import InARow, RealClasses, collapse_in_words, find_collapse
from ssgan.samples import draw_evenly
from ssgan.training.callbacks.due import is_due

NAMES = ("classes_drawn", "class_variety")
_IMAGES = 300
_NOT_BEFORE = 0.1  # of the training: the classifier is to know the classes first


class Variety(keras.callbacks.Callback):
    """Every `log_every` steps: looks for mode collapse, and says in one line what is seen and what to try.

    It says so at the third look in a row that finds it, and again when it was gone in between. To the logs it adds
    `classes_drawn`, the number of classes that are not missing, and `class_variety`, how far apart two images of a
    class are, over real ones, a mean over the classes; both NaN in the first tenth of the training.

    Args:
        real: what real images of each class are like.
        class_names: of the classes; of a plain GAN one, which stands for all images.
        total_steps: number of the last step.
        log_every: steps between two looks.
        seed: of the noise.
    """

    def __init__(self, real: RealClasses, *, class_names: Sequence[str], total_steps: int, log_every: int, seed: int):
        super().__init__()
        self.real = real
        self.class_names = class_names
        self.total_steps = total_steps
        self.log_every = log_every
        self.seed = seed
        self.is_lasting = InARow()

    def on_train_batch_end(self, batch, logs=None):
        """Looks when it is due."""
        step = self.model.step
        if not is_due(step, self.log_every, self.total_steps):
            return
        logs.update(dict.fromkeys(NAMES, math.nan))
        if step < _NOT_BEFORE * self.total_steps or not self.model.g_optimizer.iterations.numpy():
            return
        images, wanted = draw_evenly(self.model.sampler, _IMAGES, seed=self.seed)
        has_classes = len(self.class_names) > 1
        probabilities = self.model.probabilities(images, batch_size=_IMAGES) if has_classes else np.ones([_IMAGES, 1])
        seen = find_collapse(images, probabilities, self.real, wanted=wanted)
        judged = seen.variety[~np.isnan(seen.variety)]
        logs["classes_drawn"] = len(self.class_names) - len(seen.missing)
        logs["class_variety"] = float(judged.mean()) if len(judged) else math.nan
        if self.is_lasting(seen.found):
            print(f"*** step {step}: {collapse_in_words(seen, self.class_names)} ***", flush=True)
