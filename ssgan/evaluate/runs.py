"""Finished runs, as they are evaluated; their files may come from anyone."""

import dataclasses
from pathlib import Path

import keras

from ssgan import terms
from ssgan.classifier import CLASSIFIER_FILE, load_classifier, to_classifier
from ssgan.errors import UsageError
from ssgan.gan import SSGAN
from ssgan.options import Config
from ssgan.store import files, keras_files, run

# What `ssgan.train` saves, by class.
_NETWORKS = ("ssgan.models.discriminator.Discriminator", "ssgan.models.generator.Generator")
_OPTIMIZERS = ("keras.optimizers.Adam", "ssgan.schedules.ConstantThenLinear")
_TERMS = tuple(
    f"{term.__module__}.{term.__name__}"
    for term in vars(terms).values()
    if isinstance(term, type) and issubclass(term, terms.Term) and term is not terms.Term
)
# What the report takes from about.json, by type.
_ABOUT = {"image_shape": list, "class_names": list, "synthetic": bool, "num_train": int}


@dataclasses.dataclass(frozen=True, eq=False)
class Member:
    """A finished run: its options, what it says of its images, and its classifiers with the EMA and the raw weights."""

    run_dir: Path
    config: Config
    about: dict
    averaged: keras.Model
    raw: keras.Model

    @property
    def trained_on(self) -> str:
        """The images and labels, in words."""
        name = f"{self.config.dataset} (SYNTHETIC)" if self.about["synthetic"] else self.config.dataset
        labels = f"{self.config.labels:,} labels of {self.about['num_train']:,} images"
        return f"{name} with {labels} (label seed {self.config.label_seed})"


def read_about(path: Path) -> dict:
    """Reads what a run says of its images.

    Raises:
        UsageError: if the file is damaged, or lacks what the report takes from it.
    """
    about = files.read_json(path)
    for key, kind in _ABOUT.items():
        if type(about.get(key)) is not kind:
            raise UsageError(f"{path}: {key} is {str(about.get(key))[:100]}; expected a {kind.__name__}")
    return about


def load_gan(path: Path) -> SSGAN:
    """Loads the model of a run, not compiled; the file may come from anyone, see `ssgan.store.keras_files`.

    Raises:
        UsageError: if the file is missing, damaged, or not what `ssgan.train` saved.
    """
    # Counted by network, because the whole model copies weights when it is made.
    return keras_files.load(path, root="ssgan.gan.SSGAN", parts=(*_NETWORKS, *_OPTIMIZERS, *_TERMS), networks=_NETWORKS)


def read_members(named: str | None, *, sha256: str | None) -> list[Member]:
    """Returns the runs that are named, or the newest one.

    Raises:
        UsageError: if one of them is no finished run, is damaged, or is named twice.
    """
    names = run.split_names(named) if named else [None]
    digests = sha256.split(",") if sha256 else [None] * len(names)
    if len(digests) != len(names):
        raise UsageError(f"--sha256 names {len(digests)} digests and --run {len(names)} runs; expected one for each")
    folders = [run.finished(name) for name in names]
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UsageError(f"--run={named} names a run twice; expected different ones")
    return [_read_member(folder, sha256=digest) for folder, digest in zip(folders, digests, strict=True)]


def _read_member(run_dir: Path, *, sha256: str | None) -> Member:
    """Reads a finished run.

    Raises:
        UsageError: if its files are damaged, or its classifier has another digest.
    """
    config = Config.from_json(files.read_text(run_dir / run.OPTIONS))
    about = read_about(run_dir / run.ABOUT)
    shape, classes = tuple(about["image_shape"]), len(about["class_names"])
    averaged, gan = load_classifier(run_dir, sha256), load_gan(run_dir / run.MODEL)
    for file, found in (
        (CLASSIFIER_FILE, (averaged.input_shape[1:], averaged.output_shape[-1])),
        (run.MODEL, (gan.generator.image_shape, gan.discriminator.num_classes)),
    ):
        if found != (shape, classes):
            raise UsageError(
                f"{run_dir / file} is made for images {found[0]} of {found[1]} classes; the run is said to be of "
                f"{shape} of {classes}"
            )
    return Member(run_dir, config, about, averaged, to_classifier(gan.discriminator, shape))
