"""Intervals for tau2: profile likelihood and the generalised Q, and the limits of H that Q implies."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import chdtri

from synovia.errors import SynthesisError
from synovia.kernel.choose import dersimonian_laird, is_identified, ml, reml
from synovia.kernel.deviation import find_dersimonian_laird_error
from synovia.kernel.generalised import make_generalised_q
from synovia.kernel.heterogeneity import Range
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.moments import solve_below
from synovia.kernel.point import Point, point
from synovia.kernel.problem import Problem

__all__ = [
    "biggerstaff_jackson",
    "generalised_q_interval",
    "jackson",
    "limit_h",
    "limit_share",
    "profile_likelihood",
]


def profile_likelihood(problem: Problem, *, level: float, restricted: bool = True) -> Range | Inapplicable:
    r"""Limits of tau2 where the likelihood has fallen by half a chi-squared quantile on 1 df.

    Parameters
    ----------
    problem : Problem
        With one random term; any V and any number of coefficients.
    level : float
        Confidence level, such as 0.95.
    restricted : bool
        Restricted likelihood, or the likelihood itself.

    Returns
    -------
    Range or Inapplicable
        The lower limit is 0 when the likelihood at 0 is still high enough.

    Notes
    -----
    .. math:: \{\tau^2 : 2[\ell(\hat\tau^2) - \ell(\tau^2)] \le \chi^2_{1,\,level}\}

    Hardy & Thompson (1996), Statistics in Medicine 15, 619-629.
    """
    refused = _refuse(problem)
    if refused is not None:
        return refused
    best = (reml if restricted else ml)(problem)
    height = best.point.log_reml if restricted else best.point.log_ml
    floor = height - float(chdtri(1, 1 - level)) / 2

    def above(tau2: float) -> float:
        at = point(problem, [tau2])
        return (at.log_reml if restricted else at.log_ml) - floor

    peak = float(best.psi[0])
    lower = 0.0 if above(0.0) >= 0 else _root(above, 0.0, peak)
    low, high = peak, max(2 * peak, float(problem.V.diagonal.mean()))
    while above(high) > 0:
        low, high = high, 2 * high
    return Range(lower, _root(above, low, high))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    found: float = brentq(function, low, high, xtol=1e-15 * high, rtol=1e-14, maxiter=200)
    return found


def generalised_q_interval(problem: Problem, weights: ArrayLike, *, level: float) -> Range | Inapplicable:
    r"""Limits of tau2 from the exact distribution of a generalised Q with weights of one's own.

    Parameters
    ----------
    problem : Problem
        With one random term; any V and any number of coefficients.
    weights : array_like of shape (n,)
        Above 0, fixed in advance.
    level : float
        Confidence level, such as 0.95.

    Returns
    -------
    Range or Inapplicable
        The tau2 at which so large and so small a Q have half the remaining probability each; a limit is 0
        when they have less already at tau2 = 0.

    Notes
    -----
    Exact when the estimates are normal with known variances. Jackson (2013), Research Synthesis Methods 4,
    220-229.
    """
    refused = _refuse(problem)
    if refused is not None:
        return refused
    found = make_generalised_q(problem, weights)
    return Range(solve_below(found, (1 + level) / 2), solve_below(found, (1 - level) / 2))


def jackson(problem: Problem, *, level: float) -> Range | Inapplicable:
    """``generalised_q_interval`` with inverse standard errors for weights, as Jackson (2013) recommends."""
    return generalised_q_interval(problem, 1 / np.sqrt(problem.V.diagonal), level=level)


def biggerstaff_jackson(problem: Problem, *, level: float) -> Range | Inapplicable:
    """``generalised_q_interval`` with inverse variances for weights, so that Q is Cochran's.

    Notes
    -----
    Biggerstaff & Jackson (2008), Statistics in Medicine 27, 6093-6110.
    """
    return generalised_q_interval(problem, 1 / problem.V.diagonal, level=level)


def limit_share(problem: Problem, at: Point, *, level: float) -> tuple[float, Range]:
    r"""Share of tau2 in the variance of the estimates, averaged over studies, with its limits; percent.

    Parameters
    ----------
    problem : Problem
        Of independent estimates with one mean and a random effect each.
    at : Point
        The likelihood at the chosen tau2.
    level : float
        Confidence level, such as 0.95.

    Returns
    -------
    (float, Range)
        R_b and its limits, kept between 0 and 100.

    Notes
    -----
    .. math:: R_b = \frac1k\sum_i \frac{\tau^2}{v_i + \tau^2}, \qquad
        \operatorname{se}(R_b) = \operatorname{se}(\tau^2)\,\frac1k\sum_i\frac{v_i}{(v_i + \tau^2)^2}

    Unlike I² it is the share itself for any spread of sampling variances. Its error is that of Cochran's Q,
    as its authors derive it: the standard error of tau2 is DerSimonian and Laird's, at the chosen tau2, and
    the slope behind it is taken at DerSimonian and Laird's own tau2. Crippa et al. (2016), Statistics in
    Medicine 35, 3661-3675.
    """
    tau2, v = float(at.psi[0]), problem.V.diagonal
    share = float((tau2 / (v + tau2)).mean())
    total = v + float(dersimonian_laird(problem).psi[0])
    error = find_dersimonian_laird_error(problem, at) * float((v / total**2).mean())
    half = float(np.sqrt(chdtri(1, 1 - level))) * error
    return 100 * share, Range(100 * max(0.0, share - half), 100 * min(1.0, share + half))


def _refuse(problem: Problem) -> Inapplicable | None:
    if problem.parameters != 1:
        return Inapplicable(f"the interval of tau2 needs one variance; the model has {problem.parameters}")
    if problem.n <= problem.p or not is_identified(problem):
        return Inapplicable("the data do not say anything about tau2")
    return None


def limit_h(q: float, df: int, *, level: float) -> tuple[Range, Range] | Inapplicable:
    r"""Limits of H and of I² from Q alone.

    Parameters
    ----------
    q : float
        Cochran's Q.
    df : int
        Its degrees of freedom.
    level : float
        Confidence level, such as 0.95.

    Returns
    -------
    (Range, Range) or Inapplicable
        Of H, at least 1, and of I² in percent.

    Notes
    -----
    .. math:: \exp\{\log H \pm z\,\operatorname{se}(\log H)\}, \quad
        \operatorname{se} = \tfrac12\frac{\log Q - \log(k-1)}{\sqrt{2Q} - \sqrt{2k-3}} \text{ if } Q > k

    and :math:`\sqrt{\frac{1}{2(k-2)}\left(1 - \frac{1}{3(k-2)^2}\right)}` otherwise, k = df + 1. Higgins &
    Thompson (2002), Statistics in Medicine 21, 1539-1558, appendix A2.

    Examples
    --------
    >>> limits, _ = limit_h(152.233, 12, level=0.95)
    >>> print(f"H {limits.lower:.3f} to {limits.upper:.3f}")
    H 2.926 to 4.336
    """
    if not 0 < level < 1:
        raise SynthesisError(f"Found level {level:g}; wanted a number between 0 and 1, such as 0.95.")
    k = df + 1
    if k < 3 and q <= k:
        return Inapplicable("limits of H from a Q this small need three studies")
    if q > k:
        error = 0.5 * (np.log(q) - np.log(df)) / (np.sqrt(2 * q) - np.sqrt(2 * k - 3))
    else:
        error = np.sqrt((1 - 1 / (3 * (k - 2) ** 2)) / (2 * (k - 2)))
    half = float(np.sqrt(chdtri(1, 1 - level)) * error)
    middle = 0.5 * float(np.log(max(q / df, 1.0)))
    lower, upper = max(1.0, float(np.exp(middle - half))), max(1.0, float(np.exp(middle + half)))
    return Range(lower, upper), Range(100 * (1 - lower**-2), 100 * (1 - upper**-2))
