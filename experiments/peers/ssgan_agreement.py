"""One real step of ssgan in float32 without dropout: weights, batch, noise, losses and gradients into a file.

In ssgan's environment. Arrays are named `<network>.<variable>.<number>`: `d.direction.3` is the direction of the
fourth weight-normalised layer of the discriminator; gradients have `gradient.` in front.
"""

import collections
from typing import Any

import numpy as np

from experiments.common import timing
from experiments.speed.ssgan_step import prepare, read_options

FLAGS = ["--updates=alternating", "--precision=float32"]


def measure(*, images: str, output: str, smooth: bool) -> dict:
    """Runs the step of `configs/svhn_1000_paper.cfg`; nothing is updated, only what would be applied is noted.

    Args:
        images: an .npz file with images, labels and label_mask.
        output: the .npz file to write.
        smooth: whether SiLU takes the place of ReLU and leaky ReLU.

    Returns:
        The report: the two `losses`.
    """
    import keras

    gan, batches, _ = prepare(read_options("svhn_1000_paper", FLAGS), images, steps=1)
    for layer in gan.discriminator._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    for layer in [*gan.discriminator._flatten_layers(), *gan.generator._flatten_layers()] if smooth else ():
        if isinstance(layer, keras.layers.LeakyReLU | keras.layers.ReLU):
            layer.call = keras.ops.silu
    variables = {**_numbered("d", gan.discriminator.variables), **_numbered("g", gan.generator.variables)}
    arrays: dict[str, Any] = {name: np.array(variable) for name, variable in variables.items()}
    noise, gradients = _listen(gan)
    (batch,) = batches
    metrics = gan.train_step(batch)

    names = {id(variable): name for name, variable in variables.items()}
    arrays |= {f"gradient.{names[id(variable)]}": gradient for variable, gradient in gradients}
    arrays |= {**batch, "d_noise": noise[0], "g_noise": noise[1]}
    losses = {name: float(metrics[name]) for name in ("d_loss", "g_loss")}
    written: dict[str, Any] = {name: np.asarray(array) for name, array in (arrays | losses).items()}
    np.savez(output, **written)
    return {"losses": losses}


def _listen(gan):
    """Makes the model note the noise of its generator and the gradients of its optimizers, which apply nothing."""
    noise, gradients = [], []
    call = gan.generator.call

    def noting_call(inputs, training=False):
        noise.append(inputs)
        return call(inputs, training=training)

    gan.generator.call = noting_call
    for optimizer in (gan.d_optimizer, gan.g_optimizer):
        optimizer.apply = lambda found, variables: gradients.extend(zip(variables, found, strict=True))
    return noise, gradients


def _numbered(network: str, variables) -> dict:
    """Returns the float variables by kind and number, in the order of the layers."""
    counts: collections.Counter = collections.Counter()
    named = {}
    for variable in variables:
        if variable.dtype == "float32":
            named[f"{network}.{variable.name}.{counts[variable.name]}"] = variable
            counts[variable.name] += 1
    return named


if __name__ == "__main__":
    timing.main(measure)
