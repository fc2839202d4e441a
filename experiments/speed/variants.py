"""Times ssgan's training step with one thing done in another way: what each optimisation gives, or would give.

  python -m experiments.speed.variants --rounds=4 --steps=30

Every round runs ssgan as it is and each variant in turn, in processes of their own; gains are taken within a round,
between the fastest ten steps in a row, which other users of the machine have disturbed least. Prints a table; writes
results/variants.json, anew after every round. Leave the machine alone meanwhile.
"""

import argparse
import statistics

from experiments.common import arguments as shared_options
from experiments.common import processes, results

IMAGES = 10_000
CONFIGS = {"small": "svhn_1000", "article": "svhn_1000_article", "paper_svhn": "svhn_1000_paper"}
AS_IT_IS = "as it is"
IN_A_ROW = 10  # steps; as many as one variant runs in one execution

# name: (kept, gain that the profile promised, by configuration)
VARIANTS = {
    "Keras' Dropout": (True, {"small": 0.07, "article": 0.11, "paper_svhn": 0.04}),
    "Keras' BatchNormalization": (True, {"small": 0.02, "article": 0.10, "paper_svhn": 0.03}),
    "bias by +": (True, {"small": 0.02, "paper_svhn": 0.02}),
    "LeakyReLU's gradient from its output": (False, {"small": 0.02, "paper_svhn": 0.03}),
    "transposed convolution by pixel shuffle": (False, {"paper_svhn": 0.03}),
    "strided weight gradients by taps": (False, {"small": 0.01, "paper_svhn": 0.06}),
    "ten steps in an execution": (False, {"small": 0.01}),
    "XLA": (False, {"small": 0.0}),  # known to be slower: by how much
}


def main() -> None:
    """Measures the configurations that are asked for."""
    arguments = parse_arguments()
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    images = arguments.work_dir / "variant_images.npz"
    source = {"dataset": "street_digits", "data_dir": None, "count": IMAGES, "output": str(images)}
    found = processes.run("common.images", source)
    for name in arguments.only:
        about = {**results.about(found["about"]), "images": found["dataset"]}
        variants = [variant for variant, (_, promised) in VARIANTS.items() if name in promised]
        seconds: dict[str, list[float]] = {variant: [] for variant in (AS_IT_IS, *variants)}
        for number in range(arguments.rounds):
            for variant, fastest in seconds.items():
                print(f"{name}, round {number + 1} of {arguments.rounds}: {variant} ...", flush=True)
                options = {"config": CONFIGS[name], "images": str(images), "steps": arguments.steps}
                options["variant"] = None if variant == AS_IT_IS else variant
                report = processes.run("speed.variant_step", options)
                fastest.append(fastest_in_a_row(report["seconds"]))
            result = {**about, "options": report["options"], **summary(name, seconds)}
            before = results.read(arguments.output).get(name, {})
            results.put(arguments.output, **{name: results.with_rows_kept(result, before, "variants")})
        print(table(name, result), flush=True)


def parse_arguments() -> argparse.Namespace:
    """Returns the options."""
    return shared_options.parse(
        __doc__, parts=CONFIGS, rounds=4, steps=30, warm_up=10, output="variants.json", multiple=IN_A_ROW
    )


def fastest_in_a_row(seconds: list[float]) -> float:
    """Returns the mean of the fastest ten steps in a row, seconds."""
    return min(statistics.mean(seconds[i : i + IN_A_ROW]) for i in range(0, len(seconds), IN_A_ROW))


def summary(name: str, seconds: dict[str, list[float]]) -> dict:
    """Returns the times of a configuration and each variant's gain: the fraction of a step that is saved by it.

    What is kept is part of the step as it is, and its variant is slower; what was dropped would be the faster one.
    """
    variants = {}
    for variant, fastest in seconds.items():
        if variant == AS_IT_IS:
            continue
        kept, promised = VARIANTS[variant]
        pairs = zip(seconds[AS_IT_IS], fastest, strict=True)
        gains = [1 - ours / other if kept else 1 - other / ours for ours, other in pairs]
        variants[variant] = {
            "kept": kept,
            "predicted_gain": promised[name],
            "gain": statistics.median(gains),
            "gains": gains,
            "seconds": fastest,
        }
    return {"seconds": seconds[AS_IT_IS], "variants": variants}


def table(name: str, result: dict) -> str:
    """Returns the figures of a configuration as text."""
    lines = [f"\n{name}: {statistics.median(result['seconds']):.4f} s a step as it is"]
    lines.append(f"{'':42}kept  predicted  measured gain (least..largest)")
    for variant, figures in result["variants"].items():
        kept = "yes" if figures["kept"] else "no"
        gains = [100 * gain for gain in figures["gains"]]
        measured = f"{100 * figures['gain']:5.1f} % ({min(gains):.1f}..{max(gains):.1f})"
        lines.append(f"{variant:42}{kept:4}  {100 * figures['predicted_gain']:7.0f} %  {measured}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
