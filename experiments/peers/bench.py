"""Times ssgan's training step beside the same step in other tools, and beside the time of its convolutions alone.

  python -m experiments.peers.bench --rounds=5 --steps=10

Makes the peers' environments (PyTorch, LAMDA-SSL) when they are first needed. Every round of a comparison runs each
tool in turn, in a process of its own; ratios are taken within a round. The operations of a step at the speed of one
large matrix product are the time that no direct convolution beats. First of all, losses and gradients of ssgan and
PyTorch are compared. Prints tables; writes results/bench.json and results/bench.png, anew after every round; with
--only, comparisons that are not named stay in the file as they are. Leave the machine alone meanwhile.
"""

import argparse
import dataclasses
import statistics
import sys
from pathlib import Path

from experiments.common import arguments as shared_options
from experiments.common import processes, results
from experiments.peers import environments

AGREEMENT = "agreement"
LARGEST_ERROR = 1e-4  # relative, of losses and gradients in float32
LARGEST_ROUNDING = 3


@dataclasses.dataclass(frozen=True)
class Tool:
    """One way to run the step: a module of `experiments`, its environment (None for ssgan's own), its options."""

    module: str
    options: dict
    environment: str | None = None


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The tools that run the step of one of the files in `configs/`; the convolution floors are measured beside."""

    title: str
    config: str
    tools: dict[str, Tool]


def ssgan(config: str, updates: str, precision: str) -> Tool:
    """Returns ssgan with one of its configurations."""
    flags = [f"--updates={updates}", f"--precision={precision}"]
    return Tool("speed.ssgan_step", {"config": config, "flags": flags})


def pytorch(*, channels_last: bool = False, autocast: bool = False) -> Tool:
    """Returns the paper's step in PyTorch."""
    return Tool("peers.torch_step", {"channels_last": channels_last, "autocast": autocast}, "torch")


COMPARISONS = {
    "paper_svhn": Comparison(
        "D on 100 labelled + 100 unlabelled + 100 generated, G on 100 + 100",
        "svhn_1000_paper",
        {
            "ssgan alternating": ssgan("svhn_1000_paper", "alternating", "auto"),
            "PyTorch bfloat16 channels_last": pytorch(channels_last=True, autocast=True),
            "ssgan simultaneous": ssgan("svhn_1000_paper", "simultaneous", "auto"),
            "PyTorch float32 channels_last": pytorch(channels_last=True),
            "ssgan alternating float32": ssgan("svhn_1000_paper", "alternating", "float32"),
            "PyTorch float32": pytorch(),
            "ssgan simultaneous float32": ssgan("svhn_1000_paper", "simultaneous", "float32"),
            "LAMDA-SSL": Tool("peers.lamda_step", {}, "lamda_ssl"),
        },
    ),
    "article": Comparison(
        "D and G from 128 real + 128 generated",
        "svhn_1000_article",
        {
            "ssgan simultaneous": ssgan("svhn_1000_article", "simultaneous", "auto"),
            "TensorFlow 2": Tool("peers.keras_article", {}),
            "ssgan simultaneous float32": ssgan("svhn_1000_article", "simultaneous", "float32"),
        },
    ),
    "paper_cifar": Comparison(
        "as paper_svhn, 96 and 192 filters",
        "cifar10_4000_paper",
        {
            "ssgan alternating": ssgan("cifar10_4000_paper", "alternating", "auto"),
            "ssgan simultaneous": ssgan("cifar10_4000_paper", "simultaneous", "auto"),
        },
    ),
    "small": Comparison(
        "the default recipe, 50 labelled + 50 unlabelled + 32 generated",
        "svhn_1000",
        {
            "ssgan simultaneous": ssgan("svhn_1000", "simultaneous", "auto"),
            "ssgan simultaneous float32": ssgan("svhn_1000", "simultaneous", "float32"),
        },
    ),
}


def main() -> None:
    """Runs the comparisons that are asked for."""
    arguments = parse_arguments()
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    images = arguments.work_dir / "images.npz"
    source = {"dataset": arguments.dataset, "data_dir": arguments.data_dir, "count": arguments.images}
    found = run(Tool("common.images", source), arguments.work_dir, output=str(images))
    if AGREEMENT in arguments.only:
        about = results.about(found["about"])
        results.put(arguments.output, **{AGREEMENT: {**about, **check_agreement(images, arguments.work_dir)}})
    for name in (name for name in COMPARISONS if name in arguments.only):
        compare(name, {**results.about(found["about"]), "images": found["dataset"]}, images, arguments)


