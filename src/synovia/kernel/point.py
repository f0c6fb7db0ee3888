"""The likelihood of a problem at one psi: the only place where a matrix is factored.

Maximum likelihood, restricted likelihood, weights, leverage, Q and every interval read what is made here.

The restricted log-likelihood is stated once, in the convention of R's metafor:

    log_reml = -½ [(n - p) log 2π - log|X'X| + log|Ω| + log|X'Ω⁻¹X| + r'Ω⁻¹r]

The term ½ log|X'X| makes it the likelihood of n - p orthonormal error contrasts (Harville 1974, Biometrika
61, 383-385); programs that leave it out differ by a constant of the design, which moves no estimate.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lapack

from synovia.errors import SynthesisError
from synovia.kernel.problem import Problem
from synovia.kernel.solver import Factor

__all__ = ["Point", "find_leverage", "find_rows", "find_weights", "point"]

Floats = NDArray[np.float64]

WORK = 64  # columns that LAPACK treats together


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A problem at one psi.

    Attributes
    ----------
    psi : ndarray of shape (parameters,)
        Variances of the random terms, on the scale of y squared.
    log_ml, log_reml : float
        Log-likelihood and restricted log-likelihood.
    beta : ndarray of shape (p,)
        Generalised least squares coefficients.
    cov : ndarray of shape (p, p)
        Their covariance, (X'Ω⁻¹X)⁻¹.
    root : ndarray of shape (p, p)
        A square root of it: cov = root root'.
    rss : float
        Generalised Q: r'Ω⁻¹r.
    residuals : ndarray of shape (n,)
        y - Xβ.
    factor : Factor
        Ω, factored.
    weights : ndarray of shape (n,) or None
        Weights that were given instead of the inverse of Ω, with a mean of 1.
    """

    psi: Floats
    log_ml: float
    log_reml: float
    beta: Floats
    cov: Floats
    root: Floats
    rss: float
    residuals: Floats
    factor: Factor
    weights: Floats | None = None


def point(problem: Problem, psi: ArrayLike = ()) -> Point:
    """The likelihood and the coefficients at given variances.

    Parameters
    ----------
    problem : Problem
        Estimates, design, covariance and random terms.
    psi : array_like of shape (parameters,)
        Variances of the terms, at least 0, on the scale of y squared.

    Returns
    -------
    Point

    Raises
    ------
    SynthesisError
        When psi has the wrong length or holds a negative or non-finite number.

    Examples
    --------
    >>> from synovia.kernel import Diagonal, Problem, Term, point
    >>> two = Problem([0.0, 1.0], [[1.0], [1.0]], Diagonal([0.5, 0.5]), (Term([0, 1]),))
    >>> print(f"{point(two, [0.5]).beta[0]:.3f}")
    0.500
    """
    values = _check_psi(problem, psi)
    factor = problem.solver.factor(values)
    p = problem.p
    half = factor.half_solve(problem.joined)
    triangle = lapack.dgeqrf(half, lwork=WORK * (p + 1), overwrite_a=1)[0][: p + 1]
    inverse = lapack.dtrtri(triangle[:p, :p])[0] * _upper(p)
    beta = inverse @ triangle[:p, p]
    rss = float(triangle[p:, p] @ triangle[p:, p])
    log_det_gain = 2 * float(np.log(np.abs(triangle.diagonal()[:p])).sum()) - problem.log_det_xtx
    inner = factor.log_det + rss
    return Point(
        psi=values,
        log_ml=-0.5 * (problem.n * np.log(2 * np.pi) + inner),
        log_reml=-0.5 * ((problem.n - problem.p) * np.log(2 * np.pi) + inner + log_det_gain),
        beta=beta,
        cov=inverse @ inverse.T,
        root=inverse,
        rss=rss,
        residuals=problem.y - problem.X @ beta,
        factor=factor,
    )


@cache
def _upper(p: int) -> Floats:
    """(p, p) ones on and above the diagonal."""
    return np.triu(np.ones((p, p)))


def _check_psi(problem: Problem, psi: ArrayLike) -> Floats:
    values = np.array(psi, dtype=np.float64).reshape(-1)
    if values.size != problem.parameters:
        raise SynthesisError(f"Found {values.size} variances; the model has {problem.parameters}.")
    for value, (low, high) in zip(values.tolist(), problem.bounds, strict=True):
        if not low <= value <= high or np.isinf(value):
            limits = "of at least 0" if (low, high) == (0.0, np.inf) else f"from {low:g} to {high:g}"
            raise SynthesisError(f"Found variances {values.tolist()}; wanted finite numbers {limits}.")
    return values


def find_rows(problem: Problem, at: Point) -> Floats:
    """(p, n) how much each estimate moves each coefficient: H = (X'Ω⁻¹X)⁻¹X'Ω⁻¹.

    With an intercept alone its single row holds the study weights, which sum to 1. Weights that were given
    take the place of Ω⁻¹.
    """
    if at.weights is not None:
        return solve_weighted(problem.X, at.weights)
    rows: Floats = (at.factor.solve(problem.X) @ at.cov).T
    return rows


def solve_weighted(X: Floats, weights: Floats) -> Floats:
    """(p, n) (X'AX)⁻¹X'A, what weighted least squares multiplies y by."""
    root = np.sqrt(weights)
    basis, triangle = np.linalg.qr(root[:, None] * X)
    return np.asarray(np.linalg.solve(triangle, (basis * root[:, None]).T))


def find_leverage(problem: Problem, at: Point) -> Floats:
    """(n,) how much each estimate moves its own fitted value: the diagonal of XH."""
    return np.asarray((problem.X * find_rows(problem, at).T).sum(axis=1))


def find_weights(problem: Problem, at: Point) -> Floats:
    """(n,) share of each estimate in the total precision: row sums of Ω⁻¹, summing to 1.

    With an intercept alone this is the row of H; a share can be negative when estimates covary strongly.
    """
    sums = at.weights if at.weights is not None else at.factor.solve(np.ones((problem.n, 1)))[:, 0]
    return np.asarray(sums / sums.sum())
