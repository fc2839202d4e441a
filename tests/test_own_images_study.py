"""Tests of `experiments/studies/own_images.py`: what is trained on what; nothing is trained for long."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.common import places, processes
from experiments.common.images import photographs
from experiments.studies import own_images, photograph_training
from ssgan.options import Config
from ssgan.options.flags import parse_flags
from ssgan.training import sources


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Photographs of five persons who each sign 0, 1 and 2; one grey, one turned by its camera, one not square."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    random = np.random.RandomState(0)
    for number in range(15):
        path = tmp_path / "signs" / "train" / str(number % 3) / f"IMG_{number + 95}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.randint(0, 256, (40, 60 if number == 1 else 40, 3), np.uint8)
        Image.fromarray(pixels[..., 0] if number == 2 else pixels).save(path)
    turned = Image.fromarray(np.repeat(np.arange(40, dtype=np.uint8)[:, None] * 6, 40, axis=1))
    exif = Image.Exif()
    exif[0x0112] = 3
    turned.save(tmp_path / "signs" / "train" / "0" / "IMG_95.png", exif=exif)
    return tmp_path / "signs"


def options(folder):
    return sources.find_images(Config(images=str(folder), image_size="20"))


def test_photographs_are_in_the_order_in_which_they_were_taken(folder):
    images = photographs(options(folder), "train")
    assert images.images.shape == (15, 20, 20, 3) and images.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(images.labels, np.arange(15) % 3)
    assert images.images[0, 0].mean() > 200 > images.images[0, -1].mean()
    np.testing.assert_array_equal(images.images[2, ..., 0], images.images[2, ..., 2])


def test_a_new_person_begins_where_the_class_does_not_rise():
    np.testing.assert_array_equal(
        photograph_training.persons(np.array([0, 1, 2, 2, 5, 9, 0, 0])), [0, 0, 0, 1, 1, 1, 2, 3]
    )


def test_persons_are_held_out_as_a_whole(folder):
    whole = photographs(options(folder), "train")
    train, tested = photograph_training._images(options(folder), by_person=True, held_out=True)
    assert len(tested) == 3 and len(train) == 12
    person = next(first for first in range(0, 15, 3) if (whole.images[first] == tested.images[0]).all())
    np.testing.assert_array_equal(whole.images[person : person + 3], tested.images)


def test_the_flags_of_every_recipe_are_valid(monkeypatch):
    monkeypatch.chdir(places.ROOT)
    for recipe in [*own_images.RECIPES.values(), *own_images.DECISIONS.values()]:
        for _, flags in own_images.SETS.values():
            parse_flags(Config, ["ssgan", own_images.RECIPE, *flags, *recipe], usage="")
    assert not set(own_images.LABEL_SEEDS) & set(own_images.DECISION_SEEDS)


def test_a_short_training_says_what_it_was(folder, monkeypatch):
    monkeypatch.setattr(photograph_training, "_seconds_per_step", lambda config, train: 0.5)
    flags = ["--labels=6", "--labeled_batch=3", "--unlabeled_batch=3", "--gan_weight=0", "--unlabeled_start=0"]
    flags += ["--flip=auto", "--image_size=20"]
    found = photograph_training.measure(data=str(folder), by_person=True, flags=flags, minutes=0.05, held_out=True)
    assert found["tested_on"] == "3 images" and found["trained_on"] == "12 images, 6 labels"
    assert found["options"]["flip"] == "no" and found["options"]["total_steps"] == found["curve"]["step"][-1] == 6
    assert found["error"] == found["curve"]["error"][-1] and found["train_seconds"] > 0
    json.dumps(found)


def test_the_time_of_a_step_leaves_out_what_compiling_takes():
    kinds = ["labels"] * 3 + ["both", "classes", "classes", "both", "classes", "both"]
    times = np.array([50, 1, 1, 60, 70, 3, 8, 3, 8.0])
    assert photograph_training.mean_of_kinds(kinds, times) == pytest.approx((3 * 1 + 3 * 8 + 3 * 3) / 9)


def test_a_run_is_trained_once_and_added_to_the_others(monkeypatch, tmp_path):
    asked = []

    def train(module, options):
        asked.append(options)
        return {"error": 0.02 * len(asked), "label_seed": int(options["flags"][-1].split("=")[1])}

    monkeypatch.setattr(processes, "run", train)
    monkeypatch.setattr(places, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["own_images", "--data_dir=data", "--label_seeds", "0", "1"])
    own_images.main()
    assert len(asked) == 18 and {options["minutes"] for options in asked} == {15.0}
    own_images.main()
    assert len(asked) == 18 and not any(options["held_out"] for options in asked)
    found = json.loads((tmp_path / "own_images.json").read_text())
    assert [run["label_seed"] for run in found["sign_digits"]["all labels"]["runs"]] == [0, 1]
    assert found["cifar_lite"].keys() == {"own_images", "labels alone"}
    assert found["sign_digits_50"].keys() == {"own_images", "labels alone"}
    assert {Path(options["data"]) for options in asked} == {Path("data/sign_digits"), Path("data/cifar_lite")}
    assert {options["data"] for options in asked if "--labels=50" in options["flags"]} == {asked[0]["data"]}
