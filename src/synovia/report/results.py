"""Results as rows of tables: numbers already printed, with the bar that shows them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from markupsafe import Markup

from synovia.report.bars import draw_bar, limit_of
from synovia.report.content import Answer, Numbers
from synovia.report.numerals import count, p_value, percent, reading_of
from synovia.report.sentences import word_answer

__all__ = ["ResultRow", "axis_of", "result_row"]


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One result as a row: every text ready to be shown.

    Attributes
    ----------
    label, estimate, interval, prediction, k, n, i2, p : str
        Cells; an en dash where there is nothing to say.
    bar : Markup
        The interval drawn.
    unit : str
        Unit of a difference, name of a ratio.
    verdict, kind : str
        What the interval says, and its class: treatment, comparator, neither.
    method, warnings, status : str
        How it was computed, what the fit says about itself, and pooled, single study or no data.
    """

    label: str
    estimate: str
    interval: str
    prediction: str
    k: str
    n: str
    i2: str
    p: str
    bar: Markup
    unit: str
    verdict: str
    kind: str
    method: str
    warnings: str
    status: str


def _value(numbers: Numbers, name: str) -> float:
    value = numbers.get(name, math.nan)
    return float(value) if isinstance(value, int | float) else math.nan


def axis_of(rows: Iterable[Numbers]) -> dict[str, float]:
    """For every measure among the rows, the half width of the axis on which their bars are drawn."""
    found: dict[str, list[list[float]]] = {}
    for numbers in rows:
        predicted = ("prediction_lower", "prediction_upper") if _value(numbers, "k") >= 3 else ()
        each = [_value(numbers, name) for name in ("estimate", "lower", "upper", *predicted)]
        found.setdefault(str(numbers.get("measure", "")), []).append(each)
    return {measure: limit_of(values) for measure, values in found.items()}


def result_row(answer: Answer, numbers: Numbers, label: str, axis: dict[str, float]) -> ResultRow:
    """One row of ESTIMATES as a row to be shown.

    Parameters
    ----------
    answer : Answer
        The answer it belongs to: words and direction.
    numbers : mapping
        The row: the answer's own, or that of a variant.
    label : str
        First cell.
    axis : dict
        As :func:`axis_of` gives it.
    """
    measure = str(numbers.get("measure", ""))
    reading = reading_of(measure)
    none = numbers.get("status") == "no data"
    words = word_answer(_with(answer, numbers))
    ends = [_value(numbers, name) for name in ("lower", "upper", "prediction_lower", "prediction_upper")]
    few = _value(numbers, "k") < 3 or numbers.get("status") != "pooled"
    predicted = (math.nan, math.nan) if few else (ends[2], ends[3])
    return ResultRow(
        label=label,
        estimate="–" if none else reading.text(numbers.get("estimate")),
        interval="–" if none else reading.span(ends[0], ends[1]),
        prediction="–" if math.isnan(predicted[0]) else reading.span(*predicted),
        k=count(_value(numbers, "k")),
        n=count(_value(numbers, "n")),
        i2="–" if numbers.get("status") != "pooled" else percent(_value(numbers, "i2")),
        p="–" if none else p_value(_value(numbers, "p_value")),
        bar=draw_bar(
            _value(numbers, "estimate"),
            (ends[0], ends[1]),
            predicted,
            limit=axis.get(measure, 1.0),
            kind=words.favours,
        ),
        unit=reading.name or reading.unit.split(" on ")[0],
        verdict=words.verdict,
        kind=words.favours,
        method=str(numbers.get("method", "") or ""),
        warnings=str(numbers.get("warnings", "") or ""),
        status=str(numbers.get("status", "")),
    )


def _with(answer: Answer, numbers: Numbers) -> Answer:
    return replace(answer, estimate=numbers)
