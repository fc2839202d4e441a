import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssgan.errors import UsageError
from ssgan.store import checkpoint, files
from ssgan.store.checkpoint import Checkpoint

ARRAYS = {"weights/000": np.arange(6, dtype=np.float32).reshape(2, 3), "seed": np.array([1, 2], np.uint32)}


def make(step: int) -> Checkpoint:
    arrays = {name: array + step for name, array in ARRAYS.items()}
    return Checkpoint(step, {**arrays, "count": np.array(step)}, {"digest": "abc", "seconds": 0.5})


@pytest.fixture
def folder(tmp_path):
    for step in (10, 20):
        checkpoint.save(tmp_path, make(step), keep=2)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@settings(max_examples=20, deadline=None)
@given(
    arrays=st.dictionaries(
        st.from_regex(r"[a-z_]{1,9}/[0-9]{3}", fullmatch=True),
        hnp.arrays(
            st.sampled_from([np.float32, np.uint32, np.int64, np.bool_]),
            hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        ),
        max_size=4,
    ),
    step=st.integers(0, 10**9),
)
def test_what_is_saved_is_loaded(tmp_path_factory, arrays, step):
    folder = tmp_path_factory.mktemp("checkpoints")
    path = checkpoint.save(folder, Checkpoint(step, arrays, {"seconds": 1.5, "records": [{"step": 1}]}), keep=1)
    found = checkpoint.load(path)
    assert (found.step, found.about) == (step, {"seconds": 1.5, "records": [{"step": 1}]})
    assert found.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, strict=True)


def test_the_newest_are_kept(tmp_path):
    for step in (2, 4, 6, 8, 10, 12):
        checkpoint.save(tmp_path, make(step), keep=3)
    assert names(tmp_path) == ["step_000000008", "step_000000010", "step_000000012"]
    assert checkpoint.load_newest(tmp_path).step == 12


def test_no_checkpoint_is_no_error(tmp_path):
    assert checkpoint.load_newest(tmp_path / "absent") is None


def test_a_step_that_is_saved_again_is_replaced(folder):
    checkpoint.save(folder, Checkpoint(20, {"other": np.ones(1)}, {}), keep=2)
    assert list(checkpoint.load_newest(folder).arrays) == ["other"]
    assert names(folder) == ["step_000000010", "step_000000020"]


def every_byte_flipped(path: Path):
    content = path.read_bytes()
    for position in range(len(content)):
        yield content[:position] + bytes([content[position] ^ 1 << position % 8]) + content[position + 1 :]


@pytest.mark.parametrize("name", [checkpoint.STATE, checkpoint.MANIFEST])
def test_a_flipped_bit_is_always_detected(folder, name):
    path = folder / "step_000000020"
    for content in every_byte_flipped(path / name):
        (path / name).write_bytes(content)
        try:
            found = checkpoint.load(path)
        except UsageError:
            continue
        # Only white space between the manifest's entries may differ.
        assert name == checkpoint.MANIFEST and found.about == make(20).about and found.step == 20


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: os.truncate(path / checkpoint.STATE, 100),
        lambda path: os.truncate(path / checkpoint.MANIFEST, 100),
        lambda path: (path / checkpoint.STATE).unlink(),
        lambda path: (path / checkpoint.MANIFEST).unlink(),
        lambda path: (path / checkpoint.MANIFEST).write_text("[]"),
        lambda path: (path / checkpoint.MANIFEST).write_text('{"manifest": {}, "sha256": ""}'),
        lambda path: (path / checkpoint.STATE).write_bytes(b""),
    ],
)
def test_a_damaged_checkpoint_is_set_aside_loudly(folder, damage, capsys):
    damage(folder / "step_000000020")
    assert checkpoint.load_newest(folder).step == 10
    assert names(folder) == ["corrupt-step_000000020", "step_000000010"]
    said = capsys.readouterr().err
    assert said.startswith("*** DAMAGED CHECKPOINT: ") and "corrupt-step_000000020" in said and said.count("\n") == 1


@pytest.mark.parametrize("named", ["step_000000010", "corrupt-step_000000010"])
def test_where_no_checkpoint_is_whole_nothing_is_renamed_and_the_run_does_not_begin_anew(folder, named):
    (folder / "step_000000010").rename(folder / named)
    for left in folder.iterdir():
        os.truncate(left / checkpoint.STATE, 100)
    before = names(folder)
    for _ in range(2):
        with pytest.raises(UsageError, match=f"no checkpoint in .* is whole: .*step_000000020.*{named}.*; .* step 0"):
            checkpoint.load_newest(folder)
        assert names(folder) == before


