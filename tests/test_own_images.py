"""From somebody's folder to a run that is evaluated: `--images` and what belongs to it."""

import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from photos import COLORS, picture, write_folder

from ssgan.data import own
from ssgan.data.own.images import in_fold
from ssgan.errors import UsageError
from ssgan.eval import EvalConfig, _check_alike, evaluate_run
from ssgan.evaluate.images import test_images as chosen_images
from ssgan.options import Config
from ssgan.options.flags import parse_flags
from ssgan.options.recipes import OWN_IMAGES, lines
from ssgan.train import train
from ssgan.training import sources

ROOT = Path(__file__).parent.parent
TINY = {
    "arch": "tiny",
    "generator_width": 1,
    "latent_dim": 2,
    "labeled_batch": 3,
    "unlabeled_batch": 4,
    "generated_batch": 4,
    "total_steps": 2,
    "precision": "float32",
    "image_size": "16",
    "gan_weight": 0.0,
    "pseudo_label_weight": 0.0,
}


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def options(folder, tmp_path, **more):
    return Config(**{**TINY, "images": str(folder), "run_dir": str(tmp_path / "run"), **more})


def settled(folder, **more):
    """Returns the options of a run, and the images of its splits."""
    config = sources.find_images(Config(images=str(folder), **more))
    return config, *(sources.load_images(config, split) for split in ("train", "test"))


def test_a_folder_is_trained_on_and_evaluated(tmp_path, capsys):
    folder = write_folder(tmp_path / "fruit", unlabeled=5, test=4)
    run_dir = train(options(folder, tmp_path, flip="auto", augment="natural"))
    said = capsys.readouterr()
    assert "data    fruit train, 23 images (16, 16, 3)" in said.out and "5 of them without a label" in said.out
    assert "labels  18 used" in said.out and "0 held out" in said.out
    assert "views   half of them flipped" in said.out and "--flip=no" in said.out
    assert "prepared 35 pictures" in said.err
    about = json.loads((run_dir / "about.json").read_text())
    assert about["class_names"] == list(COLORS) and about["dataset"] == "fruit"
    assert about["preparation"] == {"height": 16, "width": 16, "channels": 3, "resize": "crop"}
    metrics = evaluate_run(EvalConfig(run=str(run_dir)))
    assert metrics["num_test"] == 12 and metrics["dataset"] == metrics["trained_on"] == "fruit"
    assert "trained on fruit with 18 labels of 23 images" in capsys.readouterr().out


def test_other_pictures_are_evaluated_with_the_classes_of_the_run(tmp_path, capsys):
    run_dir = train(options(write_folder(tmp_path / "fruit"), tmp_path))
    assert "fruit has no test images" in capsys.readouterr().out
    other = tmp_path / "market"
    (other / "plum").mkdir(parents=True)
    picture("plum", 5).save(other / "plum" / "p.png")
    metrics = evaluate_run(EvalConfig(run=str(run_dir), images=str(other), cache_dir=str(tmp_path / "elsewhere")))
    assert metrics["ema"]["class_counts"] == [0, 0, 1] and metrics["num_test"] == 1
    assert "Images of the training" not in next(run_dir.glob("report_market_*.html")).read_text()
    assert {path.name.partition("-")[0] for path in (tmp_path / "elsewhere").iterdir()} == {"fruit", "market"}
    (other / "pear").mkdir()
    picture("lime", 6).save(other / "pear" / "p.png")
    with pytest.raises(UsageError, match="labels pear; expected some of apple, lime, plum"):
        evaluate_run(EvalConfig(run=str(run_dir), images=str(other)))
    with pytest.raises(UsageError, match="no test pictures with a label; test on others by --images, or train again"):
        evaluate_run(EvalConfig(run=str(run_dir)))
    with pytest.raises(UsageError, match="none of the 1 pictures of plum has a label; expected a sub-folder for each"):
        evaluate_run(EvalConfig(run=str(run_dir), images=str(other / "plum")))
    for more, message in (
        (
            {"images": str(other), "dataset": "mnist"},
            "--images=.*market beside --dataset=mnist: expected one of the two",
        ),
        ({"images": str(other), "data_dir": str(other)}, "the run's images are a folder of pictures"),
        ({"images": str(other), "split": "validation"}, "--split=validation of --images=.*: expected test or train"),
        ({"data_dir": str(other)}, "the run's images are a folder of pictures; expected --images"),
    ):
        with pytest.raises(UsageError, match=message):
            evaluate_run(EvalConfig(run=str(run_dir), **more))
    assert evaluate_run(EvalConfig(run=str(run_dir), split="train"))["train_error"] <= 1
    assert "*** train: images that were trained on" in capsys.readouterr().out
    seen = evaluate_run(EvalConfig(run=str(run_dir), images=str(tmp_path / "fruit")))
    assert seen["on_training"] == seen["num_test"] == 18
    assert "*** 18 of 18 images tested on are among those of the training" in capsys.readouterr().out
    assert "Images of the training" in (run_dir / "report_train.html").read_text()


