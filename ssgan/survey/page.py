"""A survey as one page that needs nothing but itself: figures, findings, and what the pictures look like."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssgan.pages import address, as_picture, templates, webp
from ssgan.survey.figures import QUANTILES, Survey, Twins
from ssgan.survey.findings import Finding
from ssgan.survey.words import shown

MOST_CLASSES, MOST_PICTURES = 100, 600  # on the contact sheet
MOST_OF_CLASS = 12
MOST_GROUPS, MOST_OF_GROUP, MOST_NAMES = 60, 6, 12
_QUALITY = 75  # of the thumbnails, WebP


def format_page(found: Survey, wrong: Sequence[Finding]) -> str:
    """Returns the page, HTML; every name in it is escaped, and cut to a length that does no harm."""
    environment = templates(Path(__file__).parent)
    environment.filters |= {"shown": shown, "number": "{:,}".format}
    environment.globals["thumbnail"] = lambda key: _thumbnail(found, key)
    counts = sorted(found.counts.items())
    most = max((max(count.values()) for _, count in counts), default=0)
    return environment.get_template("survey.html").render(
        found=found,
        wrong=wrong,
        counts=counts,
        most=max(most, 1),
        sheet=_contact_sheet(found),
        twins=_worst_first(found)[:MOST_GROUPS],
        quantiles=[f"{share:.0%}" for share in QUANTILES],
        most_names=MOST_NAMES,
        most_of_group=MOST_OF_GROUP,
    )


def _contact_sheet(found: Survey) -> list[tuple[str | None, list[str], int]]:
    """Returns of each class some pictures, spread over all, and their number; of those without a label, too."""
    keys: dict[str | None, list[str]] = {name: [] for name in sorted(found.counts)[:MOST_CLASSES]} | {None: []}
    for key in found.rows:
        label = found.folder.entries[key].label
        if label in keys:
            keys[label].append(key)
    each = max(2, min(MOST_OF_CLASS, MOST_PICTURES // len(keys)))
    return [(name, _spread(some, each), len(some)) for name, some in keys.items() if some]


def _spread(keys: Sequence[str], most: int) -> list[str]:
    places = np.linspace(0, len(keys) - 1, min(most, len(keys)))
    return [keys[int(place)] for place in places]


def _worst_first(found: Survey) -> list[Twins]:
    """Returns the groups: those with different labels, then those in train and test, then the others."""
    return sorted(found.twins, key=lambda one: (len(one.labels) < 2, len(one.splits) < 2, not one.exact))


def _thumbnail(found: Survey, key: str) -> str:
    """Returns a prepared picture as a `data:` address."""
    pixels = np.asarray(found.prepared.images[found.rows[key]])
    return address(webp(as_picture(pixels), quality=_QUALITY))
