"""BibTeX: repeated fields, broken entries, macros, LaTeX."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.formats import read_export
from synovia.formats.bibtex import read
from synovia.formats.latex import to_letters

FIXTURES = Path(__file__).parent / "fixtures"


def test_library() -> None:
    export = read_export("library.bib", (FIXTURES / "library.bib").read_bytes(), search_id="zotero")
    first, register = (row for _, row in export.records.iterrows())
    assert export.format == "bibtex"
    assert first["title"] == "Injected Saline in Müller's knees & hips"
    assert first["authors"] == "Example, Anna; Sample, Ben; Invented Knee Group"
    assert (first["source"], first["year"], first["pages"]) == ("Journal of Invented Knees", 2019, "101-109")
    assert first["keywords"] == "knee; saline"
    assert (first["doi"], first["line"]) == ("10.5555/knee.2019.3", 6)
    assert (register["title"], register["registry_id"]) == ("Quoted title", "ISRCTN00000002")


def test_a_broken_entry_loses_only_itself() -> None:
    export = read_export("library.bib", (FIXTURES / "library.bib").read_bytes(), search_id="zotero")
    assert (export.starts, len(export.records), export.rejected) == (4, 2, 2)
    assert export.rejects[["line", "reason"]].to_numpy().tolist() == [
        [1, "text outside any entry"],
        [17, "entry whose braces do not close"],
        [27, "entry whose braces do not close"],
    ]
    assert str(export.rejects.loc[1, "raw"]).startswith("@article{broken2020,")


def test_an_unreadable_part_keeps_the_fields_before_it() -> None:
    pieces = read("@article{a, title = {One}, year = 2001, 5garbage = {x}, note = {y}}", file="a.bib")
    assert pieces.found[0].fields["title"] == "One"
    assert "5garbage" in pieces.rejects[0].raw
    assert not pieces.rejects[0].is_record


def test_entries_in_parentheses_and_on_one_line() -> None:
    pieces = read("@article(a, title = {One}) @book{b, title = {Two}}@book{c, title = {Three}}", file="a.bib")
    assert pieces.starts == len(pieces.found) + sum(reject.is_record for reject in pieces.rejects)
    assert "Three" in [found.fields["title"] for found in pieces.found]


@given(st.text('@article{a,="}\\ \n#1()', max_size=120))
def test_any_text_is_accounted_for(text: str) -> None:
    pieces = read(text, file="a.bib")
    assert pieces.starts == len(pieces.found) + sum(reject.is_record for reject in pieces.rejects)


@pytest.mark.parametrize(
    "noise", ["{" * 500_000, "\\" * 500_001, "@article{" * 60_000, "@" * 500_000, '"' * 500_000]
)
def test_hostile_braces_take_no_time(noise: str) -> None:
    start = time.process_time()
    read_export("a.bib", f"@article{{a, title = {{{noise}".encode(), search_id="s", format="bibtex")
    read_export("a.bib", f"@article{{a, title = {{x}}, {noise}}}".encode(), search_id="s", format="bibtex")
    assert time.process_time() - start < 10  # under 1 s alone


@pytest.mark.parametrize(
    ("value", "letters"),
    [
        (r"M{\"u}ller", "Müller"),
        (r"M\"{u}ller", "Müller"),
        (r"Ren\'e", "René"),
        (r"\v{Z}i\v{z}ka", "Žižka"),
        (r"\c{c}a", "ça"),
        (r"\'{\i}", "í"),
        (r"{\ss} {\o} \L{}ukasz", "ß ø Łukasz"),
        (r"50\% \& more", "50% & more"),
        (r"\{kept\}", "{kept}"),
        (r"$\alpha$-tocopherol", "α-tocopherol"),
        (r"\unknowncommand x", r"\unknowncommand x"),
        ("{Nested {Braces}}", "Nested Braces"),
        ("1--9", "1–9"),
    ],
)
def test_letters(value: str, letters: str) -> None:
    assert to_letters(value) == letters
