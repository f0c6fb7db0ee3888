"""Mean and SD of skewed positive data from printed quantiles, normal after a power transformation."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import boxcox, inv_boxcox

from synovia.errors import Fault, InputError
from synovia.extraction.order import nodes
from synovia.extraction.quantiles import Summary, luo_mean, wan_sd
from synovia.extraction.step import Step, name_inputs

__all__ = ["OrderStatistics", "box_cox", "box_cox_likelihood"]

Floats = NDArray[np.float64]

MCGRATH = "McGrath et al. 2020, Stat Methods Med Res 29:2520-2537, Box-Cox method"
CAI = "Cai, Zhou & Pan 2021, Stat Methods Med Res 30:1887-1902"
LARGEST_POWER = 5.0
NAMES = ("minimum", "q1", "median", "q3", "maximum")


def box_cox(summary: Summary) -> tuple[Step, Step]:
    r"""Mean and SD of skewed positive data through the Box-Cox power that makes the printed values symmetric.

    Notes
    -----
    The power, 0 or more, makes the distances of minimum and maximum, and of the quartiles, from the median as
    equal as they can be. Mean and SD on that scale by Luo and Wan; back by quadrature over the normal
    distribution, where the original draws a sample.

    McGrath et al. (2020), Statistical Methods in Medical Research 29, 2520-2537, section 2.2.

    Examples
    --------
    >>> from synovia.extraction import Summary
    >>> mean, sd = box_cox(Summary(n=33, minimum=10, q1=14, median=19, q3=23, maximum=31))
    >>> round(mean.value, 2), round(sd.value, 2)
    (19.0, 6.01)
    """
    _require_positive(summary)
    grid = np.linspace(0, 5, 501)
    near = float(grid[np.argmin([_lopsided(summary, power) for power in grid])])
    power = _refine(lambda x: _lopsided(summary, x), near)
    even = _transformed(summary, power)
    mean, sd = _back(luo_mean(even).value, wan_sd(even).value, power)
    return _name(summary, (mean, sd), "box-cox", MCGRATH)


@dataclass(frozen=True, slots=True, eq=False)
class OrderStatistics:
    """Values of known rank in a sample of n.

    Attributes
    ----------
    values : ndarray of shape (m,)
        Above 0, increasing.
    ranks : ndarray of shape (m,)
        From 1 to n, increasing.
    n : float
        Sample size.
    """

    values: Floats
    ranks: Floats
    n: float

    def log_likelihood(self, power: float, mean: float, sd: float) -> float:
        r"""Logarithm of their joint density, up to a constant, when a power of the data is normal.

        Parameters
        ----------
        power : float
            Of the Box-Cox transformation.
        mean, sd : float
            Of the transformed data.

        Notes
        -----
        .. math:: \sum_j \ln \frac{\phi(z_j)}{\sigma} + (\lambda - 1) \sum_j \ln x_j
           + \sum_{j=0}^{m} (r_{j+1} - r_j - 1) \ln\{\Phi(z_{j+1}) - \Phi(z_j)\}

        with :math:`z_j = (x_j^{(\lambda)} - \mu)/\sigma`, :math:`z_0 = -\infty`, :math:`z_{m+1} = \infty`.
        The second sum is the Jacobian (Box & Cox 1964, JRSS B 26, 211-252, equation 8): without it the
        likelihoods of two powers are not comparable, and the best power changes with the unit of measurement.
        """
        z = (boxcox(self.values, power) - mean) / sd
        between = np.diff([0.0, *self.ranks, self.n + 1.0]) - 1
        lower, upper = np.append(-np.inf, z), np.append(z, np.inf)
        right = lower > 0
        share = stats.norm.cdf(np.where(right, -lower, upper)) - stats.norm.cdf(
            np.where(right, -upper, lower)
        )
        counted = between > 0
        with np.errstate(divide="ignore"):
            inside = float(between[counted] @ np.log(share[counted]))
        jacobian = (power - 1) * float(np.log(self.values).sum())
        return float(stats.norm.logpdf(z).sum()) - z.size * math.log(sd) + jacobian + inside


def box_cox_likelihood(summary: Summary) -> tuple[Step, Step]:
    r"""Mean and SD of skewed positive data, normal after the Box-Cox power of highest likelihood.

    Raises
    ------
    InputError
        When a value is not above 0, printed values are equal, or n is too small to tell their ranks apart.

    Notes
    -----
    The printed values are order statistics of rank 1, :math:`\lfloor n/4 \rfloor + 1`,
    :math:`\lfloor n/2 \rfloor + 1`, :math:`\lfloor 3n/4 \rfloor + 1` and n. The power, 0 or more, maximises
    their likelihood (:meth:`OrderStatistics.log_likelihood`) with Luo's mean and Wan's SD on the transformed
    scale; given the power, mean and SD on that scale are those of highest likelihood; back by quadrature over
    the normal distribution. With a power below 0, but near it, the mean would not exist.

    Cai, Zhou & Pan (2021), Statistical Methods in Medical Research 30, 1887-1902. The likelihood here has its
    Jacobian; numbers of R's estmeansd look like those of one without it, which puts the power at or near 0.

    Examples
    --------
    >>> from synovia.extraction import Summary, box_cox_likelihood
    >>> mean, sd = box_cox_likelihood(Summary(n=33, minimum=10, q1=14, median=19, q3=23, maximum=31))
    >>> round(mean.value, 2), round(sd.value, 2)
    (19.0, 5.69)
    """
    _require_positive(summary)
    unit = summary.median  # any unit gives the same answer; this one keeps powers from overflowing
    even = Summary(summary.n, *(getattr(summary, name) / unit for name in NAMES))
    known = _order(even, summary)

    def lack(power: float) -> float:
        moved = _transformed(even, power)
        return -known.log_likelihood(power, luo_mean(moved).value, wan_sd(moved).value)

    grid = np.linspace(0, LARGEST_POWER, 501)
    power = _refine(lack, float(grid[np.argmin([lack(one) for one in grid])]))
    mean, sd = _back(*_climb(known, even, power), power)
    return _name(summary, (unit * mean, unit * sd), "box-cox by maximum likelihood", CAI)


def _order(even: Summary, printed: Summary) -> OrderStatistics:
    n = even.n
    places = (1.0, n // 4 + 1, n // 2 + 1, 3 * n // 4 + 1, n)
    found = [
        (value, place)
        for name, place in zip(NAMES, places, strict=True)
        if not math.isnan(value := getattr(even, name))
    ]
    values, ranks = np.array(found).T
    if min(np.diff(values).min(), np.diff(ranks).min()) <= 0:
        wanted = "values that increase, of at least 5 participants"
        raise InputError([Fault(name_inputs(**printed.printed), wanted, advice="Use luo and shi.")])
    return OrderStatistics(values, ranks, n)


def _climb(known: OrderStatistics, even: Summary, power: float) -> tuple[float, float]:
    moved = _transformed(even, power)
    mean, sd = luo_mean(moved).value, wan_sd(moved).value

    def lack(at: Floats) -> float:
        return -known.log_likelihood(power, mean + sd * at[0], sd * math.exp(at[1]))

    best = optimize.minimize(
        lack, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 2000}
    ).x
    return mean + sd * float(best[0]), sd * math.exp(float(best[1]))


def _require_positive(summary: Summary) -> None:
    if min(value for name, value in summary.printed.items() if name != "n") <= 0:
        wanted = "values above 0 for a power transformation"
        raise InputError([Fault(name_inputs(**summary.printed), wanted, advice="Use luo and shi.")])


def _refine(lack: Callable[[float], float], near: float) -> float:
    bounds = (max(0.0, near - 0.02), near + 0.02)
    found = optimize.minimize_scalar(lack, bounds=bounds, method="bounded", options={"xatol": 1e-12})
    return float(found.x)


def _name(summary: Summary, moments: tuple[float, float], method: str, citation: str) -> tuple[Step, Step]:
    inputs = name_inputs(**summary.printed)
    mean, sd = (
        Step(quantity, value, f"{quantity} by {method}", inputs, citation, f"{quantity} by {method}")
        for quantity, value in zip(("mean", "sd"), moments, strict=True)
    )
    return mean, sd


def _transformed(s: Summary, power: float) -> Summary:
    values = (float(boxcox(x, power)) for x in (s.minimum, s.q1, s.median, s.q3, s.maximum))
    return Summary(s.n, *values)


def _lopsided(summary: Summary, power: float) -> float:
    s = _transformed(summary, power)
    outer = ((s.maximum - s.median) / (s.median - s.minimum) - 1) ** 2 if s.has_range else 0.0
    inner = ((s.q3 - s.median) / (s.median - s.q1) - 1) ** 2 if s.has_quartiles else 0.0
    return outer + inner


def _back(mean: float, sd: float, power: float) -> tuple[float, float]:
    low = max(-9.0, (-1 / power - mean) / sd) if power > 0 else -9.0
    points, weights = nodes(2000)
    z = low + (9 - low) * (points + 1) / 2
    weights = weights * stats.norm.pdf(z)
    weights = weights / weights.sum()
    values = inv_boxcox(mean + sd * z, power)
    middle = float(weights @ values)
    return middle, math.sqrt(float(weights @ (values - middle) ** 2))
