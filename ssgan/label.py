"""Serves a page on which you label the pictures of a folder that help most, and train on them.

  python -m ssgan.label FOLDER
  python -m ssgan.label FOLDER --classes=cat,dog --run=runs/photos

Prints the address of the page; open it in a browser on this machine. Each label is written at once to
FOLDER-labels.csv beside it, which python -m ssgan.train --images=FOLDER --labels_file=FOLDER-labels.csv reads. Ctrl-C
ends it.
"""

import contextlib
import dataclasses
import os
import secrets
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssgan.command import run_command
from ssgan.errors import UsageError
from ssgan.options.declare import check, option
from ssgan.options.flags import parse_flags

if TYPE_CHECKING:
    from ssgan.labelling.server import Room

_EARLIER = "labels.csv"  # as version 0.6 named the file of every folder


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """The options of `python -m ssgan.label`."""

    folder: str | None = option(None, "Folder of your pictures.")
    run: str | None = option(None, "Folder of a finished run, whose classifier says which pictures help most.")
    classes: str | None = option(
        None, "Names of the classes, with commas between, in the order of their keys. Others can be added on the page."
    )
    labels_file: str | None = option(None, "CSV to put the labels into. Default: FOLDER-labels.csv beside FOLDER.")
    train: str = option(
        "", 'Options of ssgan.train for the trainings that the page starts, such as "--total_steps=500 --flip=no".'
    )
    seed: int = option(0, "Seed by which pictures are chosen.", low=0, high=2**31 - 1)
    port: int = option(0, "Port of the page on this machine. Default: one that is free.", low=0, high=65535)
    cache_dir: str | None = option(None, "Folder for the decoded pictures. Default: ~/.cache/ssgan.")

    def __post_init__(self):
        for name in ("seed", "port"):
            check(LabelConfig, name, getattr(self, name), shown_as=f"--{name}")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; `ssgan.command.run_command` says with which status it exits."""
    options = parse_flags(LabelConfig, sys.argv if argv is None else argv, usage=__doc__, positional="folder")
    run_command(label, options, tensorflow=False)


def label(options: LabelConfig) -> None:
    """Serves the page until Ctrl-C.

    Args:
        options: which folder, and how it is labelled.

    Raises:
        UsageError: if folder, labels file, run or port cannot be used, or another process labels the folder.
        OSError: if files cannot be written.
    """
    from ssgan.labelling import server

    token = secrets.token_urlsafe(32)
    with opened(options) as room, contextlib.closing(server.listening(options.port)) as listening:
        print(f"labels  {room.labels_file}", flush=True)
        print(f"page    http://{server.ADDRESS}:{listening.getsockname()[1]}/#{token}", flush=True)
        if not options.run and (last := room.training.finished):
            print(f"hint    --run={last} shows first what helps this last training of the page most", flush=True)
        server.serve(room, listening, token=token)
        totals = room.session.totals()
    print(f"{totals['labelled']:,} labels of {sum(totals.values()):,} pictures are in {room.labels_file}")


@contextlib.contextmanager
def opened(options: LabelConfig) -> "Iterator[Room]":
    """Opens the folder and its labels file, and chooses pictures while entered; see `label`."""
    from ssgan.labelling import labels_file, pictures
    from ssgan.labelling.chooser import Chooser
    from ssgan.labelling.server import Room
    from ssgan.labelling.session import Session
    from ssgan.labelling.training import Training
    from ssgan.store import run

    if options.folder is None:
        raise UsageError("no FOLDER; expected the folder of your pictures: python -m ssgan.label FOLDER")
    folder = Path(os.path.expanduser(options.folder))
    file = _labels_file(options, folder)
    classes = [name.strip() for name in (options.classes or "").split(",") if name.strip()]
    run_dir = run.finished(options.run) if options.run else None
    found = pictures.find(folder, cache_dir=options.cache_dir)
    first = {} if file.exists() else pictures.said_by_folders(found, classes)
    with labels_file.opened(file, found.every_key, folder, first=first) as open_file:
        session = Session(found.keys, open_file, classes)
        if first and session.classes and not classes:
            open_file.notices.append(
                f"{sum(session.class_counts()):,} labels are from sub-folders: {', '.join(session.classes)[:300]}. "
                f"Not classes? Stop, remove {file.name}, and start with --classes=NAMES: those alone are taken then."
            )
        with Chooser(found, session, seed=options.seed).running() as chooser:
            training = Training(folder, file, options=_of_training(options), on_done=chooser.look_through)
            if run_dir:
                chooser.look_through(run_dir)
            yield Room(pictures=found, session=session, chooser=chooser, training=training, labels_file=_told(file))


def _of_training(options: LabelConfig) -> list[str]:
    try:
        further = shlex.split(options.train)
    except ValueError as error:
        raise UsageError(f"--train={options.train[:200]}: {error}") from error
    return [*([f"--cache_dir={options.cache_dir}"] if options.cache_dir else []), *further]


def _labels_file(options: LabelConfig, folder: Path) -> Path:
    if options.labels_file:
        return Path(os.path.expanduser(options.labels_file))
    home = folder.resolve()
    named, earlier = home.parent / f"{home.name or 'root'}-labels.csv", home.parent / _EARLIER
    if earlier.exists() and not named.exists():
        raise UsageError(
            f"{earlier} is there, as version 0.6 named the labels of any folder beside it: rename it to {named.name} "
            f"if they are of this one, or name it by --labels_file; --labels_file={named} begins a new one"
        )
    return named


def _told(path: Path) -> str:
    """Returns a path as it is typed: from the folder that the command runs in, where it lies below it."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    main()
