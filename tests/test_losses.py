import math

import numpy as np
import pytest
import tensorflow as tf

from ssgan import terms as losses

LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0], [-4.0, 3.0, 2.0], [-9.0, -8.0, -7.0]], np.float32)
GAN_LOGITS = np.array([-6.0, -0.5, 0.0, 2.0, 9.0], np.float32)
WEAK = np.log([[0.96, 0.04], [0.5, 0.5], [0.01, 0.99]]).astype(np.float32)


def softmax(logits):
    exponentials = np.exp(np.float64(logits))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def gradient(function, values):
    values = tf.constant(values)
    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = function(values)
    return tape.gradient(loss, values).numpy()


def test_gan_logits_equal_float64():
    expected = np.log(np.exp(np.float64(LOGITS)).sum(axis=1))
    np.testing.assert_allclose(losses.gan_logits(LOGITS), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("logits", "expected"),
    [([1000, -1000], 1000), ([-1000, -1000], -1000 + math.log(2)), ([1000, 1000], 1000 + math.log(2))],
)
def test_gan_logits_of_extreme_logits(logits, expected):
    assert losses.gan_logits([np.float32(logits)]).numpy() == pytest.approx([expected], abs=1e-4)


def test_a_fixed_zero_logit_stands_for_generated():
    explicit = losses.kplus1_logits(LOGITS)
    np.testing.assert_array_equal(explicit, np.pad(LOGITS, [(0, 0), (0, 1)]))
    probabilities = softmax(explicit)
    p_real = tf.sigmoid(losses.gan_logits(LOGITS))
    np.testing.assert_allclose(p_real, 1 - probabilities[:, -1], rtol=1e-5)
    given_real = probabilities[:, :-1] / probabilities[:, :-1].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(tf.nn.softmax(LOGITS), given_real, rtol=1e-5)


def test_masked_mean_by_hand():
    values, mask = tf.constant([1.0, np.nan, 4.0, np.inf]), tf.constant([True, False, True, False])
    assert losses.masked_mean(values, mask).numpy() == 2.5
    assert losses.masked_mean(values, tf.zeros(4, bool)).numpy() == 0.0
    np.testing.assert_array_equal(gradient(lambda v: losses.masked_mean(v, mask), values), [0.5, 0, 0.5, 0])


def test_supervised_loss_is_the_mean_over_the_labelled_rows():
    labels, mask = np.array([2, 0, 1, 0]), np.array([True, False, True, False])
    expected = -(np.log(softmax(LOGITS)[0, 2]) + np.log(softmax(LOGITS)[2, 1])) / 2
    assert losses.supervised_loss(LOGITS, labels, mask).numpy() == pytest.approx(expected, rel=1e-6)
    slope = gradient(lambda logits: losses.supervised_loss(logits, labels, mask), LOGITS)
    by_hand = (softmax(LOGITS) - np.eye(3)[labels]) * mask[:, None] / 2
    np.testing.assert_allclose(slope, by_hand, atol=1e-6)


@pytest.mark.parametrize("hidden", [-1, 0, 99])
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.int8])
def test_hidden_labels_are_not_read(hidden, dtype):
    mask = np.array([True, False, False, True])
    labels = np.array([1, hidden, hidden, 2], dtype)
    expected = -(np.log(softmax(LOGITS)[0, 1]) + np.log(softmax(LOGITS)[3, 2])) / 2
    assert tf.function(losses.supervised_loss)(LOGITS, labels, mask).numpy() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("logits", [LOGITS, LOGITS * 1e3, LOGITS[:0]], ids=["plain", "extreme", "no rows"])
def test_no_labelled_row_gives_exactly_zero(logits):
    labels, mask = np.full(len(logits), -1), np.zeros(len(logits), bool)
    assert losses.supervised_loss(logits, labels, mask).numpy() == 0.0
    slope = gradient(lambda values: losses.supervised_loss(values, labels, mask), logits)
    np.testing.assert_array_equal(slope, np.zeros_like(logits))


@pytest.mark.parametrize(("label", "expected"), [(0, 0.0), (1, 2000.0)])
def test_supervised_loss_of_extreme_logits(label, expected):
    logits = np.float32([[1000, -1000]])
    assert losses.supervised_loss(logits, np.array([label]), np.array([True])).numpy() == expected


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_real_loss_is_a_cross_entropy_with_a_smoothed_target(smoothing):
    p_real = 1 / (1 + np.exp(-np.float64(GAN_LOGITS)))
    expected = -(1 - smoothing) * np.log(p_real) - smoothing * np.log(1 - p_real)
    found = losses.real_loss(GAN_LOGITS, label_smoothing=smoothing)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    slope = gradient(lambda logits: losses.real_loss(logits, label_smoothing=smoothing), GAN_LOGITS)
    np.testing.assert_allclose(slope, p_real - (1 - smoothing), atol=1e-6)


def test_generated_loss_is_a_cross_entropy():
    p_real = 1 / (1 + np.exp(-np.float64(GAN_LOGITS)))
    np.testing.assert_allclose(losses.generated_loss(GAN_LOGITS), -np.log(1 - p_real), rtol=1e-5)
    np.testing.assert_allclose(gradient(losses.generated_loss, GAN_LOGITS), p_real, rtol=1e-5)


def test_unsupervised_losses_of_extreme_logits():
    extreme = np.float32([-1000, 1000])
    np.testing.assert_array_equal(losses.real_loss(extreme), [1000, 0])
    np.testing.assert_allclose(losses.real_loss(extreme, label_smoothing=0.25), [750, 250])
    np.testing.assert_array_equal(losses.generated_loss(extreme), [0, 1000])
    np.testing.assert_array_equal(gradient(losses.real_loss, extreme), [-1, 0])
    np.testing.assert_array_equal(gradient(losses.generated_loss, extreme), [0, 1])


