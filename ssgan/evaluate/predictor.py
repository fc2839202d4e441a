"""Finished runs, as they predict: of each the classifier alone, and one compiled function for all."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ssgan import test_time
from ssgan.classifier import CLASSIFIER_FILE, load_classifier, logits_of
from ssgan.data.own.decode import Preparation
from ssgan.errors import UsageError
from ssgan.evaluate import confidence, runs
from ssgan.evaluate.outliers import SCORES
from ssgan.store import files, run
from ssgan.workers import Workers

# Images of uint8 [batch, height, width, channels] to probabilities [batch, K] and outlier scores [batch].
Network = Callable[[npt.NDArray[np.uint8]], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Predictor:
    """One run, or several as an ensemble.

    Attributes:
        class_names: of the K classes.
        preparation: of the images, as in training.
        is_assumed: whether one of the runs does not say how its images were prepared: `whole` is taken then.
        digests: sha256 of each run's classifier.
        logits: a model for each run, of images to the logits of each view of them, [batch, views, K].
        num_views: of an image, at most.
        temperatures: by which the logits of each run are divided before the softmax.
        outlier_score: of `ssgan.evaluate.outliers.SCORES`.
        outlier_threshold: above which an image is an outlier; None where it is not known: of several runs or views, and
            of a run that held out too few images.
    """

    class_names: tuple[str, ...]
    preparation: Preparation
    is_assumed: bool
    digests: tuple[str, ...]
    logits: tuple[keras.Model, ...]
    temperatures: tuple[float, ...]
    num_views: int = 1
    outlier_score: str = "gan"
    outlier_threshold: float | None = None

    def spread(self, workers: Workers, batch_size: int) -> Network:
        """Returns the function that predicts, each replica its rows of batches of one size, see `compiled`."""
        return workers.spread(self._predicted, batch_size=batch_size)

    def compiled(self, batch_size: int) -> Network:
        """Returns the function that predicts, compiled for batches of one size.

        Of an ensemble, and of several views, probabilities and scores are the means.
        """
        shape = (batch_size, *self.preparation.image_shape)
        compiled = tf.function(self._predicted).get_concrete_function(tf.TensorSpec(shape, tf.uint8))

        def network(images):
            probabilities, scores = compiled(tf.constant(images))
            return probabilities.numpy(), scores.numpy()

        return network

    def _predicted(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        of_runs = [model(images, training=False) for model in self.logits]  # [batch, views, K] of each
        pairs = zip(of_runs, self.temperatures, strict=True)
        means = [tf.reduce_mean(tf.nn.softmax(logits / temperature), axis=1) for logits, temperature in pairs]
        scores = [tf.reduce_mean(SCORES[self.outlier_score](logits), axis=1) for logits in of_runs]
        return tf.reduce_mean(means, axis=0), tf.reduce_mean(scores, axis=0)


def read_predictor(
    named: str | None,
    *,
    sha256: str | None = None,
    has_views: bool = False,
    outlier_score: str = "gan",
    is_calibrated: bool = False,
) -> Predictor:
    """Reads the classifiers of the runs that are named, or of the newest; the files may come from anyone.

    Args:
        named: folders of finished runs with commas between, or None.
        sha256: the digests that their classifiers must have, with commas between, or None.
        has_views: whether means over views of each image are predicted, see `ssgan.test_time`.
        outlier_score: of `ssgan.evaluate.outliers.SCORES`.
        is_calibrated: whether the logits are divided by a temperature, see `ssgan.evaluate.confidence`.

    Raises:
        UsageError: if one of them is no finished run, is damaged or named twice, or they do not fit each other; if one
            that is to be calibrated held out too few images.
    """
    read = [_read(folder, digest) for folder, digest in runs.find(named, sha256=sha256)]
    first_dir, first = read[0][0], read[0][1]
    views = [_views(run_dir, first["class_names"]) if has_views else test_time.Views() for run_dir, *_ in read]
    for run_dir, about, *_ in read[1:]:
        for name in ("class_names", "preparation"):
            runs.check_alike(name, (run_dir, about[name]), (first_dir, first[name]))
    return Predictor(
        class_names=tuple(first["class_names"]),
        preparation=first["preparation"],
        is_assumed=any(about["is_assumed"] for _, about, *_ in read),
        digests=tuple(digest for *_, digest, _ in read),
        logits=tuple(test_time.of_each(logits, seen) for (*_, logits), seen in zip(read, views, strict=True)),
        num_views=max(map(len, views)),
        temperatures=tuple(confidence.read(run_dir)["temperature"] if is_calibrated else 1.0 for run_dir, *_ in read),
        outlier_score=outlier_score,
        outlier_threshold=_threshold([run_dir for run_dir, *_ in read], outlier_score, has_views=has_views),
    )


def _threshold(run_dirs: Sequence[Path], outlier_score: str, *, has_views: bool) -> float | None:
    if len(run_dirs) > 1 or has_views or not (run_dirs[0] / confidence.FILE).exists():
        return None
    return confidence.read(run_dirs[0])["outlier_thresholds"][outlier_score]


def _views(run_dir: Path, class_names: Sequence[str]) -> test_time.Views:
    return runs.views_of_run(runs.read_options(run_dir), class_names)


def _read(run_dir: Path, sha256: str | None) -> tuple[Path, dict[str, Any], str, keras.Model]:
    """Returns a run's folder, what it says of its images, the digest of its classifier, and the model of its logits."""
    about = runs.read_about(run_dir / run.ABOUT)
    names = about["class_names"]
    if (run_dir / run.OPTIONS).exists():  # a classifier may have been copied without them
        runs.check_has_classes(runs.read_options(run_dir), run_dir)
    if not all(isinstance(name, str) for name in names):
        raise UsageError(f"{run_dir / run.ABOUT}: the class_names are {str(names)[:100]}; expected texts")
    file = run_dir / CLASSIFIER_FILE
    digest = files.sha256(file) if file.is_file() else ""
    classifier = load_classifier(run_dir, sha256 or digest)
    preparation = runs.preparation_of(about, run_dir / run.ABOUT)
    found = classifier.input_shape[1:], classifier.output_shape[-1]
    runs.check_made_for(file, found, (preparation.image_shape, len(names)))
    told = {"class_names": names, "preparation": preparation, "is_assumed": "preparation" not in about}
    return run_dir, told, digest, logits_of(classifier)
