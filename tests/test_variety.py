"""Mode collapse is seen while a generator trains, and said once."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ssgan
from ssgan import quality
from ssgan.options import Config
from ssgan.training import sources
from ssgan.training.callbacks import Variety

SHAPE, CLASSES = (16, 16, 1), 3


@pytest.fixture
def gan(monkeypatch):
    """A GAN that draws what `gan.pictures` says, of classes and noise, and knows the classes by their brightness."""
    gan = ssgan.SSGAN(
        ssgan.Discriminator(CLASSES, arch="tiny"),
        ssgan.Generator(SHAPE, width=1, latent_dim=4, num_classes=CLASSES),
    )
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    gan.g_optimizer.iterations.assign(1)
    monkeypatch.setattr(gan.ema_generator, "call", lambda inputs, training: gan.pictures(*inputs))
    monkeypatch.setattr(
        gan,
        "probabilities",
        lambda images, **_: np.eye(CLASSES)[np.clip(images.mean(axis=(1, 2, 3)) // 85, 0, 2).astype(int)],
    )
    return gan


def varied(noise, classes):
    """Of each class its brightness, and strong stripes that the noise places."""
    rows = tf.tile(tf.repeat(noise, 4, axis=1)[:, :, tf.newaxis, tf.newaxis], [1, 1, 16, 1])
    level = (tf.cast(classes, tf.float32) - 1.0) * 0.66
    return level[:, tf.newaxis, tf.newaxis, tf.newaxis] + 0.3 * (
        rows - tf.reduce_mean(rows, axis=[1, 2], keepdims=True)
    )


def same(noise, classes):
    return varied(0.0 * noise + tf.constant([0.1, 0.9, 0.3, 0.7]), classes)


def without_last(noise, classes):
    return varied(noise, classes % 2)


def real_like():
    noise = tf.random.stateless_uniform([300, 4], [1, 2])
    classes = np.arange(300) % CLASSES
    pixels = ssgan.samples.to_pixels(varied(noise, classes).numpy())
    return quality.real_classes(pixels, classes, num_classes=CLASSES)


def looks(gan, pictures, *, steps, total_steps=100):
    """Returns the logs of each step, with a look at every one."""
    callback = Variety(real_like(), class_names=("dark", "grey", "light"), total_steps=total_steps, log_every=1, seed=0)
    callback.set_model(gan)
    gan.pictures = pictures
    found = []
    for step in steps:
        gan._step = step
        found.append({})
        callback.on_train_batch_end(step, found[-1])
    return found


def test_nothing_is_said_of_varied_images(gan, capsys):
    found = looks(gan, varied, steps=range(20, 25))
    assert all(logs["classes_drawn"] == 3 for logs in found)
    assert found[0]["class_variety"] == pytest.approx(1, abs=0.15)
    assert capsys.readouterr().out == ""


def test_the_third_look_in_a_row_says_that_all_images_of_a_class_are_the_same(gan, capsys):
    found = looks(gan, same, steps=range(20, 25))
    assert found[0]["class_variety"] < 0.1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("*** step 22: mode collapse: the generator draws nearly the same picture each time of dark,")
    assert "To try: --mode_seeking_weight" in line


def test_missing_classes_are_counted(gan, capsys):
    found = looks(gan, without_last, steps=range(20, 23))
    assert found[0]["classes_drawn"] == 2
    assert "hardly any light" in capsys.readouterr().out


def test_no_look_in_the_first_tenth_or_before_the_generator_was_trained(gan, capsys):
    assert np.isnan(looks(gan, same, steps=[9])[0]["class_variety"])
    gan.g_optimizer.iterations.assign(0)
    assert np.isnan(looks(gan, same, steps=[50])[0]["class_variety"])
    assert not capsys.readouterr().out


class Images:
    image_shape, class_names = SHAPE, ("a", "b")

    def __init__(self, count):
        self.labels = (np.arange(count) % 2).astype(np.int32)
        self.pixels = np.random.RandomState(0).randint(0, 256, (count, *SHAPE)).astype(np.uint8)

    def __len__(self):
        return len(self.labels)

    def read(self, rows):
        return self.pixels[rows]


def test_generated_images_are_held_against_those_whose_label_may_be_looked_at():
    images, known = Images(60), np.arange(60) < 30
    real, names = sources.to_be_drawn(Config(labels=30), images, known)
    expected = quality.real_classes(images.pixels[:30], images.labels[:30], num_classes=2)
    assert names == ("a", "b")
    np.testing.assert_allclose(real.variety, expected.variety)
    assert sources.to_be_drawn(Config(gan_weight=0), images, known) is None
    plain, names = sources.to_be_drawn(Config(labels=0), images, known)
    assert (names, plain.frequencies.tolist()) == (("all images",), [1.0])
