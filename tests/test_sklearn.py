"""The scikit-learn estimator: what it is given, what it learns from, and what it leaves as it was."""

import copy
import inspect
import pickle
import random
import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import ssgan
from ssgan.data.table import check_image_shape, enlarged, fit_scaling, known_labels
from ssgan.errors import UsageError
from ssgan.options import Config

SSGANClassifier = ssgan.SSGANClassifier
QUICK = {"total_steps": 1, "unlabeled_start": 0.0, "gan_weight": 0.0, "random_state": 0}
TINY = {"arch": "tiny", "generator_width": 1, "labeled_batch": 4, "unlabeled_batch": 4, "generated_batch": 4}
IMAGES = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3)).astype(np.uint8)
Y = np.array([0, 1, 2, -1] * 3)


@pytest.fixture(scope="module")
def digits():
    """8x8 images of 0..16, [n, 64], of five classes, and their labels: half to train on, with 4 labels a class."""
    images, labels = load_digits(n_class=5, return_X_y=True)
    X, X_test, y, y_test = train_test_split(images, labels, test_size=0.5, stratify=labels, random_state=0)
    return X, np.where(ssgan.label_mask(y, 20), y, -1), X_test, y_test


@pytest.fixture(scope="module")
def fitted():
    return SSGANClassifier(**QUICK, **TINY).fit(IMAGES, Y)


def test_it_learns_digits_from_few_labels(digits):
    X, y, X_test, y_test = digits
    options = {"arch": "tiny", "shift": 0, "augment": "none", "gan_every": 1, "learning_rate": 3e-3, "ema_decay": 0.9}
    classifier = SSGANClassifier(100, (8, 8, 1), unlabeled_start=0.5, random_state=0, **options).fit(X, y)
    assert classifier.score(X_test, y_test) > 0.85
    assert classifier.classifier_.input_shape == (None, 16, 16, 1) and classifier.image_shape_ == (8, 8, 1)
    four_d = classifier.predict_proba(X_test.reshape(-1, 8, 8, 1))
    np.testing.assert_array_equal(four_d, classifier.predict_proba(X_test))


def test_a_grid_search_over_options_with_rows_that_have_no_label(digits):
    X, y, X_test, y_test = digits
    base = SSGANClassifier(**{**QUICK, "total_steps": 40}, learning_rate=1e-2)
    search = GridSearchCV(base, {"total_steps": np.array([1, 40])}, cv=2).fit(X, y)
    assert search.best_params_ == {"total_steps": 40}
    assert search.best_estimator_.score(X_test, y_test) > 0.7
    pipeline = make_pipeline(FunctionTransformer(np.sqrt), base)
    assert cross_val_score(pipeline, X, y, cv=2).min() > 0.5  # on 10 rows each, those with a label


def test_what_is_learned_depends_on_the_rows_without_a_label(monkeypatch):
    """By the pseudo-labels; without them and the GAN, nothing but the first values of the weights does."""
    monkeypatch.setattr(ssgan.SSGAN, "initialize_from_data", lambda self, images, seed: None)
    X, other = IMAGES.copy(), IMAGES.copy()
    other[Y < 0] = 255 - other[Y < 0]
    for options, differs in (({"pseudo_label_weight": 0.0}, False), ({"pseudo_label_threshold": 0.0}, True)):
        classifiers = [SSGANClassifier(**QUICK, **TINY, **options).fit(one, Y) for one in (X, other)]
        kernels = [classifier.classifier_.get_layer("logits").get_weights()[0] for classifier in classifiers]
        assert np.allclose(*kernels, atol=1e-6) != differs, options


def test_rows_that_are_no_image_are_learned_with_a_generator(digits):
    X, y, *_ = digits
    options = {"total_steps": 2, "unlabeled_start": 0.0, "gan_every": 1, "random_state": 0}
    seen = []

    class Seeing(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append((self.model.draw().images.shape[1:], logs["g_loss"], logs["adversarial"]))

    SSGANClassifier(**options, callbacks=[Seeing()]).fit(X, y)
    assert [shape for shape, *_ in seen] == [(1, 64, 1)] * 2
    assert all(losses > 0 for _, *both in seen for losses in both)


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 5, -1]),
        np.array([3.0, 5.0, -1.0]),
        np.array([3.0, 5.0, np.nan]),
        np.array(["cat", "dog", ""]),
        np.array(["cat", "dog", -1]),  # which NumPy makes a string
        np.array(["cat", "dog", None], object),
        np.array(["cat", "dog", np.nan], object),
        np.array(["cat", "dog", -1], object),
        np.array(["cat", "dog", ""], object),
        np.array([3, 5, None], object),
        np.array([False, True, None], object),
    ],
)
def test_what_says_that_there_is_no_label(y):
    labels, known = known_labels(y)
    assert known.tolist() == [True, True, False]
    assert labels.tolist() == [*y[:2]] and labels.dtype.kind in "ifUb"


