"""The posterior of a binomial network: quadrature over tau, and at each tau over the effects."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.axis import Axis, Curve, make_curve
from synovia.kernel.lattice import Lattice, make_lattice
from synovia.synthesis.bayes.binomial_effects import (
    FIRST,
    LEVEL,
    POINTS,
    BinomialPriors,
    Mending,
    Posed,
    apply_rule,
    climb,
    compare_rules,
    evaluate_at,
    find_centre,
    find_mode,
    integrate_effects,
)
from synovia.synthesis.bayes.binomial_likelihood import Arms, Place, at_tau
from synovia.synthesis.bayes.binomial_rules import make_rule, make_sparse_rule
from synovia.synthesis.bayes.binomial_separation import (
    Held,
    Separated,
    find_rarest,
    find_separated,
    hold,
    turn,
)
from synovia.synthesis.bayes.binomial_tables import Tables

__all__ = ["BinomialNodes", "BinomialPriors", "integrate_binomial"]

Floats = NDArray[np.float64]

FINE = 11  # the same, where the effects are far from normal
GRIDS = ((3, 7), (4, 5))  # up to so many effects, so many nodes for each of them
FAST = 10_000_000  # evaluations of the likelihood of an arm at one of its nodes, above which nodes are saved
ROUGH = 0.1  # by how much logs of the posterior over a normal density may differ between nodes of degree 5
LEAST = 0.5  # of a variance of the rule, below which a finer one is not believed
SPARSE = 5  # up to so many effects, a sparse rule where they are far from normal
TOLERANCE = {False: 1e-4, True: 1e-3}  # of the lattice, without and with an effect that is held
DEPTH = 14.0
QUARTERS = (0.25, 0.75)
MOST = {False: 200, True: 2_500}  # nodes of the lattice, without and with an effect that is held
V = np.empty(0)


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
        Estimated error, in standard deviations: that of the rule over tau (and an effect that is held), and
        how far the rule over the effects is from another one where the posterior has its mass.
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

    Notes
    -----
    Effects that many events tell are nearly normal at a given tau, and a rule of degree 5 does. One that
    the data leave open on one side, so that only its prior ends it, has an axis of its own beside that of
    tau. Where a normal density fits the others badly, finer rules are used, or the effect that the fewest
    events tell is given the axis and what a finer rule adds at the mode is added everywhere.
    """
    turned = turn(arms)
    posed, tau = _pose(turned.arms, priors, turned.matrix.T @ turned.matrix / priors.effect_sd**2)
    axes = tuple(axis for axis in (tau, posed.held) if axis is not None)
    if axes:
        return _integrate_axes(posed, axes, turned.matrix)
    log_density, mean, cov = integrate_effects(posed, at_tau(np.zeros(1)))
    error = compare_rules(posed, at_tau(np.zeros(1)))
    return BinomialNodes(np.ones(1), mean, cov, np.zeros(1), None, float(log_density[0]), error)


def _pose(arms: Arms, priors: BinomialPriors, prior: Floats) -> tuple[Posed, Axis | None]:
    separated = find_separated(arms)
    posed = _hold(arms, priors, prior, separated[0] if separated else None)
    tau = _place_tau(posed)
    if not _is_rough(posed, tau):
        return posed, tau
    t = posed.arms.design.shape[1]
    if t > SPARSE and posed.held is None:
        posed = _hold(arms, priors, prior, find_rarest(arms))
        tau, t = _place_tau(posed), t - 1
    if t > SPARSE:
        return replace(posed, mending=_find_mending(posed, tau)), tau
    rule = make_sparse_rule(t, LEVEL) if t > LEVEL else posed.rule
    return replace(posed, points=FINE, rule=rule), tau


def _find_mending(posed: Posed, tau: Axis | None) -> Mending | None:
    """What a sparse rule, too slow to be used everywhere, finds at the mode beyond the rule that is used."""
    place = posed.put(np.zeros(1) if tau is None else tau.natural(np.zeros(1)))
    centre = find_centre(posed, place)
    _, mean, cov = apply_rule(posed, place, centre, posed.rule, POINTS)
    _, finer, wider = apply_rule(posed, place, centre, make_sparse_rule(cov.shape[1], LEVEL), POINTS)
    root = np.linalg.inv(np.linalg.cholesky(cov[0]))
    spread = np.asarray(root @ wider[0] @ root.T)
    sound = np.linalg.eigvalsh(spread).min() > LEAST
    return Mending(root @ (finer - mean)[0], spread) if sound else None


def _hold(arms: Arms, priors: BinomialPriors, prior: Floats, separated: Separated | None) -> Posed:
    held = None if separated is None else hold(arms, separated, prior, priors.baseline_sd)
    rest = arms if held is None else held.rest
    t = rest.design.shape[1]
    nodes = next((grid for most, grid in GRIDS if t <= most), 0)
    costly = 20 * rest.events.size * POINTS**2 * nodes**t > FAST
    tables = None if held is None else Tables(rest, priors.baseline_sd)
    own = prior if held is None else held.prior
    return Posed(rest, priors, own, held, POINTS, make_rule(t, 0 if costly else nodes), tables=tables)


