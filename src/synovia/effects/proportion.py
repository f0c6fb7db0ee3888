"""Proportions of one group: raw, log, logit, probit, arcsine, and the double arcsine if asked for."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import expit, ndtri

from synovia.effects.cells import ZeroCells, add_to_cells, refuse_counts
from synovia.effects.effect import Array, Counts, Effect, settle
from synovia.effects.small_sample import weighted_mean

__all__ = [
    "Proportion",
    "back_transform_freeman_tukey",
    "back_transform_logit",
    "freeman_tukey",
    "logit_proportion",
    "proportion",
]

Proportion: TypeAlias = Literal["PR", "PLN", "PLO", "PRZ", "PAS", "PFT"]


def proportion(
    group: Counts,
    measure: Proportion = "PLO",
    *,
    add: float | None = None,
    to: ZeroCells = "only0",
    variance: Literal["LS", "UB", "AV"] = "LS",
) -> Effect:
    r"""Proportion of one group on a stated scale.

    Parameters
    ----------
    group : Counts
        Arrays (k,).
    measure : {"PR", "PLN", "PLO", "PRZ", "PAS", "PFT"}
        Raw, log, logit, probit, arcsine square root, Freeman and Tukey's double arcsine.
    add : float, optional
        Added to events and to non-events where ``to`` says; 0.5 by default, and 0 for the two arcsines.
    to : {"only0", "all", "if0all", "none"}
        As in :func:`two_by_two`.
    variance : {"LS", "UB", "AV"}
        For PR: p q/n; p q/(n - 1), which is unbiased; with the average proportion of all studies.

    Notes
    -----
    ==== =========================================================== ==============
    PR   p = x/n                                                     p q/n
    PLN  ln p                                                        1/x - 1/n
    PLO  ln(x/(n - x))                                               1/x + 1/(n - x)
    PRZ  z = probit of p                                             p q/(n phi(z)^2)
    PAS  asin sqrt p                                                 1/(4n)
    PFT  (asin sqrt(x/(n + 1)) + asin sqrt((x + 1)/(n + 1)))/2       1/(4n + 2)
    ==== =========================================================== ==============

    Freeman & Tukey (1950), Annals of Mathematical Statistics 21, 607-611.

    Examples
    --------
    >>> from synovia.effects import Counts, proportion
    >>> effect = proportion(Counts([4], [16]), "PAS")
    >>> round(float(effect.estimate[0]), 4), float(effect.variance[0])
    (0.5236, 0.015625)
    """
    scale, formula, amount = _FORMULAS[measure]
    events, others = group.cells
    cells = np.stack(np.broadcast_arrays(events, others)).astype(float)
    refuse_counts(cells, "events from 0 to the number of participants")
    x, rest = add_to_cells(cells, amount if add is None else add, to)
    n = x + rest
    with np.errstate(divide="ignore", invalid="ignore"):
        y, v = formula(x, n)
        if measure == "PR" and variance == "UB":
            v = y * (1 - y) / (n - 1)
        elif measure == "PR" and variance == "AV":
            mean = weighted_mean(y, n)
            v = mean * (1 - mean) / n
    return settle(y, v, measure, scale)


def _raw(x: Array, n: Array) -> tuple[Array, Array]:
    return x / n, x * (n - x) / n**3


def _log(x: Array, n: Array) -> tuple[Array, Array]:
    return np.log(x / n), 1 / x - 1 / n


def _logit(x: Array, n: Array) -> tuple[Array, Array]:
    return np.log(x / (n - x)), 1 / x + 1 / (n - x)


def _probit(x: Array, n: Array) -> tuple[Array, Array]:
    z = ndtri(x / n)
    return z, x * (n - x) / n**3 * 2 * np.pi * np.exp(z**2)


def _arcsine(x: Array, n: Array) -> tuple[Array, Array]:
    return np.arcsin(np.sqrt(x / n)), 1 / (4 * n)


def _double(x: Array, n: Array) -> tuple[Array, Array]:
    y = (np.arcsin(np.sqrt(x / (n + 1))) + np.arcsin(np.sqrt((x + 1) / (n + 1)))) / 2
    return y, 1 / (4 * n + 2)


_FORMULAS: dict[str, tuple[str, Callable[[Array, Array], tuple[Array, Array]], float]] = {
    "PR": ("proportion", _raw, 0.5),
    "PLN": ("log of the proportion", _log, 0.5),
    "PLO": ("logit of the proportion", _logit, 0.5),
    "PRZ": ("probit of the proportion", _probit, 0.5),
    "PAS": ("arcsine square root of the proportion", _arcsine, 0.0),
    "PFT": ("double arcsine of the proportion", _double, 0.0),
}


def logit_proportion(group: Counts, *, add: float = 0.5) -> Effect:
    r"""Logit of a proportion; ``add`` goes to events and non-events of studies where either is zero.

    Parameters
    ----------
    group : Counts
        Arrays (k,).

    Notes
    -----
    .. math:: y = \ln\frac{x}{n - x}, \quad v = \frac{1}{x} + \frac{1}{n - x}

    Examples
    --------
    >>> from synovia.effects import Counts, logit_proportion
    >>> round(float(logit_proportion(Counts([4], [15])).estimate[0]), 4)
    -1.0116
    """
    return proportion(group, "PLO", add=add)


def back_transform_logit(logit: Array) -> Array:
    """Proportion from its logit.

    Examples
    --------
    >>> from synovia.effects import back_transform_logit
    >>> float(back_transform_logit(0.0))
    0.5
    """
    return np.asarray(expit(logit))


def freeman_tukey(group: Counts) -> Effect:
    r"""Double arcsine of a proportion (Freeman & Tukey).

    Results can mislead when sizes of studies differ much (Schwarzer et al. 2019, Research Synthesis Methods
    10, 476-483): the logit is Synovia's default.

    Notes
    -----
    .. math:: y = \tfrac12 \left( \arcsin\sqrt{\tfrac{x}{n+1}} + \arcsin\sqrt{\tfrac{x+1}{n+1}} \right),
       \quad v = \frac{1}{4 n + 2}

    Freeman & Tukey (1950), Annals of Mathematical Statistics 21, 607-611.

    Examples
    --------
    >>> from synovia.effects import Counts, freeman_tukey
    >>> round(float(freeman_tukey(Counts([0], [10])).estimate[0]), 6)
    0.153139
    """
    return proportion(group, "PFT")


def back_transform_freeman_tukey(y: Array, n: Array) -> Array:
    r"""Proportion from its double arcsine, at the harmonic mean of the sizes.

    Parameters
    ----------
    y : array
        Double arcsine, with the factor one half.
    n : array (k,)
        Sizes of the studies behind ``y``; one size gives the exact inverse.

    Notes
    -----
    .. math:: p = \tfrac12 \left\{ 1 - \operatorname{sgn}(\cos t)
       \sqrt{1 - \left[\sin t + \frac{\sin t - 1/\sin t}{\tilde n}\right]^2} \right\}, \quad t = 2y

    with the harmonic mean :math:`\tilde n`. Miller (1978), The American Statistician 32, 138. Values beyond
    the double arcsine of 0 or of all n are the proportions 0 and 1.

    Examples
    --------
    >>> from synovia.effects import Counts, back_transform_freeman_tukey, freeman_tukey
    >>> y = freeman_tukey(Counts([4], [15])).estimate
    >>> round(float(back_transform_freeman_tukey(y, [15])[0]), 6)
    0.266667
    """
    sizes = np.asarray(n, float)
    size = sizes.size / np.sum(1 / sizes)
    ends = freeman_tukey(Counts(np.array([0.0, size]), np.array([size, size]))).estimate
    t = 2 * np.clip(np.asarray(y, float), ends[0], ends[1])
    inner = np.sin(t) + (np.sin(t) - 1 / np.sin(t)) / size
    return np.asarray((1 - np.sign(np.cos(t)) * np.sqrt(np.clip(1 - inner**2, 0, None))) / 2)
