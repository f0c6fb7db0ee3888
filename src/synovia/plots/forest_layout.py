"""A forest plot before it is drawn: its lines from above and its columns from the left, in points."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from synovia.plots.scales import decimals_for, exp, number_text, robust_limits
from synovia.plots.style import numbers_of, text_width, texts_of, wrap

__all__ = ["SIZE", "SMALL", "Column", "Design", "Line", "Sheet", "arrange"]

SIZE, SMALL = 8.5, 7.5
_ROW, _LEADING, _GAP, _INDENT = 15.0, 11.0, 12.0, 8.0
_LABEL_LEAST, _LABEL_MOST, _PLOT = 120.0, 210.0, 240.0
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

Kind = Literal["heading", "study", "summary", "prediction", "text", "gap"]


@dataclass(frozen=True, slots=True)
class Design:
    """What the caller of a forest plot may choose.

    Attributes
    ----------
    scale_label : str
        What the axis shows, in words with its unit.
    title : str
        Heading of the figure, empty for none.
    null : float
        The value of no effect; NaN draws no line. On the log scale where ``log``.
    favours : tuple of str
        What the left and the right side of the null mean; empty texts for none.
    columns : tuple of str
        Text columns, out of ``n``, ``effect``, ``weight`` and ``risk_of_bias``.
    log : bool
        Whether the values are logs of ratios, to be printed as ratios.
    mid : float or None
        Minimal important difference; values nearer to the null are shaded.
    interval_label, count_label : str
        Heads of the columns of intervals and of participants.
    row_label : str
        Head of the column of labels.
    """

    scale_label: str
    title: str = ""
    null: float = 0.0
    favours: tuple[str, str] = ("favours treatment", "favours comparator")
    columns: tuple[str, ...] = ("n", "effect", "weight", "risk_of_bias")
    log: bool = False
    mid: float | None = None
    interval_label: str = "Effect [95% CI]"
    count_label: str = "n / n"
    row_label: str = "Study"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a forest plot; ``top`` and ``height`` in points from the top of the table's body."""

    kind: Kind
    label: tuple[str, ...] = ()
    estimate: float = float("nan")
    lower: float = float("nan")
    upper: float = float("nan")
    weight: float = float("nan")
    count: str = ""
    effect: str = ""
    bias: str = ""
    indent: float = 0.0
    top: float = 0.0
    height: float = _ROW

    @property
    def middle(self) -> float:
        """Middle of the line, in points from the top."""
        return self.top + self.height / 2

    @property
    def weight_text(self) -> str:
        """Weight in percent, empty when it has none."""
        return f"{self.weight:.1f}%" if np.isfinite(self.weight) else ""


@dataclass(frozen=True, slots=True)
class Column:
    """One text column: its head, where its text is anchored, and its width, in points."""

    name: str
    head: str
    anchor: float
    align: Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole forest plot before it is drawn, in points at full size.

    Attributes
    ----------
    lines : tuple of Line
        From top to bottom.
    columns : tuple of Column
        From left to right, the label column first.
    plot : tuple of float
        Left and right edge of the region of intervals.
    limits : tuple of float
        The values at those edges.
    footnotes : tuple of str
        Wrapped lines under the axis.
    width, body : float
        Width of everything and height of the lines.
    """

    lines: tuple[Line, ...]
    columns: tuple[Column, ...]
    plot: tuple[float, float]
    limits: tuple[float, float]
    footnotes: tuple[str, ...]
    width: float
    body: float

    def of(self, *kinds: Kind) -> tuple[Line, ...]:
        """The lines of those kinds."""
        return tuple(line for line in self.lines if line.kind in kinds)

    def segments(self) -> list[list[tuple[float, float]]]:
        """The studies' intervals as ends to be joined, cut to the limits of the axis."""
        low, high = self.limits
        return [
            [(max(line.lower, low), line.middle), (min(line.upper, high), line.middle)]
            for line in self.of("study")
            if line.upper >= low and line.lower <= high
        ]


def _effect_text(line: Line, decimals: int, log: bool) -> str:
    values = [line.estimate, line.lower, line.upper]
    point, low, high = (number_text(exp(v) if log and np.isfinite(v) else v, decimals) for v in values)
    if line.kind == "prediction":
        return f"[{low}, {high}]"
    if np.isnan(line.estimate):
        return "not estimable"
    return point if np.isnan(line.lower) and np.isnan(line.upper) else f"{point} [{low}, {high}]"


