"""Effects of means: difference, standardised difference, ratio, and the change of one group."""

from typing import Literal

import numpy as np

from synovia.effects.effect import Array, Effect, Means, settle
from synovia.effects.small_sample import correction_factor, weighted_mean
from synovia.effects.standardised import standardise
from synovia.errors import Fault, ScaleError

__all__ = [
    "hedges_correction",
    "log_ratio_of_means",
    "mean_change",
    "mean_difference",
    "standardised_mean_difference",
]


def mean_difference(treatment: Means, comparator: Means, *, variance: Literal["LS", "HO"] = "LS") -> Effect:
    r"""Mean of the treatment minus mean of the comparator.

    Parameters
    ----------
    treatment, comparator : Means
        Arrays (k,), on one scale.
    variance : {"LS", "HO"}
        Each group's own variance, or the pooled one for both (homoscedastic).

    Notes
    -----
    .. math:: y = m_1 - m_2, \quad v = s_1^2/n_1 + s_2^2/n_2 \quad \text{or} \quad s_p^2 (1/n_1 + 1/n_2)

    Borenstein (2009), Handbook of Research Synthesis, 2nd ed., equations 12.5 and 12.3.

    Examples
    --------
    >>> from synovia.effects import Means, mean_difference
    >>> effect = mean_difference(Means([40.0], [20.0], [50]), Means([46.0], [20.0], [50]))
    >>> effect.estimate.tolist(), effect.variance.tolist()
    ([-6.0], [16.0])
    """
    (m1, s1, n1), (m2, s2, n2) = treatment.arrays, comparator.arrays
    if variance == "HO":
        s1 = s2 = _pooled(treatment, comparator)
    return settle(m1 - m2, s1**2 / n1 + s2**2 / n2, "MD", "mean difference")


