"""The true effect behind every estimate, and what remains without one of them, at every node."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel import Problem, point
from synovia.kernel.blocks import Stack
from synovia.kernel.likelihoods import find_row_variances
from synovia.kernel.normals import Normals
from synovia.kernel.quadrature import Quadrature, find_heavy
from synovia.kernel.sweep import make_stacks, sweep

__all__ = ["Deletions", "delete_each", "find_study_effects"]

Floats = NDArray[np.float64]

ALONE = 1e-9  # share of an estimate's precision that is not used up by the coefficients
CHUNK = 1 << 18  # numbers that one step of the nodes holds
LEAST = 1e-10  # weight of a node that may count for more without an estimate
HELD = 50_000_000  # numbers that all nodes hold
LEFT_OUT = 1e-7  # share of the lightest of many nodes, which moves no digit that is shown


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
    left : ndarray of shape (m, n)
        Diagonal of V - V Omega⁻¹ V.
    """

    weights: Floats
    beta: Floats
    cov: Floats
    pulled: Floats
    spread: Floats
    inverse: Floats
    left: Floats


def _visit(problem: Problem, found: Quadrature, least: float = 0.0) -> Nodes:
    """Every node that counts; of more than memory holds, those with the most weight."""
    most = max(1, HELD // (problem.n * problem.p))
    kept = find_heavy(found.weights, LEFT_OUT)
    kept = kept[found.weights[kept] > least]
    kept = np.sort(kept[np.argsort(found.weights[kept])[-most:]])
    weights = found.weights[kept] / found.weights[kept].sum()
    psi, beta, cov = found.psi[kept], found.beta[kept], found.cov[kept]
    residuals = problem.y - beta @ problem.X.T
    omega = find_row_variances(problem, psi)
    if omega is not None:
        spread = problem.X / omega[:, :, None]
        v = problem.V.diagonal
        parts = (residuals / omega, spread, 1 / omega, v * (1 - v / omega))
        return Nodes(weights, beta, cov, *parts)
    stacks = make_stacks(problem)
    if stacks is None:
        return Nodes(weights, beta, cov, *_visit_one_by_one(problem, psi, residuals))
    solved, inverse, left = _visit_blocks(problem, stacks, psi)
    p = problem.p
    pulled = solved[:, :, p] - np.einsum("mip,mp->mi", solved[:, :, :p], beta)
    return Nodes(weights, beta, cov, pulled, solved[:, :, :p], inverse, left)


def _visit_blocks(problem: Problem, stacks: tuple[Stack, ...], psi: Floats) -> tuple[Floats, Floats, Floats]:
    """Omega inverse times X and y, its diagonal, and the diagonal of V - V Omega inverse V."""
    m, p = psi.shape[0], problem.p
    solved, inverse = np.empty((m, problem.n, p + 1)), np.empty((m, problem.n))
    left = np.empty((m, problem.n))
    given = [
        np.concatenate(
            [problem.joined[stack.rows], np.broadcast_to(np.eye(stack.known.shape[1]), stack.known.shape)],
            axis=2,
        )
        for stack in stacks
    ]
    size = max(1, CHUNK // sum(part.size for part in given))
    for start in range(0, m, size):
        here = slice(start, start + size)
        for stack, half in zip(stacks, sweep(stacks, problem.terms, psi[here], given).halves, strict=True):
            whole = np.ascontiguousarray(np.moveaxis(half, -1, 0))
            root = np.swapaxes(whole[..., p + 1 :], -1, -2)
            solved[here, stack.rows] = root @ whole[..., : p + 1]
            inverse[here, stack.rows] = (root**2).sum(axis=-1)
            pressed = ((stack.known @ root) ** 2).sum(axis=-1)
            left[here, stack.rows] = np.diagonal(stack.known, axis1=1, axis2=2) - pressed
    return solved, inverse, left


def _visit_one_by_one(
    problem: Problem, psi: Floats, residuals: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    dense = np.zeros((problem.n, problem.n))
    rows, columns, values = problem.V.entries()
    dense[rows, columns] = values
    parts = []
    for value, left in zip(psi, residuals, strict=True):
        factor = point(problem, value).factor
        both, half = factor.solve(np.column_stack([left, problem.X])), factor.half_solve(dense)
        remains = np.diag(dense) - (half * half).sum(axis=0)
        parts.append((both[:, 0], both[:, 1:], factor.inverse_diagonal(), remains))
    pulled, spread, inverse, remaining = (np.array(part) for part in zip(*parts, strict=True))
    return pulled, spread, inverse, remaining


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
    nodes = _visit(problem, found)
    rows, columns, values = problem.V.entries()
    if (rows == columns).all():
        v = problem.V.diagonal
        mean, lost = problem.y - v * nodes.pulled, v[:, None] * nodes.spread
    else:
        dense = np.zeros((problem.n, problem.n))
        dense[rows, columns] = values
        mean = problem.y - nodes.pulled @ dense
        lost = np.swapaxes(np.swapaxes(nodes.spread, 1, 2) @ dense, 1, 2)
    variance = nodes.left + ((lost @ nodes.cov) * lost).sum(axis=2)
    floor = 1e-12 * problem.V.diagonal
    return Normals(nodes.weights, mean, np.sqrt(np.maximum(variance, floor)))


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
    variance : ndarray of shape (m, n, p)
        Their variances.
    efficiency : ndarray of shape (n,)
        1 / (1 + squared coefficient of variation of the ratios): 1 where nothing moves.
    """

    log_predictive: Floats
    weights: Floats
    beta: Floats
    variance: Floats
    efficiency: Floats


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
    nodes = _visit(problem, found, LEAST)
    lost = nodes.spread @ nodes.cov
    own = nodes.inverse - (lost * nodes.spread).sum(axis=2)
    own = np.where(own > ALONE * nodes.inverse, own, np.nan)  # an estimate that a coefficient rests on alone
    gap = nodes.pulled / own
    log_predictive = 0.5 * np.log(own / (2 * np.pi)) - 0.5 * nodes.pulled * gap
    ratio = np.exp(-(log_predictive - log_predictive.max(axis=0)))
    raw = nodes.weights[:, None] * ratio
    total = raw.sum(axis=0)
    efficiency = total**2 / (raw * ratio).sum(axis=0)
    return Deletions(
        log_predictive=log_predictive.max(axis=0) - np.log(total),
        weights=raw / total,
        beta=nodes.beta[:, None, :] - lost * gap[:, :, None],
        variance=np.diagonal(nodes.cov, axis1=1, axis2=2)[:, None] + lost * lost / own[:, :, None],
        efficiency=efficiency,
    )
