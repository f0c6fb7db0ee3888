"""The likelihood of a problem at many psi: at once where rows are independent, one by one elsewhere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import NotPositiveDefinite
from synovia.kernel.independent import make_independent
from synovia.kernel.point import point
from synovia.kernel.problem import Problem
from synovia.kernel.solver import DiagonalSolver
from synovia.kernel.structure import Scalar
from synovia.kernel.term import Term

__all__ = ["Likelihoods", "evaluate_likelihoods", "find_row_variances"]

Floats = NDArray[np.float64]

ALIKE = 1e6  # variances further apart than this lose digits in normal equations
LARGEST = 4_000_000  # numbers held at once


@dataclass(frozen=True, slots=True, eq=False)
class Likelihoods:
    """What ``point`` finds, at m psi.

    Attributes
    ----------
    log_ml : ndarray of shape (m,)
        Log-likelihoods at the best coefficients; -inf where Omega is not positive definite.
    beta : ndarray of shape (m, p)
        Generalised least squares coefficients.
    cov : ndarray of shape (m, p, p)
        Their covariances.
    """

    log_ml: Floats
    beta: Floats
    cov: Floats


def find_row_variances(problem: Problem, psi: Floats) -> Floats | None:
    """(m, n) variances of the rows at m psi, or None when rows are not independent with plain random effects.

    Parameters
    ----------
    problem : Problem
        Any.
    psi : ndarray of shape (m, parameters)
        Variances of the terms.
    """
    plain = all(
        isinstance(term, Term) and isinstance(term.structure, Scalar) and term.loadings is None
        for term in problem.terms
    )
    if not (isinstance(problem.solver, DiagonalSolver) and plain):
        return None
    return np.asarray(problem.solver.v + psi.sum(axis=1)[:, None])


def evaluate_likelihoods(problem: Problem, psi: Floats) -> Likelihoods:
    """The likelihood and the coefficients at many psi.

    Parameters
    ----------
    problem : Problem
        Any.
    psi : ndarray of shape (m, parameters)
        Variances and correlations of the terms.

    Examples
    --------
    >>> from synovia.kernel import Diagonal, Problem, Term
    >>> two = Problem([0.0, 1.0], [[1.0], [1.0]], Diagonal([0.5, 0.5]), (Term([0, 1]),))
    >>> evaluate_likelihoods(two, np.array([[0.0], [0.5]])).cov[:, 0, 0].round(3).tolist()
    [0.25, 0.5]
    """
    rows = _find_rows(problem, psi)
    return _one_by_one(problem, psi) if rows is None else _at_once(rows)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Independent rows of a problem at m psi: y ~ N(Q R b, omega), log|V| apart."""

    y: Floats
    Q: Floats
    R: Floats
    omega: Floats
    log_det: float


def _find_rows(problem: Problem, psi: Floats) -> _Rows | None:
    v = problem.V.diagonal
    if psi.shape[0] * problem.n > LARGEST:
        return None
    omega = find_row_variances(problem, psi) if v.max() <= ALIKE * v.min() else None
    if omega is not None:
        Q, R = np.linalg.qr(problem.X)
        return _Rows(problem.y, Q, R, omega, 0.0)
    turned = make_independent(problem, restricted=False)
    if turned is None:
        return None
    return _Rows(turned.y, turned.Q, turned.R, turned.v + psi * turned.scale, turned.log_det)


def _at_once(rows: _Rows) -> Likelihoods:
    Q, omega = rows.Q, rows.omega
    n, p = Q.shape
    W = 1 / omega
    squares = (Q[:, :, None] * Q[:, None, :]).reshape(n, -1)
    A = (W @ squares).reshape(-1, p, p)
    inverse = 1 / A if p == 1 else np.linalg.inv(A)
    b = np.einsum("mij,mj->mi", inverse, W @ (Q * rows.y[:, None]))
    residuals = rows.y - b @ Q.T
    rss = np.einsum("mn,mn,mn->m", residuals, W, residuals)
    back = np.linalg.inv(rows.R)
    log_ml = -0.5 * (n * np.log(2 * np.pi) + rows.log_det + np.log(omega).sum(axis=1) + rss)
    return Likelihoods(log_ml, b @ back.T, back @ inverse @ back.T)


def _one_by_one(problem: Problem, psi: Floats) -> Likelihoods:
    m, p = psi.shape[0], problem.p
    log_ml, beta = np.full(m, -np.inf), np.zeros((m, p))
    cov = np.zeros((m, p, p)) + np.eye(p)
    for place, value in enumerate(psi):
        try:
            at = point(problem, value)
        except (NotPositiveDefinite, np.linalg.LinAlgError):
            continue
        log_ml[place], beta[place], cov[place] = at.log_ml, at.beta, at.cov
    return Likelihoods(np.where(np.isnan(log_ml), -np.inf, log_ml), beta, cov)
