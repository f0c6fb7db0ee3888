"""Exports to records: the format recognised by content, every piece accounted for."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from synovia.errors import Fault, FormatError
from synovia.formats import bibtex, csv_export, nbib, ris
from synovia.formats.encoding import decode, unify_line_ends
from synovia.formats.piece import Pieces, Reader, Reject
from synovia.tables import RECORDS, REJECTS, frame
from synovia.tables.digest import of_text

__all__ = ["FORMATS", "Export", "read_export", "recognise"]

FORMATS: Mapping[str, Reader] = {"ris": ris, "nbib": nbib, "bibtex": bibtex, "csv": csv_export}
"""Formats that Synovia reads; one more module with ``looks_like`` and ``read`` is one more entry."""

_HELP = "RIS, PubMed/MEDLINE text (nbib), BibTeX, and CSV with a title column"
_ELSEWHERE: tuple[tuple[str, str], ...] = (
    (r"FN |PT J\n", "a Web of Science tagged file"),
    (r"%0\b", "an EndNote (Refer) file"),
    (r"\{Reference Type\}", "a NoteExpress file"),
    (r"DataType:", "a CNKI E-Study file"),
    (r"RT ", "a RefWorks tagged file"),
    (r"<\d+\.? ?>", "an Ovid citation file"),
    (r"Record #\d", "a Cochrane citation file"),
    (r"<[A-Za-z!?]", "XML or HTML"),
    (r"[{\[]", "JSON"),
)


@dataclass(frozen=True, slots=True)
class Export:
    """A search export as records.

    Attributes
    ----------
    records : DataFrame
        Table ``records``, in file order.
    rejects : DataFrame
        Table ``rejects``: every piece that is no record, and every remark on one.
    format : str
        Format it was read as.
    encoding : str
        Encoding it was read in.
    starts : int
        Places where a record starts.
    rejected : int
        Records begun that could not be kept; ``starts`` is ``len(records) + rejected``.
    """

    records: pd.DataFrame
    rejects: pd.DataFrame
    format: str
    encoding: str
    starts: int
    rejected: int


def read_export(
    file: str,
    data: bytes,
    *,
    search_id: str,
    format: str | None = None,  # noqa: A002
    first: int = 1,
) -> Export:
    r"""Read a search export.

    Parameters
    ----------
    file : str
        Name of the file, for messages and provenance; nothing is opened.
    data : bytes
        Its content.
    search_id : str
        The search that brought it; records are named after it (``pubmed-0001``).
    format : str, optional
        One of ``FORMATS``; recognised by content when not given.
    first : int
        Number of the first record.

    Returns
    -------
    Export
        Records and rejects.

    Raises
    ------
    FormatError
        When the content is not text, not in a format that Synovia reads, or lacks a title column.

    Examples
    --------
    >>> export = read_export("a.ris", b"TY  - JOUR\nTI  - Knee pain\nER  - \n", search_id="pubmed")
    >>> export.records.loc[0, ["record_id", "title", "format"]].tolist(), export.starts
    (['pubmed-0001', 'Knee pain', 'ris'], 1)
    """
    decoded = decode(file, data)
    text = unify_line_ends(decoded.text)
    name = format or recognise(text, file=file)
    if name not in FORMATS:
        raise FormatError([Fault(f"format {name!r}", f"one of {', '.join(FORMATS)}", file)])
    pieces = FORMATS[name].read(text, file=file)
    rejected = _account(pieces, file)
    remarks = (
        (Reject(None, decoded.note, "Export it as UTF-8 if letters are wrong.", ""),) if decoded.note else ()
    )
    return Export(
        _records(pieces, {"search_id": search_id, "file": file, "format": name}, first),
        _rejects((*remarks, *pieces.rejects), search_id, file),
        name,
        decoded.encoding,
        pieces.starts,
        rejected,
    )


def recognise(text: str, *, file: str = "") -> str:
    r"""Name of the format that a text is in.

    Raises
    ------
    FormatError
        When no reader knows it.

    Examples
    --------
    >>> recognise("PMID- 21314913\nTI  - Knee pain\\n")
    'nbib'
    """
    scores = {name: reader.looks_like(text) for name, reader in FORMATS.items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] > 0:
        return best
    head = text.lstrip()
    other = next((name for shape, name in _ELSEWHERE if re.match(shape, head)), "")
    shown = repr(head[:60]) if head else "an empty file"
    found = f"{other}, beginning {shown}" if other else shown
    advice = "Export the search again as RIS; every database and reference manager offers it."
    raise FormatError([Fault(found, _HELP, file, advice=advice)])


def _account(pieces: Pieces, file: str) -> int:
    """Number of records begun and not kept, or an error when one start is unaccounted for."""
    rejected = sum(reject.is_record for reject in pieces.rejects)
    if pieces.starts != len(pieces.found) + rejected:
        counted = f"{pieces.starts} record starts, {len(pieces.found)} records and {rejected} rejects"
        advice = "This is a fault of Synovia: please report it with the file. Meanwhile export it as RIS."
        raise FormatError([Fault(counted, "every record start accounted for", file, advice=advice)])
    return rejected


def _records(pieces: Pieces, common: Mapping[str, str], first: int) -> pd.DataFrame:
    rows = [
        {
            **common,
            "record_id": f"{common['search_id']}-{number:04d}",
            "line": found.line,
            **found.fields,
            "digest": of_text(found.raw),
        }
        for number, found in enumerate(pieces.found, start=first)
    ]
    return frame(RECORDS, rows)


def _rejects(rejects: tuple[Reject, ...], search_id: str, file: str) -> pd.DataFrame:
    """One row per line of the file: what concerns the same line is joined."""
    rows: dict[int | None, dict[str, object]] = {}
    for reject in sorted(rejects, key=lambda reject: -math.inf if reject.line is None else reject.line):
        row: dict[str, object] = {
            "search_id": search_id,
            "file": file,
            "line": reject.line,
            "reason": reject.reason,
            "advice": reject.advice,
            "raw": reject.raw,
        }
        before = rows.get(reject.line)
        if before is not None:
            row |= {name: f"{before[name]}\n{row[name]}" for name in ("reason", "advice", "raw")}
        rows[reject.line] = row
    return frame(REJECTS, list(rows.values()))
