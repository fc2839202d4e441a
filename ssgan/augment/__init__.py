"""Random changes of images, as stateless functions of (images, seed)."""

from ssgan.augment.color import random_color_and_cutout
from ssgan.augment.drawing import random_drawing, random_strokes
from ssgan.augment.geometry import random_affine, random_shift
from ssgan.augment.views import AUGMENT, random_photo, two_views

__all__ = [
    "AUGMENT",
    "random_affine",
    "random_color_and_cutout",
    "random_drawing",
    "random_photo",
    "random_shift",
    "random_strokes",
    "two_views",
]
