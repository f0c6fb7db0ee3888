"""Names in one evidence table that must stand in another: studies, arms, comparisons, outcomes."""

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from synovia.errors import Fault
from synovia.review.protocol import Protocol

__all__ = ["decision_faults", "unknown_names", "unknown_records"]

_OF_STUDIES = ("links", "arms", "contrasts", "preparations", "findings")

Row = Mapping[Hashable, Any]


def unknown_names(protocol: Protocol, frames: Mapping[str, pd.DataFrame]) -> list[Fault]:
    """Treatments, outcomes, comparisons, studies and arms that are used and nowhere declared.

    Parameters
    ----------
    protocol : Protocol
        The protocol.
    frames : mapping of str to DataFrame
        The evidence tables by name, each with its ``line``.
    """
    return [
        *_undeclared(protocol, frames),
        *_strangers(frames),
        *_parts(frames["arms"]),
        *_contrasted(frames),
    ]


def unknown_records(links: pd.DataFrame, known: Collection[str]) -> list[Fault]:
    """Linked records that no export holds."""
    return [
        _fault("links", row, "record_id", "a record of searches/")
        for row in links.to_dict("records")
        if row["record_id"] not in known
    ]


def decision_faults(
    decisions: pd.DataFrame, protocol: Protocol, known: Collection[str] | None
) -> list[Fault]:
    """Decisions on no record, exclusions for no reason of the protocol, reports missed before being sought.

    Parameters
    ----------
    decisions : DataFrame
        The DECISIONS table with its ``line``.
    protocol : Protocol
        The protocol, for its reasons.
    known : collection of str or None
        Records of the exports; None when they cannot all be read.
    """
    reasons = protocol.screening.reasons
    faults: list[Fault] = []
    for row in decisions.to_dict("records"):
        if known is not None and row["record_id"] not in known:
            advice = "Correct or remove the row and import it again."
            faults.append(_fault("decisions", row, "record_id", "a record of searches/", advice))
        if row["verdict"] == "exclude" and row["reason"] not in reasons:
            wanted = "one of the reasons in review.toml: " + "; ".join(reasons)
            faults.append(_fault("decisions", row, "reason", wanted, "Correct the row and import it again."))
        if row["verdict"] == "not retrieved" and row["stage"] != "full-text":
            wanted = "include or exclude: a report is sought only at full text"
            faults.append(_fault("decisions", row, "verdict", wanted))
    return faults


def _fault(table: str, row: Row, column: str, wanted: str, advice: str = "Correct the spelling.") -> Fault:
    return Fault(repr(row[column]), wanted, f"evidence/{table}.csv", int(row["line"]), column, advice)


def _undeclared(protocol: Protocol, frames: Mapping[str, pd.DataFrame]) -> Iterator[Fault]:
    treatments = [treatment.id for treatment in protocol.treatment]
    outcomes = [outcome.id for outcome in protocol.outcome]
    comparisons = [comparison.id for comparison in protocol.comparison]
    uses = (
        ("arms", "treatment", "treatment", treatments),
        ("outcomes", "outcome", "outcome", outcomes),
        ("contrasts", "outcome", "outcome", outcomes),
        ("published", "comparison_id", "comparison", ["", *comparisons]),
        ("published", "outcome_id", "outcome", ["", *outcomes]),
    )
    for table, column, section, known in uses:
        wanted = f"one of {', '.join(filter(None, known)) or 'none declared'}"
        advice = f"Declare it under [[{section}]] in review.toml, or correct the spelling."
        for row in frames[table].to_dict("records"):
            if row[column] not in known:
                yield _fault(table, row, column, wanted, advice)


def _strangers(frames: Mapping[str, pd.DataFrame]) -> Iterator[Fault]:
    known = {"", *frames["studies"]["study_id"]}
    for table in _OF_STUDIES:
        for row in frames[table].to_dict("records"):
            if row["study_id"] not in known:
                yield _fault(table, row, "study_id", "a study of studies.csv")


def _parts(arms: pd.DataFrame) -> Iterator[Fault]:
    """Subgroups of themselves, of no arm, or of another subgroup."""
    whole = dict(zip(zip(arms["study_id"], arms["arm_id"], strict=True), arms["part_of"], strict=True))
    advice = "Name the whole arm, and give that arm a row of its own."
    for row in arms.to_dict("records"):
        if row["part_of"] and whole.get((row["study_id"], row["part_of"]), "none") != "":
            wanted = f"an arm of {row['study_id']} that is itself no subgroup"
            yield _fault("arms", row, "part_of", wanted, advice)


def _contrasted(frames: Mapping[str, pd.DataFrame]) -> Iterator[Fault]:
    arms = set(zip(frames["arms"]["study_id"], frames["arms"]["arm_id"], strict=True))
    for row in frames["contrasts"].to_dict("records"):
        for column in ("arm_id", "comparator_id"):
            if (row["study_id"], row[column]) not in arms:
                yield _fault("contrasts", row, column, f"an arm of {row['study_id']} in arms.csv")
