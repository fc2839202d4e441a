"""Tests of `experiments/measure.py`: that what it would train for hours is what it says, without training."""

import json
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

from ssgan.cli import parse_flags
from ssgan.config import Config

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "experiments"))

import measure  # noqa: E402
from bench_steps import study_figure  # noqa: E402

RECIPES = [(study, recipe) for study in measure.STUDIES for recipe in measure.STUDIES[study].recipes]


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """The flags of every command that a study runs, none of them run; a step takes 0.1 s."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.setattr(measure, "seconds_per_step", lambda folder, flags: 0.1)
    found = []
    monkeypatch.setattr(measure, "call", lambda command, *flags: found.append((command, flags)))
    return found


@pytest.mark.parametrize(("study", "recipe"), RECIPES)
def test_the_flags_of_every_recipe_are_valid_and_its_labels_those_asked_for(commands, study, recipe):
    measure.measure(study, recipe, 3, Path("data"))
    config = parse_flags(Config, ["ssgan", *commands[0][1]], usage="")
    assert config.label_seed == 3
    minutes = measure.STUDIES[study].minutes
    assert minutes is None or config.total_steps == 600 * minutes
    assert "," not in config.run_dir  # ssgan.eval takes that for several runs
    if not measure.STUDIES[study].tested:
        assert config.validation >= 2000 and "eval" not in [command for command, _ in commands]


def test_decisions_and_figures_use_different_labels():
    for study in measure.STUDIES.values():
        assert all((seed < 100) == study.tested for seed in study.label_seeds)


def test_in_a_comparison_all_recipes_see_the_same_images_and_labels(commands):
    for recipe in measure.STUDIES["comparison"].recipes:
        measure.measure("comparison", recipe, 0, Path("data"))
    configs = [parse_flags(Config, ["ssgan", *flags], usage="") for command, flags in commands if command == "train"]
    assert len({(c.dataset, c.data_dir, c.labels, c.label_seed, c.label_strategy, c.validation) for c in configs}) == 1


def test_a_finished_run_is_not_trained_again(commands):
    run_dir = measure.recipe_folder("mnist_100", "drawings") / "label_seed_0"
    run_dir.mkdir(parents=True)
    (run_dir / "summary.json").write_text("{}")
    (run_dir / "metrics.json").write_text("{}")
    measure.measure("mnist_100", "drawings", 0, Path("data"))
    assert commands == []


def test_an_interrupted_run_goes_on(commands):
    run_dir = measure.recipe_folder("mnist_100", "drawings") / "label_seed_0"
    run_dir.mkdir(parents=True)
    (run_dir / "options.json").write_text("{}")
    measure.measure("mnist_100", "drawings", 0, Path("data"))
    assert commands[0] == ("train", ("--resume", f"--run_dir={run_dir}"))


def test_a_run_that_is_not_tested_yet_is_left_out(commands, monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    run_dir = measure.recipe_folder("mnist_100", "drawings") / "label_seed_0"
    run_dir.mkdir(parents=True)
    (run_dir / "summary.json").write_text("{}")
    measure.write_results("mnist_100")
    assert json.loads((tmp_path / "mnist_100.json").read_text())["recipes"] == {}


def test_the_figure_of_a_comparison_shows_recipes_and_peers(tmp_path):
    history = {"seconds": [60.0, 120.0, 180.0], "validation_error": [None, 0.3, 0.1]}
    study = {"recipes": {name: {"mean_error": 0.1, "runs": [{"history": history}] * 2} for name in ("one", "two")}}
    peers = {"peers": {"other": {"mean_error": 0.5, "runs": [{"curve": [[60.0, 0.6], [180.0, 0.5]]}]}}}
    pixels = []
    for shown in (peers, {"peers": {}}):
        study_figure.draw(study, shown, tmp_path / "figure.png")
        pixels.append(imread(tmp_path / "figure.png"))
    assert pixels[0].shape == pixels[1].shape and (pixels[0] != pixels[1]).any()
