"""Pairs of records to clusters, one record standing for each; every link can be taken back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from synovia.records.match import KEPT_APART
from synovia.tables import CLUSTERS, PAIRS, RECORDS, check, frame

__all__ = ["cluster"]

Pair = tuple[str, str]

_STRENGTH = {"person": 0, "pmid": 1, "doi": 2, "registry_id": 3}
_TELLING = (
    "title", "authors", "year", "source", "volume", "issue", "pages", "abstract", "keywords", "language",
    "doi", "pmid", "registry_id", "url",
)  # fmt: skip


@dataclass(slots=True)
class _Forest:
    """Disjoint clusters that know which others they may never be joined with."""

    parent: dict[str, str]
    foes: dict[str, set[str]]
    links: dict[str, list[Pair]] = field(default_factory=dict)

    def find(self, record: str) -> str:
        root = record
        while self.parent[root] != root:
            root = self.parent[root]
        while self.parent[record] != root:
            self.parent[record], record = root, self.parent[record]
        return root

    def part(self, one: str, other: str) -> None:
        """Forbid two single records ever to be joined."""
        self.foes[one].add(other)
        self.foes[other].add(one)

    def join(self, one: str, other: str, because: str) -> None:
        """Join the clusters of two records, unless that is forbidden or done."""
        kept, gone = self.find(one), self.find(other)
        if kept == gone or gone in self.foes[kept]:
            return
        if len(self.foes[kept]) < len(self.foes[gone]):
            kept, gone = gone, kept
        for foe in self.foes.pop(gone):
            self.foes[foe].discard(gone)
            self.foes[foe].add(kept)
            self.foes[kept].add(foe)
        self.parent[gone] = kept
        self.links.setdefault(one, []).append((other, because))
        self.links.setdefault(other, []).append((one, because))


def cluster(
    records: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    merges: Iterable[Pair] = (),
    splits: Iterable[Pair] = (),
) -> pd.DataFrame:
    """Partition of records into clusters of one report each.

    A person's split has the last word, then a person's merge, then a pair that was kept apart; links follow
    from the strongest rule (pmid, doi, registry_id, others) to the weakest, and a link that would join what
    is kept apart is left out. The record with most fields filled stands for its cluster, the first by name
    among equals. The answer does not depend on the order of any input.

    Parameters
    ----------
    records : DataFrame
        Table ``records``.
    pairs : DataFrame
        Table ``pairs``, from one or several linkages.
    merges, splits : iterable of (str, str)
        Pairs of records that a person declared one report, or not one; a split of a pair undoes its merge.
        Names that no record bears are passed over.

    Returns
    -------
    DataFrame
        Table ``clusters``, one row a record, in the order of ``records``.

    Raises
    ------
    TableError
        When a declared column is absent.

    Examples
    --------
    >>> from synovia.tables import PAIRS, RECORDS, empty, frame
    >>> records = frame(RECORDS, [{"record_id": "a-1", "title": "Knee"}, {"record_id": "b-1"}])
    >>> cluster(records, empty(PAIRS), merges=[("a-1", "b-1")])["cluster_id"].tolist()
    ['a-1', 'a-1']
    """
    ids = [str(record) for record in check(RECORDS, records)["record_id"]]
    known = frozenset(ids)
    parted = _sorted_pairs(splits, known)
    merged = _sorted_pairs(merges, known) - parted
    evidence = _gather_evidence(check(PAIRS, pairs), known, merged)
    forest = _Forest({record: record for record in ids}, {record: set() for record in ids})
    kept_apart = {pair for pair, rules in evidence.items() if KEPT_APART in rules}
    for one, other in parted | (kept_apart - merged):
        forest.part(one, other)
    for one, other in sorted(evidence, key=lambda pair: (_rank(evidence[pair]), pair)):
        rules = {rule: text for rule, text in evidence[one, other].items() if rule != KEPT_APART}
        if rules:
            forest.join(one, other, "; ".join(rules.values()))
    because = _explain(ids, forest, _count_filled(records))
    return frame(
        CLUSTERS,
        [
            {"record_id": record, "cluster_id": because[record][0], "because": because[record][1]}
            for record in ids
        ],
    )


def _sorted_pairs(pairs: Iterable[Pair], known: frozenset[str]) -> set[Pair]:
    return {
        (min(one, other), max(one, other))
        for one, other in pairs
        if one != other and one in known and other in known
    }


def _gather_evidence(
    pairs: pd.DataFrame, known: frozenset[str], merged: set[Pair]
) -> dict[Pair, dict[str, str]]:
    """For each pair its rules, strongest first, each with its evidence."""
    rows = [
        (_STRENGTH.get(rule, len(_STRENGTH)), rule, text, min(one, other), max(one, other))
        for one, other, rule, text in pairs[["record_id", "other_id", "rule", "evidence"]].itertuples(
            index=False
        )
        if one != other and one in known and other in known
    ]
    rows += [(0, "person", "merged by a person", one, other) for one, other in merged]
    evidence: dict[Pair, dict[str, str]] = {}
    for _, rule, text, one, other in sorted(rows):
        evidence.setdefault((one, other), {}).setdefault(rule, text)
    return evidence


def _rank(rules: Mapping[str, str]) -> tuple[int, str]:
    strongest = next(iter(rules))
    return _STRENGTH.get(strongest, len(_STRENGTH)), strongest


def _count_filled(records: pd.DataFrame) -> dict[str, int]:
    telling = records[list(_TELLING)]
    filled = (telling.notna() & (telling != "")).sum(axis=1)
    return dict(zip(map(str, records["record_id"]), map(int, filled), strict=True))


def _explain(ids: list[str], forest: _Forest, filled: Mapping[str, int]) -> dict[str, Pair]:
    """For each record the one that stands for it and the evidence that leads there."""
    because: dict[str, Pair] = {}
    for standing in sorted(ids, key=lambda record: (-filled[record], record)):
        if standing in because:
            continue
        because[standing] = (standing, "")
        waiting = [standing]
        for record in waiting:
            for other, evidence in sorted(forest.links.get(record, ())):
                if other not in because:
                    because[other] = (standing, f"{evidence}, as {record}")
                    waiting.append(other)
    return because
