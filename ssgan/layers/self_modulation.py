"""Self-modulation: a batch norm whose scale and shift are functions of the generator's noise."""

import keras
from keras import layers, ops

from ssgan.layers.batch_norm import BatchNormalization


@keras.saving.register_keras_serializable("ssgan")
class SelfModulatedBatchNormalization(layers.Layer):
    """Batch normalisation whose scale and shift come from the noise, `gamma(z) * normalised + beta(z)`.

    Reference: Chen et al. 2018, "On Self Modulation for Generative Adversarial Networks", arXiv:1810.01365, section 2.
    Both are linear in one hidden layer, `W2 relu(W1 z)`, that they share; they begin near 1 and 0, as in the published
    code, so that the layer begins as a plain batch norm.

    Args:
        hidden_units: units of the hidden layer; the published code: 32.
        momentum: of the moving averages of mean and variance, 0..1.

    Input shape: values, float [batch, units] or [batch, height, width, channels], and noise, float [batch, size].
    Output shape: that of the values.
    """

    def __init__(self, hidden_units: int = 32, *, momentum: float = 0.99, **kwargs):
        super().__init__(**kwargs)
        self.hidden_units = hidden_units
        self.momentum = momentum
        self.norm = BatchNormalization(momentum=momentum, center=False, scale=False, dtype=self.dtype_policy)
        self.hidden = self._dense(hidden_units, "hidden", activation="relu")

    def build(self, inputs_shape, noise_shape):
        self.norm.build(inputs_shape)
        self.hidden.build(noise_shape)
        self.gamma = self._dense(inputs_shape[-1], "gamma", bias_initializer="ones")
        self.beta = self._dense(inputs_shape[-1], "beta")
        for dense in (self.gamma, self.beta):
            dense.build((None, self.hidden_units))

    def call(self, inputs, noise, training=False):
        hidden = self.hidden(noise)
        one_per_map = (-1, *[1] * (len(inputs.shape) - 2), inputs.shape[-1])
        gamma, beta = (ops.reshape(dense(hidden), one_per_map) for dense in (self.gamma, self.beta))
        return self.norm(inputs, training=training) * gamma + beta

    def compute_output_shape(self, inputs_shape, noise_shape=None):
        return inputs_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "hidden_units": self.hidden_units, "momentum": self.momentum}

    def _dense(self, units: int, name: str, **options) -> layers.Dense:
        kernel = keras.initializers.RandomNormal(stddev=0.02)
        return layers.Dense(units, kernel_initializer=kernel, name=name, dtype=self.dtype_policy, **options)
