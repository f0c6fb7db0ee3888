"""Independent estimates with one tau2: the likelihood and its slope without factoring anything.

The same numbers as ``point`` gives, by normal equations on an orthonormal basis of the design: enough for a
search, whose end is then read from ``point``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.problem import Problem
from synovia.kernel.solver import DiagonalSolver
from synovia.kernel.structure import Scalar
from synovia.kernel.term import Term

__all__ = ["Independent", "make_independent"]

Floats = NDArray[np.float64]

ALIKE = 1e4  # variances further apart than this lose digits in normal equations
WIDE = 5_000  # rows beyond which several tau2 are looked at one by one, to save memory


@dataclass(frozen=True, slots=True, eq=False)
class Independent:
    """y ~ N(Q b, diag(v) + tau2 I) with Q orthonormal.

    Attributes
    ----------
    v, y : ndarray of shape (n,)
        Sampling variances and estimates.
    Q : ndarray of shape (n, p)
        Orthonormal basis of the design.
    squares : ndarray of shape (n, p * p)
        Products of the columns of Q.
    cross : ndarray of shape (n, p)
        Q times y, row by row.
    restricted : bool
        Whether slopes and heights are those of the restricted likelihood.
    rss : float
        Residual sum of squares of ordinary least squares.
    """

    v: Floats
    y: Floats
    Q: Floats
    squares: Floats
    cross: Floats
    restricted: bool
    rss: float

    def _fit(self, w: Floats) -> tuple[Floats, Floats]:
        """Q'WQ and residuals at weights (n,)."""
        A = w @ self.squares
        if A.size == 1:
            return A, self.y - self.Q[:, 0] * ((w @ self.cross) / A)
        A = A.reshape(self.Q.shape[1], -1)
        return A, self.y - self.Q @ np.linalg.solve(A, w @ self.cross)

    def slope(self, tau2: float) -> float:
        """Slope of the log-likelihood in tau2."""
        w = 1 / (self.v + tau2)
        A, residuals = self._fit(w)
        pulled = w * residuals
        trace = w.sum()
        if self.restricted:
            B = (w * w) @ self.squares
            trace -= B[0] / A[0] if A.size == 1 else np.trace(np.linalg.solve(A, B.reshape(A.shape)))
        return float(0.5 * (pulled @ pulled - trace))

    def q(self, tau2: float) -> float:
        """Generalised Q."""
        w = 1 / (self.v + tau2)
        residuals = self._fit(w)[1]
        return float((w * residuals) @ residuals)

    def height(self, tau2: float) -> float:
        """Log-likelihood up to a constant."""
        omega = self.v + tau2
        A, residuals = self._fit(1 / omega)
        total = np.log(omega).sum() + (residuals / omega) @ residuals
        if self.restricted:
            total += np.log(A[0]) if A.size == 1 else np.linalg.slogdet(A)[1]
        return float(-0.5 * total)

    def slopes(self, tau2: Floats) -> Floats:
        """(m,) ``slope`` at each of several tau2."""
        if self.y.size > WIDE:
            return np.array([self.slope(value) for value in tau2.tolist()])
        p = self.Q.shape[1]
        W = 1 / (self.v + tau2[:, None])
        A, b = (W @ self.squares).reshape(-1, p, p), (W @ self.cross)[:, :, None]
        R = self.y - (b / A if p == 1 else np.linalg.solve(A, b))[:, :, 0] @ self.Q.T
        trace = W.sum(axis=1)
        if self.restricted:
            B = ((W * W) @ self.squares).reshape(-1, p, p)
            lost = B / A if p == 1 else np.linalg.solve(A, B)
            trace = trace - np.einsum("mii->m", lost)
        pulled = W * R
        return np.asarray(0.5 * (np.einsum("mn,mn->m", pulled, pulled) - trace))


def make_independent(problem: Problem, *, restricted: bool) -> Independent | None:
    """The quick likelihood of a problem, or None when it has no such form.

    Parameters
    ----------
    problem : Problem
        Any.
    restricted : bool
        Whether slopes and heights are those of the restricted likelihood.
    """
    solver = problem.solver
    if not (isinstance(solver, DiagonalSolver) and len(problem.terms) == 1 and _is_plain(problem)):
        return None
    v = solver.v
    if v.max() > ALIKE * v.min():
        return None
    if problem.p == 1 and (problem.X == 1).all():
        Q = np.full((problem.n, 1), problem.n**-0.5)
    else:
        Q = np.linalg.qr(problem.X)[0]
    squares = (Q[:, :, None] * Q[:, None, :]).reshape(problem.n, -1)
    residuals = problem.y - Q @ (Q.T @ problem.y)
    return Independent(
        v, problem.y, Q, squares, Q * problem.y[:, None], restricted, float(residuals @ residuals)
    )


def _is_plain(problem: Problem) -> bool:
    term = problem.terms[0]
    return isinstance(term, Term) and isinstance(term.structure, Scalar) and term.loadings is None
