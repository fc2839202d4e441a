"""Measures of generated images, against numbers by hand and what is expected of equal distributions."""

import itertools
import json
import math

import numpy as np
import pytest

from ssgan import quality
from ssgan.errors import UsageError
from ssgan.quality import kernel, neighbours, variety
from ssgan.report import format_quality

PAIR_MEASURES = [
    quality.frechet_distance,
    lambda real, generated: quality.kernel_distance(real, generated, blocks=2),
    quality.precision_recall_density_coverage,
    quality.one_nearest_neighbour_accuracy,
    lambda real, generated: quality.birthday(real, generated, batch=2),
]


def column(*numbers):
    return np.array(numbers, float)[:, np.newaxis]


def normal(seed, n, d, mean=0.0, deviation=1.0):
    return np.random.RandomState(seed).normal(mean, deviation, (n, d))


# Fréchet distance


def test_frechet_distance_of_two_normal_distributions_by_hand():
    # Means 0 and 1, variances 1 and 4 (over n - 1): 1 + 1 + 4 - 2 * 2.
    real, generated = column(-1, 1) / math.sqrt(2), 1 + 2 * column(-1, 1) / math.sqrt(2)
    assert quality.frechet_distance(real, generated) == pytest.approx(2, abs=1e-12)


def test_frechet_distance_where_the_covariances_do_not_commute():
    # Of 2x2 matrices, tr (C C')^(1/2) = sqrt(tr C C' + 2 sqrt(det C C')).
    mix, other = np.array([[1.0, 0.7], [0.0, 0.5]]), np.array([[0.3, 0.0], [-0.9, 1.5]])
    real, generated = normal(0, 50, 2) @ mix, normal(1, 60, 2) @ other + [1, -2]
    first, second = np.cov(real.T), np.cov(generated.T)
    product = first @ second
    common = math.sqrt(np.trace(product) + 2 * math.sqrt(np.linalg.det(product)))
    shift = real.mean(axis=0) - generated.mean(axis=0)
    expected = shift @ shift + np.trace(first) + np.trace(second) - 2 * common
    assert quality.frechet_distance(real, generated) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_fewer_images_than_features_and_of_equal_ones():
    few = normal(0, 5, 20)
    assert quality.frechet_distance(few, few[::-1]) == pytest.approx(0, abs=1e-10)
    assert quality.frechet_distance(few, few + 3) == pytest.approx(9 * 20)
    constant = np.ones((4, 3))
    assert quality.frechet_distance(constant, constant) == 0


def test_frechet_distance_does_not_depend_on_the_direction_and_grows_with_the_scale():
    real, generated = normal(0, 40, 6), normal(1, 50, 6, mean=0.3)
    distance = quality.frechet_distance(real, generated)
    assert quality.frechet_distance(generated, real) == pytest.approx(distance)
    turn = np.linalg.qr(normal(2, 6, 6))[0]
    assert quality.frechet_distance(real @ turn, generated @ turn) == pytest.approx(distance)
    assert quality.frechet_distance(2 * real, 2 * generated) == pytest.approx(4 * distance)


def test_the_bias_of_the_frechet_distance_is_as_said():
    found = [quality.frechet_distance(normal(seed, 400, 40), normal(1000 + seed, 400, 40)) for seed in range(5)]
    assert np.mean(found) == pytest.approx(0.52 * 40**2 / 400, rel=0.1)


# Kernel distance


def test_squared_discrepancy_by_hand():
    # Kernels: 1 within {0, 1}, 27 within {1, 2}, and (1 + 1 + 8 + 27) / 4 between them: 1 + 27 - 18.5.
    assert quality.squared_discrepancy(column(0, 1), column(1, 2)) == 9.5


def test_squared_discrepancy_divides_by_the_number_of_features():
    # x = (1, 1), (0, 0), y = (2, 0), (0, 0): within 1 and 1, between ((2 / 2 + 1)^3 + 3) / 4 = 2.75.
    assert quality.squared_discrepancy([[1, 1], [0, 0]], [[2, 0], [0, 0]]) == pytest.approx(1 + 1 - 5.5)


