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
        weight_noise: at least 0: in training, Gaussian noise of this deviation, relative to the root mean square of the
            kernel, is added to it, in each call anew (synaptic noise: Jim, Giles and Horne 1996, IEEE Transactions on
            Neural Networks 7(6); Graves 2011, "Practical Variational Inference for Neural Networks", NIPS).

    Raises:
        ValueError: for a negative `weight_noise`.
    """

    bias: keras.Variable

    def __init__(self, units: int, *, weight_noise: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        if weight_noise < 0:
            raise ValueError(f"weight_noise={weight_noise}: expected at least 0")
        self.units = units
        self.weight_noise = weight_noise
        if weight_noise:
            self.seed_generator = keras.random.SeedGenerator()

    def kernel(self) -> tf.Tensor:
        """Returns the kernel, float32, in the layout of the plain Keras layer."""
        raise NotImplementedError

    def call(self, inputs, training=False):
        return self._outputs(inputs, self.kernel(), training=training)

    def compute_output_shape(self, input_shape):
        return self.to_plain().compute_output_shape(input_shape)

    def to_plain(self) -> keras.layers.Layer:
        """Returns the plain float32 Keras layer, not yet built, whose weights are `[kernel(), bias]`."""
        raise NotImplementedError

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units, "weight_noise": self.weight_noise}

    def _outputs(self, inputs, kernel, *, training):
        if training and self.weight_noise:
            kernel = with_noise(kernel, self.weight_noise, seed=self.seed_generator)
        outputs = self._apply_kernel(inputs, ops.cast(kernel, self.compute_dtype))
        return tf.nn.bias_add(outputs, ops.cast(self.bias, self.compute_dtype))

    def _apply_kernel(self, inputs, kernel):
        raise NotImplementedError


def with_noise(kernel: tf.Tensor, weight_noise: float, *, seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Returns a kernel with Gaussian noise, whose gradient is that of the kernel alone.

    Args:
        kernel: float32, of any shape.
        weight_noise: standard deviation of the noise, relative to the root mean square of the kernel.
        seed: of the noise.
    """
    size = tf.stop_gradient(tf.sqrt(tf.reduce_mean(tf.square(kernel))))
    return kernel + weight_noise * size * keras.random.normal(kernel.shape, dtype="float32", seed=seed)


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
