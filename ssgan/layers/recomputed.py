"""Layers that keep no kernel, but compute it anew in every call from other weights.

So nothing is rewritten behind the optimizer's back, and each can be folded into the plain Keras layer of its kind.
"""

import keras
import tensorflow as tf
from keras import ops


class RecomputedKernel(keras.layers.Layer):
    """Base of the layers whose kernel is a function of their weights: how it is applied, and folded.

    A subclass says what its kernel is (`kernel`), how it is applied (`_apply_kernel`) and which plain Keras layer does
    the same (`to_plain`). Its `bias` is a weight.

    Args:
        units: number of output channels.
    """

    bias: keras.Variable

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def kernel(self) -> tf.Tensor:
        """Returns the kernel, float32, in the layout of the plain Keras layer."""
        raise NotImplementedError

    def call(self, inputs):
        return self._outputs(inputs, self.kernel())

    def compute_output_shape(self, input_shape):
        return self.to_plain().compute_output_shape(input_shape)

    def to_plain(self) -> keras.layers.Layer:
        """Returns the plain float32 Keras layer, not yet built, whose weights are `[kernel(), bias]`."""
        raise NotImplementedError

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}

    def _outputs(self, inputs, kernel):
        outputs = self._apply_kernel(inputs, ops.cast(kernel, self.compute_dtype))
        return tf.nn.bias_add(outputs, ops.cast(self.bias, self.compute_dtype))

    def _apply_kernel(self, inputs, kernel):
        raise NotImplementedError


class DenseKernel(RecomputedKernel):
    """What is like `keras.layers.Dense` in a layer with a kernel [inputs, units]."""

    def to_plain(self) -> keras.layers.Dense:
        """Returns the `keras.layers.Dense`, not yet built, whose weights are `[kernel(), bias]`."""
        return keras.layers.Dense(self.units, name=self.name, dtype="float32")

    def _apply_kernel(self, inputs, kernel):
        return ops.matmul(inputs, kernel)


class Conv2DKernel(RecomputedKernel):
    """What is like `keras.layers.Conv2D` in a layer with a kernel [kernel_size, kernel_size, channels, units].

    Args:
        units: number of filters.
        kernel_size: height and width of the kernel, pixels.
        strides: step of the kernel in both directions, pixels.
        padding: `same` or `valid`.
    """

    def __init__(self, units: int, kernel_size: int, *, strides: int = 1, padding: str = "same", **kwargs):
        super().__init__(units, **kwargs)
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding

    def to_plain(self) -> keras.layers.Conv2D:
        """Returns the `keras.layers.Conv2D`, not yet built, whose weights are `[kernel(), bias]`."""
        return keras.layers.Conv2D(
            self.units, self.kernel_size, self.strides, self.padding, name=self.name, dtype="float32"
        )

    def get_config(self) -> dict:
        config = {"kernel_size": self.kernel_size, "strides": self.strides, "padding": self.padding}
        return {**super().get_config(), **config}

    def _apply_kernel(self, inputs, kernel):
        return ops.conv(inputs, kernel, self.strides, self.padding)
