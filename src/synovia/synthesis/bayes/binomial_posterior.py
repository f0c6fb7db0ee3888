"""The posterior of a binomial network: quadrature over tau, and at each tau over the effects."""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.axis import Axis, Curve, make_curve
from synovia.kernel.lattice import make_lattice
from synovia.synthesis.bayes.binomial_likelihood import Arms, Peak, evaluate_arms, find_peak
from synovia.synthesis.bayes.priors import Prior

__all__ = ["BinomialNodes", "BinomialPriors", "integrate_binomial"]

Floats = NDArray[np.float64]

POINTS = 7  # nodes of the rules over a baseline and over an arm's random effect
FIRST = 3  # the same, to find where the mass lies
GRIDS = ((3, 7), (4, 5))  # up to so many effects, so many nodes for each of them
FAST = 10_000_000  # evaluations of the likelihood of an arm at one of its nodes, above which nodes are saved
TOLERANCE = 1e-4
DEPTH = 14.0
V = np.empty(0)


@dataclass(frozen=True, slots=True)
class BinomialPriors:
    """Priors of a binomial network.

    Attributes
    ----------
    tau : Prior or None
        Of the standard deviation between trials; None for a common effect.
    effect_sd, baseline_sd : float
        Standard deviations of the normal priors, mean 0, of effects and of baselines.
    """

    tau: Prior | None
    effect_sd: float
    baseline_sd: float


@dataclass(frozen=True, slots=True, eq=False)
class BinomialNodes:
    """The posterior at every node of tau.

    Attributes
    ----------
    weights : ndarray of shape (N,)
    mean : ndarray of shape (N, T - 1)
    cov : ndarray of shape (N, T - 1, T - 1)
    tau : ndarray of shape (N,)
    curve : Curve or None
        Marginal posterior of tau.
    log_evidence : float
    error : float
        Estimated relative error of the rule over tau.
    """

    weights: Floats
    mean: Floats
    cov: Floats
    tau: Floats
    curve: Curve | None
    log_evidence: float
    error: float


def integrate_binomial(arms: Arms, priors: BinomialPriors) -> BinomialNodes:
    """Integrate tau and the effects.

    Parameters
    ----------
    arms : Arms
        The data.
    priors : BinomialPriors
        Of everything.
    """
    t, prior = arms.design.shape[1], priors.tau
    if prior is None:
        log_density, mean, cov = _integrate_effects(arms, priors, np.zeros(1))
        return BinomialNodes(np.ones(1), mean, cov, np.zeros(1), None, float(log_density[0]), 0.0)
    axis = _place(arms, priors, prior, Axis(*prior.limits, squared=True))

    def evaluate(at: Floats) -> tuple[Floats, Floats]:
        tau = axis.natural(at[:, 0])
        log_density, mean, cov = _integrate_effects(arms, priors, tau)
        total = log_density + prior.log_density(tau, V) + axis.log_slope(at[:, 0])
        return total, np.column_stack([tau, mean, cov.reshape(tau.size, -1)])

    def summarise(values: Floats) -> tuple[Floats, Floats]:
        own = values[:, 1 + t :: t + 1]
        return values[:, : 1 + t], np.column_stack([np.zeros(own.shape[0]), own])

    lattice = make_lattice(evaluate, summarise, axes=1, tolerance=TOLERANCE, most=200, depth=DEPTH)
    weights, values = lattice.weights, lattice.values
    column, step = lattice.index[:, 0], float(lattice.steps[0])
    low, shares = int(column.min()), np.bincount(column - int(column.min()), weights=weights)
    at = np.asarray((low + np.arange(shares.size)) * step, dtype=np.float64)
    return BinomialNodes(
        weights=weights,
        mean=values[:, 1 : 1 + t],
        cov=values[:, 1 + t :].reshape(-1, t, t),
        tau=values[:, 0],
        curve=make_curve(axis, at, np.asarray(shares / step, dtype=np.float64)),
        log_evidence=lattice.log_total,
        error=lattice.error,
    )


def _place(arms: Arms, priors: BinomialPriors, prior: Prior, axis: Axis) -> Axis:
    """Centre tau where its posterior is highest, by Laplace's approximation over the effects."""
    x, reach, best = 0.0, 4.0, 0
    line, heights = np.zeros(13), np.zeros(13)
    for _ in range(2):
        line = x + np.linspace(-reach, reach, 13)
        tau = axis.from_line(line)
        peak = _find_peak(arms, priors, tau)
        heights = _evaluate(arms, priors, tau, peak, 3) - 0.5 * np.linalg.slogdet(peak.precision)[1]
        heights = heights + axis.line_slope(line) + prior.log_density(tau, V)
        best = int(np.argmax(heights))
        x, reach = float(line[best]), reach / 6
    inner = int(np.clip(best, 1, 11))
    bend = (2 * heights[inner] - heights[inner - 1] - heights[inner + 1]) / (line[1] - line[0]) ** 2
    return axis.scale(x, float(np.clip(bend, 1.0, 1e4) ** -0.5))


