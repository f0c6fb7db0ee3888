"""Numbers as printed in the report: one rule for digits, a true minus, narrow blanks between thousands.

Effects on 0-100 carry one decimal, standardised effects and ratios two, counts none. A limit that is not zero
is never printed as zero: it takes as many decimals, up to four, as it needs.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Reading", "count", "decimal", "interval", "p_value", "percent", "plain_number", "reading_of"]

NARROW = "\u202f"
"""Narrow no-break space."""

_MOST_DECIMALS = 4


def missing(value: object) -> bool:
    """Whether a cell holds no number."""
    return not isinstance(value, int | float) or not math.isfinite(value)


def decimal(value: object, digits: int = 1) -> str:
    """A number with that many decimals; ``not estimable`` when there is none.

    Parameters
    ----------
    value : object
        A number; anything else is missing.
    digits : int
        Decimals; more, up to four, when the number would otherwise be printed as zero without being zero.

    Examples
    --------
    >>> decimal(-9.84), decimal(-0.02), decimal(0.0), decimal(float("nan"))
    ('−9.8', '−0.02', '0.0', 'not estimable')
    """
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "not estimable"
    while value and round(abs(value), digits) == 0 and digits < _MOST_DECIMALS:
        digits += 1
    text = f"{abs(value):,.{digits}f}".replace(",", NARROW)
    shown_as_zero = not text.strip("0.")
    return text if value >= 0 or shown_as_zero else f"−{text}"


def count(value: object) -> str:
    """A whole number with narrow blanks between thousands; a fraction keeps one decimal.

    Examples
    --------
    >>> count(1870.0).replace(NARROW, "_"), count(14), count(float("nan"))
    ('1_870', '14', '–')
    """
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    return decimal(value, 0 if float(value).is_integer() else 1)


def percent(value: object) -> str:
    """A percentage without decimals.

    Examples
    --------
    >>> percent(85.2).replace(NARROW, "_"), percent(float("nan"))
    ('85_%', '–')
    """
    return "–" if missing(value) else f"{decimal(value, 0)}{NARROW}%"


def p_value(value: object) -> str:
    """P as practice has it: two decimals, three below 0.095, never 0.

    Examples
    --------
    >>> p_value(0.2345), p_value(0.0312), p_value(2e-9), p_value(0.9999)
    ('0.23', '0.031', '< 0.001', '> 0.99')
    """
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    if value < 0.001:
        return "< 0.001"
    if value > 0.99:
        return "> 0.99"
    return f"{value:.3f}" if value < 0.095 else f"{value:.2f}"


def plain_number(value: object) -> str:
    """A number as it was entered, with no digit added or taken; empty when missing.

    Examples
    --------
    >>> plain_number(12.0), plain_number(-3.25), plain_number(float("nan"))
    ('12', '−3.25', '')
    """
    if not isinstance(value, int | float) or not math.isfinite(value):
        return ""
    text = f"{abs(value):.10g}" if abs(value) < 1e10 else f"{abs(value):g}"
    return text if value >= 0 else f"−{text}"


def interval(lower: object, upper: object, digits: int = 1) -> str:
    """Two limits as one phrase.

    Examples
    --------
    >>> interval(-16.5, -3.1)
    '−16.5 to −3.1'
    """
    if missing(lower) or missing(upper):
        return "not estimable"
    return f"{decimal(lower, digits)} to {decimal(upper, digits)}"


def _same(value: float) -> float:
    return value


def _ratio(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _points(value: float) -> float:
    return 100 * value


@dataclass(frozen=True, slots=True)
class Reading:
    """How the numbers of one effect measure are read.

    Attributes
    ----------
    digits : int
        Decimals.
    unit : str
        Words behind a difference, empty for ratios.
    show : callable
        From the scale of the estimate to the scale that is printed: ratios leave the log.
    null : float
        No effect, as printed.
    name : str
        Name of a ratio; empty for a difference.
    """

    digits: int
    unit: str
    show: Callable[[float], float] = _same
    null: float = 0.0
    name: str = ""

    def value(self, number: object) -> float:
        """The printed value of a number on the scale of the estimate; NaN when missing."""
        return (
            self.show(float(number)) if isinstance(number, int | float) and not missing(number) else math.nan
        )

    def text(self, number: object) -> str:
        """The number, printed."""
        return decimal(self.value(number), self.digits)

    def span(self, lower: object, upper: object) -> str:
        """Two limits, printed."""
        return interval(self.value(lower), self.value(upper), self.digits)


_READINGS = {
    "MD": Reading(1, "points on a 0–100 scale"),
    "MC": Reading(1, "points on a 0–100 scale"),
    "mean change": Reading(1, "points on a 0–100 scale"),
    "SMD": Reading(2, "standard deviations"),
    "ROM": Reading(2, "", _ratio, 1.0, "ratio of means"),
    "OR": Reading(2, "", _ratio, 1.0, "odds ratio"),
    "RR": Reading(2, "", _ratio, 1.0, "risk ratio"),
    "RD": Reading(1, "percentage points", _points),
}


def reading_of(measure: str) -> Reading:
    """How the numbers of an effect measure are read; an unknown one is shown as it stands.

    Examples
    --------
    >>> reading_of("OR").text(0.0), reading_of("MD").text(-9.84)
    ('1.00', '−9.8')
    """
    return _READINGS.get(measure, Reading(2, "units"))
