"""Semi-supervised GANs for Keras: a good classifier from a few labels and many images.

The names below are imported on first use, so that ``import ssgan`` (and the ``--help`` of the command
lines) costs no TensorFlow import. Keras knows the classes at once, for ``keras.models.load_model``.
"""

import importlib
from typing import TYPE_CHECKING

from ssgan.registration import register as _register

if TYPE_CHECKING:
    from ssgan.classifier import load_classifier as load_classifier
    from ssgan.classifier import to_classifier as to_classifier
    from ssgan.data.labels import label_mask as label_mask
    from ssgan.gan import SSGAN as SSGAN
    from ssgan.models import Discriminator as Discriminator
    from ssgan.models import Generator as Generator
    from ssgan.muon import ConvMuon as ConvMuon
    from ssgan.sklearn import SSGANClassifier as SSGANClassifier
    from ssgan.terms import gan_logits as gan_logits
    from ssgan.terms import kplus1_logits as kplus1_logits

__version__ = "0.6.0"

_HOME = {
    "SSGAN": "gan",
    "Discriminator": "models",
    "Generator": "models",
    "ConvMuon": "muon",
    "kplus1_logits": "terms",
    "gan_logits": "terms",
    "label_mask": "data.labels",
    "load_classifier": "classifier",
    "to_classifier": "classifier",
    "SSGANClassifier": "sklearn",
}

__all__ = sorted(_HOME)

_register()


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'ssgan' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"ssgan.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
