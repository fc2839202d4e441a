"""Predicts the classes of anybody's pictures with a finished run.

  python -m ssgan.predict --run=FOLDER --out=predictions.csv PATH ...

Each PATH is a picture, a folder of pictures (and folders), or `-` for a list of files on standard input, one a line or
with NUL behind each. Every picture gets a row: path, class, probability, outlier_score, outlier, reason. The outlier
score lies in 0..1: the higher, the less the picture is like the training images. Rank by it; it is no probability of an
error. It is 1 / (1 + Z), Z the sum of the exponentials of the logits: the GAN's probability that the image is
generated, and in a run without a generator (--gan_weight=0) the energy score. An outlier has a higher one than 95 % of
the images that the run held out. A picture that cannot be read has the reason in its row. Pictures are prepared as
those of the training were.

In CSV, a cell that begins with one of = + - @ ' or with a tab or CR has a ' put before it, lest a spreadsheet computes
it: take one leading ' away to have the path. JSON lines are exact. The rows are written to FILE.part, which becomes
FILE at the end; after a crash or Ctrl-C, repeat the command with --resume. With --run=A,B,C the means of these runs'
probabilities and scores are written, an ensemble.
"""

import contextlib
import dataclasses
import itertools
import os
import sys
import warnings
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ssgan import cluster
from ssgan.command import run_command
from ssgan.errors import Stopped, UsageError
from ssgan.options import DISTRIBUTE
from ssgan.options.declare import check, option
from ssgan.options.flags import parse_flags

if TYPE_CHECKING:
    import numpy.typing as npt

    from ssgan.data.own.stream import Batch
    from ssgan.evaluate.predictor import Predictor
    from ssgan.report.predictions import Table
    from ssgan.workers import Workers

