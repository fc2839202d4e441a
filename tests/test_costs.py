"""Tests of `experiments/costs.py`: that its points are what they are said to be."""

import dataclasses

import costs
from bench_steps import processes, ssgan_step

from ssgan.config import Config


def test_the_curves_go_through_the_default_recipe():
    default = ssgan_step.read_options(costs.DEFAULT, [])
    assert {name: getattr(Config, name) for name in costs.BATCHES} == costs.BATCHES
    for name, points in costs.CURVES.items():
        through = [ssgan_step.read_options(costs.DEFAULT, list(point.flags)) == default for point in points]
        assert any(through), name


def test_rows_are_scaled_together():
    assert costs.scaled(0.5) == costs.Point(66, ("--labeled_batch=25", "--unlabeled_batch=25", "--generated_batch=16"))


def test_a_point_is_the_median_of_its_rounds():
    reports = [{"seconds": seconds, "peak_mib": peak} for seconds, peak in (([1, 9, 2], 5), ([4, 4], 7), ([8], 6))]
    found = costs.point_summary(costs.Point(3), reports)
    assert (found["seconds"], found["median_seconds"], found["peak_mib"]) == (4, [2, 4, 8], 7)
    assert dataclasses.asdict(costs.Point(3)).items() <= found.items()


def test_the_command_line_names_no_folder(monkeypatch):
    monkeypatch.setattr("sys.argv", ["x/costs.py", "--only", "rows", "--output", "a.json", "--work_dir=b", "--steps=2"])
    assert processes.command_line() == "python experiments/costs.py --only rows --steps=2"
