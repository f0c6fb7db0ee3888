"""Evidence tables: lines, faults, formulas, the round trip."""

import csv
import io
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synovia.errors import FormatError, TableError
from synovia.formats import read_rows, write_rows, write_table
from synovia.formats.cells import split_rows
from synovia.tables import Column, Table, frame

NOTES = Table(
    "notes",
    "one note",
    (Column("name", "text", "name"), Column("note", "text", "note"), Column("value", "number", "value")),
    ("name",),
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
RISKY = st.text("'=+-@\t\r\n\",; a", max_size=8)
CELL = st.one_of(TEXT, RISKY)


@given(st.lists(st.tuples(CELL, CELL, st.sampled_from(["", "-1", "+2", "0.5"]))))
@example([("'=1", "''@", "-1")])
@example([("\r", "\n", "")])
def test_round_trip(cells: list[tuple[str, str, str]]) -> None:
    rows = [dict(zip(NOTES.names, row, strict=True)) for row in cells]
    filled = [row for row in rows if any(value.strip() for value in row.values())]
    read = read_rows("notes.csv", write_rows(NOTES, filled).encode())
    assert [dict(row.values) for row in read] == filled


@given(st.lists(st.tuples(CELL, CELL)))
def test_no_written_text_is_a_formula(cells: list[tuple[str, str]]) -> None:
    text = write_rows(NOTES, [{"name": name, "note": note} for name, note in cells])
    for row in list(csv.reader(io.StringIO(text, newline="")))[1:]:
        texts = [cell for cell in row[:2] if not re.fullmatch(r"[+-]?\d+(\.\d+)?", cell)]
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in texts)


@given(
    st.lists(st.lists(TEXT, min_size=2, max_size=4), min_size=1, max_size=5),
    st.sampled_from([",", ";", "\t"]),
)
def test_cells_agree_with_the_standard_library(rows: list[list[str]], delimiter: str) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter).writerows(rows)
    assert [list(row.cells) for row in split_rows(written.getvalue(), delimiter)] == rows


def test_numbers_are_written_as_they_are() -> None:
    assert write_rows(NOTES, [{"name": "-x", "value": "-1"}]) == "name,note,value\n'-x,,-1\n"
    table = frame(NOTES, [{"name": "a", "note": 'say "x"', "value": -2.5}])
    assert write_table(NOTES, table) == 'name,note,value\na,"say ""x""",-2.5\n'


def test_lines_are_where_rows_start() -> None:
    data = 'name,note\r\na,"two\r\nlines"\r\n\r\nb,c\r\n,\r\nd,e'.encode("utf-8-sig")
    assert [(row.line, row.values["name"]) for row in read_rows("n.csv", data)] == [
        (2, "a"),
        (5, "b"),
        (7, "d"),
    ]


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_other_separators(separator: str) -> None:
    data = f"name{separator}note\na{separator}1,5\n" if separator != "," else 'name,note\na,"1,5"\n'
    assert read_rows("n.csv", data.encode())[0].values == {"name": "a", "note": "1,5"}


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(TableError) as caught:
        read_rows("n.csv", b'name,note\na\nb,c\nd,e,f\ng,"never\nclosed\n')
    assert [(fault.line, fault.found) for fault in caught.value.faults] == [
        (2, "1 cells"), (4, "3 cells"), (5, "a quote that never closes"),
    ]  # fmt: skip
    assert all(fault.advice and fault.file == "n.csv" for fault in caught.value.faults)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no header"),
        (b"\n", "no header"),
        (b"name,name\n", "column name twice"),
        (b"name,,note\n", "no name for column 2"),
        (b'name,"note\n', "a quote that never closes"),
    ],
)
def test_headers_that_cannot_be_used(data: bytes, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_rows("n.csv", data)


def test_a_header_alone_is_an_empty_table() -> None:
    assert read_rows("n.csv", b"name,note\n") == ()


def test_unknown_columns_are_refused() -> None:
    with pytest.raises(TableError, match="column other; wanted columns of notes: name, note, value"):
        write_rows(NOTES, [{"other": "x"}])


@pytest.mark.parametrize(
    "noise", ['"' * 1_000_001, "," * 500_000, "a\n" * 200_000, '"a"' * 300_000, '"\n' * 200_000]
)
def test_hostile_tables_take_no_time(noise: str) -> None:
    start = time.process_time()
    for delimiter in (",", ";"):
        assert len(list(split_rows("name,note\n" + noise, delimiter))) > 0
    assert time.process_time() - start < 10  # under 1 s alone


def test_a_printed_negative_number_stays_as_printed() -> None:
    table = Table("printed", "one", (Column("estimate", "text", "as printed"),), ("estimate",))
    text = write_rows(table, [{"estimate": "-10.82"}, {"estimate": "-1+cmd()"}, {"estimate": "'-3"}])
    assert text == "estimate\n-10.82\n'-1+cmd()\n''-3\n"
    assert [row.values["estimate"] for row in read_rows("x.csv", text.encode())] == [
        "-10.82",
        "-1+cmd()",
        "'-3",
    ]


def test_columns_that_a_spreadsheet_added_on_the_right_are_passed_over() -> None:
    rows = read_rows("a.csv", b"a,b,,\n1,2,,\n3,4\n5,6, ,,,\n")
    assert [dict(row.values) for row in rows] == [
        {"a": "1", "b": "2"},
        {"a": "3", "b": "4"},
        {"a": "5", "b": "6"},
    ]


def test_content_under_no_name_is_told() -> None:
    with pytest.raises(TableError, match="no name for column 3"):
        read_rows("a.csv", b"a,b,\n1,2,3\n")
    with pytest.raises(TableError, match="found 3 cells; wanted 2"):
        read_rows("a.csv", b"a,b\n1,2,3\n")


def test_a_separator_line_is_told() -> None:
    with pytest.raises(TableError, match=r"found sep=;; wanted column names on line 1. Remove the line"):
        read_rows("a.csv", b"sep=;\na;b\n1;2\n")


def test_a_guessed_encoding_is_refused_where_people_entered_the_text() -> None:
    with pytest.raises(FormatError, match=r"a.csv: found text that is not UTF-8 .*Save it as CSV UTF-8"):
        read_rows("a.csv", "a,b\nTabl\xe9,2\n".encode("latin-1"))


def test_full_width_formulas_are_guarded() -> None:
    text = write_rows(NOTES, [{"name": "\uff1d1+1", "note": "\n=1"}])
    assert "'\uff1d1+1" in text
    assert read_rows("a.csv", text.encode())[0].values["name"] == "\uff1d1+1"
