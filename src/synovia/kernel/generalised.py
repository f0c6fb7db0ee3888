"""A generalised Q with weights of one's own: its value, its expectation and its exact distribution."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError
from synovia.kernel.blocks import BlocksSolver, make_blocks_solver
from synovia.kernel.covariance import Diagonal
from synovia.kernel.mixture import mixture_below
from synovia.kernel.omega import apply_derivatives, find_omega
from synovia.kernel.problem import Problem
from synovia.kernel.solver import split
from synovia.kernel.term import Term

__all__ = [
    "GeneralisedQ",
    "is_independent",
    "make_generalised_q",
    "read_weights",
]

Floats = NDArray[np.float64]

MANY = 100  # rows beyond which the eigenvalues of all together are never found; below, exactness is cheap


@dataclass(frozen=True, slots=True, eq=False)
class GeneralisedQ:
    r"""The quadratic form :math:`y'P_Ay` of the residuals around the mean that weights A give.

    Attributes
    ----------
    q : float
        Its value.
    sampling : float
        Its expectation at tau2 = 0.
    slope : float
        What a unit of tau2 adds to its expectation.
    weights : ndarray of shape (n,)
        The diagonal of A.
    problem : Problem
        Estimates, design and covariance.
    blocks : BlocksSolver or None
        Which of many rows depend on each other, when no block holds most of them.
    """

    q: float
    sampling: float
    slope: float
    weights: Floats
    problem: Problem
    blocks: BlocksSolver | None = None

    def below(self, tau2: float) -> float:
        r"""Probability of a Q at most as large as this one, were tau2 that: exact for normal estimates.

        Notes
        -----
        Q is a weighted sum of chi-squared variables; the weights are the eigenvalues of
        :math:`P_A(V + \tau^2 ZZ')`. Jackson (2013), Research Synthesis Methods 4, 220-229. Blocks of many
        rows are turned until each row is independent, which leaves those eigenvalues as they are.
        """
        root = np.sqrt(self.weights)
        basis = np.linalg.qr(root[:, None] * self.problem.X)[0]
        if self.problem.n > MANY and is_independent(self.problem):
            d = self.weights * (self.problem.V.diagonal + tau2)
            return mixture_below(d, self.q, np.sqrt(d)[:, None] * basis)
        if self.blocks is not None:
            d, turned = self._turn(self.blocks, tau2, basis)
            return mixture_below(d, self.q, np.sqrt(d)[:, None] * turned)
        omega = find_omega(self.problem, np.array([tau2]), np.arange(self.problem.n))
        inner = root[:, None] * omega * root
        inner = inner - basis @ (basis.T @ inner)
        inner = inner - (inner @ basis) @ basis.T
        return mixture_below(np.linalg.eigvalsh((inner + inner.T) / 2), self.q)

    def _turn(self, blocks: BlocksSolver, tau2: float, basis: Floats) -> tuple[Floats, Floats]:
        """(n,) variances of the weighted estimates once they are independent, and (n, p) the basis then."""
        d, turned, root = np.empty(self.problem.n), np.empty_like(basis), np.sqrt(self.weights)
        for stack, omega in zip(blocks.stacks, blocks.matrices(np.array([tau2])), strict=True):
            scale = root[stack.rows]
            values, vectors = np.linalg.eigh(scale[:, :, None] * omega * scale[:, None, :])
            d[stack.rows] = np.maximum(values, 0.0)
            turned[stack.rows] = np.swapaxes(vectors, 1, 2) @ basis[stack.rows]
        return d, turned


def make_generalised_q(problem: Problem, weights: ArrayLike) -> GeneralisedQ:
    """The generalised Q of a problem with one random term.

    Parameters
    ----------
    problem : Problem
        With one random term.
    weights : array_like of shape (n,)
        Above 0; only their ratios matter.

    Raises
    ------
    SynthesisError
        When a weight is not a finite number above 0.
    """
    a = read_weights(problem, weights)
    root = np.sqrt(a)
    basis = np.linalg.qr(root[:, None] * problem.X)[0]
    scaled = root * problem.y
    rest = scaled - basis @ (basis.T @ scaled)
    outer = root[:, None] * basis
    shared = apply_derivatives(problem, problem.nothing, outer)[0]
    sampling = float(a @ problem.V.diagonal) - float((outer * multiply_known(problem, outer)).sum())
    slope = float(a @ problem.terms[0].row_variances(np.ones(1))) - float((outer * shared).sum())
    return GeneralisedQ(float(rest @ rest), sampling, slope, a, problem, _find_blocks(problem))


def _find_blocks(problem: Problem) -> BlocksSolver | None:
    """Which rows depend on each other, where turning them costs less than the eigenvalues of all."""
    if problem.n <= MANY or is_independent(problem):
        return None
    blocks = make_blocks_solver(problem.V, problem.terms)
    largest = max(stack.rows.shape[1] for stack in blocks.stacks)
    return blocks if 2 * largest < problem.n else None


def read_weights(problem: Problem, weights: ArrayLike) -> Floats:
    """(n,) weights, scaled to a mean of 1.

    Raises
    ------
    SynthesisError
        When there is not one finite weight above 0 for each estimate.
    """
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (problem.n,):
        raise SynthesisError(
            f"Found weights of shape {values.shape} for {problem.n} estimates; wanted one each."
        )
    good = np.isfinite(values) & (values > 0)
    if not good.all():
        row = int(np.argmin(good))
        raise SynthesisError(
            f"Row {row + 1} has weight {values[row]:g}; wanted a finite number above 0. "
            "Correct it or drop the row."
        )
    return np.asarray(values / values.mean())


def is_independent(problem: Problem) -> bool:
    """Whether every estimate is independent of the others and has a random effect of its own."""
    return isinstance(problem.V, Diagonal) and all(term.rowwise for term in problem.terms)


def multiply_known(problem: Problem, B: Floats) -> Floats:
    """(n, m) V B."""
    row, column, value = problem.V.entries()
    out = np.zeros_like(B)
    np.add.at(out, row, value[:, None] * B[column])
    return out


def multiply_total(problem: Problem, psi: Floats, B: Floats) -> Floats:
    """(n, m) Omega B, without making Omega."""
    out = multiply_known(problem, B)
    for term, part in zip(problem.terms, split(problem.terms, psi), strict=True):
        if isinstance(term, Term):
            out += term.apply(term.structure.covariance(part), B)
        else:
            out += term.row_variances(part)[:, None] * B
    return out
