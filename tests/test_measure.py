"""Tests of `experiments/studies/measure.py`: that what it would train for hours is what it says, without training."""

import json
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

from experiments.common import results
from experiments.studies import figure as study_figure
from experiments.studies import measure
from ssgan.options import DEFAULT_VALIDATION, Config
from ssgan.options.flags import parse_flags

ROOT = Path(__file__).parents[1]
RECIPES = [(study, recipe) for study in measure.STUDIES for recipe in measure.STUDIES[study].recipes]


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """The flags of every command that a study runs, none of them run; a step takes 0.1 s."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.setattr(measure, "seconds_per_step", lambda folder, flags: 0.1)
    monkeypatch.setattr(results, "commit", lambda: "c0ffee")
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
        assert config.validation >= 2000 and "ssgan.eval" not in [command for command, _ in commands]


def test_the_time_of_a_step_leaves_out_what_compiling_takes():
    ends = [(20, 9.0), (40, 11.0), (60, 13.0), (80, 25.0), (100, 29.0), (120, 33.0), (140, 37.0)]
    # Parts of 20 steps: 2 s with labels alone, then 4 s, the first of which took 12.
    assert measure.mean_step(ends, begun=60) == pytest.approx((3 / 7 * 2 + 4 / 7 * 4) / 20)
    assert measure.mean_step(ends, begun=0) == pytest.approx(4 / 20)


def test_decisions_and_figures_use_different_labels():
    for study in measure.STUDIES.values():
        assert all((seed < 100) == study.tested for seed in study.label_seeds)


def test_in_a_comparison_all_recipes_see_the_same_images_and_labels(commands):
    for recipe in measure.STUDIES["comparison"].recipes:
        measure.measure("comparison", recipe, 0, Path("data"))
    configs = [
        parse_flags(Config, ["ssgan", *flags], usage="") for command, flags in commands if command == "ssgan.train"
    ]
    assert len({(c.dataset, c.data_dir, c.labels, c.label_seed, c.label_strategy) for c in configs}) == 1
    assert {c.validation for c in configs} <= {None, DEFAULT_VALIDATION}


def test_a_finished_run_is_not_trained_again(commands):
    run_dir = measure.recipe_folder("mnist_100", "with generator") / "label_seed_0"
    run_dir.mkdir(parents=True)
    (run_dir / "summary.json").write_text("{}")
    (run_dir / "metrics.json").write_text("{}")
    measure.measure("mnist_100", "with generator", 0, Path("data"))
    assert commands == []


def test_an_interrupted_run_goes_on(commands):
    run_dir = measure.recipe_folder("mnist_100", "with generator") / "label_seed_0"
    run_dir.mkdir(parents=True)
    (run_dir / "options.json").write_text("{}")
    measure.measure("mnist_100", "with generator", 0, Path("data"))
    assert commands[0] == ("ssgan.train", ("--resume", f"--run_dir={run_dir}"))


def test_a_run_that_is_not_tested_yet_is_left_out(commands, monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    run_dir = measure.recipe_folder("mnist_100", "with generator") / "label_seed_0"
    run_dir.mkdir(parents=True)
    (run_dir / "summary.json").write_text("{}")
    measure.write_results("mnist_100")
    assert json.loads((tmp_path / "mnist_100.json").read_text())["recipes"] == {}


@pytest.fixture
def finished(commands, monkeypatch, tmp_path):
    """Returns a function that makes a finished, untested run of `ablation_mnist` here; results go to a folder."""
    monkeypatch.setattr(measure, "RESULTS", tmp_path)

    def make(recipe, label_seed, error, date="2026-11-02", **options):
        run_dir = measure.recipe_folder("ablation_mnist", recipe) / f"label_seed_{label_seed}"
        run_dir.mkdir(parents=True)
        options = {"label_seed": label_seed, "precision": "float32", "run_dir": str(run_dir), **options}
        for name, values in (("options", options), ("about", {"date": date, "cores": 2}), ("summary", {"steps": 1})):
            (run_dir / f"{name}.json").write_text(json.dumps(values))
        (run_dir / "history.csv").write_text(f"step,validation_error\n1,{error}\n")

    return make


def published(tmp_path, **recipes):
    """Writes results of `ablation_mnist` that were measured elsewhere: pairs of label seed and error, by recipe."""
    header = {"study": "ablation_mnist", "error": measure.error_of(measure.STUDIES["ablation_mnist"]), "minutes": None}
    entries = {
        recipe: {
            "mean_error": 0.5,
            "runs": [
                {
                    "error": error,
                    "label_seed": seed,
                    "options": {"precision": "float32"},
                    "about": {"date": "2026-11-01"},
                }
                for seed, error in runs
            ],
        }
        for recipe, runs in recipes.items()
    }
    (tmp_path / "ablation_mnist.json").write_text(json.dumps({**header, "recipes": entries}))


def written(tmp_path):
    measure.write_results("ablation_mnist")
    return json.loads((tmp_path / "ablation_mnist.json").read_text())["recipes"]


def test_results_that_were_measured_elsewhere_stay(finished, tmp_path):
    published(tmp_path, base=[(100, 0.3), (101, 0.4)], a_removed_term=[(100, 0.7)], VAT=[(100, 0.2)])
    before = json.loads((tmp_path / "ablation_mnist.json").read_text())["recipes"]
    finished("base", 100, 0.1)
    recipes = written(tmp_path)
    assert (recipes["a_removed_term"], recipes["VAT"]) == (before["a_removed_term"], before["VAT"])
    assert [(run["label_seed"], run["error"]) for run in recipes["base"]["runs"]] == [(100, 0.1), (101, 0.4)]
    assert recipes["base"]["mean_error"] == pytest.approx(0.25)


def test_an_older_run_of_this_working_copy_does_not_replace_a_newer_one(finished, tmp_path):
    published(tmp_path, base=[(100, 0.3)])
    finished("base", 100, 0.1, date="2026-10-01")
    assert [run["error"] for run in written(tmp_path)["base"]["runs"]] == [0.3]


def test_a_run_says_its_own_options_and_the_commits_it_was_made_at(finished, monkeypatch, tmp_path):
    finished("base", 100, 0.1, total_steps=77)
    run_dir = measure.recipe_folder("ablation_mnist", "base") / "label_seed_100"
    (run_dir / "summary.json").unlink()
    for commit in ("first", "second", "second"):  # interrupted, and gone on with
        monkeypatch.setattr(results, "commit", lambda commit=commit: commit)
        measure.measure("ablation_mnist", "base", 100, Path("data"))
    (run_dir / "summary.json").write_text("{}")
    finished("VAT", 100, 0.1)
    recipes = written(tmp_path)
    (run,) = recipes["base"]["runs"]
    assert run["commits"] == ["first", "second"]
    assert run["options"] == {"label_seed": 100, "precision": "float32", "total_steps": 77}
    assert "flags" not in recipes["base"]
    assert recipes["VAT"]["runs"][0]["commits"] == ["unknown"]


def test_runs_of_unlike_options_are_told_apart(finished, tmp_path, capsys):
    finished("base", 100, 0.1, total_steps=77)
    finished("base", 101, 0.2, total_steps=78)
    finished("VAT", 100, 0.1)
    finished("VAT", 101, 0.2)
    recipes = written(tmp_path)
    assert recipes["base"]["unlike_options"] == ["total_steps"] and recipes["VAT"]["unlike_options"] == []
    assert "total_steps" in capsys.readouterr().out


def test_results_of_another_kind_are_refused_before_anything_is_trained(commands, monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    (tmp_path / "mnist_100.json").write_text(json.dumps({"study": "mnist_100", "error": "test", "minutes": 5}))
    monkeypatch.setattr(sys, "argv", ["measure.py", "mnist_100", "--data_dir=data"])
    with pytest.raises(SystemExit, match="mnist_100.json.*minutes 5.*None"):
        measure.main()
    assert commands == []


def test_the_published_results_are_of_the_studies_as_they_are():
    for name in measure.STUDIES:
        measure.earlier(name)


def test_the_figure_of_a_comparison_shows_recipes_and_peers(tmp_path):
    history = {"seconds": [60.0, 120.0, 180.0], "validation_error": [None, 0.3, 0.1]}
    study = {"recipes": {name: {"mean_error": 0.1, "runs": [{"history": history}] * 2} for name in ("one", "two")}}
    peers = {"peers": {"other": {"mean_error": 0.5, "runs": [{"curve": [[60.0, 0.6], [180.0, 0.5]]}]}}}
    pixels = []
    for shown in (peers, {"peers": {}}):
        study_figure.draw(study, shown, tmp_path / "figure.png")
        pixels.append(imread(tmp_path / "figure.png"))
    assert pixels[0].shape == pixels[1].shape and (pixels[0] != pixels[1]).any()
