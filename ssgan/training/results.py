"""What a finished run keeps: its networks, its classifier, and what held-out images say of that."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import numpy.typing as npt

from ssgan import classifier
from ssgan.evaluate import class_prior, confidence
from ssgan.options import Config
from ssgan.store import files, run

if TYPE_CHECKING:
    from ssgan.data import Source
    from ssgan.gan import SSGAN

HeldOut = tuple[npt.NDArray[np.uint8], npt.NDArray[np.integer]]  # images and labels


def save(
    gan: "SSGAN",
    config: Config,
    run_dir: Path,
    *,
    images: "Source",
    label_mask: npt.NDArray[np.bool_],
    unlabeled: npt.NDArray[np.integer],
    held_out: HeldOut | None,
    figures: dict[str, float],
) -> None:
    """Writes the files of a finished run.

    Args:
        gan: trained.
        config: the options.
        run_dir: the folder.
        images: the train images.
        label_mask: bool [n], those whose label was trained on.
        unlabeled: rows of the images that were trained on as unlabelled ones.
        held_out: the images that were not, and their labels; None: there are none.
        figures: what the training took.
    """
    plain = classifier.to_classifier(gan.ema_discriminator)
    if held_out is not None and len(held_out[0]) < confidence.LEAST_IMAGES:
        held_out = None
    found = {}
    if config.class_prior:
        rows = unlabeled[~label_mask[unlabeled]]
        if held_out is None or not len(rows):
            print(
                f"*** --class_prior: left off, it needs {confidence.LEAST_IMAGES} images that are held out "
                "(--validation=500), and others without a label ***"
            )
        else:
            found["class_prior"] = _corrected(plain, images, rows, held_out, images.labels[label_mask])
    for model, name in ((gan, run.MODEL), (plain, classifier.CLASSIFIER_FILE)):
        with files.whole(run_dir / name) as temporary:
            model.save(temporary)
    if held_out is not None:
        found |= confidence.measure(classifier.logits_of(plain), *held_out)
        files.write_json(run_dir / confidence.FILE, found)
    files.write_json(run_dir / run.SUMMARY, figures)


def _corrected(
    plain: keras.Model, images: "Source", rows: npt.NDArray, held_out: HeldOut, trained_labels: npt.NDArray
) -> dict[str, Any]:
    """Corrects a classifier by the class frequencies of images without labels, and says which these are."""
    found = class_prior.correct(plain, images.read(class_prior.some(rows)), held_out, trained_labels)
    frequencies = np.array(found["frequencies"])
    most, least = frequencies.argmax(), frequencies.argmin()
    shares = " to ".join(f"{100 * frequencies[one]:.1f} % ({images.class_names[one]})" for one in (least, most))
    how = "corrected" if found["is_taken"] else "left as it is"
    print(
        f"classes are {shares} of the images without labels; the classifier is {how}: held-out images have "
        f"{found['before']:.4f} nats without and {found['after']:.4f} with it"
    )
    return found
