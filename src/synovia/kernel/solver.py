"""Solving with Omega = V + random effects, block by independent block.

A solver is made once per problem; ``factor(psi)`` gives a ``Factor`` that solves, half-solves and knows its
determinant. Cost is linear in the number of independent blocks and cubic only in their size.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from synovia.errors import NotPositiveDefinite
from synovia.kernel.covariance import Covariance, Diagonal
from synovia.kernel.structure import Structure

__all__ = ["Factor", "Solver", "make_solver"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


class Factor(Protocol):
    """Omega at one psi, factored as L L'."""

    @property
    def log_det(self) -> float:
        """Log determinant of Omega."""
        ...

    def half_solve(self, B: Floats) -> Floats:
        """(n, m) L⁻¹ B."""
        ...

    def solve(self, B: Floats) -> Floats:
        """(n, m) Omega⁻¹ B."""
        ...

    def trace(self, term: int | None = None) -> float:
        """Trace of Omega⁻¹ Z Z' for one term, or of Omega⁻¹ itself."""
        ...


class Solver(Protocol):
    """Makes a ``Factor`` at any psi."""

    @property
    def blocks(self) -> int:
        """Number of independent blocks."""
        ...

    def factor(self, psi: Floats) -> Factor:
        """Omega at psi, factored."""
        ...


def make_solver(
    V: Covariance, groups: tuple[Integers, ...], structures: tuple[Structure, ...]
) -> "DiagonalSolver | BlocksSolver":
    """The cheapest solver that is exact for this covariance and these random terms.

    Parameters
    ----------
    V : Covariance
        Known covariance, n rows.
    groups : tuple of ndarray of int of shape (n,)
        Groups of each random term, numbered from 0.
    structures : tuple of Structure
        One per term.
    """
    if isinstance(V, Diagonal) and all(np.unique(rows).size == V.size for rows in groups):
        return DiagonalSolver(V.v, structures)
    return make_blocks_solver(V, groups, structures)


def term_variances(structures: tuple[Structure, ...], psi: Floats) -> list[float]:
    """The variance of each term's random intercept at psi."""
    values, start = [], 0
    for structure in structures:
        values.append(float(structure.covariance(psi[start : start + structure.parameters])[0, 0]))
        start += structure.parameters
    return values


@dataclass(frozen=True, slots=True, eq=False)
class DiagonalFactor:
    """Omega of independent rows: (n,) variances."""

    omega: Floats

    @property
    def log_det(self) -> float:
        """Log determinant of Omega."""
        return float(np.log(self.omega).sum())

    def half_solve(self, B: Floats) -> Floats:
        """(n, m) rows of B over their standard deviations."""
        return B / np.sqrt(self.omega)[:, None]

    def solve(self, B: Floats) -> Floats:
        """(n, m) rows of B over their variances."""
        return B / self.omega[:, None]

    def trace(self, term: int | None = None) -> float:  # noqa: ARG002 - every term is the identity here
        """Sum of the inverse variances, for Omega⁻¹ as for every term."""
        return float((1 / self.omega).sum())


@dataclass(frozen=True, slots=True, eq=False)
class DiagonalSolver:
    """Independent rows, each with its own random effect."""

    v: Floats
    structures: tuple[Structure, ...]

    @property
    def blocks(self) -> int:
        """Every row is its own block."""
        return self.v.size

    def factor(self, psi: Floats) -> DiagonalFactor:
        """Sampling variances plus tau2."""
        return DiagonalFactor(self.v + sum(term_variances(self.structures, psi)))


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """All independent blocks of one size s, g of them.

    Attributes
    ----------
    rows : ndarray of int of shape (g, s)
        Rows of y in each block.
    known : ndarray of shape (g, s, s)
        Sampling covariance.
    shared : ndarray of shape (terms, g, s, s)
        1 where two rows share the random effect of a term.
    """

    rows: Integers
    known: Floats
    shared: Floats


