"""Measures every technique of the GAN on MNIST with 100 labels: short trainings, each one step away from a base.

  python -m experiments.studies.techniques --data_dir=FOLDER                          all that is not measured yet
  python -m experiments.studies.techniques --data_dir=FOLDER --techniques base R1     these alone
  python -m experiments.studies.techniques --draw                                     the picture again

FOLDER holds tfds/, MNIST as TFDS prepares it. What is measured is held-out train images, on which nothing is trained,
with label seeds of decisions. Puts every run into results/techniques.json as soon as it is done; one that is there, of
the same options, is not trained again, and one of other options or steps is replaced. So the study can be interrupted,
and two of them can run side by side, of other techniques or label seeds, on one core each (`taskset -c 0`). At the end,
images of each generator are drawn into results/techniques.png. The time of a step is measured by
`experiments.studies.technique_times`.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from experiments.common import places, processes, results
from ssgan.options import Config
from ssgan.options.combinations import UNBOUNDED
from ssgan.options.flags import parse_flags

BASE = [
    *("--recipe=mnist_100", "--gan_every=1", "--vat_weight=0"),
    *("--generator_width=16", "--labeled_batch=32", "--unlabeled_batch=32", "--generated_batch=32"),
    *("--validation=3000", "--total_steps=500"),
]
STEPS, LABEL_SEEDS = 500, (100, 101)
SCORED, SCORE_STEPS = 8000, 300  # generated images, and the steps in which a fresh net learns from them
SHOWN, SHOWN_SEED = 20, 100  # images of the picture, and the label seed that they are of
LEVELS = 8  # of grey in the picture, so that it is small
ERROR = "validation: held-out train images"


def _objective(name: str) -> list[str]:
    bound = ["--gradient_penalty_weight=10"] if name in UNBOUNDED else []
    return [f"--objective={name}", "--adversarial_weight=1", *bound]


# What each technique changes of the base. Weights are those of the papers where they name one.
TECHNIQUES: dict[str, list[str]] = {
    "base": [],
    **{f"objective {name}": _objective(name) for name in Config.__dataclass_fields__["objective"].metadata["choices"]},
    "no mode seeking": ["--mode_seeking_weight=0"],
    "mode seeking, doubled": ["--mode_seeking_weight=0.6"],
    "no feature matching": ["--feature_matching_weight=0"],
    "squared feature matching": ["--feature_matching=squared"],
    "class feature matching": ["--class_feature_matching_weight=1"],
    "no classes": ["--noconditional"],
    "strong views": ["--gan_views=strong"],
    "uniform noise": ["--latent=uniform"],
    "GAN weight 0.1": ["--gan_weight=0.1"],
    "alternating updates": ["--updates=alternating"],
    "two discriminator steps": ["--updates=alternating", "--d_steps=2"],
    "two time scales": ["--generator_learning_rate=2.5e-4"],
    "label smoothing": ["--label_smoothing=0.1"],
    "R1": ["--r1_weight=10"],
    "R2": ["--r2_weight=10"],
    "gradient penalty": ["--gradient_penalty_weight=10"],
    "consistency term": ["--consistency_term_weight=0.5"],
    "adversarial examples, l2": ["--adversarial_examples_weight=1"],
    "adversarial examples, sign": ["--adversarial_examples_weight=1", "--adversarial_examples_norm=sign"],
    "VAT": ["--vat_weight=1"],
    "historical averaging": ["--historical_averaging_weight=0.001"],  # of a sum over 100,000s of weights
    "noise on pixels": ["--input_noise=0.1"],
    "no noise on hidden layers": ["--hidden_noise=0"],
    "noise on kernels": ["--weight_noise=0.05"],
    "noise on targets": ["--label_noise=0.05"],
    "generated images as labelled ones": ["--generated_labels=0.1"],
    "spectral normalisation": ["--normalization=spectral"],
    "no normalisation": ["--normalization=none"],
    "minibatch discrimination": ["--minibatch_features=100"],
    "O-GAN": ["--encoder_weight=0.5"],
    "virtual batch norm": ["--generator_normalization=virtual"],
    "transposed convolutions": ["--generator=dcgan"],
    "self-modulated generator": ["--generator=self_modulated"],
}


def main() -> None:
    """Measures what is asked for, and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path)
    parser.add_argument("--techniques", nargs="+", choices=TECHNIQUES, default=list(TECHNIQUES), metavar="TECHNIQUE")
    parser.add_argument("--label_seeds", type=int, nargs="+", default=LABEL_SEEDS)
    parser.add_argument("--steps", type=int, default=STEPS, help="of each training, default %(default)s")
    parser.add_argument("--draw", action="store_true", help="train none")
    parser.add_argument(
        "--output", type=Path, default=places.RESULTS / "techniques.json", help="the .json file to write"
    )
    options = parser.parse_args()
    if not options.draw:
        if options.data_dir is None:
            parser.error("--data_dir: expected the folder that holds tfds/")
        for label_seed in options.label_seeds:
            for name in options.techniques:
                run(name, label_seed, options)
    draw(options.output)


