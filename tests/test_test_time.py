"""Test-time augmentation: the views by hand, their mean, and its file."""

import keras
import numpy as np
import pytest

from ssgan import test_time
from ssgan.classifier import load_classifier
from ssgan.test_time import Views

IMAGES = np.random.RandomState(0).randint(0, 256, (5, 6, 7, 3)).astype("uint8")


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 7, 3))
    outputs = keras.layers.Flatten()(keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs))
    return keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(4)(outputs)))


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        (Views(), [IMAGES]),
        (Views(flips=True), [IMAGES, IMAGES[:, :, ::-1]]),
        (Views(inverts=True), [IMAGES, 255 - IMAGES]),
        (
            Views(shifts=(0, 1)),  # all that are not translated down, then all that are
            [
                IMAGES,
                IMAGES[:, :, [0, 0, 1, 2, 3, 4, 5]],
                IMAGES[:, [0, 0, 1, 2, 3, 4]],
                IMAGES[:, [0, 0, 1, 2, 3, 4]][:, :, [0, 0, 1, 2, 3, 4, 5]],
            ],
        ),
        (
            Views(shifts=(-2,), flips=True, inverts=True),
            [
                moved if is_as_it_is else 255 - moved
                for is_as_it_is in (True, False)
                for moved in (
                    IMAGES[:, [2, 3, 4, 5, 5, 5]][:, :, [2, 3, 4, 5, 6, 6, 6]],
                    IMAGES[:, [2, 3, 4, 5, 5, 5]][:, :, [6, 6, 6, 5, 4, 3, 2]],
                )
            ],
        ),
    ],
)
def test_views_by_hand(views, expected):
    found = keras.ops.convert_to_numpy(views.of(keras.ops.convert_to_tensor(IMAGES)))
    np.testing.assert_array_equal(found, np.stack(expected, axis=1))
    assert len(views) == len(expected)


@pytest.mark.parametrize(
    ("training", "count"),
    [
        ({"shift": 2, "flip": "no", "augment": "photo"}, 18),
        ({"shift": 2, "flip": "no", "augment": "affine"}, 9),
        ({"shift": 0, "flip": "yes", "augment": "none"}, 2),
        ({"shift": 0, "flip": "yes", "augment": "color"}, 4),
        ({"shift": 0, "flip": "no", "augment": "natural"}, 1),
    ],
)
def test_views_are_what_the_training_showed(training, count):
    views = test_time.views_of(**training)
    assert len(views) == count and 0 in views.shifts
    assert views.flips == (training["flip"] == "yes") and views.inverts == (training["augment"] in ("photo", "color"))


def test_the_mean_over_views_and_its_file(classifier, tmp_path):
    views = Views(shifts=(0, 1), flips=True, inverts=True)
    seen = keras.ops.convert_to_numpy(views.of(keras.ops.convert_to_tensor(IMAGES)))
    parts = np.stack([classifier.predict(seen[:, number], verbose=0) for number in range(len(views))], axis=1)
    np.testing.assert_allclose(test_time.of_each(classifier, views).predict(IMAGES, verbose=0), parts, rtol=1e-5)
    averaged = test_time.averaged(classifier, views)
    expected = averaged.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(expected, parts.mean(axis=1), rtol=1e-5)
    assert np.ptp(parts, axis=1).max() > 0.01 and averaged.count_params() == classifier.count_params()
    averaged.save(tmp_path / "classifier.keras")
    for load in (keras.models.load_model, load_classifier):
        np.testing.assert_array_equal(load(tmp_path / "classifier.keras").predict(IMAGES, verbose=0), expected)
