"""Small data sets, made known to TFDS by the import of this module."""

import numpy as np
import tensorflow_datasets as tfds

RANDOM = np.random.RandomState(0)
SVHN_X = RANDOM.randint(0, 256, (32, 32, 3, 12)).astype(np.uint8)
SVHN_Y = np.array([[1, 4, 10, 2, 3, 5, 6, 7, 8, 9, 10, 1]], np.uint8).T


class FakeSvhn(tfds.core.GeneratorBasedBuilder):
    """The rows of SVHN_X, stored by TFDS in its own, shuffled order."""

    VERSION = tfds.core.Version("1.0.0")
    name = "fake_svhn"

    def _info(self):
        features = {
            "id": tfds.features.Text(),
            "image": tfds.features.Image(shape=(32, 32, 3)),
            "label": tfds.features.ClassLabel(num_classes=10),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples() for split in ("train", "test")}

    def _generate_examples(self):
        for row, (image, label) in enumerate(zip(SVHN_X.transpose(3, 0, 1, 2), SVHN_Y % 10, strict=True)):
            yield row, {"id": f"train_{row}", "image": image, "label": int(label[0])}


class ManySizes(FakeSvhn):
    """Grey images of several sizes, without ids; a train split only."""

    name = "many_sizes"

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 1)),
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for row, shape in enumerate([(8, 8, 1), (64, 32, 1), (100, 80, 1)]):
            yield row, {"image": np.full(shape, 200, np.uint8), "label": row % 2}


class PartlyLabelled(FakeSvhn):
    """Images of two classes, of which two have no label, and a pool of images without, as STL-10 has it; no test split.

    Every image has its own brightness: its row, times ten, and 100 more in the pool.
    """

    name = "partly_labelled"
    LABELS = {"train": (0, 1, -1, 0, 1, -1), "validation": (1, 0), "unlabelled": (-1, 1, 0)}

    def _info(self):
        features = {
            "id": tfds.features.Text(),
            "image": tfds.features.Image(shape=(64, 48, 3)),
            "label": tfds.features.ClassLabel(names=["cat", "犬"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {split: self._generate_rows(split) for split in self.LABELS}

    def _generate_rows(self, split):
        for row, label in enumerate(self.LABELS[split]):
            image = np.full((64, 48, 3), 10 * row + 100 * (split == "unlabelled"), np.uint8)
            yield row, {"id": str(row), "image": image, "label": label}


class Sentences(FakeSvhn):
    """No images."""

    name = "sentences"

    def _info(self):
        features = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(num_classes=2)}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))
