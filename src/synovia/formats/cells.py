"""Delimited text as rows of cells, each with the line on which it starts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["DELIMITERS", "CellRow", "split_rows"]

DELIMITERS = (",", ";", "\t", "|")

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class CellRow:
    """One row of a delimited file.

    Attributes
    ----------
    line : int
        Line on which it starts, from 1.
    cells : tuple of str
        Its cells, quotes resolved.
    raw : str
        Its text, without the line end.
    ended : bool
        Whether a line end closed it; the last row of a file may lack one.
    fault : str
        What is wrong with its quotes; empty when nothing is.
    """

    line: int
    cells: tuple[str, ...]
    raw: str
    ended: bool
    fault: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether every cell is empty."""
        return not any(cell.strip() for cell in self.cells)


def split_rows(text: str, delimiter: str, start: int = 0, line: int = 1) -> Iterator[CellRow]:
    r"""Rows of RFC 4180 text, also with LF or CR alone as line end.

    Parameters
    ----------
    text : str
        The file.
    delimiter : str
        One character.
    start, line : int
        Where to begin, and the line number of that place.

    Yields
    ------
    CellRow
        In file order, blank rows included; a quote that never closes takes the rest of the file and says so.

    Examples
    --------
    >>> [(row.line, row.cells) for row in split_rows('a,b\n"1\n2",3\n4,5', ",")]
    [(1, ('a', 'b')), (2, ('1\n2', '3')), (4, ('4', '5'))]
    """
    place = start
    while place < len(text):
        end = _LINE_END.search(text, place)
        stop, after = (end.start(), end.end()) if end else (len(text), len(text))
        plain = text[place:stop]
        if '"' not in plain:
            yield CellRow(line, tuple(plain.split(delimiter)), plain, end is not None)
            line += 1
            place = after
            continue
        row, after = _quoted_row(text, place, delimiter, line)
        yield row
        line += len(_LINE_END.findall(text, place, after))
        place = after


def _quoted_row(text: str, start: int, delimiter: str, line: int) -> tuple[CellRow, int]:
    cells: list[str] = []
    fault = ""
    place = start
    end = _LINE_END.search(text, start)
    while True:
        if text.startswith('"', place):
            cell, place, wrong = _quoted_cell(text, place)
            fault = fault or wrong
            if end is not None and end.start() < place:
                end = _LINE_END.search(text, place)
        else:
            cell = ""
        stop = end.start() if end else len(text)
        next_delimiter = text.find(delimiter, place, stop)
        cell_end = next_delimiter if next_delimiter >= 0 else stop
        tail = text[place:cell_end]
        cells.append(cell + tail)
        if next_delimiter < 0:
            after = end.end() if end else len(text)
            return CellRow(line, tuple(cells), text[start:stop], end is not None, fault), after
        place = next_delimiter + 1


def _quoted_cell(text: str, place: int) -> tuple[str, int, str]:
    """Content of the quoted cell that opens at ``place``, the place after it, and what is wrong."""
    parts: list[str] = []
    begin = place + 1
    while True:
        quote = text.find('"', begin)
        if quote < 0:
            parts.append(text[begin:])
            return "".join(parts), len(text), "a quote that never closes"
        parts.append(text[begin:quote])
        if not text.startswith('"', quote + 1):
            return "".join(parts), quote + 1, ""
        parts.append('"')
        begin = quote + 2