def _find_peak(arms: Arms, priors: BinomialPriors, tau: Floats, effects: Floats | None = None) -> Peak:
    return find_peak(arms, tau, effect_sd=priors.effect_sd, baseline_sd=priors.baseline_sd, effects=effects)


def _evaluate(arms: Arms, priors: BinomialPriors, tau: Floats, peak: Peak, points: int) -> Floats:
    """(N,) log-likelihood times prior of the effects."""
    spread = priors.effect_sd
    prior = -0.5 * (peak.effects**2).sum(axis=1) / spread**2 - peak.effects.shape[1] * np.log(spread)
    found = evaluate_arms(arms, tau, peak, baseline_sd=priors.baseline_sd, points=points)
    return np.asarray(prior + found, dtype=np.float64)


def _integrate_effects(arms: Arms, priors: BinomialPriors, tau: Floats) -> tuple[Floats, Floats, Floats]:
    """(N,) log of the integral over the effects, (N, t) their means, (N, t, t) their covariances.

    A first rule around the joint mode finds where the mass lies, a second is centred there.
    """
    t = arms.design.shape[1]
    peak = _find_peak(arms, priors, tau)
    fast = make_rule(t, 0)
    _, mean, cov = _apply(
        arms,
        priors,
        tau,
        _Centre(peak.effects, np.asarray(np.linalg.inv(peak.precision), dtype=np.float64)),
        fast,
        points=FIRST,
    )
    nodes = next((grid for most, grid in GRIDS if t <= most), 0)
    costly = 20 * arms.events.size * POINTS**2 * nodes**t > FAST
    rule = fast if costly else make_rule(t, nodes)
    return _apply(arms, priors, tau, _Centre(mean, cov), rule, points=POINTS)


@dataclass(frozen=True, slots=True, eq=False)
class _Centre:
    mean: Floats
    cov: Floats


def _apply(
    arms: Arms,
    priors: BinomialPriors,
    tau: Floats,
    centre: _Centre,
    rule: tuple[Floats, Floats],
    *,
    points: int,
) -> tuple[Floats, Floats, Floats]:
    nodes, weights = rule
    n, t = centre.mean.shape
    root = np.linalg.cholesky(centre.cov)
    effects = centre.mean[:, None, :] + np.einsum("nij,qj->nqi", root, nodes)
    repeated = np.repeat(tau, len(nodes))
    peak = _find_peak(arms, priors, repeated, effects.reshape(-1, t))
    value = _evaluate(arms, priors, repeated, peak, points)
    heights = value.reshape(n, -1) + 0.5 * (nodes**2).sum(axis=1)
    top = heights.max(axis=1, keepdims=True)
    mass = weights * np.exp(heights - top)
    total = mass.sum(axis=1)
    shares = mass / total[:, None]
    mean = np.einsum("nq,nqi->ni", shares, effects)
    around = effects - mean[:, None, :]
    cov = np.einsum("nq,nqi,nqj->nij", shares, around, around)
    log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    return top[:, 0] + np.log(total) + log_det, mean, cov


@cache
def make_rule(t: int, grid: int) -> tuple[Floats, Floats]:
    """Nodes (Q, t) and weights (Q,) for means under the standard normal.

    A product of Gauss-Hermite rules of ``grid`` nodes each; with 0 the rule of degree 5 with 2t² + 1 nodes
    (McNamee & Stenger 1967, Numerische Mathematik 10, 327-344).

    Parameters
    ----------
    t : int
        Number of dimensions.
    grid : int
        Nodes in each, or 0.
    """
    if grid:
        z, w = np.polynomial.hermite_e.hermegauss(grid)
        places = np.array(list(product(range(grid), repeat=t)))
        return z[places], np.prod((w / w.sum())[places], axis=1)
    axes = np.sqrt(3) * np.concatenate([np.eye(t), -np.eye(t)])
    pairs = [
        np.sqrt(3) * (a * np.eye(t)[i] + b * np.eye(t)[j])
        for i in range(t)
        for j in range(i)
        for a, b in product((1, -1), repeat=2)
    ]
    weights = [1 + (t * t - 7 * t) / 18, *[(4 - t) / 18] * (2 * t), *[1 / 36] * len(pairs)]
    return np.concatenate([np.zeros((1, t)), axes, np.array(pairs).reshape(-1, t)]), np.array(weights)
