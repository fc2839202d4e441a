"""The plain classifier: equal to the model it was made from, and free of ssgan."""

import functools
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import ssgan
from experiments.robustness import readers
from ssgan.classifier import CLASSIFIER_FILE, to_classifier
from ssgan.errors import UsageError
from ssgan.gan import to_unit_range
from ssgan.models import ARCHITECTURES

SHAPE = (16, 16, 3)


def trained(arch: str, **options) -> ssgan.SSGAN:
    keras.utils.set_random_seed(1)
    discriminator = ssgan.Discriminator(5, arch=arch, **options)
    gan = ssgan.SSGAN(discriminator, ssgan.Generator(SHAPE, width=2, latent_dim=4))
    gan.initialize_from_data(images())
    return gan


def images() -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, (40, *SHAPE)).astype(np.uint8)


@functools.cache
def discriminator_of(arch: str) -> ssgan.Discriminator:
    """Returns one whose batch norms are not the initial ones, and whose weights an optimizer may change."""
    discriminator, rng = trained(arch).discriminator, np.random.default_rng(0)
    for layer in discriminator.trunk:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 2, weight.shape) for weight in layer.get_weights()])
    return discriminator


every_arch = pytest.mark.parametrize("arch", list(ARCHITECTURES))


@every_arch
def test_it_has_no_layer_that_training_turns_on(arch):
    discriminator = discriminator_of(arch)
    classifier = to_classifier(discriminator, SHAPE)
    kinds = {type(layer).__name__ for layer in classifier.layers}
    assert kinds == {"InputLayer", "Rescaling", "Conv2D", "LeakyReLU", "GlobalMaxPooling2D", "Dense", "Softmax"}
    ends = keras.Model(classifier.input, [classifier.get_layer(name).output for name in ("logits", "features")])
    for found, expected in zip(ends(images()), discriminator(to_unit_range(images())), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


# `paper_cifar` is `paper_svhn` with other numbers of filters.
@pytest.mark.parametrize(
    "arch, resized", [("small", False), ("small", True), ("tiny", True), ("paper_svhn", True), ("article", True)]
)
def test_calls_predictions_and_the_exported_model_agree(arch, resized, tmp_path):
    model, pixels = to_classifier(discriminator_of(arch), SHAPE), images()[:4]
    expected = model.predict(pixels, verbose=0)
    if resized:
        model = keras.Sequential([keras.layers.Resizing(*SHAPE[:2]), model])  # Keras tells what follows that it trains
        np.testing.assert_allclose(model.predict(pixels, verbose=0), expected, atol=1e-5)
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(tmp_path / "exported")
    for outputs in (model(pixels), exported.serve(pixels), model(pixels), exported.serve(pixels)):
        np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize("arch", ["small", "article"])
def test_every_layer_can_be_trained_further(arch):
    classifier = to_classifier(trained(arch).ema_discriminator, SHAPE)
    before = classifier.get_weights()
    classifier.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    classifier.train_on_batch(images(), np.arange(40) % 5)
    assert len(classifier.trainable_weights) == len(before)
    assert all((old != new).any() for old, new in zip(before, classifier.get_weights(), strict=True))


@pytest.mark.parametrize(
    "before",
    [
        keras.layers.LeakyReLU(),
        keras.layers.Conv2D(2, 3, activation="relu"),
        keras.layers.Conv2D(2, 3, use_bias=False),
    ],
)
def test_a_batch_norm_that_cannot_be_folded_is_refused(before, monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "norm", lambda dtype: [before, keras.layers.BatchNormalization()])
    discriminator = ssgan.Discriminator(5, arch="norm")
    discriminator.build((None, *SHAPE))
    with pytest.raises(ValueError, match="a batch norm follows trunk_1, a .*; expected a Conv2D with a bias"):
        to_classifier(discriminator, SHAPE)


@pytest.mark.parametrize("arch, dtype", [("small", "float32"), ("article", "mixed_bfloat16")])
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


def test_one_image_after_another_is_traced_once_and_gives_what_predict_gives(tmp_path):
    to_classifier(trained("tiny").ema_discriminator, SHAPE).save(tmp_path / CLASSIFIER_FILE)
    classifier = ssgan.load_classifier(tmp_path)
    expected = classifier(images())
    for count in (1, 1, 7, 1, 40, 3):
        found = classifier.predict_on_batch(images()[:count])
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(found, expected[:count], atol=1e-6)
    assert classifier.predict_function.experimental_get_tracing_count() <= 2  # for one image, and for any number


def test_a_gpu_does_not_make_keras_compile_it_for_every_number_of_images(tmp_path, monkeypatch):
    path = tmp_path / CLASSIFIER_FILE
    to_classifier(trained("tiny").ema_discriminator, SHAPE).save(path)
    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [gpu])
    assert keras.models.load_model(path).jit_compile and not ssgan.load_classifier(path).jit_compile


def test_layers_that_training_turns_on_stay_off_in_a_file_that_has_them(tmp_path):
    inputs = keras.Input(SHAPE)
    outputs = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(inputs))
    outputs = keras.layers.Dropout(0.5)(keras.layers.GaussianNoise(0.5)(outputs))
    keras.Model(inputs, outputs).save(tmp_path / CLASSIFIER_FILE)
    loaded = ssgan.load_classifier(tmp_path)
    np.testing.assert_array_equal(loaded(images(), training=True), loaded(images()))


def test_what_is_no_classifier_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no classifier at"):
        ssgan.load_classifier(tmp_path)
    (tmp_path / "old.h5").write_bytes(b"")
    with pytest.raises(UsageError, match=r"expected a \.keras file"):
        ssgan.load_classifier(tmp_path / "old.h5")
    (tmp_path / CLASSIFIER_FILE).write_bytes(b"not a zip file")
    with pytest.raises(UsageError, match="classifier.keras cannot be loaded: "):
        ssgan.load_classifier(tmp_path)


def test_of_a_gan_it_is_said_where_its_classifier_is(tmp_path):
    path = readers.make_gan(tmp_path)
    with pytest.raises(UsageError, match="holds the whole GAN.*classifier.keras beside it.*ssgan.to_classifier"):
        ssgan.load_classifier(path)


def test_a_discriminator_knows_its_images():
    gan = trained("small")
    assert ssgan.to_classifier(gan.ema_discriminator).input_shape == (None, *SHAPE)
    with pytest.raises(ValueError, match="the discriminator has no weights yet; build it"):
        ssgan.to_classifier(ssgan.Discriminator(5))


def test_code_inside_a_file_is_not_run(tmp_path):
    inputs = keras.Input(SHAPE)
    outputs = keras.layers.Lambda(lambda pixels: pixels * 2)(inputs)
    keras.Model(inputs, outputs).save(tmp_path / CLASSIFIER_FILE)
    with pytest.raises(UsageError, match="classifier.keras cannot be loaded: "):
        ssgan.load_classifier(tmp_path)
