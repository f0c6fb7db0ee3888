"""The structure without assumptions: every variance and every correlation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.structure import Bounds

__all__ = ["Unstructured"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Unstructured:
    """Every variance and every correlation its own parameter.

    psi holds the q variances, then the correlations in the order (1,2), (1,3), ..., (2,3), ...; the search
    moves the Cholesky factor of G, so that singular matrices are ordinary points of it.

    Examples
    --------
    >>> Unstructured(2).covariance(np.array([4.0, 1.0, 0.5])).tolist()
    [[4.0, 1.0], [1.0, 1.0]]
    """

    size: int

    @property
    def parameters(self) -> int:
        """Q (q + 1) / 2."""
        return self.size * (self.size + 1) // 2

    @property
    def names(self) -> tuple[str, ...]:
        """tau2[1] ..., rho[1,2] ..."""
        own = [f"tau2[{level}]" for level in range(1, self.size + 1)]
        first, second = np.triu_indices(self.size, 1)
        return (*own, *(f"rho[{i + 1},{j + 1}]" for i, j in zip(first, second, strict=True)))

    @property
    def bounds(self) -> Bounds:
        """Variances of at least 0, correlations in [-1, 1]."""
        return (*((0.0, np.inf),) * self.size, *((-1.0, 1.0),) * (self.parameters - self.size))

    @property
    def search_bounds(self) -> Bounds:
        """The Cholesky factor is free."""
        return ((-np.inf, np.inf),) * self.parameters

    def covariance(self, psi: Floats) -> Floats:
        """(q, q) covariance."""
        s = np.sqrt(psi[: self.size])
        C = np.eye(self.size)
        C[np.triu_indices(self.size, 1)] = psi[self.size :]
        return np.asarray(np.outer(s, s) * (np.triu(C) + np.triu(C, 1).T))

    def derivatives(self, psi: Floats) -> Floats:
        """(parameters, q, q) slopes in variances and correlations; 0 where infinite, at a variance of 0."""
        G = self.covariance(psi)
        variances = psi[: self.size]
        out = np.zeros((self.parameters, self.size, self.size))
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(variances[:, None] > 0, G / (2 * variances[:, None]), 0.0)
        for level in range(self.size):
            out[level, level] += share[level]
            out[level, :, level] += share[level]
            if variances[level] == 0:
                out[level, level, level] = 1
        s = np.sqrt(variances)
        for place, (i, j) in enumerate(zip(*np.triu_indices(self.size, 1), strict=True)):
            out[self.size + place, i, j] = out[self.size + place, j, i] = s[i] * s[j]
        return out

    def start(self, variance: Floats) -> Floats:
        """These variances without correlation."""
        rows, columns = np.tril_indices(self.size)
        root = np.sqrt(np.broadcast_to(variance, (self.size,)))
        return np.where(rows == columns, root[rows], 0.0)

    def factor(self, theta: Floats) -> Floats:
        """(q, q) lower triangle L of G = LL'."""
        L = np.zeros((self.size, self.size))
        L[np.tril_indices(self.size)] = theta
        return L

    def from_search(self, theta: Floats) -> Floats:
        """Variances and correlations of LL'; a correlation with a variance of 0 is 0."""
        L = self.factor(theta)
        G = L @ L.T
        s = np.sqrt(np.diag(G))
        with np.errstate(divide="ignore", invalid="ignore"):
            C = np.where(np.outer(s, s) > 0, G / np.outer(s, s), 0.0)
        return np.concatenate([np.diag(G), np.clip(C[np.triu_indices(self.size, 1)], -1, 1)])

    def search_derivatives(self, theta: Floats) -> Floats:
        """(parameters, q, q) slopes of LL' in the entries of L."""
        L = self.factor(theta)
        out = np.zeros((self.parameters, self.size, self.size))
        for place, (i, j) in enumerate(zip(*np.tril_indices(self.size), strict=True)):
            out[place, i, :] += L[:, j]
            out[place, :, i] += L[:, j]
        return out

    def search_curvature(self, theta: Floats, slope: Floats) -> Floats:  # noqa: ARG002 - one signature
        """The trace of slope LL' is quadratic in L: 2 slope within a column of L."""
        rows, columns = np.tril_indices(self.size)
        return np.asarray(2 * slope[np.ix_(rows, rows)] * (columns[:, None] == columns[None, :]))

    def linear_basis(self) -> Floats:
        """One matrix per variance and per covariance."""
        pairs = [(i, i) for i in range(self.size)] + list(zip(*np.triu_indices(self.size, 1), strict=True))
        out = np.zeros((len(pairs), self.size, self.size))
        for place, (i, j) in enumerate(pairs):
            out[place, i, j] = out[place, j, i] = 1
        return out
