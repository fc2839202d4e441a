"""The study of techniques: that no training of it is refused, what it measures, its picture and its table."""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.common import processes, results
from experiments.studies import technique_times, technique_training, techniques, techniques_figure
from experiments.tables import techniques as tables
from ssgan import quality, terms
from ssgan.data import ImageSet
from ssgan.errors import NonFiniteError, Stopped
from ssgan.evaluate import runs, samples
from ssgan.options import Config
from ssgan.options.flags import parse_flags
from ssgan.samples import even_classes
from ssgan.training import build, sources


def config_of(name, **options):
    return parse_flags(Config, ["techniques", *techniques.flags_of(name, label_seed=101, **options)], usage="")


@pytest.mark.parametrize("name", techniques.TECHNIQUES)
def test_the_flags_of_every_technique_are_accepted_and_change_something(name):
    config, base = config_of(name), config_of("base")
    build.d_terms(config, steps=500), build.g_terms(config)
    assert (config.label_seed, config.total_steps, config.validation) == (101, 500, 3000)
    assert (config == base) == (name == "base")
    assert "/" not in name  # it becomes the name of a file in an archive


def test_every_objective_is_there_and_a_command_line_may_ask_for_fewer_steps():
    assert {f"objective {name}" for name in terms.OBJECTIVES} <= techniques.TECHNIQUES.keys()
    assert config_of("VAT", steps=7).total_steps == 7
    assert all(seed >= 100 for seed in techniques.LABEL_SEEDS)  # of decisions


def found(seed=100, **changes):
    """What a training reports."""
    measures = {kind: {"coverage": share} for kind, share in (("generated", 0.45), ("real", 0.9))}
    about = {"precision": "float32", "options": {"total_steps": 500}, "not_finite": None, "label_seed": seed}
    figures = {"error": 0.05, "score_error": 0.2, "quality": measures}
    return {**about, **figures, **changes}


def rows(whole):
    """The cells of each row of the table, by the first one."""
    lines = [line for line in tables.table(whole).split("\n") if line.startswith("|")]
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return {name: others for name, *others in cells}


def test_the_table_without_results_names_every_technique_and_says_that_nothing_is_measured():
    table = rows({})
    assert table.keys() - {"technique", "---"} == techniques.TECHNIQUES.keys()
    assert table["R1"] == ["`--r1_weight=10`", "not measured yet", "", "", ""]
    assert tables.table({}).endswith("\n\nNothing is measured yet.")


def test_the_table_of_a_part_of_the_results():
    diverged = {"error": None, "score_error": None, "quality": None, "not_finite": "d_loss is nan at step 3"}
    known = {
        "base": {"runs": [found(), found(101, error=0.07)], "step": {"seconds": 0.15, "of_base": 1.0}},
        "R1": {"runs": [found(101, error=0.0625)], "step": {"seconds": 0.3, "of_base": 1.5}},
        "no classes": {"runs": [found(score_error=None), found(101, score_error=None)]},
        "objective kl": {"runs": [found(), found(101, **diverged)]},
        "O-GAN": {"runs": [found(**diverged)]},
        "a removed one": {"flags": ["--once"], "runs": [found()]},
    }
    table = rows({"techniques": known})
    assert table["base"][1:] == ["6.00 (5.00, 7.00)", "20.00 (20.00, 20.00)", "50 (50, 50)", "1.00"]
    assert table["R1"][1:] == ["6.25", "20.00", "50", "1.50"]
    assert table["no classes"][2] == "-"
    assert table["objective kl"][1:] == ["5.00 (5.00, not finite)", "20.00 (20.00, -)", "50 (50, -)", "-"]
    assert table["O-GAN"][1:] == ["not finite", "-", "-", "-"]
    assert table["a removed one"][:2] == ["`--once`", "5.00"]
    assert table["VAT"][1].startswith("not measured yet")
    how = tables.table({"techniques": known}).split("\n")[-1]
    assert how.startswith("500 steps in float32; label seeds 100 and 101") and "150 ms" in how


def test_there_is_no_picture_before_it_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    assert tables.picture() == "Not drawn yet." and "Nothing is measured yet." in tables.techniques()
    (tmp_path / "techniques.png").touch()
    assert tables.picture().endswith("(../../experiments/results/techniques.png)")


@pytest.fixture
def study(monkeypatch, tmp_path):
    """Returns a function that runs the study with what was asked of each training, none of which is run."""
    asked = []

    def train(module, options):
        assert module == "studies.technique_training"
        asked.append(options)
        images = np.full((20, 4, 4, 1), len(asked), np.uint8).tolist()
        report = {name: value for name, value in found().items() if name not in ("label_seed", "options")}
        return {**report, "seed": 0, "images": None if len(asked) == 2 else images}

    monkeypatch.setattr(processes, "run", train)
    monkeypatch.setattr(results, "commit", lambda: "c0ffee")

    def run(*arguments):
        output = tmp_path / "techniques.json"
        monkeypatch.setattr(sys, "argv", ["techniques", "--data_dir=data", f"--output={output}", *arguments])
        techniques.main()
        return results.read(output), asked

    return run


