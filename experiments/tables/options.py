"""Tables of the options."""

import dataclasses

from experiments.tables.parts import markdown
from ssgan.options.declare import expectation


def table(group: type) -> str:
    """The options of a group."""
    rows = []
    for field in dataclasses.fields(group):
        told, expected = field.metadata["help"], expectation(field)
        default = "" if field.default is None else f"`{field.default}`"
        rows.append([f"`--{field.name}`", default, f"{told} ({expected})" if expected else told])
    return markdown(["option", "default", "what"], rows)
