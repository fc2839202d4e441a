"""Labels as they reach the disk: rows that are only ever put behind the file, whatever happens meanwhile."""

import csv
import os
import subprocess
import sys

import numpy as np
import pytest

from ssgan.data.own import tables
from ssgan.data.own.layout import Entry
from ssgan.errors import UsageError
from ssgan.labelling import labels_file
from ssgan.labelling.session import Session

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


def test_a_renewed_queue_keeps_the_pictures_that_are_looked_at(path):
    keys = [f"{number}.png" for number in range(40)]
    with labels_file.opened(path, keys, path.parent, first={}) as file:
        session = Session(keys, file, ["cat"])
        session.extend(range(20))
        session.label([9], 0)
        session.extend([39, 9, 0, 37], anew=True)
        on_view = [*range(9), *range(10, 16)]
        assert session.upcoming(40) == [*on_view, 39, 37]
        session.extend([37, 38])
        assert session.upcoming(40) == [*on_view, 39, 37, 38]
        assert np.flatnonzero(session.covered).tolist() == [*range(16), 37, 38, 39]


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
    assert session.notice == "" and session.undo() == [1] and session.undo() == [0]  # nobody else has written


@pytest.mark.parametrize("moment", ["before", "while"])
def test_a_file_that_is_replaced_at_the_moment_of_a_key_is_read_again(session, path, monkeypatch, moment):
    session.label([0], 0)

    def replaced(function):
        def replace(*arguments):
            other = path.with_suffix(".new")
            other.write_text(f'{HEAD}"0.png","cat",""\n"5.png","dog",""\n')
            os.replace(other, path)
            monkeypatch.undo()
            return function(*arguments)

        return replace

    if moment == "before":
        monkeypatch.setattr(os, "open", replaced(os.open))
        with pytest.raises(UsageError, match="changed by another program at this moment"):
            session.label([1], 0)
    else:
        monkeypatch.setattr(os, "fsync", replaced(os.fsync))
        session.label([1], 0)
    session.label([2], 1)
    assert labels(path) == {"0.png": "cat", "2.png": "dog", "5.png": "dog"}
    assert session.class_counts() == [1, 2] and "has been read again: 2 labels" in session.notice


@pytest.mark.parametrize("end", ['"2.png', '"2.png"', '"2.png","ca', '"2.png","cat"'])
def test_what_a_power_failure_left_of_a_row_is_dropped(path, end):
    path.write_text(f'{HEAD}"0.png","cat",""\n{end}')
    with labels_file.opened(path, KEYS, path.parent, first={}) as file:
        session = Session(KEYS, file)
        assert session.class_counts() == [1] and path.read_text() == f'{HEAD}"0.png","cat",""\n'
        assert session.notice == f"The last row of labels.csv was written by half, and was dropped: {end}"


def test_a_place_that_cannot_be_written_is_refused_with_the_option(path, monkeypatch):
    def refused(*args, **options):
        raise PermissionError(13, "Permission denied", "/photos/.labels.csv.lock")

    monkeypatch.setattr(labels_file.filelock, "FileLock", refused)
    with (
        pytest.raises(UsageError, match="cannot be written .Permission denied: /photos/.*; --labels_file=FILE names"),
        labels_file.opened(path, KEYS, path.parent, first={}),
    ):
        pass


def test_nothing_is_cut_off_a_file_in_another_encoding(path):
    content = f'{HEAD}"0.png","cat",""\n"2.png","Straße",""'.encode("latin-1")
    path.write_bytes(content)
    with (
        pytest.raises(UsageError, match="UTF-8"),
        labels_file.opened(path, KEYS, path.parent, first={}) as file,
    ):
        Session(KEYS, file)
    assert path.read_bytes() == content


def test_half_a_letter_of_a_row_is_dropped_and_what_somebody_typed_is_not(path):
    path.write_bytes(f'{HEAD}"0.png","cat",""\n"2.png","zwö'.encode()[:-1])
    with labels_file.opened(path, KEYS, path.parent, first={}) as file:
        assert Session(KEYS, file).class_counts() == [1]
    typed = f"{path.read_text()}1.png,dog"
    path.write_text(typed)
    with (
        pytest.raises(UsageError, match="line 3: 2 cells; expected 3"),
        labels_file.opened(path, KEYS, path.parent, first={}) as file,
    ):
        Session(KEYS, file)
    assert path.read_text() == typed


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
    assert session.notice == "labels.csv was changed by another program and has been read again: 3 labels, 2 before."
    assert session.upcoming(3) == [3, 5, 6] and session.totals()["skipped"] == 1
    session.undo()
    with pytest.raises(UsageError, match="nothing to undo"):  # what was done before the edit
        session.undo()


def test_a_file_that_was_spoilt_stops_labelling_until_it_is_mended(session, path):
    session.label([0], 0)
    good = path.read_text()
    for bad, told in (
        ("1.png,cat\n", "line 3: 2 cells; expected 3"),
        ("1.png,Cat,\n", "differ in case"),
        ("1.png,Bird,\n2.png,bird,\n", "differ in case"),
    ):
        path.write_text(good + bad)
        for _ in range(2):
            with pytest.raises(UsageError, match=told):
                session.label([2], 1)
        assert path.read_text() == good + bad and session.classes == ["cat", "dog"]
    path.write_text(good)
    session.label([2], 1)
    assert labels(path) == {"0.png": "cat", "2.png": "dog"}


def test_rows_of_pictures_that_were_removed_are_passed_over_and_counted(path):
    path.write_text(f'{HEAD}"0.png","cat",""\n"gone.png","","broken"\n"lost.png","dog",""\n')
    with labels_file.opened(path, KEYS, path.parent, first={}) as file:
        session = Session(KEYS, file)
        assert session.class_counts() == [1, 0]
        assert "2 rows of labels.csv are of pictures that are not in the folder" in session.notice
        assert "line 3: 'gone.png' …" in session.notice
        session.forget_notice()
        assert session.notice == ""


def test_classes_keep_their_keys_at_the_next_start(path):
    with labels_file.opened(path, KEYS, path.parent, first={}) as file:
        session = Session(KEYS, file)
        for number, name in enumerate(["zebra", "Cat", "lime", "apple"]):
            session.label([9 - number], session.add_class(name))
        session.label([9, 8], 2)  # no zebra and no Cat is left
    with labels_file.opened(path, KEYS, path.parent, first={}) as file:
        assert Session(KEYS, file).classes == ["zebra", "Cat", "lime", "apple"]
    with path.open("a") as by_hand:
        by_hand.write('"6.png","",""\n"6.png","cat",""\n')  # the Cat that was taken back is no class beside it
    with labels_file.opened(path, KEYS, path.parent, first={}) as file:
        assert Session(KEYS, file).classes == ["zebra", "lime", "apple", "cat"]


def test_a_second_process_is_refused(session, path):
    link = path.with_name("link.csv")
    link.symlink_to(path)
    script = "import sys; from ssgan.labelling import labels_file as l; from pathlib import Path\n"
    script += "with l.opened(Path(sys.argv[1]), ['0.png'], Path('.'), first={}): pass"
    for name in (path, link):
        done = subprocess.run([sys.executable, "-c", script, str(name)], capture_output=True, text=True)
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