def test_a_run_is_trained_once_and_put_where_the_others_are(study, tmp_path):
    whole, asked = study("--techniques", "R1", "base")
    assert len(asked) == 4 and list(whole["techniques"]) == ["base", "R1"]
    assert asked[0]["flags"][-1] == f"--data_dir={Path('data/tfds')}" and "--r1_weight=10" in asked[0]["flags"]
    assert [run["label_seed"] for run in whole["techniques"]["R1"]["runs"]] == [100, 101]
    assert "data_dir" not in json.dumps(whole) and "images" not in whole["techniques"]["R1"]["runs"][0]
    assert whole["techniques"]["R1"]["runs"][0]["commit"] == "c0ffee"
    kept = techniques.read_images(tmp_path / "techniques_samples.npz")
    assert list(kept) == ["R1"] and kept["R1"][0, 0, 0, 0] == 1  # the base has none, other label seeds are not shown
    assert (tmp_path / "techniques.png").exists()
    study("--techniques", "R1", "base")
    assert len(asked) == 4
    whole, _ = study("--techniques", "R1", "--steps", "5", "--label_seeds", "100")
    assert len(asked) == 5
    again = [(run["label_seed"], run["options"]["total_steps"]) for run in whole["techniques"]["R1"]["runs"]]
    assert again == [(100, 5), (101, 500)]


def test_a_run_of_other_options_is_none_of_these_but_options_that_it_does_not_know_do_not_matter():
    asked, added = {"r1_weight": 10.0, "total_steps": 500}, {"input_noise": 0.0}
    there = {"techniques": {"R1": {"runs": [{"options": asked}]}}}
    assert techniques.is_there(there, "R1", asked | added)
    assert not techniques.is_there(there, "R1", {**asked, "input_noise": 0.1})
    assert not techniques.is_there(there, "R1", {**asked, "total_steps": 5})
    assert not techniques.is_there(there, "R2", asked) and not techniques.is_there({}, "R1", asked)


def test_a_grid_lies_row_by_row_in_all_shades():
    images = np.arange(4, dtype=np.uint8).repeat(6).reshape(4, 2, 3, 1)
    pixels = techniques_figure.grid(images, levels=4, columns=2)
    assert pixels.shape == (4, 6) and pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[::2, ::3], [[0, 85], [170, 255]])
    assert techniques_figure.grid(images[:1], levels=4).shape == (2, 3)
    assert techniques.LEVELS == 8
    np.testing.assert_array_equal(technique_training.as_levels(np.array([0, 18, 19, 255], np.uint8)), [0, 0, 1, 7])


