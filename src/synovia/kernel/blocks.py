"""Omega of independent blocks of dependent rows: cost linear in their number and cubic only in their size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from synovia.errors import NotPositiveDefinite
from synovia.kernel.covariance import Covariance
from synovia.kernel.solver import Slope, Terms, find_components, split, sum_rowwise
from synovia.kernel.term import Term

__all__ = ["BlocksFactor", "BlocksSolver", "Stack", "make_blocks_solver"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Where the rows of a stack share the random effects of one term.

    Attributes
    ----------
    same : ndarray of shape (g, s, s)
        1 where two rows belong to one group.
    codes : ndarray of int of shape (g, s)
        Which effect each row has.
    loadings : ndarray of shape (g, s, q) or None
        Instead of codes.
    """

    same: Floats
    codes: Integers
    loadings: Floats | None

    def spread(self, G: Floats) -> Floats:
        """(g, s, s) Z (I x G) Z' within each block."""
        if G.shape == (1, 1) and self.loadings is None:
            return np.asarray(G[0, 0] * self.same)
        if self.loadings is None:
            return np.asarray(self.same * G[self.codes[:, :, None], self.codes[:, None, :]])
        return np.asarray(self.same * ((self.loadings @ G) @ np.swapaxes(self.loadings, 1, 2)))

    def collect(self, inverse: Floats, q: int) -> Floats:
        """(q, q) sum over blocks and groups of Z' inverse Z."""
        weights = inverse * self.same
        if q == 1 and self.loadings is None:
            return np.full((1, 1), weights.sum())
        if self.loadings is None:
            place = self.codes[:, :, None] * q + self.codes[:, None, :]
            sums = np.bincount(place.ravel(), weights=weights.ravel(), minlength=q * q)
            return np.asarray(sums.reshape(q, q), dtype=np.float64)
        half = weights @ self.loadings
        return np.asarray(np.einsum("gsi,gsj->ij", self.loadings, half))


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """All independent blocks of one size s, g of them.

    Attributes
    ----------
    rows : ndarray of int of shape (g, s)
        Rows of y in each block.
    known : ndarray of shape (g, s, s)
        Sampling covariance.
    shared : dict of int to Shared
        By number of the term, for terms that join rows.
    """

    rows: Integers
    known: Floats
    shared: dict[int, Shared]


@dataclass(frozen=True, slots=True, eq=False)
class BlocksFactor:
    """Omega of independent blocks: the inverse Cholesky factors of each stack."""

    stacks: tuple[Stack, ...]
    roots: tuple[Floats, ...]
    log_det: float
    sizes: tuple[int, ...]

    def half_solve(self, B: Floats) -> Floats:
        """(n, m) L⁻¹ B, block by block."""
        out = np.empty_like(B)
        for stack, root in zip(self.stacks, self.roots, strict=True):
            out[stack.rows] = root @ B[stack.rows]
        return out

    def solve(self, B: Floats) -> Floats:
        """(n, m) Omega⁻¹ B, block by block."""
        out = np.empty_like(B)
        for stack, root in zip(self.stacks, self.roots, strict=True):
            out[stack.rows] = np.swapaxes(root, 1, 2) @ (root @ B[stack.rows])
        return out

    def inverses(self) -> list[Floats]:
        """(g, s, s) inverse of every block, one array per stack."""
        return [np.swapaxes(root, 1, 2) @ root for root in self.roots]

    def inverse_diagonal(self) -> Floats:
        """(n,) diagonal of Omega⁻¹."""
        out = np.empty(sum(stack.rows.size for stack in self.stacks))
        for stack, root in zip(self.stacks, self.roots, strict=True):
            out[stack.rows] = (root**2).sum(axis=1)
        return out

    def gram(self, term: int) -> Floats:
        """(q, q) sum over the groups of a term of Z' Omega⁻¹ Z."""
        q = self.sizes[term]
        parts = [
            stack.shared[term].collect(np.swapaxes(root, 1, 2) @ root, q)
            for stack, root in zip(self.stacks, self.roots, strict=True)
        ]
        return np.asarray(sum(parts, np.zeros((q, q))))

    def product_traces(self, slopes: list[Slope]) -> Floats:
        """(m, m) traces of Omega⁻¹ A Omega⁻¹ B."""
        total = np.zeros((len(slopes), len(slopes)))
        for stack, inverse in zip(self.stacks, self.inverses(), strict=True):
            products = [inverse @ _spread_slope(stack, slope) for slope in slopes]
            for i, left in enumerate(products):
                for j in range(i + 1):
                    total[i, j] += float((left * np.swapaxes(products[j], 1, 2)).sum())
        return np.asarray(np.tril(total) + np.tril(total, -1).T)


