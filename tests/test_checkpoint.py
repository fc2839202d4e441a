import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssgan import checkpoint, files
from ssgan.checkpoint import Checkpoint
from ssgan.config import UsageError

ARRAYS = {"weights/000": np.arange(6, dtype=np.float32).reshape(2, 3), "seed": np.array([1, 2], np.uint32)}
IDENTITY = {"digest": "abc"}


def make(step: int, *, digest: str = "abc") -> Checkpoint:
    arrays = {name: array + step for name, array in ARRAYS.items()}
    return Checkpoint(step, {**arrays, "count": np.array(step)}, {"digest": digest, "seconds": 0.5})


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
    assert checkpoint.load_newest(tmp_path, identity=IDENTITY).step == 12


def test_no_checkpoint_is_no_error(tmp_path):
    assert checkpoint.load_newest(tmp_path / "absent", identity=IDENTITY) is None


def test_a_step_that_is_saved_again_is_replaced(folder):
    checkpoint.save(folder, Checkpoint(20, {"other": np.ones(1)}, dict(IDENTITY)), keep=2)
    assert list(checkpoint.load_newest(folder, identity=IDENTITY).arrays) == ["other"]
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


def test_an_option_of_one_version_alone_makes_no_checkpoint_foreign(tmp_path, capsys):
    checkpoint.save(tmp_path, Checkpoint(10, ARRAYS, {"options": {"rate": 1, "older": 0}}), keep=3)
    for options, step in (({"rate": 1, "newer": 0}, 10), ({"rate": 2, "newer": 0}, None)):
        found = checkpoint.load_newest(tmp_path, identity={"options": options})
        assert (found and found.step) == step
    assert "of another run: its options differs" in capsys.readouterr().err


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
    assert checkpoint.load_newest(folder, identity=IDENTITY).step == 10
    assert names(folder) == ["corrupt-step_000000020", "step_000000010"]
    said = capsys.readouterr().err
    assert said.startswith("*** DAMAGED CHECKPOINT: ") and "corrupt-step_000000020" in said and said.count("\n") == 1


def test_a_checkpoint_of_another_run_is_set_aside(folder, capsys):
    checkpoint.save(folder, make(30, digest="other"), keep=3)
    assert checkpoint.load_newest(folder, identity=IDENTITY).step == 20
    assert "of another run: its digest differs" in capsys.readouterr().err
    checkpoint.save(folder, make(30, digest="other"), keep=3)
    assert checkpoint.load_newest(folder, identity=IDENTITY).step == 20
    assert names(folder)[:2] == ["corrupt-step_000000030", "corrupt-step_000000030-2"]


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
    assert checkpoint.load_newest(folder, identity=IDENTITY).step == 20


def test_what_a_killed_writer_left_is_no_checkpoint_and_is_removed(folder):
    left = folder / ".tmp-123-step_000000030"
    left.mkdir()
    (left / checkpoint.STATE).write_bytes(b"half")
    assert checkpoint.load_newest(folder, identity=IDENTITY).step == 20
    checkpoint.save(folder, make(40), keep=2)
    assert names(folder) == ["step_000000020", "step_000000040"]


def test_nan_in_what_belongs_to_it_is_refused(folder):
    with pytest.raises(ValueError, match="not JSON compliant"):
        checkpoint.save(folder, Checkpoint(30, {}, {"loss": float("nan")}), keep=2)
    assert names(folder) == ["step_000000010", "step_000000020"]
