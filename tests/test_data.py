import contextlib
import functools
import hashlib
import http.server
import importlib.resources
import logging
import os
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import tensorflow_datasets as tfds

from experiments.robustness.readers import make_tfds
from ssgan import data
from ssgan.data import network, street_digits, svhn_mat
from ssgan.data.resize import fitted
from ssgan.errors import UsageError
from tests.tfds_sets import RANDOM, SVHN_X, SVHN_Y

NOWHERE = "http://127.0.0.1:1/"


@pytest.fixture(autouse=True)
def offline_machine(tmp_path, monkeypatch):
    """A machine with nothing on disk, where nothing outside it answers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(svhn_mat, "URL", NOWHERE)
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "tfds_default"))


def write_svhn(folder, x=SVHN_X, y=SVHN_Y):
    folder.mkdir(exist_ok=True)
    for split in ("train", "test"):
        scipy.io.savemat(folder / f"{split}_32x32.mat", {"X": x, "y": y}, do_compression=True)
    return folder


@contextlib.contextmanager
def serving(folder):
    """Serves a folder on this machine; gives its URL."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def copyfile(self, source, outputfile):
        with contextlib.suppress(ConnectionError):  # a probe hangs up without reading
            super().copyfile(source, outputfile)


def sha256_of(folder):
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in svhn_mat.SHA256}


# The .mat files.


def test_mat_files_are_read_in_their_order_with_digit_zero_as_zero(tmp_path):
    found = data.load("svhn_cropped", "train", data_dir=write_svhn(tmp_path / "svhn"))
    assert found.images.dtype == np.uint8 and found.images.flags.c_contiguous
    np.testing.assert_array_equal(found.images[5], SVHN_X[..., 5])
    assert found.labels.tolist() == [1, 4, 0, 2, 3, 5, 6, 7, 8, 9, 0, 1]
    assert found.labels.dtype == np.int32
    assert found.class_names == tuple("0123456789") and found.num_classes == 10
    assert (found.name, found.split, found.synthetic) == ("svhn_cropped", "train", False)
    assert found.source == f"SVHN .mat files in {tmp_path / 'svhn'}"


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (SVHN_X.astype(np.int16), SVHN_Y, r"X is int16 \(32, 32, 3, 12\); expected uint8"),
        (SVHN_X.transpose(3, 0, 1, 2), SVHN_Y, r"X is uint8 \(12, 32, 32, 3\)"),
        (SVHN_X, SVHN_Y[:11], "X holds 12 images, y 11 labels; expected one per image"),
        (SVHN_X, SVHN_Y - 1, r"y holds \[0, 1, 2.*1..10"),
        (SVHN_X, SVHN_Y + 0.5, r"y holds \[1.5, 2.5.*1..10"),
        (SVHN_X, SVHN_Y.astype(object), "not a readable MATLAB 5 file .y is of class cell; expected real numbers"),
    ],
)
def test_mat_files_of_another_form_are_refused(tmp_path, x, y, words):
    folder = write_svhn(tmp_path / "svhn", x, y)
    with pytest.raises(UsageError, match=f"train_32x32.mat: {words}"):
        data.load("svhn_cropped", "train", data_dir=folder)


def test_mat_files_without_the_two_arrays_are_refused(tmp_path):
    scipy.io.savemat(tmp_path / "test_32x32.mat", {"X": SVHN_X, "secret": SVHN_Y})
    with pytest.raises(UsageError, match=r"found the arrays \['X'\]; expected X and y"):
        data.load("svhn_cropped", "test", data_dir=tmp_path)


