"""Penalties on the slope of the discriminator: by hand, by finite differences, and in the steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan import terms
from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.training import build
from tests.test_gan import make_batch, make_gan, step, without_dropout

PENALTIES = [terms.R1, terms.R2, terms.GradientPenalty]


class Linear(keras.Model):
    """Two equal logits, 3 x + 4 y of an image of two pixels, times a weight: `u = w (3 x + 4 y) + log 2`."""

    has_batch_statistics, minibatch_features = False, 0

    def build(self, _):
        self.slope = self.add_weight(name="slope", shape=(), initializer="ones")

    def call(self, images, training=False):
        self.seen = images
        logits = self.slope * self.logit(tf.tensordot(images, [[3.0], [4.0]], [[1, 2], [1, 0]]))
        return tf.repeat(logits, 2, axis=1), logits

    def logit(self, level):
        return level


class Curved(Linear):
    """As `Linear`, of half the square: the slope is (3, 4) times 3 x + 4 y."""

    def logit(self, level):
        return level**2 / 2


def built(model):
    model.build(None)
    return model


def rows(images):
    return terms.Rows(images, images, images)


def penalty(discriminator, images, generated=None, term=terms.R1):
    generated = images if generated is None else generated
    return term()(terms.Passes(real=rows(images), generated=rows(generated), seeds=5), discriminator)


def pictures(*pixels):
    return tf.reshape(tf.constant(pixels, tf.float32), [-1, 1, 2, 1])


@pytest.mark.parametrize(
    ("term", "weighted", "slope"),
    [
        (terms.R1, 125, 250),  # gamma / 2 * (3^2 + 4^2); of w^2, at w = 1
        (terms.R2, 125, 250),
        (terms.GradientPenalty, 160, 400),  # 10 * (5 - 1)^2; of (5 w - 1)^2
    ],
)
def test_on_a_plane_by_hand(term, weighted, slope):
    linear = built(Linear())
    images = tf.random.stateless_normal([5, 1, 2, 1], [1, 2])
    with tf.GradientTape() as tape:
        value = 10 * penalty(linear, images, term=term)
    assert value.numpy() == pytest.approx(weighted)
    assert tape.gradient(value, linear.slope).numpy() == pytest.approx(slope)


def test_r1_looks_at_real_and_r2_at_generated_images():
    real, generated = pictures([1, 0], [0, 0]), pictures([0, 1])
    assert penalty(built(Curved()), real, generated).numpy() == pytest.approx((9 * 25 / 2) / 2)
    assert penalty(built(Curved()), real, generated, terms.R2).numpy() == pytest.approx(16 * 25 / 2)


def test_the_gradient_penalty_is_at_one_mixture_for_each_pair():
    curved, real, generated = built(Curved()), pictures(*[[1, 3]] * 5), pictures(*[[0, 2]] * 4)
    with tf.GradientTape() as tape:
        tape.watch([real, generated])
        value = penalty(curved, real, generated, terms.GradientPenalty)
    mixed = curved.seen.numpy().reshape(4, 2)
    np.testing.assert_allclose(mixed[:, 1] - mixed[:, 0], 2, rtol=1e-6)  # both pixels of an image moved as far
    assert (mixed[:, 0] >= 0).all() and (mixed[:, 0] <= 1).all() and np.ptp(mixed[:, 0]) > 0.1
    expected = np.mean((5 * (mixed @ [3.0, 4.0]) - 1) ** 2)
    assert value.numpy() == pytest.approx(expected, rel=1e-5)
    assert tape.gradient(value, [real, generated]) == [None, None]


def test_a_flat_discriminator_has_a_gradient_penalty_with_a_gradient():
    flat = built(Linear())
    flat.slope.assign(0.0)
    with tf.GradientTape() as tape:
        value = penalty(flat, pictures([1, 0]), term=terms.GradientPenalty)
    assert value.numpy() == pytest.approx(1, abs=1e-4)
    assert tape.gradient(value, flat.slope).numpy() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("term", PENALTIES)
def test_no_rows_give_0(term):
    assert penalty(built(Linear()), tf.zeros([0, 1, 2, 1]), term=term).numpy() == 0


@pytest.mark.parametrize("term", PENALTIES)
def test_its_gradient_is_that_of_finite_differences(term):
    gan = without_dropout(make_gan())
    for layer in gan.discriminator.trunk:
        if isinstance(layer, keras.layers.LeakyReLU):
            layer.negative_slope = 1.0  # smooth: a kink between two points would not be seen by the gradient
    images, generated = (tf.random.stateless_uniform([3, 16, 16, 1], [1, seed], -1.0, 1.0) for seed in (2, 3))
    weight = gan.discriminator.head.direction
    with tf.GradientTape() as tape:
        value = penalty(gan.discriminator, images, generated, term)
    gradient, start = tape.gradient(value, weight.value).numpy(), weight.numpy()
    direction = np.random.RandomState(0).normal(size=start.shape).astype(np.float32)
    ends = []
    for distance in (-1e-3, 1e-3):
        weight.assign(start + distance * direction)
        ends.append(float(penalty(gan.discriminator, images, generated, term)))
    assert (gradient * direction).sum() == pytest.approx((ends[1] - ends[0]) / 2e-3, rel=0.02)


@pytest.mark.parametrize("term", PENALTIES)
def test_in_bfloat16_it_is_float32(term):
    gan = make_gan(dtype="mixed_bfloat16")
    value = penalty(gan.discriminator, tf.random.stateless_uniform([3, 16, 16, 1], [1, 2], -1.0, 1.0), term=term)
    assert value.dtype == tf.float32 and 0 < value.numpy() < np.inf


@pytest.mark.parametrize("term", PENALTIES)
def test_it_has_its_weight_in_the_steps_of_the_gan_alone(term):
    d_terms = [terms.Supervised(), terms.Adversarial(), term(3.0)]
    gan = without_dropout(make_gan(d_rate=0.0, g_rate=0.0, gan_every=2, d_terms=d_terms))
    logs = [step(gan, make_batch()), gan.reset_metrics(), step(gan, make_batch())]
    assert float(logs[0][term.name]) > 0 and float(logs[2][term.name]) == 0
    for each in (logs[0], logs[2]):
        expected = float(each["supervised"]) + float(each["adversarial"]) + 3 * float(each[term.name])
        assert float(each["d_loss"]) == pytest.approx(expected, rel=1e-5)


def test_the_option_makes_the_term():
    assert [term.name for term in build.d_terms(Config(), steps=10)] == ["supervised", "adversarial", "pseudo_labels"]
    config = Config(r1_weight=10.0, gan_weight=0.1)
    (found,) = [term for term in build.d_terms(config, steps=10) if term.name == "r1"]
    assert found.weight == 0.5  # 10, as R + F has it, of which the GAN has a tenth of the half


def test_senseless_combinations_are_refused():
    with pytest.raises(UsageError, match="--r1_weight=10 and --arch=article: it needs a gradient for each image"):
        Config(r1_weight=10, arch="article")
    for term in PENALTIES:
        with pytest.raises(UsageError, match=f"{term.__name__} needs a gradient for each image, and batch norm mixes"):
            make_gan(arch="article", d_terms=[terms.Supervised(), term()])
    with pytest.raises(UsageError, match="R2: weight=-1: expected 0.0 to 1000.0"):
        terms.R2(-1)
