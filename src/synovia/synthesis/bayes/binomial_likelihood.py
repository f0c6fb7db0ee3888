r"""The binomial likelihood of trials given the effects, with baselines and random effects integrated out.

An arm with treatment t has logit :math:`\mu_i + d_t + a`, :math:`a \sim N(0, \tau^2/2)` independently, so
that the contrasts of a trial have covariance :math:`\tau^2 (I + J)/2`. Given :math:`\mu_i` the arms are
independent: whatever their number, a trial is one integral over its baseline of a product of integrals over
each arm. Both are adaptive Gauss-Hermite rules around their modes (Liu & Pierce 1994, Biometrika 81,
624-629).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln

__all__ = [
    "Arms",
    "Peak",
    "Place",
    "at_tau",
    "evaluate_arms",
    "find_peak",
    "log_one_plus",
    "make_arms",
    "make_nodes",
]

Floats = NDArray[np.float64]

STEPS = 100
LONGEST = 2.0  # logits a step may go: beyond it the curvature of the start says nothing
BARE = 1e-6  # what an arm without events, or with nothing else, weighs in where a baseline begins
NEAR = 1e-3  # the rules need to be centred near the mode, not on it
INNER = 2  # steps towards the mode of an arm from where the trial's mode says it is
LARGEST = 30_000  # numbers held at once: more would leave the cache


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """All arms of a network.

    Attributes
    ----------
    events, totals : ndarray of shape (A,)
    design : ndarray of shape (A, T - 1)
        Which effects against the reference are added to the baseline of the trial in an arm.
    treatment : ndarray of int of shape (A,)
        Treatment of each arm, 0 the reference.
    codes : ndarray of int of shape (A,)
        Trial of each arm, in order.
    trial : ndarray of shape (A, S)
        1 where an arm belongs to a trial.
    constant : float
        Sum of the logs of the binomial coefficients.
    """

    events: Floats
    totals: Floats
    design: Floats
    treatment: NDArray[np.intp]
    codes: NDArray[np.intp]
    trial: Floats
    constant: float


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where N evaluations are made.

    Attributes
    ----------
    tau : ndarray of shape (N,)
        Standard deviation between trials.
    offset : ndarray of shape (N, A) or (1, 1)
        What is added to the logits of arms.
    centre : ndarray of shape (N, T - 1) or (1, 1)
        Prior means of the effects.
    """

    tau: Floats
    offset: Floats
    centre: Floats

    def cut(self, start: int, stop: int) -> "Place":
        """Some of the evaluations."""
        inside = slice(start, stop)
        offset, centre = (x if x.shape[0] == 1 else x[inside] for x in (self.offset, self.centre))
        return Place(self.tau[inside], offset, centre)

    def repeat(self, times: int) -> "Place":
        """Every evaluation so many times."""
        offset, centre = (
            x if x.shape[0] == 1 else np.repeat(x, times, axis=0) for x in (self.offset, self.centre)
        )
        return Place(np.repeat(self.tau, times), offset, centre)


def at_tau(tau: Floats) -> Place:
    """Evaluations that differ in tau alone."""
    nothing = np.zeros((1, 1))
    return Place(tau, nothing, nothing)


def make_arms(events: Floats, totals: Floats, treatment: NDArray[np.intp], codes: NDArray[np.intp]) -> Arms:
    """All arms of a network, with the baseline of a trial that of its first arm in order of the treatments.

    Parameters
    ----------
    events, totals : ndarray of shape (A,)
        Counts.
    treatment : ndarray of int of shape (A,)
        Treatment of each arm, 0 the reference.
    codes : ndarray of int of shape (A,)
        Trial of each arm.
    """
    coefficients = gammaln(totals + 1) - gammaln(events + 1) - gammaln(totals - events + 1)
    order = np.lexsort((treatment, codes))
    own, given = codes[order], treatment[order]
    first = given[np.searchsorted(own, own)]
    effects = np.eye(int(treatment.max()) + 1)[:, 1:]
    trial = np.eye(int(codes.max()) + 1)[own]
    design = effects[given] - effects[first]
    return Arms(events[order], totals[order], design, given, own, trial, float(coefficients.sum()))


