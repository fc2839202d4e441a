"""Which images, which labels, and how a step sees them."""

import dataclasses

from ssgan.options.declare import as_fold, as_size, option
from ssgan.options.groups.group import Group

DEFAULT_LABELS, DEFAULT_SIZE, DEFAULT_VALIDATION = 1000, 32, 500  # of data sets


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data(Group):
    """Which images."""

    dataset: str = option(
        "auto",
        "TFDS name of an image classification data set (svhn_cropped, mnist, cifar10, ...), "
        "street_digits (synthetic, embedded), or auto: SVHN where it can be had, otherwise street_digits. For your own "
        "images, see --images.",
        essential=True,
    )
    data_dir: str | None = option(
        None,
        "Folder with SVHN's train_32x32.mat and test_32x32.mat, or a TFDS data folder. Default: TFDS's own.",
        essential=True,
        mathematics=False,
    )
    image_size: str | None = option(
        None,
        "Height and width of the images, pixels: one number, or two with a comma between; 16 to 128. Default: "
        f"{DEFAULT_SIZE}, smaller images padded, larger ones shrunk; for --images, chosen from them, and said.",
        essential=True,
    )
    train_images: int | None = option(
        None, "Use only the first so many train images. Default: all (street_digits: 10000).", low=1
    )

    def __post_init__(self):
        if isinstance(self.image_size, int):  # as earlier versions saved it, and as Python's users write it
            object.__setattr__(self, "image_size", str(self.image_size))
        super().__post_init__()
        if self.image_size is not None:
            as_size(self.image_size)

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the images, pixels; None where they are still to be chosen."""
        return None if self.image_size is None else as_size(self.image_size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnImages(Group):
    """Your own images, in place of a --dataset."""

    images: str | None = option(
        None,
        "Folder of your pictures: a sub-folder for each class, what has no label in _unlabeled/; with train/ and test/ "
        "above them, or not. Takes the options of --recipe=own_images where neither a recipe nor a flagfile is named.",
        essential=True,
        mathematics=False,
    )
    labels_file: str | None = option(
        None,
        "CSV with the columns filename and label (and perhaps split: train or test), or Label Studio's JSON, for the "
        "pictures in --images; those that it does not name have no label.",
        mathematics=False,
    )
    unlabeled_images: str | None = option(None, "Folder with further pictures that have no label.", mathematics=False)
    test_images: str | None = option(
        None, "Folder with a sub-folder for each class, of pictures to test on.", mathematics=False
    )
    test_fold: str | None = option(
        None,
        "K/N: the K-th of N parts of the labelled images is for testing and not trained on, look-alikes together. For "
        "sets without test images: 1/5, or 1/5 to 5/5 in turn, a cross-validation.",
    )
    resize: str = option(
        "crop",
        "crop: the middle of the picture; pad: all of it, black beside it; stretch: all of it, out of shape.",
        choices=("crop", "pad", "stretch"),
    )
    color: str = option(
        "auto",
        "Colour or grey images; auto: grey if all pictures are, of 1,000 looked at.",
        choices=("auto", "color", "grey"),
    )
    skip_unreadable: bool = option(
        False, "Go on without the pictures that cannot be read, and without the rows of --labels_file that have none."
    )
    cache_dir: str | None = option(None, "Folder for the decoded pictures. Default: ~/.cache/ssgan.", mathematics=False)

    def __post_init__(self):
        super().__post_init__()
        if self.test_fold is not None:
            as_fold(self.test_fold)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Labels(Group):
    """Which labels are seen."""

    labels: int | None = option(
        None,
        "Number of train images whose label is used, the others are hidden; 0 trains a plain GAN. Default: "
        f"{DEFAULT_LABELS}; for --images, all that there are.",
        low=0,
        essential=True,
    )
    label_seed: int = option(0, "Seed that chooses the labelled images.", low=0, high=2**31 - 1, essential=True)
    label_strategy: str = option(
        "balanced",
        "balanced: the same number per class; proportional: class frequencies kept; first: the first rows.",
        choices=("balanced", "proportional", "first"),
    )
    validation: int | None = option(
        None,
        "Train images with a hidden label that are held out to watch the error; never trained on, nothing is chosen by "
        f"them. Default: {DEFAULT_VALIDATION}; for --images, none.",
        low=0,
    )
    class_prior: bool = option(
        False,
        "At the end, estimate how frequent each class is among the images without labels (Saerens et al. 2002), and "
        "correct the classifier by it where that makes the held-out images likelier; with 200 of these at least.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batches(Group):
    """What a step sees."""

    batching: str = option(
        "mixed",
        "mixed: a fixed number of labelled rows beside the unlabelled ones; masked: one stream, most labels hidden.",
        choices=("mixed", "masked"),
    )
    labeled_batch: int = option(50, "Labelled images per step (mixed batching only).", low=1, high=10_000)
    unlabeled_batch: int = option(50, "Unlabelled images per discriminator update.", low=1, high=10_000)
    generated_batch: int = option(32, "Generated images per update.", low=1, high=10_000)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Views(Group):
    """How images are changed, real and generated alike."""

    flip: str = option(
        "no",
        "Whether half of the images are flipped left-right; auto: unless a class is named by a single character or a "
        "number, or has a word such as left, digit or letter in its name.",
        choices=("auto", "yes", "no"),
    )
    shift: int = option(2, "Random translation of the training images by up to so many pixels.", low=0, high=32)
    augment: str = option(
        "photo",
        "Change of the images trained on, real and generated: color (colours, contrast inverted, a box cut out), "
        "photo (that, and a little turned, slanted, stretched, shifted), natural (turned, zoomed, shifted, in another "
        "light, of other colours, none inverted, a box cut out: for photographs of things), affine (more turned, "
        "slanted, stretched, noise, stray strokes: for drawings such as MNIST's), none.",
        choices=("photo", "natural", "color", "affine", "none"),
        essential=True,
    )
