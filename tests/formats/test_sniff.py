"""Formats recognised by content, the account of record starts, provenance."""

import re
from pathlib import Path

import pytest

from synovia.errors import FormatError
from synovia.formats import FORMATS, read_export, recognise
from synovia.formats.piece import Pieces
from synovia.tables import RECORDS, REJECTS
from synovia.tables.digest import of_text

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("flavours.ris", "ris"),
        ("no_er.ris", "ris"),
        ("pubmed.nbib", "nbib"),
        ("library.bib", "bibtex"),
        ("embase.csv", "csv"),
    ],
)
def test_the_name_of_a_file_does_not_matter(name: str, format_name: str) -> None:
    assert recognise((FIXTURES / name).read_text(encoding="utf-8")) == format_name
    assert read_export("export.dat", (FIXTURES / name).read_bytes(), search_id="s").format == format_name


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "an empty file"),
        (b"just some words\n", "just some words"),
        (b'{"records": []}', "JSON"),
        (b"<?xml version='1.0'?><xml/>", "XML"),
        (b"%0 Journal Article\n%T Knees\n", "EndNote"),
        (b"FN Clarivate\nVR 1.0\nPT J\n", "Web of Science"),
        ("{Reference Type}: Journal Article\n{Title}: 膝".encode(), "NoteExpress"),
        (b"<1. >\nTitle\n  Knees, hips\n", "Ovid"),
    ],
)
def test_other_content_is_refused_with_the_formats_read(data: bytes, word: str) -> None:
    with pytest.raises(FormatError, match=re.escape(word)) as caught:
        read_export("a.ris", data, search_id="s")
    assert "RIS, PubMed/MEDLINE text (nbib), BibTeX, and CSV" in caught.value.faults[0].wanted


def test_an_unknown_format_name_lists_the_known() -> None:
    with pytest.raises(FormatError, match="one of ris, nbib, bibtex, csv"):
        read_export("a.ris", b"TY  - JOUR\n", search_id="s", format="endnote")


def test_provenance_and_declared_tables() -> None:
    data = (FIXTURES / "no_er.ris").read_bytes()
    export = read_export("searches/no_er.ris", data, search_id="embase", first=8)
    assert tuple(export.records.columns) == RECORDS.names
    assert tuple(export.rejects.columns) == REJECTS.names
    assert export.records["record_id"].tolist() == ["embase-0008", "embase-0009", "embase-0010"]
    assert set(export.records["file"]) == {"searches/no_er.ris"}
    lines = data.decode().split("\n")
    assert [lines[int(line) - 1] for line in export.records["line"]] == ["TY  - JOUR"] * 3
    assert export.records.loc[0, "digest"] == of_text("\n".join(lines[:3]))


def test_rejects_of_one_line_are_joined() -> None:
    export = read_export("a.csv", b"stray\nTitle,Year,DOI\n\xe9t\xe9,2001,\n", search_id="s")
    assert not export.rejects.duplicated(list(REJECTS.key)).any()
    assert export.rejects["line"].isna().tolist() == [True, False]


class Miscounting:
    """A reader that loses a record."""

    def looks_like(self, text: str, /) -> float:
        return float(text == "lossy")

    def read(self, text: str, /, *, file: str) -> Pieces:
        return Pieces((), (), len(text) + len(file))


def test_a_reader_that_loses_a_record_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synovia.formats.sniff.FORMATS", {**FORMATS, "lossy": Miscounting()})
    with pytest.raises(FormatError, match="6 record starts, 0 records and 0 rejects"):
        read_export("a", b"lossy", search_id="s")