@dataclass(frozen=True, slots=True, eq=False)
class Peak:
    """The joint mode of effects, baselines and random effects at N values of tau.

    Attributes
    ----------
    effects : ndarray of shape (N, T - 1)
    baselines : ndarray of shape (N, S)
    random : ndarray of shape (N, A)
        In standard deviations.
    precision : ndarray of shape (N, T - 1, T - 1)
        Of the effects, with everything else integrated out as if it were normal; 0 where they were given.
    """

    effects: Floats
    baselines: Floats
    random: Floats
    precision: Floats


def find_peak(
    arms: Arms, place: Place, *, prior: Floats, baseline_sd: float, effects: Floats | None = None
) -> Peak:
    """The joint mode, by Newton's steps of limited length.

    Parameters
    ----------
    arms : Arms
        The data.
    place : Place
        Where.
    prior : ndarray of shape (T - 1, T - 1)
        Precision of the normal prior of the effects.
    baseline_sd : float
        Of the normal prior of the baselines, whose mean is 0.
    effects : ndarray of shape (N, T - 1), optional
        Holds the effects there; they are found too without it.
    """
    s = place.tau[:, None] / np.sqrt(2)
    d = np.zeros((place.tau.size, arms.design.shape[1])) if effects is None else effects
    rate = (arms.events @ arms.trial + 0.5) / (arms.totals @ arms.trial + 1)
    shift = d @ arms.design.T + place.offset
    told = arms.trial * np.where((arms.events > 0) & (arms.events < arms.totals), 1.0, BARE)[:, None]
    mu = np.log(rate / (1 - rate)) - shift @ told / told.sum(axis=0)
    z = np.zeros((place.tau.size, arms.events.size))
    precision = np.zeros((place.tau.size, d.shape[1], d.shape[1]))
    for _ in range(STEPS):
        p = expit(mu @ arms.trial.T + d @ arms.design.T + place.offset + s * z)
        w, score = arms.totals * p * (1 - p), arms.events - arms.totals * p
        pull, bend = s * score - z, 1 + s * s * w
        v, left = w / bend, score - s * w * pull / bend  # random effects eliminated
        total = v @ arms.trial + baseline_sd**-2
        first = left @ arms.trial - mu * baseline_sd**-2
        step_d, crossed = np.zeros_like(d), np.zeros_like(total)
        if effects is None and d.shape[1]:
            precision, slope, lost = _eliminate(arms, v, total, left, first)
            precision = precision + prior
            found = np.linalg.solve(precision, (slope - (d - place.centre) @ prior)[..., None])
            step_d = np.asarray(found[..., 0], dtype=np.float64)
            crossed = np.einsum("nst,nt->ns", lost, step_d)
        step_mu = (first - crossed) / total
        moved = step_mu @ arms.trial.T + step_d @ arms.design.T
        step_z = (pull - s * w * moved) / bend
        longest = np.max([np.abs(x).max(axis=1, initial=0) for x in (step_mu, step_d, s * step_z)], axis=0)
        share = np.minimum(1, LONGEST / np.maximum(longest, 1e-300))[:, None]
        mu, d, z = mu + share * step_mu, d + share * step_d, z + share * step_z
        if longest.max() < NEAR:
            break
    return Peak(d, mu, z, precision)


def _eliminate(
    arms: Arms, v: Floats, total: Floats, left: Floats, first: Floats
) -> tuple[Floats, Floats, Floats]:
    """Precision and slope of the effects with the baselines eliminated, and how the two are joined."""
    joined = np.stack([v @ (arms.trial * column[:, None]) for column in arms.design.T], axis=2)
    whole = np.einsum("na,at,au->ntu", v, arms.design, arms.design, optimize=True)
    precision = whole - np.einsum("nst,ns,nsu->ntu", joined, 1 / total, joined, optimize=True)
    slope = left @ arms.design - np.einsum("nst,ns->nt", joined, first / total)
    return precision, slope, joined


