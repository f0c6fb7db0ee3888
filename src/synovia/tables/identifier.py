"""Public identifiers in their one written form: DOI, PubMed number, trial registry number."""

import html
import re
from collections.abc import Callable
from urllib.parse import unquote

__all__ = ["normalise_doi", "normalise_pmid", "registry_ids"]

_DOI = re.compile(r"10\.\d{4,9}(?:\.\d{1,9}){0,4}/\S{1,400}")
_URL = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_RESOLVER = re.compile(r"(?:https?:)?//[^/\s]*\bdoi[.-]org[^/\s]*/", re.IGNORECASE)
_LANDING = re.compile(r"(?:/doi/(?:[a-z]{2,10}/){0,2}|[?&](?:id=)?doi[=:])(?=10\.)", re.IGNORECASE)
_LANDING_TAIL = re.compile(r"(?:/(?:full|abstract|pdf|epdf|fulltext|meta|summary)|\.pdf)$")
_CLOSERS = {")": "(", "]": "[", "}": "{", ">": "<"}
_PMID = re.compile(r"(?:pmid|pubmed|medline)?\s{0,3}[:=]?\s{0,3}0{0,7}([1-9]\d{0,7})(?:\.0)?", re.IGNORECASE)
_PUBMED_PAGE = re.compile(
    r"(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/(?:m/)?pubmed|europepmc\.org/(?:article/)?med)"
    r"/(?:\?term=)?([1-9]\d{0,7})(?!\d)",
    re.IGNORECASE,
)


def normalise_doi(text: str) -> str:
    """The DOI in a text: lower case, without resolver, escapes and trailing punctuation.

    An address counts only where it resolves or lands on a DOI (``doi.org/...``, ``.../doi/...``,
    ``?doi=...``), because the path of another address may only look like one.

    Parameters
    ----------
    text : str
        A DOI as an export gives it.

    Returns
    -------
    str
        The DOI, empty when the text holds none.

    Examples
    --------
    >>> normalise_doi("https://doi.org/10.1016%2FJ.Joca.2015.04.010.")
    '10.1016/j.joca.2015.04.010'
    >>> normalise_doi("submitted")
    ''
    """
    if "10." not in text:
        return ""
    plain = html.unescape(unquote(text, errors="replace")) if "%" in text or "&" in text else text
    resolver = _RESOLVER.search(plain)
    if resolver is None and _URL.search(plain):
        return _landing_doi(plain)
    found = _DOI.search(plain, resolver.end() if resolver else 0)
    return _trim(found[0]) if found else ""


def _landing_doi(address: str) -> str:
    landing = _LANDING.search(address)
    found = _DOI.match(address, landing.end()) if landing else None
    if found is None:
        return ""
    return _trim(_LANDING_TAIL.sub("", re.split(r"[&?#]", found[0], maxsplit=1)[0].lower()))


def _trim(doi: str) -> str:
    """Lower case, without the punctuation and unmatched brackets of the sentence around it."""
    doi = doi.split("</", 1)[0].split("[doi]", 1)[0].lower()
    while doi:
        last = doi[-1]
        unmatched = last in _CLOSERS and doi.count(last) > doi.count(_CLOSERS[last])
        if last not in ".,;:'\"/\\*" and not unmatched:
            break
        doi = doi[:-1]
    return doi


def normalise_pmid(text: str) -> str:
    """The PubMed number that a text is: digits without leading zeros.

    Examples
    --------
    >>> normalise_pmid("PMID: 21314913"), normalise_pmid("S1769-7212(19)30059-X")
    ('21314913', '')
    """
    whole = _PMID.fullmatch(text.strip())
    page = whole or _PUBMED_PAGE.search(text)
    return page[1] if page else ""


def _upper(text: str) -> str:
    return re.sub(r"\s", "", text.upper())


def _digits_after(prefix: str) -> Callable[[str], str]:
    return lambda text: prefix + re.sub(r"\D", "", text)


def _eudract(text: str) -> str:
    year, number, check = re.findall(r"\d+", text)[:3]
    return f"EUCTR{year}-{number}-{check}"


def _chictr(text: str) -> str:
    return "ChiCTR" + re.sub(r"\s", "", text[6:]).upper()


_REGISTRIES: tuple[tuple[str, Callable[[str], str]], ...] = (
    (r"NCT[ :]?\d{8}", _digits_after("NCT")),
    (r"ISRCTN[ :]?\d{8}", _digits_after("ISRCTN")),
    (r"ChiCTR(?:-[A-Z]{2,5}-|-)?\d{8,10}", _chictr),
    (r"IRCT\d{8,14}N\d{1,3}", _upper),
    (r"(?:EUCTR|Eudra ?CT)[ :#]{0,3}(?:(?:number|no\.?)[ :]{0,2})?\d{4}-\d{6}-\d{2}", _eudract),
    (r"ACTRN[ :]?\d{14}", _digits_after("ACTRN")),
    (r"CTRI/\d{4}/\d{2,3}/\d{6}", _upper),
    (r"UMIN(?:-CTR)?[ :]?\d{9}", _digits_after("UMIN")),
    (r"jRCTs?\d{9,10}", lambda text: "jRCT" + text[4:].lower()),
    (r"DRKS[ :]?\d{8}", _digits_after("DRKS")),
    (r"KCT\d{7}", _upper),
    (r"TCTR\d{11}", _upper),
    (r"RBR-[a-z0-9]{6,8}", lambda text: "RBR-" + text[4:].lower()),
    (r"PACTR\d{15,16}", _upper),
    (r"SLCTR/\d{4}/\d{3}", _upper),
    (r"RPCEC\d{8}", _upper),
    (r"NTR ?\d{2,5}", _upper),
)
_ANY_REGISTRY = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(f"({shape})" for shape, _ in _REGISTRIES) + r")(?![0-9])", re.IGNORECASE
)


def registry_ids(text: str) -> tuple[str, ...]:
    """Trial registry numbers named in a text, each once, in reading order and in its registry's spelling.

    Examples
    --------
    >>> registry_ids("ClinicalTrials.gov/NCT04223622; EudraCT 2012-001234-12; NCT04223622")
    ('NCT04223622', 'EUCTR2012-001234-12')
    """
    found = (_REGISTRIES[(match.lastindex or 1) - 1][1](match[0]) for match in _ANY_REGISTRY.finditer(text))
    return tuple(dict.fromkeys(found))
