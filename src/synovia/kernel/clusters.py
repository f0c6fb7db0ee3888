"""Clusters of rows: sums over them, and the total covariance within and between them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csr_array

from synovia.errors import SynthesisError, TooFewStudies
from synovia.kernel.blocks import Shared
from synovia.kernel.generalised import multiply_total
from synovia.kernel.problem import Problem
from synovia.kernel.solver import split, sum_rowwise
from synovia.kernel.term import Term

__all__ = ["Clusters", "Spread", "find_spread", "make_clusters", "stack_omega"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Which rows belong together.

    Attributes
    ----------
    labels : ndarray of int of shape (n,)
        Cluster of each row, numbered from 0 in the order of the given labels.
    order : ndarray of int of shape (n,)
        Rows, cluster by cluster.
    sizes : ndarray of int of shape (J,)
        Rows of each cluster.
    """

    labels: Integers
    order: Integers
    sizes: Integers

    @property
    def count(self) -> int:
        """Number of clusters."""
        return self.sizes.size

    @property
    def starts(self) -> Integers:
        """(J,) where each cluster begins in ``order``."""
        return np.cumsum(self.sizes) - self.sizes

    def add(self, rows: Floats) -> Floats:
        """(J, ...) sums over the rows of each cluster."""
        return np.asarray(np.add.reduceat(rows[self.order], self.starts, axis=0))

    def stacks(self) -> list[Integers]:
        """(g, s) rows of all clusters of one size, for each size."""
        starts = self.starts
        return [
            self.order[starts[self.sizes == size][:, None] + np.arange(size)]
            for size in np.unique(self.sizes).tolist()
        ]


def make_clusters(clusters: ArrayLike, n: int) -> Clusters:
    """Read the cluster of each row.

    Parameters
    ----------
    clusters : array_like of shape (n,)
        Any labels.
    n : int
        Number of rows.

    Raises
    ------
    SynthesisError
        When there is not one label per row.
    TooFewStudies
        When all rows are in one cluster.
    """
    given = np.asarray(clusters)
    if given.shape != (n,):
        raise SynthesisError(f"Found clusters of shape {given.shape}; wanted one label for each of {n} rows.")
    labels = np.unique(given, return_inverse=True)[1].astype(np.intp)
    sizes = np.bincount(labels)
    if sizes.size < 2:
        raise TooFewStudies(
            "All effects lie in one cluster, so that nothing shows how clusters differ; wanted at least two. "
            "Use inference='knapp-hartung', or another cluster column."
        )
    return Clusters(labels, np.argsort(labels, kind="stable"), sizes)


def stack_omega(problem: Problem, psi: Floats, rows: Integers, labels: Integers) -> Floats:
    """(g, s, s) total covariance within clusters of one size.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    psi : ndarray of shape (parameters,)
        Variances and correlations.
    rows : ndarray of int of shape (g, s)
        Rows of each cluster.
    labels : ndarray of int of shape (n,)
        Cluster of each row.
    """
    g, s = rows.shape
    place = np.full(problem.n, -1, dtype=np.intp)
    place[rows.ravel()] = np.arange(rows.size)
    first, second, value = problem.V.entries()
    inside = (place[first] >= 0) & (labels[first] == labels[second])
    first, second = place[first[inside]], place[second[inside]]
    omega = np.zeros((g, s, s))
    omega[first // s, first % s, second % s] = value[inside]
    for term, own in zip(problem.terms, split(problem.terms, psi), strict=True):
        if isinstance(term, Term) and not term.rowwise:
            omega += _share(term, rows).spread(term.structure.covariance(own))
    diagonal = sum_rowwise(problem.V.diagonal, problem.terms, psi) - problem.V.diagonal
    places = np.arange(s)
    omega[:, places, places] += diagonal[rows]
    return omega


def _share(term: Term, rows: Integers) -> Shared:
    group = term.groups[rows]
    same = (group[:, :, None] == group[:, None, :]).astype(np.float64)
    return Shared(same, term.codes[rows], None if term.loadings is None else term.loadings[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Covariances a_i' Omega_ij a_j of the pairs of clusters that covary.

    Attributes
    ----------
    first, second : ndarray of int of shape (pairs,)
        The two clusters; equal for a cluster with itself.
    values : ndarray of shape (pairs, p, p)
        The covariances.
    """

    first: Integers
    second: Integers
    values: Floats


def find_spread(problem: Problem, psi: Floats, a: Floats, clusters: Clusters) -> Spread:
    """How sums over clusters of rows weighted by ``a`` (n, p) covary under Omega.

    Where no covariance crosses clusters, only a cluster with itself.
    """
    if _holds(problem, clusters.labels):
        turned = multiply_total(problem, psi, a)
        own = clusters.add(a[:, :, None] * turned[:, None, :])
        every = np.arange(clusters.count)
        return Spread(every, every, own)
    return _find_crossing(problem, psi, a, clusters)


def _holds(problem: Problem, labels: Integers) -> bool:
    """Whether every block of V and every group of a term lies in one cluster."""
    joined = [problem.V.labels, *(term.groups for term in problem.terms if not term.rowwise)]
    return all(_is_inside(groups, labels) for groups in joined)


def _is_inside(groups: Integers, labels: Integers) -> bool:
    some = np.empty(int(groups.max()) + 1, dtype=np.intp)
    some[groups] = labels
    return bool((some[groups] == labels).all())


def _find_crossing(problem: Problem, psi: Floats, a: Floats, clusters: Clusters) -> Spread:
    p, n, every = a.shape[1], problem.n, np.arange(problem.n)
    gather = [csr_array((column, (clusters.labels, every)), shape=(clusters.count, n)) for column in a.T]
    row, column, value = problem.V.entries()
    diagonal = sum_rowwise(problem.V.diagonal, problem.terms, psi) - problem.V.diagonal
    rows, columns = np.concatenate([row, every]), np.concatenate([column, every])
    known = coo_array((np.concatenate([value, diagonal]), (rows, columns)), shape=(n, n)).tocsr()
    sums = [[gather[s] @ known @ gather[u].T for u in range(p)] for s in range(p)]
    for term, own in zip(problem.terms, split(problem.terms, psi), strict=True):
        if isinstance(term, Term) and not term.rowwise:
            loads = np.eye(term.structure.size)[term.codes] if term.loadings is None else term.loadings
            plain, turned = (_load(term, part) for part in (loads, loads @ term.structure.covariance(own)))
            for s in range(p):
                for u in range(p):
                    sums[s][u] = sums[s][u] + (gather[s] @ turned) @ (gather[u] @ plain).T
    return _collect(sums)


def _load(term: Term, loadings: Floats) -> csr_array:
    """(n, groups q) how much each row has of the random effects of each group."""
    n, q = loadings.shape
    columns = term.groups[:, None] * q + np.arange(q)
    return csr_array((loadings.ravel(), (np.repeat(np.arange(n), q), columns.ravel())), (n, term.levels * q))


def _collect(sums: list[list[csr_array]]) -> Spread:
    pattern = sum((abs(part) for line in sums for part in line), csr_array(sums[0][0].shape)).tocoo()
    first, second = pattern.coords[0].astype(np.intp), pattern.coords[1].astype(np.intp)
    values = [[np.asarray(part.tocsr()[first, second]) for part in line] for line in sums]
    return Spread(first, second, np.moveaxis(np.array(values), 2, 0))
