"""Images in one file, that every tool trains on in a comparison; photographs in folders. In ssgan's environment."""

import re
from typing import TYPE_CHECKING

import numpy as np

from experiments.common import timing

if TYPE_CHECKING:
    from ssgan.data import ImageSet
    from ssgan.options import Config


def measure(*, dataset: str, data_dir: str | None, count: int, output: str, labels: int = 1000) -> dict:
    """Writes images uint8 [n, 32, 32, 3], labels int32 [n] and label_mask bool [n].

    Args:
        dataset: as the option of `ssgan.train`.
        data_dir: as the option of `ssgan.train`, None for its default.
        count: number of images at most.
        output: the .npz file to write.
        labels: number of images whose label is used.

    Returns:
        The report: `dataset` in words, `about` the machine.
    """
    from ssgan import data, hardware
    from ssgan.data.labels import label_mask

    name = data.resolve(dataset, data_dir=data_dir)
    images = data.load(name, "train", data_dir=data_dir, limit=count)
    mask = label_mask(images.labels, labels, 0, "balanced", num_classes=images.num_classes)
    np.savez(output, images=images.images, labels=images.labels, label_mask=mask)
    return {"dataset": f"{len(images)} images of {images.name}", "about": hardware.describe()}


def photographs(config: "Config", split: str) -> "ImageSet":
    """Returns pictures of a folder in the order of the numbers in their names: as they were taken, of whatever class.

    Args:
        config: options, with the folder as `images`.
        split: `train` or `test`.
    """
    from ssgan.data import ImageSet
    from ssgan.training import sources

    found = sources.load_images(config, split)
    keys = getattr(found, "keys", ())
    order = np.array(sorted(range(len(keys)), key=lambda row: (_number(keys[row]), keys[row])))
    return ImageSet(
        name=found.name,
        split=split,
        source=found.source,
        synthetic=False,
        images=found.read(order),
        labels=found.labels[order],
        class_names=found.class_names,
    )


def _number(key: str) -> int:
    return int(re.findall(r"\d+", key)[-1])


if __name__ == "__main__":
    timing.main(measure)