def test_runs_that_saw_each_others_test_images_are_no_ensemble():
    def member(fold, resize="crop", digest="0"):
        preparation = own.Preparation(height=16, width=16, channels=3, resize=resize)
        return SimpleNamespace(
            run_dir=f"runs/{fold}",
            preparation=preparation,
            config=Config(images="photos", test_fold=fold),
            about={"digest": digest},
        )

    first = member("1/5")
    _check_alike(member("1/5"), first, by_fold=True)
    with pytest.raises(UsageError, match="runs/2/5 was trained with --test_fold=2/5, runs/1/5 with 1/5, or the folder"):
        _check_alike(member("2/5"), first, by_fold=True)
    with pytest.raises(UsageError, match="with 1/5, or the folder was another one then"):
        _check_alike(member("1/5", digest="1"), first, by_fold=True)
    _check_alike(member("2/5"), first, by_fold=False)  # by pictures that none has seen
    with pytest.raises(UsageError, match="has the preparation .*resize='pad'"):
        _check_alike(member("1/5", "pad"), first, by_fold=False)


def test_a_cache_that_cannot_be_written_is_an_error_that_names_the_option(tmp_path):
    folder, place = write_folder(tmp_path / "fruit"), tmp_path / "file"
    place.write_text("")
    with pytest.raises(UsageError, match="prepared pictures cannot be kept .Not a directory: .*/file.*--cache_dir"):
        settled(folder, cache_dir=str(place))


def damaged(run_dir: Path) -> Path:
    """A copy of a run that was trained before pictures became unreadable."""
    folder = run_dir.with_name("before")
    shutil.copytree(run_dir, folder)
    options = json.loads((folder / "options.json").read_text())
    (folder / "options.json").write_text(json.dumps({**options, "skip_unreadable": False}))
    return folder


def test_all_labels_are_used_or_as_many_as_are_asked_for(tmp_path):
    folder = write_folder(tmp_path / "fruit")
    picture("lime", 99).save(folder / "lime" / "one_more.png")
    config, images = sources.find_images(Config(images=str(folder))), None
    images = sources.load_images(config, "train")
    every, mask, held_out = sources.choose_labels(config, images)
    assert every.labels == 19 and mask.all() and not held_out.any()
    few, mask, held_out = sources.choose_labels(Config(images=str(folder), labels=6, validation=4), images)
    assert (
        np.bincount(images.labels[mask]).tolist() == [2, 2, 2] and held_out.sum() == 4 and not (mask & held_out).any()
    )


def test_unreadable_pictures_are_all_named_before_training_or_left_out(tmp_path, capsys):
    folder = write_folder(tmp_path / "fruit", test=2)
    (folder / "train" / "lime" / "page.jpg").write_text("<html>")
    (folder / "test" / "plum" / "empty.png").touch()
    with pytest.raises(
        UsageError, match=r"2 of 26 pictures.*test/plum/empty.png: an empty file.*lime/page.jpg: no pic"
    ):
        train(options(folder, tmp_path))
    assert not (tmp_path / "run").exists()
    run_dir = train(options(folder, tmp_path, skip_unreadable=True))
    said = capsys.readouterr().out
    assert "2 pictures cannot be read and are left out" in said and "train, 18 images" in said
    (folder / "test" / "plum" / "late.png").touch()
    with pytest.raises(UsageError, match="test/plum/late.png: an empty file"):
        evaluate_run(EvalConfig(run=str(damaged(run_dir))))
    assert evaluate_run(EvalConfig(run=str(run_dir), skip_unreadable=True))["num_test"] == 6


