"""Standardised mean differences: which SD, which correction, which variance; and what becomes of d."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from scipy import stats
from scipy.special import ndtr

from synovia.effects.effect import Array, Effect, Means, settle
from synovia.effects.small_sample import Correction, correction_factor, weighted_mean

__all__ = [
    "Standardised",
    "Variance",
    "cohen_d",
    "from_d",
    "from_t",
    "probability_of_superiority",
    "standardise",
]

Standardised: TypeAlias = Literal["SMD", "SMDH", "SMD1", "SMD1H"]
Variance: TypeAlias = Literal["LS", "LS2", "UB", "AV", "ST", "CS"]
_SCALES = {
    "SMD": "standardised mean difference, Hedges' g",
    "SMDH": "standardised mean difference, root mean square SD",
    "SMD1": "standardised mean difference, comparator's SD",
    "SMD1H": "standardised mean difference, comparator's SD",
}


def standardise(
    treatment: Means,
    comparator: Means,
    measure: Standardised = "SMD",
    *,
    variance: Variance = "LS",
    correct: Correction = "exact",
) -> Effect:
    r"""Difference of two means in units of an SD.

    Parameters
    ----------
    treatment, comparator : Means
        Arrays (k,).
    measure : {"SMD", "SMDH", "SMD1", "SMD1H"}
        In units of the pooled SD; of the root mean square of both SDs, which need not be equal; of the
        comparator's SD, with equal variances or without that assumption.
    variance : {"LS", "LS2", "UB", "AV"}
        For SMD and SMD1: large-sample; the same from d, multiplied by J squared; unbiased; large-sample with
        the average g of all studies in it, so that the weight does not depend on the study's own estimate.
    correct : {"exact", "approximate", "none"}
        Small-sample correction J of Hedges.

    Notes
    -----
    With m degrees of freedom (n1 + n2 - 2; n2 - 1 for SMD1), d the uncorrected and g = J(m) d:

    ===== ==================================================================================
    LS    1/n1 + 1/n2 + g^2/(2N), N = n1 + n2 (n2 for SMD1)
    LS2   J^2 (1/n1 + 1/n2 + d^2/(2N))
    UB    1/n1 + 1/n2 + (1 - (m - 2)/(m J^2)) g^2
    SMDH  [s1^2/(n1-1) + s2^2/(n2-1)]/s^2 + g^2 [s1^4/(n1-1) + s2^4/(n2-1)]/(8 s^4)
    SMD1H s1^2/(s2^2 (n1-1)) + 1/(n2-1) + g^2/(2 (n2-1))
    ===== ==================================================================================

    Hedges (1981), Journal of Educational Statistics 6, 107-128, (1982), Psychological Bulletin 92, 490-499
    (LS) and (1983) 93, 388-395 (UB); Borenstein (2009), Handbook of Research Synthesis, equation 12.17 (LS2);
    Bonett (2008), Psychological Methods 13, 99-109 (SMDH, SMD1H).

    Examples
    --------
    >>> from synovia.effects import Means, standardise
    >>> effect = standardise(Means([20.0], [4.0], [16]), Means([17.0], [6.0], [14]), "SMDH")
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (0.5724, 0.1546)
    """
    (m1, s1, n1), (m2, s2, n2) = treatment.arrays, comparator.arrays
    by = measure.removesuffix("H") if measure == "SMD1H" else measure
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = _unit(by, (s1, n1), (s2, n2))
        if measure.endswith("H"):
            g = correction_factor(n2 - 1 if by == "SMD1" else n1 + n2 - 2, correct) * (m1 - m2) / sd
            v = _unequal(g, sd, (s1, n1), (s2, n2), measure)
            return settle(g, v, measure, _SCALES[measure])
        return from_d((m1 - m2) / sd, n1, n2, measure=measure, variance=variance, correct=correct)


def _unit(by: str, first: tuple[Array, Array], second: tuple[Array, Array]) -> Array:
    (s1, n1), (s2, n2) = first, second
    if by == "SMD1":
        return s2
    if by == "SMDH":
        return np.asarray(np.sqrt((s1**2 + s2**2) / 2))
    return np.asarray(np.sqrt(((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / (n1 + n2 - 2)))


def _unequal(
    g: Array, sd: Array, first: tuple[Array, Array], second: tuple[Array, Array], measure: str
) -> Array:
    (s1, n1), (s2, n2) = first, second
    means = (s1**2 / (n1 - 1) + s2**2 / (n2 - 1)) / sd**2
    if measure == "SMD1H":
        return np.asarray(means + g**2 / (2 * (n2 - 1)))
    return np.asarray(means + g**2 * (s1**4 / (n1 - 1) + s2**4 / (n2 - 1)) / (8 * sd**4))


def cohen_d(treatment: Means, comparator: Means) -> Array:
    """Difference of means in units of the pooled SD, without correction.

    Examples
    --------
    >>> from synovia.effects import Means
    >>> cohen_d(Means([12.0], [4.0], [10]), Means([10.0], [4.0], [10])).tolist()
    [0.5]
    """
    (m1, s1, n1), (m2, s2, n2) = treatment.arrays, comparator.arrays
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((m1 - m2) / _unit("SMD", (s1, n1), (s2, n2)))


def from_t(t: Array, n1: Array, n2: Array, *, p: bool = False) -> Array:
    r"""Cohen's d from the t statistic of a two-sample test, or from its signed two-sided p-value.

    Parameters
    ----------
    t : array (k,)
        t statistics; or p-values, whose sign is the direction of the difference.
    n1, n2 : array (k,)
        Participants of the groups.
    p : bool
        Whether ``t`` holds p-values.

    Notes
    -----
    .. math:: d = t \sqrt{1/n_1 + 1/n_2}

    Examples
    --------
    >>> round(float(from_t(-0.018, 20, 20, p=True)), 4)
    -0.7819
    """
    values, n1, n2 = (np.asarray(x, float) for x in (t, n1, n2))
    if p:
        values = np.sign(values) * stats.t.isf(np.abs(values) / 2, n1 + n2 - 2)
    return np.asarray(values * np.sqrt(1 / n1 + 1 / n2))


def from_d(
    d: Array,
    n1: Array,
    n2: Array,
    *,
    measure: str = "SMD",
    variance: Variance = "LS",
    correct: Correction = "exact",
) -> Effect:
    r"""A measure that needs no more than Cohen's d and the sizes of the groups.

    Parameters
    ----------
    d : array (k,)
        Uncorrected standardised mean differences.
    n1, n2 : array (k,)
        Participants of the groups.
    measure : str
        SMD or SMD1; D2OR, D2ORL (logistic) and D2ORN (normal), log odds ratios; RPB and RBIS, point-biserial
        and biserial correlation; ZPB and ZBIS, Fisher's z of them.
    variance : {"LS", "LS2", "UB", "AV"} or {"ST", "CS"}
        As in :func:`standardise`; for RPB groups of fixed size (ST) or a cross-section (CS).
    correct : {"exact", "approximate", "none"}
        For SMD and SMD1.

    Notes
    -----
    ===== ======================================= ===========================================================
    D2ORL d pi/sqrt 3                             (1/n1 + 1/n2 + d^2/(2N)) pi^2/3
    D2ORN 1.65 d                                  1.65^2 (1/n1 + 1/n2 + d^2/(2N))
    RPB   d/sqrt(d^2 + h), h = m/n1 + m/n2        h^2/(d^2 + h)^3 (1/n1 + 1/n2 + d^2/(2N)), or
                                                  (1 - r^2)^2 (N r^2/(4 n1 n2) + (2 - 3 r^2)/(2N)) for CS
    RBIS  r sqrt(pq)/f, f the normal density at   [pq/f^2 - (3/2 + (1 - pz/f)(1 + qz/f)) r^2 + r^4]/(N - 1)
          z = the upper quantile of p = n1/N
    ===== ======================================= ===========================================================

    D2OR: Hasselblad & Hedges (1995), Psychological Bulletin 117, 167-178; Cox & Snell (1989) for 1.65.
    RPB: Tate (1954), Annals of Mathematical Statistics 25, 603-607. RBIS: Soper (1914), Biometrika 10,
    384-390; Jacobs & Viechtbauer (2017), Research Synthesis Methods 8, 161-180. A biserial estimate beyond
    -1 or 1 stands as it is, with the variance at the limit.

    Examples
    --------
    >>> import numpy as np
    >>> effect = from_d(np.array([0.5]), np.array([20.0]), np.array([20.0]), measure="D2ORL")
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (0.9069, 0.3393)
    """
    d, n1, n2 = (np.asarray(x, float) for x in (d, n1, n2))
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure in ("SMD", "SMD1"):
            y, v = _hedges(d, n1, n2, measure=measure, variance=variance, correct=correct)
            return settle(y, v, measure, _SCALES[measure])
        scale, formula = _DERIVED[measure if variance != "CS" else measure.replace("PB", "PBCS")]
        y, v = formula(d, n1, n2)
    return settle(y, v, measure, scale)


def _hedges(
    d: Array, n1: Array, n2: Array, *, measure: str, variance: str, correct: Correction
) -> tuple[Array, Array]:
    alone = measure == "SMD1"
    size, df = (n2, n2 - 1) if alone else (n1 + n2, n1 + n2 - 2)
    factor = correction_factor(df, correct)
    g, base = factor * d, 1 / n1 + 1 / n2
    if variance == "LS2":
        return g, factor**2 * (base + d**2 / (2 * size))
    if variance == "UB":
        return g, base + (1 - (df - 2) / (df * correction_factor(df) ** 2)) * g**2
    inside = weighted_mean(g, n1 + n2) if variance == "AV" else g
    return g, base + inside**2 / (2 * size)


def _large(d: Array, n1: Array, n2: Array) -> Array:
    return np.asarray(1 / n1 + 1 / n2 + d**2 / (2 * (n1 + n2)))


def _times(factor: float) -> Callable[[Array, Array, Array], tuple[Array, Array]]:
    return lambda d, n1, n2: (factor * d, factor**2 * _large(d, n1, n2))


def _point_biserial(d: Array, n1: Array, n2: Array) -> tuple[Array, Array]:
    h = (n1 + n2 - 2) * (1 / n1 + 1 / n2)
    return d / np.sqrt(d**2 + h), h**2 / (d**2 + h) ** 3 * _large(d, n1, n2)


def _cross_section(d: Array, n1: Array, n2: Array) -> tuple[Array, Array]:
    r, _ = _point_biserial(d, n1, n2)
    n = n1 + n2
    return r, (1 - r**2) ** 2 * (n * r**2 / (4 * n1 * n2) + (2 - 3 * r**2) / (2 * n))


def _biserial(d: Array, n1: Array, n2: Array) -> tuple[Array, Array]:
    r, _ = _point_biserial(d, n1, n2)
    n = n1 + n2
    p, q = n1 / n, n2 / n
    z = stats.norm.isf(p)
    f = stats.norm.pdf(z)
    y = r * np.sqrt(p * q) / f
    held = np.clip(y, -1, 1) ** 2
    return y, (p * q / f**2 - (1.5 + (1 - p * z / f) * (1 + q * z / f)) * held + held**2) / (n - 1)


def _fisher(
    formula: Callable[[Array, Array, Array], tuple[Array, Array]],
) -> Callable[[Array, Array, Array], tuple[Array, Array]]:
    def transformed(d: Array, n1: Array, n2: Array) -> tuple[Array, Array]:
        r, v = formula(d, n1, n2)
        return np.arctanh(r), v / (1 - r**2) ** 2

    return transformed


_DERIVED: dict[str, tuple[str, Callable[[Array, Array, Array], tuple[Array, Array]]]] = {
    "D2OR": ("log odds ratio, from a difference of logistic variables", _times(np.pi / np.sqrt(3))),
    "D2ORL": ("log odds ratio, from a difference of logistic variables", _times(np.pi / np.sqrt(3))),
    "D2ORN": ("log odds ratio, from a difference of normal variables", _times(1.65)),
    "RPB": ("point-biserial correlation", _point_biserial),
    "RPBCS": ("point-biserial correlation", _cross_section),
    "ZPB": ("Fisher's z of the point-biserial correlation", _fisher(_point_biserial)),
    "ZPBCS": ("Fisher's z of the point-biserial correlation", _fisher(_cross_section)),
    "RBIS": ("biserial correlation", _biserial),
    "ZBIS": ("Fisher's z of the biserial correlation", _fisher(_biserial)),
}


def probability_of_superiority(treatment: Means, comparator: Means, *, measure: str = "CLESN") -> Effect:
    r"""Probability that a value of the treatment exceeds one of the comparator, both normal (AUC, CLES).

    Parameters
    ----------
    treatment, comparator : Means
        Arrays (k,); variances need not be equal.
    measure : {"CLESN", "AUCN"}
        Two names of the same number.

    Notes
    -----
    .. math:: y = \Phi(D), \quad D = \frac{m_1 - m_2}{\sqrt{s_1^2 + s_2^2}}, \quad v = \varphi(D)^2 \,
       \widehat{Var}(D)

    with Var(D) as in SMDH. McGraw & Wong (1992), Psychological Bulletin 111, 361-365.

    Examples
    --------
    >>> from synovia.effects import Means
    >>> effect = probability_of_superiority(Means([12.0], [4.0], [30]), Means([10.0], [4.0], [30]))
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (0.6382, 0.005)
    """
    (m1, s1, n1), (m2, s2, n2) = treatment.arrays, comparator.arrays
    with np.errstate(divide="ignore", invalid="ignore"):
        total = s1**2 + s2**2
        d = (m1 - m2) / np.sqrt(total)
        v = (s1**2 / (n1 - 1) + s2**2 / (n2 - 1)) / total
        v = v + d**2 * (s1**4 / (n1 - 1) + s2**4 / (n2 - 1)) / (2 * total**2)
        v = v * stats.norm.pdf(d) ** 2
    return settle(ndtr(d), v, measure, "probability of superiority")
