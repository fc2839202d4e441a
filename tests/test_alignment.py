"""Distribution alignment of pseudo-labels: by hand, in the steps of a GAN, and through checkpoints."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan import terms
from ssgan.errors import UsageError
from ssgan.gan import SSGAN
from ssgan.terms import Passes, Rows
from tests.test_gan import make_batch, make_gan, step

LOGITS = np.array([[2.0, 1.0, 0.0], [1.5, 1.0, -1.0]])


def rows(logits):
    return Rows(tf.zeros([len(logits), 2, 2, 1]), tf.constant(logits, tf.float32), tf.zeros([len(logits), 4]))


def passes(labels=None):
    return Passes(
        unlabeled=rows(LOGITS),
        weak=rows(LOGITS),
        labels=None if labels is None else tf.constant(labels),
        seeds=keras.random.SeedGenerator(0),
    )


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


class Network(keras.Model):
    num_classes = 3


@pytest.mark.parametrize("alignment", [0.5, 1.0])
def test_probabilities_are_multiplied_by_the_ratio_of_frequencies(alignment):
    wanted, predicted = np.array([0.2, 0.3, 0.5]), np.array([0.6, 0.3, 0.1])
    aligned = terms.aligned_logits(tf.constant(LOGITS), np.log(wanted / predicted), alignment=alignment)
    expected = softmax(LOGITS) * (wanted / predicted) ** alignment
    np.testing.assert_allclose(softmax(aligned.numpy()), expected / expected.sum(axis=1, keepdims=True), rtol=1e-6)


def test_the_frequencies_follow_labels_that_are_shown_and_predictions():
    frequencies = terms.ClassFrequencies(3)
    np.testing.assert_allclose(frequencies.log_ratios(), 0, atol=1e-7)
    expected = {"labels": np.full(3, 1 / 3), "predictions": np.full(3, 1 / 3)}
    for labels in ([0, 0, 2, -1], [-1, -1], None, [1]):
        frequencies.update(passes(labels))
        expected["predictions"] = 0.99 * expected["predictions"] + 0.01 * softmax(LOGITS).mean(axis=0)
        if shown := [label for label in labels or () if label >= 0]:
            expected["labels"] = 0.99 * expected["labels"] + 0.01 * np.eye(3)[shown].mean(axis=0)
    np.testing.assert_allclose(frequencies.labels, expected["labels"], rtol=1e-5)
    np.testing.assert_allclose(frequencies.predictions, expected["predictions"], rtol=1e-5)
    log_ratios = np.log(expected["labels"] / expected["predictions"])
    np.testing.assert_allclose(frequencies.log_ratios(), log_ratios, rtol=1e-3, atol=1e-6)
    frequencies.predictions.assign([0.0, 0.0, 1.0])
    assert np.isfinite(frequencies.log_ratios()).all()
    assert not frequencies.trainable_variables


def test_a_class_that_is_predicted_too_often_gives_images_away():
    term = terms.PseudoLabels(threshold=0.6, alignment=1.0)
    term.follow(Network())
    term.history.predictions.assign([0.8, 0.1, 0.1])
    value = float(term(passes(), None))
    # by hand: the frequencies move first; then probabilities times (1/3) / predictions
    predictions = 0.99 * np.array([0.8, 0.1, 0.1]) + 0.01 * softmax(LOGITS).mean(axis=0)
    aligned = softmax(LOGITS) / predictions
    aligned /= aligned.sum(axis=1, keepdims=True)
    assert softmax(LOGITS).argmax(axis=1).tolist() == [0, 0] and aligned.argmax(axis=1).tolist() == [1, 1]
    confident = aligned.max(axis=1) >= 0.6
    assert confident.tolist() == [False, True]
    assert value == pytest.approx(-np.log(softmax(LOGITS)[1, 1]) / 2, rel=1e-5)
    values, weights = term.figures(passes())["confident"]
    assert values.numpy().tolist() == confident.tolist() and weights is None


def test_without_alignment_nothing_is_kept():
    term = terms.PseudoLabels(threshold=0.5)
    term.follow(Network())
    assert term.history is None
    assert float(term(passes(), None)) == pytest.approx(-np.log(softmax(LOGITS)[:, 0]).sum() / 2, rel=1e-5)
    with pytest.raises(UsageError, match="pseudo_labels follows no network; call follow"):
        terms.PseudoLabels(alignment=1.0)(passes(), None)


def aligned_gan():
    plain = make_gan()
    gan = SSGAN(plain.discriminator, plain.generator, ema_decay=0.9)
    gan.compile(
        keras.optimizers.SGD(0.1),
        keras.optimizers.SGD(0.1),
        d_terms=[terms.Supervised(), terms.PseudoLabels(threshold=0.3, alignment=1.0)],
        g_terms=[],
        generated_batch=5,
    )
    return gan


def test_a_checkpoint_holds_the_frequencies():
    first, second = aligned_gan(), aligned_gan()
    step(first, make_batch())
    state = {name: np.array(variable) for name, variable in first.state().items()}
    names = {"pseudo_labels_frequencies/labels", "pseudo_labels_frequencies/predictions"}
    assert names <= state.keys() and np.ptp(state["pseudo_labels_frequencies/predictions"]) > 0
    second.restore(state)
    for name, variable in second.state().items():
        np.testing.assert_array_equal(variable, state[name], err_msg=name)
    losses = [float(step(gan, make_batch(seed=1))["pseudo_labels"]) for gan in (first, second)]
    assert losses[0] == losses[1] > 0
