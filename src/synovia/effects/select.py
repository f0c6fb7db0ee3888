"""From all that a study measured to one measure, one time and one statistic, by a rule fixed beforehand."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from synovia.effects.window import Window
from synovia.tables import ARM_DATA, OMISSIONS, check, frame

__all__ = ["Selected", "select"]

Record = dict[str, Any]
Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Selected:
    """What a synthesis uses, and what it does not.

    Attributes
    ----------
    arm_data : DataFrame
        ARM_DATA rows chosen: one per arm, one measure, time and statistic per study.
    omissions : DataFrame
        OMISSIONS rows: everything else inside the outcome, with the reason; one row for the whole study
        where it has no arm on one side of the comparison.
    """

    arm_data: pd.DataFrame
    omissions: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Rule:
    measures: tuple[str, ...]
    window: Window
    statistics: tuple[str, ...]
    between: Groups
    reasons: list[tuple[Record, str]] = field(default_factory=list)

    def leave(self, rows: Iterable[Record], reason: str) -> None:
        self.reasons.extend((row, reason) for row in rows)


def select(
    arm_data: pd.DataFrame,
    *,
    synthesis_id: str,
    outcome: str,
    measures: tuple[str, ...],
    window: Window,
    prefer: str = "mean change",
    between: Groups | None = None,
    fallback: bool = True,
) -> Selected:
    """One measure, one time and one statistic of each study, chosen without looking at the results.

    Per study: the first measure, in the order given (then in row order within a scale), that enough arms
    have inside the window; of its times the closest to the target, the earlier of two equally close; of its
    statistics the preferred one as printed, then the other as printed, then those that rest on an
    assumption. A study never mixes statistics.

    Parameters
    ----------
    arm_data : DataFrame
        The ARM_DATA table.
    synthesis_id : str
        Written into the omissions.
    outcome : str
        Outcome id; rows of other outcomes are not this synthesis's business and not reported.
    measures : tuple of str
        Scale ids in order of preference; empty accepts every measure in row order.
    window : Window
        Weeks accepted, and the target.
    prefer : {"mean change", "mean", "events"}
        Statistic preferred; counts and means never stand in for each other.
    between : tuple of tuples of str, optional
        Treatment ids of each side: each must have an arm, and other arms are left out. One side for a
        single-arm synthesis. None asks for any two arms.
    fallback : bool
        Whether a mean may stand in for a mean change and the reverse.

    Returns
    -------
    Selected
        Rows chosen in their order, and the others with reasons.

    Examples
    --------
    >>> from synovia.effects import Window, select
    >>> from synovia.tables import ARM_DATA, frame
    >>> rows = [
    ...     {"study_id": "s", "arm_id": arm, "outcome": "pain", "measure": "VAS", "scale": "pain-vas-100",
    ...      "weeks": weeks, "timepoint": str(weeks), "statistic": "mean", "n": 20, "mean": 40, "sd": 20}
    ...     for arm in ("prp", "saline") for weeks in (4, 24)
    ... ]
    >>> window = Window("6 months", 26, 18, 35)
    >>> chosen = select(frame(ARM_DATA, rows), synthesis_id="x", outcome="pain",
    ...                 measures=("pain-vas-100",), window=window)
    >>> chosen.arm_data["weeks"].tolist(), chosen.omissions["reason"].unique().tolist()
    ([24.0, 24.0], ['4 weeks lies outside the window of 18 to 35 weeks'])
    """
    rows = [_record(row) for row in check(ARM_DATA, arm_data).to_dict("records") if row["outcome"] == outcome]
    rule = _Rule(measures, window, _statistics(prefer, fallback=fallback), between or ())
    studies: dict[str, list[Record]] = defaultdict(list)
    for row in rows:
        studies[row["study_id"]].append(row)
    chosen = [row for study in studies.values() for row in _choose(study, rule)]
    omitted = [_omission(synthesis_id, row, reason) for row, reason in rule.reasons]
    return Selected(frame(ARM_DATA, chosen), frame(OMISSIONS, omitted))


def _record(row: dict[Any, Any]) -> Record:
    return {str(name): value for name, value in row.items()}


def _statistics(prefer: str, *, fallback: bool) -> tuple[str, ...]:
    others = {"mean change": "mean", "mean": "mean change"}
    return (prefer, others[prefer]) if fallback and prefer in others else (prefer,)


def _omission(synthesis_id: str, row: Record, reason: str) -> Record:
    place = {name: row[name] for name in ("study_id", "arm_id", "measure", "timepoint", "line")}
    return {"synthesis_id": synthesis_id, **place, "reason": reason}


def _choose(study: list[Record], rule: _Rule) -> list[Record]:
    if not _enough(study, rule.between) and rule.between:
        given = ", ".join(sorted({row["treatment"] for row in study}))
        whole = {"study_id": study[0]["study_id"], "arm_id": "", "measure": "", "timepoint": "", "line": None}
        rule.leave([whole], f"not a study of this comparison: usable numbers only of {given}")
        return []
    fitting = list(_fitting(study, rule))
    candidates = sorted(_candidates(fitting, rule), key=lambda candidate: candidate[0])
    for _, rows in candidates:
        if _enough(rows, rule.between):
            return _take(rows, fitting, rule)
    rule.leave(fitting, f"{_wanted(rule.between)} with this measure within the window")
    return []


def _fitting(study: list[Record], rule: _Rule) -> Iterator[Record]:
    for row in study:
        reason = _misfit(row, rule)
        if reason:
            rule.leave([row], reason)
        else:
            yield row


def _misfit(row: Record, rule: _Rule) -> str:
    window, weeks = rule.window, row["weeks"]
    accepted = {treatment for side in rule.between for treatment in side}
    if accepted and row["treatment"] not in accepted:
        return f"treatment {row['treatment'] or 'not stated'} is not part of this comparison"
    if rule.measures and row["scale"] not in rule.measures:
        return f"scale {row['scale'] or 'not registered'} is not among the measures of this synthesis"
    if row["statistic"] not in rule.statistics:
        return f"{row['statistic']} is not what this synthesis pools"
    if math.isnan(weeks):
        return "the time in weeks is not known"
    if not window.holds(weeks):
        return f"{weeks:g} weeks lies outside the window of {window.low:g} to {window.high:g} weeks"
    return ""


def _candidates(rows: Sequence[Record], rule: _Rule) -> Iterator[tuple[tuple[float, ...], list[Record]]]:
    """Each measure at each time in each statistic, with its rank: the smallest is the first choice."""
    groups: dict[tuple[str, str, float, str], list[Record]] = defaultdict(list)
    order: dict[tuple[str, str], int] = {}
    for row in rows:
        measure = (row["scale"], row["measure"])
        order.setdefault(measure, len(order))
        groups[(*measure, row["weeks"], row["statistic"])].append(row)
    for (scale, name, weeks, statistic), group in groups.items():
        preference = rule.measures.index(scale) if rule.measures else 0
        assumed = any(row["assumption"] for row in group)
        rank = (
            preference, order[(scale, name)], abs(weeks - rule.window.target), weeks,
            float(assumed), rule.statistics.index(statistic),
        )  # fmt: skip
        yield rank, group


def _enough(rows: Sequence[Record], between: Groups) -> bool:
    present = {row["treatment"] for row in rows}
    if not between:
        return len({row["arm_id"] for row in rows}) >= 2
    return all(present & set(side) for side in between)


def _wanted(between: Groups) -> str:
    if not between:
        return "fewer than two arms"
    if len(between) == 1:
        return "no arm"
    return "no arms on both sides of the comparison"


def _take(rows: list[Record], fitting: list[Record], rule: _Rule) -> list[Record]:
    kept: dict[str, Record] = {}
    for row in rows:
        kept.setdefault(row["arm_id"], row)
    taken = set(map(id, kept.values()))
    first = rows[0]
    for row in fitting:
        if id(row) not in taken:
            rule.leave([row], _passed_over(row, first, rule.window))
    return list(kept.values())


def _passed_over(row: Record, chosen: Record, window: Window) -> str:
    if (row["scale"], row["measure"]) != (chosen["scale"], chosen["measure"]):
        return f"the study's {chosen['measure']} is used for this outcome"
    if row["weeks"] != chosen["weeks"]:
        return f"{chosen['weeks']:g} weeks is chosen, for a target of {window.target:g} weeks"
    if row["statistic"] != chosen["statistic"]:
        return f"the study's {chosen['statistic']} is used"
    return "a second row of the same arm, measure and time"