def test_a_value_that_does_not_know_whether_it_is_itself_is_no_label():
    class NotAvailable:  # as pandas' NA
        def __eq__(self, other):
            return self

        def __bool__(self):
            raise TypeError("boolean value of NA is ambiguous")

    assert known_labels(np.array(["cat", NotAvailable()], object))[1].tolist() == [True, False]


def test_labels_come_back_as_they_were_given(fitted):
    names = np.array(["ant", "bee", "cat", None], object)[Y]
    classifier = clone(fitted).fit(IMAGES, names)
    assert classifier.classes_.tolist() == ["ant", "bee", "cat"]
    np.testing.assert_array_equal(classifier.predict(IMAGES), classifier.classes_[fitted.predict(IMAGES)])
    assert classifier.score(IMAGES, names) == fitted.score(IMAGES, Y)


def test_the_score_leaves_out_rows_without_a_label(fitted):
    predicted = fitted.predict(IMAGES)
    y = np.where(np.arange(12) < 6, predicted, (predicted + 1) % 3)
    y[[0, 1, 11]] = -1
    assert fitted.score(IMAGES, y) == pytest.approx(4 / 9)
    assert fitted.score(IMAGES, y, sample_weight=np.arange(12) < 6) == 1
    with pytest.raises(UsageError, match="y holds no label to compare with"):
        fitted.score(IMAGES, np.full(12, -1))


def test_images_are_trained_on_as_they_are():
    assert fit_scaling(IMAGES.reshape(12, -1), (16, 16, 3)).images(IMAGES.reshape(12, -1)).tobytes() == IMAGES.tobytes()
    for scale, offset in ((1 / 255, 0.0), (2 / 255, -1.0), (1.0, 0.0)):
        rows = IMAGES.reshape(12, -1) * scale + offset
        scaling = fit_scaling(rows, (16, 16, 3))
        np.testing.assert_array_equal(scaling.images(rows), IMAGES)
        beyond = scaling.images(np.array([[rows.min() - 1, rows.max() + 1] * 384]))  # at prediction
        assert beyond.dtype == np.uint8 and set(beyond.ravel()) == {0, 255}


def test_other_rows_are_standardised():
    rows = np.array([[0.0, 5.0], [2.0, 5.0], [0.0, 5.0], [2.0, 5.0]])
    images = fit_scaling(rows, (1, 2, 1)).images(np.array([[1.0, 5.0], [3.0, 5.0], [99.0, 5.0]]))
    assert images.shape == (3, 1, 2, 1) and images.dtype == np.float32
    np.testing.assert_allclose(images[:, 0, :, 0], [[127.5, 127.5], [127.5 * 1.5, 127.5], [255, 127.5]])


