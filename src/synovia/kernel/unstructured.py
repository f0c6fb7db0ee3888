"""The structure without assumptions: every variance and every correlation, or all but one of them."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.structure import Bounds, Fixed

__all__ = ["HeldUnstructured", "Unstructured", "find_lower"]

Floats = NDArray[np.float64]
Places = tuple[NDArray[np.intp], NDArray[np.intp]]

FULL = 1 - 1e-15  # correlations beyond it are 1 but for the rounding of their covariances
LEAST = 1e-4  # share of a variance that a start leaves unexplained by the other effects


@cache
def find_lower(size: int) -> Places:
    """Rows and columns of a lower triangle, in the order of the search.

    Parameters
    ----------
    size : int
        Number of random effects.
    """
    return np.tril_indices(size)


@cache
def _find_upper(size: int) -> Places:
    """Rows and columns above the diagonal, in the order of the correlations."""
    return np.triu_indices(size, 1)


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
        first, second = _find_upper(self.size)
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
        C[_find_upper(self.size)] = psi[self.size :]
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
        for place, (i, j) in enumerate(zip(*_find_upper(self.size), strict=True)):
            out[self.size + place, i, j] = out[self.size + place, j, i] = s[i] * s[j]
        return out

    def start(self, variance: Floats) -> Floats:
        """These variances without correlation."""
        rows, columns = find_lower(self.size)
        root = np.sqrt(np.broadcast_to(variance, (self.size,)))
        return np.where(rows == columns, root[rows], 0.0)

    def factor(self, theta: Floats) -> Floats:
        """(q, q) lower triangle L of G = LL'."""
        L = np.zeros((self.size, self.size))
        L[find_lower(self.size)] = theta
        return L

    def from_search(self, theta: Floats) -> Floats:
        """Variances and correlations of LL'."""
        L = self.factor(theta)
        return self.read(L @ L.T)

    def read(self, G: Floats) -> Floats:
        """Psi of a covariance; a correlation with a variance of 0 is 0."""
        s = np.sqrt(np.diag(G))
        with np.errstate(divide="ignore", invalid="ignore"):
            C = np.where(np.outer(s, s) > 0, G / np.outer(s, s), 0.0)
        rho = C[_find_upper(self.size)]
        return np.concatenate([np.diag(G), np.where(np.abs(rho) > FULL, np.sign(rho), rho)])

    def to_search(self, psi: Floats) -> Floats:
        """The Cholesky factor of psi, a little away from singular."""
        return self.root(self.covariance(psi))[find_lower(self.size)]

    def root(self, G: Floats) -> Floats:
        """(q, q) lower triangle L of G = LL', or of a matrix near G where G is nearly singular."""
        L = np.zeros((self.size, self.size))
        for j in range(self.size):
            left = G[j, j] - L[j, :j] @ L[j, :j]
            L[j, j] = np.sqrt(max(left, LEAST * G[j, j]))
            if L[j, j] > 0:
                L[j + 1 :, j] = (G[j + 1 :, j] - L[j + 1 :, :j] @ L[j, :j]) / L[j, j]
        return L

    def hold(self, index: int, value: float) -> "HeldUnstructured":
        """One entry of psi held, in coordinates of its own."""
        return HeldUnstructured(self, index, value)

    def search_derivatives(self, theta: Floats) -> Floats:
        """(parameters, q, q) slopes of LL' in the entries of L."""
        L = self.factor(theta)
        out = np.zeros((self.parameters, self.size, self.size))
        for place, (i, j) in enumerate(zip(*find_lower(self.size), strict=True)):
            out[place, i, :] += L[:, j]
            out[place, :, i] += L[:, j]
        return out

    def search_curvature(self, theta: Floats, slope: Floats) -> Floats:  # noqa: ARG002 - one signature
        """The trace of slope LL' is quadratic in L: 2 slope within a column of L."""
        rows, columns = find_lower(self.size)
        return np.asarray(2 * slope[np.ix_(rows, rows)] * (columns[:, None] == columns[None, :]))

    def linear_basis(self) -> Floats:
        """One matrix per variance and per covariance."""
        pairs = [(i, i) for i in range(self.size)] + list(zip(*_find_upper(self.size), strict=True))
        out = np.zeros((len(pairs), self.size, self.size))
        for place, (i, j) in enumerate(pairs):
            out[place, i, j] = out[place, j, i] = 1
        return out


