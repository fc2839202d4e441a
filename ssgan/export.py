"""Writes the classifier of a finished run for another runtime.

  python -m ssgan.export --run=FOLDER --format=onnx

The result is a folder: the classifier, which takes uint8 `images` and gives `probabilities`; classifier.json, which
says how images are prepared and what the classes are; README.md, a model card. The classifier is run in its new form
and held against Keras before anything is kept. Formats but keras and saved_model need packages:
pip install 'ssgan[onnx]', likewise litert and openvino, or 'ssgan[export]' for all.
"""

import dataclasses
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ssgan.command import run_command, silenced_stderr
from ssgan.errors import UsageError
from ssgan.options.declare import check, option
from ssgan.options.flags import parse_flags


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """The options of `python -m ssgan.export`."""

    run: str | None = option(None, "Folder of a finished run. Default: the newest in runs/.")
    format: str | None = option(
        None,
        "What to write; keras is classifier.keras as it is, with its card.",
        choices=("keras", "saved_model", "onnx", "litert", "openvino"),
    )
    out: str | None = option(None, "New folder to write. Default: export/FORMAT in the folder of the run.")
    views: bool = option(
        False,
        "Write a classifier that predicts the mean over views of each image: translated by a pixel, and flipped and "
        "inverted where the training showed them so; it takes up to 36 times as long.",
    )
    license: str = option("other", "Licence that the model card names, as Hugging Face spells it: apache-2.0, mit, ...")

    def __post_init__(self):
        check(ExportConfig, "format", self.format, shown_as="--format")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; `ssgan.command.run_command` says with which status it exits."""
    options = parse_flags(ExportConfig, sys.argv if argv is None else argv, usage=__doc__)
    run_command(export_run, options)


def export_run(options: ExportConfig) -> Path:
    """Writes the classifier of a run in another format, whole or not at all, and says where.

    Args:
        options: which run, which format, and where.

    Returns:
        The folder.

    Raises:
        UsageError: if there is no such run, its files are damaged, a package is missing, the folder is there already,
            or the result differs from Keras'.
    """
    from ssgan.formats import card, checked, description, origin, runtimes
    from ssgan.store import files, run

    # What is asked for
    if options.format is None:
        raise UsageError(f"--format is missing; expected one of {', '.join(runtimes.FORMATS)}")
    runtimes.check_installed(options.format)
    run_dir = run.finished(options.run)
    out = Path(os.path.expanduser(options.out)) if options.out else run_dir / "export" / options.format
    if os.path.lexists(out):
        raise UsageError(f"{out} is there already; an export is never overwritten: name a new folder with --out")
    found = origin.read(run_dir, has_views=options.views)

    # Converted and checked elsewhere, so that nothing is left of what fails
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "export")
        made.mkdir()
        with silenced_stderr():
            report = checked.write(found.classifier, None if options.views else found.file, options.format, made)
        files.write_json(made / description.FILE, description.describe(found, options.format, report))
        files.write(made / card.FILE, card.text(found, options.format, licence=options.license))

        # Kept
        out.parent.mkdir(parents=True, exist_ok=True)
        with files.whole(out) as temporary:
            shutil.copytree(made, temporary)
    print(
        f"written: {out}\n{report['images']} images agree with Keras: probabilities differ by at most "
        f"{report['largest_difference']:.1e}"
    )
    return out


if __name__ == "__main__":
    main()
