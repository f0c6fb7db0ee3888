r"""Random intercepts over independent rows, nested or crossed: cost linear in the rows.

With :math:`\Omega = D + Z T Z'`, D and T diagonal and few columns of Z in each independent block, Woodbury's
identity needs only the small matrices :math:`K = Z'D^{-1}Z` of the blocks:

.. math:: \Omega^{-1} = D^{-1} - D^{-1} Z M Z' D^{-1}, \qquad M = T^{1/2} (I + T^{1/2} K T^{1/2})^{-1} T^{1/2}

Woodbury (1950), Inverting modified matrices, Statistical Research Group memorandum 42, Princeton.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import NotPositiveDefinite
from synovia.kernel.solver import Slope, Terms, find_components, split, sum_rowwise
from synovia.kernel.structure import Scalar
from synovia.kernel.term import RandomTerm, Term

__all__ = ["NestedFactor", "NestedSolver", "make_nested_solver", "suits"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

DWARFED = 1e14  # total over sampling variance beyond which Woodbury's identity has no digits left


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Independent blocks with r columns of Z each, g of them.

    Attributes
    ----------
    columns : ndarray of int of shape (g, r)
        Columns of Z in each block.
    pairs : tuple of arrays
        Block, two places in it and the pair of rows' sum that belongs there.
    """

    columns: Integers
    pairs: tuple[Integers, Integers, Integers, Integers]


