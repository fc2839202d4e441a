"""Folders as the labelling page finds them: what their names say, and what is left out."""

import os

import pytest

from ssgan.data import own
from ssgan.errors import UsageError
from ssgan.label import LabelConfig, opened
from ssgan.labelling import labels_file, pictures
from ssgan.labelling.session import Session
from tests.photos import write_folder


def test_what_sub_folders_say_is_where_a_new_file_begins(tmp_path):
    folder = write_folder(tmp_path / "photos", of_each=2, unlabeled=2, test=1)
    (folder / "stray.png").write_bytes((folder / "test" / "apple" / "1000.png").read_bytes())
    found = pictures.find(folder, cache_dir=str(tmp_path / "cache"))
    said = pictures.said_by_folders(found, [])
    file = tmp_path / "labels.csv"
    with labels_file.opened(file, found.every_key, folder, first=said) as opened:
        session = Session(found.keys, opened)
        assert session.totals() == {"open": 2, "labelled": 6, "skipped": 0, "broken": 1, "test": 3}
        test = found.keys.index("test/apple/1000.png")
        with pytest.raises(UsageError, match="for testing"):
            session.label([test], 0)
    with_file, without = own.find(folder, labels_file=file), own.find(folder)
    assert with_file.entries == without.entries and with_file.left_out == without.left_out == ("stray.png",)
    assert (
        len(pictures.said_by_folders(found, ["lime"])) == 6
    )  # two limes and three of test/, one of them a lime; the stray one


def test_pictures_that_cannot_be_shown_or_named_are_left_out(tmp_path):
    folder = write_folder(tmp_path / "photos", of_each=0, unlabeled=1) / "_unlabeled"
    (folder / "drawing.png").write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    (folder / " space.png ").write_bytes((folder / "2000.png").read_bytes())
    (folder / "outside.png").symlink_to("/etc/passwd")
    for name in ("a\\b.png", os.fsdecode(b"no text \xff.png"), "line\nbreak.png", 'quo"te,.png'):
        (folder / name).write_bytes((folder / "2000.png").read_bytes())
    found = pictures.find(folder, cache_dir=str(tmp_path / "cache"))
    assert found.keys == ("2000.png", 'quo"te,.png') and found.left_out == 6
    with labels_file.opened(tmp_path / "labels.csv", found.every_key, folder, first={}) as file:
        session = Session(found.keys, file, ["cat"])
        session.label(range(2), 0)
        with file.reading() as entries:
            assert {key for key, entry in entries.items() if entry.label} == set(found.keys)


def test_folders_side_by_side_have_files_of_their_own(tmp_path):
    for name in ("monday", "tuesday"):
        folder = write_folder(tmp_path / name, of_each=2, unlabeled=2)
        options = LabelConfig(folder=str(folder), cache_dir=str(tmp_path / "cache"))
        with opened(options) as room:
            assert "6 labels are from" in room.session.notice and room.labels_file.endswith(f"{name}-labels.csv")
    (tmp_path / "tuesday-labels.csv").rename(tmp_path / "labels.csv")  # as version 0.6 called it
    with pytest.raises(UsageError, match="labels.csv is there, .* rename it to tuesday-labels.csv if"), opened(options):
        pass
    with opened(LabelConfig(**{**vars(options), "labels_file": str(tmp_path / "labels.csv")})) as room:
        assert sum(room.session.class_counts()) == 6


def test_the_page_says_which_labels_are_from_sub_folders(tmp_path):
    folder = write_folder(tmp_path / "photos", of_each=2, unlabeled=2)
    for classes, notice in (
        (
            None,
            "6 labels are from sub-folders: apple, lime, plum. Not classes? Stop, remove None.csv, and "
            "start with --classes=NAMES: those alone are taken then.",
        ),
        ("lime", ""),
    ):
        options = {"folder": str(folder), "cache_dir": str(tmp_path / "cache"), "classes": classes}
        with opened(LabelConfig(**options, labels_file=str(tmp_path / f"{classes}.csv"))) as room:
            assert room.session.notice == notice
        with opened(LabelConfig(**options, labels_file=str(tmp_path / f"{classes}.csv"))) as room:
            assert room.session.notice == ""