def parse_arguments() -> argparse.Namespace:
    """Returns the options."""
    more: dict[str, dict] = {
        "--dataset": {"default": "street_digits", "help": "as the option of ssgan.train"},
        "--data_dir": {"help": "as the option of ssgan.train"},
        "--images": {"type": int, "default": 10_000, "help": "number of train images at most"},
    }
    parts = [AGREEMENT, *COMPARISONS]
    return shared_options.parse(__doc__, parts=parts, rounds=5, steps=10, warm_up=3, output="bench.json", more=more)


def compare(name: str, about: dict, images: Path, arguments: argparse.Namespace) -> None:
    """Runs every tool of a comparison in turn, round after round; the results are written after each."""
    comparison = COMPARISONS[name]
    measured: dict[str, list[dict]] = {tool: [] for tool in comparison.tools}
    floors: dict[str, list[dict]] = {flag: [] for flag in floor_flags(comparison)}
    for number in range(arguments.rounds):
        for flag, reports in floors.items():
            options = {"config": comparison.config, "flags": [flag]}
            reports.append(run(Tool("speed.floor", options), arguments.work_dir))
        for tool, how in comparison.tools.items():
            print(f"{name}, round {number + 1} of {arguments.rounds}: {tool} ...", flush=True)
            report = run(how, arguments.work_dir, images=str(images), steps=arguments.steps)
            measured[tool].append(report)
        result = summary(comparison, about, measured, floors)
        write(name, result, arguments.output)
    print(table(name, result), flush=True)


def run(tool: Tool, work_dir: Path, **options) -> dict:
    """Runs a module of `experiments` in a process of its own and returns its report.

    Raises:
        SystemExit: if the process fails; the message ends with the end of what it printed.
    """
    python = environments.python_of(tool.environment, work_dir) if tool.environment else sys.executable
    return processes.run(tool.module, {**tool.options, **options}, python=python)


def check_agreement(images: Path, work_dir: Path) -> dict:
    """Compares ssgan's losses and gradients with PyTorch's: the same weights, batch and noise, no dropout, float32.

    With the nets as they are, sums so near to zero that their sign hangs on rounding pass the (leaky) ReLU with one
    slope here and another there; each tool is as far from itself in float64. Hence two tests: with a smooth activation
    in its place everything is within `LARGEST_ERROR`; as they are, losses are, and gradients are no farther from
    PyTorch's in float64 than `LARGEST_ROUNDING` times those of PyTorch's in float32.

    Raises:
        SystemExit: if a test fails.
    """
    found = {}
    for name in ("smooth", "exact"):
        options = {"smooth": name == "smooth"}
        file = work_dir / "agreement.npz"
        losses = run(Tool("peers.ssgan_agreement", options), work_dir, images=str(images), output=str(file))["losses"]
        report = run(Tool("peers.torch_agreement", options, "torch"), work_dir, expected=str(file))
        found[name] = {"losses": losses, **{key: report[key] for key in report if "_to_" in key}}
    exact = found["exact"]
    errors = {f"smooth {name}": error for name, error in found["smooth"]["ssgan_to_float32"].items()}
    errors |= {name: error for name, error in exact["ssgan_to_float32"].items() if name.endswith("_loss")}
    worst = max(errors, key=errors.__getitem__)
    print(f"{len(errors)} losses and gradients agree with PyTorch's to {errors[worst]:.1e} ({worst})")
    ours, theirs = (max(exact[key].values()) for key in ("ssgan_to_float64", "float32_to_float64"))
    print(f"gradients at the kinks of ReLU: ssgan {ours:.1e}, PyTorch {theirs:.1e} from float64", flush=True)
    if not errors[worst] <= LARGEST_ERROR or not ours <= LARGEST_ROUNDING * theirs:
        sys.exit("error: ssgan and PyTorch do not compute the same")
    return {"largest_relative_error": errors[worst], **found}


def floor_flags(comparison: Comparison) -> list[str]:
    """Returns the flag of each kind of updates that ssgan is run with."""
    flags = [flag for tool in comparison.tools.values() for flag in tool.options.get("flags", [])]
    return sorted({flag for flag in flags if flag.startswith("--updates=")})