def test_a_damaged_mat_file_gives_one_clear_line(tmp_path):
    path = write_svhn(tmp_path / "svhn") / "train_32x32.mat"
    content = path.read_bytes()
    for damaged in (b"", b"words", content[:200], content[: len(content) // 2], content[:-9]):
        path.write_bytes(damaged)
        with pytest.raises(UsageError, match=f"MATLAB 5.*{len(damaged)} bytes.*fetch") as caught:
            data.load("svhn_cropped", "train", data_dir=path.parent)
        assert "\n" not in str(caught.value)


def test_one_mat_file_alone_is_read_but_the_other_is_not_sought_elsewhere(tmp_path):
    folder = write_svhn(tmp_path / "svhn")
    (folder / "test_32x32.mat").unlink()
    assert len(data.load("svhn_cropped", "train", data_dir=folder)) == 12
    with pytest.raises(UsageError, match="test_32x32.mat: no such file.*train_32x32.mat"):
        data.load("svhn_cropped", "test", data_dir=folder)


# TensorFlow Datasets.


def test_tfds_rows_with_ids_come_in_the_order_of_the_mat_file_with_its_digest(tmp_path):
    builder = tfds.builder("fake_svhn", data_dir=tmp_path)
    builder.download_and_prepare()
    stored = [example["id"] for example in tfds.as_numpy(builder.as_dataset("train"))]
    assert stored != [f"train_{row}".encode() for row in range(12)]

    found = data.load("fake_svhn", "train", data_dir=tmp_path)
    expected = data.load("svhn_cropped", "train", data_dir=write_svhn(tmp_path / "svhn"))
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.images, expected.images)
    assert found.digest == expected.digest
    assert found.source == f"TFDS fake_svhn 1.0.0 in {tmp_path}"


def test_an_unprepared_set_is_prepared_in_the_default_folder(tmp_path):
    assert len(data.load("fake_svhn", "test")) == 12
    assert (tmp_path / "tfds_default" / "fake_svhn" / "1.0.0" / "dataset_info.json").exists()


def test_images_of_several_sizes_need_an_image_size():
    with pytest.raises(UsageError, match="several sizes; pass image_size"):
        data.load("many_sizes", "train")
    found = data.load("many_sizes", "train", image_size=32)
    assert found.images.shape == (3, 32, 32, 1) and found.class_names == ("cat", "dog")
    # 8x8 is enlarged to 32x32, 64x32 shrunk to 32x16, 100x80 to 32x26 (25.6).
    assert sorted((found.images > 0).sum(axis=(1, 2, 3)).tolist()) == [512, 832, 1024]


def test_damaged_tfds_files_give_one_clear_error(tmp_path):
    data.load("fake_svhn", "train", data_dir=tmp_path)
    path = next(tmp_path.glob("fake_svhn/1.0.0/*train*"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UsageError, match="fake_svhn in .* cannot be read .*prepare it again"):
        data.load("fake_svhn", "train", data_dir=tmp_path)


def test_a_link_to_the_data_folder_is_followed(tmp_path):
    (tmp_path / "data").mkdir()
    expected = data.load("fake_svhn", "train", data_dir=tmp_path / "data")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert data.load("fake_svhn", "train", data_dir=tmp_path / "link").digest == expected.digest


def test_a_tfds_folder_that_cannot_be_listed_is_refused(tmp_path, monkeypatch):
    data.load("fake_svhn", "train", data_dir=tmp_path)
    list_folder = Path.iterdir

    def refusing(folder):
        if folder.name == "1.0.0":
            raise PermissionError(13, "Permission denied", str(folder))
        return list_folder(folder)

    monkeypatch.setattr(Path, "iterdir", refusing)
    with pytest.raises(UsageError, match="1.0.0 cannot be read: .*Permission denied"):
        data.load("fake_svhn", "train", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        ("mnits", "'mnits' is unknown.*close to it: .*mnist"),
        ("street_digit", "close to it: street_digits"),
        ("huggingface:mnist", "not a TFDS name"),
        ("../mnist", "not a TFDS name"),
        ("mnist/..:1.0.0", "not a TFDS name"),
        ("mnist:9.9.9", "9.9.9.*only: 3.0.1"),
        ("sentences", "'sentences' holds text, label; expected an image classification set"),
    ],
)
def test_an_unknown_or_unfit_data_set_is_refused(dataset, words):
    with pytest.raises(UsageError, match=words):
        data.load(dataset, "train")


def test_a_split_that_is_not_there_is_refused():
    data.load("many_sizes", "train", image_size=32)
    with pytest.raises(UsageError, match="many_sizes has no 'test' split; it has train"):
        data.load("many_sizes", "test", image_size=32)


def test_the_unlabelled_split_joins_the_train_images_where_it_is_asked_for():
    alone = data.load("partly_labelled", "train")
    assert alone.labels.tolist() == [0, 1, -1, 0, 1, -1] and not alone.source.endswith("split")
    joined = data.load("partly_labelled", "train", unlabelled=True)
    assert joined.labels.tolist() == [0, 1, -1, 0, 1, -1, -1, -1, -1]  # what a pool calls labels is none
    assert joined.images[:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40, 50, 100, 110, 120]
    assert joined.source == f"{alone.source} with its unlabelled split"
    np.testing.assert_array_equal(data.load("partly_labelled", "train", unlabelled=True, limit=7).labels[6:], [-1])
    assert data.load("many_sizes", "train", image_size=32, unlabelled=True).source.endswith("tfds_default")


def test_large_images_of_tfds_are_shrunk_as_they_are_read(monkeypatch):
    expected = data.load("fake_svhn", "train").resized((20, 20))
    monkeypatch.setattr(data.ImageSet, "resized", lambda self, size: self)
    np.testing.assert_array_equal(data.load("fake_svhn", "train", image_size=20).images, expected.images)


def test_the_splits_of_a_data_set_can_be_asked_for(tmp_path):
    data.load("partly_labelled", "train", image_size=32)
    assert data.splits("partly_labelled") == ("train", "validation", "unlabelled")
    assert data.splits("street_digits") == ("train", "test")
    folder = write_svhn(tmp_path / "svhn")
    assert data.splits("svhn_cropped", data_dir=folder) == ("train", "test")
    (folder / "test_32x32.mat").unlink()
    assert data.splits("svhn_cropped", data_dir=folder) == ("train",)


def test_another_split_than_train_and_test_can_be_loaded():
    assert data.load("partly_labelled", "validation").labels.tolist() == [1, 0]


# street_digits.


def test_street_digits_are_marked_as_synthetic():
    found = data.load("street_digits", "test", limit=20)
    assert found.images.shape == (20, 32, 32, 3) and found.synthetic
    assert found.source == "synthetic, drawn from fonts"
    with pytest.raises(UsageError, match="num_images.*26033"):
        data.load("street_digits", "test", limit=26_033)


def test_street_digits_have_their_quick_size_by_default(monkeypatch):
    asked = []

    def draw(split, num_images=None):
        asked.append((split, num_images))
        return np.zeros((2, 32, 32, 3), np.uint8), np.zeros(2, np.int32)

    monkeypatch.setattr(street_digits, "load", draw)
    data.load("street_digits", "train")
    assert asked == [("train", None)]


# Sizes, limits, digests.


def test_smaller_images_are_padded_and_left_as_they_are():
    image = RANDOM.randint(1, 256, (28, 28, 1)).astype(np.uint8)
    padded = fitted(image, (32, 32)).numpy()
    np.testing.assert_array_equal(padded[2:30, 2:30], image)
    assert padded.shape == (32, 32, 1) and (padded > 0).sum() == 28 * 28


def test_padding_a_whole_set_is_the_same_as_padding_each_image():
    pixels = RANDOM.randint(1, 256, (5, 27, 20, 3)).astype(np.uint8)
    found = image_set(pixels, [0] * 5).resized((32, 32)).images
    np.testing.assert_array_equal(found, fitted(pixels, (32, 32)).numpy())


def test_images_of_half_the_size_are_enlarged_and_larger_ones_averaged():
    enlarged = fitted(np.full((1, 3, 3, 1), 7, np.uint8), (8, 8)).numpy()
    assert (enlarged[0, 1:7, 1:7] == 7).all() and enlarged.sum() == 7 * 36
    stripes = np.tile(np.array([0, 200], np.uint8), 32).reshape(1, 1, 64, 1).repeat(64, axis=1)
    shrunk = fitted(stripes, (32, 32)).numpy()[0, :, 1:-1]
    assert (shrunk == 100).all()


def test_limit_keeps_the_first_images(tmp_path):
    folder = write_svhn(tmp_path / "svhn")
    found = data.load("svhn_cropped", "train", data_dir=folder, limit=3, image_size=16)
    assert found.images.shape == (3, 16, 16, 3) and found.labels.tolist() == [1, 4, 0]
    with pytest.raises(UsageError, match="13 images were asked for; expected at most 12"):
        data.load("svhn_cropped", "train", data_dir=folder, limit=13)


def image_set(images, labels):
    arrays = np.asarray(images, np.uint8), np.asarray(labels, np.int32)
    return data.ImageSet("name", "train", "a test", False, *arrays, class_names=("a", "b"))


def test_the_digest_is_that_of_shape_pixels_and_labels():
    pixels = np.arange(8).reshape(2, 2, 2, 1)
    content = b"[2, 2, 2, 1]\n" + bytes(range(8)) + b"\0\0\0\0" + b"\1\0\0\0"
    assert image_set(pixels, [0, 1]).digest == hashlib.sha256(content).hexdigest()


def test_the_digest_tells_order_labels_and_shape_apart():
    pixels = np.arange(8)
    digests = {
        image_set(pixels.reshape(2, 2, 2, 1), [0, 1]).digest,
        image_set(pixels.reshape(2, 2, 2, 1)[::-1].copy(), [1, 0]).digest,
        image_set(pixels.reshape(2, 2, 2, 1), [1, 0]).digest,
        image_set(pixels.reshape(2, 1, 4, 1), [0, 1]).digest,
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("labels", "words"),
    [([0, 2], "0..2; expected 0..1"), ([-2, 0], "-2..0; expected 0..1, or -1"), ([0], r"int32 \[2\]")],
)
def test_labels_outside_the_classes_are_refused(labels, words):
    with pytest.raises(UsageError, match=words):
        image_set(np.zeros((2, 2, 2, 1)), labels)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "validation"}, "svhn_cropped has no 'validation' split; it has train, test"),
        ({"limit": 0}, "limit is 0; expected at least 1"),
        ({"image_size": -1}, "image_size is -1"),
        ({"data_dir": "absent"}, "'absent' is not an existing folder"),
    ],
)
def test_mistaken_requests_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        data.load("svhn_cropped", **({"split": "train"} | options))


