r"""The likelihood of trials read from tables, for networks whose effects need very many evaluations.

At a given tau an arm says one function of its logit without the random effect, and a trial of two arms one
function of the contrast between them: both are computed at some hundred places and read between them by
cubic splines. Trials of more arms are integrated over their baseline, with their arms read from tables.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import expit

from synovia.synthesis.bayes.binomial_likelihood import BARE, LONGEST, Arms, Place, log_one_plus, make_nodes

__all__ = ["Tables"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

POINTS = 15  # nodes of the rules that fill the tables
STEPS = 60
NEAR = 0.1  # of its width, how near its mode a rule is centred
BEND, END = 4.0, 40.0  # logits within which knots of arms are equally spaced, and up to which they go
WIDEST, COARSE = 0.2, 0.03  # logits between knots; with n people their fourth power at most so much over n
FINEST = 0.03  # with a million people splines are off by 0.001 at that
SPACED, FARTHEST = 0.1, 1e3  # of contrasts, in widths of the trial, and up to how many logits
LARGEST = 30_000  # numbers held at once: more would leave the cache


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Functions f_j(x), cubic between equally spaced asinh((x - centre_j)/width_j), straight beyond.

    Attributes
    ----------
    centre, width : ndarray of shape (F,) or (1,)
        One for all is 0 and a width.
    start, step : float
        The first knot, and their distance.
    pieces : ndarray of shape (M, F, K - 1, 4)
        Coefficients at M values of tau.
    """

    centre: Floats
    width: Floats
    start: float
    step: float
    pieces: Floats

    def read(self, tau: Integers, own: Integers, x: Floats) -> Floats:
        """Values at x of functions ``own`` at the values ``tau``, all broadcast."""
        away, piece, v, beyond = self._find(tau, own, x)
        value = piece[..., 3] + v * (piece[..., 2] + v * (piece[..., 1] + v * piece[..., 0]))
        if beyond.any():
            slope = piece[..., 2] + v * (2 * piece[..., 1] + 3 * v * piece[..., 0])
            value = value + beyond * slope / np.hypot(away, self._width(own))
        return np.asarray(value)

    def slopes(self, tau: Integers, own: Integers, x: Floats) -> tuple[Floats, Floats]:
        """First and second derivatives there."""
        away, piece, v, _ = self._find(tau, own, x)
        first = piece[..., 2] + v * (2 * piece[..., 1] + 3 * v * piece[..., 0])
        second = 2 * piece[..., 1] + 6 * v * piece[..., 0]
        long = away * away + self._width(own) ** 2
        return first / np.sqrt(long), (second - first * away / np.sqrt(long)) / long

    def _width(self, own: Integers) -> Floats:
        return self.width if self.width.size == 1 else self.width[own]

    def _find(self, tau: Integers, own: Integers, x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Distance from the centre, coefficients of the piece, place in it, and how far beyond the knots."""
        width = self._width(own)
        asked = x - (self.centre if self.centre.size == 1 else self.centre[own])
        last = self.pieces.shape[2]
        reach = width * np.sinh(-self.start)
        away = np.clip(asked, -reach, reach)
        place = (np.arcsinh(away / width) - self.start) / self.step
        cell = np.minimum(place.astype(np.intp), last - 1)
        row = (tau * self.pieces.shape[1] + own) * last + cell
        piece = self.pieces.reshape(-1, 4)[row]
        return away, piece, (place - cell) * self.step, asked - away


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Trials with the same number of arms.

    Attributes
    ----------
    arms : ndarray of int of shape (S, k)
        Their arms.
    told, begun : ndarray of shape (S, k) and (S,)
        Weights of arms in where a baseline begins, and their common logit.
    """

    arms: Integers
    told: Floats
    begun: Floats


class Tables:
    """Tables at the values of tau that were met.

    Parameters
    ----------
    arms : Arms
        The data.
    baseline_sd : float
        Of the normal prior of the baselines.
    """

    def __init__(self, arms: Arms, baseline_sd: float) -> None:
        self.arms, self.baseline_sd = arms, baseline_sd
        sizes = np.bincount(arms.codes)
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._groups = [
            _group(arms, first[sizes == size][:, None] + np.arange(size)) for size in np.unique(sizes)
        ]
        gap = float(np.clip((COARSE / arms.totals.max()) ** 0.25, FINEST, WIDEST))
        half = int(np.ceil(np.arcsinh(END / BEND) * BEND / gap))
        start = -float(np.arcsinh(END / BEND))
        count = arms.events.size
        self._single = _Table(
            np.zeros(1), np.full(1, BEND), start, -start / half, np.empty((0, count, 2 * half, 4))
        )
        self._pairs = self._begin_pairs()
        self._tau = np.empty(0)

    def _begin_pairs(self) -> _Table | None:
        pair = next((group for group in self._groups if group.arms.shape[1] == 2), None)
        if pair is None:
            return None
        y, rest = self.arms.events[pair.arms] + 0.5, (self.arms.totals - self.arms.events)[pair.arms] + 0.5
        centre = np.diff(np.log(y / rest), axis=1)[:, 0]
        width = np.minimum(np.sqrt((1 / y + 1 / rest).sum(axis=1)), 1.5)
        start = -float(np.arcsinh(FARTHEST / width.min()))
        half = int(np.ceil(-start / SPACED))
        return _Table(centre, width, start, -start / half, np.empty((0, centre.size, 2 * half, 4)))

    def evaluate(self, place: Place, effects: Floats, points: int) -> Floats:
        """(N, Q) log-likelihoods, with baselines and random effects integrated out.

        Parameters
        ----------
        place : Place
            Where.
        effects : ndarray of shape (N, Q, T - 1)
            The effects there, on all sides of their mean.
        points : int
            Nodes of the rule over the baselines of trials with more than two arms.
        """
        self._extend(np.unique(place.tau))
        n, q = effects.shape[:2]
        tau = np.searchsorted(self._tau, place.tau)
        shift = effects @ self.arms.design.T + place.offset[:, None, :]
        out = np.full((n, q), self.arms.constant)
        for group in self._groups:
            own = shift[:, :, group.arms]
            if group.arms.shape[1] == 2 and self._pairs is not None:
                # the first arm of a trial is its baseline
                trials = np.arange(group.arms.shape[0])
                out += self._pairs.read(tau[:, None, None], trials, own[..., 1] - own[..., 0]).sum(axis=2)
            else:
                begun = self._begin(group, tau, own).reshape(n * q, -1)
                long = np.repeat(tau, q)
                found = self._integrate(group, long, own.reshape(n * q, *group.arms.shape), begun, points)
                out += found.sum(axis=1).reshape(n, q)
        return out

    def _begin(self, group: _Group, tau: Integers, shift: Floats) -> Floats:
        """(N, Q, S) about where baselines are: where the one amid all Q goes to first order."""
        first = shift.mean(axis=1)
        mu, _ = self._find_baselines(group, tau[:, None, None], first, _guess(group, first))
        weights = -self._single.slopes(tau[:, None, None], group.arms, mu[..., None] + first)[1]
        weights = np.maximum(weights, BARE)
        weights = weights / weights.sum(axis=2, keepdims=True)
        return np.asarray(mu[:, None] - np.einsum("nqsk,nsk->nqs", shift - first[:, None], weights))

    def _extend(self, tau: Floats) -> None:
        """Fill tables at values of tau that were not met before."""
        new = np.setdiff1d(tau, self._tau)
        if not new.size:
            return
        order = np.argsort(np.concatenate([self._tau, new]))
        single = self._single
        knots = np.sinh(single.start + single.step * np.arange(single.pieces.shape[2] + 1))
        heights = np.stack([_integrate_arms(self.arms, one, BEND * knots) for one in new])
        old, self._tau = self._tau.size, np.concatenate([self._tau, new])
        self._single = _fill(single, heights, None)
        if self._pairs is not None:
            pair = next(group for group in self._groups if group.arms.shape[1] == 2)
            at = self._pairs
            knots = np.sinh(at.start + at.step * np.arange(at.pieces.shape[2] + 1))
            contrast = at.centre[:, None] + at.width[:, None] * knots
            shift = np.stack([np.zeros_like(contrast), contrast], axis=-1).transpose(1, 0, 2)
            rows = np.repeat(np.arange(old, self._tau.size), knots.size)
            shifts = np.tile(shift, (new.size, 1, 1))
            found = self._integrate(pair, rows, shifts, _guess(pair, shifts), POINTS)
            heights = found.reshape(new.size, knots.size, -1).transpose(0, 2, 1)
            self._pairs = _fill(at, heights, order)
        self._single = _sort(self._single, order)
        self._tau = self._tau[order]

    def _integrate(self, group: _Group, tau: Integers, shift: Floats, begun: Floats, points: int) -> Floats:
        """(N, S) logs of the integrals of trials over their baselines, at shifts (N, S, k) of their arms."""
        most = max(1, LARGEST // (group.arms.size * points))
        every = tau[:, None, None]
        parts = [slice(i, i + most) for i in range(0, tau.size, most)]
        return np.concatenate(
            [self._integrate_some(group, every[i], shift[i], begun[i], points) for i in parts]
        )

    def _integrate_some(
        self, group: _Group, tau: Integers, shift: Floats, begun: Floats, points: int
    ) -> Floats:
        x, log_w = make_nodes(points)
        mu, curvature = self._find_baselines(group, tau, shift, begun)
        width = np.sqrt(2 / curvature)
        nodes = mu[:, :, None] + width[:, :, None] * x
        eta = nodes[..., None] + shift[:, :, None, :]
        inner = self._single.read(tau[..., None], group.arms[:, None, :], eta).sum(axis=3)
        heights = inner - 0.5 * (nodes / self.baseline_sd) ** 2 + log_w
        top = heights.max(axis=2)
        total = np.exp(heights - top[..., None]).sum(axis=2)
        return np.asarray(top + np.log(total * width / self.baseline_sd) - 0.5 * np.log(2 * np.pi))

    def _find_baselines(
        self, group: _Group, tau: Integers, shift: Floats, begun: Floats
    ) -> tuple[Floats, Floats]:
        """Modes of the baselines, and curvatures there."""
        prior, mu = self.baseline_sd**-2, begun
        curvature = np.full_like(mu, prior)
        for _ in range(STEPS):
            first, second = self._single.slopes(tau, group.arms, mu[..., None] + shift)
            curvature = prior + np.maximum(-second.sum(axis=2), 0)
            step = np.clip((first.sum(axis=2) - prior * mu) / curvature, -LONGEST, LONGEST)
            mu = mu + step
            if (np.abs(step) * np.sqrt(curvature)).max() < NEAR:
                break
        return mu, curvature


def _group(arms: Arms, own: Integers) -> _Group:
    y, n = arms.events[own], arms.totals[own]
    told = np.where((y > 0) & (y < n), 1.0, BARE)
    rate = (y.sum(axis=1) + 0.5) / (n.sum(axis=1) + 1)
    return _Group(own, told / told.sum(axis=1, keepdims=True), np.log(rate / (1 - rate)))


def _guess(group: _Group, shift: Floats) -> Floats:
    """(N, S) baselines with which arms are on average where the data of the trial are."""
    return np.asarray(group.begun - (shift * group.told).sum(axis=2))


def _fill(table: _Table, heights: Floats, order: Integers | None) -> _Table:
    """The table with more values of tau, in order."""
    at = table.step * np.arange(heights.shape[2])
    spline = CubicSpline(at, heights, axis=2).c  # (4, K - 1, M, F)
    pieces = np.concatenate([table.pieces, np.ascontiguousarray(spline.transpose(2, 3, 1, 0))])
    found = _Table(table.centre, table.width, table.start, table.step, pieces)
    return found if order is None else _sort(found, order)


def _sort(table: _Table, order: Integers) -> _Table:
    return _Table(table.centre, table.width, table.start, table.step, table.pieces[order])


def _integrate_arms(arms: Arms, tau: float, base: Floats) -> Floats:
    """(A, K) logs of the integrals of arms over their random effect, at K logits without it."""
    x, log_w = make_nodes(POINTS)
    y, n, s = arms.events[:, None], arms.totals[:, None], tau / np.sqrt(2)
    z = np.zeros((arms.events.size, base.size))
    for _ in range(STEPS):
        p = expit(base + s * z)
        step = (s * (y - n * p) - z) / (1 + s * s * n * p * (1 - p))
        step = np.clip(step, -LONGEST / max(s, 1e-9), LONGEST / max(s, 1e-9))
        z = z + step
        if np.abs(step).max() < 0.1 * NEAR:
            break
    p = expit(base + s * z)
    width = np.sqrt(2 / (1 + s * s * n * p * (1 - p)))
    nodes = z[..., None] + width[..., None] * x
    eta = base[:, None] + s * nodes
    heights = y[..., None] * eta - n[..., None] * log_one_plus(eta) - 0.5 * nodes * nodes + log_w
    top = heights.max(axis=2)
    total = np.exp(heights - top[..., None]).sum(axis=2)
    return np.asarray(top + np.log(total * width) - 0.5 * np.log(2 * np.pi))