@dataclass(frozen=True, slots=True, eq=False)
class NestedSolver:
    """Independent sampling errors with random intercepts shared by groups of rows.

    Attributes
    ----------
    v : ndarray of shape (n,)
        Sampling variances.
    terms : tuple of RandomTerm
        All terms.
    joined : tuple of int
        Numbers of those that join rows.
    place : ndarray of int of shape (n, len(joined))
        Column of Z that each row has from each joining term.
    term_of : ndarray of int of shape (columns,)
        Joining term of each column.
    cross : tuple
        Pairs of columns that share rows, as (first, second, number of each row's pair).
    stacks : tuple of Columns
        The blocks by their number of columns.
    """

    v: Floats
    terms: Terms
    joined: tuple[int, ...]
    place: Integers
    term_of: Integers
    cross: tuple[Integers, Integers, Integers]
    stacks: tuple[Columns, ...]

    @property
    def blocks(self) -> int:
        """Number of independent blocks."""
        return sum(int(stack.columns.shape[0]) for stack in self.stacks)

    def factor(self, psi: Floats) -> "NestedFactor":
        """Omega at psi through the small matrices of its blocks."""
        d = sum_rowwise(self.v, self.terms, psi)
        parts = split(self.terms, psi)
        tau = np.sqrt(np.array([parts[number][0] for number in self.joined])[self.term_of])
        pairs = self.sum_pairs(1 / d)
        vectors, values = [], []
        for stack in self.stacks:
            local = tau[stack.columns]
            core = local[:, :, None] * self.fill(stack, pairs) * local[:, None, :]
            if core.shape[1] == 1:
                values.append(core[:, :, 0])
                vectors.append(np.ones_like(core))
            else:
                found = np.linalg.eigh(core)
                values.append(np.clip(found.eigenvalues, 0, None))
                vectors.append(found.eigenvectors)
        if max(float(value.max()) for value in values) > DWARFED:
            raise NotPositiveDefinite(
                f"The random effects dwarf the sampling variances beyond what can be computed at psi = "
                f"{psi.tolist()}; the smallest sampling variance is {float(self.v.min()):.3g}. Check it."
            )
        return NestedFactor(self, d, tau, tuple(vectors), tuple(values))

    def sum_pairs(self, weights: Floats) -> Floats:
        """(pairs,) sums of row weights over the rows that two columns share."""
        number = self.cross[2]
        return np.asarray(
            np.bincount(
                number.ravel(), weights=np.repeat(weights, number.shape[1]), minlength=self.cross[0].size
            )
        )

    def fill(self, stack: Columns, sums: Floats) -> Floats:
        """(g, r, r) Z' diag(weights) Z within each block, from the sums over pairs."""
        g, r = stack.columns.shape
        out = np.zeros((g, r, r))
        block, first, second, number = stack.pairs
        out[block, first, second] = sums[number]
        return out

    def gather(self, B: Floats) -> Floats:
        """(columns, m) Z'B."""
        return np.stack(
            [
                np.bincount(
                    self.place.ravel(),
                    weights=np.repeat(column, self.place.shape[1]),
                    minlength=self.term_of.size,
                )
                for column in B.T
            ],
            axis=-1,
        )

    def scatter(self, effects: Floats) -> Floats:
        """(n, m) Z u."""
        return np.asarray(effects[self.place].sum(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class NestedFactor:
    """Omega at one psi: row variances and the eigenvectors of each block's small matrix."""

    solver: NestedSolver
    d: Floats
    tau: Floats
    vectors: tuple[Floats, ...]
    values: tuple[Floats, ...]

    @property
    def log_det(self) -> float:
        """Log determinant of Omega."""
        return float(np.log(self.d).sum()) + sum(float(np.log1p(value).sum()) for value in self.values)

    def half_solve(self, B: Floats) -> Floats:
        """(n, m) L⁻¹ B with L = D^½ (I + WW')^½, W = D^-½ Z T^½."""
        root = np.sqrt(self.d)[:, None]
        scaled = B / root
        with np.errstate(invalid="ignore", divide="ignore"):
            shrink = [
                np.where(value > 1e-12, np.expm1(-0.5 * np.log1p(value)) / value, -0.5)
                for value in self.values
            ]
        return scaled + self._between(scaled / root, shrink) / root

    def solve(self, B: Floats) -> Floats:
        """(n, m) Omega⁻¹ B."""
        scaled = B / self.d[:, None]
        return scaled - self._between(scaled, [1 / (1 + value) for value in self.values]) / self.d[:, None]

    def _between(self, rows: Floats, weights: list[Floats]) -> Floats:
        """(n, m) Z T^½ Q diag(weights) Q' T^½ Z' rows."""
        pulled = self.tau[:, None] * self.solver.gather(rows)
        effects = np.zeros_like(pulled)
        for stack, Q, weight in zip(self.solver.stacks, self.vectors, weights, strict=True):
            local = np.swapaxes(Q, 1, 2) @ pulled[stack.columns]
            effects[stack.columns] = Q @ (weight[:, :, None] * local)
        return self.solver.scatter(self.tau[:, None] * effects)

    def _middles(self) -> list[Floats]:
        """(g, r, r) M of every block."""
        out = []
        for stack, Q, value in zip(self.solver.stacks, self.vectors, self.values, strict=True):
            local = self.tau[stack.columns]
            inner = (Q / (1 + value)[:, None, :]) @ np.swapaxes(Q, 1, 2)
            out.append(local[:, :, None] * inner * local[:, None, :])
        return out

    def inverse_diagonal(self) -> Floats:
        """(n,) diagonal of Omega⁻¹."""
        return 1 / self.d - self._sum_middle(self._middles()) / self.d**2

    def _sum_middle(self, middles: list[Floats]) -> Floats:
        """(n,) z'Mz of each row."""
        per_pair = np.zeros(self.solver.cross[0].size)
        for stack, middle in zip(self.solver.stacks, middles, strict=True):
            block, first, second, number = stack.pairs
            per_pair[number] = middle[block, first, second]
        return np.asarray(per_pair[self.solver.cross[2]].sum(axis=1))

    def _cores(self, power: int = 1) -> list[Floats]:
        """(g, r, r) Z' D^-power Z of every block."""
        pairs = self.solver.sum_pairs(self.d**-power)
        return [self.solver.fill(stack, pairs) for stack in self.solver.stacks]

    def gram(self, term: int) -> Floats:
        """(1, 1) sum over the groups of a term of Z' Omega⁻¹ Z."""
        number = self.solver.joined.index(term)
        total = 0.0
        for stack, K, M in zip(self.solver.stacks, self._cores(), self._middles(), strict=True):
            inner = np.diagonal(K - K @ M @ K, axis1=1, axis2=2)
            total += float(inner[self.solver.term_of[stack.columns] == number].sum())
        return np.full((1, 1), total)

    def product_traces(self, slopes: list[Slope]) -> Floats:
        """(m, m) traces of Omega⁻¹ A Omega⁻¹ B, from the small matrices alone."""
        out = np.empty((len(slopes), len(slopes)))
        for i, left in enumerate(slopes):
            for j, right in enumerate(slopes[: i + 1]):
                out[i, j] = out[j, i] = self._product_trace(left, right)
        return out

    def _product_trace(self, left: Slope, right: Slope) -> float:
        if left.rows is not None and right.rows is not None:
            return self._trace_rows(left.rows, right.rows)
        if left.rows is None and right.rows is None:
            return self._trace_columns(left.term, right.term) * float(left.G[0, 0] * right.G[0, 0])
        rows, column = (left, right) if left.rows is not None else (right, left)
        weights = rows.rows if rows.rows is not None else self.d
        return self._trace_mixed(weights, column.term) * float(column.G[0, 0])

    def _trace_columns(self, first: int, second: int) -> float:
        """Sum of squares of Z₁'Ω⁻¹Z₂."""
        one, two = (self.solver.joined.index(term) for term in (first, second))
        total = 0.0
        for stack, K, M in zip(self.solver.stacks, self._cores(), self._middles(), strict=True):
            owner = self.solver.term_of[stack.columns]
            chosen = (owner == one)[:, :, None] & (owner == two)[:, None, :]
            total += float(((K - K @ M @ K) ** 2 * chosen).sum())
        return total

    def _trace_mixed(self, rows: Floats, term: int) -> float:
        """Trace of Ω⁻¹ diag(rows) Ω⁻¹ ZZ' for one joining term."""
        number = self.solver.joined.index(term)
        pairs = self.solver.sum_pairs(rows / self.d**2)
        total = 0.0
        for stack, K, M in zip(self.solver.stacks, self._cores(), self._middles(), strict=True):
            weighted = self.solver.fill(stack, pairs)
            left = np.eye(K.shape[1]) - K @ M
            diagonal = np.diagonal(left @ weighted @ np.swapaxes(left, 1, 2), axis1=1, axis2=2)
            total += float(diagonal[self.solver.term_of[stack.columns] == number].sum())
        return total

    def _trace_rows(self, first: Floats, second: Floats) -> float:
        """Trace of Ω⁻¹ diag(first) Ω⁻¹ diag(second)."""
        d, middles = self.d, self._middles()
        total = float((first * second / d**2).sum())
        total -= 2 * float((first * second / d**3 * self._sum_middle(middles)).sum())
        one, two = (self.solver.sum_pairs(rows / d**2) for rows in (first, second))
        for stack, M in zip(self.solver.stacks, middles, strict=True):
            A, B = self.solver.fill(stack, one), self.solver.fill(stack, two)
            total += float(((M @ A) * np.swapaxes(M @ B, 1, 2)).sum())
        return total


def suits(terms: Terms) -> bool:
    """Whether the terms are random intercepts, at least one of which joins rows, and few enough to pay."""
    joined = [term for term in terms if not term.rowwise]
    if not joined or not all(_is_intercept(term) for term in joined):
        return False
    component = find_components(tuple(term.groups for term in joined))
    rows = np.bincount(component).astype(np.float64)
    columns = _place(joined)[1]
    owner = np.empty(int(columns.max()) + 1, dtype=np.intp)
    owner[columns.ravel()] = np.repeat(component, columns.shape[1])
    held = np.bincount(owner, minlength=rows.size)
    return float((held**3).sum()) < 0.5 * float((rows**3).sum())


def _is_intercept(term: RandomTerm) -> bool:
    return isinstance(term, Term) and isinstance(term.structure, Scalar) and term.loadings is None


def _place(joined: list[RandomTerm]) -> tuple[Integers, Integers]:
    """Joining term of each column, and (n, terms) columns of each row."""
    places, owners, offset = [], [], 0
    for number, term in enumerate(joined):
        count = int(term.groups.max()) + 1
        places.append(term.groups + offset)
        owners.append(np.full(count, number))
        offset += count
    return np.concatenate(owners), np.stack(places, axis=1)


def make_nested_solver(v: Floats, terms: Terms) -> NestedSolver:
    """Prepare the sums over rows that every psi needs."""
    numbers = tuple(number for number, term in enumerate(terms) if not term.rowwise)
    term_of, place = _place([terms[number] for number in numbers])
    count, wide = term_of.size, place.shape[1]
    first, second = np.repeat(place, wide, axis=1), np.tile(place, (1, wide))
    codes, inverse = np.unique((first * count + second).ravel(), return_inverse=True)
    cross = (codes // count, codes % count, inverse.reshape(first.shape).astype(np.intp))
    component = find_components(tuple(place.T))
    block_of = np.empty(count, dtype=np.intp)
    block_of[place.ravel()] = np.repeat(component, wide)
    return NestedSolver(v, terms, numbers, place, term_of, cross, _stack_columns(block_of, cross))


def _stack_columns(block_of: Integers, cross: tuple[Integers, Integers, Integers]) -> tuple[Columns, ...]:
    held = np.bincount(block_of)
    order = np.argsort(block_of, kind="stable")
    within = np.empty(block_of.size, dtype=np.intp)
    within[order] = np.arange(block_of.size) - np.repeat(np.cumsum(held) - held, held)
    stacks = []
    for size in np.unique(held):
        blocks = np.flatnonzero(held == size)
        rank = np.full(held.size, -1, dtype=np.intp)
        rank[blocks] = np.arange(blocks.size)
        members = order[held[block_of[order]] == size]
        number = np.flatnonzero(rank[block_of[cross[0]]] >= 0)
        pairs = (
            rank[block_of[cross[0][number]]],
            within[cross[0][number]],
            within[cross[1][number]],
            number,
        )
        stacks.append(Columns(members.reshape(-1, int(size)), pairs))
    return tuple(stacks)
