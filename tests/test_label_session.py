"""Labels as they reach the disk: rows that are only ever put behind the file, whatever happens meanwhile."""

import csv
import os
import subprocess
import sys

import numpy as np
import pytest

from ssgan.data import own
from ssgan.data.own import tables
from ssgan.data.own.layout import Entry
from ssgan.errors import UsageError
from ssgan.labelling import labels_file, pictures
from ssgan.labelling.session import Session
from tests.photos import write_folder

KEYS = tuple(f"{number}.png" for number in range(10))
HEAD = '"filename","label","split"\n'


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.csv"


@pytest.fixture
def session(path):
    with labels_file.opened(path, KEYS, path.parent / "photos", first={}) as file:
        session = Session(KEYS, file, ["cat", "dog"])
        session.extend(range(10))
        yield session


def rows(path):
    with open(path, newline="") as file:
        return [tuple(row) for row in list(csv.reader(file))[1:]]


def labels(path):
    """What `--labels_file` reads."""
    found = tables.read_labels_file(path, KEYS, folder=path.parent / "photos")
    return {
        key: entry.label or entry.split for key, entry in found.items() if entry != Entry(label=None, split="train")
    }


def test_every_step_is_a_row_of_its_own_and_an_undo_takes_back_all_of_it(session, path):
    session.label([0], 0)
    session.label([3, 4], 1)
    session.mark_broken([1])
    assert labels(path) == {"0.png": "cat", "1.png": "broken", "3.png": "dog", "4.png": "dog"}
    assert session.totals() == {"open": 6, "labelled": 3, "skipped": 0, "broken": 1, "test": 0}
    assert session.class_counts() == [1, 2] and session.upcoming(3) == [2, 5, 6]
    assert session.undo() == [1] and session.undo() == [3, 4]
    assert session.upcoming(4) == [3, 4, 1, 2]
    assert rows(path) == [
        *[("0.png", "cat", ""), ("3.png", "dog", ""), ("4.png", "dog", ""), ("1.png", "", "broken")],
        *[("1.png", "", ""), ("3.png", "", ""), ("4.png", "", "")],
    ]
    assert labels(path) == {"0.png": "cat"} and session.labels.tolist() == [0, *[-1] * 9]
    session.undo()
    with pytest.raises(UsageError, match="nothing to undo"):
        session.undo()
    assert not session.can_undo and not labels(path)


def test_another_label_takes_the_first_one_back_before_it_and_an_undo_restores_it(session, path):
    session.label([5], 0)
    session.label([5], 1)
    assert rows(path)[1:] == [("5.png", "", ""), ("5.png", "dog", "")] and labels(path) == {"5.png": "dog"}
    session.label([5], 1)
    assert len(rows(path)) == 3  # nothing is written where nothing changes
    session.undo(), session.undo()
    assert labels(path) == {"5.png": "cat"} and session.class_counts() == [1, 0]
    assert 5 not in session.upcoming(10)


def test_what_is_skipped_is_not_written_and_comes_back_by_an_undo(session, path):
    session.skip([0, 1])
    assert session.upcoming(2) == [2, 3] and session.covered[:2].all() and not rows(path)
    assert session.totals()["skipped"] == 2
    session.undo()
    assert session.upcoming(2) == [0, 1] and not rows(path)


def test_a_renewed_queue_keeps_the_picture_that_is_looked_at(session):
    session.label([9], 0)
    session.extend([5, 9, 0, 7], anew=True)
    assert session.upcoming(9) == [0, 5, 7]
    session.extend([7, 8])
    assert session.upcoming(9) == [0, 5, 7, 8] and np.flatnonzero(session.covered).tolist() == [0, 5, 7, 8, 9]


def test_a_row_is_on_the_disk_before_the_answer(session, path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (synced.append(os.fstat(number).st_size), real(number)))
    session.label([0], 0)
    assert synced == [path.stat().st_size]


def test_without_room_on_the_disk_nothing_has_changed(session, path, monkeypatch):
    session.label([0], 0)
    before = path.read_bytes()
    written = []

    def write(number, content):
        if written:
            raise OSError(28, "No space left on device")
        written.append(content)
        return real(number, content[:7])

    real = os.write
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space left"):
        session.label([1], 1)
    assert path.read_bytes() == before and session.upcoming(1) == [1] and session.class_counts() == [1, 0]
    monkeypatch.undo()
    session.label([1], 1)
    assert labels(path) == {"0.png": "cat", "1.png": "dog"}


