"""The generator: from a noise vector to an image."""

import functools
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf
from keras import ops

from ssgan.layers import BatchNormalization, ReferenceBatch, SelfModulatedBatchNormalization
from ssgan.models.architectures import halvings_to_32_pixels
from ssgan.models.generator_designs import REFERENCE_ROWS, check_design, hidden_layers, last_layer

_LATENT: dict[str, Callable[..., tf.Tensor]] = {"uniform": keras.random.uniform, "normal": keras.random.normal}
_REFERENCE: dict[str, Callable[[], keras.Initializer]] = {
    "uniform": functools.partial(keras.initializers.RandomUniform, 0.0, 1.0),
    "normal": functools.partial(keras.initializers.RandomNormal, 0.0, 1.0),
}
_CLASS_SCALE = 3.0  # Adam moves a weight by its rate whatever it multiplies, so what a class adds grows 3 times as fast


@keras.saving.register_keras_serializable("ssgan")
class Generator(keras.Model):
    """Noise to images, by transposed or by resizing convolutions.

    Reference: the SVHN and CIFAR-10 generator of Salimans et al. 2016 (arXiv:1606.03498, code), in the style of DCGAN
    (arXiv:1511.06434): dense, then 5x5 transposed convolutions of stride 2; batch norm and ReLU between them; the
    last one weight-normalised, with tanh.

    Two other designs: `resize` repeats each pixel in a square of 2x2 before a 3x3 convolution, in place of a transposed
    convolution, whose kernels overlap unevenly (3, 2, 3, 2, ... of them on a row of pixels), which is seen as a
    checkerboard (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts", doi:10.23915/distill.00003).
    `self_modulated` is `dcgan` with batch norms whose scale and shift depend on the noise (arXiv:1810.01365).

    Args:
        image_shape: (height, width, channels) of the images; 16 to 128 pixels, 1 or 3 channels. Or (1, n, 1): a row of
            n numbers that is no image.
        width: channels of the last hidden layer; 2, 4, 8, ... times as many in the layers before. The paper: 128.
        latent_dim: size of the noise vector. The paper: 100.
        levels: convolutions, each of which doubles the resolution; None: three for images of up to 32
            pixels, as in the paper, and one more for each doubling beyond; one for a row.
        latent: what the noise is drawn from: `uniform`, 0..1 as in the paper's code, or `normal`, of mean 0 and
            deviation 1.
        num_classes: 0, or the number of classes, at least 2, of which images are asked for. A class enters as a
            one-hot vector, times 3, beside the noise, so that the first dense layer learns an embedding of it.
        design: `dcgan`, `resize` or `self_modulated`.
        normalization: `batch`, or `virtual`: by a reference batch of noise that is drawn once and saved with the
            weights, see `ssgan.layers.VirtualBatchNormalization`; not for `self_modulated`.
        dtype: Keras dtype policy of the layers; the images are always float32.

    Input shape: noise, float [batch, latent_dim]; where there are classes (noise, classes), classes integer [batch] in
        0..num_classes - 1, or -1 for none.
    Output shape: float32 [batch, height, width, channels] in -1..1.

    Raises:
        ValueError: for an argument out of these bounds, and for classes that are missing, or given but not asked for.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        *,
        width: int = 64,
        latent_dim: int = 100,
        levels: int | None = None,
        latent: str = "uniform",
        num_classes: int = 0,
        design: str = "dcgan",
        normalization: str = "batch",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not (_is_image(image_shape) or is_row(image_shape)):
            raise ValueError(f"image_shape={tuple(image_shape)}: expected (16..128, 16..128, 1 or 3)")
        if latent not in _LATENT:
            raise ValueError(f"latent={latent!r}: expected one of {', '.join(_LATENT)}")
        if num_classes < 0 or num_classes == 1:
            raise ValueError(f"num_classes={num_classes}: expected at least 2, or 0 for images of no class")
        check_design(design, normalization)
        self.image_shape = tuple(image_shape)
        self.width = width
        self.latent_dim = latent_dim
        self.latent = latent
        self.num_classes = num_classes
        self.design = design
        self.normalization = normalization
        by_size = 1 if is_row(image_shape) else 3 + halvings_to_32_pixels(image_shape)
        self.levels = by_size if levels is None else levels
        dtype = self.dtype_policy
        base = [-(-side // 2**self.levels) for side in image_shape[:2]]
        channels = [width * 2**level for level in reversed(range(self.levels))]
        if normalization == "virtual":
            self.reference = ReferenceBatch(REFERENCE_ROWS, initializer=_REFERENCE[latent](), dtype=dtype)
        self.stack = hidden_layers(design, normalization, base=base, channels=channels, dtype=dtype)
        self.to_pixels = last_layer(design, channels=image_shape[2], dtype=dtype)

    def build(self, input_shape):
        """Builds the layers; what they take is known without the shape of the inputs."""
        if self.normalization == "virtual":
            self.reference.build((None, self.latent_dim))
        noise = shape = (None, self.latent_dim + self.num_classes)
        for layer in [*self.stack, self.to_pixels]:
            layer.build(*(shape, noise) if isinstance(layer, SelfModulatedBatchNormalization) else (shape,))
            shape = layer.compute_output_shape(shape)

    def call(self, noise, training=False):
        images = ops.tanh(ops.cast(self.to_pixels(self._hidden(noise, training)), "float32"))
        height, width, _ = self.image_shape
        return images[:, :height, :width]

    def noise(self, count: int, *, seed: int | keras.random.SeedGenerator | None = None) -> tf.Tensor:
        """Draws noise, float32 [count, latent_dim], as `latent` says.

        Args:
            count: rows.
            seed: a number, which always gives the same noise; a generator of seeds; or None: Keras' global generator.
        """
        return _LATENT[self.latent]([count, self.latent_dim], seed=seed)

    def initialize_from_data(self, noise: tf.Tensor | tuple[tf.Tensor, tf.Tensor]) -> None:
        """Sets gain and bias of the last layer from a batch of inputs, a few hundred (arXiv:1602.07868, section 3)."""
        self.to_pixels.initialize_from_data(self._hidden(noise, training=True))

    def get_config(self) -> dict:
        config = {
            "image_shape": self.image_shape,
            "width": self.width,
            "latent_dim": self.latent_dim,
            "levels": self.levels,
            "latent": self.latent,
            "num_classes": self.num_classes,
            "design": self.design,
            "normalization": self.normalization,
        }
        return {**config, "dtype": self.dtype_policy.name, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "Generator":
        """Returns the generator with these arguments; one of versions before 0.3 has three levels."""
        return cls(**{"levels": 3, **config})

    def _hidden(self, inputs, training):
        """Returns what the last layer sees of the inputs."""
        hidden = noise = self._embedded(inputs)
        for layer in self.stack:
            if isinstance(layer, SelfModulatedBatchNormalization):
                hidden = layer(hidden, noise, training=training)
            elif isinstance(layer, BatchNormalization):
                hidden = layer(hidden, training=training)
            else:
                hidden = layer(hidden)
        return hidden[REFERENCE_ROWS:] if self.normalization == "virtual" else hidden

    def _embedded(self, inputs):
        """Returns the noise, and beside it the one-hot classes times 3, of the reference first where there is one."""
        if isinstance(inputs, tuple | list) != bool(self.num_classes):
            expected = "(noise, classes)" if self.num_classes else "noise alone"
            raise ValueError(f"a generator of num_classes={self.num_classes} was given something else than {expected}")
        noise, classes = inputs if self.num_classes else (inputs, None)
        if self.normalization == "virtual":
            noise = self.reference(noise)
        if classes is None:
            return noise
        classes = tf.cast(classes, tf.int32)
        if self.normalization == "virtual":
            classes = tf.concat([tf.range(REFERENCE_ROWS) % self.num_classes, classes], axis=0)
        one_hot = tf.one_hot(classes, self.num_classes, on_value=_CLASS_SCALE, dtype=noise.dtype)
        return ops.concatenate([noise, one_hot], axis=-1)


def is_row(image_shape: Sequence[int]) -> bool:
    """Tells whether what has this shape is a row of numbers, (1, n, 1), and no image."""
    return len(image_shape) == 3 and image_shape[0] == image_shape[2] == 1 and image_shape[1] >= 1


def _is_image(shape: Sequence[int]) -> bool:
    return len(shape) == 3 and all(16 <= side <= 128 for side in shape[:2]) and shape[2] in (1, 3)
