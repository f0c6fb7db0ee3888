"""Other published ways from median, quartiles and range to mean and SD, and the test of their skewness."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import stats

from synovia.errors import Fault, InputError
from synovia.extraction.order import approximate_moments, expect
from synovia.extraction.quantiles import WAN, Summary, luo_mean, wan_sd
from synovia.extraction.step import Step, name_inputs

__all__ = [
    "MeanMethod",
    "SdMethod",
    "Skewness",
    "best_linear",
    "find_skewness",
    "mean_from",
    "sd_from",
]

MeanMethod: TypeAlias = Literal["luo", "hozo", "hozo-full", "wan", "bland", "median"]
SdMethod: TypeAlias = Literal["wan", "wan-table", "shi", "hozo", "walter", "bland"]

HOZO = "Hozo, Djulbegovic & Hozo 2005, BMC Med Res Methodol 5:13"
BLAND = "Bland 2015, Int J Stat Med Res 4:57-64"
WALTER = "Walter & Yao 2007, J Clin Epidemiol 60:849-852"
SHI = "Shi et al. 2020, Res Synth Methods 11:641-654, equation 10"
SKEW = "Shi et al. 2023, Stat Methods Med Res 32:1338-1360"
YANG = "Yang, Hutson & Wang 2022, J Appl Stat 49:3846-3867"


@dataclass(frozen=True, slots=True)
class Skewness:
    """Whether printed quantiles look skewed, at the 5 % level.

    Attributes
    ----------
    statistic, critical : float
        The test rejects symmetry when the statistic exceeds the critical value.
    """

    statistic: float
    critical: float

    @property
    def skewed(self) -> bool:
        """Whether symmetry is rejected; then mean and SD made for normal data mislead."""
        return self.statistic > self.critical


def find_skewness(summary: Summary) -> Skewness:
    r"""Test of skewness from the five-number summary, or what is printed of it.

    Notes
    -----
    .. math:: T_1 = \frac{|a + b - 2m|}{b - a}, \quad T_2 = \frac{|q_1 + q_3 - 2m|}{q_3 - q_1}

    critical values :math:`1.01/\ln(n + 9) + 2.43/(n + 1)` and :math:`2.65/\sqrt n - 6/n^2`; with all five,
    :math:`\max\{2.65 \ln(0.6n)/\sqrt n \; T_1, T_2\}` against :math:`2.97/\sqrt n - 39.1/n^3`.

    Shi et al. (2023), Statistical Methods in Medical Research 32, 1338-1360.

    Examples
    --------
    >>> from synovia.extraction import Summary
    >>> find_skewness(Summary(n=24, minimum=2, median=5, maximum=14)).skewed
    True
    """
    s, n = summary, summary.n
    outer = abs(s.minimum + s.maximum - 2 * s.median) / (s.maximum - s.minimum) if s.has_range else math.nan
    inner = abs(s.q1 + s.q3 - 2 * s.median) / (s.q3 - s.q1) if s.has_quartiles else math.nan
    if s.has_range and s.has_quartiles:
        weighed = 2.65 * math.log(0.6 * n) / math.sqrt(n) * outer
        return Skewness(max(weighed, inner), 2.97 / math.sqrt(n) - 39.1 / n**3)
    if s.has_range:
        return Skewness(outer, 1.01 / math.log(n + 9) + 2.43 / (n + 1))
    return Skewness(inner, 2.65 / math.sqrt(n) - 6 / n**2)


def mean_from(summary: Summary, method: MeanMethod = "luo") -> Step:
    r"""Mean from the median with quartiles, range, or both, by the method named.

    Parameters
    ----------
    summary : Summary
        What is printed.
    method : {"luo", "hozo", "hozo-full", "wan", "bland", "median"}
        luo is the one to prefer; the others reproduce older reviews.

    Raises
    ------
    InputError
        When the method does not work with what is printed.

    Notes
    -----
    With minimum a, maximum b: hozo (a + 2m + b)/4 up to n = 25 and m above; hozo-full adds
    (a - 2m + b)/(4n) for every n; wan (a + 2m + b)/4, (q1 + m + q3)/3, or, as bland,
    (a + 2 q1 + 2m + 2 q3 + b)/8.

    Examples
    --------
    >>> from synovia.extraction import Summary
    >>> mean_from(Summary(n=24, minimum=2, median=5, maximum=14), "hozo-full").value
    6.5625
    """
    if method == "luo":
        return luo_mean(summary)
    s = summary
    outer, all_five = (s.minimum + 2 * s.median + s.maximum) / 4, s.has_range and s.has_quartiles
    eighth = (s.minimum + 2 * s.q1 + 2 * s.median + 2 * s.q3 + s.maximum) / 8
    values = {
        "hozo": (outer if s.n <= 25 else s.median, HOZO),
        "hozo-full": (outer + (s.minimum - 2 * s.median + s.maximum) / (4 * s.n), HOZO),
        "wan": (eighth if all_five else outer if s.has_range else (s.q1 + s.median + s.q3) / 3, WAN),
        "bland": (eighth, BLAND),
        "median": (s.median, WALTER),
    }
    return _step("mean", *values[method], summary, method)


def sd_from(summary: Summary, method: SdMethod = "shi") -> Step:
    r"""SD from quartiles, range, or both, by the method named.

    Parameters
    ----------
    summary : Summary
        What is printed.
    method : {"shi", "wan", "wan-table", "hozo", "walter", "bland"}
        shi weighs range and quartiles by n, and is wan where only one of them is printed; wan-table takes the
        expected ranges of Wan's printed tables (three decimals) up to their end.

    Raises
    ------
    InputError
        When the method does not work with what is printed.

    Notes
    -----
    .. math:: SD_{Shi} = w \frac{b - a}{\xi} + (1 - w) \frac{q_3 - q_1}{\eta}, \quad
       w = \frac{1}{1 + 0.07 n^{0.6}}

    with Wan's :math:`\xi, \eta`. walter: (b - a) over the exact expected range of n normal values; hozo:
    range/4 for n from 16 to 70, range/6 above, formula 16 below; bland: a quadratic form of the five numbers.

    Examples
    --------
    >>> from synovia.extraction import Summary
    >>> round(sd_from(Summary(n=33, minimum=10, q1=14, median=19, q3=23, maximum=31)).value, 4)
    5.749
    """
    s = summary
    if method in ("wan", "wan-table", "shi"):
        return _widths(s, method)
    spread = s.maximum - s.minimum
    if method == "walter":
        return _step("sd", spread / (2 * expect(int(s.n), int(s.n))), WALTER, s, method)
    if method == "hozo":
        small = math.sqrt(((s.minimum - 2 * s.median + s.maximum) ** 2 / 4 + spread**2) / 12)
        return _step("sd", small if s.n <= 15 else spread / (4 if s.n <= 70 else 6), HOZO, s, method)
    return _step("sd", _bland(s), BLAND, s, method)


def _bland(s: Summary) -> float:
    a, q1, m, q3, b = s.minimum, s.q1, s.median, s.q3, s.maximum
    squares = (a**2 + 2 * q1**2 + 2 * m**2 + 2 * q3**2 + b**2) / 16
    products = (a * q1 + q1 * m + m * q3 + q3 * b) / 8
    return math.sqrt(squares + products - (a + 2 * q1 + 2 * m + 2 * q3 + b) ** 2 / 64)


def _widths(s: Summary, method: str) -> Step:
    if method == "wan":
        return wan_sd(s)
    n, both = s.n, s.has_range and s.has_quartiles
    quarter = math.ceil((n - 1) / 4)
    table = method == "wan-table"
    xi = round(2 * expect(int(n), int(n)), 3) if table and n <= 50 else _normal((n - 0.375) / (n + 0.25))
    eta = _normal((0.75 * n - 0.125) / (n + 0.25))
    if table and quarter <= 50:
        eta = round(2 * expect(3 * quarter + 1, 4 * quarter + 1), 3)
    outer, inner = (s.maximum - s.minimum) / xi, (s.q3 - s.q1) / eta
    if not both:
        return _step("sd", outer if s.has_range else inner, WAN, s, method)
    weight = 0.5 if table else 1 / (1 + 0.07 * n**0.6)
    return _step("sd", weight * outer + (1 - weight) * inner, WAN if table else SHI, s, method)


def _normal(level: float) -> float:
    return 2 * float(stats.norm.ppf(level))


def _step(quantity: str, value: float, citation: str, summary: Summary, method: str) -> Step:
    if math.isnan(value):
        found = f"{method} with {name_inputs(**summary.printed)}"
        raise InputError([Fault(found, "the numbers that this method needs", advice="Use luo and shi.")])
    inputs = name_inputs(**summary.printed)
    return Step(quantity, value, f"{quantity} by {method}", inputs, citation, f"{quantity} by {method}")


def best_linear(summary: Summary) -> tuple[Step, Step]:
    r"""Mean and SD as the best linear unbiased estimates from the printed order statistics of normal data.

    Notes
    -----
    Generalised least squares of the printed values on (1, expected order statistics), ranks
    :math:`\lfloor n p \rfloor + 1` for the quantiles, moments by :func:`approximate_moments`.

    Yang, Hutson & Wang (2022), Journal of Applied Statistics 49, 3846-3867.

    Examples
    --------
    >>> from synovia.extraction import Summary
    >>> mean, sd = best_linear(Summary(n=33, minimum=10, q1=14, median=19, q3=23, maximum=31))
    >>> round(mean.value, 4), round(sd.value, 4)
    (18.9177, 5.7217)
    """
    s, n = summary, summary.n
    places = {"minimum": 1.0, "q1": n // 4 + 1, "median": n // 2 + 1, "q3": 3 * n // 4 + 1, "maximum": n}
    printed = {name: value for name, value in s.printed.items() if name != "n"}
    means, covariance = approximate_moments(np.array([places[name] for name in printed]), n)
    design = np.column_stack([np.ones_like(means), means])
    half = np.linalg.cholesky(covariance)
    root = np.linalg.solve(half, design)
    found = np.linalg.lstsq(root, np.linalg.solve(half, np.array(list(printed.values()))), rcond=None)[0]
    return (
        _step("mean", float(found[0]), YANG, s, "best linear estimation"),
        _step("sd", float(found[1]), YANG, s, "best linear estimation"),
    )
