"""The factor that removes the small-sample bias of a standardised difference, and means over studies."""

from typing import Literal, TypeAlias

import numpy as np
from scipy.special import gammaln

from synovia.effects.effect import Array

__all__ = ["Correction", "correction_factor", "weighted_mean"]

Correction: TypeAlias = Literal["exact", "approximate", "none"]


def correction_factor(df: Array, kind: Correction = "exact") -> Array:
    r"""Factor J that removes the small-sample bias of a standardised mean difference; NaN up to df = 1.

    Parameters
    ----------
    df : array
        Degrees of freedom of the SD.
    kind : {"exact", "approximate", "none"}
        By gamma functions; by :math:`1 - 3/(4m - 1)`; 1.

    Notes
    -----
    .. math:: J(m) = \frac{\Gamma(m/2)}{\sqrt{m/2} \, \Gamma((m-1)/2)}

    Hedges (1981), Journal of Educational Statistics 6, 107-128, equations 6d and 6e.

    Examples
    --------
    >>> round(float(correction_factor(10)), 4), round(float(correction_factor(10, "approximate")), 4)
    (0.9227, 0.9231)
    """
    m = np.asarray(df, float)
    if kind == "none":
        return np.ones_like(m)
    known = m > 1
    safe = np.where(known, m, 2.0)
    factor = _exact(safe) if kind == "exact" else 1 - 3 / (4 * safe - 1)
    return np.where(known, factor, np.nan)


def _exact(m: Array) -> Array:
    """J by log gamma functions, and above 2000, where their difference loses digits, by its series."""
    small = np.minimum(m, 2000.0)
    gammas = np.exp(gammaln(small / 2) - np.log(np.sqrt(small / 2)) - gammaln((small - 1) / 2))
    x = (np.maximum(m, 2000.0) - 1) / 2
    series = 1 - 1 / (8 * x) + 1 / (128 * x**2) + 5 / (1024 * x**3) - 21 / (32768 * x**4)
    return np.where(m <= 2000, gammas, series * np.sqrt(1 - 1 / np.maximum(m, 2000.0)))


def weighted_mean(values: Array, weights: Array) -> float:
    """Mean over the studies that have both a value and a weight.

    Examples
    --------
    >>> import numpy as np
    >>> weighted_mean(np.array([1.0, np.nan, 4.0]), np.array([1.0, 1.0, 2.0]))
    3.0
    """
    told = np.isfinite(values) & np.isfinite(weights)
    return float(np.sum((values * weights)[told]) / np.sum(weights[told])) if told.any() else np.nan
