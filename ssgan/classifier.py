"""The trained discriminator as a plain Keras classifier: no custom layers, pixels in, probabilities out."""

from pathlib import Path

import keras

from ssgan.config import UsageError
from ssgan.layers import WeightNormalized
from ssgan.models import Discriminator

CLASSIFIER_FILE = "classifier.keras"


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


def load_classifier(path: str | Path) -> keras.Model:
    """Loads the classifier of a run.

    Args:
        path: folder of a finished run, or a `.keras` file.

    Returns:
        A plain `keras.Model`: uint8 or float images in 0..255 to class probabilities, see `to_classifier`.

    Raises:
        UsageError: if there is no such file, it is not a `.keras` file, or Keras cannot read it safely.
    """
    path = Path(path)
    file = path / CLASSIFIER_FILE if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"no classifier at {file}; expected the folder of a finished run or a .keras file")
    if file.suffix != ".keras":
        raise UsageError(f"{file}: expected a .keras file; other formats are not safe to load")
    try:
        return keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # a damaged file makes Keras raise nearly anything
        raise UsageError(f"{file} cannot be read as a Keras model ({type(error).__name__}: {error})") from error


def _copy(layer: keras.layers.Layer, inputs: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    """Applies a float32 copy of `layer`, weights included, to `inputs`."""
    if isinstance(layer, WeightNormalized):
        plain, weights = layer.to_plain(), [layer.kernel(), layer.bias]
    else:
        plain = type(layer).from_config({**layer.get_config(), "dtype": "float32"})
        weights = layer.weights
    plain.name = name
    outputs = plain(inputs)
    plain.set_weights([keras.ops.convert_to_numpy(weight) for weight in weights])
    return outputs
