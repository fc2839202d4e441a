"""What every group of options is."""

import dataclasses

from ssgan.options.declare import check


@dataclasses.dataclass(frozen=True, kw_only=True)
class Group:
    """A group of options.

    Raises:
        UsageError: from the constructor, for a value of the wrong type, out of its bounds or not among its choices.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            check(type(self), field.name, getattr(self, field.name), shown_as=f"--{field.name}")