def test_the_picture_shows_every_grid_in_its_place(tmp_path):
    images = {name: np.full((20, 8, 8, 1), 7, np.uint8) for name in ("one", "two", "three", "four")}
    images["four"][:10] = 0
    images["four"][10:] = 3
    techniques_figure.draw(images, tmp_path / "sheet.png", levels=8)
    with Image.open(tmp_path / "sheet.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape == (2 * (16 + 26) + 12, 3 * (80 + 12) + 12)
    below = pixels[12 + 42 + 14 :, 12:92]  # the name of the fourth, which is the first of the second row
    assert (below[:8] == 0).all() and (below[8:16] == 109).all() and (below[16:] == 255).all()
    assert (pixels[12:26, 12:92] < 255).any()  # a name


def test_the_time_of_a_step_is_a_median_of_turns_beside_the_base(monkeypatch):
    clock, calls = iter(np.cumsum([0, 99, 0, 99] + [0, 4, 0, 8] * 5 + [0, 400, 0, 4] * 4)), []
    monkeypatch.setattr(technique_times.time, "process_time", lambda: float(next(clock)))
    found = technique_times.beside(lambda: calls.append("base"), lambda: calls.append("own"))
    assert found == {"seconds": 2.0, "of_base": 2.0} and calls == ["base", "own"] * 10


def test_the_steps_of_a_technique_are_those_of_its_networks(monkeypatch):
    small = ["--generator_width=2", "--labeled_batch=2", "--unlabeled_batch=2", "--generated_batch=2"]
    monkeypatch.setattr(technique_times, "BASE", [*techniques.BASE, *small, "--precision=float32"])
    losses = technique_times.steps_of("objective hinge")()
    assert len(losses) == technique_times.BLOCK and np.isfinite(losses).all() and len(set(losses)) == len(losses)


def test_a_time_is_put_beside_the_runs(monkeypatch, tmp_path, capsys):
    path = tmp_path / "techniques.json"
    results.put(path, techniques={"base": {"flags": [], "runs": [found()]}})
    name = "two discriminator steps"
    monkeypatch.setattr(sys, "argv", ["technique_times", "--techniques", "base", name, f"--output={path}"])
    monkeypatch.setattr(technique_times, "steps_of", lambda name: name)
    monkeypatch.setattr(technique_times, "seconds", lambda steps: 0.2 if steps == "base" else 0.3)
    technique_times.main()
    known = results.read(path)["techniques"]
    assert known["base"]["runs"] == [found()] and known["base"]["step"]["of_base"] == 1
    assert known[name]["runs"] == [] and known[name]["step"]["seconds"] == 0.3 and "commit" in known[name]["step"]
    assert "300.0 ms, 1.50 of the base" in capsys.readouterr().out
    techniques.put(path, "base", found(101))
    assert results.read(path)["techniques"]["base"]["step"] == known["base"]["step"]


@pytest.mark.parametrize("cause", [NonFiniteError("d_loss is nan at step 3"), OSError("no space")])
def test_a_training_that_diverges_is_a_result_and_another_error_is_none(cause, monkeypatch):
    def train(config):
        assert config.log_every == config.checkpoint_every == config.total_steps == 500
        raise Stopped("stopped", status=1) from cause

    monkeypatch.setattr("ssgan.train.train", train)
    options = {"flags": techniques.flags_of("base", label_seed=100), "scored": 40, "score_steps": 1, "shown": 20}
    if isinstance(cause, OSError):
        with pytest.raises(Stopped):
            technique_training.measure(**options)
        return
    report = technique_training.measure(**options)
    assert report["not_finite"] == "d_loss is nan at step 3" and report["error"] is report["images"] is None
    json.dumps(report)


def test_the_last_row_of_a_history_counts_and_nan_is_none(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("step,validation_error,class_variety,classes_drawn\n1,0.5,0.1,1\n2,0.25,nan,10\n")
    assert technique_training._of_history(path) == {"error": 0.25, "class_variety": None, "classes_drawn": 10}


@pytest.fixture
def scored(monkeypatch, tmp_path):
    """Returns a function that measures a run, what a fresh net was to learn from and be tested on, and all images."""
    random = np.random.RandomState(0)
    pixels, labels = random.randint(0, 256, (100, 16, 16, 1)).astype(np.uint8), (np.arange(100) % 2).astype(np.int32)
    about = {"name": "photos", "split": "train", "source": "a test", "synthetic": False, "class_names": ("a", "b")}
    images, asked = ImageSet(images=pixels, labels=labels, **about), []
    monkeypatch.setattr(sources, "load_images", lambda config, split: images)

    def score(*examples, **options):
        asked.append((examples, options))
        return types.SimpleNamespace(error=0.25)

    monkeypatch.setattr(quality, "classification_accuracy_score", score)

    def measure(*, conditional):
        config = Config(labels=2, validation=80, conditional=conditional, arch="tiny", augment="affine", shift=1)
        drawn = np.full((60, 16, 16, 1), 40, np.uint8), even_classes(60, 2) if conditional else None
        monkeypatch.setattr(runs, "read_members", lambda named, sha256: [types.SimpleNamespace(config=config)])
        monkeypatch.setattr(
            samples, "draw", lambda member, count, seed: [None if x is None else x[:count] for x in drawn]
        )
        (tmp_path / "history.csv").write_text("step,validation_error\n600,0.5\n")
        return technique_training._figures(tmp_path, scored=50, score_steps=7, shown=20)

    return measure, asked, images


def test_a_fresh_net_learns_from_generated_images_and_is_tested_on_the_held_out_ones(scored):
    measure, asked, images = scored
    found = measure(conditional=True)
    (((generated, classes, tested, labels), options),) = asked
    assert (found["score_error"], found["error"], found["class_variety"]) == (0.25, 0.5, None)
    assert len(generated) == 50 and list(classes[:3]) == [0, 1, 0] and options["steps"] == 7
    assert (options["arch"], options["augment"], options["shift"], options["flip"]) == ("tiny", "affine", 1, "no")
    config = Config(labels=2, validation=80)
    held_out = sources.choose_labels(config, images)[2]
    assert sorted(row.tobytes() for row in tested) == sorted(row.tobytes() for row in images.images[held_out])
    assert len(labels) == found["quality"]["images"] * 2 == 80
    assert found["quality"]["real"]["coverage"] > found["quality"]["generated"]["coverage"]  # all the same
    np.testing.assert_array_equal(found["images"], technique_training.as_levels(generated[:20]))
    json.dumps(found)


def test_a_generator_that_is_told_no_class_has_no_score(scored):
    measure, asked, _ = scored
    assert measure(conditional=False)["score_error"] is None and asked == []
