"""Standard deviations from what papers print instead of them."""

import math

from scipy import stats

from synovia.errors import Fault, InputError
from synovia.extraction.step import Step, name_inputs

__all__ = ["combine_groups", "sd_from_ci", "sd_from_se", "sd_of_change"]

HANDBOOK = "Cochrane Handbook for Systematic Reviews of Interventions, version 6"


def sd_from_se(se: float, n: float) -> Step:
    r"""SD of one group from the standard error of its mean.

    Parameters
    ----------
    se : float
        Standard error of the mean, on the scale of the measure.
    n : float
        Participants analysed.

    Notes
    -----
    .. math:: SD = SE \sqrt{n}

    Cochrane Handbook, section 6.5.2.2.

    Examples
    --------
    >>> from synovia.extraction import sd_from_se
    >>> sd_from_se(2.0, 25).value
    10.0
    """
    return Step(
        "sd",
        se * math.sqrt(n),
        "SD = SE * sqrt(n)",
        name_inputs(se=se, n=n),
        f"{HANDBOOK}, section 6.5.2.2",
        "SD from the standard error",
    )


def sd_from_ci(low: float, high: float, n: float, level: float = 0.95) -> Step:
    r"""SD of one group from the confidence limits of its mean.

    The quantile is that of t with n - 1 degrees of freedom for every n: the Handbook asks for it in
    small samples, and in large ones it differs little from the normal quantile.

    Parameters
    ----------
    low, high : float
        Confidence limits of the mean, on the scale of the measure.
    n : float
        Participants analysed; at least 2.
    level : float
        Confidence level.

    Raises
    ------
    InputError
        When n is below 2: an interval of one participant has no degrees of freedom.

    Notes
    -----
    .. math:: SD = \sqrt{n} (U - L) / (2 t_{n-1, (1 + level)/2})

    Cochrane Handbook, section 6.5.2.2.

    Examples
    --------
    >>> from synovia.extraction import sd_from_ci
    >>> round(sd_from_ci(30.0, 34.2, 25).value, 2)
    5.09
    """
    if n < 2:
        raise InputError([Fault(f"n = {n:g}", "at least 2 participants behind a confidence interval")])
    t = float(stats.t.ppf((1 + level) / 2, n - 1))
    return Step(
        "sd",
        math.sqrt(n) * (high - low) / (2 * t),
        "SD = sqrt(n) * (CI high - CI low) / (2 t), t with n - 1 degrees of freedom",
        name_inputs(ci_low=low, ci_high=high, ci_level=level, n=n, t=t),
        f"{HANDBOOK}, section 6.5.2.2",
        "SD from the confidence interval",
    )


def sd_of_change(baseline: float, final: float, correlation: float) -> Step:
    r"""SD of the change from the SDs at baseline and at follow-up and an assumed correlation.

    Parameters
    ----------
    baseline, final : float
        SDs of the same group, on one scale.
    correlation : float
        Correlation between baseline and follow-up, from -1 to 1; an assumption unless a source prints it.

    Raises
    ------
    InputError
        When the correlation lies outside -1 to 1.

    Notes
    -----
    .. math:: SD_{change} = \sqrt{SD_b^2 + SD_f^2 - 2 r SD_b SD_f}

    Cochrane Handbook, section 6.5.2.8.

    Examples
    --------
    >>> from synovia.extraction import sd_of_change
    >>> round(sd_of_change(4.0, 4.4, 0.78).value, 2)
    2.81
    """
    if not -1 <= correlation <= 1:
        raise InputError([Fault(f"correlation {correlation:g}", "a correlation from -1 to 1")])
    variance = baseline**2 + final**2 - 2 * correlation * baseline * final
    return Step(
        "sd",
        math.sqrt(max(variance, 0.0)),
        "SD change = sqrt(SD baseline^2 + SD final^2 - 2 r SD baseline SD final)",
        name_inputs(sd_baseline=baseline, sd_final=final, r=correlation),
        f"{HANDBOOK}, section 6.5.2.8",
        f"SD of the change with an assumed correlation of {correlation:g}",
    )


def combine_groups(groups: list[tuple[float, float, float]]) -> tuple[Step, Step, Step]:
    r"""n, mean and SD of several groups as if they had been one.

    Parameters
    ----------
    groups : list of (n, mean, sd)
        On one scale; two or more.

    Returns
    -------
    tuple of Step
        n, mean and SD. The SD is exactly that of the joined participants.

    Notes
    -----
    .. math:: (N - 1) SD^2 = \sum (n_i - 1) SD_i^2 + \sum n_i (m_i - M)^2

    which for two groups is the formula of the Cochrane Handbook, section 6.5.2.10.

    Examples
    --------
    >>> from synovia.extraction import combine_groups
    >>> n, mean, sd = combine_groups([(10, 2.0, 1.0), (30, 4.0, 1.0)])
    >>> n.value, mean.value, round(sd.value, 4)
    (40, 3.5, 1.3205)
    """
    total = sum(n for n, _, _ in groups)
    mean = sum(n * m for n, m, _ in groups) / total
    within = sum((n - 1) * sd**2 for n, _, sd in groups)
    between = sum(n * (m - mean) ** 2 for n, m, _ in groups)
    inputs = "; ".join(
        name_inputs(**{f"n{i}": n, f"mean{i}": m, f"sd{i}": sd}) for i, (n, m, sd) in enumerate(groups, 1)
    )
    cite = f"{HANDBOOK}, section 6.5.2.10"
    words = f"{len(groups)} groups pooled into one"
    return (
        Step("n", total, "N = sum of n", inputs, cite, words),
        Step("mean", mean, "M = sum of n m / N", inputs, cite, words),
        Step(
            "sd",
            math.sqrt((within + between) / (total - 1)),
            "(N - 1) SD^2 = sum of (n - 1) sd^2 + sum of n (m - M)^2",
            inputs,
            cite,
            words,
        ),
    )
