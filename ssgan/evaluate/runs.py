"""Finished runs, as they are evaluated; their files may come from anyone."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from ssgan import terms, test_time
from ssgan.augment import resolve_flip
from ssgan.classifier import CLASSIFIER_FILE, load_classifier, to_classifier, with_temperature
from ssgan.data.own import Preparation
from ssgan.data.own.images import SOURCE
from ssgan.errors import UsageError
from ssgan.evaluate import confidence
from ssgan.gan import SSGAN
from ssgan.models import Generator
from ssgan.options import Config
from ssgan.store import files, keras_files, run

# What `ssgan.train` saves, by class.
_NETWORKS = ("ssgan.models.discriminator.Discriminator", "ssgan.models.generator.Generator")
_OPTIMIZERS = ("keras.optimizers.Adam", "ssgan.muon.ConvMuon", "ssgan.schedules.ConstantThenLinear")
_TERMS = tuple(
    f"{term.__module__}.{term.__name__}"
    for term in vars(terms).values()
    if isinstance(term, type) and issubclass(term, terms.Term) and term is not terms.Term
)
# What the report takes from about.json, by type.
_ABOUT = {"image_shape": list, "class_names": list, "synthetic": bool, "num_train": int, "dataset": str}


@dataclasses.dataclass(frozen=True, eq=False)
class Member:
    """A finished run.

    Its options, what it says of its images, its classifiers with the EMA and the raw weights and, if it had one, the
    generator to take samples from; `saved` is the classifier of its file, whatever becomes of `averaged`.
    """

    run_dir: Path
    config: Config
    about: dict
    averaged: keras.Model
    raw: keras.Model
    sampler: Generator | None
    saved: keras.Model

    @property
    def preparation(self) -> Preparation:
        """How pictures become images such as those it was trained on."""
        return preparation_of(self.about, self.run_dir / run.ABOUT)

    @property
    def views(self) -> test_time.Views:
        """The views of an image that its training has taught to be of one class."""
        return views_of_run(self.config, self.about["class_names"])

    def in_views(self) -> "Member":
        """Returns the run with classifiers that give means over its views."""
        averaged, raw = (test_time.averaged(one, self.views) for one in (self.averaged, self.raw))
        return dataclasses.replace(self, averaged=averaged, raw=raw)

    def calibrated(self) -> "Member":
        """Returns the run with classifiers of the temperature that fits the images it held out.

        Raises:
            UsageError: if it held out too few.
        """
        temperature = confidence.read(self.run_dir)["temperature"]
        averaged, raw = (with_temperature(one, temperature) for one in (self.averaged, self.raw))
        return dataclasses.replace(self, averaged=averaged, raw=raw)

    @property
    def trained_on(self) -> str:
        """The images and labels, in words."""
        name = f"{self.about['dataset']} (SYNTHETIC)" if self.about["synthetic"] else self.about["dataset"]
        labels = f"{self.config.labels:,} labels of {self.about['num_train']:,} images"
        return f"{name} with {labels} (label seed {self.config.label_seed})"


def read_options(run_dir: Path) -> Config:
    """Reads the options of a run.

    Raises:
        UsageError: if the file is missing or damaged.
    """
    return Config.from_json(files.read_text(run_dir / run.OPTIONS))


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


def preparation_of(about: dict[str, Any], path: Path) -> Preparation:
    """Returns how a run's images were prepared: as a data set's, where a run of an earlier version does not say.

    Raises:
        UsageError: if `about`, which `read_about` returned of the file `path`, says what cannot be.
    """
    shape = about["image_shape"]
    values = dict(zip(("height", "width", "channels"), shape, strict=False))
    try:
        preparation = Preparation.from_dict(about.get("preparation", {**values, "resize": "whole"}))
        if preparation.resize == "pad" and not str(about.get("source")).startswith(SOURCE):
            preparation = dataclasses.replace(preparation, resize="whole")  # version 0.6 said so of data sets
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    if list(preparation.image_shape) != shape:
        raise UsageError(f"{path}: images are {shape}, prepared as {preparation.image_shape}; expected the same")
    return preparation


def views_of_run(config: Config, class_names: Sequence[str]) -> test_time.Views:
    """Returns the views of an image that a training of such options has taught to be of one class."""
    flip = resolve_flip(config.flip, class_names)
    return test_time.views_of(shift=config.shift, flip=flip, augment=config.augment)


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
    return [_read_member(folder, sha256=digest) for folder, digest in find(named, sha256=sha256)]


def find(named: str | None, *, sha256: str | None) -> list[tuple[Path, str | None]]:
    """Returns the folders of the runs that are named, or of the newest one, and the digest that each is to have.

    Raises:
        UsageError: if one of them is no finished run, or is named twice; if there are not as many digests.
    """
    names = run.split_names(named) if named else [None]
    digests = sha256.split(",") if sha256 else [None] * len(names)
    if len(digests) != len(names):
        raise UsageError(f"--sha256 names {len(digests)} digests and --run {len(names)} runs; expected one for each")
    folders = [run.finished(name) for name in names]
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UsageError(f"--run={named} names a run twice; expected different ones")
    return list(zip(folders, digests, strict=True))


def _read_member(run_dir: Path, *, sha256: str | None) -> Member:
    """Reads a finished run.

    Raises:
        UsageError: if its files are damaged, or its classifier has another digest.
    """
    config = read_options(run_dir)
    about = read_about(run_dir / run.ABOUT)
    shape, classes = tuple(about["image_shape"]), len(about["class_names"])
    averaged, gan = load_classifier(run_dir, sha256), load_gan(run_dir / run.MODEL)
    check_made_for(run_dir / CLASSIFIER_FILE, (averaged.input_shape[1:], averaged.output_shape[-1]), (shape, classes))
    check_made_for(run_dir / run.MODEL, (gan.generator.image_shape, gan.discriminator.num_classes), (shape, classes))
    sampler = gan.sampler if config.gan_weight else None
    return Member(run_dir, config, about, averaged, to_classifier(gan.discriminator, shape), sampler, saved=averaged)


def check_has_classes(config: Config, run_dir: Path) -> None:
    """Raises a UsageError for a plain GAN, whose class logits say nothing of classes."""
    if not config.has_labels:
        raise UsageError(
            f"{run_dir} is a plain GAN (--labels=0), which predicts no classes; python -m ssgan.sample draws its images"
        )


def check_alike(name: str, found: tuple[Path, Any], first: tuple[Path, Any]) -> None:
    """Raises a UsageError unless two runs, which are to be an ensemble, have the same: folder and value of each."""
    if found[1] != first[1]:
        raise UsageError(
            f"{found[0]} has the {name} {found[1]}, {first[0]} has {first[1]}; expected runs of the same classes and "
            "images for an ensemble"
        )


def check_made_for(file: Path, found: tuple[tuple[int, ...], int], said: tuple[tuple[int, ...], int]) -> None:
    """Raises a UsageError unless a network is for the images and the number of classes that its run is said to be of.

    Args:
        file: of the network.
        found: its image shape and number of classes.
        said: those of the run.
    """
    if found != said:
        raise UsageError(
            f"{file} is made for images {found[0]} of {found[1]} classes; the run is said to be of {said[0]} of "
            f"{said[1]}"
        )
