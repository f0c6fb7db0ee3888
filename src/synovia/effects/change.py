"""Change of one group measured twice, raw or standardised, and the difference of two such changes."""

from typing import Literal, TypeAlias

import numpy as np
from scipy import stats
from scipy.special import ndtr

from synovia.effects.effect import Array, Effect, Pairs, settle
from synovia.effects.small_sample import Correction, correction_factor

__all__ = [
    "Change",
    "Unit",
    "change",
    "change_from_d",
    "d_from_paired_t",
    "difference_of_changes",
    "pooled_pretest",
]

Change: TypeAlias = Literal["MC", "SMCC", "SMCR", "SMCRH", "SMCRP", "SMCRPH", "ROMC", "CLESCN", "AUCCN"]
Unit: TypeAlias = Literal["before", "after"]
_SCALES = {
    "MC": "mean change",
    "SMCC": "standardised mean change, SD of the change",
    "SMCR": "standardised mean change, SD of one occasion",
    "SMCRH": "standardised mean change, SD of one occasion",
    "SMCRP": "standardised mean change, root mean square SD",
    "SMCRPH": "standardised mean change, root mean square SD",
    "ROMC": "log ratio of means, after to before",
    "CLESCN": "probability of superiority, after to before",
    "AUCCN": "probability of superiority, after to before",
}


def change(
    pairs: Pairs, measure: Change = "MC", *, correct: Correction = "exact", unit: Unit = "before"
) -> Effect:
    r"""Change of one group from one occasion to the other, or the difference within matched pairs.

    Parameters
    ----------
    pairs : Pairs
        Arrays (k,).
    measure : {"MC", "SMCC", "SMCR", "SMCRH", "SMCRP", "SMCRPH", "ROMC", "CLESCN", "AUCCN"}
        Mean change; in units of the SD of the change, of the SD of one occasion, of the root mean square SD,
        H where the SDs of the two occasions need not be equal; log ratio of means; probability that a value
        after exceeds an independent one before.
    correct : {"exact", "approximate", "none"}
        Small-sample correction of the standardised measures and of the ratio.
    unit : {"before", "after"}
        Occasion whose SD is the unit of SMCR and SMCRH.

    Notes
    -----
    With s_c the SD of the change, s_u that of the unit, s the root mean square SD, c_j = s_j^2/(n m_j^2):

    ====== ============================= ======================================================
    MC     m1 - m2                       s_c^2/n
    SMCC   J(n-1) (m1 - m2)/s_c          1/n + y^2/(2n)
    SMCR   J(n-1) (m1 - m2)/s_u          2(1 - r)/n + y^2/(2n)
    SMCRH  as SMCR                       s_c^2/(s_u^2 (n-1)) + y^2/(2(n-1))
    SMCRP  J(2(n-1)/(1+r^2)) (m1-m2)/s   2(1 - r)/n + y^2 (1 + r^2)/(4n)
    SMCRPH as SMCRP                      s_c^2/(s^2 (n-1)) +
                                         y^2 (s1^4 + s2^4 + 2 r^2 s1^2 s2^2)/(8 s^4 (n-1))
    ROMC   ln(m1/m2) [+ (c1 - c2)/2]     c1 + c2 - 2 r s1 s2/(n m1 m2)
    CLESCN Phi((m1 - m2)/(s sqrt 2))     delta method, as SMCRPH
    ====== ============================= ======================================================

    SMCC: Gibbons et al. (1993), Journal of Educational Statistics 18, 271-279. SMCR: Becker (1988), British
    Journal of Mathematical and Statistical Psychology 41, 257-278. SMCRH, SMCRP: Bonett (2008), Psychological
    Methods 13, 99-109, and Cousineau (2020), Quantitative Methods for Psychology 16, 418-421. ROMC:
    Lajeunesse (2011), Ecology 92, 2049-2055.

    Examples
    --------
    >>> from synovia.effects import Means, Pairs, change
    >>> pairs = Pairs(Means([38.5], [11.6], [20]), Means([30.6], [15.0], [20]), [0.47])
    >>> round(float(change(pairs, "SMCC").estimate[0]), 4)
    0.5417
    """
    (m1, _, n), (m2, _, _) = pairs.after.arrays, pairs.before.arrays
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "MC":
            return settle(m1 - m2, pairs.sd_of_change**2 / n, measure, _SCALES[measure])
        if measure == "SMCC":
            return change_from_d((m1 - m2) / pairs.sd_of_change, n, correct=correct)
        if measure == "ROMC":
            y, v = _ratio(pairs, correct)
        elif measure in ("CLESCN", "AUCCN"):
            y, v = _superiority(pairs)
        else:
            y, v = _standardised(pairs, measure, correct, unit)
    return settle(y, v, measure, _SCALES[measure])


