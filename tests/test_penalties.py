import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan import terms
from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.training import build
from tests.test_gan import make_batch, make_gan, step, without_dropout


class Linear(keras.Model):
    """Two equal logits, 3 x + 4 y of an image of two pixels, times a weight: `u = w (3 x + 4 y) + log 2`."""

    has_batch_statistics, minibatch_features = False, 0

    def build(self, _):
        self.slope = self.add_weight(name="slope", shape=(), initializer="ones")

    def call(self, images, training=False):
        logits = self.slope * tf.tensordot(images, [[3.0], [4.0]], [[1, 2], [1, 0]])
        return tf.repeat(logits, 2, axis=1), logits


def penalty(discriminator, images):
    passes = terms.Passes(real=terms.Rows(images, images, images), seeds=None)
    return terms.R1()(passes, discriminator)


def test_r1_by_hand():
    linear = Linear()
    linear.build(None)
    images = tf.random.stateless_normal([5, 1, 2, 1], [1, 2])
    with tf.GradientTape() as tape:
        value = penalty(linear, images)
    assert 10 * value.numpy() == pytest.approx(125)  # gamma / 2 * (3^2 + 4^2)
    assert tape.gradient(value, linear.slope).numpy() == pytest.approx(25)  # of w^2 / 2 * 25, at w = 1


def test_its_gradient_is_that_of_finite_differences():
    gan = without_dropout(make_gan())
    for layer in gan.discriminator.trunk:
        if isinstance(layer, keras.layers.LeakyReLU):
            layer.negative_slope = 1.0  # smooth: a kink between two points would not be seen by the gradient
    images = tf.random.stateless_uniform([3, 16, 16, 1], [1, 2], -1.0, 1.0)
    weight = gan.discriminator.head.direction
    with tf.GradientTape() as tape:
        value = penalty(gan.discriminator, images)
    gradient, start = tape.gradient(value, weight.value).numpy(), weight.numpy()
    direction = np.random.RandomState(0).normal(size=start.shape).astype(np.float32)
    ends = []
    for distance in (-1e-3, 1e-3):
        weight.assign(start + distance * direction)
        ends.append(float(penalty(gan.discriminator, images)))
    assert (gradient * direction).sum() == pytest.approx((ends[1] - ends[0]) / 2e-3, rel=0.02)


def test_it_has_its_weight_in_the_steps_of_the_gan_alone():
    losses = {}
    for weight in (0.0, 1.0, 3.0):
        keras.utils.set_random_seed(0)
        d_terms = [terms.Supervised(), terms.Adversarial(), terms.R1(weight)]
        gan = without_dropout(make_gan(d_rate=0.0, g_rate=0.0, gan_every=2, d_terms=d_terms))
        logs = [step(gan, make_batch()), gan.reset_metrics(), step(gan, make_batch())]
        losses[weight] = float(logs[0]["d_loss"])
        assert float(logs[0]["r1"]) > 0 and float(logs[2]["r1"]) == 0
    assert losses[3.0] - losses[0.0] == pytest.approx(3 * (losses[1.0] - losses[0.0]), rel=1e-3)


def test_the_option_makes_the_term():
    assert [term.name for term in build.d_terms(Config())] == ["supervised", "adversarial", "pseudo_labels"]
    (found,) = [term for term in build.d_terms(Config(r1_weight=10.0)) if term.name == "r1"]
    assert found.weight == 10


def test_senseless_combinations_are_refused():
    with pytest.raises(UsageError, match="--r1_weight=10 and --gan_weight=0: there is no GAN to penalise"):
        Config(r1_weight=10, gan_weight=0)
    with pytest.raises(UsageError, match="--r1_weight=10 and --arch=article: R1 needs a gradient for each image"):
        Config(r1_weight=10, arch="article")
    with pytest.raises(UsageError, match="R1 needs a gradient for each image, and batch norm mixes them"):
        make_gan(arch="article", d_terms=[terms.Supervised(), terms.R1()])
