"""Measures what can be done with a classifier after its training: views, class prior, temperature.

  python -m experiments.studies.corrections --run=RUN [--test]

Errors of one view and of means over views, each without and with the class frequencies that are estimated among the
images without labels (`ssgan.train --class_prior`); how well the probabilities fit, before and after the temperature.
Temperature and frequencies are found by the images that the run held out. With --test, the test images measure them;
without, for decisions, the second half of the held-out images, of which the first then finds them. Writes
metrics_corrections.json into the run; `experiments.studies.measure` does this for each run of some studies.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from ssgan.store import files

FILE = "metrics_corrections.json"
WITHOUT, WITH = "without class prior", "with class prior"


def main() -> None:
    """Measures a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--test", action="store_true", help="measure by the test images")
    options = parser.parse_args()
    files.write_json(options.run / FILE, measure(options.run, by_test=options.test)[0])


def measure(run_dir: Path, *, by_test: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures a run that held out some images.

    Returns:
        Its figures; and `labels` of the images that measured, with their `probabilities`, float [n, K] by whether there
        is a class prior and by views.

    Raises:
        SystemExit: for a run that was corrected already, by --class_prior.
    """
    from ssgan import test_time
    from ssgan.classifier import load_classifier, logits_of
    from ssgan.evaluate import class_prior, confidence, runs
    from ssgan.evaluate.calibration import best_temperature
    from ssgan.training import sources

    config, about = runs.read_options(run_dir), runs.read_about(run_dir / "about.json")
    if config.class_prior:
        raise SystemExit(f"error: {run_dir} was trained with --class_prior; expected a run without")
    images = sources.load_images(config, "train")
    config, mask, held_out = sources.choose_labels(config, images)
    found_by = np.flatnonzero(held_out)
    if by_test:
        measured = sources.load_images(config, "test")
        others = np.arange(len(measured))
    else:
        found_by, others = np.array_split(np.random.default_rng(0).permutation(found_by), 2)
        measured = images
    tested, truth = measured.read(others), measured.labels[others]
    found_images = images.read(found_by), images.labels[found_by]
    unlabeled = images.read(class_prior.some(np.flatnonzero(~held_out & ~mask)))

    classifier, views = load_classifier(run_dir), runs.views_of_run(config, about["class_names"])
    figures: dict[str, Any] = {"views": len(views), "images": len(truth)}
    probabilities = {}

    one = logits_of(classifier)
    logits = {
        "one view": confidence.predicted(one, tested)[:, np.newaxis],
        "views": confidence.predicted(test_time.of_each(one, views), tested),
    }

    def look(prior: str, logits: dict[str, npt.NDArray]) -> None:
        temperature = best_temperature(confidence.predicted(logits_of(classifier), found_images[0]), found_images[1])
        figures[prior] = {"temperature": temperature}
        figures[prior] |= {kind: _figures(each, truth, temperature) for kind, each in logits.items()}
        probabilities[prior] = {kind: mean_probabilities(each) for kind, each in logits.items()}

    look(WITHOUT, logits)
    figures["class_prior"] = class_prior.correct(classifier, unlabeled, found_images, images.labels[mask])
    # By the same numbers for every image: it is enough to look at one.
    shift = confidence.predicted(logits_of(classifier), tested[:1]) - logits["one view"][:1, 0]
    look(WITH, {kind: each + shift[:, np.newaxis] for kind, each in logits.items()})
    return figures, {"labels": truth, "probabilities": probabilities}


def mean_probabilities(logits: npt.NDArray) -> npt.NDArray:
    """Returns the mean over views of the probabilities, [n, K], of logits [n, views, K]."""
    return scipy.special.softmax(logits, axis=-1).mean(axis=1)


def _figures(logits: npt.NDArray, labels: npt.NDArray, temperature: float) -> dict[str, float]:
    """Returns the error of the mean over views, [n, views, K], and how well its probabilities fit."""
    from ssgan.evaluate.classification import evaluate

    names = [str(number) for number in range(logits.shape[-1])]
    plain, calibrated = (
        evaluate(mean_probabilities(logits / by), labels, class_names=names) for by in (1.0, temperature)
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
