"""All options of a training run, from the groups; a run saves them as JSON and as a flagfile."""

import dataclasses
import json
from typing import Any

from ssgan.errors import UsageError
from ssgan.options import groups, versions
from ssgan.options.combinations import OF_GAN, check_combinations
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
    groups.Noise,
    groups.Networks,
    groups.Views,
    groups.Batches,
    groups.Labels,
    groups.OwnImages,
    groups.Data,
):
    """The options of `python -m ssgan.train`: those of every group, the first of them last.

    Without a generator, `gan_weight=0`, the options of the GAN are as by default, and without labels, `labels=0`, the
    generator is told no class, so that any recipe can go without.

    Raises:
        UsageError: from the constructor, for a value that an option may not have, and for options that do not go
            together.
    """

    def __post_init__(self):
        super().__post_init__()
        usual = {name: self.__dataclass_fields__[name].default for name in OF_GAN} if self.gan_weight == 0 else {}
        classless = {"conditional": False} if self.gan_weight == 0 or self.labels == 0 else {}
        for name, value in {**usual, **classless}.items():
            object.__setattr__(self, name, value)  # which frozen fields allow here
        check_combinations(self)

    @property
    def has_labels(self) -> bool:
        """Whether labels are learned from; so many of them may be still to be chosen."""
        return self.labels != 0

    @property
    def reads_folder(self) -> bool:
        """Whether `dataset` leaves room for images of one's own."""
        return self.dataset in ("auto", OWN)

    def without_images(self) -> list[str]:
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
