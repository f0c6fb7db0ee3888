"""The effects of a network of counts at given tau, integrated out by a rule around their mean."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.synthesis.bayes.binomial_likelihood import Arms, Peak, Place, at_tau, evaluate_arms, find_peak
from synovia.synthesis.bayes.binomial_rules import make_rule, make_sparse_rule
from synovia.synthesis.bayes.binomial_separation import Held
from synovia.synthesis.bayes.binomial_tables import Tables
from synovia.synthesis.bayes.priors import Prior

__all__ = [
    "FIRST",
    "LEVEL",
    "POINTS",
    "BinomialPriors",
    "Centre",
    "Mending",
    "Posed",
    "apply_rule",
    "climb",
    "compare_rules",
    "evaluate_at",
    "find_centre",
    "find_mode",
    "integrate_effects",
]

Floats = NDArray[np.float64]
Rule = tuple[Floats, Floats]

POINTS = 7  # nodes of the rules over a baseline and over an arm's random effect
FEW, OTHER = 3, 5  # up to so many effects, so many nodes for each of them to compare rules with
LEVEL = 3  # of sparse rules
FIRST = 3  # the same, to find where the mass lies
LOST = 50.0  # logs below its highest node, where a rule with weights below 0 leaves nothing
SINGULAR = 1e-9  # of the mean variance at the mode, below which a covariance is none


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
class Posed:
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


@dataclass(frozen=True, slots=True, eq=False)
class Centre:
    """Means (N, t) and covariances (N, t, t) around which a rule is laid.

    Attributes
    ----------
    mean, cov : ndarray
    """

    mean: Floats
    cov: Floats


def integrate_effects(
    posed: Posed, place: Place, centre: Centre | None = None
) -> tuple[Floats, Floats, Floats]:
    """(N,) log of the integral over the effects, (N, t) their means, (N, t, t) their covariances."""
    centre = find_centre(posed, place) if centre is None else centre
    log_density, mean, cov = apply_rule(posed, place, centre, posed.rule, posed.points)
    if mean.shape[1] == 0:
        return log_density, mean, cov
    found = _secure(centre, mean, cov)
    if posed.mending is None:
        return log_density, found.mean, found.cov
    return log_density, *posed.mending.mend(found.mean, found.cov)


def find_centre(posed: Posed, place: Place) -> Centre:
    """Where the mass of the effects lies: a coarse rule around the joint mode says."""
    peak = find_mode(posed, place)
    mode = Centre(peak.effects, np.asarray(np.linalg.inv(peak.precision), dtype=np.float64))
    t = posed.arms.design.shape[1]
    if t == 0:
        return mode
    _, mean, cov = apply_rule(posed, place, mode, make_rule(t, 0), FIRST)
    return _secure(mode, mean, cov)


def _secure(rough: Centre, mean: Floats, cov: Floats) -> Centre:
    """Means and covariances, rough ones where weights below 0 left none that can be."""
    scale = np.trace(rough.cov, axis1=1, axis2=2) / mean.shape[1]
    sound = np.asarray(np.isfinite(cov).all(axis=(1, 2)))
    sound[sound] = np.linalg.eigvalsh(cov[sound])[:, 0] > SINGULAR * scale[sound]
    return Centre(np.where(sound[:, None], mean, rough.mean), np.where(sound[:, None, None], cov, rough.cov))


def _evaluate_all(posed: Posed, place: Place, effects: Floats, points: int) -> Floats:
    """(N, Q) log-likelihoods times prior of the effects, at effects (N, Q, t)."""
    n, q, t = effects.shape
    if posed.tables is not None:
        return _weigh(posed, place, effects) + posed.tables.evaluate(place, effects, points)
    return evaluate_at(posed, place.repeat(q), effects.reshape(-1, t), points).reshape(n, q)


def evaluate_at(posed: Posed, place: Place, effects: Floats, points: int) -> Floats:
    """(N,) log-likelihoods times prior of the effects."""
    peak = find_mode(posed, place, effects)
    found = evaluate_arms(posed.arms, place, peak, baseline_sd=posed.priors.baseline_sd, points=points)
    return _weigh(posed, place, effects) + found


def _weigh(posed: Posed, place: Place, effects: Floats) -> Floats:
    """Log density of the prior of the effects (N, ..., t)."""
    away = effects - (place.centre if effects.ndim == 2 else place.centre[:, None])
    return np.asarray(
        0.5 * np.linalg.slogdet(posed.prior)[1] - 0.5 * ((away @ posed.prior) * away).sum(axis=-1)
    )


def find_mode(posed: Posed, place: Place, effects: Floats | None = None) -> Peak:
    """The mode of the baselines and random effects, and of the effects where they are not given."""
    sd = posed.priors.baseline_sd
    return find_peak(posed.arms, place, prior=posed.prior, baseline_sd=sd, effects=effects)


def climb(
    posed: Posed, place: Place, centre: Centre, rule: Rule, points: int = POINTS
) -> tuple[Floats, Floats]:
    """(N, Q) logs of the density over the normal's at the nodes of a rule, and (N, Q, t) the effects."""
    nodes, _ = rule
    root = np.linalg.cholesky(centre.cov)
    effects = centre.mean[:, None, :] + np.einsum("nij,qj->nqi", root, nodes)
    value = _evaluate_all(posed, place, effects, points)
    log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    return value + 0.5 * (nodes**2).sum(axis=1) + log_det[:, None], effects


def apply_rule(
    posed: Posed, place: Place, centre: Centre, rule: Rule, points: int
) -> tuple[Floats, Floats, Floats]:
    """(N,) logs of the integral over the effects by a rule, their means and covariances."""
    heights, effects = climb(posed, place, centre, rule, points)
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


def compare_rules(posed: Posed, place: Place) -> float:
    """How far means and standard deviations of the effects are from another rule's, in standard deviations.

    Parameters
    ----------
    posed : Posed
        What is integrated, and by which rule.
    place : Place
        A few places: the largest distance is given.
    """
    t = posed.arms.design.shape[1]
    if t == 0:
        return 0.0
    centre = find_centre(posed, place)
    _, mean, cov = integrate_effects(posed, place, centre)
    _, other, wide = apply_rule(posed, place, centre, _make_other(posed, t), posed.points)
    sd, spread = (np.sqrt(np.diagonal(x, axis1=1, axis2=2)) for x in (cov, _secure(centre, other, wide).cov))
    return float(max(np.abs((other - mean) / sd).max(), np.abs(spread / sd - 1).max()))


def _make_other(posed: Posed, t: int) -> Rule:
    """A rule of another degree than the one that is used."""
    sparse = make_sparse_rule(t, LEVEL)
    if len(posed.rule[1]) == OTHER**t:
        return sparse
    if t <= FEW and len(posed.rule[1]) > len(sparse[1]):
        return make_rule(t, OTHER)
    return make_sparse_rule(t, LEVEL + 1) if len(posed.rule[1]) == len(sparse[1]) else sparse