@dataclass(frozen=True, slots=True, eq=False)
class HeldUnstructured:
    r"""Every variance and every correlation but one its own parameter.

    The search moves the factor L of G = LL', triangular once what is held stands first. A held variance fixes
    the one entry of its row; a held correlation leaves the first two rows one standard deviation each,
    :math:`(s_i, 0)` and :math:`(\rho s_j, \sqrt{1 - \rho^2}\,s_j)`. L is linear in what remains: every theta
    gives a covariance, and every covariance with the held entry has a theta.

    Attributes
    ----------
    whole : Unstructured
        With nothing held.
    index : int
        Which entry of psi is held.
    value : float
        Where.
    still : ndarray of shape (q, q)
        L where theta is 0.
    moving : ndarray of shape (parameters, q, q)
        What each coordinate adds to L.

    Examples
    --------
    >>> half = HeldUnstructured(Unstructured(2), 2, 0.5)
    >>> half.from_search(half.to_search(np.array([4.0, 1.0]))).round(9).tolist()
    [4.0, 1.0]
    """

    whole: Unstructured
    index: int
    value: float
    still: Floats
    moving: Floats

    def __init__(self, whole: Unstructured, index: int, value: float) -> None:
        object.__setattr__(self, "whole", whole)
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "value", value)
        still, moving = _place(whole.size, self._find_order(), value)
        object.__setattr__(self, "still", still)
        object.__setattr__(self, "moving", moving)

    def _find_order(self) -> tuple[list[int], list[int]]:
        """The effects that the held entry speaks of, and the others."""
        q = self.size
        sides = [side.tolist() for side in _find_upper(q)]
        first = [self.index] if self.index < q else [side[self.index - q] for side in sides]
        return first, [level for level in range(q) if level not in first]

    @property
    def size(self) -> int:
        """Number of random effects, q."""
        return self.whole.size

    @property
    def parameters(self) -> int:
        """All but one."""
        return self.whole.parameters - 1

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the others."""
        return self.whole.names[: self.index] + self.whole.names[self.index + 1 :]

    @property
    def bounds(self) -> Bounds:
        """Those of the others."""
        return self.whole.bounds[: self.index] + self.whole.bounds[self.index + 1 :]

    @property
    def search_bounds(self) -> Bounds:
        """The factor is free."""
        return ((-np.inf, np.inf),) * self.parameters

    def fill(self, psi: Floats) -> Floats:
        """(parameters + 1,) held and free together."""
        return np.insert(psi, self.index, self.value)

    def covariance(self, psi: Floats) -> Floats:
        """(q, q) covariance."""
        return self.whole.covariance(self.fill(psi))

    def derivatives(self, psi: Floats) -> Floats:
        """(parameters, q, q) slopes in the free parameters."""
        return np.delete(self.whole.derivatives(self.fill(psi)), self.index, axis=0)

    def start(self, variance: Floats) -> Floats:
        """These variances, the others uncorrelated."""
        return self.to_search(np.delete(self.whole.from_search(self.whole.start(variance)), self.index))

    def from_search(self, theta: Floats) -> Floats:
        """Variances and correlations of LL'."""
        L = self._factor(theta)
        return np.delete(self.whole.read(L @ L.T), self.index)

    def to_search(self, psi: Floats) -> Floats:
        """Theta of the covariance that comes nearest: psi and the held entry need not fit each other."""
        first, rest = self._find_order()
        order = [*first, *rest]
        whole = self.fill(psi)
        L = self.whole.root(self.covariance(psi)[np.ix_(order, order)])
        if len(first) == 1:
            return L[find_lower(self.size)][1:]
        scales = np.sqrt(whole[first])
        return np.concatenate([scales, L[find_lower(self.size)][3:]])

    def _factor(self, theta: Floats) -> Floats:
        return np.asarray(self.still + np.tensordot(theta, self.moving, axes=1))

    def search_derivatives(self, theta: Floats) -> Floats:
        """(parameters, q, q) slopes of LL' in theta."""
        half = self.moving @ self._factor(theta).T
        return np.asarray(half + half.transpose(0, 2, 1))

    def search_curvature(self, theta: Floats, slope: Floats) -> Floats:  # noqa: ARG002 - one signature
        """The trace of slope LL' is quadratic in L."""
        flat = self.moving.reshape(self.parameters, self.size**2)
        turned = (slope @ self.moving).reshape(flat.shape)
        return np.asarray(2 * flat @ turned.T)

    def hold(self, index: int, value: float) -> Fixed:
        """Two entries held, in their own coordinates."""
        return Fixed(self, np.where(np.arange(self.parameters) == index, value, np.nan))

    def linear_basis(self) -> Floats | None:
        """Not offered: a held parameter is not a free linear one."""
        return None


def _place(q: int, order: tuple[list[int], list[int]], value: float) -> tuple[Floats, Floats]:
    """The part of L that stays, and (parameters, q, q) what each coordinate adds to it."""
    first, rest = order
    still = np.zeros((q, q))
    out = []
    if len(first) == 1:
        still[first[0], 0] = np.sqrt(value)
    else:
        one, two = np.zeros((2, q, q))
        one[first[0], 0] = 1.0
        two[first[1], :2] = value, np.sqrt(max(1 - value**2, 0.0))
        out += [one, two]
    for row, level in enumerate(rest, start=len(first)):
        for column in range(row + 1):
            entry = np.zeros((q, q))
            entry[level, column] = 1.0
            out.append(entry)
    return still, np.array(out).reshape(-1, q, q)