@pytest.mark.parametrize("end", ['"2.png', '"2.png"', '"2.png","ca', '"2.png","cat"'])
def test_what_a_power_failure_left_of_a_row_is_dropped(path, end):
    path.write_text(f'{HEAD}"0.png","cat",""\n{end}')
    with labels_file.opened(path, KEYS, path.parent, first={}) as file:
        session = Session(KEYS, file)
        assert session.class_counts() == [1] and path.read_text() == f'{HEAD}"0.png","cat",""\n'


def test_a_whole_row_without_an_end_of_line_stays(path):
    path.write_text("filename;label\n0.png;cat\n1.png;dog")
    with labels_file.opened(path, KEYS, path.parent, first={}) as file:
        session = Session(KEYS, file)
        session.label([2], 0)
        assert path.read_text() == 'filename;label\n0.png;cat\n1.png;dog\n"2.png";"cat"\n'
        with pytest.raises(UsageError, match="has no column split"):
            session.mark_broken([3])
        assert session.totals()["broken"] == 0


def test_a_file_that_somebody_edits_meanwhile_is_read_again_and_not_overwritten(session, path):
    session.label([0], 0)
    session.label([1], 0)
    session.skip([4])
    path.write_text("filename,label,split\n0.png,dog,\n7.png,zebra,\n9.png,cat,")
    session.label([2], 1)
    assert path.read_text() == 'filename,label,split\n0.png,dog,\n7.png,zebra,\n9.png,cat,\n"2.png","dog",""\n'
    assert session.classes == ["cat", "dog", "zebra"] and session.class_counts() == [1, 2, 1]
    assert session.notice == "labels.csv was changed by another program and has been read again: 3 labels, 2 before"
    assert session.upcoming(3) == [3, 5, 6] and session.totals()["skipped"] == 1
    session.undo()
    with pytest.raises(UsageError, match="nothing to undo"):  # what was done before the edit
        session.undo()


def test_a_file_that_was_spoilt_stops_labelling_until_it_is_mended(session, path):
    session.label([0], 0)
    good = path.read_text()
    path.write_text(good + "1.png,cat\n")
    with pytest.raises(UsageError, match="line 3: 2 cells; expected 3"):
        session.label([2], 1)
    assert path.read_text() == good + "1.png,cat\n"
    path.write_text(good)
    session.label([2], 1)
    assert labels(path) == {"0.png": "cat", "2.png": "dog"}


def test_a_second_process_is_refused(session, path):
    script = "import sys; from ssgan.labelling import labels_file as l; from pathlib import Path\n"
    script += "with l.opened(Path(sys.argv[1]), ['0.png'], Path('.'), first={}): pass"
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert "is being written to by another process" in done.stderr and done.returncode


def test_files_of_other_tools_are_refused(tmp_path):
    for name, content, told in (
        ("tasks.json", "[]", "a CSV file"),
        ("labels.csv", "annotation_id,image,choice\n", "export of Label Studio"),
        ("labels.csv", "a,b\n", "expected one column of image, filename"),
        ("labels.csv", "filename,label\nx/other.png,cat\n", "pictures that are not in"),
    ):
        (tmp_path / name).write_text(content)
        with (
            pytest.raises(UsageError, match=told),
            labels_file.opened(tmp_path / name, KEYS, tmp_path, first={}) as file,
        ):
            Session(KEYS, file)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb", "\x1b[31m", "unlabeled", "CAT", '{"choices": 1}'])
def test_names_that_no_class_can_have(session, name):
    with pytest.raises(UsageError):
        session.add_class(name)
    assert session.classes == ["cat", "dog"]


def test_classes_are_found_by_their_name(session):
    assert session.add_class(" dog ") == 1 and session.add_class("größe, rot") == 2
    session.label([0], 2)
    assert session.class_counts() == [0, 0, 1]
    with pytest.raises(UsageError, match="there is no class 3"):
        session.label([0], 3)


# Folders


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
    assert found.keys == ("2000.png", "line\nbreak.png", 'quo"te,.png') and found.left_out == 5
    with labels_file.opened(tmp_path / "labels.csv", found.every_key, folder, first={}) as file:
        session = Session(found.keys, file, ["cat"])
        session.label(range(3), 0)
        assert {key for key, entry in file.read().items() if entry.label} == set(found.keys)
