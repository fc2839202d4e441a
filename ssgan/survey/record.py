"""A survey as JSON, for other programs."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from ssgan.survey.figures import QUANTILES, Survey
from ssgan.survey.findings import WRONG_TWINS, Finding

FORMAT_VERSION = 1  # a new field leaves it as it is; another meaning, or a field that is gone, does not


def as_dict(found: Survey, wrong: Sequence[Finding]) -> dict[str, Any]:
    """Returns all figures and findings."""
    return {
        "format_version": FORMAT_VERSION,
        "folder": str(found.folder.home),
        "clean": not wrong,
        "findings": [dataclasses.asdict(one) | {"names": list(one.names)} for one in wrong],
        "pictures": {
            "readable": len(found.rows),
            "unreadable": len(found.unreadable),
            "labeled": {split: found.labeled(split) for split in found.unlabeled},
            "unlabeled": found.unlabeled,
            "left_out": len(found.folder.left_out),
            "links": found.links,
            "other_files": found.folder.others,
        },
        "classes": [{"name": name, **count} for name, count in sorted(found.counts.items())],
        "sizes": {
            side: dict(zip(map(str, QUANTILES), found.quantiles(side), strict=False)) for side in ("width", "height")
        },
        "formats": found.kinds("format"),
        "modes": found.kinds("mode"),
        "odd": found.odd,
        "unreadable": found.unreadable,
        "duplicates": [
            dataclasses.asdict(twins) | {kind: is_wrong(twins) for kind, is_wrong in WRONG_TWINS.items()}
            for twins in found.twins
        ],
        "preparation": found.preparation.as_dict(),
    }
