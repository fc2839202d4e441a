"""`python -m ssgan.check`: what it finds in a folder, what it prints and writes, how it ends."""

import html.parser
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ssgan import check
from ssgan.survey import findings, survey, words
from tests import odd_files

HOSTILE = ("<script>alert(1)<∕script>", "a\nb\x1b[31m", "\u202egpj.exe", "very " * 40 + "long", "=1+1", "größe", "猫")


def run(capsys, folder, *arguments):
    """Runs the command in this process; returns its status and what it printed."""
    status = 0
    try:
        check.main(["check", str(folder), f"--cache_dir={folder.parent / 'cache'}", *arguments])
    except SystemExit as end:
        status = end.code
    printed, told = capsys.readouterr()
    return status, printed, told


def unwrapped(text):
    return " ".join(text.split())


def found_in(folder, **options):
    """Returns a survey, and its findings by kind."""
    found = survey(folder, cache_dir=folder.parent / "cache", **options)
    return found, {one.kind: one for one in findings(found)}


@pytest.fixture
def home(tmp_path):
    """A folder in which nothing is wrong."""
    home = tmp_path / "images"
    for split, count, seed in (("train", 6, 0), ("test", 2, 1), ("train/_unlabeled", 3, 2)):
        names = ("x",) if "_" in split else ("cat", "dog")
        odd_files.classes(home / split, count=count, names=names, seed=seed)
    return home


@pytest.fixture
def odd_home(home):
    """A folder in which everything is wrong that can be."""
    odd_files.make_good(home / "train")
    odd_files.make_bad(home / "train")
    odd_files.classes(home / "train", count=2, names=(*HOSTILE, "Cat", "unlabeled"), seed=3)
    odd_files.classes(home / "train", count=70, names=("many",), seed=4)
    odd_files.classes(home / "test", count=1, names=("猫",), seed=5)
    odd_files.write(home / "val/cat/<img src=x onerror=alert(1)>.png", b"")
    for name in ("test/cat/<img src=x onerror=alert(1)>.png", "train/dog/twice.png", "train/cat/0b.png"):
        shutil.copy(home / "train/cat/0.png", home / name)
    return home


def test_a_folder_in_which_nothing_is_wrong(home, capsys):
    status, printed, told = run(capsys, home)
    assert status == 0 and printed.endswith("nothing wrong\n")
    assert re.search(r"cat +6 +2 +█+\n", printed) and re.search(r"no label +3 +0\n", printed)
    assert "19 PNG\n" in printed and "all 20 x 20" in printed and "at 20 x 20 in colour" in printed
    assert "prepared 19 pictures" in told
    assert run(capsys, home)[2] == ""  # they are there already


@pytest.mark.parametrize(("brightest", "is_dark"), [(4095, True), (8300, False)])
def test_pictures_of_twelve_bits_in_sixteen_are_told_of(home, brightest, is_dark):
    pixels = np.linspace(0, brightest, 400).reshape(20, 20).astype(np.uint16)
    for number in range(2):
        Image.fromarray(pixels + number).save(home / "train" / "cat" / f"xray{number}.png")
    _, by_kind = found_in(home)
    assert ("dark" in by_kind) == is_dark
    if is_dark:
        assert by_kind["dark"].names == ("train/cat/xray0.png", "train/cat/xray1.png") and not by_kind["dark"].stops
        assert "2 pictures of 16 bits are nearly black: the brightest pixel of all is 16 of" in by_kind["dark"].message


def test_every_kind_of_finding_is_found_with_the_names_of_what_it_is_about(odd_home):
    found, by_kind = found_in(odd_home)
    assert len(found.mistakes) == 2 and "'Cat' and 'cat'" in found.mistakes[1] and "_unlabeled" in found.mistakes[0]
    kinds = ["layout", "unreadable", "across_splits", "labels_differ", "few_labels", "imbalance", "left_out"]
    assert list(by_kind) == kinds and [by_kind[kind].stops for kind in kinds] == [True, True, *[False] * 5]
    bad = {f"train/cat/{name}" for name in (*odd_files.BAD, "pipe.jpg")}
    assert set(by_kind["unreadable"].names) == bad and by_kind["unreadable"].count == len(bad)
    assert by_kind["across_splits"].names == ("test/cat/<img src=x onerror=alert(1)>.png",)
    assert "train/dog/twice.png" in by_kind["labels_differ"].names
    assert set(by_kind["few_labels"].names) == {*HOSTILE, "Cat", "unlabeled"}
    assert by_kind["imbalance"].names[0] == "many" and "has 70 labels, the smallest 2" in by_kind["imbalance"].message
    assert set(by_kind["left_out"].names) == {"val/cat/<img src=x onerror=alert(1)>.png", "train_outside.png"}
    assert found.odd["animated"] == len(odd_files.ANIMATED) and found.odd["sixteen_bits"] == 4


