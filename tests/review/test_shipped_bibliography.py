"""The bibliography of the shipped review: every record read, decided with a reason, linked to its study."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from synovia import formats

REVIEW = Path(__file__).parents[2] / "reviews" / "knee-oa"
SEARCHES = sorted((REVIEW / "searches").iterdir())
SCREENED = ("title-abstract", "full-text")


def read_evidence(name: str) -> pd.DataFrame:
    path = REVIEW / "evidence" / f"{name}.csv"
    return pd.DataFrame([dict(row.values) for row in formats.read_rows(path.name, path.read_bytes())])


def read_search(path: Path) -> formats.Export:
    return formats.read_export(path.name, path.read_bytes(), search_id=path.stem)


@pytest.fixture(scope="module")
def protocol() -> Mapping[str, object]:
    return tomllib.loads((REVIEW / "review.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def records() -> pd.DataFrame:
    return pd.concat([read_search(path).records for path in SEARCHES], ignore_index=True)


@pytest.fixture(scope="module")
def decisions() -> pd.DataFrame:
    return read_evidence("decisions")


@pytest.fixture(scope="module")
def links() -> pd.DataFrame:
    return read_evidence("links")


@pytest.fixture(scope="module")
def judgements(decisions: pd.DataFrame, links: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Verdicts and reasons of both stages, and the report linked, of each record."""
    table = {
        str(record): tuple(f"{row.stage}: {row.verdict} {row.reason}" for row in rows.itertuples())
        for record, rows in decisions.groupby("record_id", sort=False)
    }
    reports = dict(zip(links["record_id"], links["report_id"], strict=True))
    return {record: (*verdicts, reports.get(record, "")) for record, verdicts in table.items()}


def test_protocol_names_every_search_file_and_no_other(protocol: Mapping[str, object]) -> None:
    searches = protocol["search"]
    assert isinstance(searches, list)
    named = {search["file"]: search["id"] for search in searches}
    assert named == {f"searches/{path.name}": path.stem for path in SEARCHES}


@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: path.name)
def test_search_file_is_read_without_rejects(path: Path) -> None:
    export = read_search(path)
    assert len(export.rejects) == 0, export.rejects.to_string()
    assert len(export.records) == export.starts > 0
    assert export.format == path.suffix.removeprefix(".")


def test_every_record_has_a_title_and_says_where_it_was_cited(records: pd.DataFrame) -> None:
    assert records["record_id"].is_unique
    assert (records["title"] != "").all()
    assert (records["note"].str.len() >= 20).all()


def test_every_record_is_decided_once_a_stage(records: pd.DataFrame, decisions: pd.DataFrame) -> None:
    assert not decisions.duplicated(["record_id", "stage"]).any()
    first, second = (decisions[decisions["stage"] == stage] for stage in SCREENED)
    assert set(first["record_id"]) == set(records["record_id"])
    assert set(second["record_id"]) == set(first.loc[first["verdict"] == "include", "record_id"])
    assert set(first["verdict"]) <= {"include", "exclude"}


def test_every_exclusion_has_a_reason_of_the_protocol(
    protocol: Mapping[str, object], decisions: pd.DataFrame
) -> None:
    screening = protocol["screening"]
    assert isinstance(screening, dict)
    excluded = decisions["verdict"] == "exclude"
    assert set(decisions.loc[excluded, "reason"]) == set(screening["reasons"])
    assert (decisions.loc[~excluded, "reason"] == "").all()


def test_links_are_the_records_included_at_full_text(decisions: pd.DataFrame, links: pd.DataFrame) -> None:
    included = decisions[(decisions["stage"] == "full-text") & (decisions["verdict"] == "include")]
    assert sorted(links["record_id"]) == sorted(included["record_id"])


def test_every_eligible_study_has_a_report_and_no_other_study_has_one(links: pd.DataFrame) -> None:
    studies = read_evidence("studies")
    assert set(links["study_id"]) == set(studies.loc[studies["eligible"] == "yes", "study_id"])


def test_a_report_is_about_one_study(links: pd.DataFrame) -> None:
    assert (links.groupby("report_id")["study_id"].nunique() == 1).all()


@pytest.mark.parametrize("identifier", ["doi", "pmid", "registry_id"])
def test_records_with_one_identifier_are_judged_alike(
    identifier: str, records: pd.DataFrame, judgements: dict[str, tuple[str, ...]]
) -> None:
    known = records[records[identifier] != ""]
    shared = [list(ids) for _, ids in known.groupby(identifier)["record_id"] if len(ids) > 1]
    assert shared, "the searches overlap"
    for ids in shared:
        assert len({judgements[record] for record in ids}) == 1, ids


def test_records_that_a_person_merged_are_judged_alike(judgements: dict[str, tuple[str, ...]]) -> None:
    merges = read_evidence("merges")
    for one, other in zip(merges["record_id"], merges["other_id"], strict=True):
        assert one != other
        assert judgements[one] == judgements[other], (one, other)
