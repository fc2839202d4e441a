"""Mode collapse: what is seen in which generated images, and what is said of it."""

import numpy as np
import pytest

from ssgan.errors import UsageError
from ssgan.quality import InARow, collapse_in_words, find_collapse, real_classes

NAMES = ["zero", "one", "two", "three"]


def pictures(classes, *, seed, deviation=40.0):
    """Images of 6x6: a base for each class, and noise."""
    classes = np.asarray(classes)
    bases = np.random.RandomState(7).uniform(60, 200, (4, 6, 6, 1))
    noise = np.random.RandomState(seed).normal(0, deviation, (len(classes), 6, 6, 1))
    return np.clip(bases[classes] + noise, 0, 255).astype(np.uint8)


def sure(classes):
    return np.eye(4, dtype=np.float32)[np.asarray(classes)]


EVEN = np.arange(200) % 4
REAL = real_classes(pictures(EVEN, seed=0), EVEN, num_classes=4)


def test_real_classes_by_hand():
    images = np.zeros((15, 1, 2, 1), np.uint8)
    images[:5, 0, 0, 0] = [0, 51, 102, 153, 255]
    found = real_classes(images, np.repeat([0, 1], [5, 10]), num_classes=3)
    np.testing.assert_allclose(found.frequencies, [1 / 3, 2 / 3, 0])
    column = np.array([0, 0.2, 0.4, 0.6, 1])
    squares = [(a - b) ** 2 for i, a in enumerate(column) for b in column[:i]]
    np.testing.assert_allclose(found.variety, [np.sqrt(np.mean(squares)), 0, np.nan])
    np.testing.assert_allclose(found.gap, [0.2, 0, np.nan])


@pytest.mark.parametrize("wanted", [None, EVEN])
def test_nothing_is_seen_in_real_images(wanted):
    for seed in range(1, 21):
        seen = find_collapse(pictures(EVEN, seed=seed), sure(EVEN), REAL, wanted=wanted)
        assert not seen.found and collapse_in_words(seen, NAMES) == ""
    np.testing.assert_allclose(seen.shares, 1)
    np.testing.assert_allclose(seen.variety, 1, atol=0.1)
    np.testing.assert_allclose(seen.gap, 1, atol=0.15)


def test_nothing_is_missing_by_chance_alone():
    frequencies = np.array([0.55, 0.35, 0.08, 0.02])
    labels = np.repeat(np.arange(4), np.round(1000 * frequencies).astype(int))
    real = real_classes(pictures(labels, seed=0), labels, num_classes=4)
    draw = np.random.RandomState(1)
    for _ in range(50):
        drawn = draw.choice(4, 200, p=frequencies)
        assert not find_collapse(pictures(drawn, seed=2), sure(drawn), real).missing


def test_a_class_is_missing_with_less_than_a_quarter_of_its_share():
    # 50 of each of 4 classes are due among 200: a quarter is 12.5.
    for count, missing in ((12, (3,)), (13, ())):
        drawn = np.concatenate([np.full(count, 3), np.arange(200 - count) % 3])
        seen = find_collapse(pictures(drawn, seed=1), sure(drawn), REAL)
        assert seen.missing == missing and seen.shares[3] == pytest.approx(count / 50)
        assert not seen.alike and not seen.repeated


def test_a_class_that_was_asked_for_and_is_another_one_is_missing():
    predicted = np.where(EVEN == 2, 1, EVEN)
    seen = find_collapse(pictures(predicted, seed=1), sure(predicted), REAL, wanted=EVEN)
    assert seen.missing == (2,) and seen.shares.tolist() == [1, 1, 0, 1]
    turned = np.roll(EVEN, 1)  # every class is there as often as it is due, but never where it was asked for
    assert find_collapse(pictures(turned, seed=1), sure(turned), REAL, wanted=EVEN).missing == (0, 1, 2, 3)
    assert not find_collapse(pictures(turned, seed=1), sure(turned), REAL).found


def test_what_was_not_asked_for_is_not_missing():
    drawn = EVEN % 2
    assert not find_collapse(pictures(drawn, seed=1), sure(drawn), REAL, wanted=drawn).found
    assert find_collapse(pictures(drawn, seed=1), sure(drawn), REAL).missing == (2, 3)


def test_copies_of_one_picture_of_a_class_are_alike():
    images = pictures(EVEN, seed=1)
    images[EVEN == 1] = images[1]
    seen = find_collapse(images, sure(EVEN), REAL)
    assert seen.alike == (1,) and seen.variety[1] == 0 and not seen.missing and not seen.repeated


