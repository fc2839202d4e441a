"""The trained discriminator as a plain Keras classifier: no custom layers, pixels in, probabilities out."""

from pathlib import Path

import keras

from ssgan import keras_files
from ssgan.config import UsageError
from ssgan.layers import WeightNormalized
from ssgan.models import Discriminator

CLASSIFIER_FILE = "classifier.keras"
_FUNCTIONAL = "keras.src.models.functional.Functional"  # what Keras calls a model of its functional kind in a file
# What `to_classifier` writes, and plain layers that a discriminator may come to have.
_PARTS = (
    "keras.DTypePolicy",
    *(f"keras.initializers.{name}" for name in ("GlorotUniform", "Ones", "Zeros")),
    *(f"keras.layers.{name}" for name in ("InputLayer", "Rescaling", "Conv2D", "Dense", "BatchNormalization")),
    *(f"keras.layers.{name}" for name in ("LeakyReLU", "ReLU", "Softmax", "Dropout", "GaussianNoise")),
    *(f"keras.layers.{name}" for name in ("GlobalAveragePooling2D", "GlobalMaxPooling2D", "Flatten", "Reshape")),
)


def to_classifier(discriminator: Discriminator, image_shape: tuple[int, int, int]) -> keras.Model:
    """Copies a discriminator into a functional model of plain Keras layers.

    Weight normalisation is folded into the kernels (`w = g v / ||v||`), pixel scaling is inside, so the model can be
    loaded and used by Keras alone. Its layer `features` gives the pooled features, for a new head.

    Args:
        discriminator: a built discriminator, customarily `gan.ema_discriminator`.
        image_shape: (height, width, channels) of the images.

    Returns:
        A float32 model: uint8 or float images [batch, height, width, channels] in 0..255 to class probabilities
        [batch, K].
    """
    inputs = keras.Input(image_shape, name="images")
    outputs = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_unit_range", dtype="float32")(inputs)
    for number, layer in enumerate(discriminator.trunk, start=1):
        outputs = _copy(layer, outputs, name=f"trunk_{number}")
    outputs = _copy(discriminator.pool, outputs, name="features")
    outputs = _copy(discriminator.head, outputs, name="logits")
    outputs = keras.layers.Softmax(name="probabilities", dtype="float32")(outputs)
    return keras.Model(inputs, outputs, name="classifier")


def load_classifier(path: str | Path, sha256: str | None = None) -> keras.Model:
    """Loads the classifier of a run; the file may come from anyone, see `ssgan.keras_files`.

    Args:
        path: folder of a finished run, or a `.keras` file.
        sha256: the digest that the file must have, in hexadecimal; None for any.

    Returns:
        A plain `keras.Model`: uint8 or float images in 0..255 to class probabilities, see `to_classifier`.

    Raises:
        UsageError: if there is no such file, it has another digest, or it is no classifier that ssgan wrote.
    """
    path = Path(path)
    file = path / CLASSIFIER_FILE if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"no classifier at {file}; expected the folder of a finished run or a .keras file")
    if file.suffix != ".keras":
        raise UsageError(f"{file}: expected a .keras file; other formats are not safe to load")
    return keras_files.load(file, root=_FUNCTIONAL, parts=_PARTS, sha256=sha256)


def _copy(layer: keras.layers.Layer, inputs: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    """Applies a float32 copy of `layer`, weights included, to `inputs`."""
    config = {**layer.get_config(), "dtype": "float32"}
    plain = layer.to_plain() if hasattr(layer, "to_plain") else type(layer).from_config(config)
    weights = [layer.kernel(), layer.bias] if isinstance(layer, WeightNormalized) else layer.weights
    plain.name = name
    outputs = plain(inputs)
    plain.set_weights([keras.ops.convert_to_numpy(weight) for weight in weights])
    return outputs
