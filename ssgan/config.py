"""Every option of a training run, in one frozen dataclass; `ssgan.cli` makes flags from it, a run saves it."""

import dataclasses
import json
import types
import typing
from typing import Any

from ssgan import versions

DEFAULT_STEPS = 10_000

NO_MATHEMATICS = frozenset(
    ("data_dir", "deterministic", "log_every", "run_dir", "resume", "checkpoint_every", "keep_checkpoints", "on_nan")
)


class UsageError(ValueError):
    """A mistake of the user: shown as one line, without a traceback; the command exits with status 2."""


def option(default: Any, help: str, *, low: float | None = None, high: float | None = None, choices=None) -> Any:
    """Declares one option: its default, its help, and the bounds (inclusive) or choices it must obey."""
    metadata = {"help": help, "low": low, "high": high, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """The options of `python -m ssgan.train`.

    Raises:
        UsageError: from the constructor, for a value of the wrong type, out of its bounds or not among
            its choices, and for two durations at once.
    """

    # Data
    dataset: str = option(
        "auto",
        "TFDS name of an image classification data set (svhn_cropped, mnist, cifar10, ...), "
        "street_digits (synthetic, embedded), or auto: SVHN where it can be had, otherwise street_digits.",
    )
    data_dir: str | None = option(
        None,
        "Folder with SVHN's train_32x32.mat and test_32x32.mat, or a TFDS data folder. Default: TFDS's own.",
    )
    image_size: int = option(
        32,
        "Height and width of the images, pixels; smaller images are padded, larger ones shrunk.",
        low=16,
        high=64,
    )
    train_images: int | None = option(
        None, "Use only the first so many train images. Default: all (street_digits: 10000).", low=1
    )

    # Labels
    labels: int = option(1000, "Number of train images whose label is used; 0 trains a plain GAN.", low=0)
    label_seed: int = option(0, "Seed that chooses the labelled images.", low=0, high=2**31 - 1)
    label_strategy: str = option(
        "balanced",
        "balanced: the same number per class; proportional: class frequencies kept; first: the first rows.",
        choices=("balanced", "proportional", "first"),
    )
    validation: int = option(
        500,
        "Unlabelled train images held out to watch the error; never trained on, nothing is chosen by them.",
        low=0,
    )

    # Batches
    batching: str = option(
        "mixed",
        "mixed: a fixed number of labelled rows beside the unlabelled ones; masked: one stream, most labels hidden.",
        choices=("mixed", "masked"),
    )
    labeled_batch: int = option(50, "Labelled images per step (mixed batching only).", low=1, high=10_000)
    unlabeled_batch: int = option(50, "Unlabelled images per discriminator update.", low=1, high=10_000)
    generated_batch: int = option(32, "Generated images per update.", low=1, high=10_000)
    shift: int = option(2, "Random translation of the training images by up to so many pixels.", low=0, high=8)

    # Models
    arch: str = option(
        "small",
        "Discriminator: small (quick), tiny (drawings), paper_svhn (64/128), paper_cifar (96/192), article.",
        choices=("small", "tiny", "paper_svhn", "paper_cifar", "article"),
    )
    pooling: str = option("max", "Global pooling that makes the features.", choices=("average", "max"))
    generator_width: int = option(
        16,
        "Channels of the generator's last hidden layer (the paper: 128); doubled per level below.",
        low=1,
        high=1024,
    )
    latent_dim: int = option(100, "Size of the noise vector z.", low=1, high=10_000)

    # Losses and updates
    updates: str = option(
        "simultaneous",
        "simultaneous: one forward pass serves both updates; alternating: D, then G on fresh rows (the paper).",
        choices=("alternating", "simultaneous"),
    )
    d_steps: int = option(1, "Discriminator updates per generator update.", low=1, high=1000)
    unlabeled_start: float = option(
        0.3,
        "Fraction of training after which the unlabelled images and the generator take part; until then, the labelled "
        "ones alone, in a third of the time per step (mixed batching only).",
        low=0.0,
        high=1.0,
    )
    gan_every: int = option(
        4,
        "After --unlabeled_start, the GAN takes part in every so-manyth step; in the others, the other losses alone.",
        low=1,
        high=1000,
    )
    unsupervised_weight: float = option(
        0.1,
        "Weight of the GAN's unsupervised loss; 0: no generator. The supervised baseline: the other weights 0, too.",
        low=0.0,
        high=1000.0,
    )
    label_smoothing: float = option(0.0, "One-sided smoothing of the real target, 1 - this.", low=0.0, high=0.5)
    feature_matching: str = option("l1", "Distance between mean features.", choices=("l1", "squared"))

    augment: str = option(
        "photo",
        "Change of the images trained on, real and generated: color (colours, contrast inverted, a box cut out), "
        "photo (that, and a little turned, slanted, stretched, shifted), affine (more of the latter, noise, stray "
        "strokes: for drawings such as MNIST's), none.",
        choices=("photo", "color", "affine", "none"),
    )
    consistency_weight: float = option(
        1.0,
        "Weight of the loss that holds predictions for augmented unlabelled images to the confident ones "
        "for the unchanged images (pseudo-labels, FixMatch); 0 for none.",
        low=0.0,
        high=1000.0,
    )
    consistency_threshold: float = option(
        0.95, "Probability from which on a prediction counts as confident.", low=0.0, high=1.0
    )

    vat_weight: float = option(
        0.0,
        "Weight of virtual adversarial training (arXiv:1704.03976): predictions are held steady under the small change "
        "of an unlabelled image that alters them most; 0 for none, 1 is usual. A step takes 1.3 to 1.6 times as long.",
        low=0.0,
        high=1000.0,
    )
    vat_radius: float = option(
        0.05,
        "Size of the change in virtual adversarial training: root mean square of a pixel, for pixels in -1..1.",
        low=0.001,
        high=1.0,
    )

    # Optimization
    total_steps: int | None = option(None, f"Training steps (discriminator updates). Default: {DEFAULT_STEPS}.", low=1)
    total_epochs: int | None = option(None, "Passes over the unlabelled images, in place of --total_steps.", low=1)
    learning_rate: float = option(1e-3, "Adam step size of both networks.", low=0.0, high=1.0)
    decay_start: float = option(
        0.5,
        "Fraction of training after which the learning rate falls linearly to 0.",
        low=0.0,
        high=1.0,
    )
    ema_decay: float = option(
        0.999,
        "Decay per step of the moving average of the discriminator that is evaluated.",
        low=0.0,
        high=0.999999,
    )

    # The run
    seed: int = option(0, "Seed of weights, batches, noise and dropout.", low=0, high=2**31 - 1)
    precision: str = option(
        "auto",
        "Arithmetic of the convolutions; auto: bfloat16 where the hardware has matrix units for it.",
        choices=("auto", "float32", "bfloat16"),
    )
    deterministic: bool = option(
        False, "Bit-identical results for the same seed and machine; slower: on CPUs, it does without oneDNN."
    )
    log_every: int = option(250, "Steps between two lines of history, validation errors and sample grids.", low=1)
    run_dir: str | None = option(None, "Folder of this run, new or empty. Default: a named one under runs/.")
    resume: bool = option(
        False,
        "Go on with an unfinished run where its newest checkpoint is: the one in --run_dir, or else the newest under "
        "runs/. Options that are not given are those of the run.",
    )
    checkpoint_every: int = option(250, "Steps between two checkpoints.", low=1)
    keep_checkpoints: int = option(2, "Number of newest checkpoints to keep.", low=1)
    on_nan: str = option(
        "stop",
        "After a loss or weight that is not finite: stop; or rollback: go back to the newest checkpoint and on with "
        "half the learning rate, at most 3 times.",
        choices=("stop", "rollback"),
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            check_option(field.name, getattr(self, field.name), dashes="--")
        if self.total_steps is not None and self.total_epochs is not None:
            raise UsageError(
                f"two durations at once: --total_steps={self.total_steps} and --total_epochs={self.total_epochs}; "
                "give one of them"
            )

        if self.labels == 0 and self.unsupervised_weight == 0:
            raise UsageError("--labels=0 and --unsupervised_weight=0 leave nothing to learn from; raise one of them")

    def to_json(self) -> str:
        """Returns the options as a JSON object: its format's number, and all but `resume`, no property of a run."""
        options = {name: value for name, value in vars(self).items() if name != "resume"}
        return json.dumps({"format_version": versions.FORMAT_VERSION, **options}, indent=2) + "\n"

    def mathematics(self) -> dict[str, Any]:
        """Returns the options that change the weights in the end: those in which a resumed run cannot differ."""
        return {name: value for name, value in vars(self).items() if name not in NO_MATHEMATICS}

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


def _check_format(version: Any) -> None:
    if type(version) is not int or version < 1:
        raise UsageError(f"the options have the format_version {_shown(repr(version))}; expected 1, 2, ...")
    if version > versions.FORMAT_VERSION:
        raise UsageError(
            f"the options were written by a newer ssgan, in format version {version}; this one reads up to "
            f"{versions.FORMAT_VERSION}: install the newer one"
        )


def plain_type(field: dataclasses.Field) -> type:
    """Returns `int` for both `int` and `int | None`."""
    if isinstance(field.type, type):
        return field.type
    return next(member for member in typing.get_args(field.type) if member is not types.NoneType)


def expectation(field: dataclasses.Field) -> str:
    """Says which values an option takes, beyond its type; empty when any will do."""
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    if choices:
        return "one of " + ", ".join(choices)
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else ""


def check_option(name: str, value: Any, *, dashes: str = "") -> None:
    """Raises a UsageError unless an option of `Config` may have this value; `dashes` stand before its name there."""
    field = Config.__dataclass_fields__[name]
    if value is None and field.default is None:
        return
    plain = plain_type(field)
    accepted = (int, float) if plain is float else plain
    if not isinstance(value, accepted) or (isinstance(value, bool) and plain is not bool):
        raise UsageError(f"{dashes}{name}={_shown(repr(value))}: expected {plain.__name__}")
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    in_range = (low is None or value >= low) and (high is None or value <= high)
    if not in_range or (choices and value not in choices):
        raise UsageError(f"{dashes}{name}={_shown(str(value))}: expected {expectation(field)}")


def _shown(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."
