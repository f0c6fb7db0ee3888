"""What a regression prints: partial and semi-partial correlations, and the coefficient of determination."""

from typing import Literal, TypeAlias

import numpy as np
from scipy import stats

from synovia.effects.cells import refuse
from synovia.effects.correlation import correlation_from_t
from synovia.effects.effect import Array, Effect, settle
from synovia.effects.small_sample import weighted_mean

__all__ = [
    "Partial",
    "determination",
    "determination_from_f",
    "partial_correlation",
    "partial_from_t",
    "semipartial_correlation",
]

Partial: TypeAlias = Literal["PCOR", "ZPCOR"]


def partial_correlation(r: Array, n: Array, predictors: Array, measure: Partial = "ZPCOR") -> Effect:
    r"""Correlation of outcome and one predictor, both freed of the other predictors.

    Parameters
    ----------
    r : array (k,)
        Partial correlations; from t statistics by :func:`correlation_from_t`.
    n : array (k,)
        Participants.
    predictors : array (k,)
        All predictors m of the regression, the one of interest among them.
    measure : {"PCOR", "ZPCOR"}
        Raw, or Fisher's z.

    Notes
    -----
    .. math:: v_{PCOR} = \frac{(1 - r^2)^2}{n - m}, \quad v_{ZPCOR} = \frac{1}{n - m - 2}

    Aloe & Thompson (2013), Journal of the Society for Social Work and Research 4, 390-405.

    Examples
    --------
    >>> effect = partial_correlation(0.5, 30, 3)
    >>> round(float(effect.estimate), 4), float(effect.variance)
    (0.5493, 0.04)
    """
    r, n, m = (np.asarray(x, float) for x in (r, n, predictors))
    refuse(np.abs(r) > 1, r, "a correlation", "a correlation from -1 to 1")
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "PCOR":
            return settle(r, (1 - r**2) ** 2 / (n - m), measure, "partial correlation")
        left = n - m - 2
        v = np.where(left > 0, 1 / left, np.nan)
        return settle(np.arctanh(r), v, measure, "Fisher's z of the partial correlation")


def semipartial_correlation(
    t: Array, n: Array, predictors: Array, r2: Array, measure: Literal["SPCOR", "ZSPCOR"] = "SPCOR"
) -> Effect:
    r"""Correlation of the outcome and one predictor that is freed of the other predictors.

    Parameters
    ----------
    t : array (k,)
        t statistics of the coefficient.
    n : array (k,)
        Participants.
    predictors : array (k,)
        All predictors m of the regression.
    r2 : array (k,)
        Coefficients of determination of the whole regressions, from 0 to 1.
    measure : {"SPCOR", "ZSPCOR"}
        Raw, or Fisher's z, which does not make its variance constant.

    Notes
    -----
    .. math:: y = \frac{t\sqrt{1 - R^2}}{\sqrt{n - m - 1}}, \quad
       v = \frac{R^4 - 2 R^2 + R_-^2 + 1 - R_-^4}{n}, \quad R_-^2 = R^2 - y^2

    Aloe & Becker (2012), Journal of Educational and Behavioral Statistics 37, 278-297, equation 6.

    Examples
    --------
    >>> effect = semipartial_correlation(4.61, 218, 4, 0.24)
    >>> round(float(effect.estimate), 4), round(float(effect.variance), 4)
    (0.2754, 0.0033)
    """
    t, n, m, r2 = (np.asarray(x, float) for x in (t, n, predictors, r2))
    refuse((r2 < 0) | (r2 > 1), r2, "a coefficient of determination", "a share from 0 to 1")
    with np.errstate(divide="ignore", invalid="ignore"):
        y = t * np.sqrt(1 - r2) / np.sqrt(n - m - 1)
        rest = r2 - y**2
        v = (r2**2 - 2 * r2 + rest + 1 - rest**2) / n
        if measure == "SPCOR":
            return settle(y, v, measure, "semi-partial correlation")
        return settle(
            np.arctanh(y), v / (1 - y**2) ** 2, measure, "Fisher's z of the semi-partial correlation"
        )


def determination(
    r2: Array,
    n: Array,
    predictors: Array,
    measure: Literal["R2", "ZR2"] = "R2",
    *,
    variance: Literal["LS", "LS2", "AV", "AV2"] = "LS",
) -> Effect:
    r"""Share of the variance that a regression explains; never negative, so no test of 0 is made with it.

    Parameters
    ----------
    r2 : array (k,)
        From 0 to 1.
    n : array (k,)
        Participants.
    predictors : array (k,)
        Predictors m.
    measure : {"R2", "ZR2"}
        Raw, or atanh of its root.
    variance : {"LS", "LS2", "AV", "AV2"}
        For R2: first-order, or with m in it; AV: with the average R2 of all studies.

    Notes
    -----
    .. math:: v_{LS} = \frac{4 R^2 (1 - R^2)^2}{n}, \quad
       v_{LS2} = \frac{4 R^2 (1 - R^2)^2 (n - m - 1)^2}{(n^2 - 1)(n + 3)}, \quad v_{ZR2} = \frac1n

    Kendall & Stuart (1979), Advanced Theory of Statistics, volume 2, equations 27.88 and 27.87; Olkin & Finn
    (1995), Psychological Bulletin 118, 155-164.

    Examples
    --------
    >>> effect = determination(0.25, 100, 3)
    >>> float(effect.estimate), float(effect.variance)
    (0.25, 0.005625)
    """
    r2, n, m = np.broadcast_arrays(*(np.asarray(x, float) for x in (r2, n, predictors)))
    refuse((r2 < 0) | (r2 > 1), r2, "a coefficient of determination", "a share from 0 to 1")
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "ZR2":
            return settle(np.arctanh(np.sqrt(r2)), 1 / n, measure, "atanh of the root of R squared")
        inside = np.full_like(r2, weighted_mean(r2, n)) if variance.startswith("AV") else r2
        v = 4 * inside * (1 - inside) ** 2
        v = v * (n - m - 1) ** 2 / ((n**2 - 1) * (n + 3)) if variance.endswith("2") else v / n
    return settle(r2, v, measure, "R squared")


def determination_from_f(f: Array, n: Array, predictors: Array, *, p: bool = False) -> Array:
    r"""R squared from the F statistic of the whole regression, or from its p-value.

    Notes
    -----
    .. math:: R^2 = \frac{m F}{m F + n - m - 1}

    Examples
    --------
    >>> round(float(determination_from_f(10.67, 100, 3)), 4)
    0.2501
    """
    values, n, m = (np.asarray(x, float) for x in (f, n, predictors))
    if p:
        values = np.asarray(stats.f.isf(values, m, n - m - 1))
    return np.asarray(m * values / (m * values + n - m - 1))


def partial_from_t(t: Array, n: Array, predictors: Array, *, p: bool = False) -> Array:
    """Partial correlation from the t statistic of a coefficient, or from its signed p-value.

    Examples
    --------
    >>> round(float(partial_from_t(-0.07, 30, 5, p=True)), 4)
    -0.361
    """
    return correlation_from_t(t, n, p=p, predictors=predictors)
