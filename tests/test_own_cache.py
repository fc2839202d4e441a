"""Pictures decoded once: what is noticed, what is decoded again, and what a crash leaves."""

import dataclasses
import json
import multiprocessing
import os
import resource
import shutil

import numpy as np
import pytest
from PIL import Image

from ssgan.data.own import Preparation, cache, find, images, load, manifest, read_picture
from ssgan.errors import UsageError
from ssgan.store import files
from tests import odd_files

PREPARATION = Preparation(height=16, width=16, channels=3, resize="crop")


@pytest.fixture
def home(tmp_path):
    return odd_files.classes(tmp_path / "images", count=3)


@pytest.fixture
def decoded(monkeypatch):
    """The number of pictures that were decoded, in a list that grows."""
    done = []

    def counting(content, preparation, proceed=cache.decode):
        done.append(len(content))
        return proceed(content, preparation)

    monkeypatch.setattr(cache, "decode", counting)
    return done


def prepare(home, preparation=PREPARATION, **options):
    """Prepares a folder, and holds every row against the file itself."""
    paths = find(home).paths
    prepared = cache.prepare(paths, preparation, folder=home.parent / "cache", **options)
    assert list(prepared.records) == list(paths) and prepared.images.shape == (len(paths), *preparation.image_shape)
    for row, (key, path) in enumerate(paths.items()):
        if key in prepared.unreadable:
            assert (prepared.images[row] == 0).all()
        else:
            np.testing.assert_array_equal(prepared.images[row], read_picture(path, preparation))
    assert len(list((home.parent / "cache").glob("*.npy"))) == 1
    return prepared


def other_picture(seed=7):
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), np.uint8)
    return odd_files.saved(Image.fromarray(pixels), "PNG")


def test_nothing_is_decoded_twice(home, decoded):
    told = []
    first = prepare(home, told=told.append)
    assert (first.decoded, len(decoded), told) == (6, 6, [6])
    before = sorted(path.stat().st_mtime_ns for path in (home.parent / "cache").iterdir())
    second = prepare(home, told=told.append)
    assert (second.decoded, len(decoded), told) == (0, 6, [6]) and second.records == first.records
    assert sorted(path.stat().st_mtime_ns for path in (home.parent / "cache").iterdir()) == before
    assert not first.images.flags.writeable and not second.images.flags.writeable


def edit(home):
    (home / "cat/1.png").write_bytes(other_picture())


def edit_to_the_same_size_and_time(home):
    path = home / "cat/1.png"
    before = path.stat()
    edit(home)
    path.write_bytes(path.read_bytes().ljust(before.st_size, b"\0")[: before.st_size])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def add(home):
    odd_files.write(home / "aardvark/0.png", other_picture())


CHANGES = {
    edit: 1,
    edit_to_the_same_size_and_time: 1,
    add: 1,
    lambda home: (home / "cat/1.png").unlink(): 0,
    lambda home: os.utime(home / "cat/1.png", (1, 1)): 0,
    lambda home: (home / "cat/1.png").rename(home / "dog/renamed.png"): 0,
    lambda home: shutil.copy(home / "cat/1.png", home / "dog/copy.png"): 0,
    lambda home: [(home / "cat/1.png").rename(home / "x.png"), (home / "dog/1.png").rename(home / "cat/1.png")]: 0,
}


@pytest.mark.parametrize("change", CHANGES, ids=[f"change {number}" for number in range(len(CHANGES))])
def test_a_change_is_noticed_and_only_what_is_new_is_decoded(change, home, decoded):
    prepare(home)
    change(home)
    assert prepare(home).decoded == CHANGES[change] == len(decoded) - 6
    assert prepare(home).decoded == 0 and len(decoded) - 6 == CHANGES[change]


