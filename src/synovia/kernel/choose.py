"""Ways to choose the variance of a random effect. Each returns a ``Choice``: psi and how it was found.

All search on [0, ∞) including 0: a variance that vanishes is an answer, said by ``at_boundary``.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel.choice import Choice, Convergence
from synovia.kernel.independent import make_independent
from synovia.kernel.point import point
from synovia.kernel.problem import Problem
from synovia.kernel.scan import find_root, residual_sum, scan
from synovia.kernel.search import find_maximum
from synovia.kernel.solver import DiagonalSolver
from synovia.kernel.starts import find_starts
from synovia.kernel.traces import trace_projection, trace_term

__all__ = [
    "Choice",
    "Convergence",
    "dersimonian_laird",
    "given",
    "is_identified",
    "ml",
    "paule_mandel",
    "reml",
    "require_one_variance",
    "residual_sum",
    "solve_q",
]

Floats = NDArray[np.float64]

DWARFED = 1e4  # beyond this multiple of the spread of the data, sampling errors no longer matter to Q
IDENTIFIED = 1e-9  # share of a term's trace that must survive the coefficients
"""Below it the random effect is a combination of the columns of X."""


def reml(problem: Problem) -> Choice:
    """Tau2 that maximises the restricted likelihood on [0, ∞), globally.

    The slope is scanned from far below the smallest sampling variance to beyond any possible maximum, every
    change from rising to falling is refined, and the highest of these maxima and of 0 is taken.

    Parameters
    ----------
    problem : Problem
        With one random term.

    Raises
    ------
    SynthesisError
        When the problem does not have exactly one variance, or its term cannot be told from the coefficients.

    Notes
    -----
    Viechtbauer (2005), Journal of Educational and Behavioral Statistics 30, 261-293.
    """
    return _maximise(problem, restricted=True)


def ml(problem: Problem) -> Choice:
    """Tau2 that maximises the likelihood on [0, ∞), globally; biased downwards in few studies.

    Raises
    ------
    SynthesisError
        As ``reml``.
    """
    return _maximise(problem, restricted=False)


def _maximise(problem: Problem, *, restricted: bool) -> Choice:
    if not problem.terms or (len(problem.terms) == 1 and problem.bounds == ((0.0, np.inf),)):
        require_one_variance(problem)
        return scan(problem, restricted=restricted)
    return _climb(problem, restricted=restricted)


def _climb(problem: Problem, *, restricted: bool) -> Choice:
    """Several variances or correlations: Newton from several starts, the highest maximum taken."""
    _require_room(problem)
    found, maxima = find_maximum(problem, find_starts(problem), restricted=restricted)
    psi = found.point.psi
    edges = [value in (low, high) for value, (low, high) in zip(psi.tolist(), problem.bounds, strict=True)]
    size = float(np.abs(found.around.slope).max()) if psi.size else 0.0
    converged = found.promise < 1e-6
    said = "maximum on the edge of what the variances can be" if any(edges) else "maximum inside"
    several = f", the highest of {maxima} maxima" if maxima > 1 else ""
    stopped = "" if converged else f"; stopped where a step still promised {found.promise:.2g}"
    told = Convergence(found.steps, size, any(edges), converged, f"{said}{several}{stopped}")
    return Choice(psi, found.point, told)


def require_one_variance(problem: Problem) -> None:
    """Refuse a problem whose single variance the data cannot tell.

    Raises
    ------
    SynthesisError
        When there is not exactly one variance, no degree of freedom, or no difference from the coefficients.
    """
    if problem.parameters != 1:
        raise SynthesisError(
            f"The model has {problem.parameters} variances; this way of choosing tau2 needs exactly one. "
            "Give the variances instead, or use tau2='REML'."
        )
    _require_room(problem)


def _require_room(problem: Problem) -> None:
    if problem.n == problem.p:
        raise SynthesisError(
            f"{problem.n} estimates for {problem.p} coefficients leave nothing to estimate tau2 from; "
            "fit a common-effect model (random=None) or drop moderators."
        )
    if problem.parameters > problem.n - problem.p:
        raise SynthesisError(
            f"Found {problem.n} estimates for {problem.p} coefficients and {problem.parameters} variances "
            "and correlations; wanted at least as many estimates. A structure with fewer is CS or DIAG."
        )
    if not all(is_identified(problem, term) for term in range(len(problem.terms))):
        raise SynthesisError(
            "The random effect cannot be told from the coefficients: its groups are a combination of the "
            "columns of the design. Use another grouping, drop moderators, or fit a common-effect model "
            "(random=None)."
        )


def is_identified(problem: Problem, term: int = 0) -> bool:
    """Whether the data say anything about the variance of a term.

    A random effect shared by all rows is the intercept under another name; one per level of a moderator is
    that moderator.
    """
    if isinstance(problem.solver, DiagonalSolver):
        return problem.n > problem.p
    turned = make_independent(problem, restricted=True)
    if turned is not None:
        return turned.free > IDENTIFIED * float(turned.scale.sum())
    at = point(problem, problem.nothing)
    return trace_projection(problem, at, term) > IDENTIFIED * trace_term(problem, at, term)


def dersimonian_laird(problem: Problem) -> Choice:
    r"""Tau2 by the method of moments, from Q at tau2 = 0.

    Parameters
    ----------
    problem : Problem
        With one random term; any V and any number of coefficients.

    Raises
    ------
    SynthesisError
        As ``reml``.

    Notes
    -----
    .. math:: \hat\tau^2 = \max\left(0, \frac{Q - (n - p)}{\operatorname{tr}(P ZZ')}\right)

    DerSimonian & Laird (1986), Controlled Clinical Trials 7, 177-188, with P for the design and V at hand.
    """
    require_one_variance(problem)
    at = point(problem, [0.0])
    excess = (at.rss - (problem.n - problem.p)) / trace_projection(problem, at, 0)
    psi = max(0.0, excess)
    said = "closed form" if excess > 0 else "closed form, negative and set to 0"
    return Choice(np.array([psi]), point(problem, [psi]), _met(1, said, excess <= 0))


def paule_mandel(problem: Problem) -> Choice:
    """Tau2 at which the generalised Q equals its degrees of freedom, n - p.

    Parameters
    ----------
    problem : Problem
        With one random term; any V and any number of coefficients.

    Raises
    ------
    SynthesisError
        As ``reml``, and when Q stays above n - p whatever tau2 is (possible only when effects share one).

    Notes
    -----
    Paule & Mandel (1982), Journal of Research of the National Bureau of Standards 87, 377-385; equal to the
    empirical Bayes estimator of Morris (1983).
    """
    require_one_variance(problem)
    psi, evaluations = solve_q(problem, problem.n - problem.p)
    if psi is None:
        raise SynthesisError(
            f"Q stays above its {problem.n - problem.p} degrees of freedom whatever tau2 is, because effects "
            "of one group differ by more than their sampling errors; use tau2='REML' or random='effect'."
        )
    at = point(problem, [psi])
    gap = at.rss - (problem.n - problem.p)
    said = "Q equals its degrees of freedom" if psi > 0 else "Q is at most its degrees of freedom at tau2 = 0"
    return Choice(at.psi, at, _met(evaluations, said, psi == 0, gap))


def _met(iterations: int, message: str, at_boundary: bool = False, score: float = 0.0) -> Convergence:
    return Convergence(iterations, score, at_boundary, converged=True, message=message)


def solve_q(problem: Problem, target: float) -> tuple[float | None, int]:
    """The tau2 at which the generalised Q equals ``target``, and the evaluations used.

    Returns
    -------
    float or None
        0 when Q is at most the target already at 0; None when it never falls to the target. With a random
        effect per row Q is at most the residual sum of squares over tau2, so that a solution always exists.
    int
        Evaluations of Q.
    """
    calls, quick = 0, make_independent(problem, restricted=True)

    @cache
    def excess(tau2: float) -> float:
        nonlocal calls
        calls += 1
        return (point(problem, [tau2]).rss if quick is None else quick.q(tau2)) - target

    if excess(0.0) <= 0:
        return 0.0, calls
    unit = float(problem.terms[0].row_variances(np.ones(1)).mean())
    low, high = 0.0, float(problem.V.diagonal.mean()) / unit
    while excess(high) > 0:
        low, high = high, 4 * high
        if low * unit > DWARFED * residual_sum(problem) / target:
            return None, calls
    return find_root(excess, low, high), calls


def given(problem: Problem, psi: float) -> Choice:
    """Tau2 as given, on the scale of y squared.

    Raises
    ------
    SynthesisError
        When it is negative or not finite.
    """
    at = point(problem, [psi])
    return Choice(at.psi, at, _met(0, "given"))