def change_from_d(d: Array, n: Array, *, correct: Correction = "exact") -> Effect:
    """Standardised mean change (SMCC) from its uncorrected value.

    Parameters
    ----------
    d : array (k,)
        Mean change over the SD of the change.
    n : array (k,)
        Participants, or pairs.

    Examples
    --------
    >>> round(float(change_from_d(0.5, 20).estimate), 4)
    0.48
    """
    n = np.asarray(n, float)
    y = correction_factor(n - 1, correct) * np.asarray(d, float)
    return settle(y, 1 / n + y**2 / (2 * n), "SMCC", _SCALES["SMCC"])


def d_from_paired_t(t: Array, n: Array, *, p: bool = False) -> Array:
    r"""Mean change over the SD of the change from a paired t test, or from its signed two-sided p-value.

    Notes
    -----
    .. math:: d = t/\sqrt n

    Examples
    --------
    >>> round(float(d_from_paired_t(-0.018, 50, p=True)), 4)
    -0.3462
    """
    values, n = np.asarray(t, float), np.asarray(n, float)
    if p:
        values = np.sign(values) * stats.t.isf(np.abs(values) / 2, n - 1)
    return np.asarray(values / np.sqrt(n))


def _standardised(pairs: Pairs, measure: str, correct: Correction, unit: Unit) -> tuple[Array, Array]:
    (m1, s1, n), (m2, s2, _) = pairs.after.arrays, pairs.before.arrays
    r, moved = np.asarray(pairs.correlation, float), pairs.sd_of_change
    if measure in ("SMCR", "SMCRH"):
        sd = s2 if unit == "before" else s1
        y = correction_factor(n - 1, correct) * (m1 - m2) / sd
        if measure == "SMCR":
            return y, 2 * (1 - r) / n + y**2 / (2 * n)
        return y, moved**2 / (sd**2 * (n - 1)) + y**2 / (2 * (n - 1))
    square = (s1**2 + s2**2) / 2
    y = correction_factor(2 * (n - 1) / (1 + r**2), correct) * (m1 - m2) / np.sqrt(square)
    if measure == "SMCRP":
        return y, 2 * (1 - r) / n + y**2 * (1 + r**2) / (4 * n)
    fourth = s1**4 + s2**4 + 2 * r**2 * s1**2 * s2**2
    return y, moved**2 / (square * (n - 1)) + y**2 * fourth / (8 * square**2 * (n - 1))


def _ratio(pairs: Pairs, correct: Correction) -> tuple[Array, Array]:
    (m1, s1, n), (m2, s2, _) = pairs.after.arrays, pairs.before.arrays
    c1, c2 = s1**2 / (n * m1**2), s2**2 / (n * m2**2)
    y = np.log(m1 / m2) + (correct != "none") * (c1 - c2) / 2
    return y, c1 + c2 - 2 * np.asarray(pairs.correlation, float) * s1 * s2 / (n * m1 * m2)


def _superiority(pairs: Pairs) -> tuple[Array, Array]:
    (m1, s1, n), (m2, s2, _) = pairs.after.arrays, pairs.before.arrays
    total = s1**2 + s2**2
    d = (m1 - m2) / np.sqrt(total)
    fourth = s1**4 + s2**4 + 2 * np.asarray(pairs.correlation, float) ** 2 * s1**2 * s2**2
    v = pairs.sd_of_change**2 / (total * (n - 1)) + d**2 * fourth / (2 * total**2 * (n - 1))
    return ndtr(d), v * stats.norm.pdf(d) ** 2


