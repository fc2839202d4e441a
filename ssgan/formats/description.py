"""What has to be known to use an export, as JSON beside it."""

from importlib import metadata
from typing import Any

import ssgan
from ssgan.formats import runtimes
from ssgan.formats.origin import Origin

FILE = "classifier.json"


def describe(origin: Origin, name: str, check: dict[str, Any]) -> dict[str, Any]:
    """Returns what a program needs to prepare images for an export, and to read its answer.

    Args:
        origin: the run.
        name: of the format.
        check: what `checked.write` found.
    """
    shape = origin.preparation.image_shape
    return {
        "format": name,
        "file": runtimes.FORMATS[name].file,
        "classes": origin.classes,
        "preparation": origin.preparation.as_dict(),
        "input": {
            "name": runtimes.INPUT,
            "shape": [None, *shape],
            "layout": "batch, height, width, channels",
            "channels": "RGB" if shape[-1] == 3 else "grey",
            "dtype": "uint8",
            "range": [0, 255],
        },
        "output": {
            "name": runtimes.OUTPUT,
            "shape": [None, len(origin.classes)],
            "dtype": "float32",
            "range": [0, 1],
        },
        "views": origin.num_views,
        "figures": origin.figures,
        "classifier_sha256": origin.sha256,
        "check": check,
        "versions": {
            "ssgan": ssgan.__version__,
            **{package: metadata.version(package) for package in ("tensorflow", "keras")},
        },
    }
