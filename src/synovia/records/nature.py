"""What kind of report a record is, and whether two records can be one report at all."""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Nature", "describe", "tell_apart"]

_NOTICES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "erratum",
        re.compile(
            r"(?:(?:author|publisher)(?:'s)? )?(?:correction|corrigend(?:um|a)|errat(?:um|a))\b(?! of\b)"
        ),
    ),
    ("retraction notice", re.compile(r"retraction\b")),
    ("expression of concern", re.compile(r"(?:editorial )?expression of concern\b")),
    (
        "reply",
        re.compile(
            r"(?:in )?(?:reply|response) to\b|(?:the )?authors?(?:'s?|s')? (?:reply|response)\b|reply[:.]?$"
        ),
    ),
    ("comment", re.compile(r"(?:a )?(?:comments?|commentary) (?:on|to)\b|re:|letter to the editor\b")),
)
_NOTICE_KINDS: tuple[tuple[str, str], ...] = (
    ("erratum", "erratum"),
    ("corrigendum", "erratum"),
    ("retraction notice", "retraction notice"),
    ("retraction of publication", "retraction notice"),
    ("expression of concern", "expression of concern"),
)
_NOTICE_AT_END = re.compile(
    r"[:.\-–—(\[] ?(erratum|corrigendum|correction|reply|author reply|authors' reply)\W{0,3}$"
)
_REGISTER_KIND = re.compile(r"\bregist(?:ry|er|ration)\b|\bctgov\b|clinical ?trials?\.gov")
_REGISTER = re.compile(
    r"clinicaltrials\.gov|isrctn\.(?:com|org)|trialsearch\.who\.int|who\.int/ictrp|clinicaltrialsregister\.eu"
    r"|euclinicaltrials\.eu|anzctr\.org|chictr\.org|ctri\.nic\.in|umin\.ac\.jp|jrct\.|drks\.de|irct\.(?:ir|behdasht)"
    r"|clinical trials? regist(?:ry|er)|isrctn registry|trialregister\.nl|cris\.nih\.go\.kr"
    r"|ensaiosclinicos\.gov"
)
_DASH = re.compile(r"\s*[-–—,]")
_WORD = re.compile(r"[a-z0-9]{2,}")
_SMALL = frozenset(
    {
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "in",
        "of",
        "on",
        "or",
        "study",
        "the",
        "to",
        "trial",
        "versus",
    }
    | {"vs", "with"}
)


@dataclass(frozen=True, slots=True)
class Nature:
    """What is needed to tell two records apart.

    Attributes
    ----------
    record_id : str
        The record.
    notice : str
        Erratum, reply, comment, retraction notice or expression of concern; empty for a report of its own.
    is_register : bool
        Whether it is an entry of a trial register.
    words : frozenset of str
        Telling Latin words of the title.
    year : int or None
        Year of publication.
    author : frozenset of str
        Words of the first author's name.
    page : str
        First page or article number.
    """

    record_id: str
    notice: str
    is_register: bool
    words: frozenset[str]
    year: int | None
    author: frozenset[str]
    page: str


def describe(record: Mapping[str, object], *, is_register: bool = False) -> Nature:
    """The nature of one record, from its kind, title, source, address and search.

    Parameters
    ----------
    record : mapping
        One row of table ``records``.
    is_register : bool
        Whether the search that brought it ran in a trial register.

    Returns
    -------
    Nature
        What :func:`tell_apart` compares.

    Examples
    --------
    >>> describe({"title": "Erratum: Knee pain", "kind": "JOUR"}).notice
    'erratum'
    """
    text = {
        name: str(record.get(name, ""))
        for name in ("record_id", "title", "kind", "source", "url", "authors", "pages")
    }
    year = record.get("year")
    place = f"{text['source']} {text['url']}".lower()
    return Nature(
        text["record_id"],
        _find_notice(text["title"], text["kind"].lower()),
        is_register or bool(_REGISTER_KIND.search(text["kind"].lower()) or _REGISTER.search(place)),
        _words(text["title"]) - _SMALL,
        int(year) if isinstance(year, int | float) and not math.isnan(year) else None,
        _words(text["authors"].split(";", 1)[0]),
        _DASH.split(text["pages"].strip().lower(), maxsplit=1)[0],
    )


def _find_notice(title: str, kind: str) -> str:
    plain = title.casefold().replace("’", "'").lstrip(" [(\"'")
    for name, shape in _NOTICES:
        if shape.match(plain):
            return name
    end = _NOTICE_AT_END.search(plain[-40:])
    if end:
        return "reply" if "reply" in end[1] else "erratum"
    return next((name for word, name in _NOTICE_KINDS if word in kind), "")


def _words(text: str) -> frozenset[str]:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return frozenset(_WORD.findall("".join(c for c in folded if not unicodedata.combining(c))))


def tell_apart(one: Nature, other: Nature) -> str:
    """Why two records that share an identifier cannot be one report; empty when nothing speaks against it.

    A notice is not the article it is about; a register entry is not a paper; and records whose titles share
    less than half of their words are apart when also the years lie more than one apart, the first authors
    have no name in common, or the first pages differ (abstracts of one congress under one DOI).

    Examples
    --------
    >>> article = describe({"title": "Knee pain", "kind": "JOUR"})
    >>> tell_apart(article, describe({"title": "Reply to: Knee pain"}))
    'a report and a reply'
    """
    if one.notice != other.notice:
        return f"a {one.notice or 'report'} and a {other.notice or 'report'}".replace("a e", "an e")
    if one.is_register != other.is_register:
        return "a register entry and a paper"
    return _second_difference(one, other) if _titles_differ(one.words, other.words) else ""


def _second_difference(one: Nature, other: Nature) -> str:
    """What else differs between two records whose titles do."""
    if one.year is not None and other.year is not None and abs(one.year - other.year) > 1:
        return f"different titles, years {one.year} and {other.year}"
    if one.author and other.author and one.author.isdisjoint(other.author):
        return "different titles and first authors"
    if one.page and other.page and one.page != other.page:
        return f"different titles, pages {one.page} and {other.page}"
    return ""


def _titles_differ(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two titles of at least three telling words share less than half of the shorter one."""
    shorter = min(len(one), len(other))
    return shorter >= 3 and 2 * len(one & other) < shorter