def test_kernel_distance_is_unbiased_and_its_deviation_that_of_the_blocks():
    values = [quality.kernel_distance(normal(seed, 200, 8), normal(99 + seed, 200, 8)) for seed in range(30)]
    distances, means = (np.array([getattr(value, name) for value in values]) for name in ("distance", "mean"))
    for found in (distances, means):
        assert abs(found.mean()) < 3 * found.std() / math.sqrt(30)
    assert distances.std() < means.std() / 2
    assert np.mean([value.error for value in values]) == pytest.approx(means.std(), rel=0.4)
    far = quality.kernel_distance(normal(0, 200, 8), normal(1, 200, 8, mean=1))
    assert far.mean > 20 * means.std() and far.distance == pytest.approx(far.mean, abs=3 * far.error)


def test_kernel_distance_of_all_rows_and_of_blocks():
    real, generated = normal(0, 40, 3), normal(1, 60, 3)
    found = quality.kernel_distance(real, generated, blocks=4)
    assert found.distance == quality.squared_discrepancy(real, generated)
    orders = [np.random.RandomState(seed).permutation(n) for seed, n in ((0, 40), (1, 60))]
    parts = [np.split(rows[order], 4) for rows, order in zip((real, generated), orders, strict=True)]
    values = [quality.squared_discrepancy(*pair) for pair in zip(*parts, strict=True)]
    assert found.mean == pytest.approx(np.mean(values)) and found.deviation == pytest.approx(np.std(values, ddof=1))
    assert found.error == found.deviation / 2


def test_kernel_distance_mixes_rows_that_are_sorted_always_in_the_same_way():
    real = np.sort(normal(0, 200, 1), axis=0)
    first, second = quality.kernel_distance(real, real), quality.kernel_distance(real, real)
    assert first == second
    assert first.deviation < 2 and abs(first.mean) < 2


def test_kernel_distance_refuses_too_many_blocks():
    with pytest.raises(UsageError, match=r"real has the shape \(3, 1\); expected \[n, features\] with n of at least 4"):
        quality.kernel_distance(column(1, 2, 3), column(1, 2, 3, 4), blocks=2)
    with pytest.raises(UsageError, match="blocks=1: expected at least 2"):
        quality.kernel_distance(column(1, 2), column(1, 2), blocks=1)


# Precision, recall, density, coverage


def test_prdc_by_hand():
    # Radii of 0, 1, 3: 1, 1, 2. Near 0.5 are 0 and 1, near 10 and 10.2 none. Radii of the generated: 9.5, 0.2, 0.2.
    found = quality.precision_recall_density_coverage(column(0, 1, 3), column(0.5, 10, 10.2), k=1)
    assert found == quality.PRDC(precision=1 / 3, recall=1, density=2 / 3, coverage=2 / 3)
    # With 2 neighbours: radii 3, 2, 3, near 0.5 all three; density 3 / (2 * 3).
    found = quality.precision_recall_density_coverage(column(0, 1, 3), column(0.5, 10, 10.2), k=2)
    assert found == quality.PRDC(precision=1 / 3, recall=1, density=0.5, coverage=1)
    # 2 is just as far from 1 as 0 is, which is not near; 3 alone is near. Nothing is near 50, whose radius is 48.
    found = quality.precision_recall_density_coverage(column(0, 1, 3), column(2, 50), k=1)
    assert found == quality.PRDC(precision=1 / 2, recall=1, density=1 / 2, coverage=1 / 3)


def test_recall_is_precision_the_other_way_round():
    real, generated = normal(0, 60, 5), normal(1, 50, 5, mean=0.5)
    found = quality.precision_recall_density_coverage(real, generated, k=3)
    swapped = quality.precision_recall_density_coverage(generated, real, k=3)
    assert 0 < found.recall < 1 and found.recall == swapped.precision and found.precision == swapped.recall


