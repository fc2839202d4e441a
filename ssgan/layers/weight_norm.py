"""Weight normalisation as a pure recompute, with data-dependent initialisation.

Reference: Salimans and Kingma 2016, "Weight Normalization", arXiv:1602.07868. Each layer keeps a direction `v` and a
gain `g` per output channel, and its kernel is `w = g * v / ||v||` (equation 2).
"""

import keras
import tensorflow as tf
from keras import ops

from ssgan.layers.recomputed import Conv2DKernel, DenseKernel, RecomputedKernel


class WeightNormalized(RecomputedKernel):
    """Base of the weight-normalised layers: direction, gain and bias, and their initialisation.

    Args:
        units: number of output channels.
        train_gain: whether the optimizer changes the gain. The code of arXiv:1606.03498 trains it only in the last
            layer of each network.
        init_scale: standard deviation of the outputs after `initialize_from_data`.
        **kwargs: of `RecomputedKernel`.
    """

    def __init__(self, units: int, *, train_gain: bool = False, init_scale: float = 1.0, **kwargs):
        super().__init__(units, **kwargs)
        self.train_gain = train_gain
        self.init_scale = init_scale

    def kernel(self) -> tf.Tensor:
        """Returns `g * v / ||v||`, float32, in the layout of the plain Keras layer."""
        norm = ops.sqrt(ops.sum(ops.square(self.direction), axis=self._norm_axes, keepdims=True))
        return self.direction * (ops.reshape(self.gain, self._gain_shape) / norm)

    def initialize_from_data(self, inputs: tf.Tensor) -> None:
        """Sets gain and bias so that the outputs for `inputs` have mean 0 and deviation `init_scale` per channel.

        Reference: arXiv:1602.07868, section 3, equations 5 and 6.

        Args:
            inputs: a float batch of this layer's inputs; a few hundred examples.
        """
        self.gain.assign(ops.ones_like(self.gain))
        outputs = ops.cast(self._apply_kernel(ops.cast(inputs, "float32"), self.kernel()), "float32")
        mean, variance = ops.moments(outputs, axes=tuple(range(len(outputs.shape) - 1)))
        gain = self.init_scale / ops.sqrt(variance + 1e-8)
        self.gain.assign(gain)
        self.bias.assign(-mean * gain)

    def get_config(self) -> dict:
        return {**super().get_config(), "train_gain": self.train_gain, "init_scale": self.init_scale}

    def _add_weights(self, shape: tuple[int, ...], *, unit_axis: int) -> None:
        self._norm_axes = tuple(axis for axis in range(len(shape)) if axis != unit_axis)
        self._gain_shape = tuple(self.units if axis == unit_axis else 1 for axis in range(len(shape)))
        self.direction = self.add_weight(
            name="direction",
            shape=shape,
            initializer=keras.initializers.RandomNormal(stddev=0.05),
            autocast=False,
        )
        self.gain = self.add_weight(
            name="gain",
            shape=(self.units,),
            initializer="ones",
            trainable=self.train_gain,
            autocast=False,
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros", autocast=False)


@keras.saving.register_keras_serializable("ssgan")
class WeightNormDense(DenseKernel, WeightNormalized):
    """Weight-normalised `keras.layers.Dense`.

    Input shape: float [batch, inputs]. Output shape: float [batch, units].
    """

    def build(self, input_shape):
        self._add_weights((input_shape[-1], self.units), unit_axis=1)


@keras.saving.register_keras_serializable("ssgan")
class WeightNormConv2D(Conv2DKernel, WeightNormalized):
    """Weight-normalised `keras.layers.Conv2D`.

    Input shape: float [batch, height, width, channels]. Output shape: float [batch, height', width', units].

    Args:
        units: number of filters.
        kernel_size: height and width of the kernel, pixels.
        strides: step of the kernel in both directions, pixels.
        padding: `same` or `valid`.
        **kwargs: of `WeightNormalized`.
    """

    def build(self, input_shape):
        self._add_weights((self.kernel_size, self.kernel_size, input_shape[-1], self.units), unit_axis=3)


@keras.saving.register_keras_serializable("ssgan")
class WeightNormConv2DTranspose(WeightNormConv2D):
    """Weight-normalised `keras.layers.Conv2DTranspose`; arguments and shapes as for `WeightNormConv2D`."""

    def build(self, input_shape):
        self._add_weights((self.kernel_size, self.kernel_size, self.units, input_shape[-1]), unit_axis=2)

    def to_plain(self) -> keras.layers.Conv2DTranspose:
        """Returns the `keras.layers.Conv2DTranspose`, not yet built, whose weights are `[kernel(), bias]`."""
        return keras.layers.Conv2DTranspose(
            self.units, self.kernel_size, self.strides, self.padding, name=self.name, dtype="float32"
        )

    def _apply_kernel(self, inputs, kernel):
        return ops.conv_transpose(inputs, kernel, self.strides, self.padding)
