"""The ledger of screening as look-ups: which record stands where, in each arm of the PRISMA diagram."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from synovia.report.rows import pairs_of, texts_of

__all__ = [
    "MAIN",
    "MAIN_KINDS",
    "OTHER",
    "Arm",
    "Ledger",
    "fill_arms",
    "first_stage",
    "read_ledger",
    "report_states",
]

MAIN, OTHER = "databases and registers", "other methods"
MAIN_KINDS = ("database", "register")
_DECIDED = ("include", "exclude", "not retrieved", "conflict")


@dataclass(slots=True)
class Arm:
    """What one arm of the diagram holds, in names rather than numbers."""

    found: list[str] = field(default_factory=list)
    clusters: list[str] = field(default_factory=list)
    awaiting: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    reports: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The frames as look-ups."""

    records: dict[str, str]
    cluster_of: dict[str, str]
    states: dict[tuple[str, str], tuple[str, str]]
    report_of: dict[str, str]
    studies_of: dict[str, set[str]]


def read_ledger(
    records: pd.DataFrame, clusters: pd.DataFrame, verdicts: pd.DataFrame, links: pd.DataFrame
) -> Ledger:
    """The frames as look-ups; a cluster has the report of the record that stands for it first."""
    cluster_of = pairs_of(clusters, "record_id", "cluster_id")
    found = pairs_of(records, "record_id", "search_id")
    reports: dict[str, str] = {}
    studies: dict[str, set[str]] = {}
    linked = texts_of(links, "record_id", "report_id", "study_id")
    for record, report, study in sorted(linked, key=lambda link: cluster_of.get(link[0], link[0]) != link[0]):
        reports.setdefault(cluster_of.get(record, record), report)
        studies.setdefault(report, set()).update({study} - {""})
    states = {
        (record, stage): (state, reason)
        for record, stage, state, reason in texts_of(verdicts, "record_id", "stage", "state", "reason")
    }
    return Ledger(found, {name: cluster_of.get(name, name) for name in found}, states, reports, studies)


def first_stage(ledger: Ledger, cluster: str) -> tuple[str, str]:
    """State after titles and abstracts; a decision on the full text says that the record had passed."""
    state, reason = ledger.states.get((cluster, "title-abstract"), ("awaiting", ""))
    full, _ = ledger.states.get((cluster, "full-text"), ("awaiting", ""))
    if state in ("awaiting", "conflict") and full in _DECIDED:
        return "include", ""
    return state, reason


def _report_state(ledger: Ledger, clusters: Iterable[str]) -> tuple[str, str]:
    """State of one report after full texts, from every cluster that describes it."""
    states = [_full_state(ledger, cluster) for cluster in clusters]
    seen = {state for state, _ in states}
    if {"include", "exclude"} <= seen:
        return "conflict", ""
    wanted = next(
        state for state in ("include", "exclude", "conflict", "not retrieved", "awaiting") if state in seen
    )
    return next(pair for pair in states if pair[0] == wanted)


def _full_state(ledger: Ledger, cluster: str) -> tuple[str, str]:
    state, reason = ledger.states.get((cluster, "full-text"), ("awaiting", ""))
    first, _ = first_stage(ledger, cluster)
    return ("not retrieved", reason) if state == "awaiting" and first == "not retrieved" else (state, reason)


def fill_arms(ledger: Ledger, kinds: dict[str, str]) -> dict[str, Arm]:
    """Records and clusters of each arm; a cluster that any database or register brought is the main arm's."""
    arms = {MAIN: Arm(), OTHER: Arm()}
    of_record = {
        name: MAIN if kinds.get(search, "") in MAIN_KINDS else OTHER
        for name, search in ledger.records.items()
    }
    of_cluster: dict[str, str] = {}
    for name, arm in of_record.items():
        arms[arm].found.append(name)
        cluster = ledger.cluster_of[name]
        if of_cluster.get(cluster) != MAIN:
            of_cluster[cluster] = arm
    for cluster, arm in of_cluster.items():
        arms[arm].clusters.append(cluster)
        state, _ = first_stage(ledger, cluster)
        group = {
            "include": arms[arm].passed,
            "not retrieved": arms[arm].passed,
            "exclude": arms[arm].excluded,
        }
        group.get(state, arms[arm].awaiting).append(cluster)
    return arms


def _reports(ledger: Ledger, arms: dict[str, Arm]) -> dict[str, list[str]]:
    """Clusters of every report sought; a report that both arms reach is the main arm's."""
    clusters: dict[str, list[str]] = {}
    for name in (MAIN, OTHER):
        for cluster in arms[name].passed:
            report = ledger.report_of.get(cluster, cluster)
            if report not in clusters:
                arms[name].reports[report] = ""
            clusters.setdefault(report, []).append(cluster)
    return clusters


def report_states(ledger: Ledger, arms: dict[str, Arm]) -> dict[str, tuple[str, str]]:
    """State and reason of every report sought, and in each arm the reports that are its own."""
    return {report: _report_state(ledger, names) for report, names in _reports(ledger, arms).items()}
