"""The two views of an image that are trained on: the one place where images are changed, real and generated alike."""

from collections.abc import Callable

import tensorflow as tf

from ssgan.augment.color import random_color_and_cutout
from ssgan.augment.drawing import random_drawing
from ssgan.augment.geometry import random_affine, random_flip, random_shift
from ssgan.augment.natural import random_natural


def random_photo(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Changes each image by a mild `random_affine`, then by `random_color_and_cutout`.

    For photographs of things that may be of any colour and a little turned, such as house numbers.

    Args:
        images: float32 [batch, height, width, channels] in -1..1.
        seed: int [2]; the same seed gives the same changes.

    Returns:
        float32 images of the same shape, in -1..1; differentiable.
    """
    seeds = tf.random.experimental.stateless_split(seed, 2)
    moved = random_affine(images, seeds[0], pixels=(2.0, 2.0), slant=0.15, stretch=0.2, degrees=12.0)
    return random_color_and_cutout(moved, seeds[1])


AUGMENT: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None] = {
    "photo": random_photo,
    "natural": random_natural,
    "color": random_color_and_cutout,
    "affine": random_drawing,
    "none": None,
}


def two_views(
    images: tf.Tensor, next_seed: Callable[[], tf.Tensor], *, shift: int, augment: str, flip: str = "no"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the weak view of images, which is flipped and shifted, and the strong one, which is then changed further.

    Args:
        images: float32 [batch, height, width, channels] in -1..1, real or generated: no change shall tell them apart.
        next_seed: returns an int [2] seed, another one in every call.
        shift: largest translation, pixels; 0 for none.
        augment: `photo`, `natural`, `color`, `affine` or `none`; see `AUGMENT`.
        flip: `yes` to flip half of the images left to right, or `no`.

    Returns:
        Two float32 tensors of the shape of `images`; differentiable.
    """
    weak = random_flip(images, next_seed()) if flip == "yes" else images
    weak = random_shift(weak, next_seed(), pixels=shift) if shift else weak
    change = AUGMENT[augment]
    return weak, weak if change is None else change(weak, next_seed())
