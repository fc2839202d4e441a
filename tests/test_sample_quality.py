"""What ssgan.eval says of generated images."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

import ssgan
from ssgan import quality
from ssgan.data import ImageSet
from ssgan.errors import UsageError
from ssgan.eval import EvalConfig, evaluate_run
from ssgan.evaluate import samples
from ssgan.evaluate.runs import read_members
from ssgan.options import Config
from ssgan.samples import even_classes, sample
from ssgan.store import run
from tests.finished import make_run

SHAPE, NAMES = (16, 16, 1), ("a", "b")


def noise_images(count, split="test"):
    draw = np.random.RandomState(count)
    return ImageSet(
        name="photos",
        split=split,
        source="a test",
        synthetic=False,
        images=draw.randint(0, 256, (count, *SHAPE)).astype(np.uint8),
        labels=(np.arange(count) % 2).astype(np.int32),
        class_names=NAMES,
    )


def made(folder, *, conditional=True, **options):
    make_run(
        folder,
        shape=SHAPE,
        class_names=NAMES,
        options=Config(**{"labels": 2, "validation": 0, "conditional": conditional, **options}),
    )
    generator = ssgan.Generator(SHAPE, width=1, latent_dim=4, num_classes=2 if conditional else 0)
    ssgan.SSGAN(ssgan.Discriminator(2, arch="tiny"), generator).save(folder / run.MODEL)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made(tmp_path_factory.mktemp("quality") / "run")


WHERE = []  # the training images were looked for


@pytest.fixture
def images(monkeypatch):
    images, training = noise_images(100), dataclasses.make_dataclass("Training", ["images"])
    monkeypatch.setattr("ssgan.evaluate.images.test_images", lambda member, options: (images, False))
    WHERE.clear()
    monkeypatch.setattr(
        samples,
        "read_training_images",
        lambda member, **where: WHERE.append(where) or training(noise_images(60, "train")),
    )
    return images


def test_generated_images_stand_beside_real_ones(folder, images, capsys):
    metrics = evaluate_run(EvalConfig(run=str(folder)))
    found = metrics["samples"]
    assert found["images"] == 50  # half of the real ones: the others are what both are held against
    assert found["feature_net"].startswith("random ")
    assert found["generated"]["frechet_distance"] > found["real"]["frechet_distance"]
    assert found["generated"]["coverage"] < 0.5 < found["real"]["coverage"]
    assert json.loads((folder / "metrics.json").read_text())["samples"] == found
    (log,) = (folder / "tensorboard").iterdir()
    events = list(tf.compat.v1.train.summary_iterator(str(log)))
    logged = {value.tag: tf.make_ndarray(value.tensor).item() for event in events for value in event.summary.value}
    assert logged["samples_generated/coverage"] == np.float32(found["generated"]["coverage"])
    assert logged["samples_real/frechet_distance"] == np.float32(found["real"]["frechet_distance"])
    printed = capsys.readouterr().out
    assert "test error" in printed and "generated images: 50 of each kind" in printed


def test_the_figures_are_of_the_generator_of_the_run(folder, images, monkeypatch):
    shown = []
    monkeypatch.setattr(quality, "compare", lambda *parts, **named: shown.append((parts, named)) or {})
    (member,) = read_members(str(folder), sha256=None)
    samples.measure_samples(member, images, count=45, feature_net="random", has_score=False, seed=3)
    ((real, generated, reference), named) = shown[0]
    net = quality.random_net(images.images)
    expected = sample(member.sampler, member.sampler.noise(45, seed=3), even_classes(45, 2))
    np.testing.assert_allclose(generated.features, quality.features_of(net, expected), rtol=1e-4, atol=1e-5)
    rows = np.random.RandomState(3).permutation(100)
    for part, chosen in ((real, rows[:45]), (reference, rows[45:90])):
        np.testing.assert_allclose(part.features, quality.features_of(net, images.images[chosen]), rtol=1e-4, atol=1e-5)
    assert named == {"feature_net": f"random {quality.digest(net)[:12]}", "num_classes": None}


def test_the_trained_net_knows_the_classes_and_the_score_has_one_of_real_images_beside_it(folder, images, monkeypatch):
    asked, nets = [], []

    def trained_net(examples, labels):
        nets.append((examples, labels))
        return quality.random_net(examples)

    def score(examples, labels, tested, expected, **options):
        asked.append((examples, labels, options))
        assert tested is not None and expected is images.labels
        return dataclasses.make_dataclass("Evaluation", ["error", "class_errors"])(0.1 * len(asked), (0.0, None))

    monkeypatch.setattr(quality, "trained_net", trained_net)
    monkeypatch.setattr(quality, "classification_accuracy_score", score)
    (member,) = read_members(str(folder), sha256=None)
    where = {"data_dir": "there", "cache_dir": "kept"}
    found = samples.measure_samples(member, images, count=1000, feature_net="trained", has_score=True, **where)
    assert [where, where] == WHERE
    assert len(nets[0][0]) == 60 and nets[0][1].dtype == np.int32
    assert found["generated"]["classes_present"] >= 1
    assert (found["generated"]["classification_error"], found["real"]["classification_error"]) == (0.1, 0.2)
    assert found["real"]["class_errors"] == (0.0, None)
    (generated, classes, options), (real, _, _) = asked
    assert (len(generated), len(real)) == (10_000, 60)
    assert np.bincount(classes).tolist() == [5000, 5000]
    assert (options["arch"], options["augment"], options["shift"]) == ("small", "photo", 2)


def test_a_plain_gan_is_evaluated_by_its_samples(tmp_path, images, capsys):
    folder = made(tmp_path / "plain", conditional=False, labels=0)
    metrics = evaluate_run(EvalConfig(run=str(folder), samples=40))
    assert metrics["samples"]["images"] == 40 and "test_error" not in metrics
    printed = capsys.readouterr().out
    assert "a plain GAN of photos" in printed and "test error" not in printed
    assert (folder / "samples.png").stat().st_size > 1000
    with pytest.raises(UsageError, match="--samples=0, and a plain GAN"):
        evaluate_run(EvalConfig(run=str(folder), samples=0))
    with pytest.raises(UsageError, match="--accuracy_score needs images of known classes"):
        evaluate_run(EvalConfig(run=str(folder), samples=40, accuracy_score=True))


def test_other_generators_are_measured_when_asked_for(tmp_path, images):
    folder = made(tmp_path / "run", conditional=False)
    assert "samples" not in evaluate_run(EvalConfig(run=str(folder)))
    assert evaluate_run(EvalConfig(run=str(folder), samples=40))["samples"]["images"] == 40


def test_what_cannot_be_measured_is_refused(tmp_path, folder, images, monkeypatch, capsys):
    without = made(tmp_path / "run", conditional=False, gan_weight=0)
    with pytest.raises(UsageError, match="--samples=9: .* was trained without a generator"):
        evaluate_run(EvalConfig(run=str(without), samples=9))
    with pytest.raises(UsageError, match="--samples=-1: expected at least 0"):
        EvalConfig(samples=-1)
    monkeypatch.setattr("ssgan.evaluate.images.test_images", lambda member, options: (noise_images(60), False))
    with pytest.raises(UsageError, match="photos has 60 test images; expected at least 80"):
        evaluate_run(EvalConfig(run=str(folder), samples=40))
    capsys.readouterr()
    assert "samples" not in evaluate_run(EvalConfig(run=str(folder)))
    assert "what it draws is not measured: 60 images to hold it against, of 80 at least" in capsys.readouterr().out