def test_the_expected_coverage_is_that_of_the_docstring():
    n, k = 100, 5
    expected = 1 - math.prod(n - i for i in range(1, k + 1)) / math.prod(2 * n - i for i in range(1, k + 1))
    found = [
        quality.precision_recall_density_coverage(normal(seed, n, 3), normal(500 + seed, n, 3)) for seed in range(40)
    ]
    assert np.mean([one.coverage for one in found]) == pytest.approx(expected, abs=0.01)
    assert np.mean([one.density for one in found]) == pytest.approx(1, abs=0.03)
    large = 1 - math.prod(1000 - i for i in range(1, 6)) / math.prod(2000 - i for i in range(1, 6))
    assert large == pytest.approx(0.9690, abs=5e-5)


def test_coverage_and_recall_fall_where_half_of_the_real_images_are_not_drawn():
    real = np.concatenate([normal(0, 100, 4), normal(1, 100, 4, mean=20)])
    found = quality.precision_recall_density_coverage(real, normal(2, 200, 4))
    assert found.coverage == pytest.approx(0.5, abs=0.02) and found.recall <= 0.5 and found.precision > 0.8


def test_rows_of_the_kernel_at_once_change_nothing(monkeypatch):
    real, generated = normal(0, 23, 3), normal(1, 23, 3, mean=0.4)
    whole = quality.squared_discrepancy(real, generated)
    monkeypatch.setattr(kernel, "_AT_ONCE", 5)
    assert quality.squared_discrepancy(real, generated) == pytest.approx(whole, rel=1e-12)


def test_blocks_of_rows_change_nothing(monkeypatch):
    real, generated = normal(0, 23, 3), normal(1, 23, 3, mean=0.4)
    whole = [measure(real, generated) for measure in PAIR_MEASURES[2:4]]
    monkeypatch.setattr(neighbours, "_AT_ONCE", 5)
    assert [measure(real, generated) for measure in PAIR_MEASURES[2:4]] == whole


# One nearest neighbour


def test_one_nearest_neighbour_by_hand():
    # Nearest other: 0 -> 1 (own), 1 -> 0 (own), 5 -> 6 (other); 6 -> 5 (other), 20 -> 21, 21 -> 20 (own).
    assert quality.one_nearest_neighbour_accuracy(column(0, 1, 5), column(6, 20, 21)) == pytest.approx(4 / 6)
    # 1 is as far from 0 as from 2, a tie; 0 -> 1 and 2 -> 1, 3 -> 2.
    assert quality.one_nearest_neighbour_accuracy(column(0, 1), column(2, 3)) == pytest.approx((1 + 0.5 + 0.5 + 1) / 4)


def test_one_nearest_neighbour_of_copies_of_strangers_and_of_equals():
    real = normal(0, 50, 4)
    assert quality.one_nearest_neighbour_accuracy(real, real[::-1]) == 0
    assert quality.one_nearest_neighbour_accuracy(real, real + 100) == 1
    same = [quality.one_nearest_neighbour_accuracy(normal(s, 100, 4), normal(50 + s, 100, 4)) for s in range(30)]
    assert np.mean(same) == pytest.approx(99 / 199, abs=0.02)


def test_one_nearest_neighbour_refuses_unequal_numbers():
    with pytest.raises(UsageError, match="real has 2 rows and generated 3; expected equally many"):
        quality.one_nearest_neighbour_accuracy(column(0, 1), column(0, 1, 2))


# Classes


def test_class_modes_by_hand():
    generated = [0] * 5 + [1] * 3 + [2] * 2
    found = quality.class_modes([0, 1, 2, 3], generated, num_classes=4)
    assert found.divergence == pytest.approx(0.356641, abs=1e-6)
    assert found.present == 3 and found.bias == pytest.approx(3 / 2 * (1 / 10 + 1 / 4))
    many = quality.class_modes(np.arange(10**7) % 10, np.arange(1000) % 10, num_classes=10)
    assert many.divergence == pytest.approx(0, abs=1e-12) and many.bias == pytest.approx(0.0045, abs=1e-6)


