"""Semi-supervised training as a scikit-learn estimator."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
except ModuleNotFoundError as error:
    raise ImportError("SSGANClassifier needs scikit-learn: pip install 'ssgan[sklearn]'") from error

import keras
import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.metrics import accuracy_score
from sklearn.utils import assert_all_finite, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ssgan import hardware, inputs
from ssgan.augment import resolve_flip
from ssgan.classifier import load_classifier, to_classifier
from ssgan.data.arrays import ImageSet
from ssgan.data.table import UNLABELLED, Rows, check_image_shape, fit_scaling, known_labels
from ssgan.errors import UsageError
from ssgan.options import Config
from ssgan.seeds import seeded
from ssgan.training import build as recipe
from ssgan.training.callbacks import NonFiniteGuard, check_callbacks

_NOT_OPTIONS = {"image_shape", "callbacks", "random_state", "verbose"}
_OF_IMAGES = {"shift": 0, "augment": "none", "flip": "no"}  # what these are for rows that are no image
_ROWS_AT_ONCE = 256


class SSGANClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that learns from few labels and many rows without one: the semi-supervised GAN of `ssgan.SSGAN`.

    The parameters that are not described here are the options of the command line, with the same bounds; their defaults
    are those of the recipe that it trains by, but for fewer steps. See `python -m ssgan.train --helpfull`.

    Rows are images where `image_shape` says so or `X` is 4-D: of 2 to 128 pixels a side, those of less than 16 enlarged
    and padded. uint8 images are in 0..255; of others, the range of the training data is taken for it. Rows that are no
    image are standardised; the discriminator has two dense layers then, `arch` is not looked at, and there is neither
    `shift`, `augment` nor `flip`.

    Args:
        total_steps: training steps.
        image_shape: (height, width, channels) of the images that lie in the rows of a flat `X`; channels are 1 or 3.
            None: the rows are no images, unless `X` is [n, height, width, channels].
        callbacks: Keras' callbacks, which see every step; training is one epoch.
        random_state: int, `numpy.random.RandomState` or None: seed of weights, batches, noise and dropout.
        verbose: 0: silent; 1: a progress bar; 2: one line in the end.

    Attributes:
        classes_: the labels, [K], in the order of the probabilities.
        classifier_: the plain `keras.Model` of `ssgan.to_classifier`; it takes images as they were trained on.
        image_shape_: (height, width, channels) of what a row holds.
        n_features_in_: numbers in a row.

    Example:
        >>> classifier = ssgan.SSGANClassifier(image_shape=(28, 28, 1), random_state=0)
        >>> classifier.fit(X, y)  # y is -1 where there is no label
        >>> classifier.predict(X_test)
    """

    def __init__(
        self,
        total_steps: int = 2000,
        image_shape: tuple[int, int, int] | None = None,
        *,
        arch: str = "small",
        pooling: str = "max",
        generator_width: int = 32,
        latent_dim: int = 100,
        labeled_batch: int = 50,
        unlabeled_batch: int = 50,
        generated_batch: int = 32,
        shift: int = 2,
        augment: str = "photo",
        flip: str = "no",
        updates: str = "simultaneous",
        gan_weight: float = 1.0,
        gan_every: int = 1,
        feature_matching: str = "l1",
        r1_weight: float = 0.0,
        pseudo_label_weight: float = 1.0,
        pseudo_label_threshold: float = 0.95,
        vat_weight: float = 0.0,
        vat_radius: float = 0.05,
        learning_rate: float = 1e-3,
        decay_start: float = 0.5,
        unlabeled_start: float = 0.2,
        ema_decay: float = 0.999,
        precision: str = "auto",
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.total_steps = total_steps
        self.image_shape = image_shape
        self.arch = arch
        self.pooling = pooling
        self.generator_width = generator_width
        self.latent_dim = latent_dim
        self.labeled_batch = labeled_batch
        self.unlabeled_batch = unlabeled_batch
        self.generated_batch = generated_batch
        self.shift = shift
        self.augment = augment
        self.flip = flip
        self.updates = updates
        self.gan_weight = gan_weight
        self.gan_every = gan_every
        self.feature_matching = feature_matching
        self.r1_weight = r1_weight
        self.pseudo_label_weight = pseudo_label_weight
        self.pseudo_label_threshold = pseudo_label_threshold
        self.vat_weight = vat_weight
        self.vat_radius = vat_radius
        self.learning_rate = learning_rate
        self.decay_start = decay_start
        self.unlabeled_start = unlabeled_start
        self.ema_decay = ema_decay
        self.precision = precision
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Trains, from the beginning.

        Args:
            X: rows [n, height * width * channels] or images [n, height, width, channels], of any number dtype.
            y: labels [n]; without a label are the rows whose integer is -1, or whose string or object is "", None, NaN
                or -1. Their images are learned from in the same way as the labelled ones', which are among them.

        Returns:
            The estimator.

        Raises:
            UsageError: a `ValueError`, if a parameter is out of its bounds, or data do not fit.
        """
        callbacks = check_callbacks(self.callbacks)
        rows, image_shape = _flat(X)
        rows = validate_data(self, rows)
        self._scaling = fit_scaling(rows, self._row_shape(image_shape, rows.shape[1]))
        self.classes_, labels = _encoded(y, rows)
        random_numbers = check_random_state(self.random_state)
        config = self._config(int((labels >= 0).sum()), seed=int(random_numbers.randint(2**31 - 1)))

        source = self._source(self._scaling.images(rows), labels)
        steps = recipe.total_steps(config, num_unlabeled=len(source))
        with seeded(config.seed):
            gan = recipe.build(config, image_shape=source.image_shape, num_classes=source.num_classes, steps=steps)
            some = random_numbers.permutation(len(source))[:500]
            gan.initialize_from_data(source.read(some), seed=config.seed)
            batches = recipe.batches(config, source, labels >= 0, unlabeled=np.arange(len(source)), steps=steps)
            gan.fit(batches, shuffle=False, verbose=self.verbose, callbacks=[NonFiniteGuard(), *callbacks])
            self.classifier_ = to_classifier(gan.ema_discriminator)
        for callback in callbacks:  # so that the estimator can be copied: a callback keeps its model
            keras.callbacks.Callback.set_model(callback, None)
        return self

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the probabilities of the classes, float64 [n, K], of rows or images as `fit` was given them."""
        check_is_fitted(self)
        rows, image_shape = _flat(X)
        if image_shape not in (None, self.image_shape_):
            raise UsageError(f"X holds images of the shape {image_shape}; expected {self.image_shape_}, as in fit")
        rows = validate_data(self, rows, reset=False)
        if self._scaling.is_image and self._scaling.scaler is None:
            inputs.warn_of_range(rows)
        images = self._scaling.images(rows)
        logits = keras.Model(self.classifier_.input, self.classifier_.get_layer("logits").output)
        if not self._scaling.is_image:  # so that no row's last digit depends on its place among the others
            images = np.pad(images, ((0, -len(images) % _ROWS_AT_ONCE), (0, 0), (0, 0), (0, 0)))
        parts = [images[begin : begin + _ROWS_AT_ONCE] for begin in range(0, len(images), _ROWS_AT_ONCE)]
        found = np.concatenate([keras.ops.convert_to_numpy(logits(part)) for part in parts])
        return softmax(found[: len(rows)].astype(np.float64), axis=1)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray:
        """Returns the most probable label of each row, [n]."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def score(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> float:
        """Returns the accuracy, 0..1, on the rows that have a label.

        Raises:
            UsageError: if there is none.
        """
        labels, known = known_labels(column_or_1d(y))
        if not known.any():
            raise UsageError("y holds no label to compare with; expected some rows with one")
        weights = None if sample_weight is None else column_or_1d(sample_weight)[known]
        return accuracy_score(labels, self.predict(X)[known], sample_weight=weights)

    @property
    def image_shape_(self) -> tuple[int, int, int]:
        """Height, width and channels of what a row holds."""
        return self._scaling.image_shape

    def _row_shape(self, found: tuple[int, ...] | None, num_features: int) -> tuple[int, int, int]:
        if found and self.image_shape not in (None, found):
            raise UsageError(f"image_shape={self.image_shape}, and X holds images of the shape {found}; leave it out")
        return check_image_shape(found or self.image_shape or (1, num_features, 1), num_features)

    def _config(self, num_labels: int, *, seed: int) -> Config:
        values = {name: value for name, value in self.get_params(deep=False).items() if name not in _NOT_OPTIONS}
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
        try:
            config = Config(**plain, labels=num_labels, seed=seed)
            of_rows = {} if self._scaling.is_image else _OF_IMAGES
            flip = resolve_flip(config.flip, [str(name) for name in self.classes_])
            resolved = {"flip": flip, "precision": hardware.precision(config.precision)}
            return Config(**{**vars(config), **resolved, **of_rows})
        except UsageError as error:
            raise UsageError(str(error).replace("--", "")) from None

    def _source(self, images: npt.NDArray, labels: npt.NDArray[np.int32]) -> ImageSet:
        kind = ImageSet if self._scaling.is_image else Rows
        return kind("X", "train", "given to fit", False, images, labels, tuple(map(str, self.classes_)))

    def __getstate__(self) -> dict[str, Any]:
        """Returns what is pickled: of the classifier, its `.keras` file."""
        state = super().__getstate__()
        if "classifier_" in state:
            state = {**state, "classifier_": _to_bytes(self.classifier_)}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Sets it; the file is checked as one that comes from anyone, which the rest of a pickle is not."""
        if "classifier_" in state:
            state = {**state, "classifier_": _from_bytes(state["classifier_"])}
        super().__setstate__(state)


def _flat(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Returns rows and, where X is 4-D, the shape of its images."""
    if getattr(X, "ndim", 2) != 4:
        return X, None
    X = np.asarray(X)
    return X.reshape(len(X), -1), X.shape[1:]


def _encoded(y: Any, rows: npt.NDArray) -> tuple[npt.NDArray, npt.NDArray[np.int32]]:
    """Returns the classes, and each row's as its number, int32 [n], -1 where there is no label."""
    if y is None:
        raise UsageError("SSGANClassifier requires y to be passed, but the target y is None")
    y = column_or_1d(y, warn=True)
    check_consistent_length(rows, y)
    if y.dtype.kind == "f":
        assert_all_finite(y, allow_nan=True, input_name="y")
    given, known = known_labels(y)
    check_classification_targets(given)
    classes, numbers = np.unique(given, return_inverse=True)
    if len(classes) < 2:
        found = "one class" if len(classes) else "no class"
        raise UsageError(f"y holds {found}: expected labels of at least two, beside -1 for the rows without one")
    labels = np.full(len(y), UNLABELLED, np.int32)
    labels[known] = numbers
    return classes, labels


def _to_bytes(classifier: keras.Model) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        classifier.save(path := Path(folder, "classifier.keras"))
        return path.read_bytes()


def _from_bytes(content: bytes) -> keras.Model:
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder, "classifier.keras")).write_bytes(content)
        return load_classifier(path)
