"""BibTeX, read entry by entry: a repeated field loses nothing, a broken entry loses only itself."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from synovia.formats.latex import to_letters
from synovia.formats.piece import Found, Pieces, Reject, find_year, join, to_plain
from synovia.tables.identifier import normalise_doi, normalise_pmid, registry_ids

__all__ = ["looks_like", "read"]

Fields = Mapping[str, Sequence[str]]

_ENTRY = re.compile(r"(?m)(?:^|(?<=\}))[ \t]{0,20}@[ \t]{0,5}([A-Za-z]{1,40})[ \t]{0,5}([{(])")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_KEY = re.compile(r"[^,={}\"]{0,300},")
_NAME = re.compile(r"[\s,]*([A-Za-z][A-Za-z0-9_:.+/-]{0,60})\s*=\s*")
_BARE = re.compile(r"[^\s,#{}\"]+")
_JOINT = re.compile(r"\s*#\s*")
_MARK = re.compile(r'\\.|[{}"]', re.DOTALL)
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
_MONTHS = {
    month.lower(): month
    for month in ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
}


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The text from one ``@type{`` up to the next one."""

    line: int
    kind: str
    opener: str
    head: str
    rest: str


def looks_like(text: str) -> float:
    """How sure the module is that a text is BibTeX.

    Examples
    --------
    >>> looks_like("@article{key, title = {Knee pain}}")
    0.7
    """
    head = text[:200_000]
    return 0.7 if any(_KEY.match(head, match.end()) for match in _ENTRY.finditer(head)) else 0.0


def read(text: str, *, file: str) -> Pieces:
    r"""Take a BibTeX file apart; ``@comment``, ``@preamble`` and ``@string`` are no records.

    Parameters
    ----------
    text : str
        The export, with LF line ends.
    file : str
        Name used in messages.

    Returns
    -------
    Pieces
        Records, broken entries and text between entries, and the number of entries begun.

    Examples
    --------
    >>> pieces = read("@article{a, title={One\n@article{b, title={Two}, year=2001}", file="a.bib")
    >>> pieces.found[0].fields["title"], pieces.rejects[0].reason, pieces.starts
    ('Two', 'entry whose braces do not close', 2)
    """
    del file
    found: list[Found] = []
    rejects: list[Reject] = []
    macros: dict[str, str] = dict(_MONTHS)
    starts = 0
    first = _ENTRY.search(text)
    rejects += _outside(text[: first.start()] if first else text, 1)
    for chunk in _chunks(text):
        is_record = chunk.kind not in ("comment", "preamble", "string")
        starts += is_record
        body, after = _close(chunk)
        raw = (chunk.head + chunk.rest).strip()
        if body is None:
            advice = "Close its braces, or export it again: the file may have been cut off."
            rejects.append(
                Reject(chunk.line, "entry whose braces do not close", advice, raw, is_record=is_record)
            )
            continue
        closed = chunk.head + chunk.rest[: len(chunk.rest) - len(after)]
        if chunk.kind == "string":
            fields, _ = _fields(body, macros)
            macros.update({name: values[0] for name, values in fields.items()})
        elif is_record:
            fields, rest = _fields(_without_key(body), macros)
            found.append(Found(chunk.line, _describe(chunk.kind, fields), closed.strip()))
            rejects += _leftover(chunk, body, rest)
        rejects += _outside(after, chunk.line + closed.count("\n"))
    return Pieces(tuple(found), tuple(rejects), starts)


def _chunks(text: str) -> Iterator[_Chunk]:
    matches = list(_ENTRY.finditer(text))
    ends = [*(match.start() for match in matches), len(text)][1:]
    line, seen = 1, 0
    for match, end in zip(matches, ends, strict=True):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        yield _Chunk(line, match[1].lower(), match[2], match[0], text[match.end() : end])


def _close(chunk: _Chunk) -> tuple[str | None, str]:
    """Text inside the entry's braces and text after them; None when they do not close."""
    depth = 1 if chunk.opener == "{" else 0
    for match in _BRACE.finditer(chunk.rest):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0 and match[0] == "}" and chunk.opener == "{":
            return chunk.rest[: match.start()], chunk.rest[match.end() :]
    end = chunk.rest.rfind(")")
    if chunk.opener == "(" and depth == 0 and end >= 0:
        return chunk.rest[:end], chunk.rest[end + 1 :]
    return None, ""


