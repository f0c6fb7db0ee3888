"""Search exports as CSV: PubMed, Scopus, Embase, Cochrane, Rayyan and others, by their column names."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from synovia.errors import Fault, FormatError
from synovia.formats.cells import DELIMITERS, CellRow, split_rows
from synovia.formats.columns import FIRST_PAGE, LAST_PAGE, REGISTER_HEADERS, SYNONYMS, TITLE_HEADERS, simplify
from synovia.formats.piece import Found, Pieces, Reject, find_year, join, number_pages, to_plain
from synovia.tables.identifier import normalise_doi, normalise_pmid, registry_ids

__all__ = ["looks_like", "read"]

_HEADER_WITHIN = 30
_NAMING = ("title", "doi", "pmid", "registry_id")
_KNOWN = frozenset(name for names in SYNONYMS.values() for name in names) | {*FIRST_PAGE, *LAST_PAGE}
_INITIALS = re.compile(r"[^\s,][^,]{0,80} [A-Z]{1,4}\.?")


@dataclass(frozen=True, slots=True)
class _Header:
    """The header row of an export.

    Attributes
    ----------
    row : CellRow
        The row itself.
    delimiter : str
        What separates its cells.
    names : tuple of str
        Its cells, simplified.
    before : tuple of CellRow
        Rows that stand before it.
    """

    row: CellRow
    delimiter: str
    names: tuple[str, ...]
    before: tuple[CellRow, ...]

    @property
    def known(self) -> int:
        """How many of its columns are known."""
        return len(_KNOWN.intersection(self.names))

    @property
    def has_title(self) -> bool:
        """Whether one of its columns is a title."""
        return not TITLE_HEADERS.isdisjoint(self.names)


def looks_like(text: str) -> float:
    r"""How sure the module is that a text is a search export as CSV.

    Examples
    --------
    >>> looks_like("PMID,Title,Authors\n1,Knee pain,Ha CW\n")
    0.85
    """
    header = _find_header(text[:200_000])
    if header is None:
        return 0.0
    if not header.has_title:
        return 0.1
    return 0.85 if header.known >= 3 else 0.3


def read(text: str, *, file: str) -> Pieces:
    r"""Take a CSV export apart: one row after the header is one record.

    Parameters
    ----------
    text : str
        The export, with LF line ends.
    file : str
        Name used in messages.

    Returns
    -------
    Pieces
        Records; rows with too few or too many cells and the lines before the header as rejects.

    Raises
    ------
    FormatError
        When no column is a title; the columns found and wanted are named.

    Examples
    --------
    >>> read("Title,Year\nKnee pain,2021\n", file="a.csv").found[0].fields["year"]
    2021
    """
    header = _find_header(text)
    if header is None or not header.has_title:
        raise _no_title(text, header, file)
    found: list[Found] = []
    rejects = _preamble(header.before)
    for row in _rows_after(text, header):
        wrong = _check(row, header)
        fields = _describe(header, row)
        if wrong is None and not _names_a_report(fields):
            wrong = ("neither title nor identifier", "Look whether it belongs to the row before.")
        if wrong:
            rejects.append(Reject(row.line, *wrong, row.raw, is_record=True))
        else:
            found.append(Found(row.line, fields, row.raw))
    counted = sum(reject.is_record for reject in rejects)
    return Pieces(tuple(found), tuple(rejects), len(found) + counted)


def _names_a_report(fields: Mapping[str, str | int | None]) -> bool:
    """Whether a title, an identifier, or authors with a year or journal tell what the row is about."""
    return any(fields[name] for name in _NAMING) or bool(
        fields["authors"] and (fields["year"] or fields["source"])
    )


def _find_header(text: str) -> _Header | None:
    """The row among the first ones that holds most known column names, a title among them if any does."""
    best: _Header | None = None
    for delimiter in DELIMITERS:
        before: list[CellRow] = []
        for row in split_rows(text, delimiter):
            header = _Header(row, delimiter, tuple(map(simplify, row.cells)), tuple(before))
            if _rank(header) > _rank(best):
                best = header
            before.append(row)
            if len(before) >= _HEADER_WITHIN:
                break
    return best


def _rank(header: _Header | None) -> tuple[bool, int]:
    if header is None:
        return False, 0
    opens = header.has_title and len(header.names) <= 3 and all(row.is_blank for row in header.before)
    if header.known < 2 and not opens:
        return False, 0
    return header.has_title, header.known


def _no_title(text: str, header: _Header | None, file: str) -> FormatError:
    first = text.split("\n", 1)[0][:200]
    columns = ", ".join(cell.strip() for cell in header.row.cells) if header else first
    wanted = "a column with the title, called " + ", ".join(sorted(TITLE_HEADERS))
    advice = "Rename the column that holds the title to Title, or export the search again with titles."
    return FormatError(
        [Fault(f"columns {columns}", wanted, file, header.row.line if header else 1, "", advice)]
    )


def _preamble(rows: Sequence[CellRow]) -> list[Reject]:
    filled = [row for row in rows if not row.is_blank]
    if not filled:
        return []
    raw = "\n".join(row.raw for row in filled)
    return [Reject(filled[0].line, "lines before the header, not records", "Nothing to do.", raw)]


def _rows_after(text: str, header: _Header) -> Iterator[CellRow]:
    rows = split_rows(text, header.delimiter)
    return (row for row in rows if row.line > header.row.line and not row.is_blank)


def _check(row: CellRow, header: _Header) -> tuple[str, str] | None:
    """Reason and advice when a row cannot be matched with the header."""
    wanted, present = len(header.names), len(row.cells)
    if row.fault:
        return row.fault, "The file may have been cut off here: export it again, or close the quote."
    if present < wanted and not row.ended:
        return f"{present} cells where the header has {wanted}", "The file was cut off here: export it again."
    if present < wanted or any(cell.strip() for cell in row.cells[wanted:]):
        reason = f"{present} cells where the header has {wanted}"
        return reason, "Look for a missing or superfluous quote in it or in the row before."
    return None


def _describe(header: _Header, row: CellRow) -> dict[str, str | int | None]:
    """The columns of the records table, by the synonyms of their names."""
    cells: dict[str, str] = {}
    for name, cell in zip(header.names, row.cells, strict=False):
        if cell.strip() and not cells.get(name):
            cells[name] = cell.strip()
    fields: dict[str, str | int | None] = {
        column: to_plain(_first(cells, names)) for column, names in SYNONYMS.items()
    }
    fields["authors"] = to_plain(split_authors(_first(cells, SYNONYMS["authors"])))
    fields["keywords"] = to_plain(_first(cells, SYNONYMS["keywords"]))
    fields["year"] = find_year(cells[name] for name in SYNONYMS["year"] if name in cells)
    fields["doi"] = next(
        filter(None, (normalise_doi(cells.get(n, "")) for n in (*SYNONYMS["doi"], "url"))), ""
    )
    fields["pmid"] = normalise_pmid(_first(cells, SYNONYMS["pmid"]))
    registered = " ; ".join(cells[name] for name in SYNONYMS["registry_id"] if name in cells)
    fields["registry_id"] = "; ".join(registry_ids(registered))
    fields["url"] = (_first(cells, SYNONYMS["url"]).split() or [""])[0]
    fields["pages"] = fields["pages"] or to_plain(
        number_pages(_first(cells, FIRST_PAGE), _first(cells, LAST_PAGE))
    )
    if not REGISTER_HEADERS.isdisjoint(header.names):
        fields["kind"] = join(["trial registry record", str(fields["kind"])])
    return fields


def _first(cells: Mapping[str, str], names: Sequence[str]) -> str:
    return next((cells[name] for name in names if name in cells), "")


def split_authors(text: str) -> str:
    """Authors joined by '; ', whichever of ``;``, ``|``, ``and`` or commas the export put between them.

    Commas are taken to part authors only where every piece is a surname with initials.

    Examples
    --------
    >>> split_authors("Griffin DK, Larkin DM, O'Connor RE."), split_authors("Yang, Z. and Jiang, B.")
    ("Griffin DK; Larkin DM; O'Connor RE", 'Yang, Z.; Jiang, B.')
    """
    for separator in (";", "|", " and "):
        if separator in text:
            return join(text.split(separator))
    pieces = [piece.strip() for piece in text.split(",")]
    if len(pieces) > 1 and all(_INITIALS.fullmatch(piece) for piece in pieces):
        return join([piece.rstrip(".") for piece in pieces])
    return text.strip()