def test_another_preparation_or_version_is_decoded_anew(home, decoded, monkeypatch):
    prepare(home)
    assert prepare(home, dataclasses.replace(PREPARATION, resize="stretch")).decoded == 6
    monkeypatch.setattr(manifest, "VERSION", manifest.VERSION + 1)
    assert prepare(home, dataclasses.replace(PREPARATION, resize="stretch")).decoded == 6


def test_unreadable_files_are_told_each_time_and_not_decoded_again(home, decoded):
    odd_files.make_bad(home)
    first = prepare(home)
    assert set(first.unreadable) == {f"cat/{name}" for name in (*odd_files.BAD, "pipe.jpg")}
    before = (home.parent / "cache" / "manifest.json").stat().st_mtime_ns
    count = len(decoded)
    second = prepare(home)
    assert second.unreadable == first.unreadable and (second.decoded, len(decoded)) == (0, count)
    assert (home.parent / "cache" / "manifest.json").stat().st_mtime_ns == before
    (home / "cat/pipe.jpg").unlink()
    (home / "cat/pipe.jpg").write_bytes(other_picture())
    (home / "cat/empty.jpg").write_bytes(other_picture(8))
    third = prepare(home)
    assert third.decoded == 2 and set(first.unreadable) - set(third.unreadable) == {"cat/pipe.jpg", "cat/empty.jpg"}


def test_a_picture_that_goes_while_it_is_prepared_is_unreadable(home):
    paths = find(home).paths
    (home / "cat/1.png").unlink()
    prepared = cache.prepare(paths, PREPARATION, folder=home.parent / "cache")
    assert prepared.unreadable == {"cat/1.png": "No such file or directory"}


class Crash(Exception):
    """What happens in the middle."""


