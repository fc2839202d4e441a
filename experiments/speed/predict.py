"""How near `ssgan.predict` comes to the speed of its network alone.

  python -m experiments.speed.predict --images=FOLDER

For each size of the images, in every round and one after another: the network on pictures that are decoded already, the
decoding alone, and the loop of the command, rows included. Wall time, and the time of all cores together, which other
users of the machine disturb less. Decoding and network share the cores, so that the command can take no less of them
than both: `bound` is that, `share` the command's speed over the network's. Prints a table; writes results/predict.json.
"""

import argparse
import collections
import dataclasses
import functools
import io
import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.common import places, results

if TYPE_CHECKING:
    from ssgan.evaluate.predictor import Predictor

PARTS = ("network", "decoding", "command")


@dataclasses.dataclass(frozen=True)
class Ready:
    """What `ssgan.predict.predictions` asks of a predictor, compiled before the clock counts."""

    preparation: object
    compiled: Callable


def main() -> None:
    """Measures the nets and sizes that are asked for."""
    arguments = parse_arguments()
    from ssgan import hardware

    about = results.about(hardware.describe())
    for arch in arguments.archs:
        for size in arguments.sizes:
            found = measure(arch, size, arguments.images, count=arguments.count, rounds=arguments.rounds)
            result = {**about, **found}
            results.put(arguments.output, **{f"{arch} {size}x{size}": result})
            print(table(f"{arch}, {size} x {size} pixels", result), flush=True)


def parse_arguments() -> argparse.Namespace:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", required=True, help="folder of pictures")
    parser.add_argument("--archs", nargs="+", default=["small", "paper_svhn"], help="architectures")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64], help="height and width of the images, pixels")
    parser.add_argument("--count", type=int, default=1024, help="number of pictures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=places.RESULTS / "predict.json")
    return parser.parse_args()


def measure(arch: str, size: int, folder: str, *, count: int, rounds: int) -> dict:
    """Returns milliseconds for a picture, a figure per round, and the medians of what they say."""
    from ssgan.data.own import stream
    from ssgan.predict import predictions
    from ssgan.report.predictions import Table

    predictor = untrained(arch, size)
    pictures = dict(itertools.islice(stream.find_pictures([folder], None).items(), count))
    first, *_ = next(predictions(pictures, predictor))
    batch_size = len(first.images)
    network = predictor.compiled(batch_size)
    ready = Ready(predictor.preparation, lambda size: network)
    read = functools.partial(stream.read_batches, pictures, predictor.preparation, batch_size=batch_size)
    decoded = [batch.images for batch in read()]
    rows = Table(format="csv", class_names=predictor.class_names, has_all=False).rows

    def command() -> None:
        file = io.BytesIO()
        for batch, *found in predictions(pictures, ready):  # type: ignore[arg-type]
            file.write(rows(batch.paths, batch.reasons, *found))

    calls: dict[str, Callable] = {
        "network": lambda: [network(images) for images in decoded],
        "decoding": lambda: collections.deque(read(), maxlen=0),
        "command": command,
    }
    wall: dict[str, list[float]] = {name: [] for name in PARTS}
    cores: dict[str, list[float]] = {name: [] for name in PARTS}
    for number in range(1 + rounds):
        for name in PARTS:
            begin = time.perf_counter(), time.process_time()
            calls[name]()
            if number:
                wall[name].append((time.perf_counter() - begin[0]) / len(pictures) * 1000)
                cores[name].append((time.process_time() - begin[1]) / len(pictures) * 1000)
    compared_by = {**compared(wall), **compared(cores, "core_")}
    return {"pictures": len(pictures), "batch_size": batch_size, "wall_ms": wall, "core_ms": cores, **compared_by}


def untrained(arch: str, size: int) -> "Predictor":
    """Returns a predictor of ten classes with the weights of the beginning."""
    import ssgan
    from ssgan import test_time
    from ssgan.classifier import logits_of
    from ssgan.data.own.decode import Preparation
    from ssgan.evaluate.predictor import Predictor

    discriminator = ssgan.Discriminator(10, arch=arch)
    discriminator.build((None, size, size, 3))
    return Predictor(
        class_names=tuple("0123456789"),
        preparation=Preparation(height=size, width=size, channels=3, resize="crop"),
        is_assumed=False,
        digests=("",),
        logits=(test_time.of_each(logits_of(ssgan.to_classifier(discriminator)), test_time.Views()),),
        temperatures=(1.0,),
    )


def compared(ms: dict[str, list[float]], prefix: str = "") -> dict[str, float]:
    """Returns the medians over the rounds of the command's speed over the network's, and over the bound."""
    share = [network / command for network, command in zip(ms["network"], ms["command"], strict=True)]
    bound = [
        (network + decoding) / command for network, decoding, command in zip(*(ms[name] for name in PARTS), strict=True)
    ]
    return {f"{prefix}share": statistics.median(share), f"{prefix}bound_share": statistics.median(bound)}


def table(title: str, result: dict) -> str:
    """Returns the figures as text."""
    lines = [f"\n{title}, {result['pictures']:,} pictures, {result['hardware']['cores']} cores"]
    for name in PARTS:
        wall, cores = (statistics.median(result[kind][name]) for kind in ("wall_ms", "core_ms"))
        lines.append(f"{name:10}{1000 / wall:8.0f} pictures/s  {cores:6.3f} ms of a core each")
    for prefix, what in (("", "wall time"), ("core_", "core time")):
        share, bound = result[f"{prefix}share"], result[f"{prefix}bound_share"]
        lines.append(f"{what}: {share:.0%} of the network alone, {bound:.0%} of network and decoding together")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
