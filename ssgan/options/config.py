"""All options of a training run, from the groups; a run saves them as JSON and as a flagfile."""

import dataclasses
import json
from typing import Any

from ssgan.errors import UsageError
from ssgan.options import groups, versions
from ssgan.options.declare import check, shortened

OWN = "own"  # what `dataset` says where the images are one's own


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(
    groups.Run,
    groups.Optimizer,
    groups.Smoothness,
    groups.PseudoLabels,
    groups.Penalties,
    groups.GeneratorLoss,
    groups.Gan,
    groups.Networks,
    groups.Views,
    groups.Batches,
    groups.Labels,
    groups.OwnImages,
    groups.Data,
):
    """The options of `python -m ssgan.train`: those of every group, the first of them last.

    Raises:
        UsageError: from the constructor, for a value that an option may not have, and for options that do not go
            together.
    """

    def __post_init__(self):
        super().__post_init__()
        if self.total_steps is not None and self.total_epochs is not None:
            raise UsageError(
                f"two durations at once: --total_steps={self.total_steps} and --total_epochs={self.total_epochs}; "
                "give one of them"
            )
        if self.images is None and (given := self._without_images()):
            raise UsageError(f"{', '.join(given)} without --images; expected the folder of your pictures by --images")
        if self.images is not None and (self.dataset not in ("auto", OWN) or self.train_images is not None):
            raise UsageError(
                f"--images={self.images} beside --dataset={self.dataset} or --train_images={self.train_images}; take "
                "the pictures of a folder, or a data set, of which the first images may be taken"
            )
        if self.labels == 0 and self.gan_weight == 0:
            raise UsageError("--labels=0 and --gan_weight=0 leave nothing to learn from; raise one of them")
        if self.gan_weight and not any(weight for _, weight in self.generator_losses()):
            given = ", ".join(f"--{name}=0" for name, _ in self.generator_losses())
            raise UsageError(f"{given}: the generator would learn nothing; raise one of them, or take --gan_weight=0")
        if self.normalization != "weight" and self.arch == "article":
            raise UsageError(
                f"--normalization={self.normalization} and --arch=article: its batch norm would undo it; take another "
                "--arch"
            )
        if self.minibatch_features and not (self.gan_weight and self.generated_batch > 1 and self.unlabeled_batch > 1):
            raise UsageError(
                f"--minibatch_features={self.minibatch_features}: it compares the images that a generator draws, and "
                "real ones; expected --gan_weight above 0 and two or more of each, --generated_batch, --unlabeled_batch"
            )
        if self.generator == "self_modulated" and self.generator_normalization == "virtual":
            raise UsageError(
                "--generator=self_modulated and --generator_normalization=virtual: its modulation is part of its batch "
                "norms; leave one of them out"
            )
        if self.conditional and (self.labels == 0 or self.gan_weight == 0):
            without, missing = ("--labels=0", "class") if self.labels == 0 else ("--gan_weight=0", "generator")
            raise UsageError(f"--conditional and {without}: there is no {missing} to condition; leave one of them out")
        if self.conditional and self.generated_class_weight == 0:
            raise UsageError(
                "--conditional and --generated_class_weight=0: nothing would tell the generator what a class looks "
                "like; leave one of them out"
            )
        if self.class_feature_matching_weight and not self.conditional:
            raise UsageError(
                f"--class_feature_matching_weight={self.class_feature_matching_weight} without --conditional: the "
                "generator's images have no class; add --conditional"
            )
        if self.mode_seeking_weight and self.generated_batch < 2:
            raise UsageError(
                f"--mode_seeking_weight={self.mode_seeking_weight} and --generated_batch={self.generated_batch}: mode "
                "seeking compares two generated images; take --generated_batch=2 or more"
            )
        if self.r1_weight and self.gan_weight == 0:
            raise UsageError(
                f"--r1_weight={self.r1_weight} and --gan_weight=0: there is no GAN to penalise; leave one out"
            )
        if self.r1_weight and self.arch == "article":
            raise UsageError(
                f"--r1_weight={self.r1_weight} and --arch=article: R1 needs a gradient for each image, and batch norm "
                "mixes them; take another --arch"
            )

    @property
    def has_labels(self) -> bool:
        """Whether labels are learned from; so many of them may be still to be chosen."""
        return self.labels != 0

    def generator_losses(self) -> list[tuple[str, float]]:
        """Returns the weights of the generator's loss that have an effect, by the names of their options."""
        of_classes = ["generated_class_weight", "class_feature_matching_weight"]
        names = ["feature_matching_weight", "mode_seeking_weight", *(of_classes if self.conditional else [])]
        return [(name, getattr(self, name)) for name in names]

    def _without_images(self) -> list[str]:
        """Returns the options given that are for one's own images alone."""
        own = dataclasses.fields(groups.OwnImages)
        return [f"--{one.name}={value}" for one in own if (value := getattr(self, one.name)) != one.default]

    def to_json(self) -> str:
        """Returns the options as a JSON object: its format's number, and all but `resume`, no property of a run."""
        options = {name: value for name, value in vars(self).items() if name != "resume"}
        return json.dumps({"format_version": versions.FORMAT_VERSION, **options}, indent=2) + "\n"

    def mathematics(self) -> dict[str, Any]:
        """Returns the options that change the weights in the end: those in which a resumed run cannot differ."""
        return {name: value for name, value in vars(self).items() if is_mathematics(name)}

    def to_flagfile(self) -> str:
        """Returns the options as an absl flagfile: `--flagfile=<it>` repeats the run, in a folder of its own."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return "".join(f"--{name}={value}\n" for name, value in given.items() if name not in ("run_dir", "resume"))

    @classmethod
    def from_json(cls, text: str) -> "Config":
        """Returns the options that `to_json` wrote, in this or an earlier version; those since removed are left out.

        Raises:
            UsageError: if the text is no JSON object, of a newer version, has an unknown key or a bad value.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"the options are not valid JSON: {error}") from error
        if isinstance(values, dict):
            _check_format(values.pop("format_version", 1))
            values = versions.today(values)
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, dict) or not values.keys() <= known:
            found = sorted(values.keys() - known)[:10] if isinstance(values, dict) else type(values).__name__
            raise UsageError(f"the options hold {found}; expected a JSON object with keys among {sorted(known)}")
        return cls(**values)


def is_mathematics(name: str) -> bool:
    """Tells whether an option changes the weights in the end; one that is not known is taken to."""
    field = Config.__dataclass_fields__.get(name)
    return field is None or field.metadata["mathematics"]


def check_option(name: str, value: Any, *, shown_as: str | None = None) -> None:
    """Raises a UsageError unless an option of `Config` may have this value, see `ssgan.options.declare.check`."""
    check(Config, name, value, shown_as=shown_as)


def _check_format(version: Any) -> None:
    if type(version) is not int or version < 1:
        raise UsageError(f"the options have the format_version {shortened(repr(version))}; expected 1, 2, ...")
    if version > versions.FORMAT_VERSION:
        raise UsageError(
            f"the options were written by a newer ssgan, in format version {version}; this one reads up to "
            f"{versions.FORMAT_VERSION}: install the newer one"
        )
