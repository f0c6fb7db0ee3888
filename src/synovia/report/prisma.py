"""The PRISMA 2020 flow, counted from the ledger of records, clusters, verdicts and links; nothing is typed.

A record belongs to a cluster of duplicates, a cluster describes one report, a report is about one study. A
cluster that any database or register brought is counted in their arm of the diagram, and so is its report;
what only other methods (citations, websites, organisations) brought is counted in theirs.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import pandas as pd

from synovia import tables
from synovia.report.content import Content, Search
from synovia.report.ledger import (
    MAIN,
    MAIN_KINDS,
    OTHER,
    Arm,
    Ledger,
    fill_arms,
    first_stage,
    read_ledger,
    report_states,
)

__all__ = ["FLOW_COLUMNS", "content_flow", "flow_counts", "identities"]

FLOW_COLUMNS = ("box", "arm", "label", "count", "detail")
TOTAL = "included"


def _reasons(reasons: Iterable[str]) -> str:
    counted = Counter(reason or "no reason given" for reason in reasons)
    return "\n".join(
        f"{reason}: {n}" for reason, n in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    )


def _per_search(
    searches: Sequence[Search], found: Iterable[str], kinds: Collection[str] | None
) -> tuple[int, str]:
    counted = Counter(found)
    named = [s for s in searches if (s.kind in kinds if kinds is not None else s.kind not in MAIN_KINDS)]
    total = sum(counted[search.id] for search in named)
    return total, "\n".join(f"{search.name}: {counted[search.id]}" for search in named)


def flow_counts(
    searches: Sequence[Search],
    records: pd.DataFrame,
    clusters: pd.DataFrame,
    verdicts: pd.DataFrame,
    links: pd.DataFrame,
    *,
    rejects: pd.DataFrame,
    synthesised: Collection[str] = (),
) -> pd.DataFrame:
    """Every box of the flow diagram, counted from the ledger.

    Parameters
    ----------
    searches : sequence of Search
        Searches of the protocol; their kind decides the arm of the diagram.
    records, clusters, verdicts, links, rejects : DataFrame
        Tables RECORDS, CLUSTERS, VERDICTS (of the records that stand for clusters), LINKS, REJECTS.
    synthesised : collection of str
        Studies that contribute to at least one pooled result.

    Returns
    -------
    DataFrame
        ``box, arm, label, count, detail``: one row per box. A cluster without a link is its own report; a
        report whose study is not named counts as a report and is told in the detail. Records and reports
        still awaited or in conflict have boxes of their own.

    Notes
    -----
    Boxes and identities after Page et al. (2021), BMJ 372:n71, Figure 1.

    Examples
    --------
    >>> from synovia import tables
    >>> from synovia.report.content import Search
    >>> found = tables.frame(tables.RECORDS, [{"record_id": "a-1", "search_id": "a", "file": "a.ris"}])
    >>> names = ("CLUSTERS", "VERDICTS", "LINKS")
    >>> rest = [tables.empty(getattr(tables, name)) for name in names]
    >>> flow = flow_counts([Search("a", "database", "A")], found, *rest, rejects=tables.empty(tables.REJECTS))
    >>> int(flow.set_index("box")["count"]["awaiting"])
    1
    """
    ledger = read_ledger(records, clusters, verdicts, links)
    arms = fill_arms(ledger, {search.id: search.kind for search in searches})
    states = report_states(ledger, arms)
    found = list(ledger.records.values())
    rows = [
        *_found_rows(searches, found, arms[MAIN], len(rejects)),
        *_screening_rows(ledger, arms[MAIN], ""),
        *_report_rows(arms[MAIN], states, ""),
        *_other_rows(searches, found, arms),
        *_screening_rows(ledger, arms[OTHER], "other-"),
        *_report_rows(arms[OTHER], states, "other-"),
        *_included_rows(ledger, states, set(synthesised)),
    ]
    return pd.DataFrame(rows, columns=list(FLOW_COLUMNS))


_Row = tuple[str, str, str, int, str]


def _found_rows(searches: Sequence[Search], found: list[str], arm: Arm, unread: int) -> list[_Row]:
    databases, from_databases = _per_search(searches, found, ("database",))
    registers, from_registers = _per_search(searches, found, ("register",))
    return [
        ("identified-databases", MAIN, "Records from databases", databases, from_databases),
        ("identified-registers", MAIN, "Records from registers", registers, from_registers),
        ("removed-duplicates", MAIN, "Duplicate records removed", len(arm.found) - len(arm.clusters), ""),
        ("removed-automatic", MAIN, "Records marked ineligible by automation", 0, "no automation was used"),
        ("removed-other", MAIN, "Records removed for other reasons", 0, ""),
        (
            "unread",
            MAIN,
            "Pieces of exports that could not be read as records",
            unread,
            "listed in the appendix",
        ),
    ]


def _screening_rows(ledger: Ledger, arm: Arm, prefix: str) -> list[_Row]:
    name = OTHER if prefix else MAIN
    decided = len(arm.passed) + len(arm.excluded)
    reasons = _reasons(first_stage(ledger, cluster)[1] for cluster in arm.excluded)
    conflicts = sum(first_stage(ledger, cluster)[0] == "conflict" for cluster in arm.awaiting)
    detail = f"in conflict: {conflicts}" if conflicts else ""
    same = len(arm.passed) - len(arm.reports)
    return [
        (f"{prefix}screened", name, "Records screened", decided, ""),
        (f"{prefix}awaiting", name, "Records awaiting a decision", len(arm.awaiting), detail),
        (f"{prefix}excluded", name, "Records excluded", len(arm.excluded), reasons),
        (f"{prefix}same-report", name, "Further records of a report already counted", same, ""),
    ]


def _report_rows(arm: Arm, states: dict[str, tuple[str, str]], prefix: str) -> list[_Row]:
    name = OTHER if prefix else MAIN
    counted = Counter(states[report][0] for report in arm.reports)
    undecided = counted["awaiting"] + counted["conflict"]
    out = [states[report][1] for report in arm.reports if states[report][0] == "exclude"]
    detail = f"in conflict: {counted['conflict']}" if counted["conflict"] else ""
    return [
        (f"{prefix}sought", name, "Reports sought for retrieval", len(arm.reports), ""),
        (f"{prefix}not-retrieved", name, "Reports not retrieved", counted["not retrieved"], ""),
        (f"{prefix}reports-awaiting", name, "Reports awaiting a decision", undecided, detail),
        (
            f"{prefix}assessed",
            name,
            "Reports assessed for eligibility",
            counted["include"] + counted["exclude"],
            "",
        ),
        (f"{prefix}excluded-full-text", name, "Reports excluded", counted["exclude"], _reasons(out)),
        (f"{prefix}reports-included", name, "Reports included", counted["include"], ""),
    ]


def _other_rows(searches: Sequence[Search], found: list[str], arms: dict[str, Arm]) -> list[_Row]:
    total, detail = _per_search(searches, found, None)
    repeated = len(arms[OTHER].found) - len(arms[OTHER].clusters)
    return [
        ("identified-other", OTHER, "Records from other methods", total, detail),
        ("other-duplicates", OTHER, "Duplicate records removed", repeated, ""),
    ]


def _included_rows(ledger: Ledger, states: dict[str, tuple[str, str]], synthesised: set[str]) -> list[_Row]:
    reports = [report for report, (state, _) in states.items() if state == "include"]
    studies = set().union(*(ledger.studies_of.get(report, set()) for report in reports))
    unnamed = sum(not ledger.studies_of.get(report) for report in reports)
    detail = f"reports not linked to a study in the evidence tables: {unnamed}" if unnamed else ""
    pooled = len(studies & synthesised)
    return [
        ("included-reports", TOTAL, "Reports of included studies", len(reports), detail),
        ("included-studies", TOTAL, "Studies included", len(studies), ""),
        ("pooled-studies", TOTAL, "Studies in a pooled result", pooled, ""),
    ]


def _arm_identities(prefix: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Left side, and the boxes added to and taken from it on the right side."""
    return [
        (f"{prefix}screened", (f"{prefix}excluded", f"{prefix}same-report", f"{prefix}sought"), ()),
        (f"{prefix}assessed", (f"{prefix}sought",), (f"{prefix}not-retrieved", f"{prefix}reports-awaiting")),
        (f"{prefix}reports-included", (f"{prefix}assessed",), (f"{prefix}excluded-full-text",)),
    ]


