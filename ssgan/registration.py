"""Tells Keras which classes of ssgan a file may name, whichever of the two is imported first, and imports neither.

A class is registered when its module is imported, which takes TensorFlow. Until then a stand-in is registered that
imports it, so that `keras.models.load_model("gan.keras")` works after `import ssgan`.
"""

import importlib
import sys
from importlib.machinery import PathFinder, SourceFileLoader

HOME = {
    "SSGAN": "gan",
    "Discriminator": "models",
    "Generator": "models",
    "ConstantThenLinear": "schedules",
    "ConvMuon": "muon",
    "WeightNormDense": "layers",
    "WeightNormConv2D": "layers",
    "WeightNormConv2DTranspose": "layers",
    "Dropout": "layers",
    "UniformNoise": "layers",
    "SpectralNormDense": "layers",
    "SpectralNormConv2D": "layers",
    "MinibatchDiscrimination": "layers",
    "CascadingRejection": "layers",
    "ReferenceBatch": "layers",
    "VirtualBatchNormalization": "layers",
    "SelfModulatedBatchNormalization": "layers",
    "BatchNormalization": "layers",
}


def register() -> None:
    """Registers the stand-ins: now where Keras was imported, otherwise as soon as it is."""
    if "keras" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _KerasFinder())


def _register() -> None:
    registered = sys.modules["keras"].saving.get_custom_objects()
    for name in HOME:
        registered.setdefault(f"ssgan>{name}", _StandIn(name))


class _StandIn:
    """What Keras asks for an object instead of the class, whose module, once imported, registers the class itself."""

    def __init__(self, name: str):
        self.name = name

    def from_config(self, config: dict):
        return getattr(importlib.import_module(f"ssgan.{HOME[self.name]}"), self.name).from_config(config)


class _KerasFinder:
    """Finds Keras where Python does, and has the stand-ins registered at the end of its import."""

    def find_spec(self, name: str, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target) if name == "keras" else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _KerasLoader(spec.loader.name, spec.loader.path)
        return spec


class _KerasLoader(SourceFileLoader):
    def exec_module(self, module):
        super().exec_module(module)
        _register()
