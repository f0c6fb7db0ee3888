r"""The likelihood of counts with normal random effects, integrated by adaptive Gauss-Hermite quadrature.

The counts of study i have predictors :math:`C(e_i + s_i \circ u_i) + o_i` with standard normal u, one for
each scale s. Nodes are placed around the mode of the integrand and scaled by its curvature: in d dimensions

.. math:: \int e^{g(u)}\,du \approx 2^{d/2}|L|^{-1} \sum_q w_q e^{z_q'z_q + g(\hat u + \sqrt2 L^{-T} z_q)},
   \qquad -g''(\hat u) = LL'

Liu & Pierce (1994), Biometrika 81, 624-629; one node is the Laplace approximation. Every operation is
analytic, so that the gradient of what is computed (not of what it approximates) comes from complex steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from synovia.synthesis.exact.family import Family, Numbers

__all__ = ["Marginal", "Slopes", "differentiate"]

Floats = NDArray[np.float64]

COMPLEX_STEP = 1e-30
CENTRAL_STEP = 1e-5  # relative error of the Hessian about 1e-10: its truncation, with exact gradients
MODE_STEPS = 100
HALVINGS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Log-likelihoods of n studies with their derivatives in the m arguments of each.

    Attributes
    ----------
    value : ndarray of shape (n,)
    gradient : ndarray of shape (n, m)
    hessian : ndarray of shape (n, m, m)
    """

    value: Floats
    gradient: Floats
    hessian: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Marginal:
    """Log-likelihood of each study as a function of its predictors and of the scales.

    Attributes
    ----------
    family : Family
        Distribution of the counts.
    loadings : ndarray of shape (J, q)
        C: how much each of the q predictors moves each count.
    offsets : ndarray of shape (n, J)
        Known parts of the linear predictors.
    random : tuple of int
        Which predictors have a random effect; their scales follow the predictors among the arguments.
    points : int
        Nodes in each dimension.
    spread : ndarray of shape (J, q)
        How much the random effect of each predictor moves each count; the loadings unless coded otherwise.
    """

    family: Family
    loadings: Floats
    offsets: Floats
    random: tuple[int, ...]
    points: int
    spread: Floats

    @property
    def arguments(self) -> int:
        """Predictors and scales."""
        return int(self.loadings.shape[1]) + len(self.random)

    def evaluate(self, arguments: Numbers, near: Floats | None = None) -> Numbers:
        """(n,) log-likelihoods.

        Parameters
        ----------
        arguments : ndarray of shape (n, m)
            q predictors, then one scale per random effect; real, or complex for a complex step.
        near : ndarray of shape (n, d), optional
            Modes of the integrands at arguments near by, to begin from; the answer does not depend on them.
        """
        q = self.loadings.shape[1]
        base = arguments[:, :q] @ self.loadings.T + self.offsets
        if not self.random:
            return self._log_density(base[:, :, None])[:, 0]
        B = self.spread[:, self.random] * arguments[:, None, q:]  # (n, J, d)
        mode, root = self._find_mode(base, B, near)
        nodes, log_weights = _make_nodes(self.points, len(self.random))
        u = mode[:, :, None] + np.sqrt(2) * _solve_transposed(root, nodes)
        inside = self._log_density(base[:, :, None] + B @ u) - 0.5 * (u**2).sum(axis=1) + log_weights
        top = inside.real.max(axis=1)
        total = np.log(np.exp(inside - top[:, None]).sum(axis=1)) + top
        log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        return np.asarray(total - log_det - 0.5 * len(self.random) * np.log(np.pi))

    def slopes(self, arguments: Floats) -> Slopes:
        """Value, gradient by complex steps, Hessian by central differences of that gradient."""
        near = self._find_real_mode(arguments) if self.random else None
        return differentiate(lambda moved: self.evaluate(moved, near), arguments)

    def _find_real_mode(self, arguments: Floats) -> Floats:
        q = self.loadings.shape[1]
        base = arguments[:, :q] @ self.loadings.T + self.offsets
        return self._climb(base, self.spread[:, self.random] * arguments[:, None, q:], None)

    def _log_density(self, eta: Numbers) -> Numbers:
        """(n, m) log-likelihood of the counts at (n, J, m) predictors."""
        family = self.family
        inner = (family.y[:, :, None] * eta - family.cumulant(eta)).sum(axis=1)
        return np.asarray(inner + family.constant[:, None])

    def _find_mode(self, base: Numbers, B: Numbers, near: Floats | None) -> tuple[Numbers, Numbers]:
        """(n, d) mode of the integrand and (n, d, d) root of its curvature."""
        u = self._climb(base.real, B.real, near)
        if np.iscomplexobj(base) or np.iscomplexobj(B):
            for _ in range(2):  # one step carries the first-order part of the mode, the second is rounding
                slope, root = self._around(base, B, u)
                u = u + _solve(root, slope)
        return u, self._around(base, B, u)[1]

    def _climb(self, base: Floats, B: Floats, near: Floats | None) -> Floats:
        """Newton on a log-concave integrand, halved wherever it would go down."""
        u = np.zeros((base.shape[0], B.shape[2])) if near is None else near
        height = self._height(base, B, u)
        for _ in range(MODE_STEPS):
            slope, root = self._around(base, B, u)
            step = _solve(root, slope)
            share = np.ones(u.shape[0])
            for _ in range(HALVINGS):
                there = self._height(base, B, u + share[:, None] * step)
                worse = ~(there >= height - 1e-12 * (1 + np.abs(height)))
                if not worse.any():
                    break
                share[worse] /= 2
            u = u + share[:, None] * step
            height = there
            if np.abs(step).max() < 1e-12:
                break
        return u

    def _height(self, base: Floats, B: Floats, u: Floats) -> Floats:
        eta = base + np.einsum("njd,nd->nj", B, u)
        return np.asarray(self._log_density(eta[:, :, None])[:, 0] - 0.5 * (u**2).sum(axis=1))

    def _around(self, base: Numbers, B: Numbers, u: Numbers) -> tuple[Numbers, Numbers]:
        """Slope of the integrand's logarithm, and the root of its curvature."""
        eta = base + np.einsum("njd,nd->nj", B, u)
        mean, variance = self.family.moments(eta[:, :, None])
        slope = np.einsum("njd,nj->nd", B, self.family.y - mean[:, :, 0]) - u
        curvature = np.einsum("njd,nj,nje->nde", B, variance[:, :, 0], B) + np.eye(u.shape[1])
        return slope, _root(curvature)