def _outside(text: str, line: int) -> list[Reject]:
    """Text between entries, which BibTeX takes for a comment."""
    if not text.strip():
        return []
    start = line + text[: len(text) - len(text.lstrip())].count("\n")
    reason = "text outside any entry"
    return [Reject(start, reason, "Look whether it belongs to an entry near by.", text.strip())]


def _fields(body: str, macros: Mapping[str, str]) -> tuple[dict[str, list[str]], str]:
    """Every value of every field, and the text at which reading stopped, empty when it read all."""
    fields: dict[str, list[str]] = {}
    place = 0
    while True:
        name = _NAME.match(body, place)
        if name is None:
            rest = body[place:].strip(" \t\n,")
            return fields, rest
        value, place = _value(body, name.end(), macros)
        fields.setdefault(name[1].lower().replace("-", "_"), []).append(value)


def _value(body: str, place: int, macros: Mapping[str, str]) -> tuple[str, int]:
    """A value (braced, quoted, bare or several joined by ``#``) and where it ends."""
    parts: list[str] = []
    while place < len(body):
        part, place = _part(body, place, macros)
        parts.append(part)
        joined = _JOINT.match(body, place)
        if joined is None:
            break
        place = joined.end()
    return "".join(parts), place


def _part(body: str, place: int, macros: Mapping[str, str]) -> tuple[str, int]:
    sign = body[place]
    if sign in '{"':
        end = _end_of_value(body, place)
        return body[place + 1 : end], end + 1
    bare = _BARE.match(body, place)
    if bare is None:
        return "", place
    return macros.get(bare[0].lower(), bare[0]), bare.end()


def _end_of_value(body: str, place: int) -> int:
    """Index of the brace or quote that closes the value opened at ``place``."""
    quoted = body[place] == '"'
    depth = 0
    for match in _MARK.finditer(body, place + quoted):
        sign = match[0]
        if quoted and sign == '"' and depth <= 0:
            return match.start()
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if not quoted and depth == 0 and sign == "}":
            return match.start()
    return len(body)


def _without_key(body: str) -> str:
    key = _KEY.match(body)
    return body[key.end() :] if key else body


def _leftover(chunk: _Chunk, body: str, rest: str) -> list[Reject]:
    if not rest:
        return []
    reason = "part of an entry that could not be read; the fields before it are kept"
    line = chunk.line + body[: body.rfind(rest)].count("\n")
    return [Reject(line, reason, "Correct the braces or quotes before it.", rest)]


def _every(fields: Fields, *names: str) -> list[str]:
    return [text for name in names for value in fields.get(name, ()) if (text := to_letters(value))]


def _first(fields: Fields, *names: str) -> str:
    return to_plain(next(iter(_every(fields, *names)), ""))


def _describe(kind: str, fields: Fields) -> dict[str, str | int | None]:
    """The columns of the records table."""
    authors = [to_letters(name) for value in fields.get("author", ()) for name in _AND.split(value)]
    links = [value for name in ("doi", "url", "ee", "note") for value in fields.get(name, ())]
    registered = " ; ".join(
        _every(fields, "registry", "registry_id", "number", "url", "journal", "howpublished")
    )
    return {
        "kind": to_plain(join([kind, *_every(fields, "document_type")])),
        "title": _first(fields, "title", "booktitle"),
        "authors": to_plain(join(authors)),
        "year": find_year(_every(fields, "year", "date")),
        "source": _first(fields, "journal", "journaltitle", "booktitle", "howpublished", "publisher"),
        "volume": _first(fields, "volume"),
        "issue": _first(fields, "number", "issue"),
        "pages": _first(fields, "pages", "art_number", "article_number").replace("–", "-"),
        "abstract": _first(fields, "abstract"),
        "keywords": to_plain(join(_every(fields, "keywords", "author_keywords", "keyword"))),
        "language": _first(fields, "language", "langid"),
        "doi": next(filter(None, (normalise_doi(link.replace("\\_", "_")) for link in links)), ""),
        "pmid": next(filter(None, map(normalise_pmid, _every(fields, "pmid", "pubmed_id"))), ""),
        "registry_id": "; ".join(registry_ids(registered)),
        "url": (_first(fields, "url").split() or [""])[0],
        "note": to_plain(join(_every(fields, "note", "annote"))),
    }
