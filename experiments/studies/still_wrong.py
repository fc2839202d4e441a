"""Draws the test images that each of several nets gets wrong, though each learned from other labels.

  python -m experiments.studies.still_wrong --runs RUN RUN RUN

Of runs of one data set, such as those that `experiments.studies.measure mnist_100 mnist_100_long` trained. Writes
results/still_wrong.json, the errors of each and of the mean of their predictions and which images none gets right, and
results/still_wrong.png, these images: label, the class that the mean takes it for, and its probability.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from experiments.common import results
from experiments.common.places import RESULTS
from ssgan.report.drawing import blank, save, text

COLUMNS = 12


def main() -> None:
    """Compares the nets, and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    folders = parser.parse_args().runs
    if missing := [str(folder) for folder in folders if not (folder / "classifier.keras").exists()]:
        parser.error(f"there is no classifier in {', '.join(missing)}: train these first, see --help")
    from ssgan import hardware
    from ssgan.classifier import load_classifier, logits_of
    from ssgan.evaluate import confidence, runs
    from ssgan.training import sources

    origin = results.about(hardware.describe())
    options = [runs.read_options(folder) for folder in folders]
    test = sources.load_images(options[0], "test")
    images = test.read(np.arange(len(test)))
    logits = [confidence.predicted(logits_of(load_classifier(folder)), images) for folder in folders]
    found = compare(scipy.special.softmax(logits, axis=-1), test.labels)
    of_runs = [results.public(vars(one)) for one in options]
    results.put(RESULTS / "still_wrong.json", **origin, **found, options=of_runs)
    draw(images, found["wrong_in_all"], RESULTS / "still_wrong.png")
    print(f"wrong in each net: {len(found['wrong_in_all'])} of {len(images):,} images", flush=True)


def compare(probabilities: npt.NDArray, labels: npt.NDArray[np.integer]) -> dict[str, Any]:
    """Returns the errors of nets, of their mean, and the images that all get wrong.

    Args:
        probabilities: [nets, images, classes].
        labels: [images].
    """
    wrong = probabilities.argmax(-1) != labels
    mean = probabilities.mean(axis=0)
    taken_for, probability = mean.argmax(-1), mean.max(-1)
    return {
        "errors": wrong.mean(axis=1).tolist(),
        "error_of_mean": float((taken_for != labels).mean()),
        "wrong_in_two_or_more": int((wrong.sum(axis=0) >= 2).sum()),
        "wrong_in_all": [
            {
                "row": int(row),
                "label": int(labels[row]),
                "taken_for": int(taken_for[row]),
                "probability": round(float(probability[row]), 3),
            }
            for row in np.flatnonzero(wrong.all(axis=0))
        ],
    }


def draw(images: npt.NDArray[np.uint8], shown: list[dict[str, Any]], path: Path) -> None:
    """Draws images with what they are, and what they are taken for."""
    rows = -(-len(shown) // COLUMNS)
    figure = blank(COLUMNS * 0.75, rows * 0.95, layout="constrained")
    for axes, each in zip(figure.subplots(rows, COLUMNS, squeeze=False).flat, shown, strict=False):
        axes.imshow(images[each["row"]], cmap="gray")
        axes.set_title(f"{each['label']} → {each['taken_for']}  {each['probability']:.2f}", pad=2, **text(6))
    for axes in figure.axes:
        axes.axis("off")
    save(figure, path)


if __name__ == "__main__":
    main()
