"""The discriminator: a classifier whose `K` logits carry an implicit `K + 1`-th "generated" class."""

import keras
import tensorflow as tf

from ssgan.layers import WeightNormalized, WeightNormDense
from ssgan.models.architectures import ARCHITECTURES

_POOLING = {"average": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}


@keras.saving.register_keras_serializable("ssgan")
class Discriminator(keras.Model):
    """Class logits and the pooled features they are computed from.

    Reference: Salimans et al. 2016, arXiv:1606.03498, section 5 (the generated class is implicit, see
    `ssgan.kplus1_logits` and `ssgan.gan_logits`).

    Args:
        num_classes: `K`, at least 2.
        arch: `small`, `tiny`, `paper_svhn`, `paper_cifar` or `article`; see `ssgan.models.architectures`.
        pooling: `max` or `average`, over the whole last feature map.
        dtype: Keras dtype policy of the convolutions; pooling, features and logits are always float32.

    Input shape: float [batch, height, width, channels] in -1..1; 16 to 64 pixels, 1 or 3 channels.
    Output shape: logits float32 [batch, K], features float32 [batch, features].

    Raises:
        ValueError: for an unknown `arch` or `pooling`, fewer than 2 classes, or images of another size.

    Example:
        >>> discriminator = ssgan.Discriminator(10, arch="paper_svhn")
        >>> logits, features = discriminator(tf.zeros([2, 32, 32, 3]))
    """

    def __init__(self, num_classes: int, *, arch: str = "small", pooling: str = "max", **kwargs):
        super().__init__(**kwargs)
        if num_classes < 2:
            raise ValueError(f"num_classes={num_classes}: expected at least 2")
        if arch not in ARCHITECTURES:
            raise ValueError(f"arch={arch!r}: expected one of {', '.join(ARCHITECTURES)}")
        if pooling not in _POOLING:
            raise ValueError(f"pooling={pooling!r}: expected one of {', '.join(_POOLING)}")
        self.num_classes = num_classes
        self.arch = arch
        self.pooling = pooling
        self.trunk = ARCHITECTURES[arch](self.dtype_policy)
        self.pool = _POOLING[pooling](dtype="float32")
        self.head = WeightNormDense(num_classes, train_gain=True, init_scale=0.1, dtype="float32", name="logits")

    @property
    def has_batch_statistics(self) -> bool:
        """Whether the outputs for one image depend, in training, on the other images of the batch."""
        return any(isinstance(layer, keras.layers.BatchNormalization) for layer in self.trunk)

    def build(self, input_shape):
        _check_image_shape(input_shape)
        for layer in [*self.trunk, self.pool, self.head]:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)

    def call(self, images, training=False):
        maps = images
        for layer in self.trunk:
            maps = layer(maps, training=training) if _is_stochastic(layer) else layer(maps)
        features = self.pool(maps)
        return self.head(features), features

    def initialize_from_data(self, images: tf.Tensor) -> None:
        """Sets the gains and biases of the weight-normalised layers from a batch of images.

        Reference: arXiv:1602.07868, section 3; the code of arXiv:1606.03498 takes 500 images, with dropout on.

        Args:
            images: float [batch, height, width, channels] in -1..1; a few hundred.
        """
        outputs = images
        for layer in [*self.trunk, self.pool, self.head]:
            if isinstance(layer, WeightNormalized):
                layer.initialize_from_data(outputs)
            outputs = layer(outputs, training=True) if _is_stochastic(layer) else layer(outputs)

    def get_config(self) -> dict:
        config = {"num_classes": self.num_classes, "arch": self.arch, "pooling": self.pooling}
        return {**config, "dtype": self.dtype_policy.name, "name": self.name}


def _is_stochastic(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, (keras.layers.Dropout, keras.layers.GaussianNoise, keras.layers.BatchNormalization))


def _check_image_shape(shape: tuple[int | None, ...]) -> None:
    if len(shape) != 4 or not all(side and 16 <= side <= 64 for side in shape[1:3]) or shape[3] not in (1, 3):
        raise ValueError(f"images of shape {tuple(shape)}: expected [batch, 16..64, 16..64, 1 or 3]")