# Downloads.


def test_offline_svhn_fails_fast_and_names_the_ways_out(tmp_path):
    start = time.monotonic()
    with pytest.raises(UsageError, match="refused.*put train_32x32.mat.*TFDS.*street_digits"):
        data.load("svhn_cropped", "train", data_dir=tmp_path)
    assert time.monotonic() - start < 5
    assert list(tmp_path.iterdir()) == []


def test_an_offline_tfds_set_fails_fast(monkeypatch):
    monkeypatch.setattr(network, "_ask", lambda url, timeout: f"{url}: no route")
    start = time.monotonic()
    with pytest.raises(UsageError, match="kmnist is not prepared in .*no route"):
        data.load("kmnist", "train")
    assert time.monotonic() - start < 5


def test_svhn_is_downloaded_once_and_found_again(tmp_path, monkeypatch):
    published = write_svhn(tmp_path / "published")
    monkeypatch.setattr(svhn_mat, "SHA256", sha256_of(published))
    with serving(published) as url:
        monkeypatch.setattr(svhn_mat, "URL", url)
        first = data.load("svhn_cropped", "train")
    assert first.source == f"SVHN .mat files in {tmp_path / 'cache' / 'ssgan' / 'svhn'}"
    monkeypatch.setattr(svhn_mat, "URL", NOWHERE)
    assert data.load("svhn_cropped", "train").digest == first.digest
    assert data.resolve("auto") == "svhn_cropped"


