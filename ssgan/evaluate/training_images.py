"""The images that a run was trained on, when it is evaluated; by then they may have been moved, or changed."""

import dataclasses

import keras
import numpy as np
import numpy.typing as npt

from ssgan import data
from ssgan.data import Source, labels
from ssgan.data.duplicates import Pair, duplicates_between
from ssgan.errors import UsageError
from ssgan.evaluate.examples import Suspect, suspected_labels
from ssgan.evaluate.runs import Member
from ssgan.store import run
from ssgan.training import sources

MOST_LABELLED = 20_000  # of which labels are doubted; each is compared with all others


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingImages:
    """The images that a run was trained on, and which labels it saw.

    Attributes:
        images: in the order in which they were trained on.
        mask: bool [images], whose label was used.
    """

    images: Source
    mask: npt.NDArray[np.bool_]

    @property
    def class_counts(self) -> list[int]:
        """Number of labels used, for each class."""
        return np.bincount(self.images.labels[self.mask], minlength=self.images.num_classes).tolist()

    @property
    def looked_at(self) -> int:
        """Number of labels among which `suspects` looks."""
        return min(int(self.mask.sum()), MOST_LABELLED)

    def suspects(self, features: keras.Model) -> list[Suspect]:
        """Returns the labelled images whose label may be wrong, see `suspected_labels`, by their rows in `images`.

        Args:
            features: a model of images whose outputs are features and probabilities.
        """
        rows = np.flatnonzero(self.mask)
        rows = rows[np.linspace(0, len(rows) - 1, self.looked_at).astype(int)]
        if len(rows) < 2:
            return []
        parts = np.array_split(rows, -(-len(rows) // 5000))
        outputs = [features.predict(self.images.read(part), batch_size=250, verbose=0) for part in parts]
        vectors, probabilities = (np.concatenate(of_parts) for of_parts in zip(*outputs, strict=True))
        found = suspected_labels(vectors, probabilities, self.images.labels[rows])
        return [dataclasses.replace(suspect, row=int(rows[suspect.row])) for suspect in found]

    def found_in(self, tested: Source) -> list[Pair]:
        """Returns the images of `tested` that are among these, too."""
        return duplicates_between(self.images, tested)


def read_training_images(
    member: Member, *, data_dir: str | None = None, cache_dir: str | None = None
) -> TrainingImages:
    """Reads the images that a run was trained on; nothing is downloaded.

    Args:
        member: the run.
        data_dir: where they are now; None for where they were.
        cache_dir: where prepared pictures are kept; None: see `ssgan.store.files.user_cache`.

    Raises:
        UsageError: if they are not found, are others by now, or the label mask of the run is missing or damaged.
    """
    data_dir = data_dir or member.config.data_dir
    config = dataclasses.replace(member.config, data_dir=data_dir, cache_dir=cache_dir)
    if config.images is None and not data.is_on_disk(config.dataset, data_dir=config.data_dir):
        raise UsageError(f"{config.dataset} is not in {config.data_dir or 'the folder of earlier downloads'} any more")
    images = sources.load_images(config, "train")
    mask = labels.load_label_mask(member.run_dir / run.LABEL_MASK)
    if len(mask) != len(images) or images.digest != member.about.get("digest"):
        raise UsageError(f"the {images.name} images that are there now are not those of the training")
    if mask[images.labels < 0].any():
        raise UsageError("the label mask names images that have no label")
    return TrainingImages(images, mask)
