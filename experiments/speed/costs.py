"""Measures what a training step costs as it grows, and what is paid beside the steps: memory, start, input, evaluation.

  python -m experiments.speed.costs --rounds=3 --steps=10

Everything runs ssgan's public commands and functions on synthetic street_digits, in processes of their own; images
that are not in the cache are drawn first. Prints tables beside the targets; writes results/costs.json and
results/costs.png, anew after every part; with --only, parts that are not named stay in the file as they are. Leave the
machine alone meanwhile.
"""

import argparse
import dataclasses
import functools
import operator
import statistics
from collections.abc import Callable
from pathlib import Path

from experiments.common import arguments as shared_options
from experiments.common import processes, results
from experiments.speed import train_command

DEFAULT = "svhn_1000"  # the recipe of the curves: a file in `configs/`
BATCHES = {"labeled_batch": 50, "unlabeled_batch": 50, "generated_batch": 32}  # of the default recipe, rows
IMAGES, ALL_IMAGES = 10_000, 73_257  # street_digits' quick and full size, the latter SVHN's
VISIBLE_LABELS = 500  # 50 per class, which 1,000 images have
IMAGE_BYTES = 32 * 32 * 3
BATCH_SIZES = [50, 100, 250, 500, 1000, 2000]
EVALUATED_IMAGES = 4000
DETERMINISTIC = {
    "usual": (),
    "deterministic": ("--deterministic",),
    "with bfloat16": ("--deterministic", "--precision=bfloat16"),
}
CONFIGS = {"small": DEFAULT, "article": "svhn_1000_article", "paper_svhn": "svhn_1000_paper"}


@dataclasses.dataclass(frozen=True)
class Point:
    """A place on a curve: where it is drawn, the flags on top of the default recipe, the number of train images."""

    x: int | str
    flags: tuple[str, ...] = ()
    images: int = IMAGES


def scaled(factor: float) -> Point:
    """Returns the default recipe with more or fewer rows of each kind in a batch."""
    rows = {name: round(factor * count) for name, count in BATCHES.items()}
    return Point(sum(rows.values()), tuple(f"--{name}={count}" for name, count in rows.items()))


CURVES = {
    "rows": [scaled(factor) for factor in (0.5, 1, 2, 4)],
    "generator_width": [Point(width, (f"--generator_width={width}",)) for width in (8, 16, 32, 64, 128)],
    "arch": [Point(arch, (f"--arch={arch}",)) for arch in ("small", "paper_svhn", "paper_cifar")],
    "train_images": [Point(count, images=count) for count in (1_000, IMAGES, ALL_IMAGES)],
}


def main() -> None:
    """Measures the parts that are asked for."""
    arguments = parse_arguments()
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    hardware = images_ready(IMAGES, arguments)["about"]
    for name in (name for name in PARTS if name in arguments.only):
        print(f"{name} ...", flush=True)
        result = {**results.about(hardware), **PARTS[name](arguments)}
        write(name, result, arguments.output)
        print(table(name, result), flush=True)


def parse_arguments() -> argparse.Namespace:
    """Returns the options."""
    return shared_options.parse(__doc__, parts=PARTS, rounds=3, steps=10, warm_up=3, output="costs.json")


def images_file(count: int, arguments: argparse.Namespace) -> str:
    """Returns the file of so many train images."""
    return str(arguments.work_dir / f"street_digits_{count}.npz")


def images_ready(count: int, arguments: argparse.Namespace) -> dict:
    """Draws train images, unless they are in ssgan's cache, and writes their file; returns the report."""
    source = {"dataset": "street_digits", "data_dir": None, "count": count, "labels": VISIBLE_LABELS}
    return processes.run("common.images", {**source, "output": images_file(count, arguments)})


def curve(points: list[Point], arguments: argparse.Namespace) -> dict:
    """Times the step at every point of a curve, round after round, each in a process of its own."""
    for count in {point.images for point in points} - {IMAGES}:
        images_ready(count, arguments)
    reports: list[list[dict]] = [[] for _ in points]
    for _ in range(arguments.rounds):
        for point, found in zip(points, reports, strict=True):
            options = {"config": DEFAULT, "flags": point.flags, "images": images_file(point.images, arguments)}
            found.append(processes.run("speed.ssgan_step", {**options, "steps": arguments.steps}))
    return {
        "config": DEFAULT,
        "precision": reports[0][0]["about"]["precision"],
        "points": [point_summary(point, found) for point, found in zip(points, reports, strict=True)],
    }


def point_summary(point: Point, reports: list[dict]) -> dict:
    """Returns the median of the rounds' medians, those, and every option of the step."""
    medians = [statistics.median(report["seconds"]) for report in reports]
    return {
        **dataclasses.asdict(point),
        "seconds": statistics.median(medians),
        "median_seconds": medians,
        "peak_mib": max(report["peak_mib"] for report in reports),
        "options": reports[0]["options"],
    }


def deterministic(arguments: argparse.Namespace) -> dict:
    """Times the step as usual and with `--deterministic`, in turn; `times` is how much longer than as usual it takes.

    A processor on which TensorFlow leaves oneDNN off has it with `TF_ENABLE_ONEDNN_OPTS=1` in the environment.
    """
    found = curve([Point(name, flags) for name, flags in DETERMINISTIC.items()], arguments)
    usual = found["points"][0]["median_seconds"]
    for point in found["points"]:
        # Within a round, because the machine may be faster in one than in the next.
        point["times"] = statistics.median(map(operator.truediv, point["median_seconds"], usual))
    return found


