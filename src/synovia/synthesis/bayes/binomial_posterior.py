"""The posterior of a binomial network: quadrature over tau, and at each tau over the effects."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.axis import Axis, Curve, make_curve
from synovia.kernel.lattice import Lattice, make_lattice
from synovia.synthesis.bayes.binomial_likelihood import Arms, Peak, Place, at_tau, evaluate_arms, find_peak
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
from synovia.synthesis.bayes.priors import Prior

__all__ = ["BinomialNodes", "BinomialPriors", "integrate_binomial"]

Floats = NDArray[np.float64]
Rule = tuple[Floats, Floats]

POINTS = 7  # nodes of the rules over a baseline and over an arm's random effect
FINE = 11  # the same, where the effects are far from normal
FIRST = 3  # the same, to find where the mass lies
GRIDS = ((3, 7), (4, 5))  # up to so many effects, so many nodes for each of them
FAST = 10_000_000  # evaluations of the likelihood of an arm at one of its nodes, above which nodes are saved
ROUGH = 0.1  # by how much logs of the posterior over a normal density may differ between nodes of degree 5
LOST = 50.0  # logs below its highest node, where a rule with weights below 0 leaves nothing
SINGULAR = 1e-9  # of the mean variance at the mode, below which a covariance is none
LEAST = 0.5  # of a variance of the rule, below which a finer one is not believed
SPARSE, LEVEL = 5, 3  # up to so many effects, a sparse rule of that level where they are far from normal
TOLERANCE = {False: 1e-4, True: 1e-3}  # of the lattice, without and with an effect that is held
DEPTH = 14.0
MOST = {False: 200, True: 2_500}  # nodes of the lattice, without and with an effect that is held
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


@dataclass(frozen=True, slots=True, eq=False)
class Mending:
    """How means and covariances of a rule become those of a finer one, in its own standard deviations.

    Attributes
    ----------
    shift : ndarray of shape (t,)
    spread : ndarray of shape (t, t)
    """

    shift: Floats
    spread: Floats

    def mend(self, mean: Floats, cov: Floats) -> tuple[Floats, Floats]:
        """(N, t) means and (N, t, t) covariances, mended."""
        root = np.linalg.cholesky(cov)
        return mean + root @ self.shift, np.asarray(root @ self.spread @ np.swapaxes(root, 1, 2))


@dataclass(frozen=True, slots=True, eq=False)
class _Posed:
    """What is integrated, and how closely.

    Attributes
    ----------
    arms : Arms
        The data, without the effect that is held.
    priors : BinomialPriors
        Of everything.
    prior : ndarray of shape (t, t)
        Prior precision of the effects that are not held.
    held : Held or None
        An effect with an axis of its own.
    points : int
        Nodes of the rules over a baseline and over an arm's random effect.
    rule : tuple of ndarray
        Over the effects that are not held.
    mending : Mending or None
        What a finer rule adds.
    tables : Tables or None
        Of the likelihood, where it is evaluated so often that they pay.
    """

    arms: Arms
    priors: BinomialPriors
    prior: Floats
    held: Held | None
    points: int
    rule: Rule
    mending: Mending | None = None
    tables: Tables | None = None

    def put(self, tau: Floats, at: Floats | None = None) -> Place:
        """Evaluations at values of tau, and at places on the axis of the held effect: its origin without."""
        if self.held is None:
            return at_tau(tau)
        return self.held.put(tau, self.held.natural(np.zeros(tau.size) if at is None else at))


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
    log_density, mean, cov = _integrate_effects(posed, at_tau(np.zeros(1)))
    return BinomialNodes(np.ones(1), mean, cov, np.zeros(1), None, float(log_density[0]), 0.0)


def _pose(arms: Arms, priors: BinomialPriors, prior: Floats) -> tuple[_Posed, Axis | None]:
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


def _find_mending(posed: _Posed, tau: Axis | None) -> Mending | None:
    """What a sparse rule, too slow to be used everywhere, finds at the mode beyond the rule that is used."""
    place = posed.put(np.zeros(1) if tau is None else tau.natural(np.zeros(1)))
    centre = _find_centre(posed, place)
    _, mean, cov = _apply(posed, place, centre, posed.rule, POINTS)
    _, finer, wider = _apply(posed, place, centre, make_sparse_rule(cov.shape[1], LEVEL), POINTS)
    root = np.linalg.inv(np.linalg.cholesky(cov[0]))
    spread = np.asarray(root @ wider[0] @ root.T)
    sound = np.linalg.eigvalsh(spread).min() > LEAST
    return Mending(root @ (finer - mean)[0], spread) if sound else None


def _hold(arms: Arms, priors: BinomialPriors, prior: Floats, separated: Separated | None) -> _Posed:
    held = None if separated is None else hold(arms, separated, prior, priors.baseline_sd)
    rest = arms if held is None else held.rest
    t = rest.design.shape[1]
    nodes = next((grid for most, grid in GRIDS if t <= most), 0)
    costly = 20 * rest.events.size * POINTS**2 * nodes**t > FAST
    tables = None if held is None else Tables(rest, priors.baseline_sd)
    own = prior if held is None else held.prior
    return _Posed(rest, priors, own, held, POINTS, make_rule(t, 0 if costly else nodes), tables=tables)


def _is_rough(posed: _Posed, tau: Axis | None) -> bool:
    """Whether the posterior of the effects near its mode is far from the normal around which its rule is."""
    place = posed.put(np.zeros(1) if tau is None else tau.natural(np.zeros(1)))
    heights, _ = _climb(posed, place, _find_centre(posed, place), make_rule(posed.arms.design.shape[1], 0))
    return bool(np.ptp(heights) > ROUGH)


def _integrate_axes(posed: _Posed, axes: tuple[Axis | Held, ...], matrix: Floats) -> BinomialNodes:
    """A lattice over tau, an effect that is held, or both; the other effects are integrated at its nodes."""
    prior, held = posed.priors.tau, posed.held
    t = posed.arms.design.shape[1] + (held is not None)

    def evaluate(at: Floats) -> tuple[Floats, Floats]:
        tau = np.zeros(at.shape[0]) if prior is None else axes[0].natural(at[:, 0])
        total, mean, cov = _integrate_effects(posed, posed.put(tau, at[:, -1]))
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
        error=lattice.error,
    )


def _trace(axis: Axis, lattice: Lattice) -> Curve:
    """The marginal posterior of tau."""
    column, step = lattice.index[:, 0], float(lattice.steps[0])
    low = int(column.min())
    shares = np.bincount(column - low, weights=lattice.weights)
    at = np.asarray((low + np.arange(shares.size)) * step, dtype=np.float64)
    return make_curve(axis, at, np.asarray(shares / step, dtype=np.float64))


def _place_tau(posed: _Posed) -> Axis | None:
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
        peak = _find_peak(posed, place)
        heights = _evaluate(posed, place, peak.effects, FIRST) - 0.5 * np.linalg.slogdet(peak.precision)[1]
        heights = heights + axis.line_slope(line) + prior.log_density(tau, V)
        best = int(np.argmax(heights))
        x, reach = float(line[best]), reach / 6
    inner = int(np.clip(best, 1, 11))
    bend = (2 * heights[inner] - heights[inner - 1] - heights[inner + 1]) / (line[1] - line[0]) ** 2
    return axis.scale(x, float(np.clip(bend, 1.0, 1e4) ** -0.5))


def _find_peak(posed: _Posed, place: Place, effects: Floats | None = None) -> Peak:
    sd = posed.priors.baseline_sd
    return find_peak(posed.arms, place, prior=posed.prior, baseline_sd=sd, effects=effects)


def _evaluate_all(posed: _Posed, place: Place, effects: Floats, points: int) -> Floats:
    """(N, Q) log-likelihoods times prior of the effects, at effects (N, Q, t)."""
    n, q, t = effects.shape
    if posed.tables is not None:
        return _weigh(posed, place, effects) + posed.tables.evaluate(place, effects, points)
    return _evaluate(posed, place.repeat(q), effects.reshape(-1, t), points).reshape(n, q)


def _weigh(posed: _Posed, place: Place, effects: Floats) -> Floats:
    """Log density of the prior of the effects (N, ..., t)."""
    away = effects - (place.centre if effects.ndim == 2 else place.centre[:, None])
    return np.asarray(
        0.5 * np.linalg.slogdet(posed.prior)[1] - 0.5 * ((away @ posed.prior) * away).sum(axis=-1)
    )


def _evaluate(posed: _Posed, place: Place, effects: Floats, points: int) -> Floats:
    """(N,) log-likelihoods times prior of the effects."""
    peak = _find_peak(posed, place, effects)
    found = evaluate_arms(posed.arms, place, peak, baseline_sd=posed.priors.baseline_sd, points=points)
    return _weigh(posed, place, effects) + found


@dataclass(frozen=True, slots=True, eq=False)
class _Centre:
    mean: Floats
    cov: Floats


def _find_centre(posed: _Posed, place: Place) -> _Centre:
    """Where the mass of the effects lies: a coarse rule around the joint mode says."""
    peak = _find_peak(posed, place)
    mode = _Centre(peak.effects, np.asarray(np.linalg.inv(peak.precision), dtype=np.float64))
    t = posed.arms.design.shape[1]
    if t == 0:
        return mode
    _, mean, cov = _apply(posed, place, mode, make_rule(t, 0), FIRST)
    return _secure(mode, mean, cov)


def _secure(rough: _Centre, mean: Floats, cov: Floats) -> _Centre:
    """Means and covariances, rough ones where weights below 0 left none that can be."""
    scale = np.trace(rough.cov, axis1=1, axis2=2) / mean.shape[1]
    sound = np.asarray(np.isfinite(cov).all(axis=(1, 2)))
    sound[sound] = np.linalg.eigvalsh(cov[sound])[:, 0] > SINGULAR * scale[sound]
    return _Centre(np.where(sound[:, None], mean, rough.mean), np.where(sound[:, None, None], cov, rough.cov))


def _integrate_effects(posed: _Posed, place: Place) -> tuple[Floats, Floats, Floats]:
    """(N,) log of the integral over the effects, (N, t) their means, (N, t, t) their covariances."""
    centre = _find_centre(posed, place)
    log_density, mean, cov = _apply(posed, place, centre, posed.rule, posed.points)
    if mean.shape[1] == 0:
        return log_density, mean, cov
    found = _secure(centre, mean, cov)
    if posed.mending is None:
        return log_density, found.mean, found.cov
    return log_density, *posed.mending.mend(found.mean, found.cov)


def _climb(
    posed: _Posed, place: Place, centre: _Centre, rule: Rule, points: int = POINTS
) -> tuple[Floats, Floats]:
    """(N, Q) logs of the density over the normal's at the nodes of a rule, and (N, Q, t) the effects."""
    nodes, _ = rule
    root = np.linalg.cholesky(centre.cov)
    effects = centre.mean[:, None, :] + np.einsum("nij,qj->nqi", root, nodes)
    value = _evaluate_all(posed, place, effects, points)
    log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    return value + 0.5 * (nodes**2).sum(axis=1) + log_det[:, None], effects


def _apply(
    posed: _Posed, place: Place, centre: _Centre, rule: Rule, points: int
) -> tuple[Floats, Floats, Floats]:
    heights, effects = _climb(posed, place, centre, rule, points)
    top = heights.max(axis=1, keepdims=True)
    mass: Floats = rule[1] * np.exp(heights - top)
    # weights below 0 may leave nothing where the density is far from normal, which is where it is low
    empty = np.flatnonzero(np.logical_not(mass.sum(axis=1) > 0))
    mass[empty] = np.exp(-LOST) * np.abs(mass[empty]) / np.abs(rule[1]).sum()
    total = mass.sum(axis=1)
    mean = np.einsum("nq,nqi->ni", mass / total[:, None], effects)
    around = effects - mean[:, None, :]
    cov = np.einsum("nq,nqi,nqj->nij", mass / total[:, None], around, around)
    return top[:, 0] + np.log(total), mean, cov
