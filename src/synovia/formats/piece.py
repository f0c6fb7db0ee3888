"""What a format reader hands back: records as fields, and pieces that are no record."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Found", "Pieces", "Reader", "Reject", "find_year", "join", "number_pages", "to_plain"]


@dataclass(frozen=True, slots=True)
class Found:
    """One record as read.

    Attributes
    ----------
    line : int
        Line of the file on which it starts, from 1.
    fields : Mapping
        Columns of the records table that the export fills; ``year`` is an integer or None.
    raw : str
        Its text as the export has it.
    """

    line: int
    fields: Mapping[str, str | int | None]
    raw: str


@dataclass(frozen=True, slots=True)
class Reject:
    """One piece of an export that is not a whole record, or a remark on one.

    Attributes
    ----------
    line : int or None
        Line on which it starts; None when the whole file is meant.
    reason, advice, raw : str
        Why it is here, what to do, and the piece itself.
    is_record : bool
        Whether a record started here and could not be kept; such a piece counts against the starts.
    """

    line: int | None
    reason: str
    advice: str
    raw: str
    is_record: bool = False


@dataclass(frozen=True, slots=True)
class Pieces:
    """An export taken apart.

    Attributes
    ----------
    found : tuple of Found
        Records in file order.
    rejects : tuple of Reject
        Everything else that was not blank.
    starts : int
        Places where a record starts, counted on their own.
    """

    found: tuple[Found, ...]
    rejects: tuple[Reject, ...]
    starts: int


class Reader(Protocol):
    """What a format module offers; a new format is one more module with these two functions."""

    def looks_like(self, text: str, /) -> float:
        """How sure the module is, from 0 to 1, that the text is in its format."""

    def read(self, text: str, /, *, file: str) -> Pieces:
        """The text, with LF line ends, taken apart."""


_YEAR = re.compile(r"(?<!\d)(?:1[5-9]\d\d|20\d\d|21\d\d)(?!\d)")
_COMPACT_DATE = re.compile(r"((?:19|20)\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]{0,15}(?::[A-Za-z][A-Za-z0-9]{0,15})?)((?:\s|/)[^<>]{0,300})?>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INLINE = frozenset((
    "a", "abbr", "b", "bold", "em", "font", "i", "iframe", "img", "input", "italic", "mark", "object",
    "embed", "overline", "s", "sc", "script", "small", "span", "strike", "strong", "style", "sub", "sup",
    "svg", "tt", "u",
))  # fmt: skip
_BLOCK = frozenset((
    "br", "p", "div", "sec", "title", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "table", "tr",
    "td",
))  # fmt: skip
_PREFIXES = frozenset({"jats", "mml", "inf"})


def find_year(texts: Iterable[str]) -> int | None:
    """The first year of publication that one of the texts names.

    Examples
    --------
    >>> find_year(["10 15", "2022/11/05/"])
    2022
    """
    for text in texts:
        found = _YEAR.search(text)
        if found:
            return int(found[0])
        compact = _COMPACT_DATE.fullmatch(text.strip())
        if compact:
            return int(compact[1])
    return None


def number_pages(first: str, last: str) -> str:
    """First and last page as one text; a first page that is a range already stays as it is."""
    if not last or last == first or "-" in first:
        return first or last
    return f"{first}-{last}" if first else last


def join(values: Sequence[str]) -> str:
    """Values joined by '; ', each once, blanks left out."""
    return "; ".join(dict.fromkeys(value.strip() for value in values if value.strip()))


def to_plain(text: str) -> str:
    """Text without markup: formatting tags removed, entities resolved, control characters made visible.

    Anything in angle brackets that is not a formatting tag is text and stays ("p<0.05", "a<b").

    Examples
    --------
    >>> to_plain("<i>SOX9</i> &amp; p&lt;0.05")
    'SOX9 & p<0.05'
    """
    if "<" in text:
        text = _TAG.sub(_strip_tag, text)
    if "&" in text:
        text = _TAG.sub(_strip_tag, _ENTITY.sub(_resolve, text))
    return " ".join(_CONTROL.sub("\ufffd", text).split())


def _resolve(entity: re.Match[str]) -> str:
    return html.unescape(entity[0])


def _strip_tag(tag: re.Match[str]) -> str:
    name, rest = tag[1].lower(), (tag[2] or "").strip(" /\t\n")
    if rest and "=" not in rest:
        return tag[0]
    if name.rpartition(":")[2] in _BLOCK:
        return " "
    return "" if name in _INLINE or name.partition(":")[0] in _PREFIXES else tag[0]
