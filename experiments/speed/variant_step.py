"""ssgan's training step with one thing done in another way: what was kept is undone, what was dropped is done."""

from experiments.common import timing
from experiments.speed import ssgan_step

STEPS_IN_AN_EXECUTION = 10


def measure(*, variant: str | None, config: str, images: str, steps: int) -> dict:
    """Times the step.

    Args:
        variant: a name in `VARIANTS`; None for ssgan as it is.
        config: name of a file in `configs/`.
        images: an .npz file with images, labels and label_mask.
        steps: steps to time, a multiple of `STEPS_IN_AN_EXECUTION`; as many as that come before them.

    Returns:
        The report: `seconds` of each step, `options` in full.
    """
    before, after = VARIANTS[variant] if variant else (_nothing, _nothing)
    before()
    warm_up = STEPS_IN_AN_EXECUTION
    options = ssgan_step.read_options(config, [])
    gan, batches, _ = ssgan_step.prepare(options, images, steps=warm_up + steps)
    after(gan)
    seconds = ssgan_step.fit_seconds(gan, batches)[-steps:]
    return {"seconds": seconds, "options": ssgan_step.described(options)}


def transpose_by_pixel_shuffle(inputs, kernel):
    """Returns the transposed convolution of stride 2 (5x5, `same`) as a 3x3 convolution and a pixel shuffle.

    Of 2 x 2 output pixels, each is a sum over other taps of the kernel: four kernels, up to 3x3, side by side.

    Args:
        inputs: float [batch, height, width, inputs].
        kernel: float [5, 5, outputs, inputs].

    Returns:
        Float [batch, 2 height, 2 width, outputs].
    """
    import tensorflow as tf

    outputs, channels = kernel.shape[2:]
    taps = tf.reshape(tf.pad(kernel, [[1, 0], [1, 0], [0, 0], [0, 0]]), [3, 2, 3, 2, outputs, channels])
    taps = tf.transpose(tf.reverse(taps, [0, 2]), [0, 2, 5, 1, 3, 4])
    maps = tf.nn.conv2d(inputs, tf.reshape(taps, [3, 3, channels, 4 * outputs]), 1, "SAME")
    return tf.nn.depth_to_space(maps, 2)


def weight_gradient_by_taps(inputs, gradient, kernel_size: int):
    """Returns the weight gradient of a convolution of stride 2 (`same`) as one matrix product for each tap.

    Args:
        inputs: float [batch, height, width, inputs], height and width even.
        gradient: float [batch, height / 2, width / 2, outputs], of the convolution's outputs.
        kernel_size: height and width of the kernel, odd.

    Returns:
        Float [kernel_size, kernel_size, inputs, outputs].
    """
    import tensorflow as tf

    _, side, _, channels = inputs.shape
    half, outputs = side // 2, gradient.shape[-1]
    front = (kernel_size - 2) // 2
    padded = side + 2 * (kernel_size // 2)
    pads = [front, padded - side - front]
    phases = tf.reshape(tf.pad(inputs, [[0, 0], pads, pads, [0, 0]]), [-1, padded // 2, 2, padded // 2, 2, channels])
    rows = tf.reshape(gradient, [-1, outputs])
    taps = []
    for y in range(kernel_size):
        for x in range(kernel_size):
            places = phases[:, y // 2 : y // 2 + half, y % 2, x // 2 : x // 2 + half, x % 2]
            taps.append(tf.matmul(tf.reshape(places, [-1, channels]), rows, transpose_a=True))
    return tf.reshape(tf.stack(taps), [kernel_size, kernel_size, channels, outputs])


def _nothing(*_) -> None:
    pass


def _keras_dropout() -> None:
    import keras

    from ssgan import layers

    layers.Dropout.call = keras.layers.Dropout.call  # type: ignore[method-assign]


def _keras_batch_normalization() -> None:
    import keras

    from ssgan import layers

    layers.BatchNormalization.call = keras.layers.BatchNormalization.call  # type: ignore[method-assign]


def _bias_by_plus() -> None:
    import tensorflow as tf

    from ssgan import layers

    def call(self, inputs, training=False):
        kernel, bias = (tf.cast(part, self.compute_dtype) for part in (self.kernel(), self.bias))
        return self._apply_kernel(inputs, kernel) + bias

    layers.WeightNormalized.call = call  # type: ignore[method-assign]


def _leaky_relu_of_output() -> None:
    import keras
    import tensorflow as tf

    @tf.custom_gradient
    def leaky_relu(inputs):
        outputs = tf.nn.leaky_relu(inputs, 0.2)
        return outputs, lambda dy: tf.raw_ops.LeakyReluGrad(gradients=dy, features=outputs, alpha=0.2)

    keras.layers.LeakyReLU.call = lambda self, inputs: leaky_relu(inputs)


def _pixel_shuffle() -> None:
    import keras
    import tensorflow as tf

    def call(self, inputs):
        return transpose_by_pixel_shuffle(inputs, tf.cast(self.kernel, self.compute_dtype))

    keras.layers.Conv2DTranspose.call = call


def _products_of_taps() -> None:
    import keras
    import tensorflow as tf

    from ssgan import layers

    options = {"strides": [1, 2, 2, 1], "padding": "SAME"}

    @tf.custom_gradient
    def convolve(inputs, kernel):
        def gradients(dy):
            to_inputs = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(inputs), filter=kernel, out_backprop=dy, **options
            )
            return to_inputs, weight_gradient_by_taps(inputs, dy, kernel.shape[0])

        return tf.nn.conv2d(inputs, kernel, **options), gradients

    @tf.custom_gradient
    def transpose(inputs, kernel):
        batch, height, width, _ = tf.unstack(tf.shape(inputs))
        shape = [batch, 2 * height, 2 * width, kernel.shape[2]]

        def gradients(dy):
            dy = tf.ensure_shape(dy, [None, 2 * inputs.shape[1], 2 * inputs.shape[2], kernel.shape[2]])
            return tf.nn.conv2d(dy, kernel, **options), weight_gradient_by_taps(dy, inputs, kernel.shape[0])

        return tf.nn.conv2d_transpose(inputs, kernel, shape, 2), gradients

    def apply_kernel(self, inputs, kernel):
        if self.strides == 2 and inputs.shape[-1] >= 64:
            return convolve(inputs, kernel)
        return tf.nn.conv2d(inputs, kernel, self.strides, self.padding.upper())

    def call(self, inputs):
        return transpose(inputs, tf.cast(self.kernel, self.compute_dtype))

    layers.WeightNormConv2D._apply_kernel = apply_kernel  # type: ignore[method-assign]
    keras.layers.Conv2DTranspose.call = call


def _xla(gan) -> None:
    gan.jit_compile = True


def _many_steps(gan) -> None:
    gan.steps_per_execution = STEPS_IN_AN_EXECUTION


VARIANTS = {
    "Keras' Dropout": (_keras_dropout, _nothing),
    "Keras' BatchNormalization": (_keras_batch_normalization, _nothing),
    "bias by +": (_bias_by_plus, _nothing),
    "LeakyReLU's gradient from its output": (_leaky_relu_of_output, _nothing),
    "transposed convolution by pixel shuffle": (_pixel_shuffle, _nothing),
    "strided weight gradients by taps": (_products_of_taps, _nothing),
    "ten steps in an execution": (_nothing, _many_steps),
    "XLA": (_nothing, _xla),
}


if __name__ == "__main__":
    timing.main(measure)
