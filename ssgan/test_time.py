"""Test-time augmentation: predictions that are means over views of an image, in plain Keras operations."""

import dataclasses

import keras
import numpy as np
from keras import ops

_SHIFTS = (-1, 0, 1)  # pixels, in either direction
_INVERTING = ("photo", "color")  # what shows half of the images inverted in training


@dataclasses.dataclass(frozen=True, kw_only=True)
class Views:
    """Ways to look at an image: every combination of these, the image as it is among them.

    Attributes:
        shifts: pixels by which it is translated, down and to the right; the edge is repeated into the gap.
        flips: whether it is seen flipped left to right, too.
        inverts: whether it is seen inverted, too: of pixels 0..255, 255 less each.
    """

    shifts: tuple[int, ...] = (0,)
    flips: bool = False
    inverts: bool = False

    def __len__(self) -> int:
        return len(self.shifts) ** 2 * (1 + self.flips) * (1 + self.inverts)

    def of(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Returns images [batch, height, width, channels] as they are seen, [batch, views, height, width, channels]."""
        height, width, channels = images.shape[1:]
        rows = [_translated(height, by) for by in self.shifts]
        columns = [_translated(width, by) for by in self.shifts]
        if self.flips:
            columns += [order[::-1] for order in columns]
        images = ops.take(ops.take(images, rows, axis=1), columns, axis=3)
        images = ops.transpose(images, (0, 1, 3, 2, 4, 5))
        images = ops.reshape(images, (-1, len(rows) * len(columns), height, width, channels))
        if not self.inverts:
            return images
        images = ops.cast(images, "float32")
        return ops.concatenate([images, 255.0 - images], axis=1)


def views_of(*, shift: int, flip: str, augment: str) -> Views:
    """Returns the views that a training has taught to be of the same class.

    Args:
        shift: largest translation of the training's views, pixels; 0: none is translated.
        flip: `yes` where the training flipped half of the images, or `no`.
        augment: the training's strong view, see `ssgan.augment.two_views`.
    """
    return Views(shifts=_SHIFTS if shift else (0,), flips=flip == "yes", inverts=augment in _INVERTING)


def of_each(model: keras.Model, views: Views) -> keras.Model:
    """Returns a model that gives [batch, views, K] where another one, of one view, gives [batch, K]."""
    inputs = keras.Input(model.input_shape[1:], name="images")
    images = inputs if views == Views() else ops.reshape(views.of(inputs), (-1, *inputs.shape[1:]))
    outputs = model(images)
    return keras.Model(inputs, ops.reshape(outputs, (-1, len(views), outputs.shape[-1])))


def averaged(classifier: keras.Model, views: Views) -> keras.Model:
    """Returns a classifier that gives the mean of another one's probabilities over views of the image.

    It takes as many times as long. Its file holds the weights once, and Keras alone can load it.

    Args:
        classifier: see `ssgan.load_classifier`.
        views: see `views_of`.
    """
    each = of_each(classifier, views)
    return keras.Model(each.input, ops.mean(each.output, axis=1), name="classifier")


def _translated(size: int, by: int) -> list[int]:
    """Returns which row or column each one comes from."""
    return np.clip(np.arange(size) - by, 0, size - 1).tolist()
