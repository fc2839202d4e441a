"""Says what is in a folder of your pictures, and what is wrong with it, before you train on it.

  python -m ssgan.check FOLDER

Counts the classes; names files that cannot be read, labels that look alike, and pictures that are there twice, above
all in train and test or with different labels. Decodes every picture once; training finds them in the cache. Exits
with status 0 if nothing is wrong, 1 if something is, 2 if the command line or the folder cannot be used.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssgan.command import run_command
from ssgan.errors import UsageError
from ssgan.options.declare import check as check_option
from ssgan.options.declare import option
from ssgan.options.flags import parse_flags

if TYPE_CHECKING:
    from ssgan.survey import Finding, Survey

FORMATS = ("text", "json", "html")
FOUND = 1  # exit status


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckConfig:
    """The options of `python -m ssgan.check`."""

    folder: str | None = option(
        None,
        "Folder of your pictures: a sub-folder for each class, what has no label in _unlabeled/; with train/ and test/ "
        "above them, or not.",
    )
    labels_file: str | None = option(
        None, "CSV with the columns filename and label, or Label Studio's JSON, for the pictures in FOLDER."
    )
    unlabeled_images: str | None = option(None, "Folder with further pictures that have no label.")
    test_images: str | None = option(None, "Folder with a sub-folder for each class, of pictures to test on.")
    format: str | None = option(
        None,
        "text, json (all figures) or html (a page with pictures). Default: as --out is named, or text.",
        choices=FORMATS,
    )
    out: str | None = option(None, "File to write. Default: it is printed.")
    cache_dir: str | None = option(None, "Folder for the decoded pictures. Default: ~/.cache/ssgan.")

    def __post_init__(self):
        check_option(CheckConfig, "format", self.format, shown_as="--format")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; the status with which it exits is told above."""
    options = parse_flags(CheckConfig, sys.argv if argv is None else argv, usage=__doc__, positional="folder")
    run_command(_check_and_exit, options, tensorflow=False)


def check_folder(options: CheckConfig) -> bool:
    """Surveys a folder and prints or writes what was found.

    Args:
        options: which folder, and how it is told.

    Returns:
        Whether nothing is wrong.

    Raises:
        UsageError: if there is no such folder, or it holds no pictures.
        OSError: if the cache or the file cannot be written.
    """
    from ssgan.store import files
    from ssgan.survey import findings, survey

    # The pictures
    if options.folder is None:
        raise UsageError("no FOLDER; expected the folder of your pictures: python -m ssgan.check FOLDER")
    found = survey(
        options.folder,
        labels_file=options.labels_file,
        unlabeled_images=options.unlabeled_images,
        test_images=options.test_images,
        cache_dir=options.cache_dir,
    )
    wrong = findings(found)

    # In words
    text = _formatted(found, wrong, options.format or _format_of(options.out))
    if options.out is None:
        print(text)
    else:
        files.write(Path(os.path.expanduser(options.out)), text + "\n")
        print(f"written: {options.out}", file=sys.stderr)
    return not wrong


def _format_of(out: str | None) -> str:
    suffix = Path(out or "").suffix.lower().removeprefix(".")
    return {"htm": "html"}.get(suffix, suffix) if suffix in (*FORMATS, "htm") else "text"


def _formatted(found: "Survey", wrong: "list[Finding]", format: str) -> str:
    from ssgan.survey import page, record, text

    if format == "json":
        return json.dumps(record.as_dict(found, wrong), indent=2)
    return page.format_page(found, wrong) if format == "html" else text.format_text(found, wrong)


def _check_and_exit(options: CheckConfig) -> None:
    if not check_folder(options):
        raise SystemExit(FOUND)


if __name__ == "__main__":
    main()
