"""The plain classifier: equal to the model it was made from, and free of ssgan."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import ssgan
from ssgan.classifier import CLASSIFIER_FILE, to_classifier
from ssgan.config import UsageError

SHAPE = (16, 16, 3)


def trained(arch: str, **options) -> ssgan.SSGAN:
    keras.utils.set_random_seed(1)
    discriminator = ssgan.Discriminator(5, arch=arch, **options)
    gan = ssgan.SSGAN(discriminator, ssgan.Generator(SHAPE, width=2, latent_dim=4))
    gan.initialize_from_data(images())
    return gan


def images() -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, (40, *SHAPE)).astype(np.uint8)


@pytest.mark.parametrize("arch", ["small", "article", "paper_svhn", "paper_cifar"])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_it_agrees_with_the_gan(arch, dtype):
    gan = trained(arch, dtype=dtype, pooling="max")
    classifier = to_classifier(gan.ema_discriminator, SHAPE)
    np.testing.assert_allclose(classifier(images()), gan.predict(images(), verbose=0), atol=1e-5)


def test_a_global_policy_does_not_change_it():
    gan = trained("small")
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        classifier = to_classifier(gan.ema_discriminator, SHAPE)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    np.testing.assert_allclose(classifier(images()), gan.predict(images(), verbose=0), atol=1e-5)


def test_uint8_and_float_pixels_give_the_same():
    classifier = to_classifier(trained("small").ema_discriminator, SHAPE)
    np.testing.assert_array_equal(classifier(images()), classifier(images().astype(np.float32)))


def test_the_file_loads_in_a_process_without_ssgan(tmp_path):
    classifier = to_classifier(trained("paper_svhn").ema_discriminator, SHAPE)
    classifier.save(tmp_path / CLASSIFIER_FILE)
    np.save(tmp_path / "images.npy", images())
    script = (
        "import keras, numpy as np, sys\n"
        "model = keras.models.load_model('classifier.keras')\n"
        "assert not any(name.startswith('ssgan') for name in sys.modules)\n"
        "np.save('out.npy', model.predict(np.load('images.npy'), verbose=0))\n"
    )
    # -I leaves the working directory and PYTHONPATH out of the module path.
    subprocess.run([sys.executable, "-I", "-c", script], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), classifier(images()), atol=1e-6)


@pytest.mark.parametrize("where", ["folder", "file"])
def test_load_classifier_takes_a_run_or_a_file(where, tmp_path):
    classifier = to_classifier(trained("small").ema_discriminator, SHAPE)
    classifier.save(tmp_path / CLASSIFIER_FILE)
    loaded = ssgan.load_classifier(tmp_path if where == "folder" else tmp_path / CLASSIFIER_FILE)
    np.testing.assert_array_equal(loaded(images()), classifier(images()))


def test_what_is_no_classifier_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no classifier at"):
        ssgan.load_classifier(tmp_path)
    (tmp_path / "old.h5").write_bytes(b"")
    with pytest.raises(UsageError, match=r"expected a \.keras file"):
        ssgan.load_classifier(tmp_path / "old.h5")
    (tmp_path / CLASSIFIER_FILE).write_bytes(b"not a zip file")
    with pytest.raises(UsageError, match="classifier.keras cannot be loaded: "):
        ssgan.load_classifier(tmp_path)


def test_code_inside_a_file_is_not_run(tmp_path):
    inputs = keras.Input(SHAPE)
    outputs = keras.layers.Lambda(lambda pixels: pixels * 2)(inputs)
    keras.Model(inputs, outputs).save(tmp_path / CLASSIFIER_FILE)
    with pytest.raises(UsageError, match="classifier.keras cannot be loaded: "):
        ssgan.load_classifier(tmp_path)
