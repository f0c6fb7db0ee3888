"""A figure as SVG text or PNG bytes: the same figure is the same bytes, and its text is nothing but text."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure

from synovia.plots.style import FONTS, house, plain

__all__ = ["to_png", "to_svg"]

_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_ID = re.compile(r'(\sid="|href="#|url\(#)')
_DEFAULTS = re.compile(r"\s*<defs>\s*<style type=\"text/css\">[^<]*</style>\s*</defs>")
_ROOT = re.compile(r"<svg ([^<>]*)>")
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_FAMILY = "font-family: " + ", ".join(f"'{name}'" for name in FONTS) + ", sans-serif; "
_SAFE = re.compile(r"[^A-Za-z0-9_-]+")


@contextmanager
def _drawing() -> Iterator[None]:
    """The house style; characters that the bundled font lacks are drawn as boxes, without a warning."""
    with house(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font", category=UserWarning)
        yield


def _with_prefix(text: str, prefix: str) -> str:
    """Every id and every reference to one begun with the prefix; the house font left to the root."""
    return _TAG.sub(lambda tag: _ID.sub(rf"\g<1>{prefix}-", tag.group().replace(_FAMILY, "")), text)


def _opening(attributes: str, prefix: str, title: str, description: str) -> str:
    """The root with what all shapes inherit, and what a screen reader says."""
    named = [(name, words) for name, words in (("title", title), ("desc", description)) if words]
    labelled = f' aria-labelledby="{" ".join(f"{prefix}-{name}" for name, _ in named)}"' if named else ""
    told = "".join(f'\n <{name} id="{prefix}-{name}">{escape(words)}</{name}>' for name, words in named)
    font = f'font-family="{", ".join(FONTS)}, sans-serif"'
    lines = 'stroke-linejoin="round" stroke-linecap="butt"'
    return f'<svg id="{prefix}" role="img"{labelled} {font} {lines} {attributes}>{told}'


def to_svg(
    figure: Figure, *, prefix: str = "figure", title: str = "", description: str = "", inline: bool = False
) -> str:
    """The figure as SVG, its text kept as text.

    Parameters
    ----------
    figure : Figure
        Any matplotlib figure.
    prefix : str
        Begins every id, so that several figures can live in one page; other characters than letters, digits,
        ``-`` and ``_`` become ``-``.
    title, description : str
        Read aloud in place of the picture.
    inline : bool
        Without XML declaration and document type, to stand inside an HTML page.

    Returns
    -------
    str
        The same figure gives the same text: no date, no program name, ids derived from the content. There is
        no style sheet in it that could reach the page around it.

    Examples
    --------
    >>> to_svg(Figure(figsize=(1, 1)), prefix="a", inline=True).startswith('<svg id="a" role="img"')
    True
    """
    safe = _SAFE.sub("-", prefix) or "figure"
    buffer = io.StringIO()
    with _drawing(), mpl.rc_context({"svg.hashsalt": "synovia", "svg.id": None}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    prolog, opening, body = buffer.getvalue().partition("<svg ")
    text = _with_prefix(_DEFAULTS.sub("", _METADATA.sub("", opening + body, count=1), count=1), safe)
    _, attributes, drawing = _ROOT.split(text, maxsplit=1)
    text = _opening(attributes, safe, plain(title), plain(description)) + drawing
    return text if inline else prolog + text


def to_png(figure: Figure, *, dpi: int = 150) -> bytes:
    """The figure as PNG; the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
        Any matplotlib figure.
    dpi : int
        Pixels per inch.

    Examples
    --------
    >>> to_png(Figure(figsize=(1, 1)))[1:4]
    b'PNG'
    """
    buffer = io.BytesIO()
    with _drawing():
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()
