"""A survey for a terminal: what is there, then what is wrong."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from ssgan.survey.figures import Survey
from ssgan.survey.findings import WRONG_TWINS, Finding
from ssgan.survey.words import columns, counted, listed, padded, shown

MOST_CLASSES, MOST_NAMES = 20, 5
_BAR, _NAME, _WIDTH = 24, 32, 100  # characters
_ODD = {
    "turned": "turned by their EXIF note",
    "animated": "animated or of several pages (the first is used)",
    "sixteen_bits": "of 16 bits",
    "transparent": "with transparency (on white)",
}
_TWICE = (("the same in every pixel", True), ("nearly the same", False))


def format_text(found: Survey, wrong: Sequence[Finding]) -> str:
    """Returns the lines to print."""
    return "\n".join([*_head(found), "", *_classes(found), "", *_facts(found), "", *_wrong(found, wrong)])


def _head(found: Survey) -> Iterator[str]:
    name = shown(found.folder.name)
    yield f"{name}: {len(found.rows):,} pictures, {len(found.folder.class_names):,} classes"


def _classes(found: Survey) -> Iterator[str]:
    """Gives a line for each class; where they are many, for the largest and the smallest."""
    counts = sorted(found.counts.items())
    left = len(counts) - MOST_CLASSES
    if left > 0:
        by_size = sorted(counts, key=lambda one: (-one[1]["train"], one[0]))
        counts = by_size[: MOST_CLASSES // 2] + by_size[-MOST_CLASSES // 2 :]
    names = [shown(name, _NAME) for name, _ in counts]
    width = max(map(columns, ["no label", *names]))
    largest = max((count["train"] for _, count in counts), default=0)
    yield f"  {padded('class', width)}  {'train':>9}  {'test':>9}"
    for place, (name, (_, count)) in enumerate(zip(names, counts, strict=True)):
        if left > 0 and place == MOST_CLASSES // 2:
            yield f"  ... {left:,} more ..."
        bar = "█" * max(1, round(_BAR * count["train"] / largest)) if count["train"] else ""
        yield f"{_row(padded(name, width), count)}  {bar}".rstrip()
    yield _row(padded("no label", width), found.unlabeled)


def _row(name: str, count: Mapping[str, int]) -> str:
    return f"  {name}  {count['train']:>9,}  {count['test']:>9,}"


def _facts(found: Survey) -> Iterator[str]:
    height, width, channels = found.preparation.image_shape
    yield f"  files     {counted(found.kinds('format').items())}{_beside(found)}"
    if found.facts:
        yield f"  sizes     {_sizes(found)}"
    yield f"  pixels    {counted(found.kinds('mode').items())}"
    if odd := counted((_ODD[name], count) for name, count in found.odd.items()):
        yield f"  among     {odd}"
    if twice := counted((name, sum(one.exact == exact for one in found.twins)) for name, exact in _TWICE):
        yield f"  twice     {twice}"
    color = "grey" if channels == 1 else "colour"
    yield f"  trained   at {height} x {width} in {color}, unless --image_size and --color say otherwise"


def _beside(found: Survey) -> str:
    others = {"by links": found.links, "unreadable": len(found.unreadable), "of other kinds": found.folder.others}
    told = counted(others.items())
    return f"; {told}" if told else ""


def _sizes(found: Survey) -> str:
    widths, heights = found.quantiles("width"), found.quantiles("height")
    if widths[0] == widths[-1] and heights[0] == heights[-1]:
        return f"all {widths[0]:,} x {heights[0]:,}"
    return (
        f"width {widths[0]:,} to {widths[-1]:,}, usually {widths[2]:,}; "
        f"height {heights[0]:,} to {heights[-1]:,}, usually {heights[2]:,}"
    )


def _wrong(found: Survey, wrong: Sequence[Finding]) -> Iterator[str]:
    if not wrong:
        yield "nothing wrong"
        return
    yield f"{len(wrong)} {'finding' if len(wrong) == 1 else 'findings'}"
    for one in wrong:
        told = f"{shown(one.message, 1000)}{f': {one.remedy}' if one.remedy else ''}"
        sign = "✗" if one.stops else "!"
        yield from textwrap.wrap(told, _WIDTH, initial_indent=f"  {sign} ", subsequent_indent="    ")
        yield from (f"      {line}" for line in _examples(found, one))


def _examples(found: Survey, one: Finding) -> Iterator[str]:
    if one.kind == "unreadable":
        yield from (f"{shown(key)}: {shown(found.unreadable[key], 200)}" for key in one.names[:MOST_NAMES])
        if len(one.names) > MOST_NAMES:
            yield f"and {len(one.names) - MOST_NAMES:,} more"
    elif one.kind in WRONG_TWINS:
        for twins in list(filter(WRONG_TWINS[one.kind], found.twins))[:MOST_NAMES]:
            yield f"{listed(twins.keys, 3)}: {listed(twins.labels, 3)}"
    elif one.kind not in ("layout", "imbalance"):
        yield listed(one.names, MOST_NAMES)
