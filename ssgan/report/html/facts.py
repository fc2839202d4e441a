"""What a run says of itself, as lines of text; each value may be missing, or of another kind, in somebody's file."""

from ssgan.evaluate.findings import VERSIONS, Findings

Line = tuple[str, str]


def tiles(found: Findings) -> list[tuple[str, str, str]]:
    """Returns what is said beside the error: name, figure, note."""
    trained = _number(found.about.get("num_train"))
    return [
        ("labels used", f"{found.labels:,}", f"of {trained} training images"),
        ("training", _duration(found.summary.get("train_seconds")), f"{_number(found.summary.get('steps'))} steps"),
    ]


def facts(found: Findings) -> list[Line]:
    """Returns what the run was trained on and how."""
    options, about = found.options, found.about
    shape = " x ".join(str(side) for side in about["image_shape"])
    synthetic = ", SYNTHETIC" if about["synthetic"] else ""
    return [
        ("Images", f"{about['dataset']}, {_number(about.get('num_train'))} of {shape} pixels{synthetic}"),
        ("Read from", str(about.get("source", "unknown"))),
        ("Labels used", _labels(found)),
        ("Held out", f"{options['validation']:,} of the other images, to watch the error"),
        ("Networks", f"{options['arch']}, {options['updates']} updates, augmentation {options['augment']}"),
        ("Training", f"{_number(found.summary.get('steps'))} steps in {_duration(found.summary.get('train_seconds'))}"),
        ("Arithmetic", f"{options['precision']}, seed {options['seed']}"),
        ("Machine", _machine(about)),
        ("Versions", ", ".join(f"{name} {about[name]}" for name in VERSIONS[:4] if name in about) or "unknown"),
        ("Date", str(about.get("date", "unknown")).replace("T", " ")),
    ]


def details(found: Findings) -> list[tuple[str, list[Line]]]:
    """Returns all that is recorded, as headed tables."""
    options = [(f"--{name}", "" if value is None else str(value)) for name, value in sorted(found.options.items())]
    names = (*VERSIONS, "dataset", "source", "digest", "label_mask_digest")
    versions = [(name, str(found.about[name])) for name in names if name in found.about]
    return [("All options", options), ("Versions, machine and digests", versions)]


def _labels(found: Findings) -> str:
    options = found.options
    chosen = f"{options['label_strategy']}, label seed {options['label_seed']}"
    if found.training is None or not found.labels:
        return f"{found.labels:,} ({chosen})"
    counts = found.training.class_counts
    low, high = min(counts), max(counts)
    each = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{found.labels:,}, {each} per class ({chosen})"


def _machine(about: dict) -> str:
    gpu = about.get("gpu", "none")
    cores = f"{_number(about.get('cores'))} {'core' if about.get('cores') == 1 else 'cores'}"
    return f"{about.get('processor', 'unknown')}, {cores}{'' if gpu == 'none' else f', {gpu}'}"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "an unknown number of"


def _duration(value: object) -> str:
    if not isinstance(value, (int, float)):
        return "an unknown time"
    seconds = round(value)
    if seconds < 100:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 6000 else f"{seconds // 3600} h {seconds % 3600 // 60} min"
