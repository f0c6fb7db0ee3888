"""The house style: one palette, one bundled font, and text measured without a renderer."""

import functools
import math
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font, LoadFlags
from matplotlib.transforms import Bbox

__all__ = [
    "ACCENT",
    "BAND",
    "FAINT",
    "FONTS",
    "HAIR",
    "INK",
    "MARK",
    "MUTED",
    "SERIES",
    "blank_axes",
    "box_in_points",
    "column_of",
    "dress_axes",
    "figure_of",
    "house",
    "new_figure",
    "numbers_of",
    "plain",
    "say_no_data",
    "text_width",
    "texts_of",
    "wrap",
]

INK = "#1f2933"
MUTED = "#64707d"
HAIR = "#cdd4db"
FAINT = "#eef1f4"
BAND = "#e9eef3"
MARK = "#4878a6"
ACCENT = "#17406b"

FONTS = ("DejaVu Sans", "Verdana", "Helvetica", "Arial")
"""The bundled font, and what a browser without it falls back to."""

SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a5195", "#64707d")
"""Colours of Okabe and Ito (2008), the yellows darkened to be seen on white."""

_RC: dict[Any, Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": list(FONTS),
    "font.size": 9.0,
    "text.usetex": False,
    "text.parse_math": False,
    "text.color": INK,
    "text.hinting": "no_hinting",
    "axes.facecolor": "white",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.grid": False,
    "axes.unicode_minus": True,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.use_locale": False,
    "figure.facecolor": "white",
    "figure.dpi": 100.0,
    "savefig.facecolor": "auto",
    "savefig.bbox": None,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "lines.linewidth": 1.2,
    "hatch.linewidth": 0.6,
    "hatch.color": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "path.simplify": False,
    "path.sketch": None,
    "svg.fonttype": "none",
    "svg.image_inline": True,
}


@contextmanager
def house() -> Iterator[None]:
    """The house style for as long as the block lasts; the caller's settings come back after it."""
    with mpl.rc_context(_RC):
        yield


def new_figure(width: float, height: float) -> Figure:
    """A white figure of that size in points, known to no window system."""
    return Figure(figsize=(width / 72, height / 72), dpi=100)


def blank_axes(width: float, height: float) -> Axes:
    """Axes that fill a new figure of that size in points."""
    return new_figure(width, height).add_axes((0.0, 0.0, 1.0, 1.0))


def box_in_points(ax: Axes) -> Bbox:
    """The place of the axes on its figure, in points from the lower left corner."""
    figure = figure_of(ax)
    x0, y0, width, height = ax.get_position().bounds
    across, up = figure.get_size_inches() * 72
    return Bbox.from_bounds(x0 * across, y0 * up, width * across, height * up)


_SPACES = re.compile(" +")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+")


def plain(value: object) -> str:
    r"""The text of a value on one line, safe to draw: no control characters, no lone surrogates.

    Examples
    --------
    >>> plain("Bennell\n2021\x00")
    'Bennell 2021'
    >>> plain(None)
    ''
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return _SPACES.sub(" ", _UNPRINTABLE.sub(" ", unicodedata.normalize("NFC", str(value)))).strip()


@functools.cache
def _face(bold: bool) -> FT2Font:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return FT2Font(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name))


@functools.lru_cache(maxsize=4096)
def _advance(character: str, bold: bool) -> float:
    face = _face(bold)
    if not face.get_char_index(ord(character)):
        return 1.0
    glyph = face.load_char(ord(character), flags=LoadFlags.NO_SCALE)
    return float(glyph.horiAdvance) / face.units_per_EM


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a line of text in points, from the font's own advances.

    Examples
    --------
    >>> text_width("11", 10.0) == 2 * text_width("1", 10.0)
    True
    """
    return size * sum(_advance(character, bold) for character in text)


def _split_word(word: str, width: float, size: float, bold: bool) -> list[str]:
    """A word that is wider than the line, cut where the line ends."""
    pieces = [""]
    for character in word:
        if pieces[-1] and text_width(pieces[-1] + character, size, bold=bold) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _shorten(text: str, width: float, size: float, bold: bool) -> str:
    while text and text_width(text + "…", size, bold=bold) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def wrap(text: str, width: float, size: float, *, bold: bool = False, most: int = 0) -> tuple[str, ...]:
    """The text in lines no wider than ``width`` points; with ``most`` lines, the last ends in an ellipsis.

    Examples
    --------
    >>> wrap("one two", 25.0, 10.0)
    ('one', 'two')
    """
    width = width / 1.03  # a screen may round glyphs up to whole pixels
    lines = [""]
    words = (piece for word in plain(text).split(" ") for piece in _split_word(word, width, size, bold))
    for word in words:
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and text_width(longer, size, bold=bold) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    if most and len(lines) > most:
        lines = [*lines[: most - 1], _shorten(lines[most - 1], width, size, bold)]
    return tuple(lines)


def column_of(data: pd.DataFrame, name: str, otherwise: object) -> list[object]:
    """The values of a column, or as many of ``otherwise`` where the frame does not have it."""
    return list(data[name]) if name in data.columns else [otherwise] * len(data)


def texts_of(data: pd.DataFrame, name: str) -> list[str]:
    """The column as drawable text; empty where the frame does not have it."""
    return [plain(value) for value in column_of(data, name, "")]


def numbers_of(data: pd.DataFrame, name: str) -> list[float]:
    """The column as numbers; NaN where missing or where the frame does not have it."""
    values = pd.Series(column_of(data, name, float("nan")), dtype=object)
    return [float(value) for value in pd.to_numeric(values, errors="coerce")]


def figure_of(ax: Axes) -> Figure:
    """The whole figure that the axes stand on."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes have been removed from their figure")
    return figure


def dress_axes(ax: Axes, sides: tuple[str, ...], scale: float = 1.0) -> None:
    """Show only those sides of axes that somebody else may have made, in the house colours."""
    for side, spine in ax.spines.items():
        spine.set(visible=side in sides, color=MUTED, linewidth=0.8 * scale)
    ax.tick_params(
        color=MUTED,
        labelcolor=INK,
        length=3.0 * scale,
        width=0.8 * scale,
        pad=2.5 * scale,
        labelsize=8.0 * scale,
    )


def say_no_data(ax: Axes, sentence: str) -> Axes:
    """Axes that hold a sentence instead of a drawing."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, plain(sentence), ha="center", va="center", color=MUTED, transform=ax.transAxes)
    return ax
