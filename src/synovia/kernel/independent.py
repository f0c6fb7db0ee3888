r"""One variance, without factoring anything at every tau2.

Independent estimates are v + tau2 already. Blocks become independent once: with V = LL' and
:math:`L^{-1} Z Z' L^{-T} = U \Lambda U'`, rows of :math:`U' L^{-1} y` have variances 1 + tau2 times Lambda.

The numbers are those of ``point``, by normal equations on an orthonormal basis of the design: enough for a
search, whose end is then read from ``point``.
"""

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.blocks import BlocksSolver
from synovia.kernel.problem import Problem
from synovia.kernel.solver import DiagonalSolver
from synovia.kernel.structure import Scalar
from synovia.kernel.term import Term

__all__ = ["Independent", "make_independent"]

Floats = NDArray[np.float64]

ALIKE = 1e4  # variances further apart than this lose digits in normal equations
WIDE = 5_000  # rows beyond which several tau2 are looked at one by one, to save memory
FEW = 6  # coefficients of long tables beyond which cross-products are formed anew instead of summed
STORED = 50_000  # products that short tables store for any number of coefficients


@dataclass(frozen=True, slots=True, eq=False)
class Independent:
    """y ~ N(Q b, diag(v + tau2 scale)) with Q orthonormal.

    Attributes
    ----------
    v, scale, y : ndarray of shape (n,)
        Sampling variances, what tau2 is multiplied with, and estimates.
    Q : ndarray of shape (n, p)
        Orthonormal basis of the design.
    squares : ndarray of shape (n, p * p)
        Products of the columns of Q; without columns where p is large.
    cross : ndarray of shape (n, p)
        Q times y, row by row.
    rss : float
        Residual sum of squares at tau2 = 0, weighted by 1 / v, times the mean variance: the scale of tau2.
    plain : bool
        Whether rows are estimates as given, rather than turned.
    R : ndarray of shape (p, p)
        The design of these rows is QR.
    log_det : float
        Log determinant of what was turned away: log|V|, or 0.
    restricted : bool
        Whether slopes and heights are those of the restricted likelihood.
    """

    v: Floats
    scale: Floats
    y: Floats
    Q: Floats
    squares: Floats
    cross: Floats
    rss: float
    plain: bool
    R: Floats
    log_det: float = 0.0
    restricted: bool = True

    @property
    def free(self) -> float:
        """Trace of what tau2 is multiplied with, off the design, in units of turned rows."""
        return float(self.scale @ (1 - (self.Q**2).sum(axis=1)))

    def _products(self, w: Floats) -> Floats:
        """(p, p) Q'WQ."""
        p = self.Q.shape[1]
        if self.squares.size == 0:
            half = self.Q * np.sqrt(w)[:, None]
            return np.asarray(half.T @ half)  # a product with itself costs half as much
        return np.asarray((w @ self.squares).reshape(p, p))

    def _fit(self, w: Floats) -> tuple[Floats, Floats]:
        """Q'WQ and residuals at weights (n,)."""
        A = self._products(w)
        if A.size == 1:
            return A, self.y - self.Q[:, 0] * ((w @ self.cross) / A[0, 0])
        return A, self.y - self.Q @ np.linalg.solve(A, w @ self.cross)

    def slope(self, tau2: float) -> float:
        """Slope of the log-likelihood in tau2."""
        w = 1 / (self.v + tau2 * self.scale)
        A, residuals = self._fit(w)
        pulled = w * residuals
        lost = self.scale * w
        trace = lost.sum()
        if self.restricted:
            B = self._products(lost * w)
            trace -= B[0, 0] / A[0, 0] if A.size == 1 else np.trace(np.linalg.solve(A, B))
        return float(0.5 * (pulled @ (self.scale * pulled) - trace))

    def q(self, tau2: float) -> float:
        """Generalised Q."""
        w = 1 / (self.v + tau2 * self.scale)
        residuals = self._fit(w)[1]
        return float((w * residuals) @ residuals)

    def height(self, tau2: float) -> float:
        """Log-likelihood up to a constant."""
        omega = self.v + tau2 * self.scale
        A, residuals = self._fit(1 / omega)
        total = np.log(omega).sum() + (residuals / omega) @ residuals
        if self.restricted:
            total += np.log(A[0, 0]) if A.size == 1 else np.linalg.slogdet(A)[1]
        return float(-0.5 * total)

    def slopes(self, tau2: Floats) -> Floats:
        """(m,) ``slope`` at each of several tau2."""
        p = self.Q.shape[1]
        if self.y.size > WIDE or self.squares.size == 0:
            return np.array([self.slope(value) for value in tau2.tolist()])
        W = 1 / (self.v + tau2[:, None] * self.scale)
        A, b = (W @ self.squares).reshape(-1, p, p), (W @ self.cross)[:, :, None]
        R = self.y - (b / A if p == 1 else np.linalg.solve(A, b))[:, :, 0] @ self.Q.T
        lost = W * self.scale
        trace = lost.sum(axis=1)
        if self.restricted:
            B = ((lost * W) @ self.squares).reshape(-1, p, p)
            trace = trace - np.einsum("mii->m", B / A if p == 1 else np.linalg.solve(A, B))
        pulled = W * R
        return np.asarray(0.5 * (np.einsum("mn,mn,n->m", pulled, pulled, self.scale) - trace))