@dataclass(frozen=True, slots=True, eq=False)
class BlocksFactor:
    """Omega of independent blocks: the Cholesky factors of each stack."""

    stacks: tuple[Stack, ...]
    factors: tuple[Floats, ...]

    @property
    def log_det(self) -> float:
        """Log determinant of Omega."""
        return 2 * sum(float(np.log(np.diagonal(L, axis1=1, axis2=2)).sum()) for L in self.factors)

    def half_solve(self, B: Floats) -> Floats:
        """(n, m) L⁻¹ B, block by block."""
        out = np.empty_like(B)
        for stack, L in zip(self.stacks, self.factors, strict=True):
            out[stack.rows] = _solve_lower(L, B[stack.rows])
        return out

    def solve(self, B: Floats) -> Floats:
        """(n, m) Omega⁻¹ B, block by block."""
        out = np.empty_like(B)
        for stack, L in zip(self.stacks, self.factors, strict=True):
            out[stack.rows] = _solve_upper(L, _solve_lower(L, B[stack.rows]))
        return out

    def trace(self, term: int | None = None) -> float:
        """Trace of Omega⁻¹ Z Z' for one term, or of Omega⁻¹ itself."""
        total = 0.0
        for stack, L in zip(self.stacks, self.factors, strict=True):
            half = _solve_lower(L, np.broadcast_to(np.eye(L.shape[1]), L.shape))
            if term is None:
                total += float((half**2).sum())
            else:
                total += float(((half @ stack.shared[term]) * half).sum())
        return total


def _solve_lower(L: Floats, B: Floats) -> Floats:
    if L.shape[0] == 1:
        return np.asarray(
            solve_triangular(L[0], B[0], lower=True, check_finite=False)[None], dtype=np.float64
        )
    return np.asarray(np.linalg.solve(L, B), dtype=np.float64)


def _solve_upper(L: Floats, B: Floats) -> Floats:
    if L.shape[0] == 1:
        solved = solve_triangular(L[0], B[0], lower=True, trans="T", check_finite=False)[None]
        return np.asarray(solved, dtype=np.float64)
    return np.asarray(np.linalg.solve(np.swapaxes(L, 1, 2), B), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class BlocksSolver:
    """Independent blocks of dependent rows."""

    stacks: tuple[Stack, ...]
    structures: tuple[Structure, ...]

    @property
    def blocks(self) -> int:
        """Number of independent blocks."""
        return sum(int(stack.rows.shape[0]) for stack in self.stacks)

    def factor(self, psi: Floats) -> BlocksFactor:
        """Cholesky factors of V plus the random effects."""
        variances = np.array(term_variances(self.structures, psi))
        try:
            factors = tuple(
                np.asarray(
                    np.linalg.cholesky(stack.known + np.tensordot(variances, stack.shared, axes=1)),
                    np.float64,
                )
                for stack in self.stacks
            )
        except np.linalg.LinAlgError:
            raise NotPositiveDefinite(
                f"The total covariance is not positive definite at psi = {psi.tolist()}; "
                "wanted variances of at least 0 that do not dwarf the sampling variances."
            ) from None
        return BlocksFactor(self.stacks, factors)


def make_blocks_solver(
    V: Covariance, groups: tuple[Integers, ...], structures: tuple[Structure, ...]
) -> BlocksSolver:
    """Independent blocks: rows joined by V or by a random effect, in any chain, belong together."""
    component = _join((V.labels, *groups))
    sizes = np.bincount(component)
    stacks = tuple(
        _stack(V, groups, np.flatnonzero(sizes[component] == size), component) for size in np.unique(sizes)
    )
    return BlocksSolver(stacks, structures)


def _join(labels: tuple[Integers, ...]) -> Integers:
    """(n,) component of each row, where rows with an equal label of any kind are joined."""
    n = labels[0].size
    ends, offset = [], n
    for label in labels:
        ends.append(label + offset)
        offset += int(label.max()) + 1
    rows = np.tile(np.arange(n), len(labels))
    graph = csr_array((np.ones(rows.size), (rows, np.concatenate(ends))), shape=(offset, offset))
    component = connected_components(graph, directed=False)[1][:n]
    return np.unique(component, return_inverse=True)[1].astype(np.intp)


def _stack(V: Covariance, groups: tuple[Integers, ...], members: Integers, component: Integers) -> Stack:
    """The blocks of one size, from the rows that belong to them."""
    order = members[np.argsort(component[members], kind="stable")]
    size = int(np.count_nonzero(component == component[order[0]]))
    rows = order.reshape(-1, size)
    place = np.full(component.size, -1, dtype=np.intp)
    place[order] = np.arange(order.size)
    row, column, value = V.entries()
    here = place[row] >= 0
    row, column, value = place[row[here]], place[column[here]], value[here]
    known = np.zeros((rows.shape[0], size, size))
    known[row // size, row % size, column % size] = value
    shared = [label[rows][:, :, None] == label[rows][:, None, :] for label in groups]
    return Stack(rows, known, np.array(shared, dtype=np.float64).reshape(-1, *known.shape))
