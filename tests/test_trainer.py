"""The kinds of step are chosen outside the graph: one compiled function each, by a counter that Python keeps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan.gan import SSGAN
from ssgan.models import architectures
from ssgan.terms import Term
from tests.test_gan import make_batch, make_gan
from tests.test_golden import tiny

BATCHES = tf.data.Dataset.from_tensors(make_batch())


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setitem(architectures.ARCHITECTURES, "small", tiny)


@pytest.fixture
def traced(monkeypatch):
    """The kinds of step in the order in which they are traced."""
    kinds, step = [], SSGAN.train_step_of

    def record(self, kind, batch):
        kinds.append(kind)
        return step(self, kind, batch)

    monkeypatch.setattr(SSGAN, "train_step_of", record)
    return kinds


def test_each_kind_is_traced_once_in_a_training(traced):
    gan = make_gan(unlabeled_start=2, gan_every=2, d_steps=2)
    gan.fit(BATCHES.repeat(9), verbose=0, shuffle=False)
    assert traced == ["labels", "discriminator", "classes", "both"]
    assert gan.step == int(gan.steps_done) == 9
    gan.fit(BATCHES.repeat(3), verbose=0, shuffle=False)
    assert len(traced) == 4 and gan.step == 12


@pytest.mark.parametrize(("steps_per_execution", "calls"), [(1, 5), (2, 3), (8, 1)])
def test_several_steps_per_execution_are_the_same_steps(steps_per_execution, calls):
    ends = []
    for together in (1, steps_per_execution):
        keras.utils.set_random_seed(3)
        gan, called = make_gan(gan_every=2, steps_per_execution=together), []
        count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs, to=called: to.append(1))
        gan.fit(BATCHES.repeat(5), verbose=0, shuffle=False, callbacks=[count])
        assert gan.step == int(gan.steps_done) == 5
        ends.append([weight.numpy() for weight in gan.discriminator.trainable_variables])
    assert len(called) == calls
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_the_counter_follows_what_is_restored_and_loaded(tmp_path):
    gan = make_gan()
    gan.fit(BATCHES.repeat(3), verbose=0, shuffle=False)
    gan.save(tmp_path / "gan.keras")
    other = make_gan()
    assert other.step == 0
    other.restore({name: keras.ops.convert_to_numpy(value) for name, value in gan.state().items()})
    assert other.step == 3
    assert keras.models.load_model(tmp_path / "gan.keras").step == 3


def test_train_on_batch_does_the_step_that_is_due():
    gan = make_gan(gan_every=2)
    images, labels, mask = make_batch()
    for _ in range(3):
        gan.train_on_batch(images, labels, sample_weight=mask)
    assert gan.step == 3 and int(gan.g_optimizer.iterations) == 2


def test_the_counter_follows_weights_that_are_set():
    gan = make_gan()
    start = gan.get_weights()
    gan.fit(BATCHES.repeat(3), verbose=0, shuffle=False)
    gan.set_weights(start)
    assert gan.step == int(gan.steps_done) == 0


def test_a_step_in_a_graph_of_ones_own_is_of_a_kind_that_is_named():
    gan = make_gan()
    with pytest.raises(Exception, match=r"expected train_step_of\(kind, batch\)"):
        tf.function(gan.train_step)(make_batch())


def test_weak_views_are_there_for_the_terms_of_either_network():
    class Weak(Term):
        name, needs, options = "weak_of_generator", ("weak", "generated"), {"weight": "gan_weight", "own": None}

        def __init__(self, weight=1.0, own=None):
            super().__init__(weight, own=own)

        def __call__(self, passes, discriminator):
            return tf.reduce_mean(passes.weak.features) - tf.reduce_mean(passes.generated.features)

    assert Weak.from_config(Weak(own="anything").get_config()).own == "anything"
    for updates in ("simultaneous", "alternating"):
        gan = make_gan(updates=updates, g_terms=[Weak()])
        gan.fit(tf.data.Dataset.from_tensors(make_batch(rows=15)), verbose=0, shuffle=False)
        assert float(gan.train_metrics["weak_of_generator"].count) == 1
