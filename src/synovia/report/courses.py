"""Courses over time as the templates read them: sentences, numbers printed, the drawing."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from synovia import tables
from synovia.plots.course import course as draw_course
from synovia.plots.style import figure_of
from synovia.report.anchors import Places, anchor
from synovia.report.content import Content
from synovia.report.course_content import CourseAnswer
from synovia.report.evidence import row_links
from synovia.report.figures import inline
from synovia.report.methods_text import listed
from synovia.report.numerals import count, decimal, interval, percent, reading_of
from synovia.report.rows import Cells, rows_of
from synovia.report.sentences import range_in_words, sided

__all__ = ["CourseView", "course_of", "course_views"]

_POINTS = reading_of("MD")


@dataclass(frozen=True, slots=True)
class FollowUpRow:
    """One follow-up of one trial, printed, with the rows of evidence it came from."""

    study: str
    label: str
    cells: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]
    caution: str


@dataclass(frozen=True, slots=True)
class CourseView:
    """One course, ready to be shown."""

    anchor: str
    answer: CourseAnswer
    sentences: tuple[str, ...]
    drawing: Markup
    weeks: tuple[tuple[str, ...], ...]
    heads: tuple[str, ...]
    varied: tuple[tuple[str, ...], ...]
    follow_ups: tuple[FollowUpRow, ...]


def course_views(content: Content, places: Places) -> tuple[CourseView, ...]:
    """Every course of a content.

    Parameters
    ----------
    content : Content
        Everything the report shows.
    places : Places
        What a link may point at.
    """
    return tuple(_view(answer, places, number) for number, answer in enumerate(content.courses, start=1))


def _view(answer: CourseAnswer, places: Places, number: int) -> CourseView:
    figure = course_of(answer)
    told = "The line is the mean course, thin lines join the follow-ups of a trial."
    drawn = (
        Markup() if figure is None else inline(figure, f"course-{number}", f"Course: {answer.label}", told)
    )
    planned = _at_knots(answer)
    return CourseView(
        anchor=anchor("course", answer.course_id),
        answer=answer,
        sentences=tuple(_sentences(answer, planned)),
        drawing=drawn,
        weeks=tuple(
            (
                count(row["weeks"]),
                decimal(row["estimate"]),
                interval(row["lower"], row["upper"]),
                interval(row["prediction_lower"], row["prediction_upper"]),
                count(row["k"]),
            )
            for row in planned
        ),
        heads=tuple(f"week {count(row['weeks'])}" for row in planned),
        varied=tuple(_varied(answer, planned)),
        follow_ups=tuple(_follow_up(row, places) for row in rows_of(answer.rows(tables.COURSE_FOLLOW_UPS))),
    )


def course_of(answer: CourseAnswer) -> Figure | None:
    """The drawing of a course; None when there is none."""
    if not answer.fitted:
        return None
    curve = answer.rows(tables.COURSE_ESTIMATES).rename(columns={"weeks": "time"})
    start = dict.fromkeys(("time", "estimate", "lower", "upper", "prediction_lower", "prediction_upper"), 0.0)
    seen = answer.rows(tables.COURSE_FOLLOW_UPS).rename(columns={"weeks": "time", "study_id": "study"})
    whole = pd.concat([pd.DataFrame([start]), curve], ignore_index=True)
    label = f"Difference in {answer.outcome}, {_POINTS.unit}"
    return figure_of(draw_course(whole, seen.assign(series=seen["study"]), scale_label=label))


def _at_knots(answer: CourseAnswer, variant: str = "primary") -> list[Cells]:
    rows = rows_of(answer.rows(tables.COURSE_ESTIMATES, variant))
    return [row for row in rows if row["weeks"] in answer.knots]


def _limits(answer: CourseAnswer, row: Cells) -> str:
    low, high = (float(str(row[name])) for name in ("lower", "upper"))
    return f"{percent(100 * float(str(answer.facts()['level'])))} CI {range_in_words(_POINTS, low, high)}"


def _sentences(answer: CourseAnswer, planned: list[Cells]) -> list[str]:
    pair = f"{answer.treatment} against {answer.comparator}"
    if not planned:
        reason = str(answer.facts().get("reason", "")).rstrip(".")
        return [f"No course of {pair} can be made: {reason}."]
    told = "; ".join(
        f"week {count(row['weeks'])}: {sided(_POINTS, float(str(row['estimate'])))} "
        f"({_limits(answer, row)}; {_reach(row)})"
        for row in planned
    )
    facts, subject = answer.facts(), f"{answer.outcome[:1].upper()}{answer.outcome[1:]}"
    return [
        f"{subject} after {pair}, points on a 0–100 scale: {told}.",
        f"It rests on {count(facts['k'])} trials with {count(facts['n'])} people and "
        f"{count(facts['follow_ups'])} follow-ups; between the printed weeks the course is straight. The "
        "longer ago the injection, the fewer trials tell.",
        *_assumed(answer, planned),
        *_cautions(answer),
    ]


def _cautions(answer: CourseAnswer) -> list[str]:
    """How many of the trials have rows with a caution, such as labels that were corrected."""
    rows = answer.rows(tables.COURSE_FOLLOW_UPS)
    doubted = rows[rows["caution"] != ""]
    if doubted.empty:
        return []
    each = [text.split(":")[0].strip(". ") for cell in doubted["caution"] for text in str(cell).split("; ")]
    most = max(dict.fromkeys(each), key=each.count)
    which = doubted["study_id"].nunique()
    return [
        f"Rows of {which} of these {rows['study_id'].nunique()} trials carry a caution, most often: "
        f"{most[:1].lower()}{most[1:]}. All stand beside the follow-ups below."
    ]


def _reach(row: Cells) -> str:
    return "one trial went so far" if row["k"] == 1 else f"{count(row['k'])} trials went so far"


def _assumed(answer: CourseAnswer, planned: list[Cells]) -> list[str]:
    """How far the correlation that nobody printed moves the effect."""
    correlations = {
        name: float(str(answer.facts(name)["correlation"]))
        for name in ("primary", *(case for case, _ in answer.cases))
        if answer.facts(name).get("status") == "fitted" and answer.facts(name)["k"] == answer.facts()["k"]
    }
    if len(set(correlations.values())) < 2:
        return []
    said = []
    for row in planned:
        ends = [
            float(str(other["estimate"]))
            for name in correlations
            for other in _at_knots(answer, name)
            if other["weeks"] == row["weeks"]
        ]
        span = f"{decimal(min(ends))} to {decimal(max(ends))}"
        said.append(f"{span} at week {count(row['weeks'])}")
    low, high = min(correlations.values()), max(correlations.values())
    return [
        "How follow-ups of the same people correlate is not printed by the trials; "
        f"{correlations['primary']:g} between successive ones is assumed. From {low:g} to {high:g} the "
        f"difference moves between {listed(said)}."
    ]


def _varied(answer: CourseAnswer, planned: list[Cells]) -> list[tuple[str, ...]]:
    rows = []
    for name, label in (("primary", "as planned"), *answer.cases):
        known: Mapping[object, Cells] = {row["weeks"]: row for row in _at_knots(answer, name)}
        cells = [_cell(known[row["weeks"]]) if row["weeks"] in known else "–" for row in planned]
        rows.append((label, *cells, count(answer.facts(name).get("k"))))
    return rows


def _cell(row: Cells) -> str:
    return f"{decimal(row['estimate'])} ({interval(row['lower'], row['upper'])})"


def _follow_up(row: Cells, places: Places) -> FollowUpRow:
    study = anchor("study", row["study_id"])
    variance = float(str(row["variance"]))
    cells = (
        count(row["weeks"]),
        f"{row['measure']}, {row['statistic']}",
        decimal(row["estimate"]),
        decimal(variance**0.5),
        f"{count(row['n'])} / {count(row['n_comparator'])}",
    )
    lines = row_links(places, str(row["lines"]))
    return FollowUpRow(
        study if places.has(study) else "", str(row["label"]), cells, lines, str(row["caution"])
    )