_LARGEST_BATCH = 256  # images
_LARGEST_PIXELS = 2**20  # in a batch, of all images: the first convolution makes 100 numbers and more of each


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictConfig:
    """The options of `python -m ssgan.predict`."""

    paths: tuple[str, ...] = option((), "Pictures, folders of pictures, or - for a list of files on standard input.")
    run: str | None = option(
        None, "Folder of a finished run, or several, with commas between, as an ensemble. Default: the newest in runs/."
    )
    out: str | None = option(None, "File to write, .csv or .jsonl. Default: standard output.")
    format: str | None = option(
        None, "Form of the rows. Default: by the name of --out, else csv.", choices=("csv", "jsonl")
    )
    all: bool = option(False, "Whether each row has the probability of every class, too.")
    outlier_score: str = option(
        "gan",
        "What the outlier score is made of: gan, all logits, the GAN's probability of being generated; max_logit, the "
        "largest of them; max_softmax, 1 less the probability of the class.",
        choices=("gan", "max_logit", "max_softmax"),
    )
    calibrated: bool = option(
        False, "Divide the logits by the temperature that fits the images the run held out, before the softmax."
    )
    resume: bool = option(False, "Go on with an unfinished --out; its rows are kept, a torn last one is dropped.")
    views: bool = option(
        False,
        "Predict the mean over views of each picture: translated by a pixel, and flipped and inverted where the "
        "training showed them so; takes up to 36 times as long.",
    )
    sha256: str | None = option(
        None, "Expected sha256 of each run's classifier.keras, with commas between. With another, nothing is predicted."
    )
    distribute: str = option(
        "auto",
        "Several devices or machines: mirrored, all GPUs of this machine; multi_worker, each worker that TF_CONFIG or "
        "Slurm names predicts its share into a file of its own, such as predictions.1-of-2.csv; none. auto: as of "
        "ssgan.train.",
        choices=DISTRIBUTE,
    )

    def __post_init__(self):
        for name in ("format", "outlier_score", "distribute"):
            check(PredictConfig, name, getattr(self, name), shown_as=f"--{name}")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; `ssgan.command.run_command` says with which status it exits."""
    options = parse_flags(PredictConfig, sys.argv if argv is None else argv, usage=__doc__, positional="paths")
    run_command(predict, options)


def predict(config: PredictConfig) -> dict[str, int]:
    """Writes a row for each picture.

    Args:
        config: which pictures, by which run, to where.

    Returns:
        The number of `pictures` that have a row, and of those that are `unreadable`.

    Raises:
        UsageError: if there are no such pictures or run, or the file is finished, or begun with something else.
        OSError: if the file cannot be written.
        Stopped: after Ctrl-C or SIGTERM, when the pictures at hand are written; or if nobody reads the output.
    """
    import tqdm

    from ssgan.data.own import stream
    from ssgan.evaluate.predictor import read_predictor
    from ssgan.report.predictions import Table
    from ssgan.store import growing
    from ssgan.training.signals import Signals
    from ssgan.workers import start

    # Where to
    form = _form(config)
    share = cluster.find(config.distribute)
    out = _of_worker(Path(os.path.expanduser(config.out)), share) if config.out else None
    if share is not None and not out:
        raise UsageError("several workers write a file each, and none to standard output; name it with --out=FILE")
    if out and config.resume and out.exists():
        print(f"{out} is finished; nothing was predicted", file=sys.stderr)
        return {"pictures": 0, "unreadable": 0}
    if out:
        growing.refuse_if_finished(out)

    # What
    listed = sys.stdin.buffer.read() if "-" in config.paths else None
    pictures = stream.find_pictures(config.paths, listed)
    if share is not None:
        pictures = dict(itertools.islice(pictures.items(), share.index, None, len(share.workers)))
    workers = start("none" if share is not None else config.distribute)
    with workers.strategy.scope():
        predictor = read_predictor(
            config.run,
            sha256=config.sha256,
            has_views=config.views,
            outlier_score=config.outlier_score,
            is_calibrated=config.calibrated,
        )
    if predictor.is_assumed:
        size = "x".join(map(str, predictor.preparation.image_shape[:2]))
        print(f"the run does not say how its images were prepared; pictures are padded to {size}", file=sys.stderr)

    # Rows
    table = Table(
        format=form, class_names=predictor.class_names, has_all=config.all, threshold=predictor.outlier_threshold
    )
    with _target(out, predictor, table, resume=config.resume) as (file, done), Signals() as signals:
        left = {path: reason for path, reason in pictures.items() if path not in done}
        bar = tqdm.tqdm(total=len(done) + len(left), initial=len(done), unit=" pictures", disable=None, leave=False)
        unreadable = sum(not is_read for is_read in done.values())
        count = len(done)
        with bar, warnings.catch_warnings(), contextlib.closing(predictions(left, predictor, workers)) as found:
            warnings.filterwarnings("ignore", module=r"PIL\.")  # of files that are read all the same, or get a reason
            for batch, probabilities, scores in found:
                file.write(table.rows(batch.paths, batch.reasons, probabilities, scores))
                file.flush()
                bar.update(len(batch.paths))
                count += len(batch.paths)
                unreadable += sum(map(bool, batch.reasons))
                if signals.received is not None and count < bar.total:
                    how = "repeat the command with --resume to go on" if out else "with --out=FILE it could be resumed"
                    raise Stopped(
                        f"{signals.received.name} after {count:,} of {bar.total:,} pictures; {how}",
                        status=128 + signals.received,
                    )
    told = f"{count:,} pictures, {unreadable:,} of them unreadable{' (see reason)' if unreadable else ''}"
    print(f"{told}; written: {out}" if out else told, file=sys.stderr)
    return {"pictures": count, "unreadable": unreadable}


def predictions(
    pictures: dict[str, str], predictor: "Predictor", workers: "Workers | None" = None
) -> "Generator[tuple[Batch, npt.NDArray, npt.NDArray]]":
    """Gives batches of pictures with their probabilities, [batch_size, K], and outlier scores, [batch_size].

    Args:
        pictures: as `ssgan.data.own.stream.find_pictures` returns them.
        predictor: from `ssgan.evaluate.predictor.read_predictor`, under the strategy of the workers.
        workers: the devices, from `ssgan.workers.start`; None for one.
    """
    from ssgan.data.own import stream

    preparation = predictor.preparation
    most = max(1, min(_LARGEST_BATCH, _LARGEST_PIXELS // (preparation.height * preparation.width)))
    batch_size = min(max(1, most // predictor.num_views), len(pictures))
    if not batch_size:
        return
    if workers is None or workers.replicas == 1:
        network = predictor.compiled(batch_size)
    else:
        batch_size *= workers.replicas
        network = predictor.spread(workers, batch_size)
    with contextlib.closing(stream.read_batches(pictures, preparation, batch_size=batch_size)) as batches:
        for batch in batches:
            yield batch, *network(batch.images)


def _of_worker(out: Path, share: cluster.Cluster | None) -> Path:
    """Returns the file that a worker writes: the one named where there are no others."""
    return out if share is None else out.with_suffix(f".{share.index + 1}-of-{len(share.workers)}{out.suffix}")


def _form(config: PredictConfig) -> str:
    """Returns the form of the rows, after a look at what does not fit together."""
    if not config.paths:
        raise UsageError("no PATHS; name pictures, folders of pictures, or - for a list of files on standard input")
    if config.resume and not config.out:
        raise UsageError("--resume goes on with a file; name it with --out=FILE")
    if config.format:
        return config.format
    suffix = Path(config.out or "stdout.csv").suffix.lower()
    if suffix not in (".csv", ".jsonl"):
        raise UsageError(f"--out={config.out}: expected a name that ends in .csv or .jsonl, or --format beside it")
    return suffix[1:]


@contextlib.contextmanager
def _target(
    out: Path | None, predictor: "Predictor", table: "Table", *, resume: bool
) -> "Iterator[tuple[BinaryIO, dict[str, bool]]]":
    """Yields a file behind its last whole row, and the pictures that it has, each with whether it could be read."""
    from ssgan.store import growing

    if out is None:
        sys.stdout.buffer.write(table.header())
        try:
            yield sys.stdout.buffer, {}
        except BrokenPipeError as error:
            raise Stopped("nobody reads the output any more", status=141) from error
        return
    about = {
        "classifiers": list(predictor.digests),
        "class_names": list(predictor.class_names),
        "preparation": predictor.preparation.as_dict(),
        "format": table.format,
        "all": table.has_all,
        "views": predictor.num_views,
        "outlier_score": predictor.outlier_score,
        "temperatures": list(predictor.temperatures),
    }
    with growing.opened(out, about, resume=resume) as file:
        done, length = table.read(file)
        file.seek(length)
        file.truncate()
        if not length:
            file.write(table.header())
        yield file, done


if __name__ == "__main__":
    main()
