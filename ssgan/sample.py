"""Draws images with the generator of a finished run.

  python -m ssgan.sample --run=FOLDER --out=samples.png
  python -m ssgan.sample --run=FOLDER --n=10000 --out=samples.npz
  python -m ssgan.sample --run=FOLDER --n=1000 --out=FOLDER

What is written follows from the name of --out: a grid of pictures (.png), arrays `images` (uint8 [n, height, width,
channels]) and `labels` (int32 [n], -1 from a generator without classes) (.npz), or a folder with a PNG for each image,
in a sub-folder for each class. The classes are drawn evenly. Nothing is overwritten.
"""

import dataclasses
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssgan.command import run_command
from ssgan.errors import UsageError
from ssgan.options.declare import check, option
from ssgan.options.flags import parse_flags

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ssgan.models import Generator

_COLUMNS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """The options of `python -m ssgan.sample`."""

    run: str | None = option(None, "Folder of a finished run. Default: the newest in runs/.")
    out: str = option("", "What to write: FILE.png, FILE.npz, or a folder, new or empty.")
    n: int = option(100, "Number of images.", low=1, high=1_000_000)
    label: str | None = option(None, "Draw this class only: its name, or its number from 0. Default: all, evenly.")
    interpolate: bool = option(
        False, f"Each row of {_COLUMNS} images is the way from one noise to another, of one class."
    )
    seed: int = option(0, "Seed of the noise.", low=0, high=2**31 - 1)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            check(SampleConfig, field.name, getattr(self, field.name), shown_as=f"--{field.name}")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; `ssgan.command.run_command` says with which status it exits."""
    options = parse_flags(SampleConfig, sys.argv if argv is None else argv, usage=__doc__)
    run_command(draw, options)


def draw(options: SampleConfig) -> Path:
    """Draws images and writes them.

    Args:
        options: how many, of which run, to where.

    Returns:
        What was written.

    Raises:
        UsageError: if there is no such run or class, the run has no generator, or there is something at `out`.
        OSError: if it cannot be written.
    """
    import numpy as np

    from ssgan.batches import HIDDEN
    from ssgan.evaluate.runs import load_gan, read_about, read_options
    from ssgan.report import sample_grid
    from ssgan.samples import sample
    from ssgan.store import files, run

    # The generator
    if not options.out:
        raise UsageError("--out is missing; expected FILE.png, FILE.npz or a folder")
    out = Path(os.path.expanduser(options.out))
    _refuse_if_there(out)
    run_dir = run.finished(options.run)
    config = read_options(run_dir)
    if not config.gan_weight:
        raise UsageError(f"{run_dir} was trained without a generator (--gan_weight=0); there is nothing to sample from")
    generator = load_gan(run_dir / run.MODEL).sampler
    names = tuple(read_about(run_dir / run.ABOUT)["class_names"]) if generator.num_classes else ()

    # The images
    classes = _classes(options, names)
    noise = _noise(generator, options)
    images = sample(generator, noise, classes, has_bar=True)
    labels = np.full(len(images), HIDDEN, np.int32) if classes is None else classes

    # Where to
    out.parent.mkdir(parents=True, exist_ok=True)
    with files.whole(out) as temporary:
        if out.suffix == ".npz":
            with open(temporary, "wb") as file:
                np.savez(file, images=images, labels=labels)
        elif out.suffix == ".png":
            sample_grid(images, temporary, columns=_COLUMNS, caption=f"{run_dir.name}: {_told(options, names)}")
        else:
            _write_folder(temporary, images, labels, names)
    print(f"{len(images):,} images of {len(names) or 'no'} classes in {out}")
    return out


def _refuse_if_there(out: Path) -> None:
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"--out={out} is there already, and nothing is overwritten; name another")
    if out.suffix not in (".npz", ".png", ""):
        raise UsageError(f"--out={out}: expected a name that ends in .npz or .png, or a folder, without an ending")


def _classes(options: SampleConfig, names: Sequence[str]) -> "npt.NDArray[np.int32] | None":
    """Returns the classes to draw, int32 [n], or None for a generator without classes.

    Raises:
        UsageError: for a class that there is not.
    """
    import numpy as np

    from ssgan.samples import even_classes

    if not names and options.label is not None:
        raise UsageError(f"--label={options.label}: the generator of this run draws no class that it is told")
    if not names:
        return None
    if options.label is not None:
        return np.full(options.n, _number(options.label, names), np.int32)
    if options.interpolate or options.out.endswith(".png"):  # a row for each class
        return np.repeat(even_classes(-(-options.n // _COLUMNS), len(names)), _COLUMNS)[: options.n]
    return even_classes(options.n, len(names))


def _number(label: str, names: Sequence[str]) -> int:
    if label in names:
        return names.index(label)
    if label.isdecimal() and int(label) < len(names):
        return int(label)
    raise UsageError(f"--label={label[:100]}: expected one of {', '.join(names[:20])}, or its number from 0")


def _noise(generator: "Generator", options: SampleConfig) -> "npt.NDArray[np.float32]":
    """Returns noise, float32 [n, latent_dim]; to interpolate, each row of a grid is a way between two."""
    import numpy as np

    from ssgan.samples import between

    if not options.interpolate:
        return np.asarray(generator.noise(options.n, seed=options.seed))
    rows = -(-options.n // _COLUMNS)
    ends = np.asarray(generator.noise(2 * rows, seed=options.seed)).reshape(rows, 2, -1)
    spherical = generator.latent == "normal"
    ways = [between(pair, _COLUMNS, spherical=spherical) for pair in ends]
    return np.concatenate(ways)[: options.n]


def _told(options: SampleConfig, names: Sequence[str]) -> str:
    which = "" if options.label is None else f", class {options.label}"
    ways = ", each row from one noise to another" if options.interpolate else ""
    return f"generated images{which}{ways}, seed {options.seed}"


def _write_folder(folder: Path, images: "npt.NDArray", labels: "npt.NDArray", names: Sequence[str]) -> None:
    """Writes a PNG for each image, in a sub-folder for each class: what --images=FOLDER reads."""
    from PIL import Image

    digits = len(str(len(images) - 1))
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / _folder_name(label, names) / f"{number:0{digits}d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.squeeze(axis=-1) if image.shape[-1] == 1 else image).save(path)


def _folder_name(label: int, names: Sequence[str]) -> str:
    """Returns the name of a class where it is fit for a folder; else its number: names come from anyone."""
    if label < 0:
        return "_unlabeled"
    if re.fullmatch(r"[^\W_][\w .-]{0,99}", names[label]):
        return names[label]
    number = f"class {label}"
    return number if number not in names else f"{number} of {len(names)}"


if __name__ == "__main__":
    main()
