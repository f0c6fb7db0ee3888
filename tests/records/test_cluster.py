"""Clusters: a partition, indifferent to order, every link reversible."""

import time

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import TableError
from synovia.records import KEPT_APART, cluster, link_exact
from synovia.tables import CLUSTERS, PAIRS, RECORDS, empty, frame

IDS = [f"r{number}" for number in range(8)]
RECORDS_8 = frame(RECORDS, [{"record_id": name, "title": "Knee" * (name in "r3 r5")} for name in IDS])
LINK = st.tuples(
    st.sampled_from(IDS),
    st.sampled_from(IDS),
    st.sampled_from(["doi", "pmid", "registry_id", "fuzzy", KEPT_APART]),
)
PERSON = st.tuples(st.sampled_from(IDS), st.sampled_from(IDS))
LINKS, PERSONS = st.lists(LINK, max_size=10), st.lists(PERSON, max_size=4)


def make_pairs(links: list[tuple[str, str, str]]) -> pd.DataFrame:
    rows = [
        {"record_id": a, "other_id": b, "rule": rule, "evidence": f"{rule} {a}{b}"} for a, b, rule in links
    ]
    return frame(PAIRS, rows)


def standing(clusters: pd.DataFrame) -> dict[str, str]:
    return dict(zip(map(str, clusters["record_id"]), map(str, clusters["cluster_id"]), strict=True))


def test_links_chain_and_the_most_complete_record_stands() -> None:
    clusters = cluster(RECORDS_8, make_pairs([("r1", "r2", "doi"), ("r2", "r3", "pmid")]))
    assert tuple(clusters.columns) == CLUSTERS.names
    assert standing(clusters) == {**{name: name for name in IDS}, "r1": "r3", "r2": "r3"}
    because = dict(zip(clusters["record_id"], clusters["because"], strict=True))
    assert (because["r3"], because["r2"], because["r1"]) == ("", "pmid r2r3, as r3", "doi r1r2, as r2")


def test_all_evidence_of_a_pair_is_told() -> None:
    clusters = cluster(
        RECORDS_8, make_pairs([("r1", "r0", "doi"), ("r0", "r1", "pmid")]), merges=[("r1", "r0")]
    )
    assert clusters.loc[1, "because"] == "merged by a person; pmid r0r1; doi r1r0, as r0"


def test_kept_apart_has_the_last_word_over_links() -> None:
    pairs = make_pairs([("r0", "r1", "doi"), ("r1", "r2", "doi"), ("r0", "r2", KEPT_APART)])
    found = standing(cluster(RECORDS_8, pairs))
    assert found["r0"] == found["r1"] != found["r2"]


def test_the_stronger_rule_goes_first() -> None:
    pairs = make_pairs([("r0", "r1", "doi"), ("r1", "r2", "pmid"), ("r0", "r2", KEPT_APART)])
    found = standing(cluster(RECORDS_8, pairs))
    assert found["r0"] != found["r1"] == found["r2"]


def test_a_person_overrules_what_was_kept_apart() -> None:
    pairs = make_pairs([("r0", "r2", KEPT_APART)])
    assert standing(cluster(RECORDS_8, pairs, merges=[("r2", "r0")]))["r2"] == "r0"


def test_a_split_overrules_identifiers() -> None:
    pairs = make_pairs([("r0", "r1", "doi"), ("r0", "r1", "pmid")])
    assert len(set(standing(cluster(RECORDS_8, pairs, splits=[("r1", "r0")])).values())) == 8


def test_names_nobody_bears_are_passed_over() -> None:
    assert standing(cluster(RECORDS_8, make_pairs([("gone", "r1", "doi")]), merges=[("r0", "lost")])) == {
        n: n for n in IDS
    }


def test_no_records_no_clusters() -> None:
    assert cluster(empty(RECORDS), empty(PAIRS)).empty


def test_a_missing_column_is_named() -> None:
    with pytest.raises(TableError, match="column rule"):
        cluster(RECORDS_8, empty(PAIRS).drop(columns="rule"))


@given(LINKS, PERSONS, PERSONS)
def test_clusters_form_a_partition(
    links: list[tuple[str, str, str]], merges: list[tuple[str, str]], splits: list[tuple[str, str]]
) -> None:
    clusters = cluster(RECORDS_8, make_pairs(links), merges=merges, splits=splits)
    found = standing(clusters)
    assert list(found) == IDS
    assert all(found[representative] == representative for representative in found.values())
    assert ((clusters["because"] == "") == (clusters["record_id"] == clusters["cluster_id"])).all()
    for one, other in splits:
        assert one == other or found[one] != found[other]
    split = {frozenset(pair) for pair in splits}
    merged = {frozenset(pair) for pair in merges}
    for one, other, rule in links:
        if rule == KEPT_APART and one != other and frozenset((one, other)) not in merged - split:
            assert found[one] != found[other]


@given(LINKS, PERSONS, PERSONS, st.permutations(range(8)))
def test_order_does_not_matter(
    links: list[tuple[str, str, str]],
    merges: list[tuple[str, str]],
    splits: list[tuple[str, str]],
    order: list[int],
) -> None:
    plain = standing(cluster(RECORDS_8, make_pairs(links), merges=merges, splits=splits))
    turned = [(b, a, rule) for a, b, rule in reversed(links)]
    shuffled = cluster(RECORDS_8.iloc[order], make_pairs(turned), merges=merges[::-1], splits=splits[::-1])
    assert list(shuffled["record_id"]) == [IDS[place] for place in order]
    assert standing(shuffled) == plain


@given(LINKS, PERSON)
def test_splitting_undoes_merging(links: list[tuple[str, str, str]], pair: tuple[str, str]) -> None:
    pairs = make_pairs(links)
    before = cluster(RECORDS_8, pairs)
    found = standing(before)
    if found[pair[0]] == found[pair[1]]:
        return
    assert cluster(RECORDS_8, pairs, merges=[pair], splits=[pair]).equals(before)


@given(st.lists(st.sampled_from(["", "10.5555/a", "10.5555/b", "10.5555/c"]), max_size=8))
def test_identifiers_to_clusters(dois: list[str]) -> None:
    records = frame(RECORDS, [{"record_id": f"r{n}", "doi": doi} for n, doi in enumerate(dois)])
    found = standing(cluster(records, link_exact(records)))
    for one, doi in enumerate(dois):
        for other in range(one):
            same = found[f"r{one}"] == found[f"r{other}"]
            assert same is bool(doi and doi == dois[other])


def test_ten_thousand_records_take_seconds() -> None:
    rows = [{"record_id": f"r{n:05d}", "doi": f"10.5555/{n // 2}", "title": "Knee"} for n in range(10_000)]
    records = frame(RECORDS, rows)
    start = time.process_time()
    assert cluster(records, link_exact(records))["cluster_id"].nunique() == 5_000
    assert time.process_time() - start < 8  # about 1 s alone
