"""Effects of counts: odds ratio, risk ratio, risk difference."""

from typing import Literal

import numpy as np

from synovia.effects.effect import Array, Counts, Effect

__all__ = ["ZeroCells", "log_odds_ratio", "log_risk_ratio", "risk_difference"]

ZeroCells = Literal["only0", "all", "none"]
Cells = tuple[Array, Array, Array, Array]


def _cells(treatment: Counts, comparator: Counts, add: float, to: ZeroCells) -> Cells:
    """The 2 x 2 tables: events and non-events of treatment, then of comparator, with ``add`` where asked."""
    (a, n1), (c, n2) = treatment.arrays, comparator.arrays
    cells = np.stack(np.broadcast_arrays(a, n1 - a, c, n2 - c))
    added = {"only0": (cells == 0).any(axis=0), "all": np.ones(cells.shape[1:], bool)}.get(to, False)
    a, b, c, d = cells + add * np.asarray(added)
    return a, b, c, d


def _estimable(treatment: Counts, comparator: Counts) -> Array:
    """1 where events and non-events both occur in some group, NaN where a ratio says nothing."""
    (a, n1), (c, n2) = treatment.arrays, comparator.arrays
    total = a + c
    return np.where((total == 0) | (total == n1 + n2), np.nan, 1.0)


def log_odds_ratio(
    treatment: Counts, comparator: Counts, *, add: float = 0.5, to: ZeroCells = "only0", keep: bool = False
) -> Effect:
    r"""Log odds ratio of treatment against comparator.

    Parameters
    ----------
    treatment, comparator : Counts
        Arrays (k,).
    add : float
        Added to all four cells where ``to`` says.
    to : {"only0", "all", "none"}
        Studies with any zero cell, all studies, or none.
    keep : bool
        Keep studies in which nobody or everybody had the event; otherwise they are NaN, for they say
        nothing about the odds ratio.

    Notes
    -----
    .. math:: y = \ln\frac{a d}{b c}, \quad v = 1/a + 1/b + 1/c + 1/d

    Examples
    --------
    >>> from synovia.effects import Counts, log_odds_ratio
    >>> effect = log_odds_ratio(Counts([12], [40]), Counts([6], [40]))
    >>> round(float(effect.estimate[0]), 4)
    0.8873
    """
    a, b, c, d = _cells(treatment, comparator, add, to)
    with np.errstate(divide="ignore", invalid="ignore"):
        y, v = np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
    told = 1.0 if keep else _estimable(treatment, comparator)
    return Effect(_finite(y, v) * told, _finite(v, y) * told, "OR", "log odds ratio")


def log_risk_ratio(
    treatment: Counts, comparator: Counts, *, add: float = 0.5, to: ZeroCells = "only0", keep: bool = False
) -> Effect:
    r"""Log risk ratio of treatment against comparator.

    Parameters
    ----------
    treatment, comparator : Counts
        Arrays (k,).
    add, to, keep
        As in :func:`log_odds_ratio`.

    Notes
    -----
    .. math:: y = \ln\frac{a/(a + b)}{c/(c + d)}, \quad v = 1/a - 1/(a + b) + 1/c - 1/(c + d)

    Examples
    --------
    >>> from synovia.effects import Counts, log_risk_ratio
    >>> effect = log_risk_ratio(Counts([12], [40]), Counts([6], [40]))
    >>> round(float(effect.estimate[0]), 4)
    0.6931
    """
    a, b, c, d = _cells(treatment, comparator, add, to)
    with np.errstate(divide="ignore", invalid="ignore"):
        y, v = np.log(a / (a + b) * (c + d) / c), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
    told = 1.0 if keep else _estimable(treatment, comparator)
    return Effect(_finite(y, v) * told, _finite(v, y) * told, "RR", "log risk ratio")


def risk_difference(
    treatment: Counts, comparator: Counts, *, add: float = 0.5, to: ZeroCells = "only0"
) -> Effect:
    r"""Risk of the treatment minus risk of the comparator.

    Parameters
    ----------
    treatment, comparator : Counts
        Arrays (k,).
    add, to
        As in :func:`log_odds_ratio`. Without an addition the variance is 0 where nobody or everybody had
        the event in both groups.

    Notes
    -----
    .. math:: y = \frac{a}{n_1} - \frac{c}{n_2}, \quad v = \frac{a b}{n_1^3} + \frac{c d}{n_2^3}

    Examples
    --------
    >>> from synovia.effects import Counts, risk_difference
    >>> effect = risk_difference(Counts([12], [40]), Counts([6], [40]))
    >>> round(float(effect.estimate[0]), 4)
    0.15
    """
    a, b, c, d = _cells(treatment, comparator, add, to)
    n1, n2 = a + b, c + d
    return Effect(a / n1 - c / n2, a * b / n1**3 + c * d / n2**3, "RD", "risk difference")


def _finite(values: Array, others: Array) -> Array:
    return np.where(np.isfinite(values) & np.isfinite(others), values, np.nan)
