"""The evidence appendix: every study, its rows as printed, what was derived from them, and its records."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from synovia import tables
from synovia.report.anchors import Places, anchor, identifier_link
from synovia.report.content import Content
from synovia.report.numerals import plain_number
from synovia.report.rows import Cells, line_text, lines_of, pairs_of, rows_of, texts_of
from synovia.tables import Table

__all__ = [
    "ContrastView",
    "Derived",
    "OutcomeView",
    "RecordView",
    "Source",
    "StudyView",
    "record_views",
    "row_links",
    "source_of",
    "study_views",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a row was read: documents with their public addresses, the place, the words, who entered it."""

    documents: tuple[tuple[str, str], ...]
    locator: str
    quote: str
    author: str
    file: str


@dataclass(frozen=True, slots=True)
class Derived:
    """One number derived from the row: the quantity, its value, the formula, its inputs and its source."""

    quantity: str
    value: str
    formula: str
    inputs: str
    citation: str


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """One row of outcomes: as printed, as derived, and where from."""

    anchor: str
    arm: str
    outcome: str
    measure: str
    scale: str
    timepoint: str
    printed: str
    derived: tuple[Derived, ...]
    used: str
    caution: str
    note: str
    source: Source


@dataclass(frozen=True, slots=True)
class ContrastView:
    """One difference as a paper prints it."""

    pair: str
    measure: str
    timepoint: str
    printed: str
    conclusion: str
    note: str
    source: Source


@dataclass(frozen=True, slots=True)
class StudyView:
    """One study with everything that was entered about it."""

    anchor: str
    row: Cells
    source: Source
    arms: tuple[Cells, ...]
    outcomes: tuple[OutcomeView, ...]
    contrasts: tuple[ContrastView, ...]
    findings: tuple[tuple[Cells, Source], ...]
    preparation: tuple[Cells, Source] | None
    answers: tuple[tuple[str, str], ...]
    records: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RecordView:
    """One record: what it is, where it came from, its duplicates' standing record, decisions and study."""

    anchor: str
    row: Cells
    links: tuple[tuple[str, str], ...]
    stands_for: tuple[str, str]
    because: str
    decisions: tuple[str, ...]
    study: tuple[str, str]


def documents_of(text: str) -> tuple[tuple[str, str], ...]:
    """Identifiers of a source cell, joined by ``;``, each with its public address or an empty one."""
    parts = [part.strip() for part in text.split(";")]
    return tuple((part, identifier_link(part)) for part in parts if part)


def source_of(content: Content, table: Table, row: Cells, line: str) -> Source:
    """Where one row of an evidence table comes from."""
    return Source(
        documents_of(str(row.get("source", ""))),
        str(row.get("locator", "")),
        str(row.get("quote", "")),
        content.authors.get(f"{table.name}:{line}", ""),
        f"evidence/{table.name}.csv, line {line}",
    )


def row_links(places: Places, lines: str) -> tuple[tuple[str, str], ...]:
    """Lines of outcomes, joined by ``;``, each with the anchor of its row where the report has it."""
    found = [part.strip() for part in lines.split(";")]
    named = [(part, anchor("outcome", part)) for part in found if part]
    return tuple((part, name if places.has(name) else "") for part, name in named)


_PRINTED = ("mean", "sd", "se", "median", "q1", "q3", "minimum", "maximum", "events")
_WORDS = {"mean": "", "sd": "SD", "se": "SE", "q1": "Q1", "q3": "Q3"}


def _printed(row: Cells) -> str:
    """The numbers of a row of outcomes as one phrase."""
    parts = []
    for name in _PRINTED:
        if text := plain_number(row.get(name)):
            word = _WORDS.get(name, name) or str(row.get("statistic", name))
            parts.append(f"{word} {text}")
    low, high = plain_number(row.get("ci_low")), plain_number(row.get("ci_high"))
    if low or high:
        parts.append(f"CI {low or '?'} to {high or '?'}")
    if n := plain_number(row.get("n")):
        basis = str(row.get("n_basis", ""))
        parts.append(f"n {n}" + (f" ({basis})" if basis else ""))
    return ", ".join(parts) or "no number printed"


def _by_study(views: Sequence[tuple[str, T]]) -> dict[str, list[T]]:
    grouped: dict[str, list[T]] = defaultdict(list)
    for study, view in views:
        grouped[study].append(view)
    return grouped


def _lined(frame: pd.DataFrame) -> list[tuple[dict[str, object], str]]:
    return list(zip(rows_of(frame), lines_of(frame), strict=True))


def _arm_names(content: Content) -> dict[tuple[str, str], str]:
    arms = texts_of(content.table(tables.ARMS), "study_id", "arm_id", "label")
    return {(study, arm): label for study, arm, label in arms}


def _conversions(content: Content) -> dict[str, list[Derived]]:
    found: dict[str, list[Derived]] = defaultdict(list)
    for row in rows_of(content.table(tables.CONVERSIONS)):
        texts = (str(row[name]) for name in ("formula", "inputs", "citation"))
        found[line_text(row["line"])].append(
            Derived(str(row["quantity"]), plain_number(row["value"]), *texts)
        )
    return found


def _outcome_views(content: Content) -> list[tuple[str, OutcomeView]]:
    arms, derived = _arm_names(content), _conversions(content)
    frame = content.table(tables.OUTCOMES)
    return [
        (str(row["study_id"]), _outcome_view(content, row, line, arms, tuple(derived.get(line, ()))))
        for row, line in _lined(frame)
    ]


