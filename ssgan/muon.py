"""Muon for the kernels of convolutions."""

import re

import keras
from keras import ops

_MOST_CHANNELS = 4  # of images; a kernel that takes no more is of the first convolution


@keras.saving.register_keras_serializable("ssgan")
class ConvMuon(keras.optimizers.Muon):
    """Muon for the kernels of convolutions, Adam for the first of them, biases, scales and dense layers.

    A kernel [height, width, in, out] is taken for the matrix [height * width * in, out]. The momentum of its gradient
    is made nearly orthogonal by Newton-Schulz iterations, so that the kernel changes by as much in every direction.
    Keras' own Muon does this for variables that are matrices, and leaves all others to Adam.

    Reference: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; the scale of an update,
    so that its root mean square is `rms_rate`, is that of Liu et al. 2025, arXiv:2502.16982, equation 4.

    Args:
        learning_rate: of Adam, a float or a schedule.
        kernel_rate: the learning rate of the kernels, as a multiple of that.
        adam_beta_1: decay of Adam's mean of gradients, 0..1.
        momentum: decay of the kernels' momentum, 0..1; it is Nesterov's unless `nesterov=False`.
        ns_steps: Newton-Schulz iterations, at least 1.
        weight_decay, adam_weight_decay: share of a kernel, and of what Adam changes, that is taken off in a step, as a
            multiple of `learning_rate`.
        **kwargs: further arguments of `keras.optimizers.Muon`; `exclude_layers` are left to Adam.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        *,
        kernel_rate: float = 4.0,
        adam_beta_1: float = 0.5,
        momentum: float = 0.9,
        ns_steps: int = 3,
        weight_decay: float | None = None,
        adam_weight_decay: float | None = None,
        **kwargs,
    ):
        super().__init__(
            learning_rate,
            adam_beta_1=adam_beta_1,
            momentum=momentum,
            ns_steps=ns_steps,
            weight_decay=weight_decay,
            adam_weight_decay=adam_weight_decay,
            **kwargs,
        )
        self.kernel_rate = kernel_rate

    def _should_use_adamw(self, variable) -> bool:
        if len(variable.shape) != 4 or variable.shape[2] <= _MOST_CHANNELS:
            return True
        return any(re.search(keyword, variable.path) for keyword in self.exclude_layers)

    def _muon_update_step(self, gradient, variable, lr, m):
        self.assign(m, self.momentum * m + gradient)
        ahead = gradient + self.momentum * m if self.nesterov else m
        matrix = ops.reshape(ahead, (-1, variable.shape[-1]))
        update = self.lr_adjust(lr * self.kernel_rate * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, ops.reshape(update, variable.shape))

    def get_config(self) -> dict:
        return {**super().get_config(), "kernel_rate": self.kernel_rate}
