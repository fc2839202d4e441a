"""`SSGAN` as a Keras model: saving, `evaluate`, `fit`, `compile`, callbacks; and what it refuses, in which words."""

import copy
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from ssgan.config import UsageError
from ssgan.gan import SSGAN
from ssgan.models import Discriminator, Generator, architectures
from tests.test_golden import tiny

ROWS, SHAPE, CLASSES = 12, (16, 16, 1), 3
IMAGES = np.random.RandomState(0).randint(0, 256, (ROWS, *SHAPE)).astype(np.uint8)
LABELS = np.arange(ROWS) % CLASSES
MASK = np.arange(ROWS) < 6
HIDDEN = np.where(MASK, LABELS, -1)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setitem(architectures.ARCHITECTURES, "small", tiny)


def untrained() -> SSGAN:
    keras.utils.set_random_seed(3)
    return SSGAN(Discriminator(CLASSES), Generator(SHAPE, width=1, latent_dim=4))


def make_gan(d_rate=0.1, g_rate=0.2, **options) -> SSGAN:
    """A compiled model whose steps are not traced, which is quicker for the few that a test takes."""
    gan = untrained()
    options = {"generated_batch": 4, "run_eagerly": True, **options}
    gan.compile(keras.optimizers.SGD(d_rate), keras.optimizers.SGD(g_rate), **options)
    return gan


def weights(gan):
    return [variable.numpy() for variable in gan.weights if "seed" not in variable.path]


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def fitted(*data, **options):
    gan = make_gan()
    gan.fit(*data, batch_size=ROWS, shuffle=False, verbose=0, **options)
    return weights(gan)


# Saving


def test_a_gan_that_is_not_compiled_is_saved_and_loaded(tmp_path):
    path = tmp_path / "gan.keras"
    make_gan().save(path)
    gan = keras.models.load_model(path, compile=False)
    for name in (path, tmp_path / "never_compiled.keras"):
        gan.save(name)
        loaded = keras.models.load_model(name)
        assert not loaded.compiled
        assert_equal(weights(loaded), weights(gan))
        gan = untrained()
    assert_equal(weights(copy.deepcopy(gan)), weights(gan))


@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_a_save_that_fails_leaves_the_file_as_it_was(as_path, tmp_path, monkeypatch):
    gan, path = make_gan(), tmp_path / "gan.keras"
    gan.save(as_path(path))
    before = path.read_bytes()

    def fail():
        raise AttributeError("on purpose")

    monkeypatch.setattr(gan, "get_config", fail)
    with pytest.raises(AttributeError, match="on purpose"):
        gan.save(as_path(path))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_how_keras_runs_it_survives_saving(tmp_path):
    make_gan(run_eagerly=True, steps_per_execution=2).save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert loaded.run_eagerly and loaded.steps_per_execution == 2 and not loaded.jit_compile


# Compile


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"updates": "both"}, "updates=both: expected one of alternating, simultaneous"),
        ({"augment": "flip"}, "augment=flip: expected one of photo, color, affine, none"),
        ({"generated_batch": -3}, "generated_batch=-3: expected 1 to 10000"),
        ({"generated_batch": 2.5}, "generated_batch=2.5: expected int"),
        ({"label_smoothing": 7}, "label_smoothing=7: expected 0.0 to 0.5"),
        ({"gan_every": 0}, "gan_every=0: expected 1 to 1000"),
        ({"d_steps": True}, "d_steps=True: expected int"),
        ({"feature_matching": "l7"}, "feature_matching=l7: expected one of l1, squared"),
        ({"unsupervised_weight": -1.0}, "unsupervised_weight=-1.0: expected 0.0 to 1000.0"),
        ({"consistency_weight": float("nan")}, "consistency_weight=nan: expected 0.0 to 1000.0"),
        ({"consistency_threshold": 95}, "consistency_threshold=95: expected 0.0 to 1.0"),
        ({"vat_weight": float("inf")}, "vat_weight=inf: expected"),
        ({"vat_radius": 0.0}, "vat_radius=0.0: expected"),
        ({"unlabeled_start": 0.3}, "unlabeled_start=0.3: expected a number of steps, an integer of at least 0"),
        ({"unlabeled_start": -1}, "unlabeled_start=-1: expected a number of steps"),
        ({"loss": "mse"}, "loss='mse': SSGAN has its own"),
        ({"metrics": ["accuracy"]}, r"metrics=\['accuracy'\]: SSGAN has its own"),
        ({"optimizer": "adam"}, "optimizer='adam': .* d_optimizer= and g_optimizer="),
        ({"d_optimizer": None}, "d_optimizer=None: .* d_optimizer= and g_optimizer="),
        ({"d_optimizer": keras.optimizers.SGD(use_ema=True)}, "d_optimizer has use_ema=True: SSGAN keeps its own"),
    ],
)
def test_bad_options_are_refused_by_compile(options, message):
    gan = untrained()
    with pytest.raises(UsageError, match=message):
        gan.compile(**{"d_optimizer": "sgd", "g_optimizer": "sgd", **options})
    assert not gan.compiled


@pytest.mark.parametrize("ema_decay", [-0.1, 1.5, float("nan")])
def test_a_bad_decay_is_refused(ema_decay):
    with pytest.raises(UsageError, match="ema_decay=.*: expected 0.0 to 0.999999"):
        SSGAN(Discriminator(CLASSES), Generator(SHAPE, width=1, latent_dim=4), ema_decay=ema_decay)


def test_optimizers_by_name_but_one_for_each_network():
    gan = untrained()
    gan.compile("adam", "sgd")
    assert isinstance(gan.d_optimizer, keras.optimizers.Adam) and isinstance(gan.g_optimizer, keras.optimizers.SGD)
    gan.compile("adam", "adam")
    assert gan.d_optimizer is not gan.g_optimizer
    shared = keras.optimizers.Adam()
    with pytest.raises(UsageError, match="d_optimizer and g_optimizer are one; expected one for each network"):
        gan.compile(shared, shared)