def _count_texts(rows: pd.DataFrame) -> list[str]:
    pairs = zip(numbers_of(rows, "n"), numbers_of(rows, "n_comparator"), strict=True)
    return [" / ".join(f"{n:.10g}" for n in pair if np.isfinite(n)) for pair in pairs]


def _marks(rows: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The mark each row's note is known by, and the notes in the order of their marks."""
    notes = texts_of(rows, "note")
    distinct = list(dict.fromkeys(note for note in notes if note))
    numbers = {note: str(place).translate(_SUPERSCRIPTS) for place, note in enumerate(distinct, 1)}
    return [numbers.get(note, "") for note in notes], [f"{numbers[note]} {note}" for note in distinct]


def _study_lines(rows: pd.DataFrame, marks: list[str]) -> list[tuple[str, Line]]:
    """Every row as a line, with the subgroup it belongs to."""
    labels = [f"{label} {mark}".strip() for label, mark in zip(texts_of(rows, "label"), marks, strict=True)]
    texts = zip(labels, _count_texts(rows), texts_of(rows, "risk_of_bias"), strict=True)
    values = zip(*(numbers_of(rows, name) for name in ("estimate", "lower", "upper", "weight")), strict=True)
    lines = [
        Line("study", (label,), row[0], row[1], row[2], row[3], count, bias=bias)
        for (label, count, bias), row in zip(texts, values, strict=True)
    ]
    return list(zip(texts_of(rows, "subgroup"), lines, strict=True))


def _summary_lines(summaries: pd.DataFrame) -> list[tuple[str, Line]]:
    """Every summary as its diamond, its prediction interval and its text, with its subgroup."""
    names = ("estimate", "lower", "upper", "prediction_lower", "prediction_upper")
    texts = (texts_of(summaries, name) for name in ("subgroup", "label", "text"))
    found: list[tuple[str, Line]] = []
    for group, label, text, *row in zip(*texts, *(numbers_of(summaries, n) for n in names), strict=True):
        estimate, lower, upper, low, high = (float(value) for value in row)
        found.append((group, Line("summary", (label,), estimate, lower, upper)))
        if not (np.isnan(low) and np.isnan(high)):
            found.append((group, Line("prediction", ("Prediction interval",), lower=low, upper=high)))
        if text:
            found.append((group, Line("text", (text,))))
    return found


def _ordered(studies: list[tuple[str, Line]], pooled: list[tuple[str, Line]]) -> list[Line]:
    """Studies under their subgroup's heading, each subgroup's summary after them, the overall last."""
    lines: list[Line] = []
    for name in dict.fromkeys(group for group, _ in [*studies, *pooled]):
        if name:
            lines += [Line("gap", height=5.0)] * bool(lines) + [Line("heading", (name,))]
        inset = _INDENT if name else 0.0
        lines += [replace(line, indent=inset) for group, line in studies if group == name]
        lines += [replace(line, indent=inset) for group, line in pooled if name and group == name]
    overall = [line for group, line in pooled if not group]
    return lines + [Line("gap", height=7.0)] * bool(overall and lines) + overall


def _placed(lines: list[Line], label_width: float, left_width: float) -> list[Line]:
    """Lines with their labels wrapped and their places counted down from the top."""
    top, placed = 3.0, []
    for line in lines:
        fitted = line if line.kind == "gap" else _wrapped(line, label_width, left_width)
        placed.append(replace(fitted, top=top))
        top += fitted.height
    return placed


def _wrapped(line: Line, label_width: float, left_width: float) -> Line:
    bold = line.kind in ("heading", "summary")
    size = SMALL if line.kind in ("text", "prediction") else SIZE
    room = left_width if line.kind in ("text", "heading") else label_width
    wrapped = wrap(line.label[0], room - line.indent, size, bold=bold, most=3)
    return replace(line, label=wrapped, height=_ROW + _LEADING * (len(wrapped) - 1))


def _cell(line: Line, name: str) -> str:
    return {"n": line.count, "effect": line.effect, "weight": line.weight_text}[name]


def _text_columns(lines: list[Line], design: Design) -> dict[str, tuple[str, float]]:
    """Head and width of every text column that has something to say."""
    heads = {"n": design.count_label, "effect": design.interval_label, "weight": "Weight"}
    chosen: dict[str, tuple[str, float]] = {}
    for name, head in heads.items():
        cells = [_cell(line, name) for line in lines]
        if name in design.columns and any(cells):
            widest = max(text_width(text, SIZE, bold=True) for text in cells if text)
            chosen[name] = (head, max(widest, text_width(head, SMALL, bold=True)))
    if "risk_of_bias" in design.columns and any(line.bias for line in lines):
        chosen["risk_of_bias"] = ("RoB", text_width("RoB", SMALL, bold=True))
    return chosen


def _limits(lines: list[Line], design: Design) -> tuple[float, float]:
    """Limits that keep the null and the pooled results in sight."""
    mid = design.mid if design.mid is not None else 0.0
    keep = [
        design.null - mid,
        design.null + mid,
        *(line.estimate for line in lines if line.kind == "summary"),
    ]
    estimates = [line.estimate for line in lines]
    return robust_limits(estimates, [(line.lower, line.upper) for line in lines], keep=keep, log=design.log)


def _label_width(lines: list[Line]) -> float:
    widths = [
        line.indent + text_width(line.label[0], SIZE, bold=line.kind == "summary")
        for line in lines
        if line.kind in ("study", "summary", "prediction")
    ]
    return min(max([_LABEL_LEAST, *widths]) + 1, _LABEL_MOST)


def _columns(
    chosen: dict[str, tuple[str, float]], label: float, head_of_rows: str
) -> tuple[list[Column], tuple[float, float], float]:
    """Columns with their anchors, the edges of the plot region, and the whole width."""
    found, x = [Column("label", head_of_rows, 0.0, "left")], label
    if "n" in chosen:
        head, width = chosen["n"]
        found.append(Column("n", head, x + _GAP + width / 2, "center"))
        x += _GAP + width
    plot = (x + _GAP + 4, x + _GAP + 4 + _PLOT)
    x = plot[1] + 4
    for name in ("effect", "weight"):
        if name in chosen:
            x += _GAP + chosen[name][1]
            found.append(Column(name, chosen[name][0], x, "right"))
    if "risk_of_bias" in chosen:
        head, width = chosen["risk_of_bias"]
        found.append(Column("risk_of_bias", head, x + _GAP + width / 2, "center"))
        x += _GAP + width
    return found, plot, x


def _footnotes(notes: list[str], design: Design, width: float) -> tuple[str, ...]:
    found = [line for note in notes for line in wrap(note, width, SMALL)]
    if design.mid is not None:
        words = number_text(exp(design.mid), 2) if design.log else f"{design.mid:.10g}"
        shaded = f"Shaded: smaller than the minimal important difference ({words})."
        found = [*wrap(shaded, width, SMALL), *found]
    return tuple(found)


def arrange(rows: pd.DataFrame, summaries: pd.DataFrame, design: Design) -> Sheet:
    """Lines, columns and limits of a forest plot.

    Parameters
    ----------
    rows, summaries : DataFrame
        As :func:`synovia.plots.forest` takes them.
    design : Design
        What the caller chose.
    """
    marks, notes = _marks(rows)
    lines = _ordered(_study_lines(rows, marks), _summary_lines(summaries))
    values = [v for line in lines for v in (line.estimate, line.lower, line.upper) if np.isfinite(v)]
    decimals = decimals_for([exp(v) for v in values] if design.log else values)
    with_effect = ("study", "summary", "prediction")
    lines = [
        replace(line, effect=_effect_text(line, decimals, design.log)) if line.kind in with_effect else line
        for line in lines
    ]
    label = _label_width(lines)
    columns, plot, width = _columns(_text_columns(lines, design), label, design.row_label)
    placed = _placed(lines, label, plot[0] - _GAP)
    body = placed[-1].top + placed[-1].height + 3 if placed else 0.0
    footnotes = _footnotes(notes, design, width)
    return Sheet(tuple(placed), tuple(columns), plot, _limits(lines, design), footnotes, width, body)
