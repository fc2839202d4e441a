"""Trains nets on what others predict, for a decision: does a student err less than its teacher?

  python -m experiments.studies.student --data_dir=FOLDER [--label_seeds 100 101 ...]

A teacher is a run of the study svhn_lite_half_hour, "default", which is trained before where that is still to be done.
Its student is the same net, begun with other weights, and learns from all images that the teacher did: from the labels
that this one saw, and elsewhere from the class that is the likeliest in the mean over its views. Both are tested on the
images that the teacher held out. Prints the errors and puts every student into results/student.json; one that is there
is not trained again.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from experiments.common import results
from experiments.common.places import RESULTS
from experiments.studies import corrections, measure, photograph_training
from experiments.studies.recipes import STUDIES

STUDY, TEACHER = "svhn_lite_half_hour", "default"
STEPS = 6000  # on labels alone: no more time than the teacher took


def main() -> None:
    """Trains and measures what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True)
    parser.add_argument("--label_seeds", type=int, nargs="+", default=STUDIES[STUDY].label_seeds)
    parser.add_argument("--steps", type=int, default=STEPS, help="default: %(default)s")
    options = parser.parse_args()
    output = RESULTS / "student.json"
    for label_seed in options.label_seeds:
        runs = {run["label_seed"]: run for run in results.read(output).get("runs", [])}
        if label_seed not in runs:
            origin = results.about({})
            measure.measure(STUDY, TEACHER, label_seed, options.data_dir)
            teacher = measure.recipe_folder(STUDY, TEACHER) / f"label_seed_{label_seed}"
            runs[label_seed] = {**origin, "label_seed": label_seed, **teach(teacher, options.steps)}
            results.put(output, runs=[runs[seed] for seed in sorted(runs)])
        errors = ", ".join(f"{name} {100 * error:.2f} %" for name, error in runs[label_seed]["errors"].items())
        print(f"label seed {label_seed}: {errors}", flush=True)


def teach(teacher: Path, steps: int) -> dict[str, Any]:
    """Trains the student of a run.

    Returns:
        Its options, seconds and curve; the errors of both on the images that the teacher held out, and the share of
        wrong classes among those that the student learned from.
    """
    from ssgan import data, hardware, test_time
    from ssgan.classifier import load_classifier, logits_of
    from ssgan.evaluate import confidence, runs
    from ssgan.training import sources

    config = runs.read_options(teacher)
    images = data.load(
        config.dataset, "train", data_dir=config.data_dir, image_size=config.size, limit=config.train_images
    )
    config, mask, held_out = sources.choose_labels(config, images)
    one_view = logits_of(load_classifier(teacher))
    views = test_time.of_each(one_view, runs.views_of_run(config, images.class_names))
    predicted = {
        "teacher, one view": confidence.predicted(one_view, images.images).argmax(-1),
        "teacher, views": corrections.mean_probabilities(confidence.predicted(views, images.images)).argmax(-1),
    }
    labels = np.where(mask, images.labels, predicted["teacher, views"]).astype(np.int32)
    taught = photograph_training.part(dataclasses.replace(images, labels=labels), ~held_out)
    tested = photograph_training.part(images, held_out)
    config = dataclasses.replace(
        config,
        seed=config.seed + 1,
        labels=len(taught),
        label_strategy="first",
        validation=0,
        pseudo_label_weight=0.0,
        total_steps=steps,
    )
    _, seconds, curve = photograph_training.trained(config, taught, tested)
    errors = {name: float((each[held_out] != tested.labels).mean()) for name, each in predicted.items()}
    return {
        "errors": {**errors, "student, one view": curve["error"][-1]},
        "wrongly_taught": float((taught.labels != images.labels[~held_out]).mean()),
        "options": results.public(vars(config)),
        **seconds,
        "curve": curve,
        "hardware": hardware.describe(),
    }


if __name__ == "__main__":
    main()