def test_one_class_alone_stops_training(home):
    shutil.rmtree(home / "train/dog")
    shutil.rmtree(home / "test/dog")
    _, by_kind = found_in(home)
    assert by_kind["one_class"].stops and by_kind["one_class"].names == ("cat",)


def test_twins_are_told_as_what_they_are(home):
    shutil.copy(home / "train/cat/0.png", home / "train/cat/again.png")
    found, by_kind = found_in(home)
    assert by_kind == {}  # they waste time, and do no harm
    (twins,) = found.twins
    assert (twins.keys, twins.exact) == (("train/cat/0.png", "train/cat/again.png"), True)
    assert (twins.splits, twins.labels) == (("train",), ("cat",))
    shutil.copy(home / "train/cat/0.png", home / "train/_unlabeled/again.png")
    assert found_in(home)[1] == {}
    shutil.copy(home / "train/cat/0.png", home / "test/dog/again.png")
    _, by_kind = found_in(home)
    assert by_kind["across_splits"].message == "1 test picture is among the train pictures, too (1 exactly)"
    assert by_kind["labels_differ"].message == "1 picture is there twice with different labels (1 exactly)"


def test_bounds_of_the_findings(home):
    (home / "train/cat/0.png").unlink()
    assert found_in(home)[1] == {}  # five labels
    (home / "train/cat/1.png").unlink()
    assert found_in(home)[1]["few_labels"].names == ("cat",)
    odd_files.classes(home / "train", count=39, names=("bird",), seed=9)
    assert "imbalance" not in found_in(home)[1]
    odd_files.classes(home / "train", count=40, names=("bird",), seed=9)
    assert found_in(home)[1]["imbalance"].names == ("bird", "cat")


def test_a_folder_of_damaged_files_alone_is_no_crash(tmp_path, capsys):
    odd_files.write(tmp_path / "images/cat/a.jpg", b"")
    for name in check.FORMATS:
        status, printed, _ = run(capsys, tmp_path / "images", f"--format={name}")
        assert status == 1 and "cat/a.jpg" in printed
        assert "none of 1 looked at can be opened" in unwrapped(printed)


def test_a_labels_file_of_another_form_is_a_finding(tmp_path, capsys):
    home = odd_files.classes(tmp_path / "images", count=6)
    (tmp_path / "labels.csv").write_text("a,b\n1,2\n")
    status, printed, _ = run(capsys, home, f"--labels_file={tmp_path / 'labels.csv'}")
    assert status == 1 and "expected one column of image" in unwrapped(printed)
    assert "holds 12 pictures and no labels" in unwrapped(printed)
    keys = [f"{name}/{number}.png" for name in ("cat", "dog") for number in range(6)]
    (tmp_path / "labels.csv").write_text("filename,label\n" + "".join(f"{key},{key[:3]}\n" for key in keys))
    assert run(capsys, home, f"--labels_file={tmp_path / 'labels.csv'}")[0] == 0
    more = odd_files.classes(tmp_path / "more", count=2, seed=8)
    status, printed, _ = run(capsys, home, f"--unlabeled_images={more}", f"--test_images={more}")
    assert status == 1 and "4 test pictures are among the train pictures" in printed


def test_json_has_all_figures_and_a_version(odd_home, capsys):
    status, printed, _ = run(capsys, odd_home, "--format=json")
    told = json.loads(printed)
    assert status == 1 and told["format_version"] == 1 and told["clean"] is False
    assert list(told) == [
        "format_version", "folder", "clean", "findings", "pictures", "classes", "sizes", "formats", "modes", "odd",
        "unreadable", "duplicates", "preparation",
    ]  # fmt: skip
    assert told["pictures"]["unreadable"] == len(told["unreadable"]) == len(odd_files.BAD) + 1
    assert told["pictures"]["unlabeled"] == {"train": 3, "test": 0}
    assert {row["name"] for row in told["classes"]} == {*HOSTILE, "Cat", "unlabeled", "cat", "dog", "many"}
    assert sum(row["train"] for row in told["classes"]) == told["pictures"]["labeled"]["train"]
    (across,) = [group for group in told["duplicates"] if group["across_splits"]]
    assert across["labels_differ"] and across["exact"] and len(across["keys"]) == 4
    assert told["sizes"]["width"] == {"0.0": 1, "0.1": 20, "0.5": 20, "0.9": 40, "1.0": 5000}
    assert sum(told["formats"].values()) == sum(told["modes"].values()) == told["pictures"]["readable"]


