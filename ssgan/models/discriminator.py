"""The discriminator: a classifier whose `K` logits carry an implicit `K + 1`-th "generated" class."""

import keras
import tensorflow as tf

from ssgan import replicas
from ssgan.layers import MinibatchDiscrimination, UniformNoise, WeightNormalized, WeightNormDense
from ssgan.models.architectures import (
    ARCHITECTURES,
    NORMALIZATIONS,
    check_image_shape,
    halving,
    halvings_to_32_pixels,
    with_normalization,
)
from ssgan.models.checks import check_heads, check_known, check_trunk, in_a_row, nested
from ssgan.models.noise import check_noise, is_noise, is_stochastic, with_dropout, with_hidden_noise, with_weight_noise

_NOISE = ("input_noise", "hidden_noise", "dropout", "weight_noise")
_POOLING = {"average": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}


@keras.saving.register_keras_serializable("ssgan")
class Discriminator(keras.Model):
    """Class logits and the pooled features they are computed from.

    Reference: Salimans et al. 2016, arXiv:1606.03498, section 5 (the generated class is implicit, see
    `ssgan.kplus1_logits` and `ssgan.gan_logits`).

    Args:
        num_classes: `K`, at least 2; 1 for a plain GAN of images without classes.
        arch: `small`, `tiny`, `paper_svhn`, `paper_cifar` or `article`; see `ssgan.models.architectures`.
        trunk: in place of a named architecture, which is then not looked at, any Keras model of images in -1..1 whose
            output is a feature map, which is pooled, or a vector. A batch norm in it sees real and generated images
            together. To be exported it has to be functional or sequential.
        pooling: `max` or `average`, over the whole last feature map.
        normalization: of the convolutions of a named architecture: `weight` as it is, `spectral` (arXiv:1802.05957) or
            `none`. The class logits stay weight-normalised: a bound would keep their probabilities from 0 and 1.
        minibatch_features: 0, or measures of how alike the images of a batch are (arXiv:1606.03498, section 3.2), which
            move the logit of "generated" alone: see `generated_logits`. The paper's code: 100.
        encoding: 0, or the size of the codes that the discriminator gives, too, at least 3 (O-GAN, arXiv:1903.01931):
            see `encode`. The mean of a code is the GAN logit then, `l = mean(e) + log softmax(c)` of class scores `c`.
        input_noise: standard deviation, in training, of noise on the pixels of all images, real and generated, in -1..1
            (instance noise: arXiv:1610.04490, appendix; arXiv:1701.04862, section 3): `ssgan.layers.UniformNoise`.
        hidden_noise: standard deviation of such noise after each activation of a named architecture but the last, in
            place of what it has; None: as it is, 0.3 in `tiny` and none in the others.
        dropout: rate of every dropout of a named architecture, 0..0.99; None: as it is.
        weight_noise: standard deviation, in training, of Gaussian noise on the kernels of a named architecture, in
            proportion to their root mean square, 0..1, see `ssgan.layers.RecomputedKernel`; the logits have none.
        halvings: how often the architecture first halves the images; None: until they have at most 32 pixels.
        dtype: Keras dtype policy of the convolutions; pooling, features and logits are always float32.

    Input shape: float [batch, height, width, channels] in -1..1; 16 to 128 pixels, 1 or 3 channels, or what a `trunk`
        takes.
    Output shape: logits float32 [batch, K], features float32 [batch, features].

    Raises:
        ValueError: for an unknown `arch`, `pooling` or `normalization`, one that does not go with the architecture or
            with a trunk of one's own, nor noise that does not, fewer than 2 classes, sizes or noise out of bounds, or
            images of another size.

    Example:
        >>> discriminator = ssgan.Discriminator(10, arch="paper_svhn")
        >>> logits, features = discriminator(tf.zeros([2, 32, 32, 3]))
    """

    def __init__(
        self,
        num_classes: int,
        *,
        arch: str = "small",
        trunk: keras.Model | None = None,
        pooling: str = "max",
        normalization: str = "weight",
        minibatch_features: int = 0,
        encoding: int = 0,
        input_noise: float = 0.0,
        hidden_noise: float | None = None,
        dropout: float | None = None,
        weight_noise: float = 0.0,
        halvings: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_known("arch", arch, ARCHITECTURES)
        check_known("pooling", pooling, _POOLING)
        check_known("normalization", normalization, NORMALIZATIONS)
        check_heads(num_classes, minibatch_features, encoding)
        if trunk is not None:
            check_trunk(trunk, normalization)
        self.num_classes = num_classes
        self.arch = arch
        self.pooling = pooling
        self.normalization = normalization
        self.minibatch_features = minibatch_features
        self.encoding = encoding
        self.input_noise = input_noise
        self.hidden_noise = hidden_noise
        self.dropout = dropout
        self.weight_noise = weight_noise
        self.halvings = halvings
        self.has_own_trunk = trunk is not None
        check_noise({name: getattr(self, name) for name in _NOISE}, has_own_trunk=self.has_own_trunk)
        before = [UniformNoise(input_noise, dtype="float32")] if input_noise else []
        self.trunk = [*before, *(self._architecture() if trunk is None else [trunk])]
        self.pool = _POOLING[pooling](dtype="float32")
        self.head = WeightNormDense(num_classes, train_gain=True, init_scale=0.1, dtype="float32", name="logits")
        if encoding:
            self.encoder = keras.layers.Dense(encoding, dtype="float32", name="encoder")
        if minibatch_features:
            self.minibatch = MinibatchDiscrimination(minibatch_features, dtype="float32", name="minibatch")
            # No bias, which the class logits have together, and at first no weight: the logit of "generated" is 0.
            self.generated = keras.layers.Dense(
                1, use_bias=False, kernel_initializer="zeros", dtype="float32", name="generated"
            )

    @property
    def has_batch_statistics(self) -> bool:
        """Whether the outputs for one image depend, in training, on the other images of the batch.

        Of a batch norm that is frozen they do not.
        """
        return any(
            isinstance(layer, keras.layers.BatchNormalization) and layer.trainable for layer in nested(self.trunk)
        )

    def build(self, input_shape):
        if not self.has_own_trunk:
            check_image_shape(input_shape, self.arch, self.halvings)
            if self.halvings is None:
                self.halvings = halvings_to_32_pixels(input_shape[1:])
            self._halve_first(self.halvings)
        for layer in self.trunk:
            input_shape = _built(layer, input_shape)
        if len(input_shape) not in (2, 4):
            raise ValueError(f"the trunk's outputs have the shape {input_shape}; expected a feature map or a vector")
        self.pools = len(input_shape) == 4
        features = _built(self.pool, input_shape) if self.pools else input_shape
        _built(self.head, features)
        if self.encoding:
            self.encoder.build(features)
        if self.minibatch_features:
            self.minibatch.build(features)
            self.generated.build((None, self.minibatch_features))

    def _halve_first(self, times: int) -> None:
        """Puts convolutions of stride 2 in front of the architecture, behind dropout and noise of the image itself."""
        behind = next(number for number, layer in enumerate(self.trunk) if not is_noise(layer))
        halvings = [layer for _ in range(times) for layer in halving(self.arch, self.dtype_policy)]
        for layer in reversed(self._adapted(halvings)):
            self.trunk.insert(behind, layer)

    def _architecture(self) -> list[keras.layers.Layer]:
        parts = with_hidden_noise(ARCHITECTURES[self.arch](self.dtype_policy), self.hidden_noise)
        return self._adapted(with_dropout(parts, self.dropout))

    def _adapted(self, parts: list[keras.layers.Layer]) -> list[keras.layers.Layer]:
        return with_weight_noise(with_normalization(parts, self.normalization), self.weight_noise)

    def call(self, images, training=False):
        maps = images
        for layer in self.trunk:
            maps = layer(maps, training=training) if is_stochastic(layer) else layer(maps)
        features = self.pool(maps) if self.pools else keras.ops.cast(maps, "float32")
        logits = self.head(features)
        if self.encoding:
            logits = keras.ops.mean(self.encode(features), axis=1, keepdims=True) + keras.ops.log_softmax(logits)
        return logits, features

    def encode(self, features: tf.Tensor) -> tf.Tensor:
        """Returns the codes `e` of images: `N(e)`, see `ssgan.terms.standardized`, is noise that gives such an image.

        Args:
            features: float [rows, features] of these images.

        Returns:
            float32 [rows, encoding].

        Raises:
            ValueError: for a discriminator without an encoding.
        """
        if not self.encoding:
            raise ValueError("encoding=0: this discriminator gives no codes; make one with the size of the noise")
        return self.encoder(features)

    def generated_logits(self, features: tf.Tensor) -> tf.Tensor:
        """Returns the logits of "generated" in training, by which those of "real" are less: `logsumexp(l) - g`.

        They are linear in the mean nearness of a row to the others (`ssgan.layers.MinibatchDiscrimination`), so that
        the number of rows does not tell real from generated; without `minibatch_features` they are 0. The class logits
        stay those of an image by itself, and a classifier knows nothing of this.

        Args:
            features: float [rows, features] of real or of generated images, not of both; at least 2 rows.

        Returns:
            float32 [rows].
        """
        rows = tf.shape(features)[0]
        if not self.minibatch_features:
            return tf.zeros([rows])
        others = replicas.count() * rows - 1
        nearness = self.minibatch.nearness(features) / tf.cast(others, tf.float32)
        return tf.squeeze(self.generated(nearness), axis=1)

    def initialize_from_data(self, images: tf.Tensor) -> None:
        """Sets the gains and biases of the weight-normalised layers, and of no other, from a batch of images.

        Of a trunk of one's own, of those in a `keras.Sequential`.

        Reference: arXiv:1602.07868, section 3; the code of arXiv:1606.03498 takes 500 images, with dropout on.

        Args:
            images: float [batch, height, width, channels] in -1..1; a few hundred.
        """
        outputs = images
        for layer in in_a_row(self.trunk):
            if isinstance(layer, WeightNormalized):
                layer.initialize_from_data(outputs)
            outputs = layer(outputs, training=True) if is_stochastic(layer) else layer(outputs)
        self.head.initialize_from_data(self.pool(outputs) if self.pools else outputs)

    def get_config(self) -> dict:
        """Returns the arguments."""
        names = ("num_classes", "arch", "pooling", "normalization", "minibatch_features", "encoding", *_NOISE)
        config = {name: getattr(self, name) for name in names}
        if self.has_own_trunk:
            config["trunk"] = keras.saving.serialize_keras_object(self.trunk[-1])
        return {**config, "halvings": self.halvings, "dtype": self.dtype_policy.name, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "Discriminator":
        """Returns the discriminator with these arguments; one of versions before 0.3 halves no image first."""
        if "trunk" in config:
            config = {**config, "trunk": keras.saving.deserialize_keras_object(config["trunk"])}
        return cls(**{"halvings": 0, **config})


def _built(layer: keras.layers.Layer, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Builds a layer, where it is not, and returns the shape of its outputs."""
    if not layer.built:
        layer.build(input_shape)
    return layer.compute_output_shape(input_shape)
