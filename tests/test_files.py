import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ssgan.errors import UsageError
from ssgan.store import files, npz


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_write_replaces_a_file_and_leaves_no_other():
    for text in ("first", "second, longer", "3rd"):
        files.write(Path("file.txt"), text)
        assert Path("file.txt").read_text() == text
    assert os.listdir() == ["file.txt"]


def test_a_failed_write_keeps_the_old_file(monkeypatch):
    files.write(Path("file.txt"), "old")
    with pytest.raises(UnicodeEncodeError):
        files.write(Path("file.txt"), "new " * 10_000 + "\ud800")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write(Path("file.txt"), "new")
    assert os.listdir() == ["file.txt"] and Path("file.txt").read_text() == "old"


def test_text_is_utf8_whatever_the_locale(monkeypatch):
    monkeypatch.setattr("io.text_encoding", lambda encoding, *_: encoding or "ascii")
    files.write(Path("text"), "größe 犬 \udcff")  # the last is a byte of a file name that is no text
    assert Path("text").read_bytes() == "größe 犬 ".encode() + b"\xff"


def test_json_is_written_and_read():
    values = {"error": 0.125, "name": "x", "list": [1, 2]}
    files.write_json(Path("file.json"), values)
    assert files.read_json(Path("file.json")) == json.loads(Path("file.json").read_text()) == values
    assert Path("file.json").read_text().endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_json_without_a_number_is_refused(value):
    files.write_json(Path("file.json"), {"error": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(Path("file.json"), {"deep": [{"error": value}]})
    assert files.read_json(Path("file.json")) == {"error": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"{", "is no readable JSON file"),
        (b"\xff", "cannot be read"),
        (b"[" * 100_000, "is no readable JSON file"),
        (b"[1]", "holds a list; expected"),
    ],
)
def test_unreadable_json_is_a_usage_error(content, message):
    if content is not None:
        Path("file.json").write_bytes(content)
    with pytest.raises(UsageError, match=f"file.json {message}"):
        files.read_json(Path("file.json"))


def test_a_folder_appears_whole_or_not_at_all():
    with files.whole(Path("folder")) as temporary:
        (temporary / "inner").mkdir(parents=True)
        (temporary / "inner" / "file").write_text("text")
        assert os.listdir() == [temporary.name]
    assert Path("folder/inner/file").read_text() == "text" and os.listdir() == ["folder"]
    with pytest.raises(KeyError), files.whole(Path("other")) as temporary:
        (temporary / "inner").mkdir(parents=True)
        (temporary / "inner" / "file").write_text("text")
        raise KeyError
    assert os.listdir() == ["folder"]


def test_a_write_that_fails_names_the_file():
    with pytest.raises(OSError, match="No such file or directory: 'absent/file.txt'"):
        files.write(Path("absent/file.txt"), "text")
    with pytest.raises(OSError, match="No space left on device: 'file.txt'"), files.whole(Path("file.txt")):
        Path("/dev/full").write_text("x" * 100_000)


def test_what_killed_writers_left_is_removed():
    Path(".tmp-1-state").mkdir()
    for name in (".tmp-1-state/file", ".tmp-2-text", "kept"):
        Path(name).write_text("")
    files.remove_temporary(Path())
    assert os.listdir() == ["kept"]


def test_arrays_are_read_back():
    arrays = {
        "image": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
        "fortran": np.asfortranarray(np.eye(3, 2, dtype=np.float32)),
        "empty": np.zeros((0, 5), np.int64),
        "scalar": np.array(7, np.uint32),
        "text": np.array("words"),
    }
    for save in (np.savez, np.savez_compressed):
        save("arrays.npz", **arrays)
        found = npz.read_npz(Path("arrays.npz"), max_bytes=1000)
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array, strict=True)
            assert found[name].flags.writeable


def npy(header: str, values: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + values


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}\n"), "not what its 0 bytes hold"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}\n", bytes(16)), "not what its 16 bytes hold"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n", b"cos\nsystem\n"), "not what its"),
        (npy("__import__('os').system('touch executed')\n"), "ValueError"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -1)}\n", bytes(4)), "ValueError"),
        (b"words", "ValueError"),
        (bytes(10_000_000), "would take 10,000,000 bytes; expected at most 1,000"),
    ],
)
def test_a_hostile_array_is_refused(member, message):
    with zipfile.ZipFile("arrays.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mask.npy", member)
    with pytest.raises(UsageError, match=f"arrays.npz is no readable NumPy archive.*{message}"):
        npz.read_npz(Path("arrays.npz"), max_bytes=1000)
    assert os.listdir() == ["arrays.npz"]


def test_a_pickle_is_refused():
    np.savez("arrays.npz", mask=np.array([object()]))
    with pytest.raises(UsageError, match="no readable NumPy archive"):
        npz.read_npz(Path("arrays.npz"), max_bytes=1000)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut short", b"words"])
def test_what_is_no_archive_is_refused(content):
    if content is not None:
        Path("arrays.npz").write_bytes(content)
    with pytest.raises(UsageError, match="arrays.npz is no readable NumPy archive"):
        npz.read_npz(Path("arrays.npz"), max_bytes=1000)


def test_a_text_file_has_a_bound(monkeypatch):
    monkeypatch.setattr(files, "_LARGEST_JSON", 10)
    Path("file.json").write_bytes(b" " * 11)
    with pytest.raises(UsageError, match="file.json cannot be read: larger than 10 bytes"):
        files.read_json(Path("file.json"))


def test_a_pipe_is_refused_and_not_waited_for():
    os.mkfifo("pipe")
    for read in (files.read_text, files.read_json, lambda path: npz.read_npz(path, max_bytes=1000)):
        with pytest.raises(UsageError, match="pipe .*not a regular file"):
            read(Path("pipe"))


def test_the_digest_is_the_one_of_sha256sum():
    Path("file").write_bytes(b"abc")
    assert files.sha256(Path("file")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
