"""Stratified estimators of Mantel and Haenszel: one formula per measure, with its variance."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.solution import ChiSquared
from synovia.synthesis.exact.assemble import test

__all__ = [
    "ESTIMATORS",
    "Estimate",
    "Tables",
    "Times",
    "breslow_day",
    "cochran_mantel_haenszel",
    "person_time_test",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Events a of n1 in the treatment groups and c of n2 in the comparators, arrays (k,)."""

    a: Floats
    n1: Floats
    c: Floats
    n2: Floats

    @property
    def total(self) -> Floats:
        """(k,) participants."""
        return self.n1 + self.n2


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Events a in time t1 and c in time t2, arrays (k,)."""

    a: Floats
    t1: Floats
    c: Floats
    t2: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """A stratified estimate, its variance on the same scale, and how much each study counts.

    Attributes
    ----------
    value, variance : float
        Log ratio or difference; NaN when no study says anything.
    weights : ndarray of shape (k,)
        Shares that sum to 1.
    """

    value: float
    variance: float
    weights: Floats


def _share(weights: Floats) -> Floats:
    total = weights.sum()
    return weights / total if total > 0 else np.full(weights.size, np.nan)


def _ratio(upper: Floats, lower: Floats, variance: float) -> Estimate:
    R, S = float(upper.sum()), float(lower.sum())
    if R <= 0 or S <= 0:
        return Estimate(np.nan, np.nan, _share(lower))
    return Estimate(float(np.log(R / S)), variance, _share(lower))


def odds_ratio(s: Tables) -> Estimate:
    r"""Log odds ratio: :math:`\ln(\sum R_i / \sum S_i)`, R = ad/N, S = bc/N.

    Notes
    -----
    With P = (a + d)/N and Q = 1 - P:

    .. math:: \frac{\sum PR}{2(\sum R)^2} + \frac{\sum (PS + QR)}{2 \sum R \sum S}
       + \frac{\sum QS}{2(\sum S)^2}

    Robins, Breslow & Greenland (1986), Biometrics 42, 311-323.
    """
    N, b, d = s.total, s.n1 - s.a, s.n2 - s.c
    R, S, P = s.a * d / N, b * s.c / N, (s.a + d) / N
    Q, sum_r, sum_s = 1 - P, R.sum(), S.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (
            (P * R).sum() / sum_r**2 + (P * S + Q * R).sum() / (sum_r * sum_s) + (Q * S).sum() / sum_s**2
        ) / 2
    return _ratio(R, S, float(variance))


def risk_ratio(s: Tables) -> Estimate:
    r"""Log risk ratio: :math:`\ln(\sum R_i / \sum S_i)`, R = a n2/N, S = c n1/N.

    Notes
    -----
    .. math:: \frac{\sum [(a + c) n_1 n_2/N^2 - ac/N]}{\sum R \sum S}

    Greenland & Robins (1985), Biometrics 41, 55-68, equation 13.
    """
    N, m = s.total, s.a + s.c
    R, S = s.a * s.n2 / N, s.c * s.n1 / N
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (m * (s.n1 / N) * (s.n2 / N) - s.a * s.c / N).sum() / (R.sum() * S.sum())
    return _ratio(R, S, float(variance))


def risk_difference(s: Tables) -> Estimate:
    r"""Risk difference: :math:`\sum(a n_2 - c n_1)/N \,/\, \sum n_1 n_2/N`.

    Notes
    -----
    .. math:: \frac{\hat\delta \sum P + \sum Q}{(\sum n_1 n_2/N)^2}, \quad
       P = \frac{n_1^2 c - n_2^2 a + n_1 n_2 (n_2 - n_1)/2}{N^2}, \quad Q = \frac{a(n_2 - c) + c(n_1 - a)}{2N}

    which holds with many small studies and with few large ones. Sato, Greenland & Robins (1989), Biometrics
    45, 1323-1324.
    """
    N = s.total
    weights = s.n1 * (s.n2 / N)
    value = float((s.a * (s.n2 / N) - s.c * (s.n1 / N)).sum() / weights.sum())
    share = s.n1 / N
    P = share**2 * s.c - (1 - share) ** 2 * s.a + share * (1 - share) * (s.n2 - s.n1) / 2
    Q = (s.a * (s.n2 - s.c) + s.c * (s.n1 - s.a)) / (2 * N)
    variance = float(value * P.sum() + Q.sum()) / float(weights.sum()) ** 2
    return Estimate(value, variance, _share(weights))


def rate_ratio(s: Times) -> Estimate:
    r"""Log rate ratio: :math:`\ln(\sum a t_2/T \,/ \sum c t_1/T)`.

    Notes
    -----
    .. math:: \frac{\sum (a + c) t_1 t_2 / T^2}{\sum a t_2/T \; \sum c t_1/T}

    Greenland & Robins (1985); Rothman, Greenland & Lash (2008), Modern Epidemiology, chapter 15.
    """
    T = s.t1 + s.t2
    R, S = s.a * s.t2 / T, s.c * s.t1 / T
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = ((s.a + s.c) * (s.t1 / T) * (s.t2 / T)).sum() / (R.sum() * S.sum())
    return _ratio(R, S, float(variance))


def rate_difference(s: Times) -> Estimate:
    r"""Rate difference: :math:`\sum (a t_2 - c t_1)/T \,/\, \sum t_1 t_2/T`.

    Notes
    -----
    .. math:: \frac{\sum (t_1 t_2/T)^2 (a/t_1^2 + c/t_2^2)}{(\sum t_1 t_2/T)^2}

    Greenland & Robins (1985).
    """
    T = s.t1 + s.t2
    weights = s.t1 * s.t2 / T
    value = float(((s.a * s.t2 - s.c * s.t1) / T).sum() / weights.sum())
    variance = float((weights**2 * (s.a / s.t1**2 + s.c / s.t2**2)).sum()) / float(weights.sum()) ** 2
    return Estimate(value, variance, _share(weights))


def cochran_mantel_haenszel(s: Tables, *, correct: bool) -> tuple[ChiSquared, ...]:
    r"""Whether the odds ratio common to all studies is 1: Mantel and Haenszel's test, and Cochran's.

    Parameters
    ----------
    s : Tables
        Counts.
    correct : bool
        Whether half an event is taken from the difference (continuity correction).

    Notes
    -----
    .. math:: \frac{(|\sum (a - E)| - c)^2}{\sum V}, \quad E = \frac{n_1 m}{N}, \quad
       V = \frac{n_1 n_2 m (N - m)}{N^2 (N - 1)}

    with m = a + c events and c = 1/2 or 0; Cochran's V has N in the place of N - 1. Mantel & Haenszel (1959),
    JNCI 22, 719-748; Cochran (1954), Biometrics 10, 417-451.
    """
    N, m = s.total, s.a + s.c
    distance = abs(float((s.a - s.n1 * (m / N)).sum()))
    squared = max(0.0, distance - (0.5 if correct else 0.0)) ** 2
    binomial = (s.n1 / N) * (s.n2 / N) * m * ((N - m) / N)
    named = (("Cochran-Mantel-Haenszel", (binomial * N / (N - 1)).sum()), ("Cochran", binomial.sum()))
    return tuple(test(name, squared / float(v), 1) for name, v in named if v > 0)


def person_time_test(s: Times, *, correct: bool) -> tuple[ChiSquared, ...]:
    r"""Whether the rate ratio common to all studies is 1.

    Notes
    -----
    .. math:: \frac{(|\sum (a - m t_1/T)| - c)^2}{\sum m t_1 t_2/T^2}

    with m = a + c events. Rothman, Greenland & Lash (2008), Modern Epidemiology, chapter 15.
    """
    T, m = s.t1 + s.t2, s.a + s.c
    distance = abs(float((s.a - m * s.t1 / T).sum()))
    squared = max(0.0, distance - (0.5 if correct else 0.0)) ** 2
    variance = float((m * (s.t1 / T) * (s.t2 / T)).sum())
    return (test("Mantel-Haenszel (person-time)", squared / variance, 1),) if variance > 0 else ()


def breslow_day(s: Tables, log_odds_ratio: float) -> tuple[ChiSquared, ...]:
    r"""Whether all studies have the pooled odds ratio: Breslow and Day's test, and with Tarone's correction.

    Parameters
    ----------
    s : Tables
        Counts.
    log_odds_ratio : float
        The pooled one.

    Notes
    -----
    With :math:`\tilde a` the events expected under the pooled odds ratio and V their asymptotic variance,

    .. math:: X^2 = \sum \frac{(a - \tilde a)^2}{V}, \qquad
       X^2 - \frac{(\sum (a - \tilde a))^2}{\sum V}

    Breslow & Day (1980), Statistical Methods in Cancer Research I, p. 142; Tarone (1985), Biometrika 72,
    91-95.
    """
    m = s.a + s.c
    told = (m > 0) & (m < s.total)
    k = int(told.sum())
    if k < 2 or not np.isfinite(log_odds_ratio):
        return ()
    a, n1, n2, m = s.a[told], s.n1[told], s.n2[told], m[told]
    expected = _expect_events(n1, n2, m, float(np.exp(log_odds_ratio)))
    V = 1 / (1 / expected + 1 / (m - expected) + 1 / (n1 - expected) + 1 / (n2 - m + expected))
    statistic = float(((a - expected) ** 2 / V).sum())
    tarone = statistic - float((a - expected).sum()) ** 2 / float(V.sum())
    return test("Breslow-Day", statistic, k - 1), test("Breslow-Day-Tarone", tarone, k - 1)


def _expect_events(n1: Floats, n2: Floats, m: Floats, ratio: float) -> Floats:
    """Events of the first group with the given margins and odds ratio: the root inside the margins."""
    b = n2 - m + ratio * (n1 + m)
    root = np.sqrt(np.maximum(b**2 - 4 * (ratio - 1) * ratio * n1 * m, 0.0))
    return np.asarray(2 * ratio * n1 * m / (b + root))


ESTIMATORS: dict[str, Callable[..., Estimate]] = {
    "OR": odds_ratio,
    "RR": risk_ratio,
    "RD": risk_difference,
    "IRR": rate_ratio,
    "IRD": rate_difference,
}
"""Stratified estimators by measure."""