@pytest.mark.parametrize("error", [Crash(), KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("where", ["decode", "manifest"])
def test_a_crash_leaves_the_cache_as_it_was(error, where, home, monkeypatch):
    prepare(home)
    known = (home.parent / "cache" / "manifest.json").read_bytes()
    edit(home)
    add(home)

    def crash(*args, **kwargs):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(*((cache, "decode") if where == "decode" else (manifest, "write")), crash)
        with pytest.raises(type(error)):
            prepare(home)
    assert (home.parent / "cache" / "manifest.json").read_bytes() == known
    assert not [path for path in (home.parent / "cache").iterdir() if path.name.startswith(".tmp")]
    assert prepare(home).decoded == 2


def test_what_was_decoded_before_an_interruption_is_kept(home, decoded, monkeypatch):
    monkeypatch.setattr(cache, "_AT_A_TIME", 2)

    def stop(done):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.prepare(find(home).paths, PREPARATION, folder=home.parent / "cache", told=stop)
    kept = manifest.read(home.parent / "cache", PREPARATION)
    assert list(kept.records) == list(find(home).paths)[:4] and len(kept.images) == 4
    first = kept.images[:].copy()
    whole = prepare(home)
    assert whole.decoded == 2 and len(decoded) == 6
    np.testing.assert_array_equal(whole.images[:4], first)
    assert first.std() > 1 and len(list((home.parent / "cache").glob("*.npy"))) == 1


def test_memory_that_runs_out_is_no_damage(home, monkeypatch):
    def exhausted(*args, **options):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(Image, "open", exhausted)
        with pytest.raises(UsageError, match="png: no memory is left to decode it; make it smaller"):
            prepare(home)
    assert not prepare(home).unreadable


def test_another_pillow_reads_again_what_could_not_be_read(home, decoded, monkeypatch):
    (home / "cat/empty.jpg").write_bytes(b"no picture")
    assert set(prepare(home).unreadable) == {"cat/empty.jpg"} and prepare(home).decoded == 0
    count = len(decoded)
    monkeypatch.setattr(manifest.PIL, "__version__", "99.0")
    again = prepare(home)
    assert again.decoded == 1 and len(decoded) == count + 1 and "begins with" in again.unreadable["cat/empty.jpg"]
    assert prepare(home).decoded == 0


def test_what_a_killed_process_left_is_removed(home):
    prepare(home)
    (home.parent / "cache" / ".tmp-99-pixels-1.npy").write_bytes(bytes(1000))
    edit(home)
    prepare(home)
    assert not list((home.parent / "cache").glob(".tmp-*"))


def test_a_full_disk_is_an_error_and_leaves_the_cache_as_it_was(home):
    prepare(home)
    edit(home)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(OSError, match="pixels-"):
            prepare(home)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert prepare(home).decoded == 1


def rewrite(folder, change):
    path = folder / "manifest.json"
    about = json.loads(path.read_text())
    change(about)
    path.write_text(json.dumps(about))


def array(folder):
    return next(folder.glob("*.npy"))


def replace_array(make):
    def damage(folder):
        path = array(folder)
        make(path, np.load(path))

    return damage


def save_as_archive(path, images):
    with open(path, "wb") as file:
        np.savez(file, images=images)


def pipe_as_array(folder):
    path = array(folder)
    path.unlink()
    os.mkfifo(path)


def records_of(**values):
    names = ["key", *(field.name for field in dataclasses.fields(manifest.Record))]

    def change(about):
        for record in about["records"]:
            for name, value in values.items():
                record[names.index(name)] = value

    return lambda folder: rewrite(folder, change)


DAMAGES = {
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "no array": lambda folder: array(folder).unlink(),
    "manifest cut short": lambda folder: os.truncate(folder / "manifest.json", 300),
    "manifest empty": lambda folder: os.truncate(folder / "manifest.json", 0),
    "manifest of something else": lambda folder: (folder / "manifest.json").write_text("[1]"),
    "array cut short": lambda folder: os.truncate(array(folder), array(folder).stat().st_size - 1),
    "array cut in its head": lambda folder: os.truncate(array(folder), 50),
    "array empty": lambda folder: os.truncate(array(folder), 0),
    "array longer": lambda folder: os.truncate(array(folder), array(folder).stat().st_size + 1),
    "array of other numbers": replace_array(lambda path, images: np.save(path, images.astype(np.int8))),
    "array in another order": replace_array(lambda path, images: np.save(path, np.asfortranarray(images))),
    "array of fewer": replace_array(lambda path, images: np.save(path, images[1:])),
    "array of objects": replace_array(lambda path, images: np.save(path, images.astype(object), allow_pickle=True)),
    "archive": replace_array(save_as_archive),
    "array is a pipe": pipe_as_array,
    "array elsewhere": lambda folder: rewrite(folder, lambda about: about.update(array="../../pixels.npy")),
    "array is a number": lambda folder: rewrite(folder, lambda about: about.update(array=1)),
    "records gone": lambda folder: rewrite(folder, lambda about: about.update(records={})),
    "records shorter": lambda folder: rewrite(folder, lambda about: about["records"].pop()),
    "state of words": records_of(state="abc"),
    "state of numbers that are not whole": records_of(state=[1.5, 2, 3]),
    "sha256 a list": records_of(sha256=[]),
    "pixels a number": records_of(pixels=1),
    "facts of another form": records_of(facts={"format": "PNG"}),
    "facts of another kind": records_of(
        facts=dict.fromkeys(["format", "mode", "width", "height", "animated", "turned", "alpha"], "x")
    ),
    "no facts and no reason": records_of(facts=None),
    "facts and a reason": records_of(reason="x"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_cache_is_made_anew(name, home):
    expected = prepare(home)
    DAMAGES[name](home.parent / "cache")
    found = prepare(home)
    assert found.decoded == 6 and found.records == expected.records


def _prepare_in_process(home, barrier, results):
    barrier.wait()
    results.put(cache.prepare(find(home).paths, PREPARATION, folder=home.parent / "cache").decoded)


def test_of_two_processes_one_prepares_and_the_other_finds_it_done(home):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(2), context.Queue()
    both = [context.Process(target=_prepare_in_process, args=(home, barrier, results)) for _ in range(2)]
    for process in both:
        process.start()
    assert sorted(results.get(timeout=60) for _ in both) == [0, 6]
    for process in both:
        process.join()


def test_a_process_that_waits_in_vain_says_so(home, monkeypatch):
    import filelock

    lock = filelock.FileLock
    monkeypatch.setattr(filelock, "FileLock", lambda path, timeout: lock(path, timeout=0.01))
    (home.parent / "cache").mkdir()
    with lock(home.parent / "cache/.lock"), pytest.raises(UsageError, match="another process is preparing these"):
        prepare(home)


def test_what_is_read_stays_when_the_cache_is_renewed(home):
    before = prepare(home)
    expected = np.array(before.images)
    edit(home)
    prepare(home)
    np.testing.assert_array_equal(before.images, expected)


def test_pictures_are_a_source(tmp_path):
    home = odd_files.classes(tmp_path / "images" / "train", count=3).parent
    odd_files.classes(home / "test", count=2)
    odd_files.write(home / "_unlabeled" / "x.png", other_picture())
    odd_files.write(home / "test" / "none.png", other_picture())
    found = find(home)
    train, test = (load(found, split, PREPARATION, cache_dir=tmp_path / "cache") for split in ("train", "test"))
    assert (len(train), len(test), train.num_unlabelled, train.class_names) == (7, 4, 1, ("cat", "dog"))
    assert dict(zip(train.keys, train.labels.tolist(), strict=True))["_unlabeled/x.png"] == -1
    rows = np.array([5, 0, 5])
    for row, pixels in zip(rows, train.read(rows), strict=True):
        np.testing.assert_array_equal(pixels, read_picture(found.paths[train.keys[row]], PREPARATION))
    assert type(train.read(rows)) is np.ndarray
    again = load(found, "train", PREPARATION, cache_dir=tmp_path / "cache")
    assert again.digest == train.digest != test.digest
    (home / "train/cat/0.png").rename(home / "train/dog/moved.png")
    assert load(find(home), "train", PREPARATION, cache_dir=tmp_path / "cache").digest != train.digest


def test_unreadable_pictures_stop_training_by_name_or_are_left_out(home, capsys):
    odd_files.make_bad(home)
    for name in ("dog/\x1b[31m\u202ebad.jpg", *(f"dog/bad{number}.jpg" for number in range(29))):
        (home / name).write_bytes(b"")
    found = find(home)
    with pytest.raises(UsageError, match="pictures cannot be read: .*--skip_unreadable") as caught:
        load(found, "train", PREPARATION, cache_dir=home.parent / "cache")
    bad = len(odd_files.BAD) + 2 + 30
    assert f"{bad} of {6 + bad} pictures" in str(caught.value) and f"and {bad - 20} more" in str(caught.value)
    printed = capsys.readouterr().err
    assert all(f"{key}: " in printed for key in ("cat/link.png", "cat/pipe.jpg", "dog/bad28.jpg", "cat/bomb.png"))
    assert "\x1b" not in printed and "dog/\\x1b[31m\\u202ebad.jpg: an empty file" in printed
    source = load(found, "train", PREPARATION, cache_dir=home.parent / "cache", skip=True)
    assert len(source) == 6 and len(source.skipped) == bad
    with pytest.raises(UsageError, match="has no test pictures with a label"):
        load(found, "test", PREPARATION, cache_dir=home.parent / "cache", skip=True)


def test_a_folder_with_a_long_name_of_any_characters_has_a_cache(tmp_path):
    home = odd_files.classes(tmp_path / ("ö" * 120 + "\n"), count=1)
    assert len(load(find(home), "train", PREPARATION, cache_dir=tmp_path / "cache")) == 2


def test_the_cache_lies_where_the_users_caches_do(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/where")
    assert str(files.user_cache()) == "/some/where/ssgan"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert files.user_cache() == images.Path.home() / ".cache/ssgan"
