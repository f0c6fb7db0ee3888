"""Evidence tables as CSV: read as people leave them, written so that no cell becomes a formula."""

import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from synovia.errors import Fault, FormatError, TableError
from synovia.formats.cells import CellRow, split_rows
from synovia.formats.encoding import decode
from synovia.tables import Column, Row, Table, check, format_cell

__all__ = ["read_rows", "write_rows", "write_table"]

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_QUOTED = re.compile(r'[",\r\n]')


def read_rows(file: str, data: bytes) -> tuple[Row, ...]:
    r"""Rows of a CSV table with its header on line 1.

    Commas, semicolons or tabs separate the cells, whichever the header uses. A row of empty cells is skipped.
    One leading apostrophe before ``=``, ``+``, ``-``, ``@``, a tab or a carriage return is taken off, as
    :func:`write_rows` put it there.

    Parameters
    ----------
    file : str
        Name used in messages.
    data : bytes
        The whole file.

    Returns
    -------
    tuple of Row
        Texts by column name; ``line`` is where the row starts, also when a cell holds line ends.

    Raises
    ------
    TableError
        With every row that has too few or too many cells, a quote that never closes, a column name that is
        missing or stands twice.
    FormatError
        When the bytes are not text.

    Examples
    --------
    >>> read_rows("arms.csv", b"arm_id,label\na,\"ten\nlines\"\nb,'=1\n")[1]
    Row(line=4, values={'arm_id': 'b', 'label': '=1'})
    """
    decoded = decode(file, data)
    if decoded.note:
        advice = "Save it as CSV UTF-8, so that no letter has to be guessed."
        raise FormatError([Fault(f"text that is not UTF-8 ({decoded.note})", "UTF-8", file, advice=advice)])
    text = decoded.text
    delimiter = _choose_delimiter(text)
    rows = split_rows(text, delimiter)
    header = next(rows, None)
    if header is None or header.is_blank:
        raise TableError([Fault("no header", "column names on line 1", file, 1)])
    if header.raw.strip().lower().startswith("sep="):
        advice = "Remove the line; the separator is recognised without it."
        raise TableError([Fault(header.raw.strip(), "column names on line 1", file, 1, advice=advice)])
    filled = [row for row in rows if not row.is_blank or row.fault]
    width = _width(header, filled)
    names = tuple(cell.strip() for cell in header.cells[:width])
    faults = _check_header(names, header, file)
    faults += [fault for row in filled for fault in _check_row(row, len(names), file)]
    if faults:
        raise TableError(faults)
    return tuple(
        Row(row.line, {name: _unguard(cell) for name, cell in zip(names, row.cells, strict=False)})
        for row in filled
    )


def _width(header: CellRow, rows: Sequence[CellRow]) -> int:
    """Columns that count: not those on the right that a spreadsheet added, without name or content."""
    named = max((place for place, cell in enumerate(header.cells, start=1) if cell.strip()), default=1)
    used = any(cell.strip() for row in rows for cell in row.cells[named : len(header.cells)])
    return len(header.cells) if used else named


def _choose_delimiter(text: str) -> str:
    """The separator that the header uses most; a comma when it uses none."""
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]
    return max((",", ";", "\t"), key=header.count)


def _check_header(names: Sequence[str], header: CellRow, file: str) -> list[Fault]:
    faults = [
        Fault(f"no name for column {place}", "a name in every cell of the header", file, 1)
        for place, name in enumerate(names, start=1)
        if not name
    ]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    advice = "Rename or remove one of them."
    faults += [Fault(f"column {name} twice", "each column once", file, 1, name, advice) for name in twice]
    if header.fault:
        faults.append(Fault(header.fault, "every quote closed", file, 1))
    return faults


def _check_row(row: CellRow, wanted: int, file: str) -> list[Fault]:
    if row.fault:
        advice = "Close the quote, and double every quote inside a quoted cell."
        return [Fault(row.fault, "every quote closed", file, row.line, advice=advice)]
    if len(row.cells) == wanted or (len(row.cells) > wanted and not any(map(str.strip, row.cells[wanted:]))):
        return []
    advice = (
        "Put quotes around a cell that holds the separator."
        if len(row.cells) > wanted
        else "Add the missing separators: an empty cell still needs one."
    )
    return [Fault(f"{len(row.cells)} cells", f"{wanted}, as in the header", file, row.line, advice=advice)]


def _unguard(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell


def _guard(cell: str) -> str:
    """A text that a spreadsheet will not take for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) and not _PLAIN_NUMBER.fullmatch(cell) else cell


def write_rows(table: Table, rows: Iterable[Mapping[str, str]]) -> str:
    r"""A table as CSV (RFC 4180) with LF line ends.

    A text that a spreadsheet would run as a formula gets one leading apostrophe, which :func:`read_rows`
    takes off again; columns of numbers are written as they are.

    Parameters
    ----------
    table : Table
        The declaration; its columns are written in its order.
    rows : iterable of mapping
        Texts by column name; a column that is not named is empty.

    Returns
    -------
    str
        Header and rows.

    Raises
    ------
    TableError
        When a row names a column that the table does not declare.

    Examples
    --------
    >>> from synovia.tables import Column, Table
    >>> columns = (Column("arm", "text", "arm"), Column("dose", "number", "dose"))
    >>> doses = Table("doses", "one row per dose", columns, ("arm",))
    >>> write_rows(doses, [{"arm": "=2+2", "dose": "-1"}])
    "arm,dose\n'=2+2,-1\n"
    """
    columns = table.columns
    lines = [",".join(table.names)]
    for row in rows:
        unknown = [name for name in row if name not in table.names]
        if unknown:
            raise TableError(
                [Fault(f"column {unknown[0]}", f"columns of {table.name}: {', '.join(table.names)}")]
            )
        lines.append(_line([_cell(column, row.get(column.name, "")) for column in columns]))
    return "\n".join(lines) + "\n"


def _cell(column: Column, text: str) -> str:
    return text if column.kind in ("number", "integer") else _guard(text)


def _line(cells: Sequence[str]) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell for cell in cells)


def write_table(table: Table, data: pd.DataFrame) -> str:
    r"""A frame as CSV, in the table's declared columns and order.

    Raises
    ------
    TableError
        When a declared column is absent.

    Examples
    --------
    >>> from synovia.tables import Column, Table, frame
    >>> doses = Table("doses", "one row per dose", (Column("dose", "number", "dose"),), ("dose",))
    >>> write_table(doses, frame(doses, [{"dose": 2.0}, {"dose": 0.5}]))
    'dose\n2\n0.5\n'
    """
    values = check(table, data)
    texts = [[format_cell(column, value) for value in values[column.name]] for column in table.columns]
    rows = (dict(zip(table.names, cells, strict=True)) for cells in zip(*texts, strict=True))
    return write_rows(table, rows)
