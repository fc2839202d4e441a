"""The state of a training: every variable that its next step depends on, by names that are the same in every process.

A name is `<owner>/<layer>/<variable>`, such as `discriminator/weight_norm_conv2d_2/direction`, and of an optimizer
`d_optimizer/weight_norm_conv2d_2/direction/momentum`. Layers of one kind are numbered within their network: the numbers
that Keras gives them go on counting in a process that makes a second model. The first version numbered all variables
of an owner, `discriminator/003`; such a state is read by their order.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import keras
import numpy as np

from ssgan.errors import UsageError

if TYPE_CHECKING:
    from ssgan.gan import SSGAN

Named = dict[str, keras.Variable]

_METRIC = "metric_"
_NETWORKS = ("discriminator", "ema_discriminator", "generator", "ema_generator")


def variables(gan: "SSGAN") -> Named:
    """Returns every variable that the next training step depends on, and the metrics so far.

    Weights, batch statistics, moving average, seeds of dropout and noise, both optimizers and the number of steps.
    Keras' own saving leaves out the seeds.

    Args:
        gan: the compiled model.
    """
    return _joined(_owners(gan) | _metrics(gan))


def restore(gan: "SSGAN", arrays: Mapping[str, np.ndarray]) -> None:
    """Sets every variable of `variables`; a metric of which nothing is known begins anew.

    Args:
        gan: the compiled model.
        arrays: the values, with the names, shapes and dtypes of `variables`; metrics may differ.

    Raises:
        UsageError: if they do not fit this model; nothing is changed then.
    """
    owners, metrics = _owners(gan), _metrics(gan)
    expected = {name: _form(variable) for name, variable in _joined(owners).items()}
    arrays = _with_average_of_generator(_renamed(arrays, owners | metrics), expected)
    found = {name: _form(array) for name, array in arrays.items()}
    needed = {name for name in found if not name.startswith(_METRIC)} | expected.keys()
    if unfit := [name for name in needed if found.get(name) != expected.get(name)]:
        name = min(unfit)
        raise UsageError(f"the saved state has {found.get(name)} for {name}; this model has {expected.get(name)}")
    for metric in gan.train_metrics.values():
        metric.reset_state()
    for name, variable in _joined(owners | metrics).items():
        if found.get(name) == _form(variable):
            variable.assign(arrays[name])


def _owners(gan: "SSGAN") -> dict[str, Named]:
    networks = {name: _named(network) for name in _NETWORKS if (network := getattr(gan, name)) is not None}
    return {
        **networks,
        "d_optimizer": _slots(gan.d_optimizer, networks["discriminator"]),
        "g_optimizer": _slots(gan.g_optimizer, networks["generator"]),
        **{history.name: {variable.name: variable for variable in history.variables} for history in gan.histories},
        "noise_seed": {gan.noise_seed.state.name: gan.noise_seed.state},
        "steps_done": {gan.steps_done.name: gan.steps_done},
    }


def _metrics(gan: "SSGAN") -> dict[str, Named]:
    return {
        f"{_METRIC}{name}": {variable.name: variable for variable in metric.variables}
        for name, metric in gan.train_metrics.items()
    }


def _named(network: keras.Model) -> Named:
    """Names a network's variables, in their order, after their layers."""
    layers = _distinct((re.sub(r"_\d+$", "", layer.name), layer) for layer in network.layers)
    of_layers = {id(variable): name for name, layer in layers.items() for variable in layer.variables}
    return _distinct((f"{of_layers.get(id(one), network.name)}/{one.name}", one) for one in network.variables)


def _slots(optimizer: keras.optimizers.Optimizer, network: Named) -> Named:
    """Names an optimizer's variables: those that it keeps for one of the network after that one."""
    references = {variable.path.replace("/", "_"): name for name, variable in network.items()}  # so Keras begins a name

    def name(variable: keras.Variable) -> str:
        of = max((path for path in references if variable.name.startswith(f"{path}_")), key=len, default=None)
        return variable.name if of is None else f"{references[of]}/{variable.name[len(of) + 1 :]}"

    return _distinct((name(variable), variable) for variable in optimizer.variables)


def _distinct(named: Iterable[tuple[str, object]]) -> dict:
    """Returns a dictionary in which a name that was taken has a number behind it."""
    distinct: dict = {}
    for name, value in named:
        numbered = (f"{name}_{number}" for number in itertools.count(2))
        distinct[next(free for free in itertools.chain([name], numbered) if free not in distinct)] = value
    return distinct


def _joined(owners: Mapping[str, Named]) -> Named:
    return {f"{owner}/{name}": variable for owner, named in owners.items() for name, variable in named.items()}


def _renamed(arrays: Mapping[str, np.ndarray], owners: Mapping[str, Named]) -> dict[str, np.ndarray]:
    """Gives the numbered variables of the first version their names."""
    names = {
        f"{owner}/{number:03d}": f"{owner}/{name}"
        for owner, named in owners.items()
        for number, name in enumerate(named)
    }
    return {names.get(name, name): array for name, array in arrays.items()}


def _with_average_of_generator(arrays: Mapping[str, np.ndarray], expected: Iterable[str]) -> dict[str, np.ndarray]:
    """Lets the average of the generator begin at its weights where a state of versions before 0.6 has none."""
    began = {name: arrays.get(name.removeprefix("ema_")) for name in expected if name.startswith("ema_generator/")}
    return {**{name: array for name, array in began.items() if array is not None}, **arrays}


def _form(value: keras.Variable | np.ndarray) -> tuple[tuple[int, ...], np.dtype]:
    return tuple(value.shape), np.dtype(value.dtype)