def _is_rough(posed: Posed, tau: Axis | None) -> bool:
    """Whether the posterior of the effects near its mode is far from the normal around which its rule is."""
    place = posed.put(np.zeros(1) if tau is None else tau.natural(np.zeros(1)))
    heights, _ = climb(posed, place, find_centre(posed, place), make_rule(posed.arms.design.shape[1], 0))
    return bool(np.ptp(heights) > ROUGH)


def _integrate_axes(posed: Posed, axes: tuple[Axis | Held, ...], matrix: Floats) -> BinomialNodes:
    """A lattice over tau, an effect that is held, or both; the other effects are integrated at its nodes."""
    prior, held = posed.priors.tau, posed.held
    t = posed.arms.design.shape[1] + (held is not None)

    def evaluate(at: Floats) -> tuple[Floats, Floats]:
        tau = np.zeros(at.shape[0]) if prior is None else axes[0].natural(at[:, 0])
        total, mean, cov = integrate_effects(posed, posed.put(tau, at[:, -1]))
        for axis, column in zip(axes, at.T, strict=True):
            total = total + axis.log_slope(column)
        if prior is not None:
            total = total + prior.log_density(tau, V)
        if held is not None:
            value = held.natural(at[:, -1])
            total = total + held.log_prior(value)
            mean, cov = held.restore(value, mean, cov)
        mean, cov = mean @ matrix.T, matrix @ cov @ matrix.T
        return total, np.column_stack([tau, mean, cov.reshape(tau.size, -1)])

    def summarise(values: Floats) -> tuple[Floats, Floats]:
        own = values[:, 1 + t :: t + 1]
        return values[:, : 1 + t], np.column_stack([np.zeros(own.shape[0]), own])

    wanted, most = TOLERANCE[held is not None], MOST[held is not None]
    lattice = make_lattice(evaluate, summarise, axes=len(axes), tolerance=wanted, most=most, depth=DEPTH)
    values, cov = lattice.values, lattice.values[:, 1 + t :].reshape(-1, t, t)
    if held is not None:
        cov = cov + matrix @ held.spread(lattice.points[:, -1], float(lattice.steps[-1])) @ matrix.T
    tau_axis = axes[0]
    return BinomialNodes(
        weights=lattice.weights,
        mean=values[:, 1 : 1 + t],
        cov=cov,
        tau=values[:, 0],
        curve=_trace(tau_axis, lattice) if isinstance(tau_axis, Axis) else None,
        log_evidence=lattice.log_total,
        error=lattice.error + compare_rules(posed, _choose_places(posed, lattice)),
    )


def _choose_places(posed: Posed, lattice: Lattice) -> Place:
    """Where the lower and upper quarters of the posterior begin along every axis."""
    chosen = []
    for column in lattice.index.T:
        shares = np.bincount(column - column.min(), weights=lattice.weights)
        for level in np.searchsorted(np.cumsum(shares), QUARTERS) + column.min():
            own = np.flatnonzero(column == level)
            chosen.append(own[np.argmax(lattice.weights[own])])
    few = np.unique(chosen)
    return posed.put(lattice.values[few, 0], lattice.points[few, -1])


def _trace(axis: Axis, lattice: Lattice) -> Curve:
    """The marginal posterior of tau."""
    column, step = lattice.index[:, 0], float(lattice.steps[0])
    low = int(column.min())
    shares = np.bincount(column - low, weights=lattice.weights)
    at = np.asarray((low + np.arange(shares.size)) * step, dtype=np.float64)
    return make_curve(axis, at, np.asarray(shares / step, dtype=np.float64))


def _place_tau(posed: Posed) -> Axis | None:
    """Centre tau where its posterior is highest, by Laplace's approximation over the effects."""
    prior = posed.priors.tau
    if prior is None:
        return None
    axis = Axis(*prior.limits, squared=True)
    x, reach, best = 0.0, 4.0, 0
    line, heights = np.zeros(13), np.zeros(13)
    for _ in range(2):
        line = x + np.linspace(-reach, reach, 13)
        tau = axis.from_line(line)
        place = posed.put(tau)
        peak = find_mode(posed, place)
        heights = evaluate_at(posed, place, peak.effects, FIRST) - 0.5 * np.linalg.slogdet(peak.precision)[1]
        heights = heights + axis.line_slope(line) + prior.log_density(tau, V)
        best = int(np.argmax(heights))
        x, reach = float(line[best]), reach / 6
    inner = int(np.clip(best, 1, 11))
    bend = (2 * heights[inner] - heights[inner - 1] - heights[inner + 1]) / (line[1] - line[0]) ** 2
    return axis.scale(x, float(np.clip(bend, 1.0, 1e4) ** -0.5))
