"""Images drawn with the generator of a run: arrays, grids, folders."""

import numpy as np
import pytest
from PIL import Image

import ssgan
from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.sample import SampleConfig, _folder_name, draw
from ssgan.samples import between, even_classes, sample, to_pixels
from ssgan.store import run
from tests.finished import make_run

NAMES = ("cat", "dog", "../up")
SHAPE = (16, 16, 3)


def make_sampled_run(folder, *, num_classes=3, **options):
    options = Config(labels=2, conditional=bool(num_classes), **options)
    make_run(folder, class_names=NAMES, shape=SHAPE, options=options)
    generator = ssgan.Generator(SHAPE, width=2, latent_dim=4, num_classes=num_classes)
    gan = ssgan.SSGAN(ssgan.Discriminator(3, arch="tiny"), generator)
    for variable in gan.generator.trainable_variables:
        variable.assign(2 * variable)  # the average is of other weights
    gan.save(folder / run.MODEL)
    return gan


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sampled") / "run"
    return folder, make_sampled_run(folder)


def test_arrays_are_those_of_the_averaged_generator_evenly_over_the_classes(made, tmp_path, capsys):
    folder, gan = made
    out = draw(SampleConfig(run=str(folder), out=str(tmp_path / "s.npz"), n=7, seed=5))
    with np.load(out) as arrays:
        assert sorted(arrays) == ["images", "labels"]
        images, labels = arrays["images"], arrays["labels"]
    assert (images.dtype, images.shape) == (np.uint8, (7, *SHAPE))
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, [0, 1, 2, 0, 1, 2, 0])
    expected = gan.ema_generator((gan.generator.noise(7, seed=5), labels), training=False)
    np.testing.assert_array_equal(images, to_pixels(np.asarray(expected)))
    assert images.std() > 1
    assert capsys.readouterr().out == f"7 images of 3 classes in {out}\n"


def test_one_class_by_name_or_number(made, tmp_path):
    folder, _ = made
    for label, number in (("dog", 1), ("2", 2)):
        out = draw(SampleConfig(run=str(folder), out=str(tmp_path / f"{number}.npz"), n=3, label=label))
        assert np.load(out)["labels"].tolist() == [number] * 3
    with pytest.raises(UsageError, match="--label=cow: expected one of cat, dog, ../up, or its number from 0"):
        draw(SampleConfig(run=str(folder), out=str(tmp_path / "x.npz"), label="cow"))


def test_a_grid_has_a_row_for_each_class(made, tmp_path, monkeypatch):
    folder, _ = made
    asked = []

    def watched(generator, noise, classes, **_):
        asked.append(classes)
        return sample(generator, noise, classes)

    monkeypatch.setattr("ssgan.samples.sample", watched)
    out = draw(SampleConfig(run=str(folder), out=str(tmp_path / "grid.png"), n=25))
    np.testing.assert_array_equal(asked[0], [0] * 10 + [1] * 10 + [2] * 5)
    with Image.open(out) as picture:
        assert picture.width > 10 * 16 and picture.height > 3 * 16


def test_a_folder_of_pictures_can_be_trained_on(made, tmp_path):
    folder, _ = made
    out = draw(SampleConfig(run=str(folder), out=str(tmp_path / "pictures"), n=5))
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*.png"))
    assert found == ["cat/0.png", "cat/3.png", "class 2/2.png", "dog/1.png", "dog/4.png"]
    with Image.open(out / "cat" / "0.png") as picture:
        assert (picture.size, picture.mode) == ((16, 16), "RGB")


def test_nothing_is_overwritten(made, tmp_path):
    folder, _ = made
    (tmp_path / "s.npz").write_text("mine")
    with pytest.raises(UsageError, match="s.npz is there already, and nothing is overwritten"):
        draw(SampleConfig(run=str(folder), out=str(tmp_path / "s.npz")))
    assert (tmp_path / "s.npz").read_text() == "mine"
    with pytest.raises(UsageError, match=r"expected a name that ends in .npz or .png, or a folder"):
        draw(SampleConfig(run=str(folder), out=str(tmp_path / "s.jpg")))
    with pytest.raises(UsageError, match="--out is missing"):
        draw(SampleConfig(run=str(folder)))


def test_the_way_between_two_noises(made, tmp_path):
    folder, gan = made
    out = draw(SampleConfig(run=str(folder), out=str(tmp_path / "ways.npz"), n=20, interpolate=True, label="cat"))
    images = np.load(out)["images"]
    ends = np.asarray(gan.generator.noise(4, seed=0))[:2]
    np.testing.assert_array_equal(images[[0, 9]], sample(gan.ema_generator, ends, np.zeros(2, np.int32)))
    assert np.abs(images[0].astype(int) - images[9]).max() > 0
    out = draw(SampleConfig(run=str(folder), out=str(tmp_path / "more.npz"), n=20, interpolate=True))
    assert np.load(out)["labels"].tolist() == [0] * 10 + [1] * 10  # a way is of one class


def test_ways_by_hand():
    np.testing.assert_allclose(between(np.array([[0.0, 4.0], [1.0, 0.0]]), 5, spherical=False)[:, 1], [4, 3, 2, 1, 0])
    way = between(np.array([[2.0, 0.0], [0.0, 2.0]]), 3, spherical=True)
    np.testing.assert_allclose(way, [[2, 0], [np.sqrt(2), np.sqrt(2)], [0, 2]], atol=1e-6)


def test_a_generator_without_classes_gives_images_without_labels(tmp_path, capsys):
    folder = tmp_path / "run"
    make_sampled_run(folder, num_classes=0)
    out = draw(SampleConfig(run=str(folder), out=str(tmp_path / "s.npz"), n=3))
    assert np.load(out)["labels"].tolist() == [-1, -1, -1]
    assert "3 images of no classes" in capsys.readouterr().out
    with pytest.raises(UsageError, match="--label=cat: the generator of this run draws no class that it is told"):
        draw(SampleConfig(run=str(folder), out=str(tmp_path / "t.npz"), label="cat"))
    pictures = draw(SampleConfig(run=str(folder), out=str(tmp_path / "pictures"), n=2))
    assert len(list((pictures / "_unlabeled").glob("*.png"))) == 2


def test_a_run_without_a_generator_is_refused(tmp_path):
    make_run(tmp_path / "run", options=Config(labels=2, gan_weight=0))
    with pytest.raises(UsageError, match="was trained without a generator"):
        draw(SampleConfig(run=str(tmp_path / "run"), out=str(tmp_path / "s.npz")))


def test_classes_are_even_and_pixels_in_their_range():
    assert even_classes(5, 2).tolist() == [0, 1, 0, 1, 0]
    assert to_pixels(np.array([-1.0, 0.0, 1.0, 1.5, -2.0])).tolist() == [0, 128, 255, 255, 0]


@pytest.mark.parametrize(
    ("name", "expected"), [("a b-1", "a b-1"), ("..", "class 0"), ("_x", "class 0"), ("a/b", "class 0")]
)
def test_names_of_folders_are_harmless(name, expected):
    assert _folder_name(0, [name]) == expected


def test_two_classes_never_share_a_folder():
    names = ["class 1", "a/b", "c"]
    assert [_folder_name(label, names) for label in range(3)] == ["class 1", "class 1 of 3", "c"]
