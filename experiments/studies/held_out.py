"""Measures what can be done with a classifier after its training, on the images that its run held out.

  python -m experiments.studies.held_out --run=RUN

Errors of one view and of means over views, each without and with the class frequencies that are estimated among the
images without labels (`ssgan.train --class_prior`); how well the probabilities fit, before and after the temperature.
The first half of the held-out images serves to find temperature and frequencies, the second to measure. Writes
metrics_held_out.json into the run; `experiments.studies.measure` does this for each run of the study of corrections.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from ssgan.store import files

FILE = "metrics_held_out.json"


def main() -> None:
    """Measures a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    options = parser.parse_args()
    files.write_json(options.run / FILE, measure(options.run))


def measure(run_dir: Path) -> dict[str, Any]:
    """Returns the figures of a run that held out some thousand images and was trained without --class_prior."""
    from ssgan import test_time
    from ssgan.classifier import load_classifier, logits_of
    from ssgan.evaluate import class_prior, confidence, runs
    from ssgan.evaluate.calibration import best_temperature
    from ssgan.training import sources

    config, about = runs.read_options(run_dir), runs.read_about(run_dir / "about.json")
    images = sources.load_images(config, "train")
    config, mask, held_out = sources.choose_labels(config, images)
    found_by, measured = np.array_split(np.random.default_rng(0).permutation(np.flatnonzero(held_out)), 2)
    rows = np.flatnonzero(~held_out & ~mask)[: class_prior.MOST_IMAGES]

    classifier, views = load_classifier(run_dir), runs.views_of_run(config, about["class_names"])
    tested, truth = images.read(measured), images.labels[measured]
    found_images = images.read(found_by), images.labels[found_by]
    temperature = best_temperature(confidence.predicted(logits_of(classifier), found_images[0]), found_images[1])
    figures: dict[str, Any] = {"views": len(views), "images": len(measured), "temperature": temperature}
    for name in ("without", "with"):
        if name == "with":
            figures["class_prior"] = class_prior.correct(
                classifier, images.read(rows), found_images, images.labels[mask]
            )
        logits = {
            "one view": confidence.predicted(logits_of(classifier), tested)[:, np.newaxis],
            "views": confidence.predicted(test_time.of_each(logits_of(classifier), views), tested),
        }
        figures[f"{name} class prior"] = {kind: _figures(each, truth, temperature) for kind, each in logits.items()}
    return figures


def _figures(logits: npt.NDArray, labels: npt.NDArray, temperature: float) -> dict[str, float]:
    """Returns the error of the mean over views, [n, views, K], and how well its probabilities fit."""
    from ssgan.evaluate.classification import evaluate

    names = [str(number) for number in range(logits.shape[-1])]
    plain, calibrated = (
        evaluate(scipy.special.softmax(logits / by, axis=-1).mean(axis=1), labels, class_names=names)
        for by in (1.0, temperature)
    )
    return {
        "error": plain.error,
        "calibration_error": plain.calibration_error,
        "negative_log_likelihood": plain.negative_log_likelihood,
        "calibrated_calibration_error": calibrated.calibration_error,
        "calibrated_negative_log_likelihood": calibrated.negative_log_likelihood,
    }


if __name__ == "__main__":
    main()
