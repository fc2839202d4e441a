"""The trained discriminator as a plain Keras classifier: no custom layers, pixels in, probabilities out."""

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from ssgan.errors import UsageError
from ssgan.layers import RecomputedKernel
from ssgan.models import Discriminator
from ssgan.store import keras_files

CLASSIFIER_FILE = "classifier.keras"
_FUNCTIONAL = "keras.src.models.functional.Functional"  # what Keras calls a model of its functional kind in a file
_GAN = {
    "ssgan.gan.SSGAN": "it holds the whole GAN; the classifier is classifier.keras beside it, or "
    "ssgan.to_classifier(keras.models.load_model(...).ema_discriminator)"
}
_NOISE = (
    *(keras.layers.Dropout, keras.layers.GaussianNoise, keras.layers.GaussianDropout, keras.layers.AlphaDropout),
    *(keras.layers.SpatialDropout1D, keras.layers.SpatialDropout2D),
)
_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")
# What `to_classifier` writes, or wrote in format version 1, and plain layers that a trunk may have.
_PARTS = (
    "keras.DTypePolicy",
    *(f"keras.initializers.{name}" for name in ("GlorotUniform", "Ones", "Zeros")),
    *(f"keras.layers.{name}" for name in ("InputLayer", "Rescaling", "Conv2D", "Dense", "BatchNormalization")),
    *(f"keras.layers.{name}" for name in ("LeakyReLU", "ReLU", "Softmax", "Dropout", "GaussianNoise")),
    *(f"keras.layers.{name}" for name in ("GlobalAveragePooling2D", "GlobalMaxPooling2D", "Flatten", "Reshape")),
    *(f"keras.layers.{name}" for name in ("Identity", "Activation", "ELU", "PReLU", "Add", "Multiply", "Concatenate")),
    *(f"keras.layers.{name}" for name in ("AveragePooling2D", "MaxPooling2D", "ZeroPadding2D", "LayerNormalization")),
    *(f"keras.layers.{name}" for name in ("DepthwiseConv2D", "SeparableConv2D", "GroupNormalization")),
    *(f"keras.src.ops.numpy.{name}" for name in ("Take", "Transpose", "Reshape", "Concatenate", "Subtract", "Mean")),
    "keras.src.ops.core.Cast",
    _FUNCTIONAL,
    "keras.Sequential",
)


def to_classifier(discriminator: Discriminator, image_shape: tuple[int, int, int] | None = None) -> keras.Model:
    """Copies a discriminator into a functional model of plain Keras layers.

    Weight, spectral and batch normalisation are folded into the kernels (`w = g v / ||v||`), dropout and noise are left
    out, and pixel scaling is inside: the model can be loaded and used by Keras alone, and gives the same whether it is
    told that it trains or not. Its layer `features` gives the pooled features, for a new head.

    Args:
        discriminator: a built discriminator, customarily `gan.ema_discriminator`.
        image_shape: (height, width, channels) of the images; None for those that the discriminator was built for.

    Returns:
        A float32 model: uint8 or float images [batch, height, width, channels] in 0..255 to class probabilities
        [batch, K].

    Raises:
        ValueError: if the discriminator was not built, or a batch norm does not directly follow a convolution.
    """
    if not discriminator.built:
        raise ValueError("the discriminator has no weights yet; build it, or call it on images, before it is copied")
    image_shape = image_shape or tuple(discriminator.get_build_config()["input_shape"][1:])
    inputs = keras.Input(image_shape, name="images")
    plain = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_unit_range", dtype="float32")
    outputs = plain(inputs)
    for number, layer in enumerate(discriminator.trunk, start=1):
        if isinstance(layer, keras.Model):
            plain = _settled_copy(layer)
            outputs = plain(outputs)
        elif isinstance(layer, keras.layers.BatchNormalization):
            _fold(layer, into=plain)
        elif not isinstance(layer, _NOISE):
            plain = _copy(layer, outputs.shape, name=f"trunk_{number}")
            outputs = plain(outputs)
    pool = discriminator.pool if discriminator.pools else keras.layers.Identity()
    outputs = _copy(pool, outputs.shape, name="features")(outputs)
    outputs = _logits(discriminator, outputs)
    outputs = keras.layers.Softmax(name="probabilities", dtype="float32")(outputs)
    return keras.Model(inputs, outputs, name="classifier")


def load_classifier(path: str | Path, sha256: str | None = None) -> keras.Model:
    """Loads the classifier of a run; the file may come from anyone, see `ssgan.store.keras_files`.

    Args:
        path: folder of a finished run, or a `.keras` file.
        sha256: the digest that the file must have, in hexadecimal; None for any.

    Returns:
        A plain `keras.Model`: uint8 or float images in 0..255 to class probabilities, see `to_classifier`. For one
        image after another, `predict_on_batch(images)` takes little more than the network itself; Keras' `predict`,
        made for many images, takes tens of milliseconds more a call.

    Raises:
        UsageError: if there is no such file, it has another digest, or it is no classifier that ssgan wrote.
    """
    path = Path(path)
    file = path / CLASSIFIER_FILE if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"no classifier at {file}; expected the folder of a finished run or a .keras file")
    if file.suffix != ".keras":
        raise UsageError(f"{file}: expected a .keras file; other formats are not safe to load")
    return _settle(keras_files.load(file, root=_FUNCTIONAL, parts=_PARTS, sha256=sha256, mistaken=_GAN))


