"""Evidence that cannot be pooled, in words: laboratory findings, and trials without numbers for each arm."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from synovia import tables
from synovia.report.anchors import anchor
from synovia.report.content import Content
from synovia.report.methods_text import listed
from synovia.report.rows import pairs_of, texts_of

__all__ = ["Statement", "contrast_statements", "laboratory_statement", "top_statements"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One paragraph on evidence that is not pooled.

    Attributes
    ----------
    heading, text : str
        What it is about and what is known.
    studies : tuple of (str, str)
        Label and anchor of every study it rests on; the anchor is empty where the report has no such study.
    treatment : str
        Label of the treatment; empty for laboratory studies.
    """

    heading: str
    text: str
    studies: tuple[tuple[str, str], ...]
    treatment: str = ""


def contrast_statements(content: Content) -> tuple[Statement, ...]:
    """One statement for each study that is known only by what it says about two arms."""
    contrasts = content.table(tables.CONTRASTS)
    usable = set(content.table(tables.ARM_DATA)["study_id"])
    labels = dict(zip(*(content.table(tables.STUDIES)[name] for name in ("study_id", "label")), strict=True))
    return tuple(
        _contrast_statement(content, str(study), labels.get(study, str(study)), rows)
        for study, rows in contrasts.groupby("study_id", sort=False)
        if study not in usable
    )


def top_statements(content: Content) -> tuple[Statement, ...]:
    """Trials known only in words whose treatment is asked about and has no number, and the laboratory."""
    answered = {a.treatment for a in content.answers if a.estimate.get("status") != "no data"}
    silent = {a.treatment for a in content.answers} - answered
    laboratory = laboratory_statement(content)
    top = [statement for statement in contrast_statements(content) if statement.treatment in silent]
    return (*top, *([laboratory] if laboratory else []))


def _contrast_statement(content: Content, study: str, label: str, rows: pd.DataFrame) -> Statement:
    treated = _treatments(content)
    first = rows.iloc[0]
    pair = [treated.get((study, str(first[name])), str(first[name])) for name in ("arm_id", "comparator_id")]
    said = "; ".join(
        _conclusion(content, str(conclusion), group)
        for conclusion, group in rows.groupby("conclusion", sort=False)
    )
    text = (
        f"{label} reports {said}. No numbers for each arm could be read, so this trial is not part of any "
        "pooled result."
    )
    return Statement(
        f"{_capital(pair[0])} against {pair[1]}: one trial, in words only",
        text,
        _named(content, [study]),
        pair[0],
    )


def _treatments(content: Content) -> dict[tuple[str, str], str]:
    """Words for the treatment of every arm."""
    arms = texts_of(content.table(tables.ARMS), "study_id", "arm_id", "treatment", "label")
    return {(study, arm): content.treatments.get(name, label) for study, arm, name, label in arms}


def _conclusion(content: Content, conclusion: str, rows: pd.DataFrame) -> str:
    """One conclusion with the outcomes and times it was drawn for."""
    outcomes = [
        f"{content.outcomes.get(row['outcome'], row['outcome'])} ({row['measure']})"
        for _, row in rows.iterrows()
    ]
    times = listed(list(dict.fromkeys(rows["timepoint"])))
    said = conclusion.rstrip(".") or "no conclusion"
    return f"{said} for {listed(list(dict.fromkeys(outcomes)))}, at {times}"


def laboratory_statement(content: Content) -> Statement | None:
    """What the animal and laboratory studies found, counted by direction; None when there are none."""
    preparations, findings = content.table(tables.PREPARATIONS), content.table(tables.FINDINGS)
    findings = findings[findings["setting"] != "human"]
    if preparations.empty and findings.empty:
        return None
    studies = tuple(dict.fromkeys([*preparations["study_id"], *findings["study_id"]]))
    parts = [
        f"{len(studies)} animal or laboratory {'study' if len(studies) == 1 else 'studies'} of vesicles made "
        f"by {_sources(preparations)}.",
        *(_direction_words(findings, setting) for setting in ("in vivo", "in vitro")),
        "They print directions rather than numbers that could be pooled, so nothing is pooled; studies that "
        "find no benefit are seldom published. What helps a joint of an animal may not help a person.",
    ]
    text = " ".join(part for part in parts if part)
    return Statement("Vesicles in animals and in the laboratory", text, _named(content, studies))


def _named(content: Content, studies: Iterable[str]) -> tuple[tuple[str, str], ...]:
    labels = pairs_of(content.table(tables.STUDIES), "study_id", "label")
    return tuple(
        (labels.get(name, name), anchor("study", name) if name in labels else "") for name in studies
    )


def _sources(preparations: pd.DataFrame) -> str:
    named = [name for name in dict.fromkeys(preparations["cell_source"]) if name]
    return " or ".join(named) if named else "cells of a source that is not stated"


_DIRECTIONS = (
    ("benefit", "benefit"),
    ("mixed", "mixed results"),
    ("no difference", "no difference"),
    ("harm", "harm"),
)


def _direction_words(findings: pd.DataFrame, setting: str) -> str:
    """Studies by their overall direction in one setting; a study with different directions is mixed."""
    rows = findings[(findings["setting"] == setting) & (findings["direction"] != "not reported")]
    if rows.empty:
        return ""
    each = [_one_direction(group) for _, group in rows.groupby("study_id", sort=False)["direction"]]
    counted = Counter(each)
    where = "In animals" if setting == "in vivo" else "In cells"
    told = ", ".join(f"{counted[name]} with {words}" for name, words in _DIRECTIONS)
    plural = "study" if len(each) == 1 else "studies"
    return f"{where}, of {len(each)} {plural} with a stated direction: {told}."


def _one_direction(directions: pd.Series) -> str:
    seen = set(directions)
    return str(next(iter(seen))) if len(seen) == 1 else "mixed"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
