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
from synovia.report.course_words import POINTS, CourseWords, rows_at_knots, word_course
from synovia.report.evidence import row_links
from synovia.report.figures import inline
from synovia.report.numerals import count, decimal, interval
from synovia.report.rows import Cells, rows_of

__all__ = ["CourseView", "course_of", "course_views"]


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
    words: CourseWords
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
    planned = rows_at_knots(answer)
    return CourseView(
        anchor=anchor("course", answer.course_id),
        answer=answer,
        words=word_course(answer),
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
    label = f"Difference in {answer.outcome}, {POINTS.unit}"
    return figure_of(draw_course(whole, seen.assign(series=seen["study"]), scale_label=label))


def _varied(answer: CourseAnswer, planned: list[Cells]) -> list[tuple[str, ...]]:
    rows = []
    for name, label in (("primary", "as planned"), *answer.cases):
        known: Mapping[object, Cells] = {row["weeks"]: row for row in rows_at_knots(answer, name)}
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