_IDENTITIES = [
    (
        "screened",
        ("identified-databases", "identified-registers"),
        ("removed-duplicates", "removed-automatic", "removed-other", "awaiting"),
    ),
    ("other-screened", ("identified-other",), ("other-duplicates", "other-awaiting")),
    *_arm_identities(""),
    *_arm_identities("other-"),
    ("included-reports", ("reports-included", "other-reports-included"), ()),
]


def identities(counts: pd.DataFrame) -> tuple[str, ...]:
    """Sentences for every identity of the flow that does not hold; empty when all do.

    Parameters
    ----------
    counts : DataFrame
        As :func:`flow_counts` gives it, or as read from somebody else's diagram with the same boxes.

    Returns
    -------
    tuple of str
        One sentence per broken identity, with its numbers.
    """
    n = Counter(dict(zip(counts["box"], counts["count"], strict=True)))
    broken = []
    for left, plus, minus in _IDENTITIES:
        right = sum(n[box] for box in plus) - sum(n[box] for box in minus)
        if n[left] != right:
            sides = " + ".join(plus) + "".join(f" - {box}" for box in minus)
            broken.append(f"PRISMA flow: {left} is {n[left]}, but {sides} is {right}.")
    broken += [f"PRISMA flow: {box} is {count}, below zero." for box, count in n.items() if count < 0]
    if n["included-studies"] > n["included-reports"]:
        broken.append(
            f"PRISMA flow: {n['included-studies']} studies from only {n['included-reports']} reports."
        )
    return tuple(broken)


def content_flow(content: Content) -> pd.DataFrame:
    """The flow of a review, counted from the tables of its content."""
    needed = (tables.RECORDS, tables.CLUSTERS, tables.VERDICTS, tables.LINKS)
    pooled = {
        study
        for answer in content.answers
        if answer.estimate.get("status") == "pooled"
        for study in answer.contributions["study_id"]
    }
    return flow_counts(
        content.searches,
        *(content.table(table) for table in needed),
        rejects=content.table(tables.REJECTS),
        synthesised=pooled,
    )
