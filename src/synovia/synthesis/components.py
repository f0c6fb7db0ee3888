"""Variances and correlations of the random effects, and what they add up to."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.kernel import Correlated, Inapplicable, Matrix, Point, Problem, RowScale, Scalar, Term
from synovia.kernel.gradient import observed_information
from synovia.kernel.solution import Solution
from synovia.kernel.solver import split

__all__ = ["find_new_variance", "list_variances"]

Floats = NDArray[np.float64]


def find_new_variance(problem: Problem, psi: Floats) -> float | Inapplicable:
    """Variance of the true effect in a new study: the sum over random intercepts, where all share one.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    psi : ndarray of shape (parameters,)
        Its variances and correlations.
    """
    total = 0.0
    for term, part in zip(problem.terms, split(problem.terms, psi), strict=True):
        if isinstance(term, RowScale):
            return Inapplicable(
                "tau2 depends on moderators: see variances(), and predict() for where new effects lie"
            )
        if not isinstance(term, Term) or not _has_one_variance(term):
            return Inapplicable("effects differ in their variance: see variances()")
        total += float(part[0])
    return total


def _has_one_variance(term: Term) -> bool:
    if isinstance(term.structure, Scalar):
        return term.loadings is None
    one = isinstance(term.structure, Correlated) and not term.structure.separate
    return (
        one
        and term.loadings is None
        and not (
            isinstance(term.structure, Correlated)
            and isinstance(term.structure.correlation, Matrix)
            and not np.allclose(np.diag(term.structure.correlation.known), 1)
        )
    )


def list_variances(
    problem: Problem, at: Point | Solution, names: tuple[str, ...], *, restricted: bool
) -> pd.DataFrame:
    """One row per entry of psi: name, estimate, std_error, levels."""
    levels = [int(term.groups.max()) + 1 for term in problem.terms for _ in range(term.parameters)]
    error = np.full(len(names), np.nan)
    if not isinstance(at, Solution) and names:
        error = _find_errors(problem, at, restricted=restricted)
    return pd.DataFrame(
        {
            "name": list(names),
            "estimate": at.psi[: len(names)],
            "std_error": error,
            "levels": levels if len(levels) == len(names) else [problem.n] * len(names),
        }
    )


def _find_errors(problem: Problem, at: Point, *, restricted: bool) -> Floats:
    """Standard errors of psi off its boundaries, holding those on one."""
    limits = np.array(problem.bounds)
    inside = (at.psi > limits[:, 0]) & (at.psi < limits[:, 1])
    error = np.full(at.psi.size, np.nan)
    if not inside.any():
        return error
    seen = observed_information(problem, at, inside, restricted=restricted)
    values, vectors = np.linalg.eigh(seen)
    if values.min() > 0:
        error[inside] = np.sqrt(((vectors**2) / values).sum(axis=1))
    return error
