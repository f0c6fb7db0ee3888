r"""Traces of the projection P, and the information on psi that they make.

:math:`P = \Omega^{-1} - \Omega^{-1}X(X'\Omega^{-1}X)^{-1}X'\Omega^{-1}`.
"""

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.gradient import sum_squares
from synovia.kernel.omega import apply_slope, find_slopes
from synovia.kernel.point import Point
from synovia.kernel.problem import Problem
from synovia.kernel.solver import Slope
from synovia.kernel.term import Term

__all__ = ["information", "trace_products", "trace_projection", "trace_term"]

Floats = NDArray[np.float64]


def information(problem: Problem, at: Point, *, restricted: bool = True) -> Floats:
    r"""(parameters, parameters) expected information of psi.

    Notes
    -----
    .. math:: \tfrac12 \operatorname{tr}(P \dot\Omega_k P \dot\Omega_l)
    """
    return trace_products(problem, at, find_slopes(problem, at.psi), restricted=restricted) / 2


def trace_products(problem: Problem, at: Point, slopes: list[Slope], *, restricted: bool = True) -> Floats:
    """(m, m) traces of P A P B for every pair of slopes; of Omega⁻¹ A Omega⁻¹ B when not restricted."""
    total = at.factor.product_traces(slopes)
    if not restricted:
        return total
    solved = at.factor.solve(problem.X) @ at.root
    turned = [apply_slope(problem, slope, solved) for slope in slopes]
    inner = [solved.T @ rows for rows in turned]
    halves = [at.factor.half_solve(rows) for rows in turned]
    for i in range(len(slopes)):
        for j in range(len(slopes)):
            total[i, j] += float((inner[i] * inner[j].T).sum()) - 2 * float((halves[i] * halves[j]).sum())
    return total


def trace_projection(problem: Problem, at: Point, term: int | None = None) -> float:
    """Trace of P Z Z' for one random term, or of P itself.

    With one variance and known correlations R it is the trace of P Z R Z'. At psi = 0 the first is the slope
    of E(Q) in tau2; the second over n - p is the inverse of the typical sampling variance.
    """
    solved = at.factor.solve(problem.X) @ at.root
    if term is None:
        return float(at.factor.inverse_diagonal().sum() - (solved**2).sum())
    chosen = problem.terms[term]
    whole, lost = trace_term(problem, at, term), 0.0
    if isinstance(chosen, Term):
        lost = float((solved * chosen.apply(_unit(chosen), solved)).sum())
    else:
        lost = float((solved**2).sum())
    return whole - lost


def trace_term(problem: Problem, at: Point, term: int) -> float:
    """Trace of Omega⁻¹ Z Z' for one random term."""
    chosen = problem.terms[term]
    if not isinstance(chosen, Term) or (chosen.rowwise and chosen.loadings is None):
        return float(at.factor.inverse_diagonal().sum())
    inner = sum_squares(chosen, at.factor.inverse_diagonal()) if chosen.rowwise else at.factor.gram(term)
    return float((inner * _unit(chosen)).sum())


def _unit(term: Term) -> Floats:
    """(q, q) covariance per unit of variance: what one variance multiplies, or no correlation."""
    structure = term.structure
    if structure.parameters == 1 and structure.bounds == ((0.0, np.inf),):
        return np.asarray(structure.derivatives(np.ones(1))[0])
    return np.eye(structure.size)
