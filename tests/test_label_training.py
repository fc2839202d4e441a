"""The loop round the labels: a training that the page starts, is stopped with it, goes on, and renews the order."""

import csv
import json
import re
import shlex
import signal
import time
from pathlib import Path

import filelock
import numpy as np
import pytest

from ssgan import eval, label, predict, train
from ssgan.errors import UsageError
from ssgan.labelling import chooser, labels_file, pictures, server
from ssgan.labelling.seen import Seen
from ssgan.labelling.session import Session
from ssgan.labelling.training import Training
from ssgan.store import run
from tests.label_page import TINY, Page, folder_of, truth


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of(tmp_path_factory.mktemp("loop"), 70)


@pytest.fixture(scope="module")
def story(folder):
    """What the page said, from the first label to the order that a run has renewed."""
    told = {}
    page = Page(folder, "--classes=apple,lime,plum", f"--train={TINY} --log_every=6")
    page.chosen()
    for number in range(12):
        label = truth(number) if number else (truth(number) + 1) % 3  # the first one is wrong
        page.tell("label", ids=[number], **{"class": label})
    told["started"] = page.tell("train")["training"]
    told["refused"] = page.request("POST", "/api/train", {})[0]
    page.wait(lambda state: state["training"]["step"] >= 1)
    page.tell("label", ids=[12], **{"class": truth(12)})  # the training has its own copy of the labels
    told["running"] = page.ask("state")["training"]
    told["status"], told["out"], _ = page.end(signal.SIGINT)
    run_dir = folder.parent / "runs" / told["started"]["run"]
    told["checkpoints"] = [path.name for path in (run_dir / run.CHECKPOINTS).iterdir()]

    page = Page(folder)
    told["again"] = page.ask("state")["training"]
    page.tell("resume")
    told["renewed"] = page.wait(lambda state: state["chooser"]["seen_by"] and not state["chooser"]["choosing"])
    told["guess"] = page.ask(f"guess/{told['renewed']['next'][0]}")
    told["suspects"] = page.ask("suspects")["suspects"]
    told["log"] = run_dir.with_name(f"{run_dir.name}.log").read_text()
    told["end"] = page.end(signal.SIGTERM)
    return told


def test_a_training_starts_and_says_how_far_it_is(story):
    assert story["started"]["phase"] == "running" and story["started"]["run"] == "photos-12-labels"
    assert story["refused"] == 409
    running = story["running"]
    assert running["phase"] == "running" and 1 <= running["step"] < running["steps"] == 12 and running["left"]


def test_with_the_page_a_training_ends_and_can_go_on_whatever_was_labelled_since(story):
    assert story["status"] == 0 and "13 labels of 70 pictures" in story["out"]
    assert any(name.startswith("step_") for name in story["checkpoints"])
    assert story["again"]["phase"] == "stopped" and story["again"]["run"] == "photos-12-labels"
    assert "step 12/12" in story["log"] and "resume" in story["log"].lower()


def test_then_the_run_looks_at_the_pictures_and_the_order_is_renewed(story):
    renewed = story["renewed"]
    assert renewed["training"]["phase"] == "done" and renewed["chooser"]["seen_by"] == "photos-12-labels"
    assert renewed["chooser"]["error"] == "" and not set(renewed["next"]) & set(range(13))
    assert story["guess"]["class"] in ("apple", "lime", "plum") and 1 / 3 <= story["guess"]["probability"] <= 1
    assert all(set(one) == {"id", "label", "name", "predicted"} and one["id"] <= 12 for one in story["suspects"])
    assert story["end"][0] == 0 and "Traceback" not in story["end"][2]


