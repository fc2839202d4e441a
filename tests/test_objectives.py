"""The objectives against numbers of float64, finite differences, and the best answers to given densities."""

import math
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import lambertw

from ssgan.errors import UsageError
from ssgan.options.combinations import UNBOUNDED
from ssgan.terms import OBJECTIVES, check_objective

# R and F at u = -2, 0, 2, in float64.
VALUES = {
    "gan": ([2.126928, 0.693147, 0.126928], [0.126928, 0.693147, 2.126928]),
    "gan_saturating": ([2.126928, 0.693147, 0.126928], [0.126928, 0.693147, 2.126928]),
    "lsgan": ([4.5, 0.5, 0.5], [2, 0, 2]),
    "lsgan_symmetric": ([4.5, 0.5, 0.5], [0.5, 0.5, 4.5]),
    "hinge": ([3, 1, 0], [0, 1, 3]),
    "wasserstein": ([2, 0, -2], [-2, 0, 2]),
    "ipm": ([2, 0, -2], [-2, 0, 2]),
    "exponential": ([2.718282, 1, 0.367879], [0.367879, 1, 2.718282]),
    "kl": ([2, 0, -2], [0.049787, 0.367879, 2.718282]),
    "reverse_kl": ([7.389056, 1, 0.135335], [-3, -1, 1]),
    "pearson": ([2, 0, -2], [-1, 0, 3]),
    "neyman": ([6.389056, 0, -0.864665], [-3.436564, 0, 1.264241]),
    "hellinger": ([6.389056, 0, -0.864665], [-0.864665, 0, 6.389056]),
    "js": ([1.433781, 0, -0.566219], [-0.566219, 0, 1.433781]),
    "tv": ([0.482014, 0, -0.482014], [-0.482014, 0, 0.482014]),
    "jeffrey": ([2, 0, -2], [-1.339149, 0, 3.869586]),
}
# G at u = -2, 0, 2, where it is not R.
GENERATOR = {
    "gan_saturating": [-0.126928, -0.693147, -2.126928],
    "lsgan_symmetric": [2, 0, 2],
    "hinge": [2, 0, -2],
    "exponential": [-0.367879, -1, -2.718282],
}
# The best u where real images are r times as likely as generated ones.
BEST = {
    "gan": np.log,
    "gan_saturating": np.log,
    "lsgan": lambda r: r / (1 + r),
    "lsgan_symmetric": lambda r: (r - 1) / (r + 1),
    "hinge": lambda r: np.sign(r - 1),
    "exponential": np.log,
    "kl": lambda r: 1 + np.log(r),
    "reverse_kl": np.log,
    "pearson": lambda r: 2 * (r - 1),
    "neyman": lambda r: 2 * np.log(r),
    "hellinger": lambda r: np.log(r) / 2,
    "js": np.log,
    "jeffrey": lambda r: np.log(r) + 1 - 1 / r,
}
DIVERGENCES = {
    "kl": lambda r: r * np.log(r),
    "reverse_kl": lambda r: -np.log(r),
    "pearson": lambda r: (r - 1) ** 2,
    "neyman": lambda r: (1 - r) ** 2 / r,
    "hellinger": lambda r: (np.sqrt(r) - 1) ** 2,
    "js": lambda r: r * np.log(r) - (r + 1) * np.log((r + 1) / 2),
    "jeffrey": lambda r: (r - 1) * np.log(r),
}
LOSSES = ("real", "generated", "generator")
RATIOS = np.array([0.2, 0.7, 1.6, 4.0])
GRID = np.linspace(-8, 8, 32_001)


def losses(name):
    return [getattr(OBJECTIVES[name], loss) for loss in LOSSES]


