"""Random changes of images, as stateless functions of (images, seed)."""

from ssgan.augment.color import cut_out, random_color_and_cutout
from ssgan.augment.drawing import random_drawing, random_strokes
from ssgan.augment.flips import in_words, resolve_flip
from ssgan.augment.geometry import random_affine, random_flip, random_shift
from ssgan.augment.natural import random_light, random_natural
from ssgan.augment.views import AUGMENT, random_photo, two_views

__all__ = [
    "AUGMENT",
    "cut_out",
    "in_words",
    "random_affine",
    "random_color_and_cutout",
    "random_drawing",
    "random_flip",
    "random_light",
    "random_natural",
    "random_photo",
    "random_shift",
    "random_strokes",
    "resolve_flip",
    "two_views",
]