@pytest.mark.parametrize("fault", ["foreign test file", "no test file"])
def test_a_failed_download_leaves_no_file(tmp_path, monkeypatch, fault):
    published, folder = write_svhn(tmp_path / "published"), tmp_path / "mine"
    folder.mkdir()
    monkeypatch.setattr(svhn_mat, "SHA256", sha256_of(published))
    if fault == "no test file":
        (published / "test_32x32.mat").unlink()
    else:
        (published / "test_32x32.mat").write_bytes(b"<html>Please log in</html>")
    with serving(published) as url:
        monkeypatch.setattr(svhn_mat, "URL", url)
        with pytest.raises(UsageError, match="not downloadable.*Three ways out"):
            data.load("svhn_cropped", "train", data_dir=folder)
    assert list(folder.iterdir()) == []


def test_a_download_cut_short_is_refused(tmp_path):
    def answer(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        with pytest.raises(OSError, match="received 4 bytes"):
            network.download(url, tmp_path / "x", sha256="0" * 64)
        thread.join()


def test_a_silent_server_is_given_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert network.why_unreachable(url, timeout=0.1) is not None
        with pytest.raises(TimeoutError):
            network.download(url, tmp_path / "x", sha256="0" * 64, timeout=0.1)


def test_the_probe_keeps_its_deadline_while_a_name_is_looked_up(monkeypatch):
    monkeypatch.setattr(network, "_ask", lambda url, timeout: time.sleep(2))
    start = time.monotonic()
    assert network.why_unreachable(NOWHERE, timeout=0.05).endswith("within 0.05 seconds")
    assert time.monotonic() - start < 1


def test_the_probe_tells_what_the_server_answers(tmp_path):
    with serving(tmp_path) as url:
        assert network.why_unreachable(url) is None
        assert "404" in network.why_unreachable(f"{url}absent")
    assert "refused" in network.why_unreachable(NOWHERE)


def test_the_published_checksums_are_those_of_tensorflow_datasets():
    folder = importlib.resources.files("tensorflow_datasets.datasets.svhn_cropped")
    rows = [line.split("\t") for line in (folder / "checksums.tsv").read_text().splitlines()]
    assert svhn_mat.SHA256.items() <= {name: sha256 for _, _, sha256, name in rows}.items()


# auto, and folders.


def test_auto_takes_svhn_where_it_is_on_disk(tmp_path):
    folder = write_svhn(tmp_path / "svhn")
    assert data.resolve("auto", data_dir=folder) == "svhn_cropped"
    assert data.load("auto", "train", data_dir=folder).name == "svhn_cropped"


def test_auto_takes_svhn_where_it_can_be_downloaded(tmp_path, monkeypatch):
    with serving(write_svhn(tmp_path / "published")) as url:
        monkeypatch.setattr(svhn_mat, "URL", url)
        assert data.resolve("auto") == "svhn_cropped"


def test_auto_falls_back_to_street_digits_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        assert data.resolve("auto") == "street_digits"
    assert "SYNTHETIC street_digits" in caplog.text
    assert data.resolve("cifar10") == "cifar10"


def test_a_folder_above_the_data_is_refused_with_a_hint(tmp_path):
    folder = write_svhn(tmp_path / "svhn")
    for call in (data.resolve, functools.partial(data.load, split="train")):
        with pytest.raises(UsageError, match=f"use --data_dir={folder}"):
            call("auto", data_dir=tmp_path)


def prepared(folder, name="fake_svhn", *, version="1.0.0"):
    """Prepares a data set in a folder, as if by a TFDS that had another version of it."""
    tfds.builder(name, data_dir=folder).download_and_prepare()
    made = folder / name / "1.0.0"
    about = made / "dataset_info.json"
    about.write_text(about.read_text().replace('"1.0.0"', f'"{version}"'))
    return made.rename(folder / name / version)


def test_the_folder_of_the_data_set_itself_is_refused_with_a_hint(tmp_path, monkeypatch):
    version = prepared(tmp_path / "my tfds")
    wanted = f"is the folder of fake_svhn itself; use --data_dir='{tmp_path / 'my tfds'}'"
    for folder in (version.parent, version):
        with pytest.raises(UsageError, match=wanted):
            data.load("fake_svhn", "train", data_dir=folder)
    monkeypatch.chdir(version.parent)
    with pytest.raises(UsageError, match=wanted):
        data.load("fake_svhn", "train", data_dir=".")


def test_a_set_unknown_to_tfds_gets_the_hints_too(tmp_path):
    version = make_tfds(tmp_path / "tfds").parent
    for folder in (version, version.parent, tmp_path):
        with pytest.raises(UsageError, match=f"use --data_dir={tmp_path / 'tfds'}$"):
            data.load("four_images", "test", data_dir=folder)
    assert len(data.load("four_images", "test", data_dir=tmp_path / "tfds")) == 4


def test_the_hints_are_given_for_svhn_too(tmp_path):
    made = make_tfds(tmp_path, name="svhn_cropped").parent
    made = made.rename(made.with_name("3.0.0"))
    for call in (data.resolve, functools.partial(data.load, split="train")):
        with pytest.raises(UsageError, match="holds svhn_cropped 3.0.0, TFDS wants"):
            call("auto", data_dir=tmp_path)
    about = made.rename(made.with_name("3.1.0")) / "dataset_info.json"
    about.write_text(about.read_text().replace('"1.0.0"', '"3.1.0"'))
    for call in (data.resolve, functools.partial(data.load, split="train")):
        with pytest.raises(UsageError, match="is the folder of svhn_cropped itself"):
            call("auto", data_dir=tmp_path / "svhn_cropped")


def test_another_version_on_disk_is_named(tmp_path):
    prepared(tmp_path, version="0.9.0")
    wanted = "holds fake_svhn 0.9.0, TFDS wants 1.0.0; use --dataset=fake_svhn:0.9.0, or --dataset=fake_svhn:1.0.0 to"
    with pytest.raises(UsageError, match=wanted):
        data.load("fake_svhn", "train", data_dir=tmp_path)
    assert data.load("fake_svhn:0.9.0", "train", data_dir=tmp_path).source == f"TFDS fake_svhn 0.9.0 in {tmp_path}"
    assert data.load("fake_svhn:1.0.0", "train", data_dir=tmp_path).source == f"TFDS fake_svhn 1.0.0 in {tmp_path}"
    assert data.load("fake_svhn", "train", data_dir=tmp_path).source == f"TFDS fake_svhn 1.0.0 in {tmp_path}"


# The real data.


def real_data():
    if "SSGAN_DATA_DIR" not in os.environ:
        pytest.skip("SSGAN_DATA_DIR is not set")
    return Path(os.environ["SSGAN_DATA_DIR"])


@pytest.mark.parametrize(("split", "count"), [("train", 11_501), ("test", 2_451)])
def test_svhn_lite_is_the_same_from_both_forms(split, count):
    from_mat = data.load("svhn_cropped", split, data_dir=real_data() / "svhn_lite")
    from_tfds = data.load("svhn_cropped", split, data_dir=real_data() / "tfds", image_size=32)
    assert len(from_mat) == len(from_tfds) == count
    assert from_mat.source.startswith("SVHN") and from_tfds.source.startswith("TFDS")
    assert from_mat.digest == from_tfds.digest


def test_mnist_is_whole():
    for split, count in (("train", 60_000), ("test", 10_000)):
        found = data.load("mnist", split, data_dir=real_data() / "tfds", image_size=32)
        assert found.images.shape == (count, 32, 32, 1)
        assert found.images[:, :2].max() == 0 and found.images[:, 2:30, 2:30].max() == 255
    assert np.bincount(found.labels).tolist() == [*(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)]