def test_the_losses_are_those_of_the_explicit_classes():
    log_p = np.log(softmax(losses.kplus1_logits(LOGITS)))
    logits = losses.gan_logits(LOGITS)
    np.testing.assert_allclose(losses.generated_loss(logits), -log_p[:, -1], rtol=1e-4)
    np.testing.assert_allclose(losses.real_loss(logits), -np.log(np.exp(log_p[:, :-1]).sum(axis=1)), rtol=1e-5)


@pytest.mark.parametrize(
    ("distance", "expected", "slope"),
    [("l1", 2.5, [0.5, -0.5]), ("squared", 6.5, [3.0, -2.0])],
)
def test_feature_matching_by_hand(distance, expected, slope):
    # The means are (1, 3) and (4, 1), their differences -3 and 2.
    real, generated = tf.constant([[0.0, 2.0], [2.0, 4.0]]), tf.constant([[4.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch([real, generated])
        loss = losses.feature_matching_loss(real, generated, distance=distance)
    into_real, into_generated = tape.gradient(loss, [real, generated])
    assert loss.numpy() == expected
    assert into_real is None
    np.testing.assert_allclose(into_generated, [slope])


def test_feature_matching_refuses_another_distance():
    with pytest.raises(ValueError, match="distance='l2': expected 'l1' or 'squared'"):
        losses.feature_matching_loss(LOGITS, LOGITS, distance="l2")


def test_bfloat16_logits_are_summed_in_float32():
    logits = tf.constant([[9.0, 9.0, 4.53125]], tf.bfloat16)  # each exact in bfloat16; in bfloat16 the sum is 9.6875
    found = losses.gan_logits(logits)
    assert found.dtype == tf.float32
    assert found.numpy() == pytest.approx([9.6989], abs=1e-4)


def test_bfloat16_inputs_give_float32_losses():
    logits, features = tf.cast(LOGITS, tf.bfloat16), tf.constant([[256.0], [1.0]], tf.bfloat16)
    mask = np.ones(4, bool)
    found = [
        losses.kplus1_logits(logits),
        losses.supervised_loss(logits, np.zeros(4, int), mask),
        losses.real_loss(logits[:, 0], label_smoothing=0.1),
        losses.generated_loss(logits[:, 0]),
        losses.pseudo_label_loss(logits, logits, threshold=0.5),
        losses.feature_matching_loss(features, features * 0),
        losses.feature_matching_loss(features * 0, features),
    ]
    assert [value.dtype for value in found] == [tf.float32] * 7
    assert found[-2].numpy() == found[-1].numpy() == 128.5  # bfloat16 has 128 and 129


def test_pseudo_label_loss_by_hand():
    # Rows 0 and 2 are confident, of classes 0 and 1; their losses are log(1 + 1/e) and log(1 + 1/e^2).
    logits = np.float32([[1, 0], [50, -50], [0, 2]])
    assert losses.is_confident(WEAK, 0.95).numpy().tolist() == [True, False, True]
    loss = losses.pseudo_label_loss(logits, WEAK, threshold=0.95)
    assert loss.numpy() == pytest.approx((0.3132617 + 0.1269280) / 3, abs=1e-6)


def test_pseudo_labels_get_no_gradient():
    logits, weak = tf.constant(np.float32([[1, 0], [5, -5], [0, 2]])), tf.constant(WEAK)
    with tf.GradientTape() as tape:
        tape.watch([logits, weak])
        loss = losses.pseudo_label_loss(logits, weak, threshold=0.95)
    into_logits, into_weak = tape.gradient(loss, [logits, weak])
    assert into_weak is None
    targets, kept = np.array([[1, 0], [0, 0], [0, 1]]), np.array([[1], [0], [1]])
    np.testing.assert_allclose(into_logits, (softmax(logits) - targets) * kept / 3, atol=1e-6)


@pytest.mark.parametrize(("threshold", "confident"), [(0.5, [True, True, True]), (1.0, [False, False, False])])
def test_the_threshold_itself_is_confident(threshold, confident):
    assert losses.is_confident(WEAK, threshold).numpy().tolist() == confident


def test_pseudo_label_loss_without_confident_rows_or_rows_is_zero():
    assert losses.pseudo_label_loss(WEAK, WEAK, threshold=1.0).numpy() == 0.0
    assert losses.pseudo_label_loss(WEAK[:0], WEAK[:0], threshold=0.95).numpy() == 0.0


def test_kl_divergence_by_hand():
    target, predicted = softmax(LOGITS), softmax(LOGITS[::-1])
    expected = (target * np.log(target / predicted)).sum(axis=1).mean()
    assert losses.kl_divergence(LOGITS, LOGITS[::-1].copy()).numpy() == pytest.approx(expected, rel=1e-6)
    assert losses.kl_divergence(LOGITS, LOGITS).numpy() == 0.0
    assert losses.kl_divergence(LOGITS[:0], LOGITS[:0]).numpy() == 0.0


def test_the_target_of_a_divergence_gets_no_gradient():
    target, logits = tf.constant(LOGITS), tf.constant(LOGITS[::-1].copy())
    with tf.GradientTape() as tape:
        tape.watch([target, logits])
        loss = losses.kl_divergence(target, logits)
    into_target, into_logits = tape.gradient(loss, [target, logits])
    assert into_target is None
    np.testing.assert_allclose(into_logits, (softmax(logits) - softmax(target)) / 4, atol=1e-6)
