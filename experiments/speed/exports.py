"""Measures the classifier in every format of `ssgan.export`: size, difference from Keras, time to load and to classify.

  python -m experiments.speed.exports --rounds=3 --steps=200

Every format is loaded and timed in processes of its own, round after round; Keras' ways to run a model stand in turn in
one. Prints a table; writes results/exports.json. Leave the machine alone meanwhile.
"""

import statistics
import tempfile
from pathlib import Path

from experiments.common import arguments as shared_options
from experiments.common import processes, results

FORMATS = ("keras", "saved_model", "onnx", "openvino", "litert")
ARCH = "small"
COUNT = 256  # images at once, beside one


def main() -> None:
    """Measures the formats that are asked for."""
    arguments = shared_options.parse(__doc__, parts=FORMATS, rounds=3, steps=200, warm_up=3, output="exports.json")
    about = results.about({})
    with tempfile.TemporaryDirectory() as folder:
        written = {
            name: run("write", name, Path(folder, name), arch=ARCH) for name in FORMATS if name in arguments.only
        }
        about["hardware"] = [one.pop("about") for one in written.values()][0]
        rounds = [
            {name: run("clock", name, Path(folder, name), steps=arguments.steps, count=COUNT) for name in written}
            for _ in range(arguments.rounds)
        ]
    found = {name: summary(written[name], [one[name] for one in rounds]) for name in written}
    earlier = results.read(arguments.output).get("formats", {})
    results.put(arguments.output, **about, arch=ARCH, count=COUNT, formats={**earlier, **found})
    print(table(found))


def run(task: str, name: str, folder: Path, **options) -> dict:
    """Runs a task of `speed.export_step` in a process of its own."""
    return processes.run("speed.export_step", {"task": task, "format": name, "folder": str(folder), **options})


def summary(written: dict, rounds: list[dict]) -> dict:
    """Returns what a format takes: medians of the rounds, and those of each."""
    ways = {
        way: {key: [found["milliseconds"][way][key] for found in rounds] for key in ("one", "many")}
        for way in rounds[0]["milliseconds"]
    }
    loads = [found["load_seconds"] for found in rounds]
    return {
        "bytes": written["bytes"],
        "largest_difference": written["largest_difference"],
        "load_seconds": statistics.median(loads),
        "peak_mib": statistics.median(found["peak_mib"] for found in rounds),
        "milliseconds": {way: {key: statistics.median(of) for key, of in keys.items()} for way, keys in ways.items()},
        "rounds": {"load_seconds": loads, "milliseconds": ways},
    }


def table(formats: dict) -> str:
    """Returns the figures as text, and what `predict_on_batch` takes beside the network, with its target."""
    lines = []
    for name, found in formats.items():
        size = f"{found['bytes'] / 1e6:.2f} MB, off by {found['largest_difference']:.1e}"
        lines.append(f"{name}: {size}, loaded in {found['load_seconds']:.2f} s, {found['peak_mib']:.0f} MiB")
        for way, keys in found["milliseconds"].items():
            lines.append(f"{way:>18} {keys['one']:8.2f} ms for one image, {keys['many']:8.1f} ms for {COUNT}")
    if "keras" in formats:
        one = {way: keys["one"] for way, keys in formats["keras"]["milliseconds"].items()}
        beside = one["predict_on_batch"] - one["tf.function"]
        lines.append(f"one image by predict_on_batch: {beside:.2f} ms beside the network (target: at most 2)")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
