r"""Wild cluster bootstrap: tests of contrasts that hold their level in few clusters.

Residuals of the model in which the null hypothesis is true change sign or size together within a cluster, and
the robust statistic is computed anew. Joshi, Pustejovsky & Beretvas (2022), Research Synthesis Methods 13,
457-477; Cameron, Gelbach & Miller (2008), Review of Economics and Statistics 90, 414-427.

The working covariance stays at the chosen psi in every replication, so that a replication is a linear map of
the cluster weights: thousands of them are a few matrix products.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError
from synovia.kernel.clusters import Clusters, make_clusters
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.point import Point, find_rows
from synovia.kernel.problem import Problem
from synovia.kernel.robust import KINDS

__all__ = ["WEIGHTS", "Wild", "wild_bootstrap"]

Floats = NDArray[np.float64]

Weights = Callable[[np.random.Generator, tuple[int, int]], Floats]

CHUNK = 1_000_000  # cluster weights held at once
TIED = 1e-9  # relative difference of statistics that are equal


@dataclass(frozen=True, slots=True)
class Wild:
    """A wild cluster bootstrap test.

    Attributes
    ----------
    statistic : float
        Robust F of the contrasts: Q / q.
    p_value : float
        Share of bootstrap statistics at least as large.
    replications : int
        How many were drawn, or exist.
    exact : bool
        Whether every combination of signs was used once, so that nothing depends on the seed.
    size : int
        Number of contrasts q.
    clusters : int
        Number of clusters.
    """

    statistic: float
    p_value: float
    replications: int
    exact: bool
    size: int
    clusters: int


def _rademacher(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return np.asarray(rng.integers(0, 2, shape) * 2.0 - 1.0, dtype=np.float64)


def _webb(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    values = np.sqrt(np.array([0.5, 1.0, 1.5]))
    return np.asarray(np.concatenate([-values, values])[rng.integers(0, 6, shape)], dtype=np.float64)


def _mammen(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    root = np.sqrt(5.0)
    high = rng.random(shape) < (root - 1) / (2 * root)
    return np.asarray(np.where(high, (1 + root) / 2, (1 - root) / 2), dtype=np.float64)


WEIGHTS: dict[str, Weights] = {
    "rademacher": _rademacher,
    "webb": _webb,
    "mammen": _mammen,
}
"""Cluster weights of mean 0 and variance 1 by name: signs; Webb's six points; Mammen's two."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What the statistic of a replication is made of.

    Attributes
    ----------
    estimates : ndarray of shape (J, p)
        What the null residuals of each cluster add to the coefficients.
    scores : ndarray of shape (J, q)
        Their own scores.
    pull : ndarray of shape (J, q, p)
        What the coefficients take from each score.
    contrasts : ndarray of shape (q, p)
        What is tested.
    """

    estimates: Floats
    scores: Floats
    pull: Floats
    contrasts: Floats

    def statistics(self, weights: Floats) -> Floats:
        """(R,) robust F of each row of (R, J) weights."""
        moved = weights @ self.estimates
        scores = weights[:, :, None] * self.scores - np.einsum("jqp,rp->rjq", self.pull, moved)
        cov = np.swapaxes(scores, 1, 2) @ scores
        values = moved @ self.contrasts.T
        return _measure(cov, values)


def _measure(cov: Floats, values: Floats) -> Floats:
    """(R,) values' cov⁻¹ values / q, infinite where cov is singular and the values are not 0."""
    q = values.shape[1]
    if q == 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(values[:, 0] ** 2 / cov[:, 0, 0])
    size, axes = np.linalg.eigh(cov)
    turned = np.einsum("rij,ri->rj", axes, values) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((turned / np.maximum(size, 0)).sum(axis=1) / q)


