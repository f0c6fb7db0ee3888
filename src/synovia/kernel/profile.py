r"""Profile likelihood of any variance, correlation, coefficient or contrast: its curve and its interval.

One quantity is held at a value, everything else is chosen anew. The interval holds the values at which the
profile is at most half a chi-squared quantile on 1 degree of freedom below its top. Hardy & Thompson (1996),
Statistics in Medicine 15, 619-629.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import chdtri

from synovia.errors import SynthesisError
from synovia.kernel.choice import Choice, Convergence
from synovia.kernel.choose import ml, reml
from synovia.kernel.heterogeneity import Range
from synovia.kernel.point import point
from synovia.kernel.problem import Problem
from synovia.kernel.traces import information
from synovia.kernel.walk import Walk, walk_contrast, walk_psi

__all__ = [
    "Profile",
    "find_best",
    "profile_contrast",
    "profile_contrast_interval",
    "profile_psi",
    "profile_psi_interval",
]

Floats = NDArray[np.float64]

PRECISE = 1e-11  # relative precision of a limit
REACH = 60  # doublings before a limit counts as absent


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A profile likelihood.

    Attributes
    ----------
    values : ndarray of shape (m,)
        Where the quantity was held.
    log_lik : ndarray of shape (m,)
        The highest log-likelihood there.
    psi : ndarray of shape (m, parameters)
        The variances and correlations that reach it.
    """

    values: Floats
    log_lik: Floats
    psi: Floats


def profile_psi(
    problem: Problem, index: int, grid: ArrayLike, *, restricted: bool = True, best: Choice | None = None
) -> Profile:
    """The likelihood of one variance or correlation, all others at their best.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    index : int
        Which entry of psi is held.
    grid : array_like of shape (m,)
        Where.
    restricted : bool
        Restricted likelihood, or the likelihood itself.
    best : Choice, optional
        The maximum of that likelihood, where it is known already.

    Examples
    --------
    >>> from synovia.kernel import Diagonal, Problem, Term, reml
    >>> y = [0.1, 0.9, 0.3, 0.5, 1.2, 0.4]
    >>> six = Problem(y, np.ones((6, 1)), Diagonal([0.05] * 6), (Term(range(6)),))
    >>> best = reml(six)
    >>> found = profile_psi(six, 0, [0.0, best.psi[0], 0.5], best=best)
    >>> print(found.log_lik.round(3))
    [-5.439 -2.615 -3.858]
    """
    _check_index(problem, index)
    values = np.asarray(grid, dtype=np.float64).reshape(-1)
    top = find_best(problem, best, restricted=restricted)
    walk = walk_psi(problem, index, top, restricted=restricted)
    return _collect(walk, values, float(top.psi[index]))


def find_best(problem: Problem, best: Choice | None, *, restricted: bool) -> Choice:
    """The maximum of the likelihood, where it is not known already."""
    if best is not None:
        return best
    if problem.parameters == 0:
        said = Convergence(0, 0.0, at_boundary=False, converged=True, message="no variance to find")
        return Choice(np.empty(0), point(problem), said)
    return (reml if restricted else ml)(problem)


def profile_contrast(
    problem: Problem,
    contrast: ArrayLike,
    grid: ArrayLike,
    *,
    restricted: bool = False,
    best: Choice | None = None,
) -> Profile:
    """The likelihood of one contrast of the coefficients, all else at its best.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    contrast : array_like of shape (p,)
        Weights of the coefficients.
    grid : array_like of shape (m,)
        Where the contrast is held.
    restricted : bool
        Restricted likelihood of the variances given the contrast, or the likelihood itself.
    best : Choice, optional
        The maximum of that likelihood, where it is known already.
    """
    values = np.asarray(grid, dtype=np.float64).reshape(-1)
    c = _check_contrast(problem, contrast)
    top = find_best(problem, best, restricted=restricted)
    walk = walk_contrast(problem, c, top, restricted=restricted)
    return _collect(walk, values, float(c @ top.point.beta))


def _collect(walk: Walk, values: Floats, middle: float) -> Profile:
    """Walk outwards from the middle, so that each climb starts near its end."""
    order = np.argsort(np.abs(values - middle), kind="stable")
    height, psi = np.empty(values.size), [np.empty(0)] * values.size
    for place in order.tolist():
        height[place], psi[place] = walk(float(values[place]))
    return Profile(values, height, np.array(psi))


