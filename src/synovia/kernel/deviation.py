r"""Standard error of tau2, which differs from estimator to estimator.

A tau2 that is :math:`gQ_A + c` inherits the variance of its quadratic form, :math:`\operatorname{Var}(Q_A) =
2\operatorname{tr}(P_A\Omega P_A\Omega)`; a likelihood gives the inverse of its expected information. All are
of little use near 0, where tau2 is far from normal: prefer an interval.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.kernel.choose import dersimonian_laird
from synovia.kernel.generalised import is_independent, make_generalised_q
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.moments import hedges, start_sidik_jonkman
from synovia.kernel.omega import find_omega
from synovia.kernel.point import Point, point
from synovia.kernel.problem import Problem
from synovia.kernel.traces import information, trace_projection, trace_term

__all__ = ["find_dersimonian_laird_error", "find_tau2_error", "find_weighted_tau2_error"]

Floats = NDArray[np.float64]


def find_tau2_error(problem: Problem, at: Point, estimator: str) -> float | Inapplicable:
    r"""Standard error of tau2.

    Parameters
    ----------
    problem : Problem
        With one random term.
    at : Point
        The likelihood at the chosen tau2.
    estimator : str
        A name of ``CHOICES``.

    Returns
    -------
    float or Inapplicable
        On the scale of y squared.

    Notes
    -----
    Maximum likelihood: :math:`\sqrt{2/\operatorname{tr}(\Omega^{-2})}`, with P for :math:`\Omega^{-1}` when
    restricted. Paule-Mandel and what converges to it: :math:`n\sqrt{2/(n-p)}/\operatorname{tr}(\Omega^{-1})`,
    from the variance of chi-squared. Estimators that start from a weighted Q: see the module. Viechtbauer
    (2005), Journal of Educational and Behavioral Statistics 30, 261-293.
    """
    if problem.parameters != 1:
        return Inapplicable(
            f"the standard error of tau2 needs one variance; the model has {problem.parameters}"
        )
    if estimator not in ERRORS:
        return Inapplicable("a tau2 that was given has no standard error")
    return ERRORS[estimator](problem, at)


def find_weighted_tau2_error(problem: Problem, at: Point, weights: ArrayLike) -> float:
    """Standard error of a tau2 by ``generalised_q`` or ``median_generalised_q`` with these weights.

    Parameters
    ----------
    problem : Problem
        With one random term.
    at : Point
        The likelihood at the chosen tau2.
    weights : array_like of shape (n,)
        The weights of Q.

    Notes
    -----
    Jackson, Turner, Rhodes & Viechtbauer (2014), BMC Medical Research Methodology 14, 103, equation 5.
    """
    found = make_generalised_q(problem, weights)
    tau2 = float(at.psi[0])
    if is_independent(problem):
        spread = _trace_independent(problem.X, found.weights, problem.V.diagonal + tau2)
    else:
        spread = _trace_dependent(problem, found.weights, tau2)
    return float(np.sqrt(2 * spread)) / found.slope


def _trace_independent(X: Floats, a: Floats, omega: Floats) -> float:
    """Trace of (P_A Omega)² when both A and Omega are diagonal; linear in n."""
    basis = np.linalg.qr(np.sqrt(a)[:, None] * X)[0]
    scaled = a * omega
    inner = basis.T @ (scaled[:, None] * basis)
    return float((scaled**2).sum() - 2 * (scaled**2 @ basis**2).sum() + (inner**2).sum())


def _trace_dependent(problem: Problem, a: Floats, tau2: float) -> float:
    root = np.sqrt(a)
    basis = np.linalg.qr(root[:, None] * problem.X)[0]
    omega = find_omega(problem, np.array([tau2]), np.arange(problem.n))
    inner = root[:, None] * omega * root
    inner = inner - basis @ (basis.T @ inner)
    return float((inner * inner.T).sum())


def _likelihood(problem: Problem, at: Point, *, restricted: bool) -> float:
    return 1 / float(np.sqrt(information(problem, at, restricted=restricted)[0, 0]))


def _spread_from(problem: Problem, start: float, tau2: float) -> tuple[float, float]:
    """Standard deviation of Q with the weights of one tau2 at another, and the trace of P Z Z' there."""
    base = point(problem, [start])
    trace, away = trace_projection(problem, base, 0), tau2 - start
    products = 2 * float(information(problem, base)[0, 0])
    variance = 2 * (problem.n - problem.p) + 4 * away * trace + 2 * away**2 * products
    return float(np.sqrt(variance)), trace


def find_dersimonian_laird_error(problem: Problem, at: Point) -> float:
    """Standard error of DerSimonian and Laird's tau2, were its true value that of ``at``."""
    return _two_step(problem, at, 0.0)


def _two_step(problem: Problem, at: Point, start: float) -> float:
    spread, trace = _spread_from(problem, start, float(at.psi[0]))
    return spread / trace


def _hunter_schmidt(problem: Problem, at: Point, *, corrected: bool) -> float:
    spread, _ = _spread_from(problem, 0.0, float(at.psi[0]))
    factor = problem.n / (problem.n - problem.p) if corrected else 1.0
    return factor * spread / trace_term(problem, point(problem, [0.0]), 0)


def _sidik_jonkman(problem: Problem, at: Point) -> float:
    start = start_sidik_jonkman(problem)
    spread, _ = _spread_from(problem, start, float(at.psi[0]))
    return start * spread / (problem.n - problem.p)


def _paule_mandel(problem: Problem, at: Point) -> float:
    return problem.n * float(np.sqrt(2 / (problem.n - problem.p))) / trace_term(problem, at, 0)


ERRORS: dict[str, Callable[[Problem, Point], float]] = {
    "REML": lambda problem, at: _likelihood(problem, at, restricted=True),
    "ML": lambda problem, at: _likelihood(problem, at, restricted=False),
    "DL": find_dersimonian_laird_error,
    "DL2": lambda problem, at: _two_step(problem, at, float(dersimonian_laird(problem).psi[0])),
    "CA2": lambda problem, at: _two_step(problem, at, float(hedges(problem).psi[0])),
    "HE": lambda problem, at: find_weighted_tau2_error(problem, at, np.ones(problem.n)),
    "HS": lambda problem, at: _hunter_schmidt(problem, at, corrected=False),
    "HSk": lambda problem, at: _hunter_schmidt(problem, at, corrected=True),
    "SJ": _sidik_jonkman,
    "EB": _paule_mandel,
    "PM": _paule_mandel,
    "PMM": _paule_mandel,
    "DLIT": _paule_mandel,
    "SJIT": _paule_mandel,
}
