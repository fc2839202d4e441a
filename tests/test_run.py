import dataclasses
import os
from pathlib import Path

import pytest

from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.options.flags import parse_flags
from ssgan.store import files, run


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def create(config: Config, *, synthetic: bool) -> Path:
    with run.opened(config, synthetic=synthetic) as folder:
        return folder


def finish(folder, *, seconds):
    """Gives a folder the summary of a run that finished at a time."""
    files.write_json(folder / run.SUMMARY, {})
    os.utime(folder / run.SUMMARY, (seconds, seconds))


@pytest.mark.parametrize(("synthetic", "prefix"), [(False, ""), (True, "synthetic-")])
def test_the_folder_is_named_after_the_options(synthetic, prefix):
    config = Config(dataset="mnist", labels=100, label_seed=2, seed=7)
    folder = create(config, synthetic=synthetic)
    assert folder == Path(f"runs/{prefix}mnist-100-small-label_seed2-seed7") and folder.is_dir()


def test_a_taken_name_gets_a_number():
    folders = [create(Config(), synthetic=False).name for _ in range(3)]
    assert folders == [folders[0], f"{folders[0]}-2", f"{folders[0]}-3"]


def test_the_options_are_saved_twice_and_nothing_else():
    config = Config(labels=50, data_dir="some where", run_dir="here/and/there")
    folder = create(config, synthetic=False)
    assert folder == Path("here/and/there")
    assert sorted(path.name for path in folder.iterdir()) == [run.LOCK, "options.cfg", "options.json"]
    assert Config.from_json((folder / run.OPTIONS).read_text()) == config
    again = parse_flags(Config, ["train", f"--flagfile={folder / run.FLAGFILE}"], usage="")
    assert again == dataclasses.replace(config, run_dir=None)


def test_an_empty_folder_may_be_named():
    Path("mine").mkdir()
    assert create(Config(run_dir="mine"), synthetic=True) == Path("mine")


def test_a_run_is_never_overwritten():
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("keep")
    with pytest.raises(UsageError, match="--run_dir=mine is not empty.*name a new folder"):
        create(Config(run_dir="mine"), synthetic=False)
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = create(Config(run_dir="~/runs/mine"), synthetic=False)
    assert folder == tmp_path / "runs" / "mine" and not Path("~").exists()
    saved = run.saved_options(Config(run_dir="~/runs/mine", resume=True))
    assert saved is not None and saved.run_dir == str(folder)
    finish(folder, seconds=1)
    assert run.finished("~/runs/mine") == folder


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("a", ["a"]),
        ("a,c", ["a", "c"]),
        ("a,b", ["a,b"]),
        ("c,a,b,c", ["c", "a,b", "c"]),
        ("c,absent,d e,f", ["c", "absent", "d e,f"]),
        ("~/h,i,c", ["~/h,i", "c"]),
    ],
)
def test_a_folder_with_commas_in_its_name_is_told_from_several(tmp_path, monkeypatch, names, expected):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("a", "b", "c", "a,b", "d e,f", "h,i"):
        Path(name).mkdir()
    assert run.split_names(names) == expected


def test_a_folder_that_cannot_be_made_is_a_usage_error():
    Path("file").write_text("")
    for run_dir in ("file", "file/below"):
        with pytest.raises(UsageError, match=f"--run_dir={run_dir} cannot be written"):
            create(Config(run_dir=run_dir), synthetic=False)


def test_the_newest_finished_run_is_found():
    old, new, unfinished = (create(Config(seed=seed), synthetic=False) for seed in range(3))
    finish(new, seconds=2000)
    finish(old, seconds=1000)
    assert run.finished(None) == new and (unfinished / run.OPTIONS).exists()
    finish(old, seconds=3000)
    assert run.finished(None) == old
    assert run.finished(str(new)) == new


def test_no_finished_run():
    with pytest.raises(UsageError, match="no finished run under runs/; name one with --run=FOLDER"):
        run.finished(None)
    folder = create(Config(), synthetic=False)
    with pytest.raises(UsageError, match="no finished run under runs/"):
        run.finished(None)
    with pytest.raises(UsageError, match=f"--run={folder}: its training did not finish; expected a folder"):
        run.finished(str(folder))
    with pytest.raises(UsageError, match="--run=absent: there is no run; expected a folder"):
        run.finished("absent")


def test_a_data_set_with_a_configuration_makes_one_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = create(Config(dataset="imagenet_resized/32x32:0.1.0"), synthetic=False)
    files.write_json(folder / run.SUMMARY, {})
    assert folder.parent.name == "runs" and run.finished(None) == folder