def _outcome_view(
    content: Content,
    row: Cells,
    line: str,
    arms: Mapping[tuple[str, str], str],
    derived: tuple[Derived, ...],
) -> OutcomeView:
    key = (str(row["study_id"]), str(row["arm_id"]))
    return OutcomeView(
        anchor("outcome", line),
        arms.get(key, key[1]),
        content.outcomes.get(str(row["outcome"]), str(row["outcome"])),
        str(row["measure"]),
        str(row["scale"]),
        str(row["timepoint"]),
        _printed(row),
        derived,
        str(row["use"]),
        str(row["caution"]),
        str(row["note"]),
        source_of(content, tables.OUTCOMES, row, line),
    )


def _contrast_views(content: Content) -> list[tuple[str, ContrastView]]:
    arms = _arm_names(content)
    found = []
    for row, line in _lined(content.table(tables.CONTRASTS)):
        study = str(row["study_id"])
        pair = [arms.get((study, str(row[name])), str(row[name])) for name in ("arm_id", "comparator_id")]
        view = ContrastView(
            f"{pair[0]} against {pair[1]}",
            str(row["measure"]),
            str(row["timepoint"]),
            _contrast_numbers(row),
            str(row["conclusion"]),
            str(row["note"]),
            source_of(content, tables.CONTRASTS, row, line),
        )
        found.append((study, view))
    return found


def _contrast_numbers(row: Cells) -> str:
    parts = [plain_number(row["estimate"])]
    low, high = plain_number(row["ci_low"]), plain_number(row["ci_high"])
    parts.append(f"{low} to {high}" if low and high else "")
    parts.append(f"p {row['p_value']}" if row["p_value"] else "")
    told = ", ".join(part for part in parts if part)
    return f"{row['statistic'] or 'difference'} {told}" if told else "no number printed"


def _sourced(content: Content, table: Table) -> list[tuple[str, tuple[Cells, Source]]]:
    return [
        (str(row["study_id"]), (row, source_of(content, table, row, line)))
        for row, line in _lined(content.table(table))
    ]


def _answers_of(content: Content) -> dict[str, list[tuple[str, str]]]:
    """For every study, the answers it contributes to, as anchor and words."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for answer in content.answers:
        words = f"{answer.comparison}, {answer.outcome}, {answer.window}"
        for study in dict.fromkeys(answer.contributions["study_id"]):
            found[study].append((anchor("answer", answer.synthesis_id), words))
    return found


def _records_of(content: Content, places: Places) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for record, study in texts_of(content.table(tables.LINKS), "record_id", "study_id"):
        name = anchor("record", record)
        found[study].append((name if places.has(name) else "", record))
    return found


def study_views(content: Content, places: Places) -> tuple[StudyView, ...]:
    """Every study of the review, in the order of the evidence table."""
    outcomes, contrasts = _by_study(_outcome_views(content)), _by_study(_contrast_views(content))
    arms = _by_study([(str(row["study_id"]), row) for row in rows_of(content.table(tables.ARMS))])
    findings = _by_study(_sourced(content, tables.FINDINGS))
    preparations = _by_study(_sourced(content, tables.PREPARATIONS))
    answers, records = _answers_of(content), _records_of(content, places)
    views = []
    for row, line in _lined(content.table(tables.STUDIES)):
        name = str(row["study_id"])
        views.append(
            StudyView(
                anchor("study", name),
                row,
                source_of(content, tables.STUDIES, row, line),
                tuple(arms[name]),
                tuple(outcomes[name]),
                tuple(contrasts[name]),
                tuple(findings[name]),
                preparations[name][0] if preparations[name] else None,
                tuple(answers[name]),
                tuple(records[name]),
            )
        )
    return tuple(views)


def _decisions(content: Content) -> dict[str, list[str]]:
    """Decisions on every record, each as one phrase."""
    found: dict[str, list[str]] = defaultdict(list)
    names = ("record_id", "stage", "verdict", "reason", "reviewer", "role")
    for record, stage, verdict, reason, reviewer, role in texts_of(content.table(tables.DECISIONS), *names):
        said = f"{stage}: {verdict}" + (f", {reason}" if reason else "")
        who = f"{reviewer}, adjudicator" if role == "adjudicator" else reviewer
        found[record].append(f"{said} ({who})")
    return found


def record_views(content: Content, places: Places) -> tuple[RecordView, ...]:
    """Every record of the searches, with its duplicates, decisions and study."""
    clusters = {
        record: (cluster, because)
        for record, cluster, because in texts_of(
            content.table(tables.CLUSTERS), "record_id", "cluster_id", "because"
        )
    }
    studies = pairs_of(content.table(tables.LINKS), "record_id", "study_id")
    decisions = _decisions(content)
    return tuple(
        _record_view(row, places, clusters.get(str(row["record_id"]), ("", "")), decisions, studies)
        for row in rows_of(content.table(tables.RECORDS))
    )


def _record_view(
    row: dict[str, object],
    places: Places,
    cluster: tuple[str, str],
    decisions: Mapping[str, list[str]],
    studies: Mapping[str, str],
) -> RecordView:
    name = str(row["record_id"])
    standing = cluster[0] if cluster[0] not in ("", name) else ""
    target = anchor("record", standing)
    study = studies.get(name) or studies.get(standing, "")
    study_anchor = anchor("study", study)
    ids = [str(row["doi"]), f"PMID {row['pmid']}" if row["pmid"] else "", *str(row["registry_id"]).split(";")]
    return RecordView(
        anchor("record", name),
        row,
        tuple((text.strip(), identifier_link(text)) for text in ids if text.strip()),
        (standing, target if standing and places.has(target) else ""),
        cluster[1],
        tuple(decisions.get(name, ())),
        (study, study_anchor if study and places.has(study_anchor) else ""),
    )