def profile_psi_interval(
    problem: Problem, index: int, *, level: float = 0.95, restricted: bool = True, best: Choice | None = None
) -> Range:
    r"""Limits of one variance or correlation by profile likelihood.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    index : int
        Which entry of psi.
    level : float
        Confidence level.
    restricted : bool
        Restricted likelihood, or the likelihood itself.
    best : Choice, optional
        The maximum of that likelihood, where it is known already.

    Returns
    -------
    Range
        A limit is the edge of what is possible (0, ±1, infinity) when the likelihood stays high up to there.

    Raises
    ------
    SynthesisError
        When there is no such parameter.

    Notes
    -----
    .. math:: \{\psi_k : 2[\ell(\hat\psi) - \max_{\psi_{-k}}\ell(\psi)] \le \chi^2_{1,\,level}\}
    """
    _check_index(problem, index)
    top = find_best(problem, best, restricted=restricted)
    walk = walk_psi(problem, index, top, restricted=restricted)
    middle = float(top.psi[index])
    known = float(information(problem, top.point)[index, index])
    step = float(1 / np.sqrt(known)) if known > 0 else max(abs(middle), 1.0)
    return _find_limits(walk, middle, step, problem.bounds[index], level)


def profile_contrast_interval(
    problem: Problem,
    contrast: ArrayLike,
    *,
    level: float = 0.95,
    restricted: bool = False,
    best: Choice | None = None,
) -> Range:
    r"""Limits of one contrast of the coefficients by profile likelihood.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    contrast : array_like of shape (p,)
        Weights of the coefficients.
    level : float
        Confidence level.
    restricted : bool
        Restricted likelihood of the variances given the contrast, or the likelihood itself.
    best : Choice, optional
        The maximum of that likelihood, where it is known already.

    Notes
    -----
    .. math:: \{b : 2[\max\ell - \max_{c'\beta = b}\ell] \le \chi^2_{1,\,level}\}

    Unlike the normal interval it widens with the uncertainty of the variances. In fewer than ten studies it
    still is too short; Bartlett's correction is not applied.
    """
    c = _check_contrast(problem, contrast)
    best = find_best(problem, best, restricted=restricted)
    walk = walk_contrast(problem, c, best, restricted=restricted)
    middle, step = float(c @ best.point.beta), float(np.sqrt(c @ best.point.cov @ c))
    if restricted:
        middle = float(
            minimize_scalar(lambda b: -walk(float(b))[0], bracket=(middle - step, middle + step)).x
        )
    return _find_limits(walk, middle, step, (-np.inf, np.inf), level)


def _find_limits(walk: Walk, middle: float, step: float, edges: tuple[float, float], level: float) -> Range:
    if not 0 < level < 1:
        raise SynthesisError(f"Found level {level:g}; wanted a number between 0 and 1, such as 0.95.")
    floor = walk(middle)[0] - float(chdtri(1, 1 - level)) / 2

    def above(value: float) -> float:
        return walk(value)[0] - floor

    return Range(_find_limit(above, middle, (-step, edges[0])), _find_limit(above, middle, (step, edges[1])))


def _find_limit(above: Callable[[float], float], middle: float, towards: tuple[float, float]) -> float:
    """Where the profile falls below its floor on one side; the edge when it does not."""
    step, edge = towards
    inner = middle
    for _ in range(REACH):
        outer = max(inner + step, edge) if step < 0 else min(inner + step, edge)
        if outer == inner:
            return edge
        if above(outer) < 0:
            size = max(abs(inner), abs(outer))
            return float(brentq(above, inner, outer, xtol=PRECISE * size, rtol=PRECISE))
        if outer == edge:
            return edge
        inner, step = outer, 2 * step
    return float(np.sign(step) * np.inf)


def _check_index(problem: Problem, index: int) -> None:
    if not 0 <= index < problem.parameters:
        raise SynthesisError(f"Found parameter {index}; the model has {problem.parameters}, from 0.")


def _check_contrast(problem: Problem, contrast: ArrayLike) -> Floats:
    c = np.asarray(contrast, dtype=np.float64).reshape(-1)
    if c.size != problem.p or not c.any():
        raise SynthesisError(f"Found contrast {c.tolist()}; wanted {problem.p} weights, not all 0.")
    return c
