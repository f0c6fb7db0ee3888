"""MEDLINE text as PubMed (``.nbib``) and ERIC write it: four-letter tags, six-blank continuation."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from synovia.formats.piece import Found, Pieces, Reject, find_year, join, to_plain
from synovia.tables.identifier import normalise_doi, normalise_pmid, registry_ids

__all__ = ["looks_like", "read"]

Tags = Mapping[str, Sequence[str]]
Line = tuple[int, str, str, str]

_TAG = re.compile(r"([A-Z][A-Z0-9]{1,4}) {0,3}-(?: (.*)|$|(?<=PMID-)(\d.*))")
_PMID_START = re.compile(r"(?m)^PMID {0,3}- ?\d")
_OWNER_START = re.compile(r"(?m)^OWN {0,3}- ")


def looks_like(text: str) -> float:
    r"""How sure the module is that a text is MEDLINE text.

    Examples
    --------
    >>> looks_like("PMID- 21314913\nTI  - Knee pain\n")
    0.9
    """
    head = text[:200_000]
    if not (_PMID_START.search(head) or _OWNER_START.search(head)):
        return 0.0
    return 0.0 if re.search(r"(?m)^TY {1,2}- ", head) else 0.9


def read(text: str, *, file: str) -> Pieces:
    r"""Take MEDLINE text apart; a record runs from ``PMID-`` to the next one or to the end.

    Where another tag opens the file (ERIC writes ``OWN -``), that tag opens every record.

    Parameters
    ----------
    text : str
        The export, with LF line ends.
    file : str
        Name used in messages.

    Returns
    -------
    Pieces
        Records, lines that belong to none, and the number of starts.

    Examples
    --------
    >>> read("PMID- 21314913\nTI  - Knee\n      pain", file="a.nbib").found[0].fields["title"]
    'Knee pain'
    """
    del file
    lines = [(number, *_split(line)) for number, line in enumerate(text.split("\n"), start=1)]
    opener = _choose_opener(lines)
    found: list[Found] = []
    rejects: list[Reject] = []
    for block in _blocks(lines, opener):
        tags = _gather(block)
        raw = "\n".join(line for _, _, _, line in block).strip("\n")
        if block[0][1] != opener:
            advice = "Look whether they belong to a record near by."
            rejects.append(Reject(block[0][0], "lines outside any record", advice, raw))
        elif any(value for tag, values in tags.items() if tag != opener for value in values):
            found.append(Found(block[0][0], _describe(tags), raw))
        else:
            advice = "Export it again if it matters."
            rejects.append(Reject(block[0][0], "record without content", advice, raw, is_record=True))
    starts = len(re.findall(rf"(?m)^{opener} {{0,3}}-(?: |$|(?<=PMID-)\d)", text))
    return Pieces(tuple(found), tuple(rejects), starts)


def _split(line: str) -> tuple[str, str, str]:
    match = _TAG.match(line)
    return (match[1], match[2] or match[3] or "", line) if match else ("", line.strip(), line)


def _choose_opener(lines: Sequence[Line]) -> str:
    """The tag that opens every record: the first of the file, unless ``PMID`` is the more frequent."""
    first = next((tag for _, tag, _, _ in lines if tag), "PMID")
    count = Counter(tag for _, tag, _, _ in lines)
    return "PMID" if count["PMID"] >= count[first] else first


def _blocks(lines: Sequence[Line], opener: str) -> Iterator[list[Line]]:
    """Runs of lines, parted before each opener and before any other tag or text that follows a blank line."""
    block: list[Line] = []
    after_blank = False
    for line in lines:
        is_blank = not line[3].strip()
        if block and (line[1] == opener or (after_blank and not is_blank)):
            yield block
            block = []
        if not is_blank:
            block.append(line)
        after_blank = is_blank
    if block:
        yield block


def _gather(block: Sequence[Line]) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = {}
    last = ""
    for _, tag, value, _ in block:
        if tag:
            tags.setdefault(tag, []).append(value.strip())
            last = tag
        elif last and value:
            tags[last][-1] = f"{tags[last][-1]} {value}".strip()
    return tags


def _every(tags: Tags, *names: str) -> list[str]:
    return [value for name in names for value in tags.get(name, ()) if value]


def _first(tags: Tags, *names: str) -> str:
    return next(iter(_every(tags, *names)), "")


def _describe(tags: Tags) -> dict[str, str | int | None]:
    """The columns of the records table."""
    authors = _every(tags, "FAU") or _every(tags, "AU") or _every(tags, "CN")
    dois = [value for value in _every(tags, "LID", "AID", "SO") if "[doi]" in value or "doi" in value.lower()]
    registered = join([*_every(tags, "SI"), *_every(tags, "OID"), *_every(tags, "SO")])
    return {
        "kind": to_plain(join(_every(tags, "PT"))),
        "title": to_plain(_first(tags, "TI", "BTI", "TT")),
        "authors": to_plain(join(authors)),
        "year": find_year(_every(tags, "DP", "DEP", "DA", "SO")),
        "source": to_plain(_first(tags, "JT", "TA", "BTI", "CTI")),
        "volume": to_plain(_first(tags, "VI")),
        "issue": to_plain(_first(tags, "IP")),
        "pages": to_plain(_first(tags, "PG")),
        "abstract": to_plain(_first(tags, "AB", "OAB")),
        "keywords": to_plain(join([value.lstrip("*") for value in _every(tags, "MH", "OT")])),
        "language": to_plain(join(_every(tags, "LA"))),
        "doi": next(filter(None, map(normalise_doi, dois)), ""),
        "pmid": normalise_pmid(_first(tags, "PMID")),
        "registry_id": "; ".join(registry_ids(registered)),
        "url": next((value for value in _every(tags, "LID", "URL", "4099") if value.startswith("http")), ""),
        "note": to_plain(join(_every(tags, "GN"))),
    }
