"""The study of outliers: its figures by hand, and its sets of images."""

from pathlib import Path

import numpy as np
import pytest

from experiments.studies import outliers
from experiments.tables import outliers as tables
from ssgan.data import ImageSet


def test_figures_by_hand():
    inside = np.arange(20) / 20  # 95 % of them are at most 0.9
    outside = np.array([0.0, 0.9, 0.925, 2.0])
    found = outliers.figures(inside, outside)
    assert found["passing"] == 0.5  # 0.0 and 0.9
    above = [0.5, 18.5, 19, 20]  # of the 20 pairs with each: larger, equal halves
    assert found["auroc"] == pytest.approx(sum(above) / 80)


def test_scores_are_of_the_only_view_of_each_image():
    logits = np.array([[[2.0, 0.0]], [[2.0, 1.0]]], np.float32)
    found = outliers.scores(lambda images, training: logits[: len(images)], np.zeros((2, 1, 1, 1), np.uint8))
    np.testing.assert_allclose(found["gan"], 1 / (1 + np.exp(logits[:, 0]).sum(axis=1)), rtol=1e-6)
    np.testing.assert_allclose(found["max_logit"], 1 / (1 + np.exp([2.0, 2.0])), rtol=1e-6)


def test_pairs_are_means_of_different_classes(monkeypatch):
    monkeypatch.setattr(outliers, "COUNT", 5)
    labels = np.repeat(np.arange(3), 4)
    images = np.broadcast_to((labels * 100).astype(np.uint8)[:, None, None, None], (12, 2, 2, 1))
    pairs = outliers._averaged_pairs(images, labels, np.random.default_rng(0))
    assert pairs.shape == (5, 2, 2, 1) and set(np.unique(pairs)) <= {50, 100, 150}


def test_letters_are_as_high_as_digits_and_in_the_middle(monkeypatch):
    monkeypatch.setattr(outliers, "COUNT", 8)
    drawn = outliers.letters(28, np.random.default_rng(0))
    assert drawn.shape == (8, 28, 28, 1) and drawn.dtype == np.uint8
    for letter in drawn[..., 0] > 0:
        rows, columns = np.flatnonzero(letter.any(axis=1)), np.flatnonzero(letter.any(axis=0))
        assert max(np.ptp(rows), np.ptp(columns)) == 19
        assert abs(rows.mean() - 13.5) <= 1 and abs(columns.mean() - 13.5) <= 1
    assert not set("0123456789IlOo") & set(outliers._LETTERS)


def test_drawings_have_other_outliers_than_photographs(monkeypatch):
    monkeypatch.setattr(outliers, "COUNT", 3)
    monkeypatch.setattr(outliers, "_house_numbers", lambda folder, size: np.zeros((3, size, size, 1), np.uint8))
    monkeypatch.setattr(outliers, "_photographs", lambda folder, size: np.zeros((3, size, size, 3), np.uint8))
    random = np.random.default_rng(0)
    for channels, others in ((1, "house numbers, grey"), (3, "photographs of hands")):
        images = random.integers(0, 256, (20, 28, 28, channels), np.uint8)
        tested = ImageSet("some", "test", "", False, images, (np.arange(20) % 10).astype(np.int32), tuple("0123456789"))
        sets = dict(outliers.outliers(tested, Path()))
        assert others in sets and len(sets) == 3 + (3 if channels == 1 else 2)
        assert {found.shape for found in sets.values()} == {(3, 28, 28, channels)}
        np.testing.assert_array_equal(sets["turned by 90 degrees"][:, 0, :, 0], images[:3, :, -1, 0])


def test_the_table_pairs_label_seeds_and_takes_the_best_score_without_a_generator():
    def recipe(gan, max_logit):
        runs = [
            {
                "label_seed": seed,
                "metrics_outliers": {
                    "gan": {"noise": {"passing": gan[seed], "auroc": 0.5}},
                    "max_logit": {"noise": {"passing": max_logit[seed], "auroc": 0.75}},
                },
            }
            for seed in range(len(gan))
        ]
        return {"runs": runs}

    found = {
        "all, with generator": recipe([0.1, 0.2], [0.0, 0.0]),  # the score of an arm was fixed beforehand
        "all, without generator": recipe([0.9, 0.9, 0.9], [0.4, 0.6, 0.0]),
    }
    lines = tables.table(found).split("\n")
    assert lines[0] == "| outliers | all: pass | all: AUROC |"
    # Differences -0.3 and -0.4: deviation 0.0707, t = 12.706 for one degree of freedom, by the root of 2.
    assert lines[2] == "| noise | 15.00 / 50.00; -35.0 ± 63.5 | 50.00 / 75.00 |"
