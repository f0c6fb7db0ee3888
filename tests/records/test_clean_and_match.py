"""Exact linkage: what is one report, and what only shares an identifier."""

import time
from collections.abc import Mapping

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.records import KEPT_APART, clean, link_exact
from synovia.records.nature import describe, tell_apart
from synovia.tables import PAIRS, RECORDS, frame


def make_records(*rows: Mapping[str, object]) -> pd.DataFrame:
    named = [{"record_id": f"r{number}", "search_id": "s", **row} for number, row in enumerate(rows, start=1)]
    return frame(RECORDS, named)


def pairs_of(records: pd.DataFrame, registers: tuple[str, ...] = ()) -> list[list[str]]:
    pairs = link_exact(records, registers=registers)
    return [list(map(str, row)) for row in pairs[["record_id", "other_id", "rule", "evidence"]].to_numpy()]


def test_cleaning_twice_changes_nothing() -> None:
    records = make_records(
        {"doi": "DOI:10.5555/ABC.", "pmid": "PMID: 12", "registry_id": "nct00000001, ISRCTN 12345678"},
        {"doi": "none", "pmid": "PMC12"},
    )
    once = clean(records)
    first, second = once[["doi", "pmid", "registry_id"]].to_numpy().tolist()
    assert first == [
        "10.5555/abc",
        "12",
        "NCT00000001; ISRCTN12345678",
    ]
    assert second == ["", "", ""]
    assert clean(once).equals(once)


def test_links_by_doi_and_pubmed_number() -> None:
    records = make_records(
        {"doi": "10.5555/a", "pmid": "1", "title": "Knee"},
        {"doi": "https://doi.org/10.5555/A", "title": "Knee."},
        {"pmid": "1", "title": "Knee"},
        {"doi": "10.5555/b"},
    )
    assert pairs_of(records) == [["r1", "r2", "doi", "doi 10.5555/a"], ["r1", "r3", "pmid", "pmid 1"]]


def test_two_shared_identifiers_are_two_pairs() -> None:
    records = make_records({"doi": "10.5555/a", "pmid": "1"}, {"doi": "10.5555/a", "pmid": "1"})
    assert [rule for _, _, rule, _ in pairs_of(records)] == ["doi", "pmid"]


def test_registry_numbers_link_register_entries_only() -> None:
    entry = {"registry_id": "NCT00000001", "title": "A trial", "kind": "trial registry record"}
    paper = {"registry_id": "NCT00000001", "title": "A trial", "kind": "JOUR", "source": "Knees"}
    assert pairs_of(make_records(entry, paper)) == []
    assert pairs_of(make_records(paper, paper)) == []
    assert pairs_of(make_records(entry, entry)) == [["r1", "r2", "registry_id", "registry NCT00000001"]]


@pytest.mark.parametrize(
    "mark",
    [
        {"kind": "GEN; Trial registry record"},
        {"source": "ClinicalTrials.gov"},
        {"url": "https://www.isrctn.com/ISRCTN12345678"},
        {"search_id": "register"},
    ],
)
def test_register_entries_are_known_by(mark: dict[str, object]) -> None:
    row = {"registry_id": "ISRCTN12345678", **mark}
    assert len(pairs_of(make_records(row, row), registers=("register",))) == 1


def test_a_number_an_entry_only_refers_to_does_not_link() -> None:
    entry = {"kind": "trial registry record", "registry_id": "NCT00000001; NCT00000002"}
    extension = {"kind": "trial registry record", "registry_id": "NCT00000002; NCT00000001"}
    assert pairs_of(make_records(entry, extension)) == []


