"""Trains `SSGANClassifier` on scikit-learn's digits with 50 labels, beside classifiers of scikit-learn.

  python -m experiments.studies.digits

The drawings come with scikit-learn: 1,797 of 8x8 pixels, of which 500 are for the test. Puts the accuracies for three
choices of the labels into results/digits.json; those that are there are not measured again. Half an hour of one core.
"""

import argparse
import time
from typing import Any

import numpy as np

from experiments.common import places, results

RESULT = places.RESULTS / "digits.json"
LABELS, LABEL_SEEDS, TESTED = 50, (0, 1, 2), 500
RECIPE: dict[str, Any] = {
    "total_steps": 2000,
    "image_shape": (8, 8, 1),
    "arch": "tiny",
    "augment": "affine",
    "shift": 0,
    "random_state": 0,
}
OURS: dict[str, dict[str, Any]] = {
    "SSGANClassifier": {},
    "without a generator": {"gan_weight": 0.0},
    "labels alone": {"gan_weight": 0.0, "pseudo_label_weight": 0.0},
}
THEIRS = ("LabelSpreading", "SVC")


def main() -> None:
    """Measures what is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = (*OURS, *THEIRS)
    parser.add_argument("--classifiers", nargs="+", choices=names, default=names, help="default: all")
    parser.add_argument("--label_seeds", type=int, nargs="+", default=LABEL_SEEDS, help="default: 0 1 2")
    options = parser.parse_args()
    for label_seed in options.label_seeds:
        for name in options.classifiers:
            known = results.read(RESULT).get("classifiers", {})
            if not any(run["label_seed"] == label_seed for run in known.get(name, [])):
                run = measure(name, label_seed)
                known = {**known, name: [*known.get(name, []), run]}
                results.put(RESULT, labels=LABELS, tested=TESTED, recipe=RECIPE, changed=OURS, classifiers=known)
                print(f"{name:20} label seed {label_seed}: {100 * run['accuracy']:.1f} %", flush=True)


def measure(name: str, label_seed: int) -> dict[str, Any]:
    """Returns the accuracy of a classifier on the test images, and how long it trained."""
    from sklearn.datasets import load_digits  # after --help
    from sklearn.model_selection import train_test_split

    from ssgan import hardware, label_mask

    origin = results.about(hardware.describe())
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=TESTED, stratify=y, random_state=0)
    shown = label_mask(y, LABELS, label_seed)
    rows = shown if name == "SVC" else slice(None)  # it learns from labels alone
    classifier, begin = make(name), time.perf_counter()
    classifier.fit(X[rows], np.where(shown, y, -1)[rows])
    seconds = time.perf_counter() - begin
    return {**origin, "label_seed": label_seed, "accuracy": float(classifier.score(X_test, y_test)), "seconds": seconds}


def make(name: str) -> Any:
    """Returns a classifier of the table."""
    from sklearn.semi_supervised import LabelSpreading
    from sklearn.svm import SVC

    import ssgan

    if name in OURS:
        return ssgan.SSGANClassifier(**RECIPE, **OURS[name])
    return SVC() if name == "SVC" else LabelSpreading(kernel="knn")


if __name__ == "__main__":
    main()