class Page(html.parser.HTMLParser):
    """What a browser would make of a page: its elements and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.sources = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        assert not any(name.startswith("on") for name, _ in attributes)
        self.sources += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_the_page_shows_all_and_needs_nothing_but_itself(odd_home, capsys):
    status, printed, _ = run(capsys, odd_home, "--format=html")
    page = Page(printed)
    assert status == 1 and "script" not in page.elements and page.sources
    assert all(source.startswith("data:") for source in page.sources)
    for name in (
        "<script>alert(1)<∕script>",
        "a\\nb\\x1b[31m",
        "\\u202egpj.exe",
        "=1+1",
        "größe",
        "猫",
        "beyond_16_bits.tif",
    ):
        assert name in page.text
    assert len(printed) < 600_000 and page.elements.count("img") > 50


def test_hostile_names_are_harmless_in_the_text(odd_home, capsys):
    status, printed, _ = run(capsys, odd_home)
    assert status == 1 and "\x1b" not in printed and "\u202e" not in printed
    assert max(map(len, printed.splitlines())) < 300 and len(printed.splitlines()) < 80


def test_many_classes_are_told_briefly(tmp_path, capsys):
    home = odd_files.classes(tmp_path / "images", count=1, names=tuple(f"class {number}" for number in range(50)))
    _, printed, _ = run(capsys, home)
    assert "... 30 more ..." in printed and len(printed.splitlines()) < 45
    assert run(capsys, home, "--format=html")[0] == 1


@pytest.mark.parametrize("name", ["report.html", "report.json", "report.txt", "report.HTM"])
def test_a_file_is_written_whole_as_its_name_says(name, home, capsys):
    out = home.parent / name
    status, printed, told = run(capsys, home, f"--out={out}")
    assert (status, printed) == (0, "") and f"written: {out}" in told
    beginning = {"html": "<!DOCTYPE html>", "htm": "<!DOCTYPE html>", "json": "{\n"}
    assert out.read_text("utf-8").startswith(beginning.get(name.split(".")[1].lower(), "images: 19 pictures"))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["check"], "no FOLDER; expected the folder"),
        (["check", "missing"], "is not an existing folder"),
        (["check", "a\x1b[31m\u202e\nb"], "'a\\x1b[31m\\u202e\\nb' is not"),
        (["check", "a", "b"], "unexpected argument 'b'"),
        (["check", ".", "--format=pdf"], "--format=pdf: expected one of text, json, html"),
        (["check", "empty"], "holds no pictures"),
        (["check", ".", "--test_images=missing"], "is not an existing folder"),
        (["check", ".", "--out=missing/report.txt"], "missing/report.txt"),
    ],
)
def test_a_mistake_is_one_line_with_a_status(arguments, words, home, capsys, monkeypatch):
    monkeypatch.chdir(home)
    (home / "empty").mkdir()
    with pytest.raises(SystemExit) as end:
        check.main([*arguments, f"--cache_dir={home.parent / 'cache'}"])
    error = capsys.readouterr().err.splitlines()
    assert words in error[-1] and "\x1b" not in error[-1] and end.value.code == (1 if "out=" in arguments[-1] else 2)


def test_the_command_runs_without_tensorflow_and_takes_any_bytes(odd_home):
    os.rename(odd_home / "train/cat/0.png", os.path.join(os.fsencode(odd_home), b"train/cat/\xff\n.png"))
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": os.getcwd()}
    program = (
        "import atexit, sys; from ssgan import check;"
        "atexit.register(lambda: print([name for name in ('tensorflow', 'keras') if name in sys.modules]));"
        "check.main()"
    )
    for name in check.FORMATS:
        command = [sys.executable, "-W", "error", "-c", program, str(odd_home), f"--format={name}"]
        command += [f"--cache_dir={odd_home.parent / 'cache'}", f"--out={odd_home.parent / 'out'}"]
        done = subprocess.run(command, capture_output=True, env=environment)
        assert done.returncode == 1 and b"Traceback" not in done.stderr, done.stderr[-2000:]
        assert done.stdout == b"[]\n"
        assert "\\udcff\\n.png" in (odd_home.parent / "out").read_text("utf-8")


def test_names_are_shown_on_one_line():
    assert words.shown("a\tb\0\u2028\udcff") == "a\\tb\\x00\\u2028\\udcff"
    assert words.shown("x" * 100, 30) == "x" * 19 + "…" + "x" * 10 and len(words.shown("y" * 10**6, 30)) == 30
    assert words.shown("ab", 2) == "ab" and words.columns("猫a\u0301") == 3
    assert words.listed(["a", "b", "c"], 2) == "a, b and 1 more"
