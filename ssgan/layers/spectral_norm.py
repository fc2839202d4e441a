"""Spectral normalisation as a pure recompute: a kernel is divided by an estimate of its largest singular value.

Reference: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", arXiv:1802.05957, section
2.1 and algorithm 1. The kernel is taken for the matrix `W` [height * width * channels, units]; a vector `u` is kept
from step to step, and each training call moves it by one power iteration.
"""

import math

import keras
import tensorflow as tf

from ssgan.layers.recomputed import Conv2DKernel, DenseKernel, RecomputedKernel


def power_iteration(matrix: tf.Tensor, u: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves two vectors closer to those of the largest singular value of a matrix: `v = W'u / |W'u|, u = Wv / |Wv|`.

    Args:
        matrix: `W`, float32 [rows, columns].
        u: float32 [rows].

    Returns:
        `u`, float32 [rows], and `v`, float32 [columns], of length 1, without a gradient.
    """
    v = right_vector(matrix, u)
    return tf.stop_gradient(tf.math.l2_normalize(tf.linalg.matvec(matrix, v))), v


def right_vector(matrix: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """Returns `v = W'u / |W'u|`, float32 [columns], without a gradient; arguments as of `power_iteration`."""
    return tf.stop_gradient(tf.math.l2_normalize(tf.linalg.matvec(matrix, u, transpose_a=True)))


class SpectralNormalized(RecomputedKernel):
    """Base of the spectrally normalised layers: the matrix `W`, the vector `u` and the bias.

    The kernel is `W / sigma` with `sigma = u'Wv`, through which gradients flow into `W`, not into `u` and `v`. In
    training a call makes one power iteration first, unless the layer is not trainable; outside of it `u` stays as it
    is, and its length, which an average of several is short of, does not matter.

    Args:
        units: number of output channels.
        **kwargs: of `RecomputedKernel`: noise is added to the normalised kernel.
    """

    def kernel(self, *, training: bool = False) -> tf.Tensor:
        """Returns `W / sigma`, float32, in the layout of the plain Keras layer; in training, `u` moves."""
        matrix = tf.reshape(self.unnormalized, [-1, self.units])
        u = tf.math.l2_normalize(self.u)
        if training and self.trainable:
            u, v = power_iteration(matrix, u)
            self.u.assign(u)
        else:
            v = right_vector(matrix, u)
        sigma = tf.tensordot(tf.stop_gradient(u), tf.linalg.matvec(matrix, v), axes=1)
        return tf.reshape(matrix / sigma, self.unnormalized.shape)

    def call(self, inputs, training=False):
        return self._outputs(inputs, self.kernel(training=training), training=training)

    def _add_weights(self, shape: tuple[int, ...]) -> None:
        self.unnormalized = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform", autocast=False)
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros", autocast=False)
        self.u = self.add_weight(
            name="u",
            shape=(math.prod(shape[:-1]),),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=False,
            autocast=False,
            aggregation="mean",
        )


@keras.saving.register_keras_serializable("ssgan")
class SpectralNormDense(DenseKernel, SpectralNormalized):
    """Spectrally normalised `keras.layers.Dense`: it stretches no difference of two inputs.

    Input shape: float [batch, inputs]. Output shape: float [batch, units].
    """

    def build(self, input_shape):
        self._add_weights((input_shape[-1], self.units))


@keras.saving.register_keras_serializable("ssgan")
class SpectralNormConv2D(Conv2DKernel, SpectralNormalized):
    """Spectrally normalised `keras.layers.Conv2D`.

    It stretches a difference of two inputs by `kernel_size` at most, because each pixel is seen by that many kernels
    in either direction; the norm of the whole convolution is another one than that of its matrix.

    Input shape: float [batch, height, width, channels]. Output shape: float [batch, height', width', units].

    Args:
        units: number of filters.
        kernel_size: height and width of the kernel, pixels.
        strides: step of the kernel in both directions, pixels.
        padding: `same` or `valid`.
    """

    def build(self, input_shape):
        self._add_weights((self.kernel_size, self.kernel_size, input_shape[-1], self.units))