def test_the_bias_of_the_class_modes_is_as_said():
    draw = np.random.RandomState(0)
    found = [
        quality.class_modes(draw.randint(10, size=500), draw.randint(10, size=300), num_classes=10) for _ in range(200)
    ]
    assert np.mean([one.divergence for one in found]) == pytest.approx(found[0].bias, rel=0.1)


def test_a_class_without_real_images_gives_a_finite_divergence():
    found = quality.class_modes([0, 0, 0, 0], [1, 1], num_classes=2)
    assert found.divergence == pytest.approx(math.log(4.5 / 0.5)) and found.present == 1


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ([0, 3], "holds 0..3; expected classes 0..2"),
        ([-1, 2], "holds -1..2"),
        ([0.5], r"is float64 \(1,\)"),
        ([[0]], r"is int64 \(1, 1\)"),
        (np.zeros(0, int), r"is int64 \(0,\); expected integers \[n\]"),
    ],
)
def test_class_modes_refuses_what_is_no_class(classes, words):
    with pytest.raises(UsageError, match=f"generated {words}"):
        quality.class_modes([0, 1, 2], classes, num_classes=3)


# Birthday paradox


def test_birthday_finds_how_many_pictures_there_are():
    # Ten pictures in turn, always slightly different: of pairs in a batch of 20, 10 of 190 show the same one.
    pictures = np.tile(100 * normal(0, 10, 6), (40, 1))
    found = quality.birthday(normal(1, 400, 6), pictures + 1e-3 * normal(2, 400, 6), batch=20)
    assert found.duplicated == 1 and found.batches == 20
    assert found.support == pytest.approx(10, rel=0.15)


def test_the_support_is_that_of_the_paper_where_half_of_the_batches_have_duplicates():
    s = 60
    draw = np.random.RandomState(0)
    pictures = 10 * normal(3, round(0.72 * s**2), 8)
    found = quality.birthday(normal(1, 400 * s, 8), pictures[draw.randint(len(pictures), size=400 * s)], batch=s)
    assert found.threshold > 0 and found.duplicated == pytest.approx(0.5, abs=0.08)
    assert found.support == pytest.approx(0.72 * s**2, rel=0.2)


def test_birthday_by_hand():
    # 8 real numbers in 4 batches of 2; each batch has one distance, of which the lower quarter is the smallest.
    real, generated = column(*range(0, 320, 40)), column(*range(0, 84, 7))
    found = quality.birthday(real, generated, batch=2)
    order = np.random.RandomState(0).permutation(8).reshape(4, 2)
    assert found.threshold == sorted(abs(real[order[:, 0], 0] - real[order[:, 1], 0]))[0]
    rows = np.random.RandomState(0).permutation(12).reshape(6, 2)
    expected = abs(generated[rows[:, 0], 0] - generated[rows[:, 1], 0])
    assert found.distances.tolist() == sorted(expected)
    near = (expected <= found.threshold).sum()
    assert found.duplicated == near / 6 and found.support == 6 / near and found.batches == 6 and found.batch == 2
    for pair, distance in zip(found.pairs, found.distances, strict=True):
        assert abs(generated[pair[0], 0] - generated[pair[1], 0]) == distance


def test_birthday_names_the_rows_of_the_closest_pair():
    generated = normal(0, 200, 5)
    batch = np.random.RandomState(0).permutation(200)[50:100]
    generated[batch[7]] = generated[batch[40]] + 1e-9
    found = quality.birthday(normal(1, 200, 5), generated, batch=50)
    assert set(found.pairs[0].tolist()) == {batch[7], batch[40]} and found.pairs.shape == (4, 2)
    assert found.support is not None and found.distances[0] < 1e-8 < found.distances[1]


def test_birthday_without_duplicates_has_no_estimate():
    found = quality.birthday(normal(0, 400, 3), 100 * normal(1, 400, 3), batch=40)
    assert found.duplicated == 0 and found.support is None