@pytest.mark.parametrize(("sides", "large"), [((8, 8), (16, 16)), ((5, 3), (16, 16)), ((12, 40), (16, 40))])
def test_small_images_are_enlarged_and_padded(sides, large):
    images = np.full((2, *sides, 1), 7, np.uint8)
    found = enlarged(images)
    assert found.shape == (2, *large, 1)
    factor = max(1, 16 // max(sides))
    assert (found > 0).sum() == 2 * sides[0] * sides[1] * factor**2


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((8, 8), r"image_shape=\(8, 8\): expected \(height, width, channels\)"),
        ((8, 8.0, 1), "expected .height, width, channels."),
        ((8, 9, 1), r"image_shape=\(8, 9, 1\): expected 64 numbers"),
        ((4, 8, 2), "expected at most 128 pixels a side, and 1 or 3 channels"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(shape, words):
    with pytest.raises(UsageError, match=words):
        check_image_shape(shape, 64)
    with pytest.raises(UsageError, match="at most 128 pixels"):
        check_image_shape((2, 129, 1), 258)


@pytest.mark.parametrize(
    ("parameters", "y", "words"),
    [
        ({"augment": "all"}, Y, "^augment=all: expected one of photo, natural, color, affine, none$"),
        ({"total_steps": 0}, Y, "^total_steps=0: expected at least 1$"),
        (
            {"arch": "article", "r1_weight": 1.0},
            Y,
            "^r1_weight=1.0 and arch=article: it needs a gradient for each image",
        ),
        ({"image_shape": (8, 32, 3)}, Y, r"^image_shape=\(8, 32, 3\), and X holds images of the shape \(16, 16, 3\)"),
        ({}, np.full(12, -1), "^y holds no class: expected labels of at least two"),
        ({}, np.array(["a", 1, None] * 4, object), "^y holds strings and other labels"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(parameters, y, words):
    with pytest.raises(UsageError, match=words):
        SSGANClassifier(**parameters).fit(IMAGES, y)


def test_images_of_another_shape_or_range_are_noticed_at_prediction(fitted):
    with pytest.raises(UsageError, match=r"X holds images of the shape \(16, 8, 6\); expected \(16, 16, 3\), as in"):
        fitted.predict(IMAGES.reshape(12, 16, 8, 6))
    with pytest.warns(UserWarning, match="expected pixels in 0..255"):
        fitted.predict(IMAGES / 255)


def test_the_defaults_are_those_of_the_recipe():
    options = vars(Config())
    parameters = SSGANClassifier().get_params()
    own = {"total_steps", "image_shape", "callbacks", "random_state", "verbose"}
    assert {name: options[name] for name in parameters.keys() - own} == {
        name: parameters[name] for name in parameters.keys() - own
    }
    assert inspect.signature(SSGANClassifier).parameters["total_steps"].default == 2000


def test_it_is_reproducible_and_leaves_the_generators_of_others_alone(fitted):
    keras.utils.set_random_seed(0)
    expected = [keras.random.uniform([3]).numpy() for _ in range(2)]
    keras.utils.set_random_seed(0)
    found = [keras.random.uniform([3]).numpy()]
    before = random.getstate(), np.random.get_state()[1].copy()
    again = clone(fitted).fit(IMAGES, Y)
    assert random.getstate() == before[0] and (np.random.get_state()[1] == before[1]).all()
    np.testing.assert_array_equal([*found, keras.random.uniform([3])], expected)
    np.testing.assert_allclose(again.predict_proba(IMAGES), fitted.predict_proba(IMAGES), atol=1e-6)
    other = clone(fitted).set_params(random_state=np.random.RandomState(1)).fit(IMAGES, Y)
    assert not np.allclose(other.predict_proba(IMAGES), fitted.predict_proba(IMAGES), atol=1e-3)


def test_a_copy_and_a_pickle_predict_the_same(fitted):
    content = pickle.dumps(fitted)
    for one in (pickle.loads(content), copy.deepcopy(fitted)):
        assert one.classifier_ is not fitted.classifier_
        np.testing.assert_array_equal(one.predict_proba(IMAGES), fitted.predict_proba(IMAGES))
    forged = content.replace(b'"class_name": "Softmax"', b'"class_name": "Lambdas"')
    assert forged != content
    with pytest.raises(UsageError, match="cannot be loaded"):
        pickle.loads(forged)


def test_callbacks_see_the_steps_and_do_not_hinder_a_copy():
    class Counting(keras.callbacks.Callback):
        begun = 0

        def on_train_batch_end(self, batch, logs=None):
            self.begun += 1
            self.loss = logs["loss"]

        def set_model(self, model):
            self.summary = model.name  # which None has not
            super().set_model(model)

    counting = Counting()
    classifier = SSGANClassifier(**{**QUICK, "total_steps": 3}, **TINY, callbacks=[counting]).fit(IMAGES, Y)
    assert counting.begun == 3 and counting.loss > 0 and counting.model is None
    assert clone(classifier).callbacks[0] is not counting
    assert copy.deepcopy(classifier).callbacks[0].begun == 3


def test_the_progress_is_shown_where_it_is_asked_for(fitted, capsys):
    capsys.readouterr()
    clone(fitted).fit(IMAGES, Y)
    assert capsys.readouterr().out == ""
    clone(fitted).set_params(verbose=2).fit(IMAGES, Y)
    assert "1/1 - " in capsys.readouterr().out


def test_scikit_learn_is_asked_for_where_it_is_missing_and_else_not_imported():
    script = """
import sys
import ssgan
assert not {"tensorflow", "keras", "sklearn"} & sys.modules.keys()
sys.modules["sklearn"] = None
try:
    ssgan.SSGANClassifier
except ImportError as error:
    print(error)
assert "tensorflow" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "SSGANClassifier needs scikit-learn: pip install 'ssgan[sklearn]'\n", done.stderr