def logits_of(classifier: keras.Model) -> keras.Model:
    """Returns a classifier without its last layer, the softmax.

    Raises:
        UsageError: if that is another one.
    """
    last = classifier.layers[-1]
    if not isinstance(last, keras.layers.Softmax):
        raise UsageError(f"the classifier ends in a {type(last).__name__}; expected the Softmax that ssgan writes")
    return keras.Model(classifier.input, last.input)


def with_temperature(classifier: keras.Model, temperature: float) -> keras.Model:
    """Returns a classifier whose logits are divided by a temperature before the softmax (arXiv:1706.04599)."""
    logits = logits_of(classifier)
    divided = keras.layers.Rescaling(1 / temperature, name="divided", dtype="float32")(logits.output)
    return keras.Model(logits.input, keras.layers.Softmax(name="probabilities", dtype="float32")(divided))


def shift_logits(classifier: keras.Model, by: npt.NDArray[np.floating]) -> None:
    """Changes the bias of a classifier from `to_classifier`, so that a number is added to each of its K logits.

    Of one that encodes, the probabilities change likewise, and the sum of the exponentials of the logits stays.
    """
    names = {layer.name for layer in classifier.layers}
    head = classifier.get_layer("classes" if "classes" in names else "logits")
    kernel, bias = head.get_weights()
    head.set_weights([kernel, bias + by])


def _logits(discriminator: Discriminator, features: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the class logits of features; of one that encodes, `mean(e) + log softmax(c)`, see `Discriminator`."""
    if not discriminator.encoding:
        return _copy(discriminator.head, features.shape, name="logits")(features)
    classes = _copy(discriminator.head, features.shape, name="classes")(features)
    classes = keras.layers.Activation("log_softmax", name="log_probabilities", dtype="float32")(classes)
    real = keras.layers.Dense(1, name="mean_code", dtype="float32")
    real.build(features.shape)
    real.set_weights([np.mean(weight, axis=-1, keepdims=True) for weight in discriminator.encoder.get_weights()])
    return keras.layers.Add(name="logits", dtype="float32")([real(features), classes])


def _copy(layer: keras.layers.Layer, input_shape: tuple[int | None, ...], *, name: str) -> keras.layers.Layer:
    """Returns a trainable float32 copy of `layer`, weights included."""
    config = {**layer.get_config(), "dtype": "float32", "trainable": True}
    plain = layer.to_plain() if isinstance(layer, RecomputedKernel) else type(layer).from_config(config)
    plain.name = name
    plain.build(input_shape)
    plain.set_weights(_plain_weights(layer))
    return plain


def _plain_weights(layer: keras.layers.Layer) -> list[np.ndarray]:
    """Returns the weights of a layer, or of a model, as those of plain Keras layers that do the same."""
    if isinstance(layer, keras.Model):
        return [weight for part in layer.layers for weight in _plain_weights(part)]
    weights = [layer.kernel(), layer.bias] if isinstance(layer, RecomputedKernel) else layer.weights
    return [keras.ops.convert_to_numpy(weight) for weight in weights]


def _settled_copy(model: keras.Model) -> keras.Model:
    """Returns a copy of a model, weights included, that does the same in training as outside of it.

    Raises:
        ValueError: if it is of a class of its own, into which nothing can be looked.
    """

    def settled(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, _NOISE):
            return keras.layers.Identity(name=layer.name)
        if isinstance(layer, RecomputedKernel):
            return layer.to_plain()
        config = {name: value for name, value in layer.get_config().items() if not name.endswith(_OF_TRAINING)}
        copy = type(layer).from_config(config | ({"dtype": "float32"} if "dtype" in config else {}))
        if isinstance(layer, keras.layers.BatchNormalization):
            copy.trainable = False
        return copy

    if type(model).__name__ not in ("Functional", "Sequential"):
        raise ValueError(f"the trunk is a {type(model).__name__}; expected a functional or sequential Keras model")
    copy = keras.models.clone_model(model, clone_function=settled, recursive=True)
    kept = {layer.name: layer for layer in model.layers}
    for layer in copy.layers:
        if layer.weights:
            layer.set_weights(_plain_weights(kept[layer.name]))
    return copy


def _fold(norm: keras.layers.BatchNormalization, *, into: keras.layers.Layer) -> None:
    """Changes the weights of a convolution to do what the batch norm after it does outside of training, too."""
    if not (isinstance(into, keras.layers.Conv2D) and into.use_bias and into.activation is keras.activations.linear):
        raise ValueError(
            f"a batch norm follows {into.name}, a {type(into).__name__}; expected a Conv2D with a bias and no "
            "activation, to fold the batch norm into"
        )
    gamma, beta, mean, variance = norm.get_weights()
    scale = gamma / np.sqrt(variance + norm.epsilon)
    kernel, bias = into.get_weights()
    into.set_weights([kernel * scale, (bias - mean) * scale + beta])


def _settle(classifier: keras.Model) -> keras.Model:
    """Makes what format version 1 left in a file do the same in training: Keras' `Resizing` tells all after it so."""
    for layer in classifier.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
        elif isinstance(layer, keras.layers.GaussianNoise):
            layer.stddev = 0.0
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    classifier.jit_compile = False  # on a GPU, Keras would have XLA compile anew for every number of images
    return classifier
