"""Measures how well a run tells other images from those of its training, by each outlier score.

  python -m experiments.studies.outliers --run=RUN --data_dir=FOLDER

FOLDER holds svhn_lite/, cifar_lite/ and sign_digits/. The images that are none are the test images of the run. Of each
set of outliers, and each score of `ssgan.predict --outlier_score`: the area under the ROC curve, and the share of
outliers that pass where 95 % of the test images do (the false positive rate at 95 % true positives, arXiv:1610.02136).
Writes metrics_outliers.json into the run; `experiments.studies.measure` does this for each run of the studies of
outliers, whose scores and figures were fixed before any was measured.
"""

import argparse
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ssgan.store import files

if TYPE_CHECKING:
    from ssgan.data import Source

Images = npt.NDArray[np.uint8]

FILE = "metrics_outliers.json"
COUNT = 1000  # outliers of a set, at most
KEPT = 0.95  # of the test images
_LETTERS = "".join(sorted(set(string.ascii_letters) - set("BDIJOQSZbgilopqsz")))  # those are taken for digits
_LETTER_PIXELS, _FONTS = 20, ("Sans", "Sans-Bold", "Sans-Oblique", "SansMono", "Serif", "Serif-Bold", "Serif-Italic")


def main() -> None:
    """Measures a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data_dir", type=Path, required=True)
    options = parser.parse_args()
    files.write_json(options.run / FILE, measure(options.run, options.data_dir))


def measure(run_dir: Path, data_dir: Path) -> dict[str, Any]:
    """Returns of each score and set of outliers what `figures` does."""
    from ssgan.evaluate.predictor import read_predictor
    from ssgan.evaluate.runs import read_options
    from ssgan.training import sources

    tested = sources.load_images(read_options(run_dir), "test")
    (logits_of,) = read_predictor(str(run_dir)).logits
    inside = scores(logits_of, tested.read(np.arange(len(tested))))
    found: dict[str, Any] = {name: {} for name in inside}
    for kind, images in outliers(tested, data_dir):
        for name, outside in scores(logits_of, images).items():
            found[name][kind] = figures(inside[name], outside)
    return found


def figures(inside: npt.NDArray[np.floating], outside: npt.NDArray[np.floating]) -> dict[str, float]:
    """Returns how well scores [n] of outliers are told from those, [m], of other images.

    Returns:
        `auroc`, the area under the ROC curve, and `passing`, the share of outliers whose score is not above the one
        that 95 % of the others do not exceed; both in 0..1.
    """
    from sklearn.metrics import roc_auc_score

    is_outlier = np.repeat([0, 1], [len(inside), len(outside)])
    threshold = np.quantile(inside, KEPT, method="inverted_cdf")
    return {
        "auroc": float(roc_auc_score(is_outlier, np.concatenate([inside, outside]))),
        "passing": float((outside <= threshold).mean()),
    }


def scores(logits_of: Callable, images: Images) -> dict[str, npt.NDArray[np.float32]]:
    """Returns each outlier score of images, float32 [n]."""
    import tensorflow as tf

    from ssgan.evaluate.outliers import SCORES

    parts = (images[at : at + 250] for at in range(0, len(images), 250))
    logits = tf.concat([logits_of(part, training=False)[:, 0] for part in parts], axis=0)
    return {name: score(logits).numpy() for name, score in SCORES.items()}


def outliers(tested: "Source", data_dir: Path) -> Iterator[tuple[str, Images]]:
    """Yields sets of outliers, uint8 [n, height, width, channels], of drawings or photographs, with names."""
    images, random = tested.read(np.arange(len(tested))), np.random.default_rng(0)
    yield "noise", random.integers(0, 256, (COUNT, *images.shape[1:]), np.uint8)
    yield "averaged pairs", _averaged_pairs(images, tested.labels, random)
    yield "turned by 90 degrees", np.rot90(images[:COUNT], axes=(1, 2))
    if images.shape[-1] == 1:
        yield "inverted", 255 - images[:COUNT]
        yield "printed letters", letters(images.shape[1], random)
        yield "house numbers, grey", _house_numbers(data_dir / "svhn_lite", images.shape[1])
    else:
        yield "photographs of things", _photographs(data_dir / "cifar_lite", images.shape[1])
        yield "photographs of hands", _photographs(data_dir / "sign_digits", images.shape[1])


def _averaged_pairs(images: Images, labels: npt.NDArray, random: np.random.Generator) -> Images:
    """Returns means of two images of different classes."""
    one, other = random.integers(0, len(images), (2, 2 * COUNT))
    differ = np.flatnonzero(labels[one] != labels[other])[:COUNT]
    return ((images[one[differ]].astype(int) + images[other[differ]]) // 2).astype(np.uint8)


def letters(size: int, random: np.random.Generator) -> Images:
    """Returns letters that no digit looks like, white on black, as high as MNIST's digits, [n, size, size, 1]."""
    from matplotlib import get_data_path
    from PIL import Image, ImageDraw, ImageFont

    drawn = []
    for _ in range(COUNT):
        path = Path(get_data_path(), "fonts", "ttf", f"DejaVu{random.choice(_FONTS)}.ttf")
        font = ImageFont.truetype(str(path), 4 * size)
        mask = Image.new("L", (8 * size, 8 * size))
        ImageDraw.Draw(mask).text((2 * size, size), str(random.choice(list(_LETTERS))), fill=255, font=font)
        letter = mask.crop(mask.getbbox())
        letter.thumbnail((_LETTER_PIXELS, _LETTER_PIXELS))
        sheet = Image.new("L", (size, size))
        sheet.paste(letter, ((size - letter.width) // 2, (size - letter.height) // 2))
        drawn.append(np.asarray(sheet))
    return np.stack(drawn)[..., None]


def _house_numbers(folder: Path, size: int) -> Images:
    from ssgan import data

    found = data.load("svhn_cropped", "test", data_dir=str(folder), image_size=(size, size), limit=COUNT)
    return found.read(np.arange(COUNT)).mean(axis=-1, keepdims=True).astype(np.uint8)


def _photographs(folder: Path, size: int) -> Images:
    from ssgan.options import Config
    from ssgan.training import sources

    found = sources.load_images(sources.find_images(Config(images=str(folder), image_size=str(size))), "test")
    rows = np.random.default_rng(0).permutation(len(found))[:COUNT]  # they lie class by class
    return found.read(np.sort(rows))


if __name__ == "__main__":
    main()
