import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia import tables
from synovia.report import Search, flow_counts, identities

SEARCHES = (
    Search("db", "database", "PubMed"),
    Search("reg", "register", "CT.gov"),
    Search("cit", "citations", "Lists"),
)
STATES = ["include", "exclude", "not retrieved", "conflict", "awaiting"]
NO_REJECTS = tables.empty(tables.REJECTS)


def flow(
    found: list[tuple[str, str]],
    clusters: dict[str, str],
    states: dict[tuple[str, str], str],
    links: dict[str, tuple[str, str]],
) -> pd.DataFrame:
    records = [
        {"record_id": name, "search_id": search, "file": f"searches/{search}"} for name, search in found
    ]
    rows = [{"record_id": name, "cluster_id": clusters.get(name, name)} for name, _ in found]
    verdicts = [
        {"record_id": name, "stage": stage, "state": state, "reason": "wrong" if state == "exclude" else ""}
        for (name, stage), state in states.items()
    ]
    linked = [
        {"record_id": n, "report_id": report, "study_id": study} for n, (report, study) in links.items()
    ]
    return flow_counts(
        SEARCHES,
        tables.frame(tables.RECORDS, records),
        tables.frame(tables.CLUSTERS, rows),
        tables.frame(tables.VERDICTS, verdicts),
        tables.frame(tables.LINKS, linked),
        rejects=NO_REJECTS,
    )


@pytest.fixture
def small() -> pd.DataFrame:
    """Seven records: one duplicate in the arm, one across arms, two records of one report, one awaiting."""
    found = [
        ("d1", "db"),
        ("d2", "db"),
        ("d3", "db"),
        ("r1", "reg"),
        ("c1", "cit"),
        ("c2", "cit"),
        ("c3", "cit"),
    ]
    ta, ft = "title-abstract", "full-text"
    states = {
        ("d1", ta): "include",
        ("d3", ta): "include",
        ("r1", ta): "exclude",
        ("c2", ta): "include",
        ("d1", ft): "include",
        ("d3", ft): "include",
        ("c2", ft): "exclude",
    }
    links = {"d1": ("p1", "s1"), "d3": ("p1", "s1"), "c2": ("p2", "s2")}
    return flow(found, {"d2": "d1", "c1": "d1"}, states, links)


def test_counts_of_a_small_ledger(small: pd.DataFrame) -> None:
    n = dict(zip(small["box"], small["count"], strict=True))
    expected = {
        "identified-databases": 3,
        "identified-registers": 1,
        "removed-duplicates": 1,
        "screened": 3,
        "excluded": 1,
        "same-report": 1,
        "sought": 1,
        "reports-included": 1,
        "identified-other": 3,
        "other-duplicates": 1,
        "other-screened": 1,
        "other-awaiting": 1,
        "other-sought": 1,
        "other-excluded-full-text": 1,
        "included-reports": 1,
        "included-studies": 1,
    }
    assert {box: n[box] for box in expected} == expected
    assert identities(small) == ()


def test_reasons_are_counted(small: pd.DataFrame) -> None:
    details = dict(zip(small["box"], small["detail"], strict=True))
    assert details["excluded"] == "wrong: 1"
    assert details["other-excluded-full-text"] == "wrong: 1"
    assert details["identified-databases"] == "PubMed: 3"


@pytest.mark.parametrize("box", ["screened", "sought", "assessed", "included-reports", "other-sought"])
def test_a_changed_number_breaks_an_identity(small: pd.DataFrame, box: str) -> None:
    changed = small.assign(count=small["count"] + (small["box"] == box).astype(int))
    assert any(box in sentence for sentence in identities(changed))


def test_a_decision_on_the_full_text_says_that_the_record_had_passed() -> None:
    counts = flow([("c1", "cit")], {}, {("c1", "full-text"): "include"}, {"c1": ("p", "s")})
    n = dict(zip(counts["box"], counts["count"], strict=True))
    assert (n["other-awaiting"], n["other-sought"], n["included-studies"]) == (0, 1, 1)


def test_records_that_disagree_about_one_report_are_a_conflict() -> None:
    states = {("d1", "full-text"): "include", ("d2", "full-text"): "exclude"}
    counts = flow([("d1", "db"), ("d2", "db")], {}, states, {"d1": ("p", "s"), "d2": ("p", "s")})
    told = counts.set_index("box")
    assert told["count"]["reports-awaiting"] == 1
    assert told["detail"]["reports-awaiting"] == "in conflict: 1"
    assert identities(counts) == ()


@st.composite
def ledgers(draw: st.DrawFn) -> pd.DataFrame:
    names = [f"x{i}" for i in range(draw(st.integers(0, 12)))]
    found = [(name, draw(st.sampled_from(["db", "reg", "cit"]))) for name in names]
    clusters = {name: names[draw(st.integers(0, i))] for i, name in enumerate(names)}
    standing = {
        name: name if clusters[clusters[name]] != clusters[name] else clusters[name] for name in names
    }
    states = {
        (name, stage): draw(st.sampled_from(STATES))
        for name in names
        for stage in ("title-abstract", "full-text")
        if draw(st.booleans())
    }
    reports = [f"p{i}" for i in range(4)]
    links = {}
    for name in names:
        if draw(st.booleans()):
            report = draw(st.sampled_from(reports))
            links[name] = (report, draw(st.sampled_from(["", f"s-{report}"])))
    return flow(found, standing, states, links)


@given(ledgers())
def test_identities_hold_for_every_ledger(counts: pd.DataFrame) -> None:
    assert identities(counts) == ()
    assert (counts["count"] >= 0).all()


@given(ledgers())
def test_every_cluster_is_somewhere(counts: pd.DataFrame) -> None:
    """Records found are duplicates, awaiting, excluded, or belong to a report that was sought."""
    n = dict(zip(counts["box"], counts["count"], strict=True))
    for prefix, found, gone in (
        ("", ("identified-databases", "identified-registers"), "removed-duplicates"),
        ("other-", ("identified-other",), "other-duplicates"),
    ):
        kinds = ("awaiting", "excluded", "same-report", "sought")
        assert sum(n[box] for box in found) == n[gone] + sum(n[prefix + kind] for kind in kinds)
