"""Where covariances of random effects are singular: maxima there that no climb from inside comes to."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.problem import Problem
from synovia.kernel.starts import find_spread
from synovia.kernel.structure import Fixed, Structure
from synovia.kernel.term import RandomTerm, Term
from synovia.kernel.unstructured import Unstructured, find_lower

__all__ = ["Edge", "find_edges", "find_remnants"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEW = 3  # effects beyond which the edges are too many to look at
ANGLES = 8  # directions tried over half a circle; the likelihood has few hills along it
FULL = 1e-6  # least share of a direction's own size that makes a matrix count as of full rank
REMNANT = (
    1e-7  # standard deviations below it, as a share of what is usual, are left over from steps towards 0
)
COLLINEAR = 1e-10  # added to the correlation of loadings, so that those of one direction have a factor


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """One part of the edge, and where climbs along it may begin.

    Attributes
    ----------
    held : ndarray of bool of shape (parameters,)
        Which coordinates of the search stay.
    starts : list of ndarray of shape (parameters,)
        Thetas on this part.
    inward : ndarray of shape (parameters,)
        A step from the edge to the inside where the slope does not tell whether the likelihood rises; else 0.
    """

    held: Flags
    starts: list[Floats]
    inward: Floats


def find_edges(problem: Problem, theta: Floats) -> Iterator[Edge]:
    """The edges of the covariances of two or three random effects, as seen from a theta.

    Parameters
    ----------
    problem : Problem
        With random terms.
    theta : ndarray of shape (parameters,)
        Where a search has ended; coordinates of other terms start from there.
    """
    first = 0
    for term in problem.terms:
        own = slice(first, first + term.parameters)
        first = own.stop
        core = _find_core(term)
        if not isinstance(term, Term) or core is None or not 1 < core.size <= FEW or term.parameters < 2:
            continue
        if isinstance(core, Unstructured):
            yield from _find_ranks(problem, term, theta, own)
        else:
            yield from _find_limits(term, theta, own)


def _find_core(term: RandomTerm) -> Structure | None:
    """What the coordinates of a term describe: its structure, or the one that its structure repeats."""
    if not isinstance(term, Term):
        return None
    whole = term.structure
    base: Structure | None = None if isinstance(whole, Fixed) else getattr(whole, "base", None)
    return whole if base is None or base.parameters != whole.parameters else base


def find_remnants(problem: Problem, theta: Floats) -> Flags:
    """(parameters,) entries of factors that are as good as 0.

    Those are all of a row that is, and the diagonal where it is beside the rest of its row.

    Parameters
    ----------
    problem : Problem
        With random terms.
    theta : ndarray of shape (parameters,)
        Where a search has ended.
    """
    parts = [np.empty(0, dtype=np.bool_)]
    first = 0
    for term in problem.terms:
        part = theta[first : first + term.parameters]
        first += term.parameters
        free = isinstance(_find_core(term), Unstructured)
        parts.append(_find_small(problem, term, part) if free else np.zeros(part.size, dtype=np.bool_))
    return np.concatenate(parts)


def _find_small(problem: Problem, term: RandomTerm, theta: Floats) -> Flags:
    usual = term.start(find_spread(problem) / len(problem.terms))
    rows, columns = find_lower(_count_effects(term))
    size = np.sqrt(np.bincount(rows, weights=theta**2))
    least = usual[rows == columns]
    gone = size <= REMNANT * least
    return np.asarray(gone[rows] | ((rows == columns) & (np.abs(theta) <= REMNANT * size[rows])))


def _find_limits(term: RandomTerm, theta: Floats, own: slice) -> Iterator[Edge]:
    """Every coordinate at each of its limits, where it is not there already."""
    for place, limits in enumerate(term.search_bounds, start=own.start):
        for limit in limits:
            if np.isfinite(limit) and theta[place] != limit:
                start = theta.copy()
                start[place] = limit
                yield Edge(np.arange(theta.size) == place, [start], np.zeros(theta.size))


def _find_ranks(problem: Problem, term: Term, theta: Floats, own: slice) -> Iterator[Edge]:
    r"""Matrices of lower rank: the last columns of the factor L of G = LL' are 0.

    The starts are :math:`vv'` and :math:`I - vv'` for directions v, in coordinates in which the effects add
    as much variance to a typical row and do so independently; and the matrix at hand without its least parts.
    """
    q = _count_effects(term)
    structure, T = Unstructured(q), _find_scale(term, q)
    rows, columns = find_lower(q)
    inner = np.linalg.solve(T, structure.factor(theta[own]))
    values, vectors = np.linalg.eigh(inner @ inner.T)
    sizes = (float(values.sum()), find_spread(problem) / len(problem.terms))
    usual = term.start(sizes[1])
    for rank in range(1, q):
        roots = [np.sqrt(size / rank) * root for size in sizes for root in _find_roots(q, rank)]
        if values[-rank - 1] > FULL**2 * values[-1]:
            roots.append(vectors[:, -rank:] * np.sqrt(values[-rank:]))
        held = np.zeros(theta.size, dtype=np.bool_)
        held[own] = columns >= rank
        inward = np.zeros(theta.size)
        inward[own] = np.where((rows == columns) & (columns >= rank), usual, 0.0)
        yield Edge(held, [_place(T @ root, theta, own) for root in roots], inward)


def _count_effects(term: RandomTerm) -> int:
    """Q of an unstructured covariance, from its q (q + 1) / 2 parameters."""
    return int((np.sqrt(8 * term.parameters + 1) - 1) / 2)


def _place(root: Floats, theta: Floats, own: slice) -> Floats:
    """Theta with the covariance root root' in one term."""
    q, rank = root.shape
    L = np.zeros((q, q))
    L[:, :rank] = np.linalg.qr(root.T)[1].T
    out = theta.copy()
    out[own] = np.tril(L)[find_lower(q)]
    return out


def _find_scale(term: Term, q: int) -> Floats:
    """(q, q) T: effects of covariance T T' add a variance of 1 each to a typical row, and independently."""
    if term.loadings is None:
        return np.eye(q)
    loadings = term.loadings.reshape(-1, q)  # one row for each repetition of the structure
    spread = loadings.T @ loadings / term.size
    size = np.sqrt(np.maximum(np.diag(spread), np.finfo(float).tiny))
    factor = np.linalg.cholesky(spread / np.outer(size, size) + COLLINEAR * np.eye(q))
    return np.asarray(np.linalg.inv(factor).T / size[:, None])


def _find_roots(q: int, rank: int) -> list[Floats]:
    """(q, rank) roots of projections on directions all around, or on what is orthogonal to them."""
    if q == 2:
        angles = np.arange(ANGLES) * np.pi / ANGLES
        lines = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        grid = np.array([v for v in product((-1.0, 0.0, 1.0), repeat=q) if v > (0.0,) * q])
        lines = grid / np.linalg.norm(grid, axis=1, keepdims=True)
    if rank == 1:
        return [line[:, None] for line in lines]
    return [np.linalg.svd(line[:, None])[0][:, 1:] for line in lines]
