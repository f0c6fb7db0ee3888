"""From what a paper prints to an estimate and its variance: intervals, tests, hazard ratios, margins."""

from typing import Literal, TypeAlias

import numpy as np
from scipy import optimize
from scipy.special import ndtri

from synovia.effects.cells import refuse
from synovia.effects.effect import Array, Effect, settle

__all__ = ["PrintedScale", "effect_from_interval", "effect_from_p", "log_hazard_ratio", "reconstruct_table"]

PrintedScale: TypeAlias = Literal["as printed", "ratio"]


def effect_from_interval(
    estimate: Array | None,
    lower: Array,
    upper: Array,
    *,
    level: Array | float = 0.95,
    printed: PrintedScale = "as printed",
    measure: str = "GEN",
) -> Effect:
    r"""Estimate and variance from a printed interval that was made with the normal quantile.

    Parameters
    ----------
    estimate : array (k,) or None
        As printed; None takes the middle of the interval.
    lower, upper : array (k,)
        Limits as printed.
    level : array (k,) or float
        Confidence level, between 0 and 1.
    printed : {"as printed", "ratio"}
        "ratio" takes the logarithm of all three first: odds, risk and hazard ratios.
    measure : str
        Name of the measure.

    Notes
    -----
    .. math:: v = \left(\frac{u - l}{2 z_{(1 + level)/2}}\right)^2

    Parmar, Torri & Stewart (1998), Statistics in Medicine 17, 2815-2834, equation 7.

    Examples
    --------
    >>> effect = effect_from_interval(0.64, 0.33, 1.22, printed="ratio")
    >>> round(float(effect.estimate), 4), round(float(effect.variance), 4)
    (-0.4463, 0.1113)
    """
    low, high = np.asarray(lower, float), np.asarray(upper, float)
    refuse(low > high, low, "a lower limit above its upper limit", "the limits in order")
    if printed == "ratio":
        low, high = _log(low), _log(high)
    middle = (low + high) / 2
    if estimate is not None:
        middle = _log(np.asarray(estimate, float)) if printed == "ratio" else np.asarray(estimate, float)
    z = ndtri((1 + np.asarray(level, float)) / 2)
    scale = "log ratio, as printed" if printed == "ratio" else "as printed"
    return settle(middle, ((high - low) / (2 * z)) ** 2, measure, scale)


def _log(values: Array) -> Array:
    refuse(values <= 0, values, "a ratio", "a ratio above 0")
    return np.asarray(np.log(values))


def effect_from_p(
    estimate: Array, p: Array, *, printed: PrintedScale = "as printed", measure: str = "GEN"
) -> Effect:
    r"""Variance of an estimate from the two-sided p-value of its normal test.

    Parameters
    ----------
    estimate : array (k,)
        As printed; its sign, or the side of 1 on which a ratio lies, is the direction.
    p : array (k,)
        Exact two-sided p-values, between 0 and 1. A threshold (p < 0.01) entered as 0.01 is conservative.
    printed, measure
        As in :func:`effect_from_interval`.

    Notes
    -----
    .. math:: v = \left(\frac{y}{z_{1 - p/2}}\right)^2

    Parmar, Torri & Stewart (1998), Statistics in Medicine 17, 2815-2834, equation 8.

    Examples
    --------
    >>> effect = effect_from_p(0.64, 0.17, printed="ratio")
    >>> round(float(effect.estimate), 4), round(float(effect.variance), 4)
    (-0.4463, 0.1058)
    """
    y, p = np.asarray(estimate, float), np.asarray(p, float)
    refuse((p <= 0) | (p > 1), p, "a p-value", "a p-value above 0 and up to 1")
    if printed == "ratio":
        y = _log(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        v = np.where(y == 0, np.nan, (y / ndtri(p / 2)) ** 2)
    scale = "log ratio, as printed" if printed == "ratio" else "as printed"
    return settle(y, v, measure, scale)


def log_hazard_ratio(events: Array, p: Array, *, favours: Array, allocation: Array | float = 1.0) -> Effect:
    r"""Log hazard ratio from the log-rank p-value, the number of events and the direction.

    Parameters
    ----------
    events : array (k,)
        Events in both groups together.
    p : array (k,)
        Two-sided log-rank p-values.
    favours : array (k,)
        -1 where the treatment had the lower hazard, 1 where the comparator had.
    allocation : array (k,) or float
        Participants of the treatment for one of the comparator.

    Notes
    -----
    .. math:: V = D \frac{a}{(1 + a)^2}, \quad O - E = \pm z_{1 - p/2} \sqrt V, \quad
       y = \frac{O - E}{V}, \quad v = \frac1V

    Parmar, Torri & Stewart (1998), Statistics in Medicine 17, 2815-2834, equations 10 and 11.

    Examples
    --------
    >>> effect = log_hazard_ratio(100, 0.02, favours=-1)
    >>> round(float(effect.estimate), 4), float(effect.variance)
    (-0.4653, 0.04)
    """
    d, p, side, a = (np.asarray(x, float) for x in (events, p, favours, allocation))
    refuse((p <= 0) | (p > 1), p, "a p-value", "a p-value above 0 and up to 1")
    refuse(
        np.abs(np.nan_to_num(side, nan=1.0)) != 1,
        side,
        "a direction",
        "-1 for the treatment or 1 for the comparator",
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        information = d * a / (1 + a) ** 2
        y = -side * ndtri(p / 2) / np.sqrt(information)
    return settle(y, 1 / information, "HR", "log hazard ratio")


def reconstruct_table(
    n: float,
    row: float,
    column: float,
    *,
    odds_ratio: float | None = None,
    phi: float | None = None,
    chi2: float | None = None,
    continuity: bool = True,
) -> tuple[float, float, float, float]:
    r"""Cells of a table of two by two counts from its margins and one printed statistic, rounded to counts.

    Parameters
    ----------
    n : float
        All participants.
    row, column : float
        Those in the first row (exposed, treated), and those in the first column (with the event).
    odds_ratio, phi, chi2 : float, optional
        Exactly one of them. A chi-squared carries the sign of the association.
    continuity : bool
        Whether the chi-squared has Yates's correction.

    Returns
    -------
    tuple of float
        a, b, c, d by rows; all NaN when the statistic cannot belong to these margins.

    Notes
    -----
    a solves :math:`a (n - r - c + a) = OR (r - a)(c - a)`, or :math:`a = [\phi \sqrt{r(n-r)c(n-c)} + r c]/n`.
    Bonett (2007), American Psychologist 62, 254-255.

    Examples
    --------
    >>> reconstruct_table(100, 40, 50, odds_ratio=2.5)
    (25.0, 15.0, 25.0, 35.0)
    """
    spread = np.sqrt(row * (n - row) * column * (n - column))
    low, high = max(0.0, row + column - n), min(row, column)
    if odds_ratio is not None:
        a = optimize.brentq(
            lambda x: x * (n - row - column + x) - odds_ratio * (row - x) * (column - x), low, high
        )
    else:
        if chi2 is not None:
            phi = np.sign(chi2) * (np.sqrt(abs(chi2) / n) + continuity * n / (2 * spread) * (chi2 != 0))
        a = ((np.nan if phi is None else phi) * spread + row * column) / n
    a = float(np.rint(a))
    if not low <= a <= high:
        return np.nan, np.nan, np.nan, np.nan
    return a, row - a, column - a, n - row - column + a
