"""The card of a classifier, as Hugging Face's hub shows it; names in it may be anybody's."""

import json
from typing import Any

import yaml

from ssgan.formats import runtimes
from ssgan.formats.description import FILE as DESCRIPTION
from ssgan.formats.origin import Origin

FILE = "README.md"
_FITS = {
    "crop": "scaled until the short side fits; what is beyond the middle of the long side is cut off",
    "pad": "scaled until the long side fits; the rest is black",
    "stretch": "stretched to that size",
    "whole": "shrunk until the long side fits, or enlarged by the largest whole factor that fits; the rest is black",
}


def text(origin: Origin, name: str, *, licence: str) -> str:
    """Returns the card: metadata in YAML, then Markdown.

    No text of the user's gets out of its place: in YAML it is quoted, in Markdown it stands in code.

    Args:
        origin: the run.
        name: of the format.
        licence: identifier of the licence, as the hub lists them.
    """
    metadata = yaml.safe_dump(_metadata(origin, name, licence=licence), sort_keys=False, allow_unicode=True)
    height, width, channels = origin.preparation.image_shape
    usage = runtimes.FORMATS[name].usage
    return f"""\
---
{metadata}---

# {len(origin.classes)} classes of images

A classifier of images, {height} x {width} pixels, {"RGB" if channels == 3 else "grey"}: pixels in, the probability of
each class out. {_trained_by(origin)}

## Use

```python
import json
from pathlib import Path

import numpy as np

classes = json.loads(Path("{DESCRIPTION}").read_text("utf-8"))["classes"]
images = np.zeros((1, {height}, {width}, {channels}), np.uint8)  # yours, 0 to 255

{usage}
print(classes[probabilities[0].argmax()])
```

Prepare images as those of the training were: {_FITS[origin.preparation.resize]}.
`{DESCRIPTION}` tells programs so.{_views(origin)}

## Training

- {_trained_on(origin)}
- Labels seen: {origin.num_labels:,}{_without_label(origin)}.

## Test error

{_measured(origin)}

## Limits

- Every image gets one of the classes below, one of something else too; a high probability is no sign that it does not.
- Other cameras, light or backgrounds than in training may cost accuracy: test on images of your own.
- The probabilities were not calibrated.

## Classes

In the order of the probabilities:

```json
{json.dumps(origin.classes, ensure_ascii=False)}
```
""".encode("utf-8", "replace").decode()  # halves of characters, which JSON may hold


def _metadata(origin: Origin, name: str, *, licence: str) -> dict[str, Any]:
    task = "image-classification"
    metadata: dict[str, Any] = {
        "license": licence,
        "library_name": "keras",
        "pipeline_tag": task,
        "tags": [task, "semi-supervised", "gan", "ssgan", *([name] if name != "keras" else [])],
    }
    if origin.figures:
        error, dataset = origin.figures["test_error"], _dataset(origin.figures)
        figures = [
            {"type": "accuracy", "name": "Test accuracy", "value": round(1 - error, 6)},
            {"type": "error", "name": "Test error", "value": error},
        ]
        data = {"type": dataset, "name": dataset, "split": "test"}
        result = {"task": {"type": task}, "dataset": data, "metrics": figures}
        metadata["model-index"] = [{"name": origin.name, "results": [result]}]
    return metadata


def _dataset(figures: dict[str, Any]) -> str:
    return f"{figures['dataset']} (synthetic)" if figures["synthetic"] else figures["dataset"]


def _trained_on(origin: Origin) -> str:
    synthetic = ", drawn by a program: its error says nothing about real images" if origin.synthetic else ""
    return f"Images: {origin.num_train:,} of {_code(origin.dataset)}{synthetic}."


def _trained_by(origin: Origin) -> str:
    by = f"It was trained by ssgan {origin.version}".rstrip()
    if not origin.has_gan:
        return f"{by}."
    return (
        f"{by}, as the discriminator of a semi-supervised GAN ([arXiv:1606.03498](https://arxiv.org/abs/1606.03498))."
    )


def _views(origin: Origin) -> str:
    if origin.num_views == 1:
        return ""
    return f" Each image is looked at in {origin.num_views} ways, and the mean of their probabilities is given."


def _without_label(origin: Origin) -> str:
    if origin.num_labels == origin.num_train:
        return ", one for each image"
    return f"; the other images were {'not used' if origin.is_supervised else 'used without'}"


def _measured(origin: Origin) -> str:
    if not origin.figures:
        return "Not measured."
    figures = origin.figures
    synthetic = " (synthetic)" if figures["synthetic"] else ""
    on = f"{figures['num_test']:,} test images of {_code(figures['dataset'])}{synthetic}"
    return f"{100 * figures['test_error']:.2f} % on {on}."


def _code(name: str) -> str:
    """Returns a name as code in Markdown, where nothing in it means anything, on one line."""
    return f"`{' '.join(name.replace('`', chr(39)).split()) or '?'}`"
