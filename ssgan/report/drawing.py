"""What the figures share: blank ones, text that fits, PNG files that are whole or not at all.

Drawn with matplotlib's object-oriented interface, so no window, backend or pyplot state is touched.
"""

import functools
import io
import os
import textwrap
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from ssgan.store import files

# A power of two: pixels / DPI * DPI is then exact, and no image column is lost to rounding.
DPI = 128
INK, GREY = "#222222", "#8c8c8c"
# From Okabe and Ito's palette, told apart with every common form of colour blindness.
BLUE, VERMILION = "#0072b2", "#d55e00"


def blank(width: float, height: float, **options: Any) -> Figure:
    """Returns a figure of so many inches."""
    return Figure(figsize=(width, height), dpi=DPI, facecolor="white", **options)


def text(points: float) -> dict[str, Any]:
    """Returns the properties of a text of this size."""
    # Names and titles are the caller's: a dollar sign in them does not start a formula.
    return {"fontsize": points, "color": INK, "parse_math": False}


def set_title(figure: Figure, title: str) -> None:
    """Writes a title above a figure; it wraps."""
    width = 0.97 * figure.get_figwidth() * DPI
    figure.suptitle(wrap(title, width=width, points=9.5), x=0.015, ha="left", **text(9.5))


def wrap(text: str, *, width: float, points: float) -> str:
    """Breaks `text` into lines of at most `width` pixels, keeping its own line breaks."""
    return "\n".join(_wrap_line(drawable(line), width, points) for line in text.splitlines())


def drawable(text: str) -> str:
    """Returns `text` with a replacement character for each that the font lacks, of which matplotlib would warn."""
    return "".join(character if ord(character) in _characters() else "\N{REPLACEMENT CHARACTER}" for character in text)


@functools.cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties())).get_charmap())


def _wrap_line(line: str, width: float, points: float) -> str:
    renderer, font = RendererAgg(1, 1, DPI), FontProperties(size=points)
    columns = max(len(line), 1)
    while True:
        lines = textwrap.wrap(line, columns) or [""]
        widest = max(renderer.get_text_width_height_descent(part, font, False)[0] for part in lines)
        if widest <= width or columns == 1:
            return "\n".join(lines)
        columns = max(1, min(columns - 1, int(columns * width / widest)))


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes a figure as a PNG file."""
    path = Path(path)
    content = io.BytesIO()
    # Without the default "Software" entry equal figures give equal files.
    FigureCanvasAgg(figure).print_png(content, metadata={"Software": None})
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.whole(path) as temporary:
        temporary.write_bytes(content.getvalue())
