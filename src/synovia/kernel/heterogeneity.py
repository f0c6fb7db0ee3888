"""How much the studies differ beyond chance: Q, I², H² and an interval for tau2."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from scipy.special import chdtrc, chdtri

from synovia.kernel.choose import is_identified, solve_q
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.omega import find_random_variance
from synovia.kernel.point import Point, point
from synovia.kernel.problem import Problem
from synovia.kernel.traces import trace_projection

__all__ = ["Heterogeneity", "Range", "measure_heterogeneity", "profile_q"]


@dataclass(frozen=True, slots=True)
class Range:
    """A lower and an upper limit."""

    lower: float
    upper: float


@dataclass(frozen=True)
class Heterogeneity:
    """Differences between estimates beyond sampling error.

    The limits of tau2 cost more than the fit itself, so that they are computed when first asked for.

    Attributes
    ----------
    q : float or Inapplicable
        Generalised Q at tau2 = 0.
    q_df : int
        n - p.
    q_p_value : float or Inapplicable
        Upper tail of chi-squared.
    i2 : float or Inapplicable
        Share of the total variance that is between studies, percent.
    h2 : float or Inapplicable
        Total over sampling variance.
    limits : Range, Inapplicable, or callable
        Q-profile limits of tau2, or what computes them.
    """

    q: float | Inapplicable
    q_df: int
    q_p_value: float | Inapplicable
    i2: float | Inapplicable
    h2: float | Inapplicable
    limits: Range | Inapplicable | Callable[[], Range | Inapplicable]

    @cached_property
    def tau2(self) -> Range | Inapplicable:
        """Q-profile limits of tau2."""
        return self.limits() if callable(self.limits) else self.limits


def measure_heterogeneity(problem: Problem, at: Point, *, level: float) -> Heterogeneity:
    r"""Q, I², H² and the limits of tau2.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    at : Point
        The likelihood at the chosen psi.
    level : float
        Confidence level of the limits of tau2.

    Notes
    -----
    With the typical sampling variance :math:`s^2 = (n - p)/\operatorname{tr} P`, P at tau2 = 0,

    .. math:: I^2 = 100\,\frac{\tau^2}{\tau^2 + s^2}, \qquad H^2 = \frac{\tau^2 + s^2}{s^2}

    and without a random effect :math:`H^2 = Q/(n-p)`, :math:`I^2 = 100\max(0, 1 - 1/H^2)`.
    Higgins & Thompson (2002), Statistics in Medicine 21, 1539-1558.
    """
    df = problem.n - problem.p
    if df < 1:
        none = Inapplicable("as many coefficients as estimates leave no heterogeneity to measure")
        return Heterogeneity(none, df, none, none, none, none)
    base = point(problem, problem.nothing)
    if problem.terms:
        typical = df / trace_projection(problem, base)
        h2 = (find_random_variance(problem, at.psi) + typical) / typical
        i2 = 100 * (h2 - 1) / h2
    else:
        h2 = base.rss / df
        i2 = 100 * max(0.0, (base.rss - df) / base.rss) if base.rss > 0 else 0.0
    return Heterogeneity(
        base.rss, df, float(chdtrc(df, base.rss)), i2, h2, partial(profile_q, problem, level=level)
    )


def profile_q(problem: Problem, *, level: float) -> Range | Inapplicable:
    r"""Limits of tau2 by the Q-profile method.

    Parameters
    ----------
    problem : Problem
        With one random term.
    level : float
        Confidence level, such as 0.95.

    Returns
    -------
    Range or Inapplicable
        The tau2 at which the generalised Q equals the upper and the lower chi-squared quantile on n - p
        degrees of freedom; a limit is 0 when Q lies below its quantile already at tau2 = 0.

    Notes
    -----
    Viechtbauer (2007), Statistics in Medicine 26, 37-52.
    """
    if problem.parameters != 1:
        return Inapplicable(f"the Q-profile interval needs one variance; the model has {problem.parameters}")
    df = problem.n - problem.p
    if df < 1 or not is_identified(problem):
        return Inapplicable("the data do not say anything about tau2")
    lower, _ = solve_q(problem, float(chdtri(df, (1 - level) / 2)))
    upper, _ = solve_q(problem, float(chdtri(df, (1 + level) / 2)))
    if lower is None or upper is None:
        return Inapplicable(
            "Q stays above its chi-squared quantile whatever tau2 is, so tau2 has no upper limit"
        )
    return Range(lower, upper)