def _spread_slope(stack: Stack, slope: Slope) -> Floats:
    if slope.rows is None:
        return stack.shared[slope.term].spread(slope.G)
    return np.asarray(slope.rows[stack.rows][:, :, None] * np.eye(stack.rows.shape[1]))


@dataclass(frozen=True, slots=True, eq=False)
class BlocksSolver:
    """Independent blocks of dependent rows."""

    stacks: tuple[Stack, ...]
    terms: Terms
    diagonal: Floats

    @property
    def blocks(self) -> int:
        """Number of independent blocks."""
        return sum(int(stack.rows.shape[0]) for stack in self.stacks)

    def matrices(self, psi: Floats) -> list[Floats]:
        """(g, s, s) V plus the random effects of every block, one array per stack."""
        parts = split(self.terms, psi)
        whole = [term.structure.covariance(p) if isinstance(term, Term) else None
                 for term, p in zip(self.terms, parts, strict=True)]  # fmt: skip
        own = sum_rowwise(self.diagonal, self.terms, psi) - self.diagonal
        out = []
        for stack in self.stacks:
            omega = stack.known.copy()
            for number, shared in stack.shared.items():
                G = whole[number]
                if G is not None:
                    omega += shared.spread(G)
            places = np.arange(omega.shape[1])
            omega[:, places, places] += own[stack.rows]
            out.append(omega)
        return out

    def factor(self, psi: Floats) -> BlocksFactor:
        """Cholesky factors of V plus the random effects."""
        roots, log_det = [], 0.0
        for omega in self.matrices(psi):
            root, part = _invert_root(omega, psi)
            roots.append(root)
            log_det += part
        sizes = tuple(term.structure.size if isinstance(term, Term) else 0 for term in self.terms)
        return BlocksFactor(self.stacks, tuple(roots), log_det, sizes)


def _invert_root(omega: Floats, psi: Floats) -> tuple[Floats, float]:
    """Inverse Cholesky factors and log determinant."""
    try:
        L = np.linalg.cholesky(omega)
    except np.linalg.LinAlgError:
        raise NotPositiveDefinite(
            f"The total covariance is not positive definite at psi = {psi.tolist()}; "
            "wanted variances of at least 0 that do not dwarf the sampling variances."
        ) from None
    log_det = 2 * float(np.log(np.diagonal(L, axis1=1, axis2=2)).sum())
    if L.shape[0] == 1:
        return np.asarray(np.tril(lapack.dtrtri(L[0], lower=1)[0])[None], dtype=np.float64), log_det
    return np.asarray(np.linalg.inv(L), dtype=np.float64), log_det


def make_blocks_solver(V: Covariance, terms: Terms) -> BlocksSolver:
    """Independent blocks: rows joined by V or by a random effect, in any chain, belong together."""
    joined = tuple(term.groups for term in terms if not term.rowwise)
    component = find_components((V.labels, *joined))
    sizes = np.bincount(component)
    stacks = tuple(
        _stack(V, terms, np.flatnonzero(sizes[component] == size), component) for size in np.unique(sizes)
    )
    return BlocksSolver(stacks, terms, V.diagonal)


def _stack(V: Covariance, terms: Terms, members: Integers, component: Integers) -> Stack:
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
    shared = {
        number: _share(term, rows)
        for number, term in enumerate(terms)
        if isinstance(term, Term) and not term.rowwise
    }
    return Stack(rows, known, shared)


def _share(term: Term, rows: Integers) -> Shared:
    label = term.groups[rows]
    same = (label[:, :, None] == label[:, None, :]).astype(np.float64)
    return Shared(same, term.codes[rows], None if term.loadings is None else term.loadings[rows])
