"""Between a standardised mean difference, a log odds ratio and a correlation; and d in plain words."""

from typing import Literal, TypeAlias

import numpy as np
from scipy import stats
from scipy.special import expit, ndtr

from synovia.effects.effect import Array, Effect, settle

__all__ = [
    "Latent",
    "Reading",
    "biserial_from_point_biserial",
    "d_to_correlation",
    "d_to_log_odds",
    "describe_d",
    "log_odds_to_d",
    "log_odds_to_risk",
    "log_odds_to_tetrachoric",
    "r_to_d",
    "rescale",
]

Latent: TypeAlias = Literal["logistic", "normal"]
Reading: TypeAlias = Literal["U1", "U2", "U3", "superiority", "Cliff's delta", "success rate", "overlap"]
_FACTOR = {"logistic": np.pi / np.sqrt(3), "normal": 1.65}


def d_to_log_odds(d: Array, latent: Latent = "logistic") -> Array:
    r"""Log odds ratio of a cut outcome from the standardised mean difference behind it.

    Parameters
    ----------
    d : array
        Standardised mean differences.
    latent : {"logistic", "normal"}
        Distribution of the outcome before it was cut: factor :math:`\pi/\sqrt 3`, or 1.65.

    Notes
    -----
    Hasselblad & Hedges (1995), Psychological Bulletin 117, 167-178; Cox & Snell (1989), Analysis of Binary
    Data, for 1.65.

    Examples
    --------
    >>> round(float(d_to_log_odds(0.5)), 4), float(d_to_log_odds(0.5, "normal"))
    (0.9069, 0.825)
    """
    return np.asarray(np.asarray(d, float) * _FACTOR[latent])


def log_odds_to_d(log_odds: Array, latent: Latent = "logistic") -> Array:
    """Standardised mean difference from a log odds ratio, the inverse of :func:`d_to_log_odds`.

    Examples
    --------
    >>> round(float(log_odds_to_d(0.9069)), 4)
    0.5
    """
    return np.asarray(np.asarray(log_odds, float) / _FACTOR[latent])


def rescale(effect: Effect, latent: Latent = "logistic") -> Effect:
    """A log odds ratio as a standardised mean difference, or the reverse, with its variance.

    Parameters
    ----------
    effect : Effect
        Measure OR, or a standardised mean difference.
    latent : {"logistic", "normal"}
        As in :func:`d_to_log_odds`.

    Examples
    --------
    >>> from synovia.effects import Counts, two_by_two
    >>> d = rescale(two_by_two(Counts([12], [40]), Counts([6], [40])))
    >>> d.measure, round(float(d.estimate[0]), 4), round(float(d.variance[0]), 4)
    ('OR2D', 0.4892, 0.0958)
    """
    tail = "L" if latent == "logistic" else "N"
    words = f"of {latent} variables"
    factor = _FACTOR[latent]
    if effect.measure in ("OR", "PETO"):
        name, factor = f"OR2D{tail}".removesuffix("L"), 1 / factor
        return settle(
            effect.estimate * factor, effect.variance * factor**2, name,
            f"standardised mean difference {words}, from the odds ratio",
        )  # fmt: skip
    scale = f"log odds ratio, from a difference {words}"
    return settle(effect.estimate * factor, effect.variance * factor**2, f"D2OR{tail}", scale)


def log_odds_to_risk(
    log_odds: Array, comparator_risk: Array | float, measure: Literal["RR", "RD"] = "RD"
) -> Array:
    r"""Risk ratio (not its log) or risk difference that a log odds ratio means at a comparator's risk.

    Parameters
    ----------
    log_odds : array
        Log odds ratios.
    comparator_risk : array or float
        Risk with the comparator, between 0 and 1.
    measure : {"RR", "RD"}
        Risk ratio or risk difference.

    Notes
    -----
    .. math:: p_T = \operatorname{logit}^{-1}(\operatorname{logit} p_C + \ln OR)

    Examples
    --------
    >>> round(float(log_odds_to_risk(0.6931, 0.2)), 4), round(float(log_odds_to_risk(0.6931, 0.2, "RR")), 4)
    (0.1333, 1.6666)
    """
    base = np.asarray(comparator_risk, float)
    risk = expit(np.log(base / (1 - base)) + np.asarray(log_odds, float))
    return np.asarray(risk / base if measure == "RR" else risk - base)


def log_odds_to_tetrachoric(log_odds: Array, formula: Literal["Pearson", "Digby"] = "Pearson") -> Array:
    r"""Tetrachoric correlation approximated from a log odds ratio alone.

    Notes
    -----
    .. math:: \cos\frac{\pi}{1 + \sqrt{OR}} \quad \text{(Pearson)}, \quad
       \frac{OR^{3/4} - 1}{OR^{3/4} + 1} \quad \text{(Digby)}

    Pearson (1900), Philosophical Transactions A 195, 1-47; Digby (1983), Biometrics 39, 753-757.

    Examples
    --------
    >>> round(float(log_odds_to_tetrachoric(0.5)), 4), round(float(log_odds_to_tetrachoric(0.5, "Digby")), 4)
    (0.1941, 0.1853)
    """
    x = np.asarray(log_odds, float)
    if formula == "Digby":
        return np.asarray(np.tanh(3 * x / 8))
    return np.asarray(np.cos(np.pi / (1 + np.exp(x / 2))))


