"""Mean and SD of a group from its median, quartiles and range."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import optimize, stats

from synovia.errors import Fault, InputError
from synovia.extraction.step import Step, name_inputs

__all__ = ["Medians", "Summary", "convert_quantiles", "luo_mean", "quantile_estimation", "wan_sd"]

Medians = Literal["wan-luo", "mcgrath"]
Families = dict[str, tuple[float, float]]

LUO = "Luo, Wan, Liu & Tong 2018, Stat Methods Med Res 27:1785-1805"
WAN = "Wan, Wang, Liu & Tong 2014, BMC Med Res Methodol 14:135"
MCGRATH = "McGrath et al. 2020, Stat Methods Med Res 29:2520-2537, quantile estimation"


@dataclass(frozen=True, slots=True)
class Summary:
    """The order statistics a paper prints for one group; NaN where it prints none.

    Attributes
    ----------
    n : float
        Participants analysed.
    minimum, q1, median, q3, maximum : float
        On the scale of the measure.
    """

    n: float
    minimum: float = math.nan
    q1: float = math.nan
    median: float = math.nan
    q3: float = math.nan
    maximum: float = math.nan

    @property
    def has_range(self) -> bool:
        """Whether minimum and maximum are printed."""
        return not (math.isnan(self.minimum) or math.isnan(self.maximum))

    @property
    def has_quartiles(self) -> bool:
        """Whether both quartiles are printed."""
        return not (math.isnan(self.q1) or math.isnan(self.q3))

    @property
    def printed(self) -> dict[str, float]:
        """The numbers that are printed, by name."""
        names = ("minimum", "q1", "median", "q3", "maximum", "n")
        return {name: value for name in names if not math.isnan(value := getattr(self, name))}


def luo_mean(summary: Summary) -> Step:
    r"""Mean from the median with quartiles, range, or both.

    Notes
    -----
    With weights that depend on n: range :math:`w = 4/(4 + n^{0.75})`; quartiles
    :math:`w = 0.7 + 0.39/n`; both :math:`w_1 = 2.2/(2.2 + n^{0.75})`, :math:`w_2 = 0.7 - 0.72/n^{0.55}`.

    Luo et al. (2018), Statistical Methods in Medical Research 27, 1785-1805.

    Examples
    --------
    >>> from synovia.extraction import Summary, luo_mean
    >>> round(luo_mean(Summary(n=56, q1=4, median=6, q3=9)).value, 4)
    6.3535
    """
    s, n = summary, summary.n
    if s.has_range and s.has_quartiles:
        outer, inner = 2.2 / (2.2 + n**0.75), 0.7 - 0.72 / n**0.55
        value = (
            outer * (s.minimum + s.maximum) / 2 + inner * (s.q1 + s.q3) / 2 + (1 - outer - inner) * s.median
        )
        formula = "w1 (min + max)/2 + w2 (q1 + q3)/2 + (1 - w1 - w2) median"
    elif s.has_quartiles:
        inner = 0.7 + 0.39 / n
        value = inner * (s.q1 + s.q3) / 2 + (1 - inner) * s.median
        formula = "w (q1 + q3)/2 + (1 - w) median, w = 0.7 + 0.39/n"
    else:
        outer = 4 / (4 + n**0.75)
        value = outer * (s.minimum + s.maximum) / 2 + (1 - outer) * s.median
        formula = "w (min + max)/2 + (1 - w) median, w = 4/(4 + n^0.75)"
    return Step("mean", value, f"mean = {formula}", name_inputs(**s.printed), LUO, "mean from the median")


def wan_sd(summary: Summary) -> Step:
    r"""SD from the quartiles, the range, or both.

    Notes
    -----
    .. math:: SD = \frac{max - min}{2 \Phi^{-1}\{(n - 0.375)/(n + 0.25)\}},
       \quad SD = \frac{q_3 - q_1}{2 \Phi^{-1}\{(0.75 n - 0.125)/(n + 0.25)\}}

    and the mean of the two when both are printed. Wan et al. (2014), BMC Medical Research Methodology 14:135,
    with the quantiles computed rather than taken from the paper's tables.

    Examples
    --------
    >>> from synovia.extraction import Summary, wan_sd
    >>> round(wan_sd(Summary(n=56, q1=4, median=6, q3=9)).value, 4)
    3.8045
    """
    s, n = summary, summary.n
    parts: list[tuple[str, float]] = []
    if s.has_range:
        width = 2 * float(stats.norm.ppf((n - 0.375) / (n + 0.25)))
        parts.append(("(max - min) / (2 z((n - 0.375)/(n + 0.25)))", (s.maximum - s.minimum) / width))
    if s.has_quartiles:
        width = 2 * float(stats.norm.ppf((0.75 * n - 0.125) / (n + 0.25)))
        parts.append(("(q3 - q1) / (2 z((0.75 n - 0.125)/(n + 0.25)))", (s.q3 - s.q1) / width))
    formula = "SD = " + " and ".join(words for words, _ in parts) + (", averaged" if len(parts) == 2 else "")
    value = sum(sd for _, sd in parts) / len(parts)
    words = "SD from the " + " and ".join(("range",) * s.has_range + ("quartiles",) * s.has_quartiles)
    return Step("sd", value, formula, name_inputs(**s.printed), WAN, words)


def _levels(s: Summary) -> tuple[np.ndarray, np.ndarray]:
    pairs: list[tuple[float, float]] = [(0.5, s.median)]
    if s.has_range:
        pairs += [(1 / s.n, s.minimum), (1 - 1 / s.n, s.maximum)]
    if s.has_quartiles:
        pairs += [(0.25, s.q1), (0.75, s.q3)]
    levels, values = zip(*sorted(pairs), strict=True)
    return np.array(levels), np.array(values)


_FAMILIES: dict[str, Callable[[float, float], Any]] = {
    "normal": lambda a, b: stats.norm(a, math.exp(b)),
    "log-normal": lambda a, b: stats.lognorm(math.exp(b), scale=math.exp(a)),
    "gamma": lambda a, b: stats.gamma(math.exp(a), scale=math.exp(b)),
    "Weibull": lambda a, b: stats.weibull_min(math.exp(a), scale=math.exp(b)),
    "beta": lambda a, b: stats.beta(math.exp(a), math.exp(b)),
}


def _starts(mean: float, sd: float, values: np.ndarray) -> Families:
    starts: Families = {"normal": (mean, math.log(sd))}
    if values.min() > 0 and mean > 0:
        ratio = sd / mean
        starts["log-normal"] = (
            math.log(mean / math.sqrt(1 + ratio**2)),
            math.log(math.sqrt(math.log1p(ratio**2))),
        )
        starts["gamma"] = (-2 * math.log(ratio), math.log(mean * ratio**2))
        starts["Weibull"] = (-1.086 * math.log(ratio), math.log(mean))
        if values.max() < 1 and mean * (1 - mean) > sd**2:
            size = mean * (1 - mean) / sd**2 - 1
            starts["beta"] = (math.log(mean * size), math.log((1 - mean) * size))
    return starts


def _fit(
    family: Callable[[float, float], Any], start: tuple[float, float], levels: np.ndarray, values: np.ndarray
) -> tuple[Any, float]:
    """The member of a family nearest to the quantiles, and its sum of squares."""

    def misses(p: np.ndarray) -> np.ndarray:
        return np.asarray(family(p[0], p[1]).ppf(levels) - values)

    found = optimize.least_squares(misses, start, xtol=1e-12, ftol=1e-12, gtol=1e-12)
    return family(found.x[0], found.x[1]), float(found.cost)


def quantile_estimation(summary: Summary) -> tuple[Step, Step]:
    r"""Mean and SD of the distribution whose quantiles lie nearest to the printed ones.

    Normal, log-normal, gamma and Weibull distributions (and beta within 0 to 1) are fitted by least
    squares on the quantiles; only the normal one when a printed value is not positive. The family with the
    smallest sum of squares gives mean and SD.

    Notes
    -----
    Minimum and maximum are taken as the 1/n and 1 - 1/n quantiles.

    McGrath et al. (2020), Statistical Methods in Medical Research 29, 2520-2537.

    Examples
    --------
    >>> from synovia.extraction import Summary, quantile_estimation
    >>> mean, sd = quantile_estimation(Summary(n=56, q1=4, median=6, q3=9))
    >>> round(mean.value, 2), round(sd.value, 2)
    (7.19, 4.74)
    """
    levels, values = _levels(summary)
    mean, sd = luo_mean(summary).value, wan_sd(summary).value
    fits = {
        name: _fit(_FAMILIES[name], start, levels, values)
        for name, start in _starts(mean, sd, values).items()
    }
    best = min(fits, key=lambda name: fits[name][1])
    chosen = fits[best][0]
    formula = f"{best} distribution, least squares on the quantiles"
    inputs = name_inputs(**summary.printed)
    words = f"mean and SD from the {best} distribution nearest to the quantiles"
    return (
        Step("mean", float(chosen.mean()), formula, inputs, MCGRATH, words),
        Step("sd", float(chosen.std()), formula, inputs, MCGRATH, words),
    )


def convert_quantiles(summary: Summary, medians: Medians = "wan-luo") -> tuple[Step, Step]:
    """Mean and SD by the method chosen.

    Raises
    ------
    InputError
        When n, the median, or both quartiles and range are missing, or the values are out of order.
    """
    order = [value for name, value in summary.printed.items() if name != "n"]
    if math.isnan(summary.median) or not (summary.has_range or summary.has_quartiles):
        raise InputError([Fault("a median without quartiles or range", "quartiles, range, or both")])
    if summary.n < 2 or order != sorted(order) or order[0] == order[-1]:
        raise InputError([Fault(name_inputs(**summary.printed), "n of 2 or more and quantiles in order")])
    if medians == "mcgrath":
        return quantile_estimation(summary)
    return luo_mean(summary), wan_sd(summary)
