import json
import math

import numpy as np
import pytest

from ssgan.errors import UsageError
from ssgan.evaluate.classification import confusion_matrix, evaluate, expected_calibration_error, wilson_interval
from ssgan.report.text import format_report, headline, short_name

NAMES = ("cat", "dog", "eel")
# Predicted: cat, dog, cat, dog, dog.
PROBABILITIES = [
    [0.7, 0.2, 0.1],
    [0.3, 0.6, 0.1],
    [0.5, 0.4, 0.1],
    [0.0, 1.0, 0.0],
    [0.2, 0.8, 0.0],
]
LABELS = [0, 0, 0, 1, 1]


@pytest.fixture
def evaluation():
    return evaluate(PROBABILITIES, LABELS, class_names=NAMES)


# --- figures ---


def test_error_and_counts_by_hand(evaluation):
    assert evaluation.confusion.tolist() == [[2, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert evaluation.confusion.dtype == np.int64
    assert (evaluation.images, evaluation.errors, evaluation.error) == (5, 1, 0.2)
    assert evaluation.class_counts == (3, 2, 0)
    assert evaluation.class_errors == (1 / 3, 0.0, None)
    assert evaluation.interval == wilson_interval(1, 5)


def test_negative_log_likelihood_by_hand(evaluation):
    expected = -math.log(0.7 * 0.3 * 0.5 * 1.0 * 0.8) / 5
    assert evaluation.negative_log_likelihood == pytest.approx(expected, rel=1e-12)


def test_negative_log_likelihood_of_an_impossible_label_is_finite():
    result = evaluate([[1.0, 0.0]], [1], class_names=("a", "b"))
    assert result.negative_log_likelihood == pytest.approx(126 * math.log(2), rel=1e-12)


def test_calibration_error_of_the_example_by_hand(evaluation):
    # Every confidence has a bin of its own: (0.3 + 0.6 + 0.5 + 0.0 + 0.2) / 5.
    assert evaluation.calibration_error == pytest.approx(1.6 / 5, rel=1e-12)


def test_equal_probabilities_predict_the_first_class():
    result = evaluate([[0.5, 0.5], [0.5, 0.5]], [0, 1], class_names=("a", "b"))
    assert result.confusion.tolist() == [[1, 0], [1, 0]]


def test_float32_and_small_integer_types_are_accepted():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(300), 400).astype(np.float32)
    labels = np.arange(400) % 256
    wide = evaluate(probabilities, labels, class_names=[""] * 300)
    small = evaluate(probabilities, labels.astype(np.uint8), class_names=[""] * 300)
    assert (small.confusion == wide.confusion).all()
    assert small.images == 400 and small.class_counts[:2] == (2, 2)


def test_as_dict_survives_json_without_nan(evaluation):
    figures = json.loads(json.dumps(evaluation.as_dict(), allow_nan=False))
    assert figures == evaluation.as_dict()
    assert figures["class_errors"] == [1 / 3, 0.0, None]
    assert figures["error_interval_95"] == list(evaluation.interval)


# Newcombe 1998, table I, method 3 (score without continuity correction).
@pytest.mark.parametrize(
    ("errors", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_agrees_with_published_values(errors, total, low, high):
    assert wilson_interval(errors, total) == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_mirrors_and_touches_both_ends():
    assert wilson_interval(0, 7)[0] == 0.0
    assert wilson_interval(7, 7)[1] == 1.0
    low, high = wilson_interval(2, 7)
    assert wilson_interval(5, 7) == pytest.approx((1 - high, 1 - low), rel=1e-12)


def test_confusion_matrix_rows_are_true_classes():
    labels, predictions = np.array([0, 2, 2, 2]), np.array([1, 0, 2, 0])
    expected = [[0, 1, 0], [0, 0, 0], [2, 0, 1]]
    assert confusion_matrix(labels, predictions, classes=3).tolist() == expected


def test_calibration_error_averages_within_a_bin():
    # Bin (13/15, 14/15] holds 0.88, 0.90, 0.92, 0.92: accuracy 0.5 against 0.905.
    # Bin (7/15, 8/15] holds 0.5: accuracy 1. Together (4 * 0.405 + 1 * 0.5) / 5.
    confidences = np.array([0.88, 0.90, 0.92, 0.92, 0.5])
    correct = np.array([True, False, True, False, True])
    expected = (4 * 0.405 + 0.5) / 5
    assert expected_calibration_error(confidences, correct) == pytest.approx(expected, rel=1e-12)


def test_calibration_bins_are_closed_above():
    # 8/15 belongs to (7/15, 8/15] with 0.5; were it in the next bin, the gaps would not cancel.
    edge = np.linspace(0, 1, 16)[8]
    confidences, correct = np.array([edge, 0.5]), np.array([True, False])
    expected = abs((1 - edge) + (0 - 0.5)) / 2
    assert expected_calibration_error(confidences, correct) == pytest.approx(expected, rel=1e-12)


def test_certain_and_right_is_perfectly_calibrated():
    assert expected_calibration_error(np.ones(3), np.ones(3, bool)) == 0.0


# --- report ---


def test_headline():
    confusion = np.array([[2252, 199], [0, 0]])
    labels = np.zeros(2451, int)
    probabilities = np.eye(2)[np.repeat([0, 1], confusion[0])]
    result = evaluate(probabilities, labels, class_names=("a", "b"))
    expected = "test error 8.12 % (95 % CI 7.10-9.27, 2,451 images), EMA weights"
    assert headline(result, weights="EMA") == expected


def test_report_by_hand(evaluation):
    raw = evaluate([[1.0, 0.0, 0.0]] * 5, LABELS, class_names=NAMES)
    assert format_report(evaluation, raw=raw, split="validation").splitlines() == [
        "validation error 20.00 % (95 % CI 3.62-62.45, 5 images), EMA weights",
        "validation error 40.00 % (95 % CI 11.76-76.93, 5 images), raw weights",
        "calibration error 32.00 % (15 bins), negative log-likelihood 0.495 nats",
        "",
        "class  images  errors    error",
        "cat         3       1  33.33 %",
        "dog         2       0   0.00 %",
        "eel         0       0        -",
        "",
        "confusion matrix (rows: true class, columns: predicted class)",
        "     cat  dog  eel",
        "cat    2    1    0",
        "dog    0    2    0",
        "eel    0    0    0",
    ]


@pytest.mark.parametrize(("classes", "has_matrix"), [(20, True), (21, False), (1000, False)])
def test_report_leaves_out_a_matrix_too_wide_for_text(classes, has_matrix):
    names = [f"a class with a rather long name, number {index}" for index in range(classes)]
    result = evaluate(np.eye(classes), np.arange(classes), class_names=names)
    report = format_report(result)
    assert ("confusion matrix" in report) == has_matrix
    assert len(report.splitlines()) == 4 + classes + (classes + 2 + 1 if has_matrix else 0)
    assert max(map(len, report.splitlines())) < 200


def test_short_name():
    assert short_name("automobile", width=10) == "automobile"
    assert short_name("automobiles", width=10) == "automobi.."
    assert short_name("two\nlines", width=10) == "two lines"


# --- mistakes ---


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        ([0.5, 0.5], [0], r"shape \(2,\).*\[images, classes\]"),
        (np.zeros((0, 2)), [], "no images"),
        ([[0.2, 0.3, 0.5]], [0], "3 classes but 2 class names"),
        ([[0.5, 0.5], [np.nan, 1.0]], [0, 0], "NaN or infinite.*row 1"),
        ([[0.5, 0.5], [np.inf, 0.0]], [0, 0], "NaN or infinite.*row 1"),
        ([[0.5, 0.5], [3.2, -1.0]], [0, 0], r"Row 1 .*-1\.\.3\.2 .*sums to 2\.2.*softmax"),
        ([[1.5, -0.5]], [0], r"Row 0 .*-0\.5\.\.1\.5 .*sums to 1"),
        ([[0.5, 0.49]], [0], "sums to 0.99"),
        ([[0.5, 0.5]], [0, 1], r"labels of shape \(2,\).*shape \(1,\)"),
        ([[0.5, 0.5]], [[0]], r"labels of shape \(1, 1\).*argmax"),
        ([[0.5, 0.5]], [0.0], "dtype float64"),
        ([[0.5, 0.5]], [2], r"labels in 2\.\.2.*0\.\.1"),
        ([[0.5, 0.5]], [-1], r"labels in -1\.\.-1.*unknown"),
    ],
)
def test_mistakes_are_explained(probabilities, labels, message):
    with pytest.raises(UsageError, match=message):
        evaluate(probabilities, labels, class_names=("a", "b"))


@pytest.mark.parametrize(("errors", "total"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_interval_refuses_impossible_counts(errors, total):
    with pytest.raises(UsageError, match=f"{errors} errors among {total} trials"):
        wilson_interval(errors, total)