def test_a_run_whose_only_checkpoint_is_of_its_beginning_begins_again(tmp_path, capsys):
    checkpoint.save(tmp_path, make(0), keep=3)
    os.truncate(tmp_path / "step_000000000" / checkpoint.STATE, 100)
    for _ in range(2):
        assert checkpoint.load_newest(tmp_path) is None
        assert names(tmp_path) == ["corrupt-step_000000000"]
    assert capsys.readouterr().err.count("DAMAGED CHECKPOINT") == 1


@pytest.mark.parametrize("changed", [{"format_version": 2}, {"files": {}}, {"about": None}])
def test_a_checkpoint_that_is_whole_but_not_understood_stops_the_run_and_stays(folder, changed):
    path = folder / "step_000000020" / checkpoint.MANIFEST
    manifest = {**json.loads(path.read_text())["manifest"], **changed}
    path.write_text(json.dumps({"manifest": manifest, "sha256": checkpoint._digest(manifest)}))
    with pytest.raises(UsageError, match="format version 2; this ssgan reads 1: install a newer one|lacks a step"):
        checkpoint.load_newest(folder)
    assert names(folder) == ["step_000000010", "step_000000020"]


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.EMFILE])
@pytest.mark.parametrize("name", [checkpoint.STATE, checkpoint.MANIFEST])
def test_an_error_of_the_disk_stops_the_run_and_leaves_its_checkpoints(folder, monkeypatch, code, name):
    open_file = os.open

    def failing(path, *arguments):
        if Path(path) == folder / "step_000000020" / name:
            raise OSError(code, os.strerror(code))
        return open_file(path, *arguments)

    monkeypatch.setattr(os, "open", failing)
    with pytest.raises(OSError, match=f"{os.strerror(code)}: '.*step_000000020/{name}'"):
        checkpoint.load_newest(folder)
    assert names(folder) == ["step_000000010", "step_000000020"]


def test_a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(folder, monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    for function in ("listdir", "scandir"):
        monkeypatch.setattr(os, function, refused)
    with pytest.raises(PermissionError):
        checkpoint.load_newest(folder)


def test_the_state_that_is_checked_is_the_one_that_is_loaded(folder, monkeypatch):
    path, seen = folder / "step_000000020", []
    open_file = os.open
    monkeypatch.setattr(os, "open", lambda path, *arguments: seen.append(Path(path)) or open_file(path, *arguments))
    monkeypatch.setattr("builtins.open", None)
    assert checkpoint.load(path).step == 20
    assert seen == [path / checkpoint.MANIFEST, path / checkpoint.STATE]


def test_a_manifest_that_was_sealed_anew_cannot_exhaust_memory_or_confuse(folder):
    path = folder / "step_000000020"
    for changed in (
        {"format_version": 2},
        {"files": {}},
        {"files": []},
        {"step": "20"},
        {"about": None},
        {"files": {checkpoint.STATE: {"bytes": 10**15, "sha256": "0"}}},
    ):
        content = json.loads((path / checkpoint.MANIFEST).read_text())
        manifest = {**content["manifest"], **changed}
        hostile = folder / "step_000000030"
        hostile.mkdir()
        (hostile / checkpoint.STATE).write_bytes((path / checkpoint.STATE).read_bytes())
        sealed = {"manifest": manifest, "sha256": checkpoint._digest(manifest)}
        (hostile / checkpoint.MANIFEST).write_text(json.dumps(sealed))
        with pytest.raises(UsageError):
            checkpoint.load(hostile)
        files.remove(hostile)


def test_a_full_disk_leaves_the_checkpoints_as_they_were(folder, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left on device: '.*step_000000030'"):
        checkpoint.save(folder, make(30), keep=2)
    assert names(folder) == ["step_000000010", "step_000000020"]
    assert checkpoint.load_newest(folder).step == 20


def test_what_a_killed_writer_left_is_no_checkpoint_and_is_removed(folder):
    left = folder / ".tmp-123-step_000000030"
    left.mkdir()
    (left / checkpoint.STATE).write_bytes(b"half")
    assert checkpoint.load_newest(folder).step == 20
    checkpoint.save(folder, make(40), keep=2)
    assert names(folder) == ["step_000000020", "step_000000040"]


def test_nan_in_what_belongs_to_it_is_refused(folder):
    with pytest.raises(ValueError, match="not JSON compliant"):
        checkpoint.save(folder, Checkpoint(30, {}, {"loss": float("nan")}), keep=2)
    assert names(folder) == ["step_000000010", "step_000000020"]
