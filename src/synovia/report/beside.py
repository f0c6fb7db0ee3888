"""Our pooled result beside published ones: what can be compared, and what the two say."""

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from synovia.report.content import Answer, Numbers
from synovia.report.numerals import Reading, reading_of

__all__ = ["Agreement", "set_beside"]

_MINUS = str.maketrans({"−": "-", "–": "-", "‐": "-"})
_NULLS = {"rr": 1.0, "or": 1.0, "hr": 1.0, "rom": 1.0}


@dataclass(frozen=True, slots=True)
class Agreement:
    """How one published result stands to ours.

    Attributes
    ----------
    words : str
        One plain sentence.
    kind : {"agree", "differ", "unknown"}
        Whether both say the same about no effect; unknown when one of them does not say.
    """

    words: str
    kind: Literal["agree", "differ", "unknown"]


def _value(text: object) -> float:
    try:
        return float(str(text).strip().translate(_MINUS))
    except ValueError:
        return math.nan


def _null(measure: str) -> float:
    return _NULLS.get(measure.split(maxsplit=1)[0].lower() if measure.split() else "", 0.0)


def _clear(lower: float, upper: float, null: float) -> bool | None:
    """Whether the interval excludes no effect; None without an interval."""
    if math.isnan(lower) or math.isnan(upper):
        return None
    return not min(lower, upper) <= null <= max(lower, upper)


def _family(measure: str) -> str:
    word = measure.replace('"', "").split()[0].upper() if measure.split() else ""
    return {"WMD": "MD", "ES": "SMD", "HEDGES": "SMD", "G": "SMD"}.get(word, word)


def set_beside(answer: Answer, row: pd.Series) -> Agreement:
    """One published result beside ours.

    Parameters
    ----------
    answer : Answer
        Ours; of its sensitivity analyses, the first on the published measure is used where the primary
        result is on another.
    row : Series
        One row of PUBLISHED, as printed.

    Returns
    -------
    Agreement
        Sizes are compared only on the same kind of scale, and then intervals that do not overlap differ even
        where both exclude no effect. Signs are as printed, and turned only where the row says that a positive
        number favours the treatment.
    """
    measure = str(row["measure"])
    numbers, label = _ours_on(answer, measure)
    reading = reading_of(str(numbers.get("measure", "")))
    ours = [reading.value(numbers.get(name)) for name in ("lower", "upper")]
    theirs = [_value(row[name]) for name in ("ci_low", "ci_high")]
    if row["positive_favours"] == "not stated":
        words = (
            "It does not state which side a positive number favours, so the two cannot be set side by side."
        )
        return Agreement(words, "unknown")
    turned = row["positive_favours"] == "treatment" and answer.better == "lower" and not _null(measure)
    if turned:
        theirs = [-theirs[1], -theirs[0]]
    mine = _clear(ours[0], ours[1], reading.null)
    other = _clear(theirs[0], theirs[1], _null(measure))
    if mine is None or other is None:
        missing = "Ours gives no interval" if mine is None else "It prints no interval that can be read"
        return Agreement(f"{missing}, so the two cannot be set side by side.", "unknown")
    words, apart = _sizes(str(numbers.get("measure", "")), measure, ours, theirs)
    if turned:
        words = (
            f"With its sign turned to ours, for it prints benefit as positive: {words[:1].lower()}{words[1:]}"
        )
    own = f" Ours on that scale ({label}): {_printed(reading, numbers)}." if label else ""
    kind: Literal["agree", "differ"] = "agree" if mine == other and not apart else "differ"
    return Agreement(f"{_both(mine, other)}{own} {words}", kind)


def _ours_on(answer: Answer, measure: str) -> tuple[Numbers, str]:
    """Our result on the published measure, and its label when it is not the primary one."""
    if _family(str(answer.estimate.get("measure", ""))) != _family(measure):
        for variant in answer.sensitivity:
            if _family(str(variant.estimate.get("measure", ""))) == _family(measure):
                return variant.estimate, variant.label
    return answer.estimate, ""


def _printed(reading: Reading, numbers: Numbers) -> str:
    span = reading.span(numbers.get("lower"), numbers.get("upper"))
    return f"{reading.text(numbers.get('estimate'))} ({span})"


def _both(mine: bool, other: bool) -> str:
    if mine and other:
        return "Both intervals exclude no effect."
    if not mine and not other:
        return "Both intervals include no effect."
    return f"{'Its' if other else 'Our'} interval excludes no effect, {'ours' if other else 'its'} does not."


def _sizes(mine: str, other: str, ours: list[float], theirs: list[float]) -> tuple[str, bool]:
    """A sentence on the sizes, and whether the intervals lie apart."""
    if _family(mine) != _family(other):
        return (
            f"It is printed as {other or 'an unnamed measure'}, ours is {mine}: sizes cannot be compared.",
            False,
        )
    if _family(mine) == "MD":
        return (
            "Both are differences of means, but its scale may not be ours (0–100): compare sizes with care.",
            False,
        )
    if min(theirs) <= max(ours) and min(ours) <= max(theirs):
        return "The intervals overlap.", False
    return "The intervals do not overlap: the sizes differ.", True
