"""Adversarial examples of labelled images, and predictions that are steady under dropout."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan import terms
from ssgan.errors import UsageError
from tests.test_gan import make_batch, make_gan, step, without_dropout

NORMS = ["l2", "sign"]


class Plane(keras.Model):
    """Logits (w (3 x + 4 y), 0) of an image of two pixels."""

    has_batch_statistics = False

    def build(self, _):
        self.slope = self.add_weight(name="slope", shape=(), initializer="ones")

    def call(self, images, training=False):
        level = self.slope * tf.tensordot(images, [[3.0], [4.0]], [[1, 2], [1, 0]])
        return tf.pad(level, [[0, 0], [0, 1]]), level


def softplus(value):
    return np.log1p(np.exp(value))


def examples(discriminator, images, labels, **arguments):
    images = tf.constant(images, tf.float32)
    passes = terms.Passes(labeled=terms.Rows(images, images, images), labels=tf.constant(labels), seeds=None)
    return terms.AdversarialExamples(**arguments)(passes, discriminator)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("radius", "expected"), [(0.04, 2.1632), (0.4, 3.92)])
def test_the_loss_of_a_number_after_its_change(norm, radius, expected):
    x = tf.constant([[[[1.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.square(2 * x) / 2
    change = terms.steepest_change(tape.gradient(loss, x), radius=radius, norm=norm)
    assert (tf.square(2 * (x + change)) / 2).numpy().item() == pytest.approx(expected, rel=1e-6)


def test_the_change_of_each_image_has_the_radius_in_either_norm():
    gradients = np.float32([[3e-20, -4e-20], [3, -4], [0, 0], [0, 5]]).reshape(4, 1, 2, 1)
    l2, sign = (terms.steepest_change(gradients, radius=0.1, norm=norm).numpy().reshape(4, 2) for norm in NORMS)
    diagonal = [0.1 * np.sqrt(2) * 0.6, -0.1 * np.sqrt(2) * 0.8]
    np.testing.assert_allclose(l2, [diagonal, diagonal, [0, 0], [0, 0.1 * np.sqrt(2)]], rtol=1e-6)
    np.testing.assert_allclose(sign, [[0.1, -0.1], [0.1, -0.1], [0, 0], [0, 0.1]], rtol=1e-6)
    with pytest.raises(ValueError, match="norm='l1': expected 'l2' or 'sign'"):
        terms.steepest_change(gradients, radius=0.1, norm="l1")


def test_no_gradient_flows_through_the_change():
    gradients = tf.constant([[[[3.0], [4.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(gradients)
        change = terms.steepest_change(gradients, radius=0.1, norm="l2")
    assert tape.gradient(change, gradients) is None


@pytest.mark.parametrize(("norm", "lowered"), [("l2", 5 * np.sqrt(2)), ("sign", 7.0)])
def test_adversarial_examples_by_hand(norm, lowered):
    plane = Plane()
    plane.build(None)
    images = np.float32([[1, -0.5], [0.25, 0.5], [9, 9]]).reshape(3, 1, 2, 1)
    right = np.array([1.0, -2.75]) - 0.1 * lowered  # by how much the logit of the label is ahead, after the change
    with tf.GradientTape() as tape:
        value = examples(plane, images, [0, 1, -1], radius=0.1, norm=norm)
    assert value.numpy() == pytest.approx(softplus(-right).mean(), rel=1e-5)
    by_hand = np.mean(-right / (1 + np.exp(right)))  # of softplus(-w right) at w = 1
    assert tape.gradient(value, plane.slope).numpy() == pytest.approx(by_hand, rel=1e-5)


def test_no_label_gives_0():
    plane = Plane()
    plane.build(None)
    assert examples(plane, np.ones((2, 1, 2, 1)), [-1, -1]).numpy() == 0


@pytest.mark.parametrize("arch", ["small", "article"])
def test_adversarial_examples_raise_the_loss_and_leave_the_statistics(arch):
    gan = make_gan(arch=arch)
    images, labels, _ = make_batch(labeled=10)
    images = images / 127.5 - 1
    before = [variable.numpy() for variable in gan.discriminator.non_trainable_variables if "seed" not in variable.path]
    losses = [float(examples(without_dropout(gan).discriminator, images, labels, radius=r)) for r in (0.001, 0.01, 0.1)]
    assert losses[0] < losses[1] < losses[2]
    after = [variable.numpy() for variable in gan.discriminator.non_trainable_variables if "seed" not in variable.path]
    assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))


def test_consistency_by_hand():
    logits, others = tf.zeros([1, 2]), tf.math.log([[3.0, 1.0]])
    features, other_features = tf.constant([[1.0, 2.0]]), tf.constant([[3.0, 2.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([logits, others, features, other_features])
        value = terms.consistency(logits, features, others, other_features)
    assert value.numpy() == pytest.approx(0.25**2 + 0.1 * 2)
    # Of ((p - 3/4)^2 + (1 - p - 1/4)^2) / 2 = (p - 3/4)^2, by the first logit: 2 (p - 3/4) p (1 - p).
    np.testing.assert_allclose(tape.gradient(value, logits), [[-0.125, 0.125]], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(value, others), [[0.5 * 3 / 16, -0.5 * 3 / 16]], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(value, features), [[-0.2, 0]], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(value, other_features), [[0.2, 0]], rtol=1e-6)


def test_consistency_is_in_float32_and_0_without_rows():
    values = tf.constant([[256.0], [1.0]], tf.bfloat16)
    found = terms.consistency(values, values * 0, values, values)
    assert found.dtype == tf.float32
    assert found.numpy() == pytest.approx(0.1 * (256**2 + 1) / 2, rel=1e-6)
    nothing = tf.zeros([0, 2])
    assert terms.consistency(nothing, nothing, nothing, nothing).numpy() == 0


def test_the_consistency_term_compares_two_passes():
    images = tf.random.stateless_uniform([6, 16, 16, 1], [1, 2], -1.0, 1.0)
    gan = make_gan()
    values = []
    for each in (lambda gan: gan, without_dropout):
        network = each(gan).discriminator
        passes = terms.Passes(unlabeled=terms.Rows(images, *network(images, training=True)), seeds=None)
        values.append(float(terms.ConsistencyTerm()(passes, network)))
        values.append(float(terms.ConsistencyTerm()(passes, network)))
    assert values[0] > 0 and values[1] > 0 and values[0] != values[1]
    assert values[2:] == [0, 0]


def test_the_consistency_term_needs_chance_and_no_batch_norm():
    with pytest.raises(UsageError, match="ConsistencyTerm passes the unlabelled images once more, and batch norm"):
        make_gan(arch="article", d_terms=[terms.Supervised(), terms.ConsistencyTerm()])
    flatten = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    noisy = keras.Sequential([keras.Input((2, 2, 1)), keras.Sequential([keras.layers.Dropout(0.5)])])
    for trunk, accepted in ((flatten, False), (noisy, True)):
        trunk.has_batch_statistics = False
        if accepted:
            terms.ConsistencyTerm().check(trunk, None, [])
        else:
            with pytest.raises(UsageError, match="two passes, which are the same without dropout or noise"):
                terms.ConsistencyTerm().check(trunk, None, [])


@pytest.mark.parametrize("term", [terms.AdversarialExamples, terms.ConsistencyTerm])
def test_each_has_its_weight_in_the_step(term):
    gan = make_gan(d_rate=0.0, g_rate=0.0, d_terms=[terms.Supervised(), terms.Adversarial(), term(3.0)])
    logs = {name: float(value) for name, value in step(gan, make_batch()).items()}
    assert logs[term.name] > 0
    assert logs["d_loss"] == pytest.approx(logs["supervised"] + logs["adversarial"] + 3 * logs[term.name], rel=1e-5)
