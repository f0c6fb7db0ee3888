"""Variability: SDs and coefficients of variation of one group, and their ratios between two."""

from typing import Literal, TypeAlias

import numpy as np

from synovia.effects.effect import Array, Effect, Means, Pairs, settle

__all__ = ["Spread", "compare_spread", "spread_of_change", "spread_of_group"]

Spread: TypeAlias = Literal["VR", "CVR"]


def compare_spread(
    treatment: Means, comparator: Means, measure: Spread = "VR", *, correct: bool = True
) -> Effect:
    r"""Log ratio of the SDs (VR), or of the coefficients of variation (CVR), of two independent groups.

    Parameters
    ----------
    treatment, comparator : Means
        Arrays (k,); for CVR means above 0, on a scale with a true zero. For VR the means are not used.
    measure : {"VR", "CVR"}
        Variability ratio, coefficient of variation ratio.
    correct : bool
        Remove the small-sample bias of the estimate.

    Notes
    -----
    With :math:`q_j = 1/(2(n_j - 1))` and :math:`c_j = s_j^2/(n_j m_j^2)`

    .. math:: VR = \ln(s_1/s_2) [{} + q_1 - q_2], \quad v = q_1 + q_2

    .. math:: CVR = \ln\frac{s_1/m_1}{s_2/m_2} [{} + q_1 - q_2 - (c_1 - c_2)/2], \quad
       v = q_1 + q_2 + c_1 + c_2

    the parts in brackets being the correction. Nakagawa et al. (2015), Methods in Ecology and Evolution 6,
    143-152, equations 11 and 12 without the term of the correlation of mean and variance, which is 0 for
    normal data; Senior et al. (2020), Research Synthesis Methods 11, 553-567.

    Examples
    --------
    >>> from synovia.effects import Means
    >>> effect = compare_spread(Means([20.0], [6.0], [16]), Means([20.0], [4.0], [16]), "CVR")
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (0.4039, 0.0748)
    """
    (_, s1, n1), (_, s2, n2) = treatment.arrays, comparator.arrays
    with np.errstate(divide="ignore", invalid="ignore"):
        q1, q2 = 1 / (2 * (n1 - 1)), 1 / (2 * (n2 - 1))
        y, v = np.log(s1 / s2) + correct * (q1 - q2), q1 + q2
        if measure == "VR":
            return settle(y, v, measure, "log ratio of SDs")
        shift, c1, c2 = _of_means(treatment, comparator)
        y, v = y - shift - correct * (c1 - c2) / 2, v + c1 + c2
    return settle(y, v, measure, "log ratio of coefficients of variation")


def _of_means(first: Means, second: Means) -> tuple[Array, Array, Array]:
    (m1, s1, n1), (m2, s2, n2) = first.arrays, second.arrays
    return np.log(m1 / m2), s1**2 / (n1 * m1**2), s2**2 / (n2 * m2**2)


def spread_of_change(pairs: Pairs, measure: str = "VRC", *, correct: bool = True) -> Effect:
    r"""Log ratio of the SDs (VRC), or of the coefficients of variation (CVRC), after and before.

    Parameters
    ----------
    pairs : Pairs
        Arrays (k,).
    measure : {"VRC", "CVRC"}
        Variability ratio, coefficient of variation ratio, of dependent measurements.
    correct : bool
        For CVRC, remove the small-sample bias of the ratio of means in it; that of the SDs cancels.

    Notes
    -----
    .. math:: v_{VRC} = \frac{1 - r^2}{n - 1}, \quad
       v_{CVRC} = v_{VRC} + c_1 + c_2 - \frac{2 r s_1 s_2}{n m_1 m_2}

    Nakagawa et al. (2015), as in :func:`compare_spread`, by the delta method for two dependent SDs.

    Examples
    --------
    >>> from synovia.effects import Means, Pairs
    >>> pairs = Pairs(Means([20.0], [6.0], [16]), Means([20.0], [4.0], [16]), [0.6])
    >>> effect = spread_of_change(pairs)
    >>> round(float(effect.estimate[0]), 4), round(float(effect.variance[0]), 4)
    (0.4055, 0.0427)
    """
    (m1, s1, n), (m2, s2, _) = pairs.after.arrays, pairs.before.arrays
    r = np.asarray(pairs.correlation, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        y, v = np.log(s1 / s2), (1 - r**2) / (n - 1)
        if measure == "VRC":
            return settle(y, v, measure, "log ratio of SDs, after to before")
        shift, c1, c2 = _of_means(pairs.after, pairs.before)
        y = y - shift - correct * (c1 - c2) / 2
        v = v + c1 + c2 - 2 * r * s1 * s2 / (n * m1 * m2)
    return settle(y, v, measure, "log ratio of coefficients of variation, after to before")


def spread_of_group(group: Means, measure: str = "SDLN", *, correct: bool = True) -> Effect:
    r"""Log SD, or log coefficient of variation, of one group.

    Parameters
    ----------
    group : Means
        Arrays (k,); for SDLN the means are not used.
    measure : {"SDLN", "CVLN"}
        Log SD, log coefficient of variation.
    correct : bool
        Remove the small-sample bias of the log SD.

    Notes
    -----
    .. math:: SDLN = \ln s [{} + q], \; v = q; \quad CVLN = \ln(s/m) [{} + q], \; v = q + \frac{s^2}{n m^2};
       \quad q = \frac{1}{2(n - 1)}

    Nakagawa et al. (2015), Methods in Ecology and Evolution 6, 143-152, equations 7 and 27; Raudenbush &
    Bryk (1987), Journal of Educational Statistics 12, 241-269.

    Examples
    --------
    >>> from synovia.effects import Means
    >>> round(float(spread_of_group(Means([20.0], [6.0], [16])).estimate[0]), 4)
    1.8251
    """
    mean, sd, n = group.arrays
    with np.errstate(divide="ignore", invalid="ignore"):
        q = 1 / (2 * (n - 1))
        y, v = np.log(sd) + correct * q, q
        if measure == "SDLN":
            return settle(y, v, measure, "log SD")
        return settle(y - np.log(mean), v + sd**2 / (n * mean**2), measure, "log coefficient of variation")
