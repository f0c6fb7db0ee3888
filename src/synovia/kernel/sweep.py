r"""Omega at many psi at once: every block eliminated, column by column, for all psi together.

The same arithmetic as a Cholesky factorisation of each block, :math:`\Omega = LDL'`, with the psi as the
innermost loop: a posterior asks for thousands of small blocks, and one call for each costs more than its
numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.blocks import BlocksSolver, Shared, Stack, make_blocks_solver
from synovia.kernel.correlated import Correlated
from synovia.kernel.nested import NestedSolver
from synovia.kernel.problem import Problem
from synovia.kernel.solver import Terms
from synovia.kernel.structure import Fixed, Scalar, Structure
from synovia.kernel.term import EXPONENT, RandomTerm, RowScale, Term
from synovia.kernel.unstructured import Unstructured

__all__ = ["Swept", "exists", "find_covariances", "find_row_sums", "make_stacks", "sweep"]

Floats = NDArray[np.float64]

WIDEST = 60  # rows of a block beyond which one factorisation costs more than its call
TINY = 1e-12  # added to correlations before their pivots are looked at, so that singular matrices exist


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """Columns divided by a root of Omega, at m psi.

    Attributes
    ----------
    log_det : ndarray of shape (m,)
        Log determinants of Omega; NaN where it is not positive definite.
    halves : list of ndarray of shape (g, s, c, m)
        One per stack of g blocks of s rows: inverse root of Omega times the c columns that were given.
    """

    log_det: Floats
    halves: list[Floats]


def make_stacks(problem: Problem) -> tuple[Stack, ...] | None:
    """The blocks of a problem, or None where they are too wide for this to pay.

    Parameters
    ----------
    problem : Problem
        Any.
    """
    solver = problem.solver
    if isinstance(solver, NestedSolver):
        solver = make_blocks_solver(problem.V, problem.terms)
    if not isinstance(solver, BlocksSolver):
        return None
    fits = max(stack.rows.shape[1] for stack in solver.stacks) <= WIDEST
    return solver.stacks if fits else None


def split_many(terms: Terms, psi: Floats) -> list[Floats]:
    """Columns of psi (m, parameters) that belong to each term."""
    ends = np.cumsum([term.parameters for term in terms])
    return np.split(psi, ends[:-1], axis=1) if len(terms) else []


def find_covariances(structure: Structure, psi: Floats) -> Floats:
    """(m, q, q) covariances of one group's effects at m psi.

    Parameters
    ----------
    structure : Structure
        Any.
    psi : ndarray of shape (m, parameters)
        Its natural parameters.
    """
    if isinstance(structure, Scalar):
        return psi[:, :, None]
    if isinstance(structure, Fixed):
        whole = np.tile(structure.values, (psi.shape[0], 1))
        whole[:, structure.free] = psi
        return find_covariances(structure.base, whole)
    if isinstance(structure, Unstructured):
        s = np.sqrt(psi[:, : structure.size])
        return np.asarray(s[:, :, None] * _fill(structure.size, psi[:, structure.size :]) * s[:, None, :])
    if isinstance(structure, Correlated):
        s = np.broadcast_to(np.sqrt(psi[:, : structure.variances]), (psi.shape[0], structure.size))
        values, place = np.unique(psi[:, structure.variances :], axis=0, return_inverse=True)
        matrices = np.array([structure.correlation.matrix(value) for value in values])
        return np.asarray(s[:, :, None] * matrices[place.reshape(-1)] * s[:, None, :])
    return np.array([structure.covariance(one) for one in psi])


def _fill(q: int, rho: Floats) -> Floats:
    """(m, q, q) correlation matrices from their upper triangles."""
    out = np.zeros((rho.shape[0], q, q))
    first, second = np.triu_indices(q, 1)
    out[:, first, second] = out[:, second, first] = rho
    out[:, np.arange(q), np.arange(q)] = 1
    return out


def exists(terms: Terms, psi: Floats) -> NDArray[np.bool_]:
    """(m,) whether the covariances of all random effects are positive semi-definite.

    Omega can be positive definite where they are not; a prior of correlations ends where matrices do.

    Parameters
    ----------
    terms : tuple of RandomTerm
        Random effects.
    psi : ndarray of shape (m, parameters)
        Natural parameters.
    """
    good = np.ones(psi.shape[0], dtype=bool)
    for term, part in zip(terms, split_many(terms, psi), strict=True):
        base = term.structure if isinstance(term, Term) else None
        if isinstance(base, Fixed):
            base = base.base
        if isinstance(term, Term) and isinstance(base, Unstructured) and base.size > 2:
            correlations = find_covariances(term.structure, part)
            s = np.sqrt(np.maximum(np.diagonal(correlations, axis1=1, axis2=2), 1e-300))
            good &= _is_positive(correlations / (s[:, :, None] * s[:, None, :]))
    return good


def _is_positive(correlations: Floats) -> NDArray[np.bool_]:
    q = correlations.shape[1]
    omega = np.ascontiguousarray(np.moveaxis(correlations, 0, -1))[None] + TINY * np.eye(q)[None, :, :, None]
    log_det, _ = _eliminate(omega, np.zeros((1, q, 0, correlations.shape[0])))
    return np.asarray(~np.isnan(log_det))


def find_row_sums(terms: Terms, psi: Floats, n: int) -> Floats:
    """(m, n) what rowwise terms add to the variance of each row.

    Parameters
    ----------
    terms : tuple of RandomTerm
        Random effects.
    psi : ndarray of shape (m, parameters)
        Natural parameters.
    n : int
        Number of rows.
    """
    total = np.zeros((psi.shape[0], n))
    for term, part in zip(terms, split_many(terms, psi), strict=True):
        if term.rowwise:
            total += _add_rows(term, part)
    return total


def _add_rows(term: RandomTerm, psi: Floats) -> Floats:
    if isinstance(term, RowScale):
        return np.asarray(np.exp(np.clip(psi @ term.W.T, -EXPONENT, EXPONENT)))
    if not isinstance(term, Term):
        return np.array([term.row_variances(one) for one in psi])
    if term.loadings is None and term.structure.size == 1 == term.parameters:
        return psi
    G = find_covariances(term.structure, psi)
    if term.loadings is None:
        return np.asarray(np.diagonal(G, axis1=1, axis2=2)[:, term.codes])
    return np.asarray(np.einsum("ni,mij,nj->mn", term.loadings, G, term.loadings, optimize=True))


def sweep(stacks: tuple[Stack, ...], terms: Terms, psi: Floats, columns: Sequence[Floats]) -> Swept:
    r"""Eliminate every block at every psi.

    Parameters
    ----------
    stacks : tuple of Stack
        Blocks by their size.
    terms : tuple of RandomTerm
        Random effects.
    psi : ndarray of shape (m, parameters)
        Natural parameters.
    columns : sequence of ndarray of shape (g, s, c)
        What is divided by the root, for each stack.

    Examples
    --------
    >>> from synovia.kernel import Blocks, Problem, Term
    >>> V = Blocks([np.array([[2.0, 1.0], [1.0, 2.0]])], [np.array([0, 1])])
    >>> two = Problem([0.0, 1.0], [[1.0], [1.0]], V, (Term([0, 1]),))
    >>> stacks = make_stacks(two)
    >>> found = sweep(stacks, two.terms, np.array([[0.0], [1.0]]), [two.joined[stacks[0].rows]])
    >>> np.exp(found.log_det).round(3).tolist()
    [3.0, 8.0]
    """
    m = psi.shape[0]
    own = find_row_sums(terms, psi, sum(stack.rows.size for stack in stacks))
    parts = split_many(terms, psi)
    G = {
        number: np.moveaxis(find_covariances(term.structure, part), 0, -1)
        for number, (term, part) in enumerate(zip(terms, parts, strict=True))
        if isinstance(term, Term) and not term.rowwise
    }
    log_det, halves = np.zeros(m), []
    for stack, given in zip(stacks, columns, strict=True):
        omega = np.broadcast_to(stack.known[..., None], (*stack.known.shape, m)).copy()
        for number, shared in stack.shared.items():
            omega += _spread(shared, G[number])
        places = np.arange(omega.shape[1])
        omega[:, places, places] += np.moveaxis(own[:, stack.rows], 0, -1)
        part, half = _eliminate(omega, np.broadcast_to(given[..., None], (*given.shape, m)).copy())
        log_det += part
        halves.append(half)
    return Swept(log_det, halves)


def _spread(shared: Shared, G: Floats) -> Floats:
    """(g, s, s, m) Z (I x G) Z' of one term, G of shape (q, q, m)."""
    same = shared.same[..., None]
    if shared.loadings is None:
        return np.asarray(same * G[shared.codes[:, :, None], shared.codes[:, None, :]])
    half = np.einsum("gsi,ijm->gsjm", shared.loadings, G)
    return np.asarray(same * np.einsum("gsjm,gtj->gstm", half, shared.loadings))


def _eliminate(omega: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """Log determinants (m,), and columns over the roots; both arguments are used up."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for j in range(omega.shape[1]):
            pivot = np.where(omega[:, j, j] > 0, omega[:, j, j], np.nan)
            omega[:, j, j] = pivot
            share = omega[:, j + 1 :, j] / pivot[:, None]
            omega[:, j + 1 :, j + 1 :] -= share[:, :, None] * omega[:, j, None, j + 1 :]
            columns[:, j + 1 :] -= share[:, :, None] * columns[:, j, None]
        pivots = np.diagonal(omega, axis1=1, axis2=2)  # (g, m, s)
        columns /= np.sqrt(np.moveaxis(pivots, -1, 1))[:, :, None]
        return np.log(pivots).sum(axis=(0, 2)), columns
