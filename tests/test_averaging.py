"""Historical averaging: the mean by hand, in the steps of a GAN, and through Keras' own saving."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan import terms
from ssgan.errors import UsageError
from ssgan.evaluate.runs import load_gan
from ssgan.gan import SSGAN
from tests.test_gan import make_batch, make_gan, step


class Scalar(keras.Model):
    def build(self, _=None):
        self.theta = self.add_weight(name="theta", shape=(), initializer="zeros")
        self.frozen = self.add_weight(name="frozen", shape=(3,), initializer="ones", trainable=False)


def averaging_gan(weight=0.1):
    plain = make_gan()
    gan = SSGAN(plain.discriminator, plain.generator, ema_decay=0.9)
    gan.compile(
        keras.optimizers.SGD(0.1),
        keras.optimizers.SGD(0.1),
        d_terms=[terms.Supervised(), terms.Adversarial(), terms.HistoricalAveraging(weight)],
        g_terms=[terms.FeatureMatching(), terms.GeneratorHistoricalAveraging(weight)],
        gan_every=2,
        generated_batch=5,
    )
    return gan


def scalar():
    network, term = Scalar(), terms.HistoricalAveraging()
    network.build()
    term.follow(network)
    return network, term


@pytest.mark.parametrize("compiled", [False, True])
def test_the_distance_from_the_mean_by_hand(compiled):
    network, term = scalar()

    def value_and_gradient():
        with tf.GradientTape() as tape:
            value = term(None, network)
        return value, tape.gradient(value, network.theta.value)

    computed = tf.function(value_and_gradient) if compiled else value_and_gradient
    found = []
    for theta in (1.0, 2.0, 6.0):
        network.theta.assign(theta)
        found.append([float(part) for part in computed()])
    # The means are 1, 3/2 and 3, constant for the gradient.
    np.testing.assert_allclose(found, [[0, 0], [0.25, 1], [9, 6]])
    assert term.history.updates.numpy() == 3 and len(term.history.means) == 1


def test_the_distance_is_a_sum_over_all_weights():
    weights = [keras.Variable([[1.0, 2.0]]), keras.Variable(3.0), keras.Variable([1.0], dtype="bfloat16")]
    history = terms.HistoricalMean(weights)
    found = history.squared_distance(weights)
    assert found.dtype == tf.float32 and found.numpy() == 1 + 4 + 9 + 1  # of no update, the mean is 0
    history.update(weights)
    assert history.squared_distance(weights).numpy() == 0
    assert not history.trainable_variables


def test_a_term_that_follows_nothing_says_so():
    with pytest.raises(UsageError, match="historical_averaging follows no network; call follow"):
        terms.HistoricalAveraging()(None, None)


def test_in_a_gan_each_network_has_a_mean_over_its_own_updates():
    gan = averaging_gan()
    seen = {"discriminator": [], "generator": []}
    for number in range(3):  # the second is without the generator
        gan.reset_metrics()
        for name, values in seen.items():
            values.append([variable.numpy() for variable in getattr(gan, name).trainable_variables])
        logs = step(gan, make_batch(seed=number))
    for name, history, used in zip(seen, gan.histories, ([0, 1, 2], [0, 2]), strict=True):
        means = [np.mean([seen[name][number][part] for number in used], axis=0) for part in range(len(seen[name][0]))]
        for mean, expected in zip(history.means, means, strict=True):
            np.testing.assert_allclose(mean, expected, rtol=1e-4, atol=1e-6)
        distance = sum(np.sum((now - mean) ** 2) for now, mean in zip(seen[name][2], means, strict=True))
        prefix = "generator_" if name == "generator" else ""
        assert distance > 0 and float(logs[f"{prefix}historical_averaging"]) == pytest.approx(distance, rel=1e-3)


def test_keras_saves_the_means(tmp_path):
    first, second = averaging_gan(), averaging_gan()
    for number in range(3):
        step(first, make_batch(seed=number))
    first.save_weights(tmp_path / "gan.weights.h5")
    second.load_weights(tmp_path / "gan.weights.h5")
    for one, other in zip(first.histories, second.histories, strict=True):
        assert int(one.updates) == int(other.updates) > 0
        for mean, copy in zip(one.means, other.means, strict=True):
            np.testing.assert_array_equal(mean, copy)


def test_a_checkpoint_holds_the_means():
    first, second = averaging_gan(), averaging_gan()
    step(first, make_batch())
    state = {name: np.array(variable) for name, variable in first.state().items()}
    assert {"historical_averaging/updates", "generator_historical_averaging/mean_0"} <= state.keys()
    second.restore(state)
    np.testing.assert_array_equal(second.histories[0].means[0], first.histories[0].means[0])
    assert int(second.histories[1].updates) == int(first.histories[1].updates) == 1


def test_a_saved_model_is_loaded_with_and_without_its_training(tmp_path):
    gan = averaging_gan()
    adam = [keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3)]  # what ssgan.train saves
    gan.compile(*adam, d_terms=gan.d_terms, g_terms=gan.g_terms, generated_batch=5)
    step(gan, make_batch())
    gan.save(tmp_path / "gan.keras")
    assert load_gan(tmp_path / "gan.keras").histories == []
    again = keras.models.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(again.histories[0].means[0], gan.histories[0].means[0])
