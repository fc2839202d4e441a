"""Are generated images good enough to learn the classes from?"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from ssgan.evaluate.classification import Evaluation, evaluate
from ssgan.quality.features import outputs_of
from ssgan.quality.supervised import train_supervised


def classification_accuracy_score(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.integer],
    test_images: npt.NDArray[np.uint8],
    test_labels: npt.NDArray[np.integer],
    *,
    class_names: Sequence[str],
    steps: int = 1200,
    seed: int = 0,
    arch: str = "small",
    augment: str = "none",
    shift: int = 0,
    flip: str = "no",
) -> Evaluation:
    """Trains a new classifier on generated images alone, and tests it on real ones.

    Reference: Ravuri and Vinyals 2019, arXiv:1905.10887. Its error is low only where the images are like real ones,
    show the class that was asked for, and are as varied as real ones. Compare it with the error after the same training
    on real images; the error of each class shows in which of them something is lacking.

    Args:
        images: generated ones, uint8 [n, height, width, channels]; as many different ones as there is time for: the
            training looks at 64 a step.
        labels: the classes that were asked for, integer [n] in 0..K - 1.
        test_images: real ones, uint8 [m, height, width, channels].
        test_labels: integer [m] in 0..K - 1.
        class_names: of the K classes.
        steps: updates.
        seed: of weights, batches, dropout and augmentation; the same one gives the same error.
        arch: see `ssgan.Discriminator`.
        augment, shift, flip: see `ssgan.augment.two_views`; those of the training whose generator it is.

    Returns:
        What the classifier gets right and wrong: `error` in 0..1, `class_errors`, `interval`; the paper's score is
        `1 - error`.

    Raises:
        ValueError: for images or labels of other shapes, dtypes and values.
    """
    classifier = train_supervised(
        images,
        labels,
        num_classes=len(class_names),
        steps=steps,
        seed=seed,
        arch=arch,
        augment=augment,
        shift=shift,
        flip=flip,
    )
    logits, _ = outputs_of(classifier, test_images)
    return evaluate(softmax(logits.astype(np.float64), axis=1), test_labels, class_names=class_names)
