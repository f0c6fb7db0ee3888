"""The page before it is written: content turned into views, in the order in which they are read."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from synovia import tables
from synovia.report import figures
from synovia.report.anchors import Places, anchor, places_of
from synovia.report.beside import Agreement, set_beside
from synovia.report.content import Answer, Content, Variant
from synovia.report.courses import CourseView, course_views
from synovia.report.evidence import (
    RecordView,
    Source,
    StudyView,
    record_views,
    row_links,
    source_of,
    study_views,
)
from synovia.report.methods_text import Section, listed, methods_text
from synovia.report.networks import NetworkView, network_views
from synovia.report.numerals import count, decimal, reading_of
from synovia.report.prisma import content_flow, identities
from synovia.report.results import ResultRow, axis_of, result_row
from synovia.report.rows import Cells, lines_of, rows_of, texts_of
from synovia.report.sentences import Wording, word_answer
from synovia.report.unpooled import Statement, contrast_statements, top_statements

__all__ = ["AnswerView", "ComparisonView", "EffectView", "Page", "PublishedView", "page_of"]


@dataclass(frozen=True, slots=True)
class Note:
    """What was derived on the way to an effect, or a caution about it: said once, referred to by a letter."""

    anchor: str
    letter: str
    text: str
    caution: bool


@dataclass(frozen=True, slots=True)
class EffectView:
    """One effect inside one answer, with the rows of evidence it came from."""

    anchor: str
    study: str
    label: str
    effect: str
    interval: str
    weight: str
    people: str
    weeks: str
    notes: tuple["Note", ...]
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PublishedView:
    """One published result, as printed, with how it stands to ours where it is set beside it."""

    anchor: str
    row: Cells
    result: str
    source: Source
    agreement: Agreement | None


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One answer, ready to be shown."""

    anchor: str
    answer: Answer
    words: Wording
    row: ResultRow
    effects: tuple[EffectView, ...]
    notes: tuple[Note, ...]
    sensitivity: tuple[ResultRow, ...]
    bridge: tuple[ResultRow, ...]
    published: tuple[PublishedView, ...]
    omissions: tuple[Cells, ...]
    coefficients: tuple[Cells, ...]
    forest: Markup
    funnel: Markup
    few: bool


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """One comparison: the answers spelled out, all of them, and those for which there are no numbers."""

    anchor: str
    heading: str
    leading: tuple[AnswerView, ...]
    answers: tuple[AnswerView, ...]

    @property
    def known(self) -> tuple[AnswerView, ...]:
        """Answers with a number."""
        return tuple(view for view in self.answers if view.row.status != "no data")

    @property
    def unknown(self) -> str:
        """Outcomes and times without a number, as one phrase."""
        times: dict[str, list[str]] = {}
        for view in self.answers:
            if view.row.status == "no data":
                times.setdefault(view.answer.outcome, []).append(view.answer.window)
        return "; ".join(f"{outcome} at {listed(windows)}" for outcome, windows in times.items())

    @property
    def spoken(self) -> tuple[AnswerView, ...]:
        """Answers to be spelled out: the leading ones with a number, or all leading ones when none has."""
        return tuple(view for view in self.leading if view.row.status != "no data") or self.leading

    @property
    def first(self) -> AnswerView | None:
        """The answer that stands for the comparison at a glance: the first spelled out that has a number."""
        return next((view for view in (*self.spoken, *self.known) if view.row.status != "no data"), None)


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the templates read."""

    content: Content
    comparisons: tuple[ComparisonView, ...]
    networks: tuple[NetworkView, ...]
    courses: tuple[CourseView, ...]
    statements: tuple[Statement, ...]
    other_trials: tuple[Statement, ...]
    flow: tuple[Cells, ...]
    flow_figure: Markup
    studies: tuple[StudyView, ...]
    timecourses: tuple[tuple[str, Markup], ...]
    map: Markup
    published: tuple[PublishedView, ...]
    records: tuple[RecordView, ...]
    rejects: tuple[Cells, ...]
    unconverted: tuple[Cells, ...]
    methods: tuple[Section, ...]
    gaps: tuple[str, ...]
    integrity: tuple[str, ...]
    places: Places


def page_of(content: Content) -> Page:
    """The page of a content: every count, sentence and drawing made."""
    places = places_of(content)
    flow = content_flow(content)
    spoken = contrast_statements(content)
    top = top_statements(content)
    comparisons = _comparisons(content, places)
    return Page(
        content=content,
        comparisons=comparisons,
        networks=network_views(content, places),
        courses=course_views(content, places),
        statements=top,
        other_trials=tuple(statement for statement in spoken if statement not in top),
        flow=rows_of(flow),
        flow_figure=figures.draw_flow(flow),
        studies=study_views(content, places),
        timecourses=_timecourses(content),
        map=figures.draw_map(content),
        published=tuple(_published(content, None, content.table(tables.PUBLISHED))),
        records=record_views(content, places),
        rejects=rows_of(content.table(tables.REJECTS)),
        unconverted=rows_of(content.table(tables.UNCONVERTED)),
        methods=methods_text(content),
        gaps=_gaps(content, comparisons),
        integrity=(*content.integrity, *identities(flow)),
        places=places,
    )


_NOT_YET = (
    ("risk of bias", "Risk of bias: not yet appraised, for any study."),
    ("certainty", "Certainty of the evidence: not yet judged, for any result."),
)


def _gaps(content: Content, comparisons: tuple[ComparisonView, ...]) -> tuple[str, ...]:
    """What is missing; what no report may leave out is said even when the content does not say it."""
    said = " ".join(content.gaps).lower()
    always = [sentence for subject, sentence in _NOT_YET if subject not in said]
    silent = [
        f"{each.heading}: no usable numbers for {each.unknown}." for each in comparisons if each.unknown
    ]
    return (*always, *content.gaps, *silent)


def _comparisons(content: Content, places: Places) -> tuple[ComparisonView, ...]:
    axis = axis_of(answer.estimate for answer in content.answers)
    grouped: dict[str, list[AnswerView]] = {}
    for number, answer in enumerate(content.answers, start=1):
        grouped.setdefault(answer.comparison_id, []).append(_answer(content, places, axis, number))
    return tuple(
        ComparisonView(
            anchor("comparison", name),
            views[0].answer.comparison,
            tuple(view for view in views if view.answer.leading),
            tuple(views),
        )
        for name, views in grouped.items()
    )


def _answer(content: Content, places: Places, axis: dict[str, float], number: int) -> AnswerView:
    answer = content.answers[number - 1]
    name = anchor("answer", answer.synthesis_id)
    own = Variant("the analysis of the protocol", answer.estimate)
    steps = (*answer.bridge, own) if answer.bridge else ()
    others = (own, *answer.sensitivity) if answer.sensitivity else ()
    k = answer.estimate.get("k", 0)
    notes = _notes(answer)
    return AnswerView(
        anchor=name,
        answer=answer,
        words=word_answer(answer),
        row=result_row(answer, answer.estimate, f"{answer.outcome}, {answer.window}", axis),
        effects=_effects(answer, places, notes),
        notes=tuple(notes.values()),
        sensitivity=_variants(answer, others),
        bridge=_variants(answer, steps),
        published=tuple(_published(content, answer, answer.published)),
        omissions=rows_of(answer.omissions),
        coefficients=rows_of(answer.coefficients),
        forest=figures.draw_forest(answer, f"forest-{number}"),
        funnel=figures.draw_funnel(answer, f"funnel-{number}"),
        few=not isinstance(k, int | float) or k < 10,
    )


def _variants(answer: Answer, variants: Sequence[Variant]) -> tuple[ResultRow, ...]:
    axis = axis_of(variant.estimate for variant in variants)
    return tuple(result_row(answer, variant.estimate, variant.label, axis) for variant in variants)


def _notes(answer: Answer) -> dict[str, Note]:
    """Every different thing said about the effects, in order, with a letter each."""
    said: dict[str, bool] = {}
    for derived, caution in texts_of(answer.contributions, "derived", "caution"):
        said |= {text: text == caution for text in (derived, caution) if text and text not in said}
    return {
        text: Note(anchor("note", answer.synthesis_id, place), _letter(place), text, caution)
        for place, (text, caution) in enumerate(said.items())
    }


def _letter(place: int) -> str:
    """A, b, c ... z, aa, ab ..."""
    first, last = divmod(place, 26)
    return ("" if first == 0 else chr(96 + first)) + chr(97 + last)


def _effects(answer: Answer, places: Places, notes: dict[str, Note]) -> tuple[EffectView, ...]:
    reading = reading_of(str(answer.estimate.get("measure", "")))
    return tuple(
        EffectView(
            anchor("effect", answer.synthesis_id, row["effect_id"]),
            anchor("study", row["study_id"]) if places.has(anchor("study", row["study_id"])) else "",
            str(row["label"] or row["study_id"]),
            reading.text(row["estimate"]),
            reading.span(row["lower"], row["upper"]),
            "–" if row["weight"] != row["weight"] else f"{decimal(row['weight'], 1)}\u202f%",
            " / ".join(count(row[name]) for name in ("n", "n_comparator") if row[name] == row[name]),
            count(row["weeks"]),
            tuple(notes[text] for text in (str(row["derived"]), str(row["caution"])) if text),
            row_links(places, str(row["lines"])),
        )
        for _, row in answer.contributions.iterrows()
    )


def _published(content: Content, answer: Answer | None, frame: pd.DataFrame) -> list[PublishedView]:
    return [
        PublishedView(
            anchor("published", row["result_id"]),
            {str(name): value for name, value in row.items()},
            _result(row),
            source_of(content, tables.PUBLISHED, {str(k): v for k, v in row.items()}, line),
            set_beside(answer, row) if answer is not None else None,
        )
        for (_, row), line in zip(frame.iterrows(), lines_of(frame), strict=True)
    ]


def _result(row: pd.Series) -> str:
    if not row["estimate"]:
        return "no number printed"
    limits = f" ({row['ci_low']} to {row['ci_high']})" if row["ci_low"] and row["ci_high"] else ""
    return f"{row['measure']} {row['estimate']}{limits}".replace("-", "−").strip()


def _timecourses(content: Content) -> tuple[tuple[str, Markup], ...]:
    """Levels and changes over time of the outcome that the first answer is about."""
    if not content.answers:
        return ()
    first = content.answers[0]
    outcome = str(first.estimate.get("outcome", ""))
    told = figures.timecourse_labels(first.outcome)
    drawn = [(label, figures.draw_timecourse(content, outcome, name, label)) for name, label in told]
    return tuple((label, figure) for label, figure in drawn if figure)
