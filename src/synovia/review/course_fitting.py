"""One course over time carried out: follow-ups chosen, fitted, read week by week."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from synovia import tables
from synovia.effects.arms import join, lines
from synovia.errors import SynthesisError
from synovia.review.course_protocol import Course, CourseVariant
from synovia.review.eligible import Wanted, eligible_rows
from synovia.review.network_arms import merge_groups
from synovia.review.plans import PRIMARY
from synovia.review.protocol import Protocol
from synovia.synthesis.course import TimeCourse, time_course
from synovia.tables import Table

__all__ = ["COURSE_TABLES", "follow"]

COURSE_TABLES: tuple[Table, ...] = (tables.COURSES, tables.COURSE_FOLLOW_UPS, tables.COURSE_ESTIMATES)
"""What a course gives."""

Rows = dict[str, list[dict[str, object]]]


def follow(protocol: Protocol, course: Course, frames: Mapping[str, pd.DataFrame]) -> Rows:
    """A course as planned, and its variants on the same follow-ups; rows by name of the table.

    Parameters
    ----------
    protocol : Protocol
        Whose course it is.
    course : Course
        What is followed.
    frames : mapping of str to DataFrame
        Tables ``arm_data``, ``studies`` and ``arms`` of the whole review.
    """
    wanted = Wanted(course.id, course.outcome, protocol.model.designs)
    kept, _ = eligible_rows(wanted, frames["arm_data"], frames["studies"])
    sides = kept[kept["treatment"].isin([course.treatment, course.comparator]) & (kept["weeks"] > 0)]
    names = dict(zip(frames["studies"]["study_id"], frames["studies"]["label"], strict=True))
    seen = _choose(protocol, course, merge_groups(sides), names)
    found: Rows = {table.name: [] for table in COURSE_TABLES}
    for variant in (CourseVariant(id=PRIMARY, label="as planned"), *course.variant):
        own = [row for row in seen if min(row["n"], row["n_comparator"]) >= variant.smallest_arm]
        _add(found, protocol, course, (variant, own))
    return found


def _choose(
    protocol: Protocol, course: Course, groups: pd.DataFrame, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Of each trial one measure and statistic, every time at which both sides were seen."""
    measures = protocol.outcome_named(course.outcome).measures
    order = {name: i for i, name in enumerate(measures)}
    rows: list[dict[str, Any]] = []
    for study, trial in groups[groups["scale"].isin(measures)].groupby("study_id", sort=False):
        series: dict[tuple[int, int, str], list[dict[str, Any]]] = {}
        for (scale, measure, statistic, _), both in trial.groupby(
            ["scale", "measure", "statistic", "weeks"], sort=False
        ):
            arms = {str(row["treatment"]): row for row in both.to_dict("records")}
            if len(arms) == 2:
                rank = (order[str(scale)], int(statistic != protocol.model.prefer), str(measure))
                pair = (arms[course.treatment], arms[course.comparator])
                series.setdefault(rank, []).append(_contrast(str(study), names, pair))
        if series:
            rows += sorted(series[min(series)], key=lambda row: float(row["weeks"]))
    return rows


def _contrast(
    study: str, names: Mapping[str, str], pair: tuple[Mapping[Any, Any], Mapping[Any, Any]]
) -> dict[str, Any]:
    own, other = pair
    return {
        "study_id": study,
        "label": names.get(study, study),
        **{name: own[name] for name in ("weeks", "measure", "statistic", "n")},
        "n_comparator": other["n"],
        "estimate": own["mean"] - other["mean"],
        "variance": own["sd"] ** 2 / own["n"] + other["sd"] ** 2 / other["n"],
        "derived": join([side[name] for side in pair for name in ("derived", "assumption")]),
        "caution": join([side["caution"] for side in pair]),
        "lines": "; ".join(line for side in pair for line in lines({str(k): v for k, v in side.items()})),
    }


def _add(
    found: Rows, protocol: Protocol, course: Course, case: tuple[CourseVariant, list[dict[str, Any]]]
) -> None:
    variant, rows = case
    base: dict[str, object] = {"course_id": course.id, "variant": variant.id}
    data = pd.DataFrame(rows)
    correlation = course.correlation if variant.correlation is None else variant.correlation
    sizes: dict[str, float] = {}
    for row in rows:
        sizes[row["study_id"]] = max(sizes.get(row["study_id"], 0.0), row["n"] + row["n_comparator"])
    facts: dict[str, object] = {
        **base,
        **{name: getattr(course, name) for name in ("outcome", "treatment", "comparator")},
        "correlation": correlation,
        "k": len(sizes),
        "follow_ups": len(rows),
        "n": sum(sizes.values()),
        "level": protocol.model.level,
    }
    fit = _fit(protocol, course, data, correlation)
    if isinstance(fit, str):
        found["courses"].append({**facts, "status": "not fitted", "reason": fit})
        return
    said = {"method": fit.fit.method, "warnings": " ".join(fit.warnings)}
    found["courses"].append({**facts, "status": "fitted", **said})
    found["course_estimates"] += [{**base, **row} for row in _weeks(course, fit, data, variant.id == PRIMARY)]
    if variant.id == PRIMARY:
        found["course_follow_ups"] += [{**base, **row} for row in rows]


def _fit(protocol: Protocol, course: Course, data: pd.DataFrame, correlation: float) -> TimeCourse | str:
    """The course, or why there is none."""
    if data.empty:
        return "no trial saw both sides at one time"
    try:
        return time_course(
            data,
            basis=f"piecewise({', '.join(f'{knot:g}' for knot in course.knots)})",
            study="study_id",
            time="weeks",
            correlation=correlation,
            random=None if course.random == "none" else course.random,
            inference=course.inference,
            level=protocol.model.level,
        )
    except SynthesisError as problem:
        return str(problem)


def _weeks(course: Course, fit: TimeCourse, data: pd.DataFrame, whole: bool) -> Iterator[dict[str, object]]:
    """The effect at every knot; for the drawing of the planned course also at every week."""
    last = min(max(course.knots), float(data["weeks"].max()))
    every = {float(week) for week in range(1, int(last) + 1)} if whole else set()
    weeks = sorted(every | {float(knot) for knot in course.knots if knot <= last})
    ends = data.groupby("study_id")["weeks"].max()
    names = ("estimate", "lower", "upper", "prediction_lower", "prediction_upper")
    for row in fit.predict(weeks).to_dict("records"):
        week = float(row["time"])
        yield {"weeks": week, **{name: row[name] for name in names}, "k": int((ends >= week).sum())}