def differentiate(evaluate: Callable[[Numbers], Numbers], arguments: Floats) -> Slopes:
    """Value, gradient by complex steps, Hessian by central differences of that gradient.

    Parameters
    ----------
    evaluate : callable
        From arguments (n, m), real or complex, to log-likelihoods (n,); analytic.
    arguments : ndarray of shape (n, m)
        Where.
    """
    m = arguments.shape[1]
    hessian = np.empty((*arguments.shape, m))
    for place in range(m):
        step = CENTRAL_STEP * (1 + np.abs(arguments[:, place]))
        shift = np.where(np.arange(m) == place, step[:, None], 0.0)
        rise = _find_gradient(evaluate, arguments + shift) - _find_gradient(evaluate, arguments - shift)
        hessian[:, :, place] = rise / (2 * step[:, None])
    gradient = _find_gradient(evaluate, arguments)
    return Slopes(evaluate(arguments).real, gradient, (hessian + hessian.transpose(0, 2, 1)) / 2)


def _find_gradient(evaluate: Callable[[Numbers], Numbers], arguments: Floats) -> Floats:
    steps = 1j * COMPLEX_STEP * np.eye(arguments.shape[1])
    return np.stack([evaluate(arguments + step).imag / COMPLEX_STEP for step in steps], axis=1)


@cache
def _make_nodes(points: int, dimensions: int) -> tuple[Floats, Floats]:
    """(d, Q) nodes and (Q,) logarithms of weights with exp(z'z)."""
    z, w = np.polynomial.hermite.hermgauss(points)
    grid = np.array(list(product(range(points), repeat=dimensions)))
    nodes = z[grid].T
    return nodes, np.log(w)[grid].sum(axis=1) + (nodes**2).sum(axis=0)


def _root(A: Numbers) -> Numbers:
    """Cholesky factor by transposition, not conjugation: complex steps pass through."""
    d = A.shape[1]
    L = np.zeros_like(A)
    for j in range(d):
        L[:, j, j] = np.sqrt(A[:, j, j] - (L[:, j, :j] ** 2).sum(axis=1))
        for i in range(j + 1, d):
            L[:, i, j] = (A[:, i, j] - (L[:, i, :j] * L[:, j, :j]).sum(axis=1)) / L[:, j, j]
    return L


def _solve_transposed(L: Numbers, B: Floats) -> Numbers:
    """(n, d, Q) L'^-1 B for one (d, Q) right side."""
    d = L.shape[1]
    out = np.zeros((L.shape[0], *B.shape), dtype=L.dtype)
    for i in reversed(range(d)):
        rest = sum((L[:, j, i, None] * out[:, j] for j in range(i + 1, d)), start=np.zeros_like(out[:, 0]))
        out[:, i] = (B[i] - rest) / L[:, i, i, None]
    return out


def _solve(L: Numbers, b: Numbers) -> Numbers:
    """(n, d) (LL')^-1 b."""
    d = L.shape[1]
    half = np.zeros(b.shape, dtype=np.result_type(L, b))
    for i in range(d):
        half[:, i] = (b[:, i] - (L[:, i, :i] * half[:, :i]).sum(axis=1)) / L[:, i, i]
    out = np.zeros_like(half)
    for i in reversed(range(d)):
        out[:, i] = (half[:, i] - (L[:, i + 1 :, i] * out[:, i + 1 :]).sum(axis=1)) / L[:, i, i]
    return out
