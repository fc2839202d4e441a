"""What the options of earlier versions meant: some were removed since, some did not exist yet.

Format 1 had no number; format 3 renamed three options; in format 4, labels, validation and image_size may be left
open, and the latter is a text, `64` or `48,64`. Raise `FORMAT_VERSION` when an option changes its name or its
meaning; the old name goes into `RENAMED`, one that is removed into `_REMOVED`, one that is added into `_BEFORE` where a
run without it was not what its default says.
"""

from collections.abc import Mapping
from typing import Any

FORMAT_VERSION = 4

# Old name -> name of today, for command lines, flagfiles and saved options.
RENAMED = {
    "unsupervised_weight": "gan_weight",
    "consistency_weight": "pseudo_label_weight",
    "consistency_threshold": "pseudo_label_threshold",
}

# Each option that was removed, with the value at which it did nothing.
_REMOVED = {
    "rotate": 0.0,
    "zoom": 0.0,
    "train_gain": False,
    "consistency": "pseudo_labels",
    "entropy_weight": 0.0,
    "pull_away_weight": 0.0,
    "manifold_weight": 0.0,
    "warm_up": 0.0,
}
_BEFORE = {
    **{"gan_every": 1, "unlabeled_start": 0.0, "vat_weight": 0.0, "vat_radius": 0.05},
    **{"optimizer": "adam", "conditional": False, "latent": "uniform", "gan_views": "strong"},
    **{"mode_seeking_weight": 0.0, "generator": "dcgan"},
}
_AUGMENT = {True: "color", False: "none"}  # it was a switch at first


def today(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the saved options of any version as those of today, without what was removed."""
    kept = {RENAMED.get(name, name): value for name, value in saved.items() if name not in _REMOVED}
    options = {**_BEFORE, **kept}
    if isinstance(options.get("augment"), bool):
        options["augment"] = _AUGMENT[options["augment"]]
    if type(options.get("image_size")) is int:
        options["image_size"] = str(options["image_size"])
    return options


def lost(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the saved options that were removed and that the run made use of: it cannot go on as it was begun."""
    return {name: saved[name] for name, unused in _REMOVED.items() if saved.get(name, unused) != unused}
