"""The images that every tool trains on in a comparison, in one file. In ssgan's environment."""

import numpy as np

from experiments.common import timing


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


if __name__ == "__main__":
    timing.main(measure)
