"""CSV exports: columns by synonyms, preambles, rows that do not fit."""

from pathlib import Path

import pytest

from synovia.errors import FormatError
from synovia.formats import read_export
from synovia.formats.csv_export import read, split_authors

FIXTURES = Path(__file__).parent / "fixtures"


def test_pubmed() -> None:
    export = read_export("pubmed.csv", (FIXTURES / "pubmed.csv").read_bytes(), search_id="pubmed")
    first = export.records.iloc[0]
    assert export.format == "csv"
    assert (first["title"], first["authors"]) == ("Injected saline, again", "Example A; Sample BC")
    assert (first["pmid"], first["doi"], first["year"]) == ("30000001", "10.5555/knee.2019.3", 2019)
    assert export.records["line"].tolist() == [2, 3]
    assert export.records.loc[1, "title"] == "A title over two lines"


def test_rows_that_do_not_fit_are_rejects() -> None:
    export = read_export("pubmed.csv", (FIXTURES / "pubmed.csv").read_bytes(), search_id="pubmed")
    assert (export.starts, len(export.records), export.rejected) == (4, 2, 2)
    assert export.rejects[["line", "reason"]].to_numpy().tolist() == [
        [5, "2 cells where the header has 9"], [6, "a quote that never closes"],
    ]  # fmt: skip
    assert export.rejects.loc[0, "raw"] == '"30000007","Too few cells"'


def test_embase_with_preamble() -> None:
    export = read_export("embase.csv", (FIXTURES / "embase.csv").read_bytes(), search_id="embase")
    only = export.records.iloc[0]
    assert export.rejects["reason"].tolist() == ["lines before the header, not records"]
    assert only["authors"] == "Probe C.; Trial D."
    assert (only["pages"], only["abstract"]) == ("1-9", 'One "quoted" word.')
    assert (only["pmid"], only["registry_id"], only["line"]) == ("30000002", "NCT00000009", 5)


def test_semicolons_and_tabs() -> None:
    data = (FIXTURES / "semicolons.csv").read_text(encoding="utf-8")
    export = read_export("semicolons.csv", data.encode(), search_id="s")
    only = export.records.iloc[0]
    assert (only["title"], only["year"], only["authors"]) == ("Knees", 2018, "Example, A; Sample, B")
    assert (only["source"], only["issue"], only["pages"]) == ("Inv Knees", "2", "11-19")
    tabs = read_export("a.tsv", b"Title\tYear\tAuthors\nKnees\t2018\tExample, A; Sample, B\n", search_id="s")
    assert tabs.records.loc[0, "authors"] == "Example, A; Sample, B"


def test_no_title_column_names_what_is_there_and_wanted() -> None:
    with pytest.raises(FormatError) as caught:
        read_export("no_title.csv", (FIXTURES / "no_title.csv").read_bytes(), search_id="s")
    fault = caught.value.faults[0]
    assert fault.found == "columns PMID, Authors, Publication Year"
    assert "article title" in fault.wanted
    assert "Rename the column" in fault.advice
    assert (fault.file, fault.line) == ("no_title.csv", 1)


def test_a_row_without_title_or_identifier_is_no_record() -> None:
    pieces = read("Title,Authors,DOI\nOne,A,\n,stray text,\n,,10.5555/1\n", file="a.csv")
    assert [found.fields["doi"] for found in pieces.found] == ["", "10.5555/1"]
    assert pieces.rejects[0].reason == "neither title nor identifier"


def test_a_report_without_title_is_known_by_authors_and_journal() -> None:
    pieces = read("Title,Authors,Journal,DOI\n,Example A,Inv Knees,\n", file="a.csv")
    assert (len(pieces.found), len(pieces.rejects)) == (1, 0)


def test_a_register_export_is_marked() -> None:
    text = "NCT Number,Study Title,Study Status,Conditions\nNCT00000001,Knees,Completed,Osteoarthritis\n"
    fields = read(text, file="a.csv").found[0].fields
    assert (fields["kind"], fields["registry_id"]) == ("trial registry record", "NCT00000001")


def test_a_truncated_last_row_is_a_reject() -> None:
    pieces = read("Title,Year,DOI\nOne,2001,\nTwo,20", file="a.csv")
    assert [found.fields["title"] for found in pieces.found] == ["One"]
    assert "cut off" in pieces.rejects[0].advice


@pytest.mark.parametrize(
    ("text", "authors"),
    [
        ("Example A, Sample BC", "Example A; Sample BC"),
        ("Example, Anna", "Example, Anna"),
        ("Example, A. and Sample, B.", "Example, A.; Sample, B."),
        ("Anna Example|Ben Sample", "Anna Example; Ben Sample"),
        ("Example A.; Sample B.; ", "Example A.; Sample B."),
        ("", ""),
    ],
)
def test_authors(text: str, authors: str) -> None:
    assert split_authors(text) == authors