def flags_of(name: str, *, label_seed: int, steps: int = STEPS) -> list[str]:
    """Returns the flags of a technique's training, but for where the data is."""
    return [*BASE, *TECHNIQUES[name], f"--total_steps={steps}", f"--label_seed={label_seed}"]


def run(name: str, label_seed: int, options: argparse.Namespace) -> None:
    """Trains and measures once, unless that was done, and puts the outcome into the results."""
    flags = flags_of(name, label_seed=label_seed, steps=options.steps)
    asked = parse_flags(Config, ["techniques", *flags], usage="").mathematics()
    if is_there(results.read(options.output), name, asked):
        return
    origin = results.about({})
    found = processes.run(
        "studies.technique_training",
        {
            "flags": [*flags, f"--data_dir={options.data_dir / 'tfds'}"],
            "scored": SCORED,
            "score_steps": SCORE_STEPS,
            "shown": SHOWN,
        },
    )
    images = found.pop("images")
    put(options.output, name, {**origin, "label_seed": label_seed, "options": asked, **found})
    if label_seed == SHOWN_SEED and images is not None:
        put_images(samples_file(options.output), name, np.array(images, np.uint8))


def is_there(whole: dict[str, Any], name: str, asked: dict[str, Any]) -> bool:
    """Tells whether the results hold a run of these options; one that a run does not know yet is as by default."""
    runs = whole.get("techniques", {}).get(name, {}).get("runs", [])
    usual = {key: Config.__dataclass_fields__[key].default for key in asked}
    return any(all(each["options"].get(key, usual[key]) == value for key, value in asked.items()) for each in runs)


def put(path: Path, name: str, found: dict[str, Any]) -> None:
    """Adds a run to a results file, in the place of another one of its label seed, and says what it found."""
    known = results.read(path).get("techniques", {})
    before = known.get(name, {})
    others = [each for each in before.get("runs", []) if each["label_seed"] != found["label_seed"]]
    runs = sorted([*others, found], key=lambda each: each["label_seed"])
    known[name] = {**before, "flags": TECHNIQUES[name], "runs": runs}
    put_all(path, known)
    shown = {"error": found["error"], "score error": found["score_error"]}
    told = ", ".join(f"{key} {100 * value:.2f} %" for key, value in shown.items() if value is not None)
    print(f"{name:28} label seed {found['label_seed']}: {told or found['not_finite']}", flush=True)


def put_all(path: Path, known: dict[str, Any]) -> None:
    """Writes what is known of the techniques, in the study's order."""
    in_order = {each: known[each] for each in dict.fromkeys([*TECHNIQUES, *known]) if each in known}
    results.put(path, error=ERROR, base=BASE, techniques=in_order)


def samples_file(path: Path) -> Path:
    """Returns where the images beside a results file are kept."""
    return path.with_name(f"{path.stem}_samples.npz")


def read_images(path: Path) -> dict[str, np.ndarray]:
    """Returns the images that are kept of each technique, uint8 [n, height, width, channels], in the study's order."""
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as kept:
        return {name: kept[name] for name in dict.fromkeys([*TECHNIQUES, *kept.files]) if name in kept.files}


def put_images(path: Path, name: str, images: np.ndarray) -> None:
    """Adds the images of a technique to a file, in the place of earlier ones."""
    from ssgan.store import files

    with files.whole(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **{**read_images(path), name: images})  # type: ignore[arg-type]


def draw(path: Path) -> None:
    """Draws the picture beside a results file, if there are images."""
    kept = read_images(samples_file(path))
    if kept:
        from experiments.studies import techniques_figure  # Pillow: after --help

        techniques_figure.draw(kept, path.with_suffix(".png"), levels=LEVELS)


if __name__ == "__main__":
    main()