def test_three_pictures_of_a_class_in_turn_are_repeated_but_not_alike():
    three = pictures([1, 1, 1], seed=3)[np.arange(50) % 3]
    for deviation, gap, repeated in ((6, 0.15, (1,)), (15, 0.35, ())):
        images, noise = pictures(EVEN, seed=1), np.random.RandomState(0).normal(0, deviation, three.shape)
        images[EVEN == 1] = np.clip(three + noise, 0, 255)
        seen = find_collapse(images, sure(EVEN), REAL)
        assert seen.repeated == repeated and not seen.alike
        assert seen.variety[1] > 0.7 and seen.gap[1] == pytest.approx(gap, abs=0.06)


def test_images_that_differ_a_little_less_than_real_ones_pass():
    seen = find_collapse(pictures(EVEN, seed=1, deviation=25.0), sure(EVEN), REAL)
    assert not seen.found and (seen.variety < 0.75).all()
    assert find_collapse(pictures(EVEN, seed=1, deviation=15.0), sure(EVEN), REAL).alike == (0, 1, 2, 3)


def test_one_picture_whatever_was_asked_for():
    images, predicted = np.repeat(pictures([0], seed=1), 200, axis=0), np.zeros(200, int)
    seen = find_collapse(images, sure(predicted), REAL, wanted=EVEN)
    assert seen.missing == (1, 2, 3) and seen.alike == (0, 1, 2, 3)
    seen = find_collapse(images, sure(predicted), REAL)
    assert seen.missing == (1, 2, 3) and seen.alike == (0,) and np.isnan(seen.variety[1:]).all()


def test_too_few_images_of_a_class_are_not_judged():
    drawn = np.concatenate([np.zeros(4, int), np.ones(96, int)])
    images = pictures(drawn, seed=1)
    images[:4] = images[0]
    seen = find_collapse(images, sure(drawn), REAL)
    assert not seen.alike and np.isnan(seen.variety[0])


def test_without_classes_there_is_one():
    real = real_classes(pictures(EVEN, seed=0), np.zeros(200, int), num_classes=1)
    copies = np.repeat(pictures([0], seed=1), 100, axis=0)
    assert find_collapse(copies, np.ones((100, 1)), real).alike == (0,)
    assert not find_collapse(pictures(EVEN, seed=1), np.ones((200, 1)), real).found


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match=r"predicted classes is int64 \(8,\); expected integers \[200\]"):
        find_collapse(pictures(EVEN, seed=1), sure(EVEN[:8]), REAL)
    with pytest.raises(UsageError, match="wanted holds 0..4; expected classes 0..3"):
        find_collapse(pictures(EVEN, seed=1), sure(EVEN), REAL, wanted=np.arange(200) % 5)


def test_the_words_say_what_is_seen_and_what_to_try():
    images = pictures(EVEN, seed=1)
    images[EVEN == 1] = images[1]
    predicted = np.where(EVEN == 2, 1, EVEN)
    words = collapse_in_words(find_collapse(images, sure(predicted), REAL, wanted=EVEN), NAMES)
    assert words == (
        "mode collapse: the generator draws hardly any two; nearly the same picture each time of one. To try: "
        "--feature_matching_weight, --mode_seeking_weight, --latent=normal, --minibatch_features or --r1_weight, a "
        "lower --generator_learning_rate"
    )


def test_the_words_are_one_line_of_a_few_names():
    nothing = np.zeros((40, 4, 4, 1), np.uint8)
    many = real_classes(nothing, np.arange(40) % 8, num_classes=8)
    seen = find_collapse(np.repeat(nothing[:1], 400, axis=0), np.eye(8)[np.zeros(400, int)], many)
    words = collapse_in_words(seen, ["0", "a\nb", *"234567"])
    assert seen.missing == (1, 2, 3, 4, 5, 6, 7)
    assert words.startswith(
        "mode collapse: the generator draws hardly any a b, 2, 3, 4, 5 and 2 more. To try: --feature"
    )


def test_several_times_in_a_row():
    fires = InARow(3)
    found = [False, True, True, False, True, True, True, True, False, True, True, True]
    assert [fires(one) for one in found] == [False] * 6 + [True, False, False, False, False, True]
    again = InARow(3)
    again.seen = 2
    assert again(True)