_MADE: WeakKeyDictionary[Problem, Independent | None] = WeakKeyDictionary()
"""Problems do not change: what was made for one is kept as long as the problem itself."""


def make_independent(problem: Problem, *, restricted: bool) -> Independent | None:
    """The quick likelihood of a problem, or None when it has no such form.

    Parameters
    ----------
    problem : Problem
        Any.
    restricted : bool
        Whether slopes and heights are those of the restricted likelihood.
    """
    if problem not in _MADE:
        _MADE[problem] = _make(problem)
    made = _MADE[problem]
    return made if made is None or made.restricted == restricted else replace(made, restricted=restricted)


def _make(problem: Problem) -> Independent | None:
    if len(problem.terms) != 1 or problem.bounds != ((0.0, np.inf),):
        return None
    if isinstance(problem.solver, DiagonalSolver):
        return _make_plain(problem) if _is_plain(problem) else None
    if isinstance(problem.solver, BlocksSolver):
        return _turn(problem, problem.solver)
    return None


def _make_plain(problem: Problem) -> Independent | None:
    v = problem.V.diagonal
    if v.max() > ALIKE * v.min():
        return None
    if problem.p == 1 and (problem.X == 1).all():
        Q = np.full((problem.n, 1), problem.n**-0.5)
    else:
        Q = np.linalg.qr(problem.X)[0]
    residuals = problem.y - Q @ (Q.T @ problem.y)
    rss = float(residuals @ residuals)
    rows = (v, np.ones(v.size), problem.y)
    return Independent(*rows, Q, *_multiply(Q, problem.y), rss=rss, plain=True, R=Q.T @ problem.X)


def _multiply(Q: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Products of the columns of Q, where they are few, and of Q and y."""
    n, p = Q.shape
    if p > FEW and n * p * p > STORED:
        p = 0
    return (Q[:, :p, None] * Q[:, None, :p]).reshape(y.size, -1), Q * y[:, None]


def _turn(problem: Problem, solver: BlocksSolver) -> Independent | None:
    """Blocks of dependent rows turned into independent ones, where every row feels tau2 about as much."""
    term = problem.terms[0]
    if not isinstance(term, Term) or term.rowwise:
        return None
    unit = term.structure.derivatives(np.ones(1))[0]
    turned, scale, log_det = np.empty_like(problem.joined), np.empty(problem.n), 0.0
    for stack in solver.stacks:
        L = np.linalg.cholesky(stack.known)
        log_det += 2 * float(np.log(np.diagonal(L, axis1=1, axis2=2)).sum())
        root = np.linalg.inv(L)
        spread = stack.shared[0].spread(unit)
        values, vectors = np.linalg.eigh(root @ spread @ np.swapaxes(root, 1, 2))
        turned[stack.rows] = np.swapaxes(vectors, 1, 2) @ (root @ problem.joined[stack.rows])
        scale[stack.rows] = values
    if scale.min() * ALIKE < scale.max():
        return None
    Q, R = np.linalg.qr(turned[:, :-1])
    y = turned[:, -1]
    residuals = y - Q @ (Q.T @ y)
    rss = float(residuals @ residuals) / float(scale.mean())
    rows = (np.ones(problem.n), scale, y)
    return Independent(*rows, Q, *_multiply(Q, y), rss=rss, plain=False, R=R, log_det=log_det)


def _is_plain(problem: Problem) -> bool:
    term = problem.terms[0]
    return isinstance(term, Term) and isinstance(term.structure, Scalar) and term.loadings is None