def evaluate_arms(arms: Arms, place: Place, peak: Peak, *, baseline_sd: float, points: int) -> Floats:
    """(N,) log-likelihoods, with baselines and random effects integrated out.

    Parameters
    ----------
    arms : Arms
        The data.
    place : Place
        Where.
    peak : Peak
        Effects, and the mode of everything else given them.
    baseline_sd : float
        Of the normal prior of the baselines.
    points : int
        Nodes of each of the two rules.
    """
    most = max(1, LARGEST // (arms.events.size * points * points))
    pieces = [
        _evaluate(arms, place.cut(i, i + most), _cut(peak, i, i + most), baseline_sd, points)
        for i in range(0, place.tau.size, most)
    ]
    return np.concatenate(pieces) + arms.constant


def _cut(peak: Peak, start: int, stop: int) -> Peak:
    inside = slice(start, stop)
    return Peak(peak.effects[inside], peak.baselines[inside], peak.random[inside], peak.precision)


def _evaluate(arms: Arms, place: Place, peak: Peak, baseline_sd: float, points: int) -> Floats:
    x, log_w = make_nodes(points)
    s = place.tau[:, None] / np.sqrt(2)
    shift = peak.effects @ arms.design.T + place.offset
    p = expit(peak.baselines @ arms.trial.T + shift + s * peak.random)
    w = arms.totals * p * (1 - p)
    own = w / (1 + s * s * w)
    width = np.sqrt(2) * (own @ arms.trial + baseline_sd**-2) ** -0.5
    mu = peak.baselines[:, :, None] + width[:, :, None] * x
    base = mu[:, arms.codes] + shift[:, :, None]
    away = (width[:, :, None] * x)[:, arms.codes]
    start = peak.random[:, :, None] - (s * w / (1 + s * s * w))[:, :, None] * away
    inner = _integrate_arms(arms, base, s[:, :, None], start, points)
    starts = np.searchsorted(arms.codes, np.arange(arms.trial.shape[1]))
    heights = np.add.reduceat(inner, starts, axis=1) - 0.5 * (mu / baseline_sd) ** 2 + log_w
    top = heights.max(axis=2, keepdims=True)
    each = top[:, :, 0] + np.log(np.exp(heights - top).sum(axis=2)) + np.log(width / baseline_sd)
    return np.asarray(each.sum(axis=1) - 0.5 * each.shape[1] * np.log(2 * np.pi))


def _integrate_arms(arms: Arms, base: Floats, s: Floats, z: Floats, points: int) -> Floats:
    """(N, A, R) log of the integral over the random effect of each arm."""
    x, log_w = make_nodes(points)
    y, n = arms.events[:, None], arms.totals[:, None]
    for _ in range(INNER):
        p = expit(base + s * z)
        step = (s * (y - n * p) - z) / (1 + s * s * n * p * (1 - p))
        z = z + np.clip(step, -LONGEST / np.maximum(s, 1e-9), LONGEST / np.maximum(s, 1e-9))
    p = expit(base + s * z)
    width = np.sqrt(2 / (1 + s * s * n * p * (1 - p)))
    nodes = z[..., None] + width[..., None] * x
    eta = base[..., None] + s[..., None] * nodes
    heights = y[..., None] * eta - n[..., None] * log_one_plus(eta) - 0.5 * nodes * nodes + log_w
    top = heights.max(axis=3)
    total = np.exp(heights - top[..., None]).sum(axis=3)
    return np.asarray(top + np.log(total) + np.log(width) - 0.5 * np.log(2 * np.pi))


def log_one_plus(eta: Floats) -> Floats:
    """log(1 + exp(eta))."""
    return np.asarray(np.maximum(eta, 0) + np.log1p(np.exp(-np.abs(eta))))


@cache
def make_nodes(points: int) -> tuple[Floats, Floats]:
    """Nodes of the Gauss-Hermite rule, and logs of its weights with exp(x²)."""
    x, w = np.polynomial.hermite.hermgauss(points)
    return x, np.log(w) + x * x