def d_to_correlation(
    d: Array, n1: Array | None = None, n2: Array | None = None, *, biserial: bool = False
) -> Array:
    r"""Point-biserial, or biserial, correlation from Cohen's d.

    Parameters
    ----------
    d : array
        Uncorrected standardised mean differences.
    n1, n2 : array, optional
        Participants; without them two large groups of one size.
    biserial : bool
        The correlation with the variable behind the grouping, taken as normal.

    Notes
    -----
    .. math:: r = \frac{d}{\sqrt{d^2 + h}}, \quad h = \frac{m}{n_1} + \frac{m}{n_2} \; (4 \text{ without } n)

    Examples
    --------
    >>> round(float(d_to_correlation(0.5)), 4), round(float(d_to_correlation(0.5, 20, 30, biserial=True)), 4)
    (0.2425, 0.3075)
    """
    d = np.asarray(d, float)
    h, share = _sizes(n1, n2)
    r = np.asarray(d / np.sqrt(d**2 + h))
    return biserial_from_point_biserial(r, share) if biserial else r


def biserial_from_point_biserial(r: Array | float, share: Array | float = 0.5) -> Array:
    r"""Biserial from point-biserial correlation, with the share of participants in the first group.

    Notes
    -----
    .. math:: r_b = r \frac{\sqrt{p q}}{\varphi(\Phi^{-1}(p))}

    Examples
    --------
    >>> round(float(biserial_from_point_biserial(0.5)), 4)
    0.6267
    """
    p = np.asarray(share, float)
    return np.asarray(np.asarray(r, float) * np.sqrt(p * (1 - p)) / stats.norm.pdf(stats.norm.ppf(p)))


def r_to_d(r: Array, n1: Array | None = None, n2: Array | None = None, *, biserial: bool = False) -> Array:
    r"""Cohen's d from a correlation, the inverse of :func:`d_to_correlation`.

    Parameters
    ----------
    r : array
        Point-biserial correlations, or others with ``biserial``.
    n1, n2 : array, optional
        Participants; without them two large groups of one size.
    biserial : bool
        r is the correlation of two quantities, one of which would be cut to make the groups.

    Notes
    -----
    .. math:: d = \frac{\sqrt h \, r}{\sqrt{1 - r^2}}

    Examples
    --------
    >>> round(float(r_to_d(0.2425)), 4)
    0.4999
    """
    r = np.asarray(r, float)
    h, share = _sizes(n1, n2)
    if biserial:
        r = r / biserial_from_point_biserial(1.0, share)
    return np.asarray(np.sqrt(h) * r / np.sqrt(1 - r**2))


def _sizes(n1: Array | None, n2: Array | None) -> tuple[Array, Array]:
    """The h of the point-biserial correlation and the share of participants in the first group."""
    if n1 is None or n2 is None:
        return np.asarray(4.0), np.asarray(0.5)
    one, two = np.asarray(n1, float), np.asarray(n2, float)
    return np.asarray((one + two - 2) * (1 / one + 1 / two)), np.asarray(one / (one + two))


def describe_d(d: Array, reading: Reading = "superiority") -> Array:
    r"""What a standardised mean difference of two normal groups with one SD says about people.

    Parameters
    ----------
    d : array
        Standardised mean differences.
    reading : str
        U1, share of both groups together that do not overlap; U2, share of the first group above the same
        share of the second; U3, share of the second group below the mean of the first; superiority,
        probability that a member of the first exceeds one of the second; Cliff's delta; success rate, that of
        the binomial effect size display; overlap, the common area.

    Notes
    -----
    With :math:`q = \Phi(|d|/2)`: U1 :math:`(2q - 1)/q`, U2 :math:`\Phi(d/2)`, U3 :math:`\Phi(d)`, superiority
    :math:`\Phi(d/\sqrt 2)`, Cliff's delta :math:`2\Phi(d/\sqrt 2) - 1`, success rate
    :math:`\tfrac12 + d/(2\sqrt{d^2 + 4})`, overlap :math:`2\Phi(-|d|/2)`. Cohen (1988), Statistical Power
    Analysis, chapter 2; McGraw & Wong (1992), Psychological Bulletin 111, 361-365.

    Examples
    --------
    >>> round(float(describe_d(0.5, "U3")), 4), round(float(describe_d(0.5, "overlap")), 4)
    (0.6915, 0.8026)
    """
    d = np.asarray(d, float)
    q = ndtr(np.abs(d) / 2)
    values = {
        "U1": (2 * q - 1) / q,
        "U2": ndtr(d / 2),
        "U3": ndtr(d),
        "superiority": ndtr(d / np.sqrt(2)),
        "Cliff's delta": 2 * ndtr(d / np.sqrt(2)) - 1,
        "success rate": 0.5 + d / (2 * np.sqrt(d**2 + 4)),
        "overlap": 2 * ndtr(-np.abs(d) / 2),
    }
    return np.asarray(values[reading])