def slope(loss, u):
    u = tf.constant(u, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(u)
        value = loss(u)
    return tape.gradient(value, u).numpy()


def minimum(real, generated, ratio):
    """Returns where `ratio * real + generated`, which has one valley, turns from falling to rising."""
    slopes = ratio * slope(real, GRID) + slope(generated, GRID)
    return GRID[np.searchsorted(slopes > 0, True)]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_losses_have_the_values_of_float64(name):
    expected = [*VALUES[name], GENERATOR.get(name, VALUES[name][0])]
    found = [loss(tf.constant([-2.0, 0.0, 2.0])).numpy() for loss in losses(name)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_gradients_are_those_of_finite_differences(name):
    u = np.array([-3.3, -1.7, -0.4, 0.3, 1.6, 2.9])
    for loss in losses(name):
        ends = [loss(tf.constant(u + change, tf.float32)).numpy() for change in (-0.01, 0.01)]
        np.testing.assert_allclose(slope(loss, u), (ends[1] - ends[0]) / 0.02, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", BEST)
def test_the_discriminators_best_answer(name):
    objective = OBJECTIVES[name]
    best = [minimum(objective.real, objective.generated, ratio) for ratio in RATIOS]
    np.testing.assert_allclose(best, BEST[name](RATIOS), atol=1e-3)
    assert np.allclose(best, np.log(RATIOS), atol=1e-3) == objective.is_log_ratio


def test_three_have_no_finite_best_answer_and_two_of_them_no_bound():
    assert OBJECTIVES.keys() - BEST.keys() == {"tv", "wasserstein", "ipm"}
    for name in ("tv", "wasserstein", "ipm"):
        objective = OBJECTIVES[name]
        for ratio in RATIOS:
            u = np.linspace(-6, 6, 50)  # beyond, tanh is 1 in float32
            slopes = ratio * slope(objective.real, u) + slope(objective.generated, u)
            assert (np.sign(slopes) == np.sign(1 - ratio)).all()
    assert [name for name, objective in OBJECTIVES.items() if objective.needs_lipschitz] == ["wasserstein", "ipm"]
    assert UNBOUNDED == ("wasserstein", "ipm")


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_best_answer_measures_the_divergence(name):
    best = tf.constant(BEST[name](RATIOS), tf.float32)
    objective = OBJECTIVES[name]
    found = -(RATIOS * objective.real(best).numpy() + objective.generated(best).numpy())
    np.testing.assert_allclose(found, DIVERGENCES[name](RATIOS), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_generator_raises_u_up_to_its_target(name):
    target = {"lsgan": 1.0, "lsgan_symmetric": 0.0}.get(name, 6.0)
    assert (slope(OBJECTIVES[name].generator, np.linspace(-6, target - 0.01, 200)) < 0).all()


def test_label_smoothing_moves_the_best_answer():
    for name in ("gan", "gan_saturating"):
        objective = OBJECTIVES[name]
        found = objective.smoothed(tf.constant([-2.0, 0.0, 2.0]), 0.1)
        np.testing.assert_allclose(found, [1.926928, 0.693147, 0.326928], atol=1e-6)
        best = minimum(lambda u, of=objective: of.smoothed(u, 0.1), objective.generated, 1.0)
        assert best == pytest.approx(-0.200671, abs=1e-3)
    lsgan = OBJECTIVES["lsgan"]
    np.testing.assert_allclose(lsgan.smoothed(tf.constant([0.9, 0.0]), 0.1), [0, 0.405], atol=1e-6)
    for name, objective in OBJECTIVES.items():
        if objective.smoothed is None:
            assert name not in ("gan", "gan_saturating", "lsgan")
        else:
            np.testing.assert_array_equal(objective.smoothed(GRID, 0.0), objective.real(GRID))


def test_jeffreys_conjugate_is_that_of_lamberts_function():
    u = np.linspace(-80, 80, 3201)
    w = lambertw(np.exp(1 - u)).real
    found = OBJECTIVES["jeffrey"].generated
    np.testing.assert_allclose(found(tf.constant(u, tf.float32)), w + 1 / w + u - 2, rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(slope(found, u), 1 / w, rtol=2e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_far_from_0_a_loss_is_infinite_only_where_it_grows_exponentially(name):
    near, far = (np.float32([-u, u]) for u in (85, 200))
    for loss in losses(name):
        assert np.isfinite(loss(near)).all() and np.isfinite(slope(loss, near)).all()
    infinite = [np.isinf(loss(far)).any() for loss in losses(name)[:2]]
    assert any(infinite) == OBJECTIVES[name].grows_exponentially
    assert not any(np.isnan(loss(far)).any() for loss in losses(name))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_bfloat16_is_read_in_float32(name):
    u = tf.constant([1.0078125, -3.015625], tf.bfloat16)
    for loss in losses(name):
        assert loss(u).dtype == tf.float32
        np.testing.assert_array_equal(loss(u), loss(tf.cast(u, tf.float32)))
    if (smoothed := OBJECTIVES[name].smoothed) is not None:
        np.testing.assert_array_equal(smoothed(u, 0.1), smoothed(tf.cast(u, tf.float32), 0.1))


def test_training_begins_at_0_where_u_is_no_log_ratio():
    logits = tf.zeros([2, 10], tf.bfloat16)
    for objective in OBJECTIVES.values():
        expected = math.log(10) if objective.is_log_ratio else 0.0
        np.testing.assert_allclose(objective.scores(logits), [expected] * 2, atol=1e-6)
    np.testing.assert_allclose(
        OBJECTIVES["hinge"].scores(tf.constant([[2.0, 0.0, -1.0]])), [2.169846 - math.log(3)], atol=1e-6
    )


def test_ipm_weighs_the_class_logits_by_their_probabilities():
    logits = tf.constant([[2.0, 0.0, -1.0], [5.0, 5.0, 5.0], [300.0, -300.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        scores = OBJECTIVES["ipm"].scores(logits)
    np.testing.assert_allclose(scores, [1.645579, 5.0, 300.0], rtol=1e-6)
    u = np.logaddexp.reduce(logits.numpy().astype(np.float64), axis=1)
    probabilities = np.exp(logits.numpy() - u[:, None])
    entropy = np.sum(probabilities * (u[:, None] - logits.numpy()), axis=1)
    np.testing.assert_allclose(scores, u - entropy, rtol=1e-6)
    np.testing.assert_allclose(
        tape.gradient(scores, logits), probabilities * (1 + logits.numpy() - scores.numpy()[:, None]), atol=1e-6
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "hinges"}, "objective='hinges': expected one of gan, gan_saturating, lsgan, "),
        ({"name": "wasserstein"}, "wasserstein has no minimum .* add a gradient penalty$"),
        (
            {"name": "hinge", "label_smoothing": 0.1},
            "label_smoothing=0.1 with the objective hinge, .* expected label_smoothing=0, or one of gan, gan_satu",
        ),
        ({"name": "js", "label_smoothing": 0.1}, "label_smoothing=0.1 with the objective js"),
    ],
)
def test_what_cannot_be_trained_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        check_objective(**arguments)


def test_what_may_overflow_is_warned_of():
    with pytest.warns(UserWarning, match="the objective kl grows exponentially, and may overflow; a penalty"):
        check_objective("kl")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, objective in OBJECTIVES.items():
            check_objective(name, has_gradient_penalty=True, has_slope_penalty=True)
            if not (objective.needs_lipschitz or objective.grows_exponentially):
                check_objective(name, label_smoothing=0.1 if objective.smoothed else 0.0)


def test_the_reference_lists_them_all():
    page = (Path(__file__).parents[1] / "docs" / "reference" / "terms.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(OBJECTIVES)
