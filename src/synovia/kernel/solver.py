"""Solving with Omega = V + random effects: one contract, and the cheapest solver that is exact.

A solver is made once per problem; ``factor(psi)`` gives a ``Factor`` that solves, half-solves and knows its
determinant. Independent rows cost their number; nested random intercepts over independent rows cost their
number too (``nested``); everything else is solved block by independent block (``blocks``).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from synovia.errors import NotPositiveDefinite
from synovia.kernel.term import RandomTerm, Term

__all__ = ["DiagonalFactor", "DiagonalSolver", "Factor", "Solver", "find_components", "split", "sum_rowwise"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Terms = tuple[RandomTerm, ...]


class Factor(Protocol):
    """Omega at one psi, factored as L L' for some square L."""

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

    def inverse_diagonal(self) -> Floats:
        """(n,) diagonal of Omega⁻¹."""
        ...

    def gram(self, term: int) -> Floats:
        """(q, q) sum over the groups of a term of Z' Omega⁻¹ Z."""
        ...

    def product_traces(self, slopes: "list[Slope]") -> Floats:
        """(m, m) traces of Omega⁻¹ A Omega⁻¹ B for every pair of slopes of Omega."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Slope:
    """One derivative of Omega: Z (I x G) Z' of a term, or a diagonal.

    Attributes
    ----------
    term : int
        Which term it belongs to.
    G : ndarray of shape (q, q)
        Derivative of the term's covariance; unused for a diagonal.
    rows : ndarray of shape (n,) or None
        The diagonal, for terms that add to the diagonal alone.
    """

    term: int
    G: Floats
    rows: Floats | None = None


class Solver(Protocol):
    """Makes a ``Factor`` at any psi."""

    @property
    def blocks(self) -> int:
        """Number of independent blocks."""
        ...

    def factor(self, psi: Floats) -> Factor:
        """Omega at psi, factored."""
        ...


def split(terms: Terms, psi: Floats) -> list[Floats]:
    """The entries of psi that belong to each term."""
    parts, start = [], 0
    for term in terms:
        parts.append(psi[start : start + term.parameters])
        start += term.parameters
    return parts


def sum_rowwise(v: Floats, terms: Terms, psi: Floats) -> Floats:
    """(n,) sampling variances plus what rowwise terms add.

    Raises
    ------
    NotPositiveDefinite
        When a variance is not above 0; the row is named.
    """
    total = v
    for term, part in zip(terms, split(terms, psi), strict=True):
        if term.rowwise:
            total = total + (part[0] if _is_plain(term) else term.row_variances(part))
    if not total.min() > 0:
        row = int(np.argmin(np.where(np.isnan(total), -np.inf, total)))
        raise NotPositiveDefinite(f"The total variance of row {row + 1} is {total[row]:.3g} at this psi.")
    return np.asarray(total)


def _is_plain(term: RandomTerm) -> bool:
    return isinstance(term, Term) and term.loadings is None and term.structure.size == 1 == term.parameters


def find_components(labels: tuple[Integers, ...]) -> Integers:
    """(n,) component of each row, where rows with an equal label of any kind are joined."""
    coarsest = min(labels, key=lambda label: int(label.max()))
    nested = all(_is_within(label, coarsest) for label in labels)
    component = coarsest if nested else _join(labels)
    return np.unique(component, return_inverse=True)[1].astype(np.intp)


def _is_within(fine: Integers, coarse: Integers) -> bool:
    """Whether rows of one fine label have one coarse label."""
    of = np.zeros(int(fine.max()) + 1, dtype=np.intp)
    of[fine] = coarse
    return bool((of[fine] == coarse).all())


def _join(labels: tuple[Integers, ...]) -> Integers:
    n = labels[0].size
    ends, offset = [], n
    for label in labels:
        ends.append(label + offset)
        offset += int(label.max()) + 1
    rows = np.tile(np.arange(n), len(labels))
    graph = csr_array((np.ones(rows.size), (rows, np.concatenate(ends))), shape=(offset, offset))
    return np.asarray(connected_components(graph, directed=False)[1][:n])


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

    def inverse_diagonal(self) -> Floats:
        """(n,) inverse variances."""
        return 1 / self.omega

    def gram(self, term: int) -> Floats:
        """Independent rows share no random effect.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(f"term {term} is rowwise: its sums are those of the inverse variances")

    def product_traces(self, slopes: list[Slope]) -> Floats:
        """(m, m) traces of Omega⁻¹ A Omega⁻¹ B."""
        rows = np.array([slope.rows for slope in slopes]) / self.omega
        return np.asarray(rows @ rows.T)


@dataclass(frozen=True, slots=True, eq=False)
class DiagonalSolver:
    """Independent rows, each with random effects of its own."""

    v: Floats
    terms: Terms

    @property
    def blocks(self) -> int:
        """Every row is its own block."""
        return self.v.size

    def factor(self, psi: Floats) -> DiagonalFactor:
        """Sampling variances plus the variances of the random effects."""
        return DiagonalFactor(sum_rowwise(self.v, self.terms, psi))
