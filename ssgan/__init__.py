"""Semi-supervised GANs for Keras: a good classifier from a few labels and many images.

The names below are imported on first use, so that ``import ssgan`` (and the ``--help`` of the command
lines) costs no TensorFlow import.
"""

import importlib

_HOME = {
    "SSGAN": "gan",
    "Discriminator": "models",
    "Generator": "models",
    "kplus1_logits": "models",
    "gan_logits": "models",
    "label_mask": "labels",
    "load_classifier": "classifier",
}

__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'ssgan' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"ssgan.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
