"""A tiny run that format version 1 wrote is still read, with the outputs it had then.

`python -m tests.test_golden` wrote `tests/golden/v1`, which is not to be written again; a new version goes beside it.
"""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import ssgan
from ssgan.classifier import CLASSIFIER_FILE, to_classifier
from ssgan.layers import WeightNormConv2D
from ssgan.models import architectures
from ssgan.store import checkpoint, npz
from tests.test_gan import make_batch

GOLDEN = Path(__file__).parent / "golden" / "v1"
SHAPE = (16, 16, 1)


def tiny(dtype) -> list[keras.layers.Layer]:
    conv = WeightNormConv2D(4, 3, strides=2, dtype=dtype)
    return [keras.layers.Dropout(0.2, dtype=dtype), conv, keras.layers.LeakyReLU(0.2, dtype=dtype)]


@pytest.fixture
def gan(monkeypatch) -> ssgan.SSGAN:
    monkeypatch.setitem(architectures.ARCHITECTURES, "small", tiny)
    return tiny_gan()


def tiny_gan() -> ssgan.SSGAN:
    discriminator = ssgan.Discriminator(3, pooling="average")  # the default of that version
    gan = ssgan.SSGAN(discriminator, ssgan.Generator(SHAPE, width=1, latent_dim=4))
    gan.compile(keras.optimizers.Adam(1e-3, 0.5), keras.optimizers.Adam(1e-3, 0.5), generated_batch=4)
    return gan


def write() -> None:
    architectures.ARCHITECTURES["small"] = tiny
    keras.utils.set_random_seed(0)
    gan = tiny_gan()
    images, labels, mask = make_batch()
    gan.initialize_from_data(images)
    gan.fit(tf.data.Dataset.from_tensors((images, labels, mask)).repeat(3), shuffle=False, verbose=0)
    arrays = {name: keras.ops.convert_to_numpy(variable) for name, variable in gan.state().items()}
    checkpoint.save(GOLDEN, checkpoint.Checkpoint(3, arrays, {"made_with": f"keras {keras.__version__}"}), keep=1)
    to_classifier(gan.ema_discriminator, SHAPE).save(GOLDEN / CLASSIFIER_FILE)
    noise = np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 4)
    np.savez(
        GOLDEN / "expected.npz",
        images=images,
        probabilities=gan.predict(images, verbose=0),
        noise=noise,
        generated=np.asarray(gan.generator(noise, training=False)),
    )


@pytest.fixture
def expected() -> dict[str, np.ndarray]:
    return npz.read_npz(GOLDEN / "expected.npz", max_bytes=10**6)


def test_the_checkpoint_is_restored(gan, expected):
    saved = checkpoint.load(GOLDEN / "step_000000003")
    gan.restore(saved.arrays)
    assert saved.step == int(gan.steps_done) == int(gan.d_optimizer.iterations) == 3
    np.testing.assert_allclose(gan.predict(expected["images"], verbose=0), expected["probabilities"], atol=1e-6)
    generated = np.asarray(gan.generator(expected["noise"], training=False))
    np.testing.assert_allclose(generated, expected["generated"], atol=1e-5)


def test_the_classifier_is_loaded(expected):
    classifier = ssgan.load_classifier(GOLDEN / CLASSIFIER_FILE)
    np.testing.assert_allclose(classifier.predict(expected["images"], verbose=0), expected["probabilities"], atol=1e-6)
    # That version kept the dropout in the file.
    in_training = classifier(expected["images"], training=True)
    np.testing.assert_allclose(in_training, expected["probabilities"], atol=1e-6)


if __name__ == "__main__":
    write()