def test_size_and_colour_are_chosen_from_the_pictures(tmp_path):
    chosen, *_ = settled(write_folder(tmp_path / "a", test=1, height=40, width=48))
    assert (chosen.size, chosen.color) == ((40, 48), "color")
    large = write_folder(tmp_path / "b", test=1, height=60, width=200)
    picture("lime", 1, height=200, width=100).save(large / "train" / "lime" / "tall.png")
    assert settled(large)[0].size == (48, 48)
    assert settled(large, image_size="24,32")[1].image_shape == (24, 32, 3)
    for path in large.rglob("*.png"):
        from PIL import Image

        Image.open(path).convert("L").save(path)
    grey, train_images, _ = settled(large)
    assert grey.color == "grey" and train_images.image_shape == (48, 48, 1)
    assert settled(large, color="color")[1].image_shape == (48, 48, 3)


def test_a_part_of_the_labelled_images_is_for_testing(tmp_path):
    folder = write_folder(tmp_path / "fruit", of_each=10, unlabeled=4)
    shutil.copy(folder / "lime" / "3.png", folder / "lime" / "again.png")
    shutil.copy(folder / "plum" / "2.png", folder / "_unlabeled" / "plum.png")
    tested = []
    for part in range(1, 6):
        _, train_images, test_images = settled(folder, test_fold=f"{part}/5")
        leaks = "plum/2.png" in test_images.keys
        assert ("_unlabeled/plum.png" in train_images.keys) != leaks
        assert len(train_images) + len(test_images) == 36 - leaks and train_images.num_unlabelled == 5 - leaks
        assert not set(train_images.keys) & set(test_images.keys) and test_images.num_unlabelled == 0
        assert ("lime/3.png" in test_images.keys) == ("lime/again.png" in test_images.keys)
        assert np.bincount(test_images.labels, minlength=3).min() >= 2
        tested += test_images.keys
    assert sorted(tested) == sorted(str(path.relative_to(folder)) for path in folder.glob("[!_]*/*.png"))
    with pytest.raises(UsageError, match="has test pictures"):
        settled(write_folder(tmp_path / "tested", test=1), test_fold="1/5")


def test_a_part_of_a_folder_that_has_changed_is_no_test(tmp_path):
    folder = write_folder(tmp_path / "fruit", of_each=10, unlabeled=1)
    config, train_images, test_images = settled(folder, test_fold="1/5")
    member = SimpleNamespace(config=config, run_dir="runs/fruit", about={"digest": train_images.digest})
    found, other = chosen_images(member, EvalConfig())
    assert found.digest == test_images.digest and not other
    picture("plum", 77).save(folder / "_unlabeled" / "new.png")  # which changes no fold
    member.about["labelled_digest"] = train_images.labelled().digest
    assert chosen_images(member, EvalConfig())[0].digest == test_images.digest
    (folder / "lime" / "3.png").unlink()
    with pytest.raises(
        UsageError, match="fruit' is not as it was when runs/fruit was trained.*--test_fold=1/5 is drawn"
    ):
        chosen_images(member, EvalConfig())


def test_a_part_is_the_same_in_every_call(tmp_path):
    _, images, _ = settled(write_folder(tmp_path / "fruit", test=1))
    np.testing.assert_array_equal(in_fold(images, 1, 3), in_fold(images, 1, 3))
    assert sum(in_fold(images, part, 3).astype(int) for part in (1, 2, 3)).tolist() == [1] * 18


def test_further_folders_bring_unlabelled_and_test_pictures(tmp_path):
    folder = write_folder(tmp_path / "fruit", of_each=2, test=1)
    more, tests = write_folder(tmp_path / "more", of_each=1), write_folder(tmp_path / "tests", of_each=3)
    _, train_images, test_images = settled(folder, unlabeled_images=str(more), test_images=str(tests))
    assert train_images.num_unlabelled == 3 and len(train_images) == 9
    assert len(test_images) == 9 and all(key.startswith("test_images:") for key in test_images.keys)


def test_a_run_goes_on_with_the_same_pictures_alone(tmp_path):
    folder = write_folder(tmp_path / "fruit", test=1)
    run_dir = train(options(folder, tmp_path))
    (run_dir / "summary.json").unlink()
    resumed = dataclasses.replace(options(folder, tmp_path, resume=True), images=None)
    assert train(resumed) == run_dir
    (run_dir / "summary.json").unlink()
    moved = folder.rename(tmp_path / "moved")
    resumed = dataclasses.replace(resumed, images=str(moved))
    assert train(resumed) == run_dir
    (run_dir / "summary.json").unlink()
    picture("plum", 77).save(moved / "train" / "plum" / "new.png")
    with pytest.raises(UsageError, match="the data or the labels are not those .*of the same data with --images"):
        train(resumed)


