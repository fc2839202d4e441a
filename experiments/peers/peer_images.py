"""The images and labels of a comparison by error, in one file, as `ssgan.train` would divide them.

Written in ssgan's environment, read in any: `read` gives a peer what it may see and nothing else.
"""

import dataclasses
from typing import Any

import numpy as np

from experiments.common import timing


@dataclasses.dataclass(frozen=True)
class Split:
    """What a peer trains and is tested on; images uint8 [n, height, width, channels], labels int64 [n].

    Attributes:
        labeled_images, labels: the train images whose label is used.
        unlabeled_images: all train images that are not held out, the labelled ones included.
        held_out_images, held_out_labels: of train images, for the validation error.
        test_images, test_labels: for the test error.
    """

    labeled_images: np.ndarray
    labels: np.ndarray
    unlabeled_images: np.ndarray
    held_out_images: np.ndarray
    held_out_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def measure(
    *, dataset: str, data_dir: str | None, label_seed: int, output: str, labels: int = 1000, validation: int = 500
) -> dict:
    """Writes images, labels, label_mask and held_out of the train images, test_images and test_labels.

    Args:
        dataset: as the option of `ssgan.train`.
        data_dir: as the option of `ssgan.train`, None for its default.
        label_seed: chooses the labelled and the held-out images, as the option of `ssgan.train`.
        output: the .npz file to write.
        labels: number of train images whose label is used, the same of each class.
        validation: number of train images that are held out.

    Returns:
        The report: `dataset` in words, `label_mask_digest`, `about` the machine.
    """
    from ssgan import data, hardware
    from ssgan.data.labels import hold_out, label_mask, mask_digest

    name = data.resolve(dataset, data_dir=data_dir)
    train, test = (data.load(name, split, data_dir=data_dir) for split in ("train", "test"))
    mask = label_mask(train.labels, labels, label_seed, "balanced", num_classes=train.num_classes)
    arrays: dict[str, Any] = {"images": train.images, "labels": train.labels, "label_mask": mask}
    arrays["held_out"] = hold_out(mask, validation, seed=label_seed)
    np.savez(output, **arrays, test_images=test.images, test_labels=test.labels)
    return {
        "dataset": f"{len(train)} train and {len(test)} test images of {train.name}",
        "label_mask_digest": mask_digest(mask),
        "about": hardware.describe(),
    }


def read(path: str) -> Split:
    """Reads a file that `measure` wrote, without the labels that are to be hidden."""
    with np.load(path) as file:
        arrays = dict(file)
    labels, mask, held_out = arrays["labels"].astype(np.int64), arrays["label_mask"], arrays["held_out"]
    return Split(
        labeled_images=arrays["images"][mask],
        labels=labels[mask],
        unlabeled_images=arrays["images"][~held_out],
        held_out_images=arrays["images"][held_out],
        held_out_labels=labels[held_out],
        test_images=arrays["test_images"],
        test_labels=arrays["test_labels"].astype(np.int64),
    )


if __name__ == "__main__":
    timing.main(measure)