def test_birthday_finds_copies_although_there_are_some_among_real_images():
    real = normal(0, 400, 4)
    real[1] = real[0]
    found = quality.birthday(real, np.ones((400, 4)), batch=10)
    assert found.duplicated == 1 and found.support == 1
    found = quality.birthday(np.ones((8, 1)), normal(1, 8, 1), batch=2)
    assert found.threshold == 0 and found.duplicated == 0
    found = quality.birthday(np.ones((8, 1)), np.ones((8, 1)), batch=2)
    assert found.threshold == 0 and found.duplicated == 1


def test_birthday_refuses_too_few_rows():
    with pytest.raises(UsageError, match="generated has the shape.*n of at least 8"):
        quality.birthday(normal(0, 8, 1), normal(0, 7, 1), batch=2)
    with pytest.raises(UsageError, match="batch=1: expected at least 2"):
        quality.birthday(normal(0, 8, 1), normal(0, 8, 1), batch=1)


# Variety


def test_variety_by_hand():
    # Real: 0 and 4, distance 4; 10, 12, 14, squares 4, 4, 16. Generated: 1 and 2; 10 and 13.
    real, generated = column(0, 4, 10, 12, 14), column(1, 2, 10, 13, 7)
    found = quality.within_class_variety(real, [0, 0, 1, 1, 1], generated, [0, 0, 1, 1, 2], num_classes=3)
    np.testing.assert_allclose(found, [1 / 4, 3 / math.sqrt(8), np.nan])


def test_the_distance_of_pairs_is_that_of_every_pair():
    rows = normal(0, 12, 7)
    squares = [np.square(a - b).sum() for a, b in itertools.combinations(rows, 2)]
    assert variety.distance_of_pairs(rows) == pytest.approx(math.sqrt(np.mean(squares)))


def test_variety_of_copies_of_two_pictures_in_turn_and_of_equal_real_images():
    real, classes = normal(0, 400, 300), np.zeros(400, int)
    copies = np.tile(real[:1], (400, 1))
    assert quality.within_class_variety(real, classes, copies, classes, num_classes=1) == [0]
    two = np.tile(real[:2], (200, 1))
    assert quality.within_class_variety(real, classes, two, classes, num_classes=1) == pytest.approx(0.71, abs=0.05)
    assert np.isnan(quality.within_class_variety(copies, classes, real, classes, num_classes=1)).all()


# All of them


@pytest.mark.parametrize("measure", PAIR_MEASURES)
def test_features_that_do_not_fit_are_refused_in_one_line(measure):
    good = normal(0, 12, 3)
    broken = good.copy()
    broken[4, 1] = np.nan
    with pytest.raises(UsageError, match=r"real has the shape \(12,\)"):
        measure(good[:, 0], good)
    with pytest.raises(UsageError, match="real has 3 features and generated 2; expected those of one net"):
        measure(good, good[:, :2])
    with pytest.raises(UsageError, match="generated holds NaN or infinity, first in row 4"):
        measure(good, broken)
    with pytest.raises(UsageError, match=r"generated has the shape \(1, 3\)"):
        measure(good, good[:1])


@pytest.mark.parametrize("measure", PAIR_MEASURES[:4])
def test_float32_features_give_the_figures_of_float64(measure):
    real, generated = (1000 + normal(seed, 40, 4, deviation=0.1) for seed in (0, 1))
    single = measure(np.float32(real), np.float32(generated))
    double = measure(np.float64(np.float32(real)), np.float64(np.float32(generated)))
    assert single == double


def sample(seed, n=120, d=6, **of_normal):
    return quality.Sample(normal(seed, n, d, **of_normal), np.arange(n) % 3)