def test_images_bring_their_recipe_unless_another_is_named(tmp_path):
    def parsed(*arguments):
        return parse_flags(Config, ["train", *arguments], usage="")

    of_recipe = parsed("--images=x")
    assert of_recipe == parsed(*lines(OWN_IMAGES), "--images=x", "--recipe=own_images") != Config(images="x")
    assert parsed("--images=x", "--augment=none").augment == "none"
    assert parsed("--images=x", "--recipe=mnist_100", "--dataset=auto").augment == "affine"
    epochs = parsed("--images=x", "--total_epochs=3")
    assert (epochs.total_steps, epochs.total_epochs) == (None, 3)
    (tmp_path / "options.cfg").write_text(Config(images="x").to_flagfile())
    assert parsed(f"--flagfile={tmp_path / 'options.cfg'}").augment == Config().augment


@pytest.mark.parametrize(
    "given, reason",
    [
        ({"images": "x", "dataset": "mnist"}, "--images=x beside --dataset=mnist"),
        ({"images": "x", "train_images": 5}, "--train_images=5"),
        ({"labels_file": "x.csv"}, "--labels_file=x.csv without --images"),
        ({"images": "x", "test_fold": "0/5"}, "--test_fold=0/5: expected K/N"),
        ({"images": "x", "test_fold": "6/5"}, "expected K/N"),
        ({"image_size": "12"}, "--image_size=12: expected 16 to 128"),
        ({"image_size": "32,32,3"}, "--image_size=32,32,3"),
        ({"image_size": "32,"}, "--image_size=32,"),
    ],
)
def test_options_that_do_not_go_together_are_refused(given, reason):
    with pytest.raises(UsageError, match=reason):
        Config(**given)


def test_a_folder_without_labels_or_pictures_says_what_is_expected(tmp_path):
    with pytest.raises(UsageError, match="is not an existing folder"):
        own.find(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="holds no pictures"):
        own.find(tmp_path)
    picture("lime", 1).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match="holds 1 pictures and no labels; expected a sub-folder for each class"):
        own.find(tmp_path)
    (tmp_path / "fruit").mkdir()
    picture("lime", 1).save(tmp_path / "fruit" / "a.png")
    with pytest.raises(UsageError, match="holds pictures of one class alone, 'fruit'; .* is it the folder above yours"):
        sources.find_images(Config(images=str(tmp_path)))


def test_weights_are_initialised_by_pictures_of_all_classes(tmp_path):
    config, images, _ = settled(write_folder(tmp_path / "fruit", of_each=300, test=1), image_size="16")
    found = sources.to_begin_with(config, images, np.arange(900))
    assert len(found) == 500
    for label in range(3):
        of_class = {image.tobytes() for image in images.read(np.flatnonzero(images.labels == label))}
        assert sum(image.tobytes() in of_class for image in found) > 100
    assert np.array_equal(sources.to_begin_with(Config(), images, np.arange(7)), images.read(np.arange(7)))


def test_a_train_source_reads_rows_from_disk(tmp_path):
    _, images, _ = settled(write_folder(tmp_path / "fruit", test=1), image_size="16")
    found = images.read(np.array([5, 0]))
    preparation = own.Preparation(height=16, width=16, channels=3, resize="crop")
    for image, row in zip(found, (5, 0), strict=True):
        np.testing.assert_array_equal(image, own.read_picture(tmp_path / "fruit" / images.keys[row], preparation))
    assert isinstance(images._prepared, np.memmap)
    assert images.digest != images.at(np.arange(5)).digest


def test_the_commands_of_the_page_lead_from_a_folder_to_predictions(tmp_path):
    """Those behind the installation, with a run of two steps of a tiny net."""
    write_folder(tmp_path / "photos", unlabeled=4)
    write_folder(tmp_path / "new_photos", of_each=2)
    page = (ROOT / "docs" / "howto" / "own_images.md").read_text()
    _, *commands = re.search(r"^```bash\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[1].splitlines()
    assert [words.split()[2] for words in commands] == [
        f"ssgan.{name}" for name in ("check", "train", "eval", "predict")
    ]
    for command in commands:
        _, *words = shlex.split(command)
        if "ssgan.train" in words:
            words += [f"--{name}={value}" for name, value in TINY.items()]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    rows = (tmp_path / "predictions.csv").read_text().splitlines()
    assert len(rows) == 7 and rows[0].startswith("path,class,probability")
    assert "<html" in (tmp_path / "runs" / "photos" / "report.html").read_text()
