"""Estimates as the fitted model would make them."""

import numpy as np
from numpy.typing import NDArray

from synovia.kernel import Diagonal, Problem, Term
from synovia.kernel.solver import split

__all__ = ["simulate_estimates"]

Floats = NDArray[np.float64]


def simulate_estimates(
    problem: Problem, psi: Floats, repetitions: int, random: np.random.Generator
) -> Floats:
    """(n, repetitions) estimates about a mean of 0, with the total covariance of a problem.

    Parameters
    ----------
    problem : Problem
        Sampling covariance and random terms.
    psi : ndarray of shape (parameters,)
        Their variances, taken as true.
    repetitions : int
        How many.
    random : Generator
        Where chance comes from.
    """
    drawn = _draw_errors(problem, repetitions, random)
    for term, own in zip(problem.terms, split(problem.terms, psi), strict=True):
        if isinstance(term, Term):
            drawn += term.scatter(_draw_effects(term, own, repetitions, random))
        else:
            spread = np.sqrt(term.row_variances(own))
            drawn += spread[:, None] * random.standard_normal((problem.n, repetitions))
    return drawn


def _draw_errors(problem: Problem, repetitions: int, random: np.random.Generator) -> Floats:
    drawn = random.standard_normal((problem.n, repetitions))
    if isinstance(problem.V, Diagonal):
        return np.asarray(np.sqrt(problem.V.v)[:, None] * drawn)
    labels = problem.V.labels
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        drawn[rows] = np.linalg.cholesky(_block(problem, rows)) @ drawn[rows]
    return drawn


def _block(problem: Problem, rows: NDArray[np.intp]) -> Floats:
    first, second, values = problem.V.restrict(rows).entries()
    block = np.zeros((rows.size, rows.size))
    block[first, second] = values
    return block


def _draw_effects(term: Term, psi: Floats, repetitions: int, random: np.random.Generator) -> Floats:
    """(groups, q, repetitions) random effects."""
    values, vectors = np.linalg.eigh(term.structure.covariance(psi))
    root = vectors * np.sqrt(np.maximum(values, 0))
    unit = random.standard_normal((term.levels, term.structure.size, repetitions))
    return np.asarray(np.einsum("ij,gjr->gir", root, unit))