def test_the_commands_of_the_page_of_docs_lead_from_labels_to_predictions(story, folder, monkeypatch, capsys):
    page = (Path(__file__).parent.parent / "docs" / "howto" / "label.md").read_text()
    commands = re.findall(r"^\.venv/bin/python -m ssgan\.(\w+) (.+)$", page, re.MULTILINE)
    assert [command for command, _ in commands] == ["label", "train", "eval", "predict", "label", "label", "label"]
    monkeypatch.chdir(folder.parent)
    with server.listening(0) as free:
        port = free.getsockname()[1]
    mains = {"label": label.main, "train": train.main, "eval": eval.main, "predict": predict.main}
    cache = [f"--cache_dir={folder.parent}/cache"]
    further = {"label": cache, "train": [*TINY.split(), *cache]}
    looked = []

    def served(room, opened, *, token):
        while (seen := room.chooser.state())["choosing"] or ("--run=" in options and not seen["seen_by"]):
            assert not seen["error"]
            time.sleep(0.1)
        looked.append((seen["seen_by"], opened.getsockname()[1] == port))

    monkeypatch.setattr(server, "serve", served)
    for command, options in commands:
        mains[command]([command, *shlex.split(options.replace("8765", str(port))), *further.get(command, [])])
    assert looked == [(None, False), ("photos", False), (None, False), (None, True)]
    told = capsys.readouterr().out
    assert told.count("hint    --run=runs/photos-12-labels shows") == 3  # not with --run
    assert Path("runs/photos/report.html").is_file()
    with open("predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 70 and {row["class"] for row in rows} <= {"apple", "lime", "plum"}


def test_a_training_that_fails_says_why(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.csv").write_text("filename,label\nnowhere.png,cat\n")
    for name in ("numpy", "filelock"):  # of the folder that the page runs in, which may be anybody's
        (tmp_path / f"{name}.py").write_text("raise SystemExit('code of the folder')")
    done = []
    training = Training(folder, tmp_path / "labels.csv", options=["--labels=ten"], on_done=done.append)
    with pytest.raises(UsageError, match="labels of two classes"):
        training.start([5, 0])
    with pytest.raises(UsageError, match="no training to go on with"):
        training.resume()
    training.start([1, 1])
    training._process.wait(60)
    while (state := training.state())["phase"] == "running":
        time.sleep(0.01)
    assert state["phase"] == "failed" and "labels" in state["message"] and "ten" in state["message"]
    assert not done and not (tmp_path / "runs" / "photos-2-labels").exists()
    training.start([1, 1])
    assert training.state()["run"] == "photos-2-labels-2"
    training.stop(wait_seconds=60)


def test_a_training_of_another_folder_is_not_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, images in (
        ("photos-9-labels", "photos"),
        ("photos-old-5-labels", "photos-old"),
        ("photos-8-labels", "b/photos"),
    ):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / f"{name}.log").touch()
        (tmp_path / "runs" / name / run.OPTIONS).write_text(json.dumps({"images": images}))
    of = {"labels_file": tmp_path / "labels.csv", "options": [], "on_done": None}
    assert Training(tmp_path / "photos", **of).state()["run"] == "photos-9-labels"
    assert Training(Path("b/photos"), **of).state()["run"] == "photos-8-labels"
    assert Training(Path("c/photos"), **of).state()["phase"] == "none"
    assert Training(Path("photos"), **of).state()["message"] == ""
    with filelock.FileLock(tmp_path / "runs" / "photos-9-labels" / run.LOCK):  # the page before was killed
        state = Training(Path("photos"), **of).state()
    assert state["phase"] == "stopped" and "outlives the page" in state["message"]


@pytest.fixture
def no_pictures():
    empty = {"prepared": np.empty(0, np.uint8), "rows": np.empty(0, np.int64)}
    return pictures.Pictures(home=Path(), every_key=(), keys=(), paths=(), left_out=0, **empty)


def test_where_pictures_cannot_be_chosen_the_page_is_told_why(no_pictures, monkeypatch, capsys):
    def fail(*_, **__):
        raise OSError("the cache is gone")

    monkeypatch.setattr(chooser, "embed", fail)
    with chooser.Chooser(no_pictures, None, seed=0).running() as one:
        while one.state()["choosing"]:
            time.sleep(0.01)
        one.wake()
        assert "the cache is gone" in one.state()["error"] and not one.state()["choosing"]
    assert "Traceback" in capsys.readouterr().err


def test_labels_that_look_like_another_class_are_suspected_by_name(tmp_path, no_pictures):
    keys = [f"{number}.png" for number in range(40)]
    with labels_file.opened(tmp_path / "labels.csv", keys, tmp_path, first={}) as file:
        session = Session(keys, file, ["new", "apple", "plum"])
        apples = [number for number in range(38) if number % 2]
        session.label(apples, 1)
        session.label([number for number in range(36) if number % 2 == 0], 2)
        session.label([36], 1)  # which looks like a plum
        session.label([38], 0)  # a class that the run does not know
        one = chooser.Chooser(no_pictures, session, seed=0)
        with pytest.raises(UsageError, match="no run has looked"):
            one.suspects()
        even = np.arange(39, -1, -1) % 2 == 0
        features = np.where(even[:, None], [1, 0], [0, 1]) + np.random.default_rng(0).normal(0, 0.01, (40, 2))
        one._seen = Seen(
            numbers=np.arange(39, -1, -1),
            features=features.astype(np.float32),
            probabilities=np.where(even[:, None], [0.9, 0.1], [0.1, 0.9]).astype(np.float32),
            class_names=("plum", "apple"),
            run="x",
        )
        assert one.suspects() == [{"id": 36, "predicted": "plum"}]


def test_pictures_that_no_run_looked_at_come_when_all_others_have_been(tmp_path, no_pictures):
    keys = [f"{number}.png" for number in range(40)]
    with labels_file.opened(tmp_path / "labels.csv", keys, tmp_path, first={}) as file:
        session = Session(keys, file, ["apple", "plum"])
        session.label(range(12), 0)
        session.label(range(12, 24), 1)
        session.extend(range(24, 30))
        one = chooser.Chooser(no_pictures, session, seed=0)
        features = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
        one._embedded = Seen(numbers=np.arange(40), features=features)
        probabilities = np.full((30, 2), 0.5, np.float32)
        one._seen = Seen(numbers=np.arange(30), features=features[:30], probabilities=probabilities, run="x")
        one._choose()
        assert session.upcoming(6) == [*range(24, 30)] and set(session.upcoming(40)) == {*range(24, 40)}
        assert one.state()["way"] == "typical"
        one._choose()  # nothing is left to be chosen


def test_what_a_run_saw_is_told_of_its_own_pictures_alone():
    seen = Seen(
        numbers=np.array([3, 7]),
        features=np.zeros((2, 4), np.float32),
        probabilities=np.float32([[0.25, 0.75], [1, 0]]),
        class_names=("cat", "dog"),
        run="x",
    )
    assert seen.guess(3) == ("dog", 0.75) and seen.guess(7) == ("cat", 1.0) and seen.guess(0) is None
    assert Seen(numbers=np.arange(3), features=np.zeros((3, 2), np.float32)).guess(0) is None
