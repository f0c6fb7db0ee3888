"""Names of the places that the report can be opened at, and which of them exist."""

import re
from dataclasses import dataclass

from synovia import tables
from synovia.report.content import Content
from synovia.report.rows import lines_of

__all__ = ["Places", "anchor", "identifier_link", "places_of"]

_UNSAFE = re.compile(r"[^A-Za-z0-9-]")


def anchor(kind: str, *parts: object) -> str:
    """A name that is safe in an address and different for different parts.

    Examples
    --------
    >>> anchor("study", "bennell-2021"), anchor("study", "a b")
    ('study.bennell-2021', 'study.a_20_b')
    """
    return ".".join([kind, *(_UNSAFE.sub(_escaped, str(part)) for part in parts)])


def _escaped(match: re.Match[str]) -> str:
    return f"_{ord(match.group()):X}_"


@dataclass(frozen=True, slots=True)
class Places:
    """What a link may point at.

    Attributes
    ----------
    names : frozenset of str
        Every anchor of an evidence row, study, record or answer that the report renders.
    """

    names: frozenset[str]

    def has(self, name: str) -> bool:
        """Whether the report has that place."""
        return name in self.names


def places_of(content: Content) -> Places:
    """Every place of the report that another place links to."""
    found: set[str] = {anchor("answer", answer.synthesis_id) for answer in content.answers}
    for answer in content.answers:
        found |= {anchor("effect", answer.synthesis_id, name) for name in answer.contributions["effect_id"]}
    found |= {anchor("outcome", line) for line in lines_of(content.table(tables.OUTCOMES))}
    for kind, table, column in (
        ("study", tables.STUDIES, "study_id"),
        ("record", tables.RECORDS, "record_id"),
        ("published", tables.PUBLISHED, "result_id"),
        ("preparation", tables.PREPARATIONS, "study_id"),
    ):
        found |= {anchor(kind, name) for name in content.table(table)[column]}
    return Places(frozenset(found))


_DOI = re.compile(r"^(?:doi:\s*)?(10\.\d{4,9}/\S+)$", re.IGNORECASE)
_PMC = re.compile(r"^PMC\d+$")
_PMID = re.compile(r"^(?:PMID:?\s*)?(\d{6,9})$", re.IGNORECASE)
_NCT = re.compile(r"^NCT\d{8}$")


def identifier_link(text: str) -> str:
    """The public address of a DOI, PMID, PMC or NCT number; empty for anything else.

    Examples
    --------
    >>> identifier_link("10.1136/bmj-2022-069722")
    'https://doi.org/10.1136/bmj-2022-069722'
    >>> identifier_link("javascript:alert(1)")
    ''
    """
    value = text.strip()
    if found := _DOI.match(value):
        return f"https://doi.org/{found.group(1)}"
    if _PMC.match(value):
        return f"https://www.ncbi.nlm.nih.gov/pmc/articles/{value}/"
    if _NCT.match(value):
        return f"https://clinicaltrials.gov/study/{value}"
    if found := _PMID.match(value):
        return f"https://pubmed.ncbi.nlm.nih.gov/{found.group(1)}/"
    return ""
