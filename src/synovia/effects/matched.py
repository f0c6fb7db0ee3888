"""Matched pairs with a dichotomous outcome: marginal and conditional effects of a paired table."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from synovia.effects.cells import Cells, ZeroCells, add_to_cells, refuse_counts
from synovia.effects.effect import Array, Counts, Effect, settle

__all__ = ["Matched", "marginal_odds", "matched_pairs"]

Matched: TypeAlias = Literal["MPRD", "MPRR", "MPOR", "MPORC", "MPPETO"]


def matched_pairs(
    pairs: Cells, measure: Matched = "MPORC", *, add: float | None = None, to: ZeroCells = "only0"
) -> Effect:
    r"""Effect of the first against the second condition of matched pairs, crossovers or two occasions.

    Parameters
    ----------
    pairs : tuple of array (k,)
        Pairs with the event under both conditions, only the first, only the second, neither.
    measure : {"MPRD", "MPRR", "MPOR", "MPORC", "MPPETO"}
        Marginal risk difference, log risk ratio, log odds ratio; conditional log odds ratio, the same by
        Peto's method.
    add, to
        As in :func:`two_by_two`.

    Notes
    -----
    With proportions pa, pb, pc, pd of n pairs, p1 = pa + pb, p2 = pa + pc:

    ====== ==================== ====================================================================
    MPRD   pb - pc              [pb (1 - pb) + 2 pb pc + pc (1 - pc)]/n
    MPRR   ln(p1/p2)            (pb + pc)/(n p1 p2)
    MPOR   logit p1 - logit p2  [1/(p1 q1) + 1/(p2 q2) - 2 (pa pd - pb pc)/(p1 q1 p2 q2)]/n
    MPORC  ln(b/c)              1/b + 1/c
    MPPETO 2 (b - c)/(b + c)    4/(b + c)
    ====== ==================== ====================================================================

    Zou (2007), Statistics in Medicine 26, 2937-2954; Curtin et al. (2002), Statistics in Medicine 21,
    2145-2159.

    Examples
    --------
    >>> import numpy as np
    >>> table = tuple(np.array([x]) for x in (20.0, 10.0, 5.0, 15.0))
    >>> effect = matched_pairs(table, "MPORC")
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (0.6931, 0.3)
    """
    scale, formula = _FORMULAS[measure]
    cells = np.stack([np.asarray(x, float) for x in pairs])
    refuse_counts(cells, "counts of pairs of 0 or more")
    a, b, c, d = add_to_cells(cells, 0.5 if add is None else add, to)
    with np.errstate(divide="ignore", invalid="ignore"):
        y, v = formula((a, b, c, d))
    return settle(y, v, measure, scale)


def _difference(cells: Cells) -> tuple[Array, Array]:
    n = np.sum(cells, axis=0)
    _, b, c, _ = (x / n for x in cells)
    return b - c, (b * (1 - b) + 2 * b * c + c * (1 - c)) / n


def _risk(cells: Cells) -> tuple[Array, Array]:
    n = np.sum(cells, axis=0)
    a, b, c, _ = (x / n for x in cells)
    return np.log((a + b) / (a + c)), (b + c) / (n * (a + b) * (a + c))


def _odds(cells: Cells) -> tuple[Array, Array]:
    n = np.sum(cells, axis=0)
    a, b, c, d = (x / n for x in cells)
    first, second = (a + b) * (c + d), (a + c) * (b + d)
    y = np.log((a + b) / (c + d) * (b + d) / (a + c))
    return y, (1 / first + 1 / second - 2 * (a * d - b * c) / (first * second)) / n


def _conditional(cells: Cells) -> tuple[Array, Array]:
    _, b, c, _ = cells
    return np.log(b / c), 1 / b + 1 / c


def _peto(cells: Cells) -> tuple[Array, Array]:
    _, b, c, _ = cells
    return 2 * (b - c) / (b + c), 4 / (b + c)


_FORMULAS: dict[str, tuple[str, Callable[[Cells], tuple[Array, Array]]]] = {
    "MPRD": ("marginal risk difference", _difference),
    "MPRR": ("marginal log risk ratio", _risk),
    "MPOR": ("marginal log odds ratio", _odds),
    "MPORC": ("conditional log odds ratio", _conditional),
    "MPPETO": ("conditional log odds ratio (Peto)", _peto),
}


def marginal_odds(first: Counts, second: Counts, correlation: Array, *, add: float = 0.5) -> Effect:
    r"""Marginal log odds ratio of matched pairs when only the margins are printed.

    Parameters
    ----------
    first, second : Counts
        Events and pairs under each condition, arrays (k,); the n are the same pairs.
    correlation : array (k,)
        Phi correlation of the two outcomes within pairs, printed or assumed.
    add : float
        Added to all four margins of studies in which one is zero.

    Notes
    -----
    .. math:: v = \frac1n\left[\frac{1}{p_1 q_1} + \frac{1}{p_2 q_2} -
       \frac{2 r}{\sqrt{p_1 q_1 p_2 q_2}}\right]

    Elbourne et al. (2002), International Journal of Epidemiology 31, 140-149.

    Examples
    --------
    >>> from synovia.effects import Counts
    >>> effect = marginal_odds(Counts([30], [50]), Counts([25], [50]), 0.3)
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (0.4055, 0.1143)
    """
    (a, b), (c, d) = first.cells, second.cells
    a, b, c, d = add_to_cells(np.stack(np.broadcast_arrays(a, b, c, d)), add, "only0")
    r = np.asarray(correlation, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = 2 * r * np.sqrt((1 / a + 1 / b) * (1 / c + 1 / d))
        y, v = np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d - shared
    return settle(y, v, "MPORM", "marginal log odds ratio")
