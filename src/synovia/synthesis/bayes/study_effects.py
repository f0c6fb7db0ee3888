"""The true effect behind every estimate, and what remains without one of them, at every node."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel import Problem, point
from synovia.kernel.likelihoods import find_row_variances
from synovia.kernel.normals import Normals
from synovia.kernel.quadrature import Quadrature

__all__ = ["Deletions", "delete_each", "find_study_effects"]

Floats = NDArray[np.float64]

ALONE = 1e-9  # share of an estimate's precision that is not used up by the coefficients
NEGLIGIBLE = 1e-10  # nodes with less weight move no digit that is shown


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """The nodes that count, with what Omega does to the residuals and to the design there.

    Attributes
    ----------
    weights : ndarray of shape (m,)
    beta, cov : ndarray of shape (m, p) and (m, p, p)
    pulled : ndarray of shape (m, n)
        Omega⁻¹ (y - X beta).
    spread : ndarray of shape (m, n, p)
        Omega⁻¹ X.
    inverse : ndarray of shape (m, n)
        Diagonal of Omega⁻¹.
    """

    weights: Floats
    beta: Floats
    cov: Floats
    pulled: Floats
    spread: Floats
    inverse: Floats


def _visit(problem: Problem, found: Quadrature) -> tuple[Nodes, Floats]:
    """Every node that counts, and their psi."""
    kept = found.weights > NEGLIGIBLE
    weights = found.weights[kept] / found.weights[kept].sum()
    psi, beta = found.psi[kept], found.beta[kept]
    residuals = problem.y - beta @ problem.X.T
    omega = find_row_variances(problem, psi)
    if omega is not None:
        spread = problem.X / omega[:, :, None]
        return Nodes(weights, beta, found.cov[kept], residuals / omega, spread, 1 / omega), psi
    pulled, solved, inverse = [], [], []
    for value, left in zip(psi, residuals, strict=True):
        factor = point(problem, value).factor
        both = factor.solve(np.column_stack([left, problem.X]))
        pulled.append(both[:, 0])
        solved.append(both[:, 1:])
        inverse.append(factor.inverse_diagonal())
    stacked = (np.array(pulled), np.array(solved), np.array(inverse))
    return Nodes(weights, beta, found.cov[kept], *stacked), psi


def find_study_effects(problem: Problem, found: Quadrature) -> Normals:
    r"""The posterior of the true effect behind every estimate.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    found : Quadrature
        Its posterior.

    Returns
    -------
    Normals
        One mixture per row.

    Notes
    -----
    At each node, with m and S the posterior mean and covariance of the coefficients there,

    .. math:: \theta \sim N\{y - V\Omega^{-1}(y - Xm),\; V - V\Omega^{-1}V + V\Omega^{-1}X S X'\Omega^{-1}V\}
    """
    nodes, psi = _visit(problem, found)
    rows, columns, values = problem.V.entries()
    if (rows == columns).all():
        v = problem.V.diagonal
        mean = problem.y - v * nodes.pulled
        lost = v[:, None] * nodes.spread
        own = v - v**2 * nodes.inverse
    else:
        dense = np.zeros((problem.n, problem.n))
        dense[rows, columns] = values
        mean = problem.y - nodes.pulled @ dense
        lost = np.einsum("ij,mjp->mip", dense, nodes.spread)
        own = np.array([_remaining(problem, value, dense) for value in psi])
    variance = own + np.einsum("mip,mpq,miq->mi", lost, nodes.cov, lost)
    floor = 1e-12 * problem.V.diagonal
    return Normals(nodes.weights, mean, np.sqrt(np.maximum(variance, floor)))


def _remaining(problem: Problem, psi: Floats, dense: Floats) -> Floats:
    half = point(problem, psi).factor.half_solve(dense)
    return np.asarray(np.diag(dense) - (half * half).sum(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Deletions:
    """The posterior without each estimate, by reweighting the nodes.

    Attributes
    ----------
    log_predictive : ndarray of shape (n,)
        log p(y_i | the others); NaN where a coefficient cannot be estimated without the estimate.
    weights : ndarray of shape (m, n)
        Weights of the nodes without each estimate.
    beta : ndarray of shape (m, n, p)
        Posterior means of the coefficients without it.
    cov : ndarray of shape (m, n, p, p)
        Their covariances.
    efficiency : ndarray of shape (n,)
        1 / (1 + squared coefficient of variation of the ratios): 1 where nothing moves.
    psi : ndarray of shape (m, parameters)
        Of the nodes.
    """

    log_predictive: Floats
    weights: Floats
    beta: Floats
    cov: Floats
    efficiency: Floats
    psi: Floats


def delete_each(problem: Problem, found: Quadrature) -> Deletions:
    r"""Leave every estimate out without integrating again.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    found : Quadrature
        Its posterior.

    Notes
    -----
    At each node, with :math:`P = \Omega^{-1} - \Omega^{-1}XSX'\Omega^{-1}` and
    :math:`g = \Omega^{-1}(y - Xm)`, the estimate given the others is
    :math:`N(y_i - g_i/P_{ii}, 1/P_{ii})`; the node's weight is divided by that density. Sundararajan &
    Keerthi (2001), Neural Computation 13, 1103-1118; Vehtari, Gelman & Gabry (2017), Statistics and
    Computing 27, 1413-1432, for the idea and its diagnostic.
    """
    nodes, psi = _visit(problem, found)
    lost = np.einsum("mip,mpq->miq", nodes.spread, nodes.cov)
    own = nodes.inverse - np.einsum("miq,miq->mi", lost, nodes.spread)
    own = np.where(own > ALONE * nodes.inverse, own, np.nan)  # an estimate that a coefficient rests on alone
    gap = nodes.pulled / own
    log_predictive = 0.5 * np.log(own / (2 * np.pi)) - 0.5 * nodes.pulled * gap
    ratio = np.exp(-(log_predictive - log_predictive.max(axis=0)))
    raw = nodes.weights[:, None] * ratio
    total = raw.sum(axis=0)
    efficiency = total**2 / (raw * ratio).sum(axis=0)
    away = np.einsum("miq,mir->miqr", lost, lost) / own[:, :, None, None]
    return Deletions(
        log_predictive=log_predictive.max(axis=0) - np.log(total),
        weights=raw / total,
        beta=nodes.beta[:, None, :] - lost * gap[:, :, None],
        cov=nodes.cov[:, None] + away,
        efficiency=efficiency,
        psi=psi,
    )