def difference_of_changes(
    treatment: Pairs, comparator: Pairs, measure: Change = "MC", *, correct: Correction = "exact"
) -> Effect:
    r"""Change of the treatment minus change of the comparator (pretest, posttest and control).

    Parameters
    ----------
    treatment, comparator : Pairs
        Arrays (k,); independent groups.
    measure : str
        A measure of :func:`change`; each group is divided by an SD of its own.
    correct : {"exact", "approximate", "none"}
        As in :func:`change`.

    Notes
    -----
    .. math:: y = y_T - y_C, \quad v = v_T + v_C

    Becker (1988), British Journal of Mathematical and Statistical Psychology 41, 257-278; Morris & DeShon
    (2002), Psychological Methods 7, 105-125.

    Examples
    --------
    >>> from synovia.effects import Means, Pairs
    >>> treated = Pairs(Means([38.0], [11.0], [20]), Means([30.0], [12.0], [20]), [0.5])
    >>> control = Pairs(Means([32.0], [11.0], [20]), Means([30.0], [12.0], [20]), [0.5])
    >>> difference_of_changes(treated, control).estimate.tolist()
    [6.0]
    """
    one, two = change(treatment, measure, correct=correct), change(comparator, measure, correct=correct)
    scale = f"difference in {one.scale}"
    return settle(one.estimate - two.estimate, one.variance + two.variance, f"PPC_{measure}", scale)


def pooled_pretest(treatment: Pairs, comparator: Pairs, *, correct: Correction = "exact") -> Effect:
    r"""Difference of two mean changes in units of the pooled SD before treatment (Morris' d of type ppc2).

    Parameters
    ----------
    treatment, comparator : Pairs
        Arrays (k,). The correlation is taken as one of both groups, averaged by degrees of freedom.
    correct : {"exact", "approximate", "none"}
        Small-sample correction with n1 + n2 - 2 degrees of freedom.

    Notes
    -----
    .. math:: d = J(m) \frac{(M_{T,post} - M_{T,pre}) - (M_{C,post} - M_{C,pre})}{SD_{pre}}

    .. math:: v = 2 J^2 (1 - r) \frac{n_T + n_C}{n_T n_C} \frac{m}{m - 2}
       \left(1 + \frac{d^2}{2 (1 - r)} \frac{n_T n_C}{n_T + n_C}\right) - d^2

    with m = nT + nC - 2. Morris (2008), Organizational Research Methods 11, 364-386, equations 8 and 25.

    Examples
    --------
    >>> from synovia.effects import Means, Pairs
    >>> treated = Pairs(Means([38.0], [11.0], [20]), Means([30.0], [12.0], [20]), [0.5])
    >>> control = Pairs(Means([32.0], [11.0], [20]), Means([30.0], [12.0], [20]), [0.5])
    >>> round(float(pooled_pretest(treated, control).estimate[0]), 4)
    0.4901
    """
    gain, sizes, pre = [], [], []
    for group in (treatment, comparator):
        (m1, _, n), (m2, s2, _) = group.after.arrays, group.before.arrays
        gain.append(m1 - m2)
        sizes.append(n)
        pre.append(s2)
    n1, n2 = sizes
    df = n1 + n2 - 2
    sd = np.sqrt(((n1 - 1) * pre[0] ** 2 + (n2 - 1) * pre[1] ** 2) / df)
    r1, r2 = (np.asarray(group.correlation, float) for group in (treatment, comparator))
    r = ((n1 - 1) * r1 + (n2 - 1) * r2) / df
    factor, size = correction_factor(df, correct), n1 * n2 / (n1 + n2)
    y = factor * (gain[0] - gain[1]) / sd
    v = 2 * factor**2 * (1 - r) / size * df / (df - 2) * (1 + y**2 * size / (2 * (1 - r))) - y**2
    return settle(y, v, "PPC2", "difference in change, in units of the pooled SD before treatment")
