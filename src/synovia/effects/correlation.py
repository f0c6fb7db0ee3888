"""Correlation coefficients: raw, corrected for bias, Fisher's z."""

from typing import Literal, TypeAlias

import numpy as np
from scipy import stats
from scipy.special import gammaln, hyp2f1

from synovia.effects.cells import refuse
from synovia.effects.effect import Array, Effect, settle
from synovia.effects.small_sample import weighted_mean

__all__ = ["Correlation", "correlation", "correlation_from_t"]

Correlation: TypeAlias = Literal["COR", "UCOR", "ZCOR"]
_SCALES = {"COR": "correlation", "UCOR": "correlation, unbiased", "ZCOR": "Fisher's z of the correlation"}


def correlation(
    r: Array, n: Array, measure: Correlation = "ZCOR", *, variance: Literal["LS", "UB", "AV"] = "LS"
) -> Effect:
    r"""Correlation of two quantities on a stated scale.

    Parameters
    ----------
    r : array (k,)
        Correlations, from -1 to 1.
    n : array (k,)
        Participants.
    measure : {"COR", "UCOR", "ZCOR"}
        Raw; without the small bias towards 0; Fisher's z.
    variance : {"LS", "UB", "AV"}
        For COR and UCOR: large-sample; unbiased; large-sample with the average correlation of all studies.

    Notes
    -----
    ==== ========================================= ================================================
    COR  r                                         (1 - y^2)^2/(n - 1)
    UCOR G = r F(1/2, 1/2; (n - 2)/2; 1 - r^2)     the same, or, unbiased, y^2 - 1 +
                                                   (n - 3)/(n - 2) (1 - r^2) F(1, 1; n/2; 1 - r^2)
    ZCOR atanh r                                   1/(n - 3)
    ==== ========================================= ================================================

    with F the hypergeometric function. Olkin & Pratt (1958), Annals of Mathematical Statistics 29, 201-211,
    equations 2.3 and 3.4; Hedges (1989), Journal of Applied Psychology 74, 469-477; Fisher (1921), Metron 1,
    1-32.

    Examples
    --------
    >>> effect = correlation(0.5, 28)
    >>> round(float(effect.estimate), 4), float(effect.variance)
    (0.5493, 0.04)
    """
    r, n = np.broadcast_arrays(np.asarray(r, float), np.asarray(n, float))
    refuse(np.abs(r) > 1, r, "a correlation", "a correlation from -1 to 1")
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "ZCOR":
            return settle(np.arctanh(r), np.where(n > 3, 1 / (n - 3), np.nan), measure, _SCALES[measure])
        y = _olkin_pratt(r, n) if measure == "UCOR" else r
        if variance == "UB":
            # F(1, 1; n/2; 1) diverges only with n of 4 or less, where r = 0 says nothing either.
            v = y**2 - 1 + (n - 3) / (n - 2) * (1 - r**2) * _hypergeometric(1.0, n / 2, r)
        else:
            inside = weighted_mean(y, n) if variance == "AV" else y
            v = (1 - inside**2) ** 2 / (n - 1)
    return settle(y, v, measure, _SCALES[measure])


def _olkin_pratt(r: Array, n: Array) -> Array:
    return np.asarray(np.where(r == 0, 0.0, r * _hypergeometric(0.5, (n - 2) / 2, r)))


def _hypergeometric(a: float, c: Array, r: Array) -> Array:
    """F(a, a; c; 1 - r^2), by its closed form at 1 and by its series where c is large and that is quick."""
    z = 1 - r**2
    at_one = np.exp(gammaln(c) + gammaln(np.maximum(c - 2 * a, 0)) - 2 * gammaln(c - a))
    many = c > 20
    inside = hyp2f1(a, a, np.where(many, 1.0, c), np.where(many | (r == 0), 0.5, z))
    return np.asarray(
        np.where(many, _series(a, np.where(many, c, 21.0), z), np.where(r == 0, at_one, inside))
    )


def _series(a: float, c: Array, z: Array) -> Array:
    total = term = np.ones_like(z)
    for k in range(400):
        term = term * (a + k) ** 2 / ((c + k) * (k + 1)) * z
        total = total + term
    return np.asarray(total)


def correlation_from_t(t: Array, n: Array, *, p: bool = False, predictors: Array | float = 1.0) -> Array:
    r"""Correlation from its t statistic, or from its two-sided p-value with the sign of the correlation.

    Parameters
    ----------
    t : array (k,)
        t statistics, or signed p-values.
    n : array (k,)
        Participants.
    p : bool
        Whether ``t`` holds p-values.
    predictors : array (k,) or float
        Predictors of the regression whose coefficient is tested; more than one gives a partial correlation.

    Notes
    -----
    .. math:: r = \frac{t}{\sqrt{t^2 + n - m - 1}}

    Examples
    --------
    >>> round(float(correlation_from_t(-0.07, 30, p=True)), 4)
    -0.3354
    """
    values, df = np.asarray(t, float), np.asarray(n, float) - np.asarray(predictors, float) - 1
    if p:
        values = np.sign(values) * stats.t.isf(np.abs(values) / 2, df)
    return np.asarray(values / np.sqrt(values**2 + df))