def summary(comparison: Comparison, about: dict, measured: dict, floors: dict) -> dict:
    """Returns what the results file says of a comparison so far."""
    floor_seconds = {flag: [report["seconds"] for report in reports] for flag, reports in floors.items()}
    first = next(iter(floors))  # the alternating one where there are two: the peers' mathematics
    peaks = [report["peak_gflop_per_second"] for reports in floors.values() for report in reports]
    tools = {
        tool: {"options": comparison.tools[tool].options, **tool_summary(reports)} for tool, reports in measured.items()
    }
    ours = {tool: entry for tool, entry in tools.items() if tool.startswith("ssgan")}
    ratios = {
        f"{peer} / {tool}": ratio(tools[peer]["median_seconds"], entry["median_seconds"])
        for tool, entry in ours.items()
        for peer in tools.keys() - ours.keys()
    }
    for tool, entry in ours.items():
        (flag,) = floors.keys() & set(comparison.tools[tool].options["flags"])
        ratios[f"{tool} / convolutions alone"] = ratio(entry["median_seconds"], floor_seconds[flag])
    return {
        "title": comparison.title,
        "config": comparison.config,
        **about,
        "gflop": {flag: reports[0]["gflop"] for flag, reports in floors.items()},
        "peak_gflop_per_second": statistics.median(peaks),
        "tools": tools,
        "ratios": dict(sorted(ratios.items())),
        "floor": {"seconds": floor_seconds[first], "updates": floor_seconds, "work": floors[first][-1]["work"]},
    }


def tool_summary(reports: list[dict]) -> dict:
    """Returns medians of a tool's rounds, with every single time, and the tool's own account of its options if any."""
    medians = [statistics.median(report["seconds"]) for report in reports]
    return {
        **({"options": reports[0]["options"]} if "options" in reports[0] else {}),
        "median_seconds": medians,
        "images_per_second": reports[0]["rows"] / statistics.median(medians),
        "peak_mib": max(report["peak_mib"] for report in reports),
        "seconds": [report["seconds"] for report in reports],
        "about": reports[0]["about"],
    }


def ratio(numerators: list[float], denominators: list[float]) -> dict:
    """Returns median, least and largest ratio of the rounds."""
    ratios = [above / below for above, below in zip(numerators, denominators, strict=True)]
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def table(name: str, comparison: dict) -> str:
    """Returns the figures of a comparison as text."""
    gflop = ", ".join(
        f"{value:.0f} GFLOP {flag.removeprefix('--updates=')}" for flag, value in comparison["gflop"].items()
    )
    lines = [f"\n{name}: {comparison['title']} ({gflop})"]
    lines.append(f"{'':34} s/step (median, min, max)  images/s  peak MiB")
    for tool, entry in comparison["tools"].items():
        seconds = entry["median_seconds"]
        figures = f"{statistics.median(seconds):8.4f} {min(seconds):8.4f} {max(seconds):8.4f}"
        lines.append(f"{tool:34}{figures}  {entry['images_per_second']:8.0f}  {entry['peak_mib']:8}")
    for flag, seconds in comparison["floor"]["updates"].items():
        updates, peak = flag.removeprefix("--updates="), comparison["peak_gflop_per_second"]
        lines.append(f"convolutions alone, {updates:15}{statistics.median(seconds):8.4f}")
        lines.append(f"at {peak:.0f} GFLOP/s, {updates:18}{comparison['gflop'][flag] / peak:8.4f}")
    for pair, figures in comparison["ratios"].items():
        lines.append(f"{figures['median']:6.2f} ({figures['min']:.2f}..{figures['max']:.2f})  {pair}")
    return "\n".join(lines) + "\n"


def write(name: str, result: dict, output: Path) -> None:
    """Puts a comparison into the results, with the tools it had and has no longer, and draws them all."""
    from experiments.peers.figure import draw

    comparisons = results.read(output).get("comparisons", {})
    comparisons[name] = results.with_rows_kept(result, comparisons.get(name, {}), "tools", "ratios")
    results.put(output, comparisons=comparisons)
    draw(comparisons, output.with_suffix(".png"))


if __name__ == "__main__":
    main()
