r"""Cluster-robust covariance of the coefficients: right also where the working model Omega is not.

With :math:`M = (X'\Omega^{-1}X)^{-1}`, :math:`U = MX'\Omega^{-1}` and residuals e, cut by cluster j,

.. math:: V = \sum_j U_j A_j e_j e_j' A_j' U_j'

The kinds differ in the adjustment A. A ``Sandwich`` keeps small matrices per cluster, from which covariance,
degrees of freedom and joint tests follow; no matrix over all rows is ever made.

========  ===================================================================================
CR0       A = I: too small in few clusters
CR1       CR0 times J / (J - 1)
CR1p      CR0 times J / (J - p)
CR1S      CR0 times J (n - 1) / ((J - 1)(n - p))
CR2       A chosen so that V is unbiased when Omega is true
CR3       A = (I - H)⁻¹: close to leaving out one cluster at a time; too large on average
========  ===================================================================================

Bell & McCaffrey (2002), Survey Methodology 28, 169-181; Pustejovsky & Tipton (2018), Journal of Business &
Economic Statistics 36, 672-683, and (2022), Prevention Science 23, 425-438.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError, TooFewStudies
from synovia.kernel.clusters import Clusters, find_spread, make_clusters, stack_omega
from synovia.kernel.generalised import multiply_total
from synovia.kernel.hotelling import hotelling
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.inference import Inference, Wald
from synovia.kernel.point import Point, find_rows
from synovia.kernel.problem import Problem
from synovia.kernel.sandwich import Sandwich

__all__ = ["KINDS", "cluster_robust", "explain_sole_clusters", "find_sandwich", "find_sole_clusters"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

EXPLAINED = 1e-10  # share of a residual's variance left over by the coefficients, below which there is none
EXACT = 1e-20  # squared robust errors in units of the model's, below which residuals are rounding


def cluster_robust(problem: Problem, at: Point, clusters: ArrayLike, kind: str = "CR2") -> Inference:
    r"""Inference that holds whatever the covariance within clusters is.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    at : Point
        The likelihood at the chosen psi; its Omega is the working model.
    clusters : array_like of shape (n,)
        Cluster of each row; clusters are independent of each other. They may contain or cross the blocks of
        Omega.
    kind : {"CR0", "CR1", "CR1p", "CR1S", "CR2", "CR3"}
        Adjustment for few clusters.

    Returns
    -------
    Inference
        CR2 and CR3: t with Satterthwaite's degrees of freedom for each contrast, and approximate
        Hotelling's T² (HTZ) for several; the others: t and F on J - p degrees of freedom.

    Raises
    ------
    SynthesisError
        When the kind does not exist, or CR3 meets a cluster that alone identifies a coefficient.
    TooFewStudies
        When there is one cluster, or no more clusters than coefficients.

    Notes
    -----
    Satterthwaite's degrees of freedom of :math:`c'\beta` are
    :math:`2 E(c'Vc)^2 / \operatorname{Var}(c'Vc)` under the working model. Below 4 the approximation is poor.

    Examples
    --------
    >>> from synovia.kernel import Diagonal, Problem, Term, point
    >>> y = [0.1, 0.3, 0.9, 0.7, 0.4, 0.5]
    >>> problem = Problem(y, np.ones((6, 1)), Diagonal([0.1] * 6), (Term([0, 0, 1, 1, 2, 2]),))
    >>> found = cluster_robust(problem, point(problem, [0.05]), [0, 0, 1, 1, 2, 2], "CR2")
    >>> print(f"{found.std_error[0]:.4f} with {found.df:.1f} df")
    0.1740 with 2.0 df
    """
    sandwich = find_sandwich(problem, at, clusters, kind)
    said = f"cluster-robust {kind} ({sandwich.clusters} clusters)"
    cov = sandwich.cov
    exact = bool((np.diag(cov) <= EXACT * np.diag(at.cov)).all())
    factor = 0.0 if exact else 1.0
    if kind not in ("CR2", "CR3"):
        return Inference(cov, float(sandwich.clusters - problem.p), factor, said)

    def joint(contrasts: Floats, values: Floats) -> Wald | Inapplicable:
        return hotelling(sandwich, contrasts, values)

    df = sandwich.satterthwaite(np.eye(problem.p))
    least = float(df.min()) if not np.isnan(df).all() else np.nan
    return Inference(cov, least, factor, said, sandwich.satterthwaite, joint)


def find_sandwich(problem: Problem, at: Point, clusters: ArrayLike, kind: str = "CR2") -> Sandwich:
    """The cluster-robust estimator itself, with what its distribution under Omega needs.

    Parameters
    ----------
    problem, at, clusters, kind
        As ``cluster_robust``.

    Raises
    ------
    SynthesisError, TooFewStudies
        As ``cluster_robust``.
    """
    if kind not in KINDS:
        raise SynthesisError(f"Found {kind!r}; wanted one of {', '.join(KINDS)}.")
    groups = make_clusters(clusters, problem.n)
    _require_clusters(groups, problem)
    gains = KINDS[kind](problem, at, groups)
    pull = groups.add(gains[:, :, None] * problem.X[:, None, :])
    middle = at.cov
    if at.weights is not None:
        pull, middle = _pull_weighted(problem, at, groups, (gains, pull))
    spread = find_spread(problem, at.psi, gains, groups)
    return Sandwich(groups.add(gains * at.residuals[:, None]), spread, pull, middle)


def _pull_weighted(
    problem: Problem, at: Point, groups: Clusters, parts: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Cov(e) = Omega - XF - F'X' + XCX' with F = HΩ: what takes the place of XMX' when weights were given."""
    gains, pull = parts
    turned = multiply_total(problem, at.psi, find_rows(problem, at).T)
    both = np.concatenate([pull, groups.add(gains[:, :, None] * turned[:, None, :])], axis=2)
    unit = np.eye(problem.p)
    return both, np.block([[-at.cov, unit], [unit, np.zeros_like(unit)]])


def _require_clusters(groups: Clusters, problem: Problem) -> None:
    if groups.count <= problem.p:
        raise TooFewStudies(
            f"Found {groups.count} clusters for {problem.p} coefficients; cluster-robust inference needs "
            "more clusters than coefficients. Drop moderators, or use a model-based interval such as "
            "inference='knapp-hartung'."
        )


def _plain(problem: Problem, at: Point, groups: Clusters) -> Floats:  # noqa: ARG001 - one signature for all
    """(n, p) U', without adjustment."""
    return find_rows(problem, at).T


def _scaled(scale: Callable[[int, int, int], float]) -> Callable[[Problem, Point, Clusters], Floats]:
    def gains(problem: Problem, at: Point, groups: Clusters) -> Floats:
        factor = scale(groups.count, problem.n, problem.p)
        return np.asarray(np.sqrt(factor) * find_rows(problem, at).T)

    return gains


def _unbiased(problem: Problem, at: Point, groups: Clusters) -> Floats:
    """(n, p) A'U' of CR2: A = D'(D Cov(e_j) D')^(-1/2) D with D'D = Omega_jj.

    Directions in which a cluster has no residual, because it alone identifies a coefficient, are left out.
    """
    rows = find_rows(problem, at).T
    turned = None if at.weights is None else multiply_total(problem, at.psi, rows)
    gains = np.empty_like(rows)
    for members in groups.stacks():
        omega = stack_omega(problem, at.psi, members, groups.labels)
        L = np.asarray(np.linalg.cholesky(omega), dtype=np.float64)
        residual = omega - _fitted_covariance(problem.X[members], at, turned, members)
        upper = np.swapaxes(L, 1, 2)
        values, vectors = np.linalg.eigh(upper @ residual @ L)
        lost = _count_lost(L, residual)
        kept = (np.arange(values.shape[1]) >= lost[:, None]) & (values > 0)
        inverse = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1)), 0)
        turn = L @ vectors
        gains[members] = (turn * inverse[:, None, :]) @ (np.swapaxes(turn, 1, 2) @ rows[members])
    return gains


def _fitted_covariance(X: Floats, at: Point, turned: Floats | None, members: Integers) -> Floats:
    """(g, s, s) Omega_jj less Cov(e_j): X M X', or its like when weights were given."""
    if turned is None:
        half = X @ at.root
        return np.asarray(half @ np.swapaxes(half, 1, 2))
    cross = X @ np.swapaxes(turned[members], 1, 2)
    return np.asarray(cross + np.swapaxes(cross, 1, 2) - X @ at.cov @ np.swapaxes(X, 1, 2))


def _count_lost(L: Floats, residual: Floats) -> Integers:
    """(g,) directions in which the residuals of a cluster have no variance."""
    half = np.linalg.solve(L, residual)
    share = np.linalg.eigvalsh(np.linalg.solve(L, np.swapaxes(half, 1, 2)))
    return np.asarray((share < EXPLAINED).sum(axis=1), dtype=np.intp)


def _jackknifed(problem: Problem, at: Point, groups: Clusters) -> Floats:
    """(n, p) A'U' of CR3: (I - H_jj)⁻¹ pushed through to p x p matrices, U_j'(I - X_j'U_j')⁻¹."""
    rows = find_rows(problem, at).T
    left = np.eye(problem.p) - groups.add(problem.X[:, :, None] * rows[:, None, :])
    sole = find_sole_clusters(problem.X, groups.labels)
    if sole:
        coefficient, cluster = sole[0]
        raise SynthesisError(
            f"Coefficient {coefficient + 1} is identified by cluster {cluster + 1} alone, so that CR3, which "
            "leaves out one cluster at a time, does not exist. Use CR2, or drop that moderator."
        )
    # the transpose of x = rows @ left⁻¹, cluster by cluster
    inverse = np.linalg.inv(left)
    return np.asarray((rows[:, None, :] @ inverse[groups.labels])[:, 0])


KINDS: dict[str, Callable[[Problem, Point, Clusters], Floats]] = {
    "CR0": _plain,
    "CR1": _scaled(lambda J, n, p: J / (J - 1)),  # noqa: ARG005 - one signature for all
    "CR1p": _scaled(lambda J, n, p: J / (J - p)),  # noqa: ARG005
    "CR1S": _scaled(lambda J, n, p: J * (n - 1) / ((J - 1) * (n - p))),
    "CR2": _unbiased,
    "CR3": _jackknifed,
}
"""Adjustments by name: each gives (n, p) A'U'."""


def find_sole_clusters(X: Floats, clusters: ArrayLike) -> tuple[tuple[int, int], ...]:
    """Coefficients that one cluster alone identifies, each with that cluster.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Design of the mean.
    clusters : array_like of shape (n,)
        Cluster of each row.

    Returns
    -------
    tuple of (int, int)
        Number of the coefficient and of the cluster, from 0, clusters in the order of their labels.

    Examples
    --------
    >>> X = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    >>> find_sole_clusters(X, ["d", "a", "b", "c"])
    ((1, 3),)
    """
    groups = make_clusters(clusters, X.shape[0])
    scaled = X / np.linalg.norm(X, axis=0)
    basis, triangle = np.linalg.qr(scaled)
    shares, vectors = np.linalg.eigh(groups.add(basis[:, :, None] * basis[:, None, :]))
    found = set()
    for cluster, direction in zip(*np.nonzero(shares > 1 - EXPLAINED), strict=True):
        effect = np.abs(np.linalg.solve(triangle, vectors[cluster, :, direction]))
        found |= {(int(c), int(cluster)) for c in np.flatnonzero(effect > 1e-6 * effect.max())}
    return tuple(sorted(found))


def explain_sole_clusters(
    sole: tuple[tuple[int, int], ...], coefficients: tuple[str, ...], clusters: tuple[str, ...]
) -> tuple[str, ...]:
    """What ``find_sole_clusters`` found, in sentences.

    Parameters
    ----------
    sole : tuple of (int, int)
        Coefficient and cluster.
    coefficients, clusters : tuple of str
        Their names.

    Examples
    --------
    >>> explain_sole_clusters(((1, 0),), ("Intercept", "dose"), ("Ito 2001", "Ruiz 2005"))[0][:45]
    'dose is identified by cluster Ito 2001 alone:'
    """
    return tuple(
        f"{coefficients[coefficient]} is identified by cluster {clusters[cluster]} alone: nothing shows how "
        "clusters differ there, and its degrees of freedom are few or none. Do not rely on its interval."
        for coefficient, cluster in sole
    )