def test_compare_measures_generated_and_real_images_against_the_same_ones():
    real, generated, reference = sample(0), sample(1, mean=1), sample(2)
    found = quality.compare(real, generated, reference, feature_net="random 0123", num_classes=3)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["images"], found["features"], found["feature_net"]) == (120, 6, "random 0123")
    assert found["generated"].keys() == found["real"].keys()
    for kind, one in (("generated", generated), ("real", real)):
        figures = found[kind]
        assert figures["frechet_distance"] == quality.frechet_distance(reference.features, one.features)
        assert figures["kernel_distance"] == quality.kernel_distance(reference.features, one.features).distance
        kernel_error = quality.kernel_distance(reference.features, one.features).error
        assert figures["kernel_distance_error"] == kernel_error
        prdc = quality.precision_recall_density_coverage(reference.features, one.features)
        assert (figures["recall"], figures["density"]) == (prdc.recall, prdc.density)
        assert figures["support"] == quality.birthday(reference.features, one.features, batch=12).support
        assert figures["classes_present"] == 3 and figures["class_divergence"] == pytest.approx(0)
    assert found["generated"]["frechet_distance"] > 4 > found["real"]["frechet_distance"]
    assert found["generated"]["within_class_variety"] == pytest.approx(np.mean(found["class_variety"]))
    assert len(found["closest_pairs"]) == 10 and len(found["closest_pairs"][0]) == 2


def test_compare_without_classes_and_where_a_class_has_no_variety():
    bare = [quality.Sample(sample(seed).features) for seed in range(3)]
    found = quality.compare(*bare, feature_net="x")
    assert found["class_variety"] is None and "classes_present" not in found["generated"]
    one_class = [quality.Sample(one.features, np.zeros(120, int)) for one in bare]
    found = quality.compare(*one_class, feature_net="x", num_classes=2)
    assert found["class_variety"][1] is None and 0 < found["class_variety"][0] < 2
    assert found["generated"]["within_class_variety"] == found["class_variety"][0]


def test_compare_refuses_what_cannot_be_compared():
    with pytest.raises(UsageError, match="120 of real, 60 of generated, 120 of reference; expected as many of each"):
        quality.compare(sample(0), sample(1, n=60), sample(2), feature_net="x", num_classes=3)
    with pytest.raises(UsageError, match="at least 40"):
        quality.compare(sample(0, n=30), sample(1, n=30), sample(2, n=30), feature_net="x", num_classes=3)
    with pytest.raises(UsageError, match="num_classes=None, and classes are known of real, generated, reference"):
        quality.compare(sample(0), sample(1), sample(2), feature_net="x")
    with pytest.raises(UsageError, match="num_classes=3, and classes are known of real, reference"):
        quality.compare(sample(0), quality.Sample(normal(1, 120, 6)), sample(2), feature_net="x", num_classes=3)


def test_the_table_shows_each_measure_beside_that_of_real_images():
    found = quality.compare(sample(0), sample(1, mean=1), sample(2), feature_net="random 0123", num_classes=3)
    found["generated"] |= {"classification_error": 0.25, "support": None, "coverage": 0.5, "density": 1.236}
    found["generated"] |= {"kernel_distance": 4.32123, "kernel_distance_error": 0.0567}
    found["real"] |= {"kernel_distance": -12.4, "kernel_distance_error": 12.3}
    lines = format_quality(found).splitlines()
    assert lines[:2] == ["generated images: 120 of each kind, 6 features of the net random 0123", ""]
    assert len(lines) == 3 + 13 and len({len(line) for line in lines[2:]}) == 1
    rows = {line[:36].strip(): line[36:].split() for line in lines[2:]}
    assert rows[""] == ["generated", "real", "better"]
    assert rows["coverage"] == ["50.0", "%", f"{100 * found['real']['coverage']:.1f}", "%", "as", "real"]
    assert rows["kernel distance"][3:] == ["-12", "±", "12", "lower"] and rows["density"][0] == "1.24"
    assert rows["different images, estimated"][0] == "-"
    assert rows["error of a classifier trained on them"[:36]][-4:] == ["25.0", "%", "-", "lower"]
    assert rows["kernel distance"][:3] == ["4.321", "±", "0.057"] and rows["classes drawn"] == ["3", "3", "as", "real"]


def test_the_table_has_no_row_for_what_was_not_measured():
    bare = [quality.Sample(sample(seed).features) for seed in range(3)]
    shown = format_quality(quality.compare(*bare, feature_net="x"))
    assert "Fréchet" in shown and "classes" not in shown and "trained" not in shown
