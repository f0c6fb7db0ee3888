"""The report as one HTML file that asks nothing of any network."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from synovia.report.anchors import Places, anchor
from synovia.report.content import Content
from synovia.report.evidence import documents_of
from synovia.report.numerals import count, decimal, p_value, percent, plain_number
from synovia.report.page import page_of

__all__ = ["render"]

_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def render(content: Content) -> str:
    """The report of a review, whole: style, drawings and script are inside.

    Parameters
    ----------
    content : Content
        Everything it shows.

    Returns
    -------
    str
        HTML. The same content gives the same text: no clock, no path, no randomness. Texts are escaped,
        control characters and direction marks removed. The content security policy of the page allows its
        own style, its own script by digest, and nothing else.

    Examples
    --------
    >>> from synovia.report import Content, Methods
    >>> methods = Methods("1", "not registered", "adults", ("a",), ("b",), ("randomised trial",))
    >>> html = render(Content("A review", "Does it help?", "Knee osteoarthritis", "Synovia", (), methods))
    >>> html.startswith("<!doctype html>")
    True
    """
    style, script = _asset("style.css"), _asset("open.js")
    page = page_of(content)
    html = (
        _environment()
        .get_template("report.html.j2")
        .render(
            page=page,
            content=content,
            style=Markup(style),  # noqa: S704 - files of this package
            script=Markup(script),  # noqa: S704
            script_digest=_digest(script),
        )
    )
    return "\n".join(line.rstrip() for line in clean(html).split("\n") if line.strip()) + "\n"


@cache
def _asset(name: str) -> str:
    return files("synovia.report").joinpath("templates", name).read_text(encoding="utf-8").strip()


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def clean(text: str) -> str:
    r"""A text as it may stand in a page: no control characters, no marks that turn the direction of writing.

    Examples
    --------
    >>> clean("a\u202eb\x00")
    'ab'
    """
    return _UNPRINTABLE.sub("", text)


_HYPHEN = re.compile(r"(?<![\w.\-])-(?=\d)")


def minus(text: str) -> str:
    """A sentence whose negative numbers have a true minus; ranges and names keep their hyphens.

    Examples
    --------
    >>> minus("is -8.7 (-16.5 to 0.9) on 0-100")
    'is −8.7 (−16.5 to 0.9) on 0-100'
    """
    return _HYPHEN.sub("−", text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("synovia.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=count,
        decimal=decimal,
        documents=documents_of,
        minus=minus,
        p=p_value,
        percent=percent,
        plain=plain_number,
    )
    environment.globals.update(anchor=anchor, place=_place)
    return environment


def _place(places: Places, kind: str, *parts: object) -> str:
    """The anchor of a thing when the report has it, else an empty text."""
    name = anchor(kind, *parts)
    return name if places.has(name) else ""