def memory(arguments: argparse.Namespace) -> dict:
    """Measures the peak memory of the command itself, from its start to the saved classifier."""
    peaks, options = {}, {}
    for count in (IMAGES, ALL_IMAGES):
        images_ready(count, arguments)
        flags = [f"--train_images={count}", f"--total_steps={arguments.steps}"]
        peaks[str(count)], options[str(count)] = train_command.peak_mib(flags)
    more_bytes = (ALL_IMAGES - IMAGES) * IMAGE_BYTES
    copies = (peaks[str(ALL_IMAGES)] - peaks[str(IMAGES)]) * 2**20 / more_bytes
    figures = {"steps": arguments.steps, "peak_mib": peaks, "copies_of_the_images": round(copies, 2)}
    return {**figures, "options": options}


def first_step(arguments: argparse.Namespace) -> dict:
    """Times the command of the quick start, from its start on; the images come from the cache."""
    lines, steps, options = zip(*(train_command.first_times() for _ in range(arguments.rounds)), strict=True)
    return {"first_line_seconds": lines, "first_step_seconds": steps, "options": options[0]}


def input_share(arguments: argparse.Namespace) -> dict:
    """Times the input pipeline alone, and steps with and without it."""
    nets = {}
    for net, config in CONFIGS.items():
        options = {"config": config, "flags": [], "images": images_file(IMAGES, arguments)}
        report = processes.run(
            "speed.input_pipeline", {**options, "steps": arguments.steps, "rounds": arguments.rounds}
        )
        keys = ("batch_seconds", "step_seconds", "cached_step_seconds")
        rounds = {key: [statistics.median(seconds) for seconds in report[key]] for key in keys}
        # Within a round, because the machine may be faster in one than in the next.
        pairs = list(zip(*rounds.values(), strict=True))
        shares = {
            "alone_share": statistics.median(batch / step for batch, step, _ in pairs),
            "difference_share": statistics.median((step - cached) / step for _, step, cached in pairs),
        }
        own = report["options"]
        nets[net] = {"config": config, "precision": own["precision"], **shares, **rounds, "options": own}
    return {"nets": nets}


def evaluation(arguments: argparse.Namespace) -> dict:
    """Measures images per second of evaluation and prediction, by batch size."""
    nets, own = {}, {}
    for net in ("small", "paper_svhn"):
        options = {"config": CONFIGS[net], "flags": [], "images": images_file(IMAGES, arguments)}
        what = {"count": EVALUATED_IMAGES, "batch_sizes": BATCH_SIZES, "rounds": arguments.rounds}
        report = processes.run("speed.evaluation", {**options, **what})
        own[net] = report["options"]
        nets[net] = {
            call: {size: round(statistics.median(found)) for size, found in sizes.items()}
            for call, sizes in report["images_per_second"].items()
        }
    return {"count": EVALUATED_IMAGES, "images_per_second": nets, "options": own}


PARTS: dict[str, Callable[[argparse.Namespace], dict]] = {
    **{name: functools.partial(curve, points) for name, points in CURVES.items()},
    "deterministic": deterministic,
    "memory": memory,
    "first_step": first_step,
    "input": input_share,
    "evaluation": evaluation,
}


def table(name: str, found: dict) -> str:
    """Returns the figures of a part as text, beside the target where there is one."""
    lines = []
    if name in CURVES:
        lines += [
            f"{point['x']!s:>12} {point['seconds']:8.4f} s  {point['peak_mib']:6} MiB" for point in found["points"]
        ]
    elif name == "deterministic":
        lines += [
            f"{point['x']:>14} {point['seconds']:8.4f} s  {point['times']:.2f} times" for point in found["points"]
        ]
    elif name == "memory":
        lines += [f"{count:>12} images: {peak} MiB" for count, peak in found["peak_mib"].items()]
        lines.append(f"each image is held {found['copies_of_the_images']:.2f} times (target: at most 2500 MB in all)")
    elif name == "first_step":
        for key, what in (("first_line_seconds", "line"), ("first_step_seconds", "step")):
            lines.append(f"first {what} after {statistics.median(found[key]):.1f} s")
        lines[-1] += " (target: at most 20 s)"
    elif name == "input":
        for net, shares in found["nets"].items():
            alone, difference = (100 * shares[key] for key in ("alone_share", "difference_share"))
            lines.append(
                f"{net:>12}: alone {alone:.2f} % of the step (target: under 2 %), difference {difference:.2f} %"
            )
    else:
        for net, calls in found["images_per_second"].items():
            for call, sizes in calls.items():
                rates = "  ".join(f"{size}: {rate}" for size, rate in sizes.items())
                lines.append(f"{net:>12} {call:8} images/s  {rates}  (best: {max(sizes, key=sizes.__getitem__)})")
    return "\n".join([*lines, ""])


def write(name: str, result: dict, output: Path) -> None:
    """Puts a part into the results, and draws the curves when all of them are there."""
    from experiments.speed.figure import draw

    parts = results.put(output, **{name: result})
    if parts.keys() >= CURVES.keys():
        draw(parts, output.with_suffix(".png"))


if __name__ == "__main__":
    main()
