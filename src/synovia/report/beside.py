"""Our pooled result beside published ones: what can be compared, and what the two say."""

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from synovia.report.content import Answer
from synovia.report.numerals import reading_of

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
        Ours.
    row : Series
        One row of PUBLISHED, as printed.

    Returns
    -------
    Agreement
        Sizes are compared only on the same kind of scale; signs are as printed and not interpreted.
    """
    ours = reading_of(str(answer.estimate.get("measure", "")))
    limits = [ours.value(answer.estimate.get(name)) for name in ("lower", "upper")]
    theirs = [_value(row[name]) for name in ("ci_low", "ci_high")]
    mine = _clear(limits[0], limits[1], ours.null)
    other = _clear(theirs[0], theirs[1], _null(str(row["measure"])))
    if mine is None or other is None:
        missing = "Ours gives no interval" if mine is None else "It prints no interval that can be read"
        return Agreement(f"{missing}, so the two cannot be set side by side.", "unknown")
    words = f"{_both(mine, other)} {_scales(answer, row, limits, theirs)}"
    return Agreement(words, "agree" if mine == other else "differ")


def _both(mine: bool, other: bool) -> str:
    if mine and other:
        return "Both intervals exclude no effect."
    if not mine and not other:
        return "Both intervals include no effect."
    return f"{'Its' if other else 'Our'} interval excludes no effect, {'ours' if other else 'its'} does not."


def _scales(answer: Answer, row: pd.Series, ours: list[float], theirs: list[float]) -> str:
    mine, other = str(answer.estimate.get("measure", "")), str(row["measure"])
    if _family(mine) != _family(other):
        return f"It is printed as {other or 'an unnamed measure'}, ours is {mine}: sizes cannot be compared."
    if mine == "MD":
        return "Both are differences of means, but on its scale and on ours (0–100): compare sizes with care."
    overlap = min(theirs) <= max(ours) and min(ours) <= max(theirs)
    return "The intervals overlap." if overlap else "The intervals do not overlap."
