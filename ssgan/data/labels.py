"""Which labels are visible: a boolean mask over the rows, made from (labels, count, seed)."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from ssgan.errors import UsageError
from ssgan.store import files, npz

STRATEGIES = ("balanced", "proportional", "first")
# Keeps the rows held out independent of the rows labelled, for one and the same seed.
_HOLD_OUT_STREAM = 1
_LARGEST_MASK = 2**28  # bytes, one per image


def label_mask(
    labels: np.ndarray,
    num_labels: int,
    seed: int = 0,
    strategy: str = "balanced",
    num_classes: int | None = None,
) -> np.ndarray:
    """Chooses the rows whose label may be seen in training.

    The choice depends on nothing but the arguments. With `balanced`, fewer labels of the same seed
    are a subset of more. The paper takes the same number per class (arXiv:1606.03498, section 6);
    `first` is the choice of the article of `configs/svhn_1000_article.cfg`.

    Args:
        labels: Integers `[n]` in 0..num_classes - 1, or -1 for an image without a label, which is never chosen.
        num_labels: Number of rows to choose, from 0 to as many as have a label; 0 leaves a plain GAN.
        seed: 0..2^32 - 1; not used by `first`.
        strategy: `balanced` (the same number per class), `proportional` (class frequencies kept,
            rounded by largest remainder) or `first` (the first rows that have a label).
        num_classes: Number of classes; None: the largest label, plus one.

    Returns:
        bool `[n]` with exactly `num_labels` True.

    Raises:
        UsageError: if so many cannot be chosen in this way.
    """
    labels = np.asarray(labels)
    _check_labels(labels, num_labels, strategy)
    known = labels >= 0
    if strategy == "first":
        return known & (np.cumsum(known) <= num_labels)
    sizes = np.bincount(labels[known], minlength=num_classes or 1)
    counts = (_balanced if strategy == "balanced" else _proportional)(sizes, num_labels)
    random = _random(seed)
    mask = np.zeros(len(labels), bool)
    for label, count in enumerate(counts):
        # The whole class is permuted whatever the count, so that a smaller mask lies within a
        # larger one.
        mask[random.permutation(np.flatnonzero(labels == label))[:count]] = True
    return mask


def _check_labels(labels: np.ndarray, num_labels: int, strategy: str) -> None:
    if strategy not in STRATEGIES:
        raise UsageError(f"strategy is {strategy!r}; expected one of {', '.join(STRATEGIES)}")
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or labels.size == 0 or labels.min() < -1:
        raise UsageError(
            f"labels are {labels.dtype} {list(labels.shape)}; expected integers [n], none below -1 (unlabelled)"
        )
    known = int((labels >= 0).sum())
    if not 0 <= num_labels <= known:
        of_all = f" that have one (of {len(labels)})" if known < len(labels) else ""
        raise UsageError(f"{num_labels} labels were asked for; expected 0..{known}, the number of images{of_all}")


def _random(seed: int, *stream: int) -> np.random.RandomState:
    # The streams of RandomState are frozen by NumPy's policy (NEP 19); those of default_rng may
    # change.
    try:
        return np.random.RandomState([seed, *stream])
    except ValueError as error:
        raise UsageError(f"seed is {seed}; expected 0..{2**32 - 1}") from error


def _balanced(sizes: np.ndarray, num_labels: int) -> np.ndarray:
    each, rest = divmod(num_labels, len(sizes))
    if rest:
        raise UsageError(
            f"{num_labels} labels cannot be balanced over {len(sizes)} classes; take "
            f"{' or '.join(str(n) for n in (num_labels - rest, num_labels - rest + len(sizes)) if n)}, or proportional "
            "ones (--label_strategy=proportional)"
        )
    if sizes.min() < each:
        scarce = int(sizes.argmin())
        raise UsageError(
            f"{num_labels} balanced labels are {each} per class, but class {scarce} has only {sizes[scarce]}; "
            f"take at most {sizes[scarce] * len(sizes)}, or proportional ones (--label_strategy=proportional)"
        )
    return np.full(len(sizes), each)


def _proportional(sizes: np.ndarray, num_labels: int) -> np.ndarray:
    # In whole numbers, so that no rounding of floats decides between two equal remainders.
    counts, remainders = np.divmod(sizes * num_labels, max(sizes.sum(), 1))
    largest = np.argsort(-remainders, kind="stable")[: num_labels - counts.sum()]
    counts[largest] += 1
    return counts


def hold_out(mask: np.ndarray, num_images: int, *, labels: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    """Chooses rows to validate on, among those whose label is not visible: the label mask stays as it is.

    Args:
        mask: bool `[n]`, from `label_mask`.
        num_images: Number of rows to hold out.
        labels: Integers `[n]`; rows of -1, which have no label, are not held out. None: every row has one.
        seed: 0..2^32 - 1.

    Returns:
        bool `[n]` with exactly `num_images` True, none of them in `mask`.

    Raises:
        UsageError: if there are fewer such rows.
    """
    free = np.flatnonzero(~mask if labels is None else ~mask & (np.asarray(labels) >= 0))
    if not 0 <= num_images <= len(free):
        raise UsageError(
            f"{num_images} validation images were asked for (--validation); expected 0..{len(free)}, the images whose "
            f"label is there but not visible ({len(mask)} images in all)"
        )
    held_out = np.zeros(len(mask), bool)
    held_out[_random(seed, _HOLD_OUT_STREAM).permutation(free)[:num_images]] = True
    return held_out


def mask_digest(mask: np.ndarray) -> str:
    """Returns the sha256, in hexadecimal, of a mask: of its length and its bits."""
    return hashlib.sha256(f"{len(mask)}\n".encode() + np.packbits(mask).tobytes()).hexdigest()


def save_label_mask(path: str | Path, mask: np.ndarray, **about: Any) -> str:
    """Writes a mask with its digest, whole or not at all; never over a different one.

    Args:
        path: File to write, customarily `label_mask.npz`; a NumPy archive without pickles.
        mask: bool `[n]`.
        **about: How the mask was made (seed, strategy, digest of the images, ...): anything JSON
            can hold.

    Returns:
        The digest of the mask.

    Raises:
        UsageError: if the file exists and holds another mask, or no mask.
    """
    path, digest = Path(path), mask_digest(mask)
    if path.exists():
        found = mask_digest(load_label_mask(path))
        if found != digest:
            raise UsageError(
                f"{path} holds another label mask (sha256 {found[:12]}, not {digest[:12]}) and "
                "is not overwritten; repeat the labels, label seed and data it was made with, or "
                "write to a new folder"
            )
        return digest
    with files.whole(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, mask=mask, digest=digest, about=json.dumps(about))
    return digest


def load_label_mask(path: str | Path) -> np.ndarray:
    """Reads a mask that `save_label_mask` wrote, and checks its digest.

    Returns:
        bool `[n]`.

    Raises:
        UsageError: if the file is missing, damaged or something else.
    """
    arrays = npz.read_npz(Path(path), max_bytes=_LARGEST_MASK)
    if not {"mask", "digest"} <= arrays.keys():
        raise UsageError(f"{path} holds {sorted(arrays)}; expected a label mask and its digest")
    mask, digest = arrays["mask"], str(arrays["digest"])
    if mask.dtype != bool or mask.ndim != 1 or mask_digest(mask) != digest:
        raise UsageError(f"{path}: the label mask lacks its recorded sha256 {digest[:12]}; it was changed")
    return mask
