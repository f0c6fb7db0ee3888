"""RIS in all its flavours: one tag a line, a record from ``TY`` to ``ER``."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from synovia.formats.piece import Found, Pieces, Reject, find_year, join, number_pages, to_plain
from synovia.tables.identifier import normalise_doi, normalise_pmid, registry_ids

__all__ = ["looks_like", "read"]

Tags = Mapping[str, Sequence[str]]

_LINE = re.compile(r"(PMID|[A-Z][A-Z0-9])( {1,2})-(?: {1,2}(.*)|(?=$))")
_GLUED = re.compile(r"(?<! ) {4,40}([A-Z][A-Z0-9])  - ")
_START = re.compile(r"(?m)^TY {1,2}-(?: |$)")
_FURNITURE = re.compile(
    r"(?:\d{1,7}\.|<\d{1,7}\.? ?>|Record #\d{1,7} of \d{1,7}|Provider: .*|Content: .*|Link to the .*|% .*)"
)
_COMMON = frozenset(
    (
        *(
            "TY",
            "ER",
            "AB",
            "AD",
            "AN",
            "AU",
            "BT",
            "CN",
            "CP",
            "CT",
            "CY",
            "DA",
            "DB",
            "DO",
            "DP",
            "ED",
            "EP",
            "ET",
        ),
        *(
            "ID",
            "IS",
            "JA",
            "JF",
            "JO",
            "KW",
            "LA",
            "LB",
            "LK",
            "NV",
            "OP",
            "PB",
            "PMID",
            "PP",
            "PY",
            "RI",
            "RN",
            "RP",
        ),
        *("SE", "SN", "SP", "ST", "TA", "TI", "TT", "UR", "VL", "VO", "J2"),
        *(
            f"{letter}{digit}"
            for letter, most in zip("ACLMNTUY", (4, 8, 4, 3, 2, 3, 5, 2), strict=True)
            for digit in range(1, most + 1)
        ),
    )
)
_TITLE = ("TI", "T1", "CT", "BT", "ST", "TT")
_SOURCE = ("T2", "JF", "JO", "JA", "J2", "JI", "J9", "T3", "BT")
_DOI_FIRST, _DOI_ELSEWHERE = ("DO", "DI"), ("UR", "L2", "L3", "L1", "LK", "M1", "M3", "N1", "ID")
_REGISTRY = ("AN", "ID", "U1", "U2", "C1", "C2", "C3", "C4", "CN", "M1", "UR", "LK", "L2", *_SOURCE)
_DOI_ALONE = re.compile(r"(?:doi\s?[:=]?\s?)?10\.\d|(?:https?:)?//", re.IGNORECASE)
_CITED_PUBMED = re.compile(r"PUBMED (\d{1,8})")


@dataclass(slots=True)
class _Open:
    """A record, or a run of tagged lines outside any record, while its lines come in."""

    line: int
    started: bool
    raw: list[str] = field(default_factory=list)
    tags: dict[str, list[str]] = field(default_factory=dict)
    last: str = ""

    def add(self, tag: str, value: str) -> None:
        self.tags.setdefault(tag, []).append(value.strip())
        self.last = tag

    def extend(self, text: str) -> None:
        """A continuation line: a further keyword, or more of the value before it."""
        values = self.tags[self.last]
        if self.last == "KW":
            values.append(text.strip())
        else:
            values[-1] = f"{values[-1]} {text.strip()}".strip()


def looks_like(text: str) -> float:
    r"""How sure the module is that a text is RIS.

    Examples
    --------
    >>> looks_like("TY  - JOUR\nER  - \n")
    0.8
    """
    head = text[:200_000]
    if _START.search(head):
        return 0.8
    tagged = sum(1 for line in head.split("\n", 200)[:200] if _LINE.match(line))
    return 0.4 if tagged >= 3 and re.search(r"(?m)^ER {1,2}-\s*$", head) else 0.0


def read(text: str, *, file: str) -> Pieces:
    r"""Take a RIS export apart; a record without ``ER`` is kept and remarked on.

    Parameters
    ----------
    text : str
        The export, with LF line ends.
    file : str
        Name used in messages.

    Returns
    -------
    Pieces
        Records, everything that is none, and the number of ``TY`` lines and of records that lack one.

    Examples
    --------
    >>> pieces = read("TY  - JOUR\nTI  - Knee pain\nPY  - 2021\n", file="a.ris")
    >>> pieces.found[0].fields["title"], pieces.rejects[0].reason
    ('Knee pain', 'record without ER, kept')
    """
    del file
    found: list[Found] = []
    rejects: list[Reject] = []
    furniture: list[tuple[int, str]] = []
    headless = 0
    for block, ended in _blocks(text, furniture):
        if not block.started:
            is_record = ended and len(block.tags) > 1
            headless += is_record
            rejects.append(_stray(block, is_record=is_record))
            continue
        if not any(value for tag, values in block.tags.items() if tag != "TY" for value in values):
            rejects.append(
                _reject(block, "record without content", "Export it again if it matters.", is_record=True)
            )
            continue
        if not ended:
            advice = "Compare its last fields with the database: the file may have been cut off."
            rejects.append(_reject(block, "record without ER, kept", advice))
        found.append(Found(block.line, _describe(block.tags), "\n".join(block.raw)))
    rejects += _describe_furniture(furniture)
    return Pieces(tuple(found), tuple(rejects), len(_START.findall(text)) + headless)


def _blocks(text: str, furniture: list[tuple[int, str]]) -> Iterator[tuple[_Open, bool]]:
    """Records and stray runs in file order, each with whether an ``ER`` closed it."""
    block: _Open | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        tag, value = _split(line)
        if tag == "TY":
            if block is not None:
                yield block, False
            block = _Open(number, started=True, raw=[line])
            block.add(tag, value)
        elif tag == "ER" and block is not None:
            block.raw.append(line)
            block.tags.setdefault("ER", [])
            yield block, True
            block = _Open(number, started=False, raw=[value]) if value else None
        elif block is None and not line.strip():
            continue
        elif block is None and not tag and _FURNITURE.fullmatch(line.strip()):
            furniture.append((number, line.strip()))
        else:
            block = block or _Open(number, started=False)
            _take(block, line, tag, value)
    if block is not None:
        yield block, False


def _split(line: str) -> tuple[str, str]:
    """Tag and value of a line, or an empty tag when the line continues the one before."""
    match = _LINE.match(line)
    if match is None:
        return "", ""
    tag, gap, value = match[1], match[2], (match[3] or "").strip()
    one_blank = len(gap) == 1
    if one_blank and (tag not in _COMMON or (tag == "ER" and value)):
        return "", ""
    return tag, value


def _take(block: _Open, line: str, tag: str, value: str) -> None:
    block.raw.append(line)
    if tag:
        first, *rest = _GLUED.split(value) if "    " in value else [value]
        block.add(tag, first)
        for glued, text in zip(rest[::2], rest[1::2], strict=True):
            block.add(glued, text)
    elif block.last and line.strip():
        block.extend(line)


def _reject(block: _Open, reason: str, advice: str, *, is_record: bool = False) -> Reject:
    return Reject(block.line, reason, advice, "\n".join(block.raw).strip("\n"), is_record=is_record)


def _stray(block: _Open, *, is_record: bool) -> Reject:
    if is_record:
        return _reject(
            block, "record without TY", "Add a TY line before it, or export it again.", is_record=True
        )
    return _reject(block, "lines outside any record", "Look whether they belong to a record near by.")


def _describe_furniture(lines: Sequence[tuple[int, str]]) -> list[Reject]:
    if not lines:
        return []
    reason = f"{len(lines)} lines of numbering between records, not part of any record"
    return [Reject(lines[0][0], reason, "Nothing to do.", "\n".join(text for _, text in lines))]


def _first(tags: Tags, names: Sequence[str]) -> str:
    return next((value for name in names for value in tags.get(name, ()) if value), "")


def _every(tags: Tags, names: Sequence[str]) -> list[str]:
    """All values of the first of the tags that has any."""
    return next((filled for name in names if (filled := [v for v in tags.get(name, ()) if v])), [])


def _describe(tags: Tags) -> dict[str, str | int | None]:
    """The columns of the records table, whichever tags the flavour uses for them."""
    source = [to_plain(value) for name in _SOURCE for value in tags.get(name, ())]
    kinds = [value for name in ("TY", "M3") for value in tags.get(name, ()) if not _DOI_ALONE.match(value)]
    return {
        "kind": to_plain(join(kinds)),
        "title": to_plain(_first(tags, _TITLE)),
        "authors": to_plain(join(_every(tags, ("AU", "A1")))),
        "year": find_year(value for name in ("PY", "Y1", "DA") for value in tags.get(name, ())),
        "source": next((value for value in source if value), ""),
        "volume": to_plain(_first(tags, ("VL", "VO"))),
        "issue": to_plain(_first(tags, ("IS", "CP"))),
        "pages": to_plain(number_pages(_first(tags, ("SP", "PG", "C7")), _first(tags, ("EP",)))),
        "abstract": to_plain(_first(tags, ("AB", "N2"))),
        "keywords": to_plain(join(_every(tags, ("KW",)))),
        "language": to_plain(_first(tags, ("LA",))),
        "doi": _find_doi(tags),
        "pmid": _find_pmid(tags),
        "registry_id": _find_registry(tags),
        "url": (_first(tags, ("UR", "LK", "L2")).split() or [""])[0],
        "note": to_plain(join(tags.get("N1", ()))),
    }


def _find_doi(tags: Tags) -> str:
    """The DOI field, else a field that is a DOI or its address and nothing else."""
    named = (normalise_doi(value) for name in _DOI_FIRST for value in tags.get(name, ()))
    elsewhere = (
        normalise_doi(value)
        for name in _DOI_ELSEWHERE
        for value in tags.get(name, ())
        if _DOI_ALONE.match(value)
    )
    return next(filter(None, named), "") or next(filter(None, elsewhere), "")


def _find_pmid(tags: Tags) -> str:
    """The PubMed number, where the database of the record says which field holds it."""
    databases = join([*tags.get("DB", ()), *tags.get("UR", ()), *tags.get("N1", ())]).lower()
    candidates = list(tags.get("PMID", ()))
    candidates += [match[1] for value in tags.get("C3", ()) if (match := _CITED_PUBMED.search(value))]
    candidates += tags.get("C2", ()) if "scopus" in databases else ()
    candidates += tags.get("C5", ()) if "embase" in databases else ()
    candidates += [v for v in tags.get("AN", ()) if "pubmed" in databases or v.lower().startswith("pmid")]
    candidates += [
        value for name in ("UR", "L2", "N1") for value in tags.get(name, ()) if not value.isdigit()
    ]
    return next(filter(None, map(normalise_pmid, candidates)), "")


def _find_registry(tags: Tags) -> str:
    fields = " ; ".join(value for name in _REGISTRY for value in tags.get(name, ()))
    return "; ".join(registry_ids(fields))
