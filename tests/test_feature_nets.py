"""The fixed nets whose features are compared, and the classifier that learns from generated images alone."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest

from ssgan import data, quality
from ssgan.gan import to_unit_range
from ssgan.quality import features as feature_nets
from ssgan.quality import supervised


def bright_or_dark(n, *, seed, shape=(16, 16, 1)):
    """Images of two classes, which differ in their brightness."""
    classes = np.arange(n) % 2
    noise = np.random.RandomState(seed).randint(0, 120, (n, *shape))
    return (noise + 120 * classes[:, np.newaxis, np.newaxis, np.newaxis]).astype(np.uint8), classes.astype(np.int32)


@pytest.fixture(scope="module")
def net():
    return quality.random_net(bright_or_dark(600, seed=0)[0])


def test_a_random_net_is_a_function_of_the_images(net):
    images = bright_or_dark(600, seed=0)[0]
    keras.utils.set_random_seed(123)
    before = np.random.get_state()[1].tolist()
    again = quality.random_net(images)
    assert quality.digest(again) == quality.digest(net) and len(quality.digest(net)) == 64
    np.testing.assert_array_equal(quality.features_of(again, images[:9]), quality.features_of(net, images[:9]))
    assert quality.digest(quality.random_net(images // 2)) != quality.digest(net)
    assert np.random.get_state()[1].tolist() == before


def test_the_images_that_scale_a_random_net_are_from_all_of_them(monkeypatch):
    rows = supervised.evenly(np.arange(2000), 500)
    assert len(set(rows)) == 500 and rows[0] == 0 and rows[-1] == 1999 and abs(np.diff(rows) - 4).max() <= 1
    assert supervised.evenly(np.arange(3), 500).tolist() == [0, 1, 2]


def test_features_are_the_pooled_ones_whatever_the_batch(net, monkeypatch):
    images = bright_or_dark(23, seed=1)[0]
    found = quality.features_of(net, images)
    assert found.dtype == np.float32 and found.shape == (23, 128) and np.isfinite(found).all()
    _, expected = net(images / np.float32(127.5) - 1, training=False)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(feature_nets, "_AT_ONCE", 7)
    np.testing.assert_allclose(quality.features_of(net, images), found, rtol=1e-5, atol=1e-6)


def test_a_net_that_was_saved_has_the_same_digest(net, tmp_path):
    net.save(tmp_path / "net.keras")
    again = keras.models.load_model(tmp_path / "net.keras")
    assert quality.digest(again) == quality.digest(net)
    images = bright_or_dark(5, seed=1)[0]
    np.testing.assert_array_equal(quality.features_of(again, images), quality.features_of(net, images))


def test_a_digest_changes_with_any_weight(net):
    digest = quality.digest(net)
    weight = net.weights[-1]
    before = weight.numpy()
    weight.assign(before + np.eye(1, before.size, dtype=np.float32).reshape(before.shape) * 1e-3)
    assert quality.digest(net) != digest
    weight.assign(before)
    assert quality.digest(net) == digest


@pytest.fixture
def prepared(monkeypatch):
    """Returns a function that gives the GAN, and the batches, that would have been trained."""
    found = []
    monkeypatch.setattr(supervised.SSGAN, "fit", lambda gan, batches, **options: found.append((gan, batches)))

    def prepare(**options):
        images, labels = bright_or_dark(80, seed=0)
        supervised.train_supervised(images, labels, num_classes=2, **{"steps": 3, "seed": 0, "arch": "tiny", **options})
        return found.pop()

    return prepare


def test_the_training_is_what_was_asked_for(prepared):
    gan, batches = prepared(augment="affine", shift=1, flip="yes")
    assert (gan.augment, gan.shift, gan.flip, gan.discriminator.arch) == ("affine", 1, "yes", "tiny")
    assert [term.name for term in gan.d_terms] == ["supervised"] and not gan.g_terms
    assert float(gan.d_optimizer.learning_rate) == pytest.approx(1e-3) and gan.d_optimizer.beta_1 == 0.9
    shown = list(batches)
    assert [set(one) for one in shown] == [{"labeled", "labels"}] * 3 and shown[0]["labeled"].shape == (64, 16, 16, 1)
    means = gan.discriminator(to_unit_range(bright_or_dark(80, seed=0)[0]))[0].numpy().mean(axis=0)
    assert abs(means).max() < 0.1, "it was not scaled by the images"


def test_a_trained_net_learns_all_labels_that_are_known(monkeypatch):
    images, labels = bright_or_dark(200, seed=0)
    learned: list = []
    monkeypatch.setattr(supervised.SSGAN, "fit", lambda gan, batches, **options: learned.append((gan, batches)))
    net = quality.trained_net(images, np.where(np.arange(200) % 5, labels + 1, -1), steps=7)
    ((gan, batches),) = learned
    assert net is gan.ema_discriminator and gan.discriminator.num_classes == 3
    assert (gan.discriminator.arch, gan.discriminator.pooling) == ("small", "average")
    shown = np.concatenate([batch["labels"].numpy() for batch in batches])
    assert len(shown) == 7 * 64 and set(shown) == {1, 2} and gan.augment == "none"


def test_the_seed_decides_on_weights_noise_and_batches(prepared):
    gans = [prepared(seed=seed) for seed in (0, 0, 1)]
    weights = [quality.digest(gan.discriminator) for gan, _ in gans]
    noises = [gan.noise_seed.state.numpy().tolist() for gan, _ in gans]
    first = [next(iter(batches))["labeled"].numpy().tobytes() for _, batches in gans]
    for values in (weights, noises, first):
        assert values[0] == values[1] != values[2]


def test_who_learns_from_good_images_errs_little_each_time_the_same():
    images, labels = bright_or_dark(160, seed=0)
    tests, truth = bright_or_dark(40, seed=5)

    def score():
        options = {"arch": "tiny", "steps": 12, "augment": "affine", "shift": 1}
        named = ("dark", "bright")
        return quality.classification_accuracy_score(images, labels, tests, truth, class_names=named, **options)

    first = score()
    assert first.error < 0.1 and first.images == 40 and first.class_names == ("dark", "bright")
    keras.utils.set_random_seed(99)
    assert score().as_dict() == first.as_dict()


def test_images_that_are_no_pixels_are_refused():
    images, labels = bright_or_dark(20, seed=0)
    with pytest.raises(ValueError, match="images are float64.*expected uint8"):
        quality.classification_accuracy_score(images / 255, labels, images, labels, class_names=("dark", "bright"))


@pytest.fixture(scope="module")
def street():
    """Three sets of 200 house numbers each, with their labels and the features of a random net."""
    if "SSGAN_DATA_DIR" not in os.environ:
        pytest.skip("SSGAN_DATA_DIR is not set")
    found = data.load("svhn_cropped", "test", data_dir=Path(os.environ["SSGAN_DATA_DIR"], "svhn_lite"))
    rows = np.random.RandomState(0).permutation(len(found))[:600].reshape(3, 200)
    net = quality.random_net(found.images)
    return [(found.images[part], found.labels[part]) for part in rows], net


def measured(street, generated, classes):
    parts, net = street
    samples = [quality.Sample(quality.features_of(net, images), labels) for images, labels in parts[:2]]
    images = quality.Sample(quality.features_of(net, generated), classes)
    return quality.compare(samples[0], images, samples[1], feature_net="random", num_classes=10)


def test_real_images_measure_as_real_ones_do(street):
    images, labels = street[0][2]
    found = measured(street, images, labels)
    generated, real = found["generated"], found["real"]
    assert generated["frechet_distance"] < 2 * real["frechet_distance"]
    assert abs(generated["one_nearest_neighbour_accuracy"] - 0.5) < 0.1
    assert abs(generated["coverage"] - 0.969) < 0.06 and generated["classes_present"] == 10
    assert abs(generated["within_class_variety"] - 1) < 0.15
    assert abs(generated["kernel_distance"]) < 3 * real["kernel_distance_error"]


def test_noise_is_far_from_real_images(street):
    noise = np.random.RandomState(1).randint(0, 256, (200, 32, 32, 3)).astype(np.uint8)
    found = measured(street, noise, np.arange(200) % 10)
    generated, real = found["generated"], found["real"]
    assert generated["frechet_distance"] > 5 * real["frechet_distance"]
    assert generated["one_nearest_neighbour_accuracy"] > 0.99
    assert generated["precision"] < 0.05 and generated["coverage"] < 0.05


def test_copies_of_one_image_of_each_class_are_collapsed(street):
    images, labels = street[0][2]
    first = np.array([np.flatnonzero(labels == number)[0] for number in range(10)])
    copies, classes = images[np.tile(first, 20)], np.tile(np.arange(10), 20)
    found = measured(street, copies, classes)
    assert found["generated"]["within_class_variety"] < 0.01 < 0.8 < found["real"]["within_class_variety"]
    assert found["generated"]["support"] == pytest.approx(10, rel=0.3) and found["generated"]["coverage"] < 0.5
    assert found["generated"]["duplicated"] == 1 > found["real"]["duplicated"]
    real = quality.real_classes(*street[0][0], num_classes=10)
    seen = quality.find_collapse(copies, np.eye(10)[classes], real, wanted=classes)
    assert seen.alike == tuple(range(10)) and not seen.missing
    assert not quality.find_collapse(images, np.eye(10)[labels], real).found
