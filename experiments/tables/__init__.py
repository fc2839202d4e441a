"""The tables of the README and of docs/: functions of the results in experiments/results/ or of the options.

What a row is called is written here; every number in it comes from a file.
"""

import functools
from collections.abc import Callable

from experiments.tables import (
    accuracy,
    corrections,
    digits,
    distribute,
    options,
    outliers,
    robustness,
    samples,
    speed,
    techniques,
    tour,
    which_labels,
)
from ssgan.options import Config
from ssgan.options.groups import Group

_GROUPS = [one for one in reversed(Config.__mro__) if issubclass(one, Group) and one not in (Group, Config)]
_SHORT = [
    *("default", "before", "no generator", "supervised", "ceiling today", "article", "250 today"),
    *("mnist", "mnist before", "quick"),
]
TABLES: dict[str, Callable[[], str]] = {
    "results": functools.partial(accuracy.accuracy, _SHORT),
    "all results": functools.partial(accuracy.accuracy, list(accuracy.ROWS)),
    "ten minutes": accuracy.ten_minutes,
    "half the time": accuracy.half_the_time,
    "half an hour": accuracy.half_hour,
    "photographs": accuracy.photographs,
    "terms": accuracy.ablation,
    "generator": accuracy.generator,
    "fewest": accuracy.fewest,
    "views and priors": corrections.errors,
    "ensembles": corrections.ensembles,
    "calibration": corrections.calibration,
    "samples": samples.samples,
    "digits": digits.digits,
    "step": speed.step_times,
    "nets": speed.nets,
    "variants": speed.variants,
    "exports": speed.exports,
    "labelling speed": speed.labelling,
    "faults": robustness.faults,
    "distribute equality": distribute.equality,
    "distribute noise": distribute.noise,
    "distribute faults": distribute.faults,
    "distribute bytes": distribute.exchanged,
    "distribute steps": distribute.steps,
    "distribute model": distribute.model,
    "outliers on drawings": outliers.drawings,
    "outliers on photographs": outliers.photographs,
    "tour": tour.tour,
    "techniques": techniques.techniques,
    "techniques picture": techniques.picture,
    "which labels": which_labels.which_labels,
    "which labels picture": which_labels.picture,
    **{f"options {one.__name__}": functools.partial(options.table, one) for one in _GROUPS},
}
