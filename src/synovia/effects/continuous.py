"""Effects of means: difference, standardised difference, ratio, and the change of one group."""

import numpy as np
from scipy.special import gammaln

from synovia.effects.effect import Array, Effect, Means
from synovia.errors import Fault, ScaleError

__all__ = [
    "hedges_correction",
    "log_ratio_of_means",
    "mean_change",
    "mean_difference",
    "standardised_mean_difference",
]


def mean_difference(treatment: Means, comparator: Means) -> Effect:
    r"""Mean of the treatment minus mean of the comparator.

    Parameters
    ----------
    treatment, comparator : Means
        Arrays (k,), on one scale.

    Notes
    -----
    .. math:: y = m_1 - m_2, \quad v = s_1^2/n_1 + s_2^2/n_2

    Examples
    --------
    >>> from synovia.effects import Means, mean_difference
    >>> effect = mean_difference(Means([40.0], [20.0], [50]), Means([46.0], [20.0], [50]))
    >>> effect.estimate.tolist(), effect.variance.tolist()
    ([-6.0], [16.0])
    """
    (m1, s1, n1), (m2, s2, n2) = treatment.arrays, comparator.arrays
    return Effect(m1 - m2, s1**2 / n1 + s2**2 / n2, "MD", "mean difference")


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
    m = np.asarray(df, float)
    return np.asarray(np.exp(gammaln(m / 2) - np.log(np.sqrt(m / 2)) - gammaln((m - 1) / 2)))


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
    (m1, s1, n1), (m2, s2, n2) = treatment.arrays, comparator.arrays
    df = n1 + n2 - 2
    pooled = np.sqrt(((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / df)
    g = hedges_correction(df) * (m1 - m2) / pooled
    variance = 1 / n1 + 1 / n2 + g**2 / (2 * (n1 + n2))
    return Effect(g, variance, "SMD", "standardised mean difference, Hedges' g")


def log_ratio_of_means(treatment: Means, comparator: Means, *, correct: bool = True) -> Effect:
    r"""Log of the ratio of the two means, for measures with a true zero and no negative values.

    Parameters
    ----------
    treatment, comparator : Means
        Arrays (k,), means above 0.
    correct : bool
        Remove the small-sample bias of the estimate; the variance stays the large-sample one.

    Raises
    ------
    ScaleError
        When a mean is 0 or negative: a ratio has no meaning there.

    Notes
    -----
    With :math:`c_j = s_j^2/(n_j m_j^2)`

    .. math:: y = \ln(m_1/m_2) \; [{} + (c_1 - c_2)/2], \quad v = c_1 + c_2

    the part in brackets being the correction.

    Hedges, Gurevitch & Curtis (1999), Ecology 80, 1150-1156; correction of Lajeunesse (2015), Ecology 96,
    2056-2063.

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
    return Effect(y, v, "ROM", "log ratio of means")


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