def _pooled(treatment: Means, comparator: Means) -> Array:
    (_, s1, n1), (_, s2, n2) = treatment.arrays, comparator.arrays
    return np.asarray(np.sqrt(((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / (n1 + n2 - 2)))


def hedges_correction(df: Array) -> Array:
    r"""Factor J that removes the small-sample bias of a standardised mean difference.

    Parameters
    ----------
    df : array
        Degrees of freedom of the pooled SD, n1 + n2 - 2.

    Notes
    -----
    .. math:: J(m) = \frac{\Gamma(m/2)}{\sqrt{m/2} \, \Gamma((m-1)/2)}

    exactly, not the approximation 1 - 3/(4m - 1). Hedges (1981), Journal of Educational Statistics 6,
    107-128.

    Examples
    --------
    >>> from synovia.effects import hedges_correction
    >>> round(float(hedges_correction(10)), 4)
    0.9227
    """
    return correction_factor(df)


def standardised_mean_difference(treatment: Means, comparator: Means) -> Effect:
    r"""Difference of means in units of the pooled SD, corrected for small samples (Hedges' g).

    Parameters
    ----------
    treatment, comparator : Means
        Arrays (k,); each study on a scale of its own, but all in one direction. Groups may be fractions of
        a split comparator; n1 + n2 must exceed 3.

    Notes
    -----
    .. math:: g = J(m) \frac{m_1 - m_2}{s_p}, \quad
       s_p^2 = \frac{(n_1 - 1) s_1^2 + (n_2 - 1) s_2^2}{m}, \quad m = n_1 + n_2 - 2

    .. math:: v = \frac{1}{n_1} + \frac{1}{n_2} + \frac{g^2}{2 (n_1 + n_2)}

    The variance is the large-sample one with g in it, as metafor's ``vtype = "LS"``.
    Hedges (1981), Journal of Educational Statistics 6, 107-128.

    Examples
    --------
    >>> from synovia.effects import Means, standardised_mean_difference
    >>> effect = standardised_mean_difference(Means([55.0], [47.0], [155]), Means([75.0], [64.0], [156]))
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (-0.3552, 0.0131)
    """
    return standardise(treatment, comparator, "SMD")


def log_ratio_of_means(
    treatment: Means,
    comparator: Means,
    *,
    correct: bool = True,
    variance: Literal["LS", "HO", "AV", "AVHO"] = "LS",
) -> Effect:
    r"""Log of the ratio of the two means, for measures with a true zero and no negative values.

    Parameters
    ----------
    treatment, comparator : Means
        Arrays (k,), means above 0.
    correct : bool
        Remove the small-sample bias of the estimate; the variance stays the large-sample one.
    variance : {"LS", "HO", "AV", "AVHO"}
        Each group's own variance; the pooled one for both; each group's squared average coefficient of
        variation over all studies; that of both groups together.

    Raises
    ------
    ScaleError
        When a mean is 0 or negative: a ratio has no meaning there.

    Notes
    -----
    With :math:`c_j = s_j^2/(n_j m_j^2)`

    .. math:: y = \ln(m_1/m_2) \; [{} + (c_1 - c_2)/2], \quad v = c_1 + c_2

    the part in brackets being the correction. HO has the pooled :math:`s_p` in both :math:`c_j`; AV has
    :math:`v = \overline{CV}_1^2/n_1 + \overline{CV}_2^2/n_2`, averages weighted by n.

    Hedges, Gurevitch & Curtis (1999), Ecology 80, 1150-1156; correction of Lajeunesse (2015), Ecology 96,
    2056-2063; AV of Nakagawa et al. (2023), Ecology Letters 26, 232-244.

    Examples
    --------
    >>> from synovia.effects import Means, log_ratio_of_means
    >>> effect = log_ratio_of_means(Means([20.0], [4.0], [16]), Means([10.0], [4.0], [16]), correct=False)
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (0.6931, 0.0125)
    """
    (m1, s1, n1), (m2, s2, n2) = treatment.arrays, comparator.arrays
    _refuse_non_positive(m1, "treatment")
    _refuse_non_positive(m2, "comparator")
    c1, c2 = s1**2 / (n1 * m1**2), s2**2 / (n2 * m2**2)
    y, v = np.log(m1 / m2), c1 + c2
    if correct:
        y = y + (c1 - c2) / 2
    if variance == "HO":
        v = _pooled(treatment, comparator) ** 2 * (1 / (n1 * m1**2) + 1 / (n2 * m2**2))
    elif variance in ("AV", "AVHO"):
        v = _averaged((s1 / m1, n1), (s2 / m2, n2), together=variance == "AVHO")
    return settle(y, v, "ROM", "log ratio of means")


def _averaged(first: tuple[Array, Array], second: tuple[Array, Array], *, together: bool) -> Array:
    """Variance with the average coefficients of variation of all studies."""
    (k1, n1), (k2, n2) = first, second
    one, two = weighted_mean(k1, n1), weighted_mean(k2, n2)
    if together:
        one = two = weighted_mean(np.append(k1, k2), np.append(n1, n2))
    return np.asarray(one**2 / n1 + two**2 / n2)


def _refuse_non_positive(means: Array, group: str) -> None:
    values = np.atleast_1d(means)
    faults = [
        Fault(
            f"mean {values[i]:g} of the {group} in study {i + 1} of {values.size}",
            "means above 0 for a ratio of means",
            advice="Use a mean difference, or a standardised one.",
        )
        for i in np.flatnonzero(values <= 0)
    ]
    if faults:
        raise ScaleError(faults)


def mean_change(group: Means, *, measure: str = "MC") -> Effect:
    r"""Mean change (or mean) of one group, with its sampling variance.

    Parameters
    ----------
    group : Means
        Mean change and SD of the change, arrays (k,); without a comparator this describes, it does not
        compare.
    measure : {"MC", "MN"}
        Mean change, or mean.

    Notes
    -----
    .. math:: y = m, \quad v = s^2/n

    Examples
    --------
    >>> from synovia.effects import Means, mean_change
    >>> mean_change(Means([-20.0], [25.0], [100])).variance.tolist()
    [6.25]
    """
    mean, sd, n = group.arrays
    words = {"MC": "mean change from baseline", "MN": "mean"}
    return Effect(mean, sd**2 / n, measure, words[measure])
