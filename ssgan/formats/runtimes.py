"""The formats: what is written, what it takes, and how it is run without Keras and without ssgan."""

import dataclasses
import importlib.util
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ssgan.errors import UsageError

if TYPE_CHECKING:
    import keras

INPUT, OUTPUT = "images", "probabilities"
# Without this module, OpenVINO does not report to its authors that it is used.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

Runner = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Format:
    """A format of a classifier.

    Attributes:
        file: its main file in the folder of an export; "." for all of the folder.
        keras_name: what Keras calls it; "" for Keras' own, which is copied.
        packages: what is needed to write and to run it, by the name of the module to import; beside TensorFlow.
        load: given that file, returns a function from uint8 images [batch, height, width, channels] to probabilities.
        usage: the same as Python code for people, in the folder of the export: `probabilities` of `images`.
    """

    file: str
    keras_name: str
    packages: tuple[str, ...]
    load: Callable[[Path], Runner]
    usage: str


def check_installed(name: str) -> None:
    """Raises a UsageError, which says what to install, if a package that a format needs is missing."""
    missing = [package for package in FORMATS[name].packages if not importlib.util.find_spec(package)]
    if missing:
        raise UsageError(
            f"--format={name} needs {', '.join(missing)}, which cannot be imported: pip install 'ssgan[{name}]'"
        )


def write(classifier: "keras.Model", name: str, path: Path) -> None:
    """Converts a classifier to one of `FORMATS` but Keras' own.

    It takes uint8 `images`, any number at once, and gives float32 `probabilities`.

    Args:
        classifier: as `ssgan.load_classifier` returns it.
        name: of the format.
        path: the file, or the folder, to write.
    """
    import keras

    named = keras.Model(classifier.input, {OUTPUT: classifier.output}, name=classifier.name)
    signature = [keras.InputSpec("uint8", classifier.input_shape, name=INPUT)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the converters, to their own authors
        named.export(str(path), format=FORMATS[name].keras_name, input_signature=signature, verbose=False)


def _keras(path: Path) -> Runner:
    from ssgan.classifier import load_classifier

    return load_classifier(path).predict_on_batch


def _saved_model(path: Path) -> Runner:
    import tensorflow as tf

    model = tf.saved_model.load(path)
    return lambda images: model.serve(images)[OUTPUT].numpy()


def _onnx(path: Path) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: session.run([OUTPUT], {INPUT: images})[0]


def _litert(path: Path) -> Runner:
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(path)).get_signature_runner()
    return lambda images: run(**{INPUT: images})[OUTPUT]


def _openvino(path: Path) -> Runner:
    import openvino

    # Where the processor has matrix units, OpenVINO would compute in bfloat16.
    compiled = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: compiled({INPUT: images})[OUTPUT]


FORMATS = {
    "keras": Format(
        file="classifier.keras",
        keras_name="",
        packages=(),
        load=_keras,
        usage="""\
import keras

classifier = keras.models.load_model("classifier.keras")
probabilities = classifier.predict_on_batch(images)""",
    ),
    "saved_model": Format(
        file=".",
        keras_name="tf_saved_model",
        packages=(),
        load=_saved_model,
        usage="""\
import tensorflow as tf

classifier = tf.saved_model.load(".")
probabilities = classifier.serve(images)["probabilities"].numpy()""",
    ),
    "onnx": Format(
        file="classifier.onnx",
        keras_name="onnx",
        packages=("onnx", "tf2onnx", "onnxruntime"),
        load=_onnx,
        usage="""\
import onnxruntime

session = onnxruntime.InferenceSession("classifier.onnx", providers=["CPUExecutionProvider"])
probabilities = session.run(["probabilities"], {"images": images})[0]""",
    ),
    "litert": Format(
        file="classifier.tflite",
        keras_name="litert",
        packages=("ai_edge_litert",),
        load=_litert,
        usage="""\
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter("classifier.tflite")
probabilities = interpreter.get_signature_runner()(images=images)["probabilities"]""",
    ),
    "openvino": Format(
        file="classifier.xml",
        keras_name="openvino",
        packages=("openvino",),
        load=_openvino,
        usage="""\
import openvino

classifier = openvino.compile_model("classifier.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
probabilities = classifier({"images": images})["probabilities"]""",
    ),
}
