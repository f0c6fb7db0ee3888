"""Effects of counts: odds ratio, risk ratio, risk difference, Peto's odds ratio, arcsine difference."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from synovia.effects.cells import Cells, ZeroCells, add_to_cells, cross, drop_uninformative
from synovia.effects.effect import Array, Counts, Effect, settle
from synovia.effects.proportion import proportion

__all__ = [
    "Ratio",
    "ZeroCells",
    "log_odds_ratio",
    "log_risk_ratio",
    "probit_difference",
    "risk_difference",
    "two_by_two",
]

Ratio = Literal["OR", "RR", "RD", "PETO", "AS"]


def two_by_two(
    treatment: Counts,
    comparator: Counts,
    measure: Ratio = "OR",
    *,
    add: float | None = None,
    to: ZeroCells = "only0",
    drop00: bool = False,
) -> Effect:
    r"""Effect of treatment against comparator from the events and participants of two independent groups.

    Parameters
    ----------
    treatment, comparator : Counts
        Arrays (k,).
    measure : {"OR", "RR", "RD", "PETO", "AS"}
        Log odds ratio, log risk ratio, risk difference, log odds ratio by Peto's one-step method, difference
        of arcsine square roots.
    add : float, optional
        Added to all four cells where ``to`` says; 0.5 by default, and 0 for AS, which needs nothing.
    to : {"only0", "all", "if0all", "none"}
        Studies with a zero cell; all; all when any has a zero cell; none.
    drop00 : bool
        Set studies in which nobody, or everybody, had the event to NaN.

    Notes
    -----
    With events a, c and non-events b, d of groups of n1, n2, and x = a + c among N:

    ==== ===================================== ====================================================
    OR   ln(ad / bc)                           1/a + 1/b + 1/c + 1/d
    RR   ln((a/n1) / (c/n2))                   1/a - 1/n1 + 1/c - 1/n2
    RD   a/n1 - c/n2                           ab/n1^3 + cd/n2^3
    PETO (a - x n1/N)/V                        1/V, V = x (N - x) n1 n2 / (N^2 (N - 1))
    AS   asin sqrt(a/n1) - asin sqrt(c/n2)     1/(4 n1) + 1/(4 n2)
    ==== ===================================== ====================================================

    Fleiss & Berlin (2009), in Cooper, Hedges & Valentine, Handbook of Research Synthesis, 2nd ed.;
    PETO: Yusuf et al. (1985), Progress in Cardiovascular Diseases 27, 335-371; AS: Rücker et al. (2009),
    Statistics in Medicine 28, 721-738.

    Examples
    --------
    >>> from synovia.effects import Counts, two_by_two
    >>> effect = two_by_two(Counts([12], [40]), Counts([6], [40]), "PETO")
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (0.8495, 0.2832)
    """
    scale, formula, amount = _FORMULAS[measure]
    cells = cross(treatment, comparator)
    if drop00:
        cells = drop_uninformative(cells)
    a, b, c, d = add_to_cells(cells, amount if add is None else add, to)
    with np.errstate(divide="ignore", invalid="ignore"):
        y, v = formula((a, b, c, d))
    return settle(y, v, measure, scale)


def _odds(cells: Cells) -> tuple[Array, Array]:
    a, b, c, d = cells
    return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d


def _risk(cells: Cells) -> tuple[Array, Array]:
    a, b, c, d = cells
    return np.log(a / (a + b) * (c + d) / c), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


def _difference(cells: Cells) -> tuple[Array, Array]:
    a, b, c, d = cells
    n1, n2 = a + b, c + d
    return a / n1 - c / n2, a * b / n1**3 + c * d / n2**3


def _peto(cells: Cells) -> tuple[Array, Array]:
    a, b, c, d = cells
    n1, n2, events = a + b, c + d, a + c
    total = n1 + n2
    v = events * (total - events) * (n1 / total) * (n2 / total) / (total - 1)
    return (a - events * n1 / total) / v, 1 / v


def _arcsine(cells: Cells) -> tuple[Array, Array]:
    a, b, c, d = cells
    n1, n2 = a + b, c + d
    return np.arcsin(np.sqrt(a / n1)) - np.arcsin(np.sqrt(c / n2)), 1 / (4 * n1) + 1 / (4 * n2)


_FORMULAS: dict[str, tuple[str, Callable[[Cells], tuple[Array, Array]], float]] = {
    "OR": ("log odds ratio", _odds, 0.5),
    "RR": ("log risk ratio", _risk, 0.5),
    "RD": ("risk difference", _difference, 0.5),
    "PETO": ("log odds ratio (Peto)", _peto, 0.5),
    "AS": ("difference of arcsine square root risks", _arcsine, 0.0),
}


def probit_difference(
    treatment: Counts,
    comparator: Counts,
    *,
    add: float | None = None,
    to: ZeroCells = "only0",
    drop00: bool = False,
) -> Effect:
    r"""Standardised mean difference behind two risks, when a normal outcome was cut at one point.

    Parameters
    ----------
    treatment, comparator : Counts
        Arrays (k,).
    add, to, drop00
        As in :func:`two_by_two`.

    Notes
    -----
    .. math:: y = z_1 - z_2, \quad v = \sum_j \frac{p_j (1 - p_j)}{n_j \, \varphi(z_j)^2}, \quad
       z_j = \Phi^{-1}(p_j)

    Sánchez-Meca, Marín-Martínez & Chacón-Moscoso (2003), Psychological Methods 8, 448-467.

    Examples
    --------
    >>> from synovia.effects import Counts, probit_difference
    >>> effect = probit_difference(Counts([20], [40]), Counts([10], [40]))
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (0.6745, 0.0857)
    """
    effects = [proportion(group, "PRZ", add=0.0) for group in _padded(treatment, comparator, add, to, drop00)]
    one, two = effects
    return settle(
        one.estimate - two.estimate, one.variance + two.variance, "PBIT",
        "standardised mean difference, from two probits",
    )  # fmt: skip


def _padded(
    treatment: Counts, comparator: Counts, add: float | None, to: ZeroCells, drop00: bool
) -> tuple[Counts, Counts]:
    """The two groups with the addition made."""
    cells = cross(treatment, comparator)
    a, b, c, d = add_to_cells(drop_uninformative(cells) if drop00 else cells, 0.5 if add is None else add, to)
    return Counts(a, a + b), Counts(c, c + d)


def log_odds_ratio(
    treatment: Counts, comparator: Counts, *, add: float = 0.5, to: ZeroCells = "only0", keep: bool = False
) -> Effect:
    r"""Log odds ratio of treatment against comparator.

    Parameters
    ----------
    treatment, comparator : Counts
        Arrays (k,).
    add, to
        As in :func:`two_by_two`.
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
    return two_by_two(treatment, comparator, "OR", add=add, to=to, drop00=not keep)


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
    return two_by_two(treatment, comparator, "RR", add=add, to=to, drop00=not keep)


def risk_difference(
    treatment: Counts, comparator: Counts, *, add: float = 0.5, to: ZeroCells = "only0"
) -> Effect:
    r"""Risk of the treatment minus risk of the comparator.

    Parameters
    ----------
    treatment, comparator : Counts
        Arrays (k,).
    add, to
        As in :func:`two_by_two`. Without an addition the variance is 0 where nobody or everybody had the
        event in both groups.

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
    return two_by_two(treatment, comparator, "RD", add=add, to=to)
