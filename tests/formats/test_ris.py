"""RIS: flavours, records without TY or ER, stray lines, and the count of starts."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.formats import read_export
from synovia.formats.ris import read

FIXTURES = Path(__file__).parent / "fixtures"


def read_fixture(name: str) -> list[dict[str, object]]:
    export = read_export(name, (FIXTURES / name).read_bytes(), search_id="s")
    return [{str(k): v for k, v in row.items()} for row in export.records.to_dict("records")]


def test_flavours() -> None:
    scopus, cochrane, one_blank, register = read_fixture("flavours.ris")
    assert scopus["line"] == 2
    assert scopus["title"] == "Injected saline against hyaluronate & rest"
    assert scopus["authors"] == "Example, Anna; Sample, Ben"
    assert (scopus["year"], scopus["pages"], scopus["source"]) == (
        2019,
        "101-109",
        "Journal of Invented Knees",
    )
    assert (
        scopus["abstract"] == "First line of the abstract, second line with ER - positive cells, third line."
    )
    assert (scopus["keywords"], scopus["doi"], scopus["pmid"]) == (
        "knee; saline",
        "10.5555/knee.2019.3",
        "30000001",
    )
    assert scopus["url"] == "https://example.org/a"
    assert (cochrane["title"], cochrane["authors"]) == ("Platelets in invented knees", "Probe, C")
    assert (cochrane["pmid"], cochrane["kind"]) == ("30000002", "JOUR; Journal Article")
    assert (cochrane["year"], cochrane["source"]) == (2020, "Inv Knees")
    assert (one_blank["year"], one_blank["keywords"]) == (2021, "first; second")
    assert (one_blank["doi"], one_blank["pmid"]) == ("10.5555/knee.2021.4", "30000003")
    assert (register["registry_id"], register["kind"]) == ("NCT00000004", "GEN; Trial registry record")


def test_numbering_between_records_is_reported_once() -> None:
    export = read_export("flavours.ris", (FIXTURES / "flavours.ris").read_bytes(), search_id="s")
    assert export.starts == len(export.records) == 4
    assert export.rejects["reason"].tolist() == [
        "4 lines of numbering between records, not part of any record"
    ]
    assert str(export.rejects.loc[0, "raw"]).startswith("1.\nRecord #2 of 4\nProvider: Invented Library")


def test_a_record_without_er_is_kept_and_said() -> None:
    export = read_export("no_er.ris", (FIXTURES / "no_er.ris").read_bytes(), search_id="s")
    assert export.records["title"].tolist() == [
        "First, closed by the next record", "Second, closed", "Third, cut off in the midd",
    ]  # fmt: skip
    assert (export.starts, export.rejected) == (3, 0)
    said = export.rejects[["line", "reason"]].to_numpy().tolist()
    assert said == [
        [1, "record without ER, kept"], [7, "lines outside any record"], [8, "record without ER, kept"],
    ]  # fmt: skip
    assert "cut off" in str(export.rejects.loc[2, "advice"])


def test_a_record_without_ty_or_content_is_rejected_whole() -> None:
    export = read_export("headless.ris", (FIXTURES / "headless.ris").read_bytes(), search_id="s")
    assert export.records["title"].tolist() == ["A whole one"]
    assert (export.starts, export.rejected) == (3, 2)
    assert export.rejects["reason"].tolist() == ["record without TY", "record without content"]
    assert "Example, A" in str(export.rejects.loc[0, "raw"])


def test_the_doi_of_a_cited_paper_is_not_taken() -> None:
    text = "TY  - JOUR\nTI  - Citing\nM1  - Other, A. (2001). Knees. doi:10.5555/other\nER  - \n"
    assert read(text, file="a.ris").found[0].fields["doi"] == ""


@pytest.mark.parametrize(("tag", "database"), [("C2", "Other"), ("C5", "Other"), ("AN", "Other")])
def test_a_bare_number_is_no_pubmed_number_without_its_database(tag: str, database: str) -> None:
    text = f"TY  - JOUR\nTI  - Knee\nDB  - {database}\n{tag}  - 12345678\nER  - \n"
    assert read(text, file="a.ris").found[0].fields["pmid"] == ""


FIELD = st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="<>&"), min_size=1)


@given(st.lists(st.tuples(FIELD, FIELD), max_size=5), st.sampled_from(["ER  - ", "ER  -", "ER - ", ""]))
def test_every_start_is_accounted_for(records: list[tuple[str, str]], end: str) -> None:
    text = "\n".join(f"TY  - JOUR\nTI  - {title}\nAB  - {abstract}\n{end}" for title, abstract in records)
    pieces = read(text, file="a.ris")
    assert pieces.starts == len(records)
    assert len(pieces.found) + sum(reject.is_record for reject in pieces.rejects) == len(records)


@given(st.text("TYER -AU\nJO1", max_size=200))
def test_any_text_is_accounted_for(text: str) -> None:
    pieces = read(text, file="a.ris")
    assert pieces.starts == len(pieces.found) + sum(reject.is_record for reject in pieces.rejects)
    kept = "".join([found.raw for found in pieces.found] + [reject.raw for reject in pieces.rejects])
    ends = sum(line.startswith("ER") for line in text.split("\n"))
    assert len("".join(kept.split())) >= len("".join(text.split())) - 3 * ends


def test_ten_thousand_records_in_two_seconds() -> None:
    abstract = "Knees were injected and followed for a year. " * 30
    record = (
        "TY  - JOUR\nTI  - Injected knees {0}\n" + "AU  - Example, Anna\n" * 6 + f"AB  - {abstract}\n"
        "PY  - 2019\nDO  - 10.5555/knee.{0}\n"
        + "KW  - knee\n" * 8
        + "UR  - https://example.org/{0}\nER  - \n"
    )
    data = "".join(record.format(number) for number in range(10_000)).encode()
    start = time.process_time()
    export = read_export("a.ris", data, search_id="s")
    assert export.starts == len(export.records) == 10_000
    assert time.process_time() - start < 8  # about 1 s alone; four times the promise, for a loaded machine


@pytest.mark.parametrize(
    "line",
    [
        " " * 1_000_000,
        "A" * 1_000_000,
        "<" * 1_000_000,
        "<b " * 300_000,
        "&" * 1_000_000,
        "&a" * 500_000,
        "10." * 300_000,
        "10.1234/" + ")" * 600_000,
        "https://example.org/doi/" * 40_000,
        "NCT" * 300_000,
        "doi " * 250_000,
        "    AU" * 150_000,
        "19" * 500_000,
    ],
    ids=lambda line: repr(line[:12]),
)
def test_a_hostile_line_takes_no_time(line: str) -> None:
    fields = ("TI", "AB", "DO", "UR", "AN", "PY", "N1", "KW", "C3")
    data = ("TY  - JOUR\n" + "".join(f"{tag}  - {line}\n" for tag in fields) + "ER  - \n").encode()
    start = time.process_time()
    assert read_export("a.ris", data, search_id="s", format="ris").starts == 1
    assert time.process_time() - start < 10  # under 1 s alone; a quadratic search would take hours
