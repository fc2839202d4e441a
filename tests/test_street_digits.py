"""The embedded `street_digits`: pure, cached, as frequent as in SVHN, and showing their labels."""

import logging
import subprocess
import sys
import time

import numpy as np
import pytest

from ssgan.data import street_digits, street_scene
from ssgan.errors import UsageError

SVHN_TRAIN_COUNTS = (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """900 train images: too few for a helper process."""
    return street_digits.load("train", 900, cache_dir=tmp_path_factory.mktemp("cache"))


def test_shapes_and_types(drawn):
    images, labels = drawn
    assert images.shape == (900, 32, 32, 3) and images.dtype == np.uint8
    assert labels.shape == (900,) and labels.dtype == np.int32
    assert set(labels) == set(range(10))
    image, label = street_digits.digit("test", 0)
    assert image.shape == (32, 32, 3) and image.dtype == np.uint8 and type(label) is int


def test_a_digit_depends_on_nothing_but_its_arguments(drawn):
    images, labels = drawn
    np.random.seed(1)
    for index in (899, 3, 500, 3):
        image, label = street_digits.digit("train", index)
        np.testing.assert_array_equal(image, images[index])
        assert label == labels[index]


def test_another_process_draws_the_same_digit(drawn):
    code = "import sys; sys.path[:] = %r; from ssgan.data.street_digits import digit; import sys;"
    code += "sys.stdout.buffer.write(digit('train', 7)[0].tobytes())"
    sent = subprocess.run([sys.executable, "-c", code % sys.path], capture_output=True, check=True)
    assert sent.stdout == drawn[0][7].tobytes()


def test_the_seed_and_the_split_change_every_image(drawn):
    images, _ = drawn
    known = {image.tobytes() for image in images}
    assert len(known) == 900
    for index in range(100):
        assert street_digits.digit("test", index)[0].tobytes() not in known
        assert street_digits.digit("train", index, 1)[0].tobytes() not in known


def test_the_first_images_do_not_depend_on_how_many_are_asked_for(drawn, tmp_path):
    images, labels = street_digits.load("train", 50, cache_dir=tmp_path)
    np.testing.assert_array_equal(images, drawn[0][:50])
    np.testing.assert_array_equal(labels, drawn[1][:50])


def test_helpers_draw_what_one_process_draws(drawn, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(street_digits, "_WORTH_A_HELPER", 20)
    monkeypatch.setattr(street_digits.os, "cpu_count", lambda: 3)
    images, labels = street_digits.load("train", 61, cache_dir=tmp_path)
    assert not caplog.records
    np.testing.assert_array_equal(images, drawn[0][:61])
    np.testing.assert_array_equal(labels, drawn[1][:61])
    images[0] = 0
    labels[0] = 0


@pytest.mark.parametrize("interpreter", ["/no/such/interpreter", "false"])
def test_a_helper_that_fails_is_replaced(drawn, tmp_path, monkeypatch, caplog, interpreter):
    monkeypatch.setattr(street_digits, "_WORTH_A_HELPER", 20)
    monkeypatch.setattr(street_digits.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(street_digits.sys, "executable", interpreter)
    images, _ = street_digits.load("train", 40, cache_dir=tmp_path)
    assert "helper" in caplog.text
    np.testing.assert_array_equal(images, drawn[0][:40])


def test_drawing_needs_no_tensorflow():
    code = "import sys; sys.path[:] = %r; from ssgan.data.street_digits import digit; digit('test', 0);"
    code += "sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code % sys.path]).returncode == 0


def test_labels_are_as_frequent_as_in_svhn(monkeypatch):
    monkeypatch.setattr(street_scene, "draw", lambda rng, label: None)
    labels = [street_digits.digit("train", index)[1] for index in range(20_000)]
    expected = np.array(SVHN_TRAIN_COUNTS) / sum(SVHN_TRAIN_COUNTS)
    deviation = np.sqrt(expected * (1 - expected) / 20_000)
    assert np.all(abs(np.bincount(labels) / 20_000 - expected) < 4 * deviation)


def test_the_cache_is_used(tmp_path, monkeypatch):
    first = street_digits.load("test", 5, cache_dir=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["street_digits-v1-test-5-seed0.npz"]
    monkeypatch.setattr(street_digits, "digit", None)
    second = street_digits.load("test", 5, cache_dir=tmp_path)
    for before, after in zip(first, second, strict=True):
        np.testing.assert_array_equal(before, after)
        assert before.dtype == after.dtype


def test_the_cache_of_another_request_is_not_used(tmp_path):
    for arguments in ({}, {"seed": 1}, {"num_images": 6}, {"split": "train"}):
        street_digits.load(**({"split": "test", "num_images": 5, "cache_dir": tmp_path} | arguments))
    assert len(list(tmp_path.iterdir())) == 4


def test_the_default_cache_honours_xdg(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    street_digits.load("test", 2)
    assert [path.suffix for path in (tmp_path / "ssgan").iterdir()] == [".npz"]


def _truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def _one_byte_changed(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _emptied(path):
    path.write_bytes(b"")


def _of_another_kind(path):
    path.write_text("not arrays")


def _of_wrong_shape(path):
    np.savez(path, images=np.zeros((4, 32, 32, 3), np.uint8), labels=np.zeros(5, np.int32))


def _of_wrong_type(path):
    np.savez(path, images=np.zeros((5, 32, 32, 3), np.float32), labels=np.zeros(5, np.int32))


def _without_labels(path):
    np.savez(path, images=np.zeros((5, 32, 32, 3), np.uint8))


def _pickled(path):
    np.savez(path, images=np.array([{}], object), labels=np.zeros(5, np.int32))


@pytest.mark.parametrize(
    "damage",
    [
        _truncated,
        _one_byte_changed,
        _emptied,
        _of_another_kind,
        _of_wrong_shape,
        _of_wrong_type,
        _without_labels,
        _pickled,
    ],
)
def test_a_damaged_cache_is_drawn_again(tmp_path, caplog, damage):
    first = street_digits.load("test", 5, cache_dir=tmp_path)
    (path,) = tmp_path.iterdir()
    damage(path)
    second = street_digits.load("test", 5, cache_dir=tmp_path)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert "drawing the images again" in caplog.text
    with np.load(path) as mended:
        np.testing.assert_array_equal(mended["images"], first[0])


def test_an_unwritable_cache_costs_only_the_cache(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder should be")
    with caplog.at_level(logging.WARNING):
        images, _ = street_digits.load("test", 3, cache_dir=blocked / "cache")
    assert images.shape == (3, 32, 32, 3)
    assert "cannot cache the images" in caplog.text


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch, caplog):
    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr(street_digits.os, "replace", full_disk)
    street_digits.load("test", 3, cache_dir=tmp_path)
    assert "no space left" in caplog.text
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: street_digits.load("extra"), "no split 'extra'; it has 'train' and 'test'"),
        (lambda: street_digits.load("train", 0), r"num_images is 0; .* 1\.\.73257"),
        (lambda: street_digits.load("test", 26_033), r"num_images is 26033; .* 1\.\.26032"),
        (lambda: street_digits.load("test", 2.5), r"num_images is 2\.5"),
        (lambda: street_digits.load("test", 2, seed=-1), "seed is -1"),
        (lambda: street_digits.digit("valid", 0), "no split 'valid'"),
        (lambda: street_digits.digit("test", 26_032), r"index is 26032; .* 0\.\.26031"),
        (lambda: street_digits.digit("test", -1), "index is -1"),
    ],
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_every_face_has_ten_different_digits():
    for face, (name, _) in enumerate(street_scene._FACES):
        glyphs = {street_scene._printed(face, number).tobytes() for number in range(10)}
        assert len(glyphs) == 10, name


def test_every_digit_has_hand_lettered_variants():
    assert len(street_scene._STROKES) == 10
    for number, variants in enumerate(street_scene._STROKES):
        for variant in range(len(variants)):
            ink = np.asarray(street_scene._lettered(number, variant, 9, 0)) > 127
            assert ink.any(1).all() and len(ink) > 50, f"variant {variant} of {number} is torn"


def _edges(images):
    """Strength of the edges in the image's middle, at half resolution: [n, features]."""
    grey = images.astype(np.float64).mean(3)
    down, right = np.gradient(grey, axis=(1, 2))
    maps = np.stack([abs(down), abs(right), abs(down + right), abs(down - right)], 3)[:, 2:30, 6:26]
    maps = maps.reshape(len(maps), 14, 2, 10, 2, 4).mean((2, 4)).reshape(len(maps), -1)
    return maps / np.linalg.norm(maps, axis=1, keepdims=True)


def test_a_linear_classifier_can_read_the_labels(drawn):
    images, labels = drawn
    features = _edges(images)
    known, unknown = slice(0, 700), slice(700, 900)
    mean = features[known].mean(0)
    x, targets = features[known] - mean, np.eye(10)[labels[known]] - 0.1
    weights = np.linalg.solve(x.T @ x + 0.5 * np.eye(x.shape[1]), x.T @ targets)
    predicted = ((features[unknown] - mean) @ weights).argmax(1)
    most_frequent = np.bincount(labels[unknown]).max() / 200
    assert np.mean(predicted == labels[unknown]) > most_frequent + 0.2


def test_images_vary_as_photographs_do(drawn):
    grey = drawn[0].mean(3).reshape(900, -1)
    assert 90 < grey.mean() < 140  # SVHN: 116
    assert 25 < grey.mean(1).std() < 50  # SVHN: 42
    assert 22 < grey.std(1).mean() < 40  # SVHN: 31


def test_drawing_is_fast():
    street_digits.digit("train", 0)
    start = time.process_time()
    for index in range(300):
        street_digits.digit("train", index)
    assert time.process_time() - start < 3  # about 0.3 s on an idle core; glyphs are still uncached
