"""Tests of `experiments/studies/still_wrong.py`: what several nets get wrong; nothing is trained."""

import sys

import numpy as np
import pytest
from PIL import Image

from experiments.studies import still_wrong

# Three nets, four images, two classes: probability of class 1. The third image is wrong in all, the fourth in two.
OF_ONE = np.array([[0.1, 0.9, 0.8, 0.3], [0.2, 0.8, 0.6, 0.9], [0.4, 0.4, 0.7, 0.4]])
LABELS = np.array([0, 1, 0, 1])


def test_what_all_nets_get_wrong_is_told_from_what_some_do():
    found = still_wrong.compare(np.stack([1 - OF_ONE, OF_ONE], axis=-1), LABELS)
    assert found["errors"] == [0.5, 0.25, 0.75]
    assert found["error_of_mean"] == 0.25 and found["wrong_in_two_or_more"] == 2
    assert found["wrong_in_all"] == [{"row": 2, "label": 0, "taken_for": 1, "probability": 0.7}]


def test_an_image_is_drawn_with_what_it_is_taken_for(tmp_path):
    shown = [{"row": 0, "label": 7, "taken_for": 1, "probability": 0.98}] * 13  # more than a row
    still_wrong.draw(np.full((1, 28, 28, 1), 200, np.uint8), shown, tmp_path / "wrong.png")
    with Image.open(tmp_path / "wrong.png") as image:
        assert image.size[0] == 12 * 96 and np.asarray(image).std() > 10


def test_nets_that_were_not_trained_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["still_wrong", "--runs", "nowhere"])
    with pytest.raises(SystemExit) as status:
        still_wrong.main()
    assert status.value.code == 2 and "no classifier in nowhere: train these first" in capsys.readouterr().err
