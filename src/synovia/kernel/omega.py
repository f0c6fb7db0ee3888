"""The total covariance Omega = V + random effects, as a matrix and in how it changes with its parameters."""

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.problem import Problem
from synovia.kernel.solver import Slope, split, sum_rowwise
from synovia.kernel.term import RandomTerm, RowScale, Term

__all__ = ["apply_derivatives", "apply_slope", "find_omega", "find_random_variance", "find_slopes"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


def find_slopes(problem: Problem, place: Floats, *, natural: bool = True) -> list[Slope]:
    """Derivative of Omega in every entry of psi, or of the theta of a search.

    Parameters
    ----------
    problem : Problem
        With random terms.
    place : ndarray of shape (parameters,)
        Where: psi, or theta.
    natural : bool
        Whether it is psi.
    """
    out = []
    for number, (term, part) in enumerate(zip(problem.terms, split(problem.terms, place), strict=True)):
        out += _term_slopes(term, number, part, natural=natural)
    return out


def _term_slopes(term: RandomTerm, number: int, part: Floats, *, natural: bool) -> list[Slope]:
    if isinstance(term, RowScale):
        return [Slope(number, np.empty((0, 0)), rows) for rows in term.row_slopes(part)]
    if not isinstance(term, Term):
        raise TypeError(f"unknown random term {term!r}")
    matrices = term.structure.derivatives(part) if natural else term.structure.search_derivatives(part)
    if not term.rowwise:
        return [Slope(number, G) for G in matrices]
    return [Slope(number, G, _row_quadratic(term, G)) for G in matrices]


def _row_quadratic(term: Term, G: Floats) -> Floats:
    if term.loadings is not None:
        return np.asarray(((term.loadings @ G) * term.loadings).sum(axis=1))
    return np.asarray(np.diag(G)[term.codes])


def apply_slope(problem: Problem, slope: Slope, B: Floats) -> Floats:
    """(n, m) one derivative of Omega, times B."""
    term = problem.terms[slope.term]
    if slope.rows is not None:
        return np.asarray(slope.rows[:, None] * B)
    if not isinstance(term, Term):
        raise TypeError(f"unknown random term {term!r}")
    return term.apply(slope.G, B)


def apply_derivatives(problem: Problem, psi: Floats, B: Floats) -> Floats:
    """(parameters, n, m) derivative of Omega in every entry of psi, times B."""
    return np.array([apply_slope(problem, slope, B) for slope in find_slopes(problem, psi)])


def find_omega(problem: Problem, psi: Floats, rows: Integers) -> Floats:
    """(m, m) total covariance of some rows, as a whole matrix."""
    part = problem.V.restrict(rows)
    first, second, values = part.entries()
    omega = np.zeros((rows.size, rows.size))
    omega[first, second] = values
    for term, own in zip(problem.terms, split(problem.terms, psi), strict=True):
        if isinstance(term, Term) and not term.rowwise:
            label = term.groups[rows]
            G = term.structure.covariance(own)
            if term.loadings is None:
                shared = G[np.ix_(term.codes[rows], term.codes[rows])]
            else:
                shared = term.loadings[rows] @ G @ term.loadings[rows].T
            omega += shared * (label[:, None] == label[None, :])
    omega[np.diag_indices(rows.size)] += (sum_rowwise(problem.V.diagonal, problem.terms, psi))[rows]
    omega[np.diag_indices(rows.size)] -= problem.V.diagonal[rows]
    return omega


def find_random_variance(problem: Problem, psi: Floats) -> float:
    """Mean over rows of the variance that random effects add."""
    parts = split(problem.terms, psi)
    return float(
        sum(term.row_variances(part).mean() for term, part in zip(problem.terms, parts, strict=True))
    )
