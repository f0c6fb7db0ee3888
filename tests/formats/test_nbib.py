"""MEDLINE text: continuation, author forms, identifiers, a last record without line end."""

from pathlib import Path

import pytest

from synovia.formats import read_export
from synovia.formats.nbib import looks_like, read

FIXTURES = Path(__file__).parent / "fixtures"


def test_fields() -> None:
    export = read_export("pubmed.nbib", (FIXTURES / "pubmed.nbib").read_bytes(), search_id="pubmed")
    first = export.records.iloc[0]
    assert export.format == "nbib"
    assert first["title"] == "Injected saline against hyaluronate in invented knees: a randomised trial."
    assert first["abstract"] == "BACKGROUND: Knees hurt. METHODS: We injected."
    assert first["authors"] == "Example, Anna; Sample, Ben"
    assert (first["doi"], first["pmid"]) == ("10.5555/knee.2019.3", "30000001")
    assert first["registry_id"] == "NCT00000001; ISRCTN00000002"
    assert first["kind"] == "Journal Article; Randomized Controlled Trial"
    assert (first["year"], first["source"], first["language"]) == (2019, "Journal of Invented Knees", "eng")
    assert (first["volume"], first["issue"], first["pages"]) == ("12", "3", "101-9")
    assert first["keywords"] == "Knee; saline"


def test_the_last_record_without_line_end_is_there() -> None:
    export = read_export("pubmed.nbib", (FIXTURES / "pubmed.nbib").read_bytes(), search_id="pubmed")
    last = export.records.iloc[1]
    assert (export.starts, len(export.records), len(export.rejects)) == (2, 2, 0)
    assert (last["title"], last["year"], last["line"]) == ("The last record has no line end", 2022, 28)
    assert last["record_id"] == "pubmed-0002"


def test_records_may_open_with_the_owner() -> None:
    text = "OWN - ERIC\nTI  - One\nAID - http://dx.doi.org/10.5555/1\n\nOWN - ERIC\nTI  - Two\n"
    pieces = read(text, file="a.nbib")
    assert [found.fields["title"] for found in pieces.found] == ["One", "Two"]
    assert pieces.found[0].fields["doi"] == "10.5555/1"
    assert pieces.starts == 2


def test_lines_of_no_record_are_rejects() -> None:
    pieces = read(
        "hello\n\nPMID- 1\nTI  - One\n\na stray line\n\nPMID- 2\n\nPMID-3\nTI  - Three\n", file="a.nbib"
    )
    assert [found.fields["pmid"] for found in pieces.found] == ["1", "3"]
    assert [(reject.line, reject.reason) for reject in pieces.rejects] == [
        (1, "lines outside any record"), (6, "lines outside any record"), (8, "record without content"),
    ]  # fmt: skip
    assert pieces.starts == 3


@pytest.mark.parametrize("text", ["TY  - JOUR\nAN  - 1\n", "title,PMID- 1\n", "no tags"])
def test_other_texts_do_not_look_like_it(text: str) -> None:
    assert looks_like(text) == 0.0