def wild_bootstrap(
    problem: Problem,
    at: Point,
    clusters: ArrayLike,
    contrasts: ArrayLike,
    *,
    seed: int = 1,
    replications: int = 1999,
    kind: str = "CR0",
    weights: str = "rademacher",
) -> Wild | Inapplicable:
    r"""Whether contrasts of the coefficients are 0, by resampling whole clusters.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    at : Point
        The likelihood at the chosen psi, whose Omega is kept.
    clusters : array_like of shape (n,)
        Cluster of each row.
    contrasts : array_like of shape (q, p)
        Independent rows.
    seed : int
        Of the generator of the weights.
    replications : int
        How many to draw.
    kind : {"CR0", "CR1", "CR1p", "CR1S", "CR2", "CR3"}
        Robust covariance that studentises.
    weights : {"rademacher", "webb", "mammen"}
        With at most log2(replications) clusters all combinations of Rademacher's signs are used once; in
        fewer than ten clusters these are so few that Webb's weights give a finer p-value.

    Returns
    -------
    Wild or Inapplicable

    Raises
    ------
    SynthesisError
        When a choice does not exist or the contrasts do not fit the coefficients.
    TooFewStudies
        When there is one cluster.

    Notes
    -----
    With :math:`\tilde\beta` the generalised least squares estimate under :math:`C\beta = 0`, replications are
    :math:`y^* = X\tilde\beta + w_{j} \tilde e_j` and

    .. math:: p = \frac{1 + \#\{F^* \ge F\}}{1 + R}

    or :math:`\#\{F^* \ge F\} / 2^J` over all signs, of which the data themselves are one.

    Examples
    --------
    >>> from synovia.kernel import Diagonal, Problem, point
    >>> five = Problem([0.9, 0.7, 0.4, 1.1, 0.6], np.ones((5, 1)), Diagonal([0.1] * 5))
    >>> found = wild_bootstrap(five, point(five), range(5), [[1.0]])
    >>> print(found.exact, found.p_value)
    True 0.0625
    """
    if weights not in WEIGHTS:
        raise SynthesisError(f"Found weights {weights!r}; wanted one of {', '.join(WEIGHTS)}.")
    if replications < 1:
        raise SynthesisError(f"Found {replications} replications; wanted at least 1, such as 1999.")
    C = _read_contrasts(problem, contrasts)
    groups = make_clusters(clusters, problem.n)
    if kind not in KINDS:
        raise SynthesisError(f"Found {kind!r}; wanted one of {', '.join(KINDS)}.")
    parts = _make_parts(problem, at, groups, (C, kind))
    observed = float(parts.statistics(np.ones((1, groups.count)))[0])
    if not np.isfinite(observed):
        return Inapplicable("the clusters say nothing about how uncertain one of these contrasts is")
    exact = weights == "rademacher" and 2**groups.count <= replications
    chunks = (
        _list_signs(groups.count) if exact else _draw(WEIGHTS[weights], seed, (replications, groups.count))
    )
    more = sum(int((parts.statistics(chunk) >= observed * (1 - TIED)).sum()) for chunk in chunks)
    total = 2**groups.count if exact else replications
    p_value = more / total if exact else (1 + more) / (1 + total)
    return Wild(observed, p_value, total, exact, C.shape[0], groups.count)


def _draw(weights: Weights, seed: int, shape: tuple[int, int]) -> Iterator[Floats]:
    rng, (replications, count) = np.random.default_rng(seed), shape
    size = max(1, CHUNK // count)
    for start in range(0, replications, size):
        yield weights(rng, (min(size, replications - start), count))


def _list_signs(count: int) -> Iterator[Floats]:
    bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
    yield np.asarray(1.0 - 2.0 * bits)


def _make_parts(problem: Problem, at: Point, groups: Clusters, asked: tuple[Floats, str]) -> Parts:
    C, kind = asked
    rows = find_rows(problem, at).T
    gains = KINDS[kind](problem, at, groups) @ C.T
    bread = at.cov
    if at.weights is not None:
        bread = np.asarray(np.linalg.inv((problem.X.T * at.weights) @ problem.X), dtype=np.float64)
    shift = bread @ C.T @ np.linalg.solve(C @ bread @ C.T, C @ at.beta)
    null = at.residuals + problem.X @ shift
    return Parts(
        estimates=groups.add(rows * null[:, None]),
        scores=groups.add(gains * null[:, None]),
        pull=groups.add(gains[:, :, None] * problem.X[:, None, :]),
        contrasts=C,
    )


def _read_contrasts(problem: Problem, contrasts: ArrayLike) -> Floats:
    C = np.atleast_2d(np.asarray(contrasts, dtype=np.float64))
    if C.ndim != 2 or C.shape[1] != problem.p or np.linalg.matrix_rank(C) < C.shape[0]:
        raise SynthesisError(
            f"Found contrasts of shape {C.shape}; wanted independent rows of {problem.p} weights."
        )
    return C
