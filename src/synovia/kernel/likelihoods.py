"""The likelihood of a problem at many psi: at once where rows are independent, one by one elsewhere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import NotPositiveDefinite
from synovia.kernel.blocks import Stack
from synovia.kernel.independent import make_independent
from synovia.kernel.point import point
from synovia.kernel.problem import Problem
from synovia.kernel.solver import DiagonalSolver
from synovia.kernel.sweep import find_row_sums, make_stacks, sweep

__all__ = ["Likelihoods", "evaluate_likelihoods", "find_row_variances"]

Floats = NDArray[np.float64]

ALIKE = 1e6  # variances further apart than this lose digits in normal equations
LARGEST = 4_000_000  # numbers held at once
CACHED = 1 << 17  # numbers of a chunk: what a processor keeps at hand


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
    """(m, n) variances of the rows at m psi, or None when rows are not independent.

    Parameters
    ----------
    problem : Problem
        Any.
    psi : ndarray of shape (m, parameters)
        Natural parameters of the terms.
    """
    if not isinstance(problem.solver, DiagonalSolver):
        return None
    return np.asarray(problem.solver.v + find_row_sums(problem.terms, psi, problem.n))


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
    if rows is not None:
        return _at_once(rows)
    stacks = make_stacks(problem) if problem.V.diagonal.max() <= ALIKE * problem.V.diagonal.min() else None
    if stacks is None:
        return _one_by_one(problem, psi)
    held = sum(stack.known.size * (1 + (problem.p + 1) / stack.known.shape[1]) for stack in stacks)
    size = max(1, int(CACHED / held))
    parts = [_sweep(problem, stacks, psi[start : start + size]) for start in range(0, psi.shape[0], size)]
    return Likelihoods(*(np.concatenate(column) for column in zip(*parts, strict=True)))


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


def _sweep(problem: Problem, stacks: tuple[Stack, ...], psi: Floats) -> tuple[Floats, Floats, Floats]:
    """log_ml, beta and cov by normal equations on an orthonormal basis, solved twice."""
    m, p = psi.shape[0], problem.p
    Q, R = np.linalg.qr(problem.X)
    both = np.column_stack([Q, problem.y])
    swept = sweep(stacks, problem.terms, psi, [both[stack.rows] for stack in stacks])
    whole = np.concatenate([np.moveaxis(h, -1, 0).reshape(m, -1, p + 1) for h in swept.halves], axis=1)
    good = np.isfinite(swept.log_det) & np.isfinite(whole).all(axis=(1, 2))
    design, y = whole[:, :, :p], whole[:, :, p:]
    turned = np.swapaxes(design, 1, 2)
    A = np.where(good[:, None, None], turned @ design, np.eye(p))
    inverse = np.linalg.inv(A)
    b = inverse @ np.where(good[:, None, None], turned @ y, 0)
    b = b + inverse @ np.where(good[:, None, None], turned @ (y - design @ b), 0)
    rss = ((y - design @ b) ** 2).sum(axis=(1, 2))
    back = np.linalg.inv(R)
    log_ml = -0.5 * (problem.n * np.log(2 * np.pi) + swept.log_det + rss)
    return np.where(good, log_ml, -np.inf), b[:, :, 0] @ back.T, back @ inverse @ back.T


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
