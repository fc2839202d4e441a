"""The table of scikit-learn's digits."""

import statistics

from experiments.tables.parts import markdown, result

_TITLES = {
    "SSGANClassifier": "**`SSGANClassifier`**",
    "without a generator": "the same, `gan_weight=0.0`",
    "labels alone": "the same, `gan_weight=0.0, pseudo_label_weight=0.0`",
    "LabelSpreading": 'scikit-learn, `LabelSpreading(kernel="knn")`',
    "SVC": "scikit-learn, `SVC` on the labelled rows",
}


def digits() -> str:
    """Accuracies by choice of labels, and how long a classifier trains."""
    found = result("digits")
    table = []
    for name, title in _TITLES.items():
        if name not in found["classifiers"]:
            continue
        runs = found["classifiers"][name]
        accuracies = [100 * run["accuracy"] for run in runs]
        each = ", ".join(f"{accuracy:.1f}" for accuracy in accuracies)
        seconds = statistics.median(run["seconds"] for run in runs)
        shown = f"{seconds / 60:.1f} min" if seconds > 30 else "under a second"
        table.append([title, f"{statistics.mean(accuracies):.1f} % ({each})", shown])
    header = [f"{found['labels']} labels", f"of {found['tested']} test images right, mean (by label seed)", "one core"]
    return markdown(header, table)