@pytest.mark.parametrize(
    ("title", "kind", "reason"),
    [
        ("Erratum: Knee pain after injection", "", "a report and an erratum"),
        ("Author Correction: Knee pain after injection", "", "a report and an erratum"),
        ("Knee pain after injection [Corrigendum]", "", "a report and an erratum"),
        ("Knee pain after injection", "Published Erratum", "a report and an erratum"),
        ("Retraction: Knee pain after injection", "", "a report and a retraction notice"),
        ("Expression of concern: Knee pain after injection", "", "a report and an expression of concern"),
        ("Reply to: Knee pain after injection", "", "a report and a reply"),
        ("Authors' reply", "", "a report and a reply"),
        ("Comment on “Knee pain after injection”", "", "a report and a comment"),
        ("Re: Knee pain after injection", "", "a report and a comment"),
    ],
)
def test_notices_are_kept_apart_from_their_article(title: str, kind: str, reason: str) -> None:
    article = {"doi": "10.5555/a", "title": "Knee pain after injection", "kind": "Journal Article"}
    found = pairs_of(make_records(article, {"doi": "10.5555/a", "title": title, "kind": kind}))
    assert found == [["r1", "r2", KEPT_APART, f"doi 10.5555/a, but {reason}"]]


@pytest.mark.parametrize(
    ("title", "other"),
    [
        ("Knee pain after injection", "RETRACTED: Knee pain after injection"),
        ("Knee pain after injection", "[Knee pain after injection]"),
        ("Knee pain after injection: a randomised trial", "Knee Pain After Injection"),
        ("膝骨关节炎关节腔注射透明质酸", "Hyaluronate injection for knee osteoarthritis"),
        (
            "Correction of varus knees by osteotomy in adults",
            "Correction of varus knees by osteotomy in adults",
        ),
        ("Recovery after knee injection", "Recovery after knee injection"),
        ("", "Knee pain after injection"),
    ],
)
def test_titles_of_one_report(title: str, other: str) -> None:
    row = {"doi": "10.5555/a", "year": 2001, "authors": "Example A"}
    found = pairs_of(make_records({**row, "title": title}, {**row, "year": 2005, "title": other}))
    assert [rule for _, _, rule, _ in found] == ["doi"]


def test_different_titles_need_a_second_difference() -> None:
    one = {
        "doi": "10.5555/a",
        "title": "Platelets against saline injection",
        "year": 2001,
        "authors": "Example, Anna",
    }
    other = {**one, "title": "Cartilage imaging after meniscal surgery"}
    assert [rule for *_, rule, _ in pairs_of(make_records(one, other))] == ["doi"]
    assert "years 2001 and 2009" in pairs_of(make_records(one, {**other, "year": 2009}))[0][3]
    pages = pairs_of(make_records({**one, "pages": "S12-S13"}, {**other, "pages": "S200"}))
    assert "pages s12 and s200" in pages[0][3]
    assert "first authors" in pairs_of(make_records(one, {**other, "authors": "Sample B; Example A"}))[0][3]


def test_a_paper_and_a_register_entry_are_apart() -> None:
    assert tell_apart(describe({}), describe({}, is_register=True)) == "a register entry and a paper"


def test_articles_link_around_an_erratum() -> None:
    records = make_records(
        {"doi": "10.5555/a", "title": "Erratum: Knee pain"},
        {"doi": "10.5555/a", "title": "Knee pain"},
        {"doi": "10.5555/a", "title": "Knee pain"},
    )
    assert [row[:3] for row in pairs_of(records)] == [
        ["r1", "r2", KEPT_APART], ["r1", "r3", KEPT_APART], ["r2", "r3", "doi"],
    ]  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "10.5555/a", "10.5555/b"]), st.sampled_from(["", "1", "2"])),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_records_does_not_matter(values: list[tuple[str, str]], random: object) -> None:
    records = make_records(*({"doi": doi, "pmid": pmid} for doi, pmid in values))
    shuffled = records.sample(frac=1, random_state=len(repr(random)) % 97)
    pairs = link_exact(records)
    assert pairs.equals(link_exact(shuffled))
    assert not pairs.duplicated(list(PAIRS.key)).any()
    assert (pairs["record_id"] < pairs["other_id"]).all()


def test_many_records_under_one_doi_take_no_time() -> None:
    words = ["alpha", "beta", "gamma", "delta"]
    rows = [
        {
            "doi": "10.5555/a",
            "title": " ".join(f"{word}{number}" for word in words),
            "authors": f"Author{number}",
        }
        for number in range(5_000)
    ]
    start = time.process_time()
    assert set(link_exact(make_records(*rows))["rule"]) == {KEPT_APART}
    assert time.process_time() - start < 10  # about 1 s alone
