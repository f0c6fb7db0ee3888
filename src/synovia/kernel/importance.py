"""Posteriors of more than three variances and correlations: weighted points, their error stated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import qmc

from synovia.kernel.axis import Axis, Curve, make_curve
from synovia.kernel.coefficient_prior import Gaussian, condition, flat
from synovia.kernel.frame import Frame, make_frame
from synovia.kernel.lattice import require_mass
from synovia.kernel.likelihoods import Likelihoods
from synovia.kernel.placing import SPREAD, LogPrior, find_modes, find_tails, find_widths
from synovia.kernel.problem import Problem
from synovia.kernel.proposal import Proposal, fit_proposal
from synovia.kernel.quadrature import Quadrature, find_density

__all__ = ["integrate_many"]

Floats = NDArray[np.float64]
Density = Callable[[Floats], tuple[Floats, Floats, Likelihoods]]

SEED = 20_090_401
NETS = 16  # independent scramblings, whose spread is the error
FITTING = 1 << 12  # points from which the proposal learns, each time
ROUNDS = 8
SETTLED = 1.1  # the proposal is done when it wins less than this in effective points
FIRST, MOST = 1 << 9, 1 << 13  # points of each net
WANTED = 3e-3
SURE = 3.0  # standard errors that are stated as the error, the largest of some twenty
WIDE = 1.6  # how much wider the second proposal is
ADDED = 2  # proposals for what the first two leave out
HEAVY = 1.5  # weights above this times their mean are left out by a proposal
ENOUGH = 50  # points, effectively, that must be so for one more proposal
STEP = 0.1  # of the differences that curvature is read from


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Weighted points: (m,) logs of posterior over proposal, and what was found at each of them."""

    x: Floats
    log_weights: Floats
    natural: Floats
    found: Likelihoods

    @property
    def weights(self) -> Floats:
        """(m,) summing to 1."""
        return np.asarray(np.exp(self.log_weights - logsumexp(self.log_weights)))


def integrate_many(
    problem: Problem, axes: Sequence[Axis], log_prior: LogPrior, beta: Sequence[Gaussian] | None = None
) -> Quadrature:
    r"""The posterior by weighted points of scrambled Sobol nets.

    Parameters
    ----------
    problem : Problem
        With any number of entries of psi.
    axes, log_prior, beta
        As for ``integrate``.

    Notes
    -----
    Points begin around the mode with the curvature there for scale. They are weighted by posterior over
    proposal density, the proposal takes their mean, covariance and skewness, and this is repeated until the
    weights no longer become more even; a wider one and up to two for what still weighs too much join it in a
    mixture. Then 16 nets, scrambled independently, are made larger until three times the
    standard error between them is below 3e-3: of the evidence, and of means and standard deviations in units
    of the latter. Given psi the coefficients are normal, so that only psi is spread. Owen (1997), Annals of
    Statistics 25, 1541-1562, for the nets; Geweke (1989), Econometrica 57, 1317-1339, for the weights; Rue,
    Martino & Chopin (2009), JRSS B 71, 319-392, for the integration over psi. All runs give the same digits.
    """
    components = [flat(problem.p)] if beta is None else list(beta)
    frame = make_frame(problem.terms, axes)

    def density(x: Floats) -> tuple[Floats, Floats, Likelihoods]:
        natural, slopes = frame.natural(x)
        log_density, found = find_density(problem, natural, axes, log_prior, components)
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(log_density + slopes, nan=-np.inf, posinf=-np.inf), natural, found

    def height(x: Floats) -> Floats:
        return density(x)[0]

    mode = _climb(height, find_modes(height, axes, problem))
    centred = tuple(axis.scale(float(c), 1.0) for axis, c in zip(axes, mode, strict=True))
    tails = find_tails(height, centred)
    finite = bool(tails.max() < SPREAD)
    proposals = _learn(density, _start(height, mode))
    points, error = _repeat(density, proposals, finite=finite)
    return _read(points, error, frame, components, tails)


def _climb(height: Callable[[Floats], Floats], x: Floats) -> Floats:
    """The mode, by Newton's steps on differences, as far as they go up."""
    here = float(height(x[None])[0])
    for _ in range(40):
        slope, curvature = _differentiate(height, x)
        values, vectors = np.linalg.eigh(curvature)
        step = vectors @ ((vectors.T @ slope) / np.clip(np.abs(values), 0.1, None))
        shares = 0.5 ** np.arange(12)
        tried = x + shares[:, None] * np.clip(step, -2, 2)
        heights = height(tried)
        best = int(np.argmax(heights))
        if not heights[best] > here + 1e-6:
            break
        x, here = tried[best], float(heights[best])
    return x


def _differentiate(height: Callable[[Floats], Floats], x: Floats) -> tuple[Floats, Floats]:
    """Slope (d,) and curvature (d, d), the latter positive where the density has a top."""
    d = x.size
    moves = STEP * np.eye(d)
    first, second = np.triu_indices(d, 1)
    pairs = moves[first] + moves[second]
    found = height(np.concatenate([x[None], x + moves, x - moves, x + pairs, x - pairs]))
    found = np.nan_to_num(found, neginf=found[0] - 50)
    here, plus, minus = found[0], found[1 : d + 1], found[d + 1 : 2 * d + 1]
    both = found[2 * d + 1 :].reshape(2, -1).sum(axis=0)
    curvature = np.diag(2 * here - plus - minus)
    sums = plus + minus
    curvature[first, second] = curvature[second, first] = -0.5 * (
        both - sums[first] - sums[second] + 2 * here
    )
    return (plus - minus) / (2 * STEP), curvature / STEP**2


def _start(height: Callable[[Floats], Floats], mode: Floats) -> Proposal:
    """Around the mode, with the curvature there for scale, but no narrower or wider than the axes say."""
    values, vectors = np.linalg.eigh(_differentiate(height, mode)[1])
    cov = (vectors / np.clip(values, 0.25, None)) @ vectors.T
    widths = np.maximum(find_widths(height, mode), 0.05)
    sd = np.sqrt(np.diag(cov))
    scale = np.clip(sd, widths, 4 * widths) / sd
    root = np.linalg.cholesky(scale[:, None] * cov * scale)
    none = np.zeros(mode.size)
    return Proposal(mode, root, none, none + 1.0, none)


def _make_net(d: int, size: int, number: int) -> Floats:
    return np.asarray(qmc.Sobol(d, scramble=True, seed=np.random.default_rng([SEED, number])).random(size))


def _weigh(density: Density, proposals: list[Proposal], size: int, number: int) -> Points:
    """Points of a mixture, the same number from each proposal, all weighted by the mixture."""
    d, nets = proposals[0].mean.size, []
    each = 1 << ((size // len(proposals)).bit_length() - 1)  # nets are whole at powers of 2
    for place, one in enumerate(proposals):
        uniform = _make_net(d, each, 64 * place + number)
        nets.append(one.spread(np.clip(uniform, 1e-12, 1 - 1e-12)))
    x = np.concatenate(nets)
    log_proposal = logsumexp([one.log_density(x) for one in proposals], axis=0) - np.log(len(proposals))
    log_density, natural, found = density(x)
    return Points(x, log_density - log_proposal, natural, found)


def _learn(density: Density, proposal: Proposal) -> list[Proposal]:
    """Fit the proposal to its own weighted points, then add what covers where they still weigh too much."""
    best, held = proposal, 0.0
    for number in range(ROUNDS):
        points = _weigh(density, [proposal], FITTING, NETS + number)
        require_mass(points.log_weights)
        even = float(1 / (points.weights**2).sum())
        if held and even < SETTLED * held:
            best = proposal if even > held else best
            break
        best, held = proposal, even
        top = logsumexp(points.log_weights) - 0.5 * np.log(FITTING)  # weights beyond it would be all there is
        cut = np.minimum(points.log_weights, top)
        proposal = fit_proposal(points.x, np.exp(cut - logsumexp(cut)))
    return _add(density, [best, best.widen(WIDE)])


def _add(density: Density, proposals: list[Proposal]) -> list[Proposal]:
    """Where a standard deviation is near 0 its correlations are anything: what one proposal leaves out."""
    for number in range(ADDED):
        points = _weigh(density, proposals, 2 * FITTING, NETS + ROUNDS + number)
        over = np.maximum(points.weights * points.weights.size - HEAVY, 0)
        if over.sum() ** 2 <= ENOUGH * (over**2).sum():
            break
        proposals = [*proposals, fit_proposal(points.x, over / over.sum())]
    return proposals


def _repeat(density: Density, proposals: list[Proposal], *, finite: bool) -> tuple[Points, float]:
    """Nets of growing size until they agree."""
    size = FIRST
    while True:
        nets = [_weigh(density, proposals, size, number) for number in range(NETS)]
        error = _compare(nets, finite=finite)
        if error < WANTED or size >= MOST:
            return _join(nets), error
        size *= 2 if error < 2 * WANTED else 4


def _join(nets: list[Points]) -> Points:
    x, log_weights, natural = (
        np.concatenate([getattr(net, name) for net in nets]) for name in ("x", "log_weights", "natural")
    )
    parts = [np.concatenate([getattr(net.found, n) for net in nets]) for n in ("log_ml", "beta", "cov")]
    return Points(x, log_weights, natural, Likelihoods(*parts))


def _compare(nets: list[Points], *, finite: bool) -> float:
    """Three times the largest standard error of what the nets say together."""
    top = max(float(net.log_weights.max()) for net in nets)
    totals = np.array([np.exp(net.log_weights - top).sum() for net in nets])
    means, sds = zip(*(_describe(net, finite=finite) for net in nets), strict=True)
    scale = np.mean(sds, axis=0)
    shares = totals / totals.mean()
    parts = [shares - 1, *(shares[:, None] * (np.array(means) - np.average(means, 0, totals)) / scale).T,
             *(np.array(sds) / scale).T]  # fmt: skip
    return float(SURE * max(np.std(part, ddof=1) for part in parts) / np.sqrt(len(nets)))


def _describe(points: Points, *, finite: bool) -> tuple[Floats, Floats]:
    """Means and standard deviations of coefficients and parameters; of x where there are none."""
    w, beta = points.weights, points.found.beta
    own = np.diagonal(points.found.cov, axis1=1, axis2=2) if finite else np.zeros_like(beta)
    values = np.column_stack([beta, points.natural if finite else points.x])
    mean = w @ values
    squares = w @ (values - mean) ** 2
    squares[: beta.shape[1]] += w @ own
    return mean, np.sqrt(np.maximum(squares, 1e-300))


def _read(
    points: Points, error: float, frame: Frame, components: Sequence[Gaussian], tails: Floats
) -> Quadrature:
    kept = points.weights > 1e-18
    weights, count = points.weights[kept], len(components)
    natural, found = points.natural[kept], points.found
    found = Likelihoods(found.log_ml[kept], found.beta[kept], found.cov[kept])
    parts = [condition(found, prior) for prior in components]
    logs = np.array([part[0] for part in parts])
    shares = np.exp(logs - logsumexp(logs, axis=0)) * weights
    psi = np.stack([axis.psi(column) for axis, column in zip(frame.axes, natural.T, strict=True)], axis=1)
    lines = [(_smooth(axis, column, weights)) for axis, column in zip(frame.axes, natural.T, strict=True)]
    return Quadrature(
        axes=tuple(curve.axis for curve in lines),
        natural=np.tile(natural, (count, 1)),
        psi=np.tile(psi, (count, 1)),
        component=np.repeat(np.arange(count), weights.size),
        weights=shares.reshape(-1) / shares.sum(),
        beta=np.concatenate([part[1] for part in parts]),
        cov=np.concatenate([part[2] for part in parts]),
        log_evidence=float(logsumexp(points.log_weights) - np.log(points.log_weights.size)),
        error=error,
        curves=tuple(lines),
        tails=tails,
        method=f"{points.log_weights.size} weighted points of {NETS} scrambled nets, "
        f"relative error about {error:.1g}",
    )


def _smooth(axis: Axis, natural: Floats, weights: Floats) -> Curve:
    """A marginal posterior as a smooth density through the weighted points, as wide as they are."""
    with np.errstate(divide="ignore"):
        line = axis.scale(0.0, 1.0)
        x = np.clip(np.sinh(line.place(natural)), -100.0, 100.0)
    centre = float(weights @ x)
    width = float(np.sqrt(weights @ (x - centre) ** 2))
    placed = axis.scale(centre, width)
    t = np.arcsinh((x - centre) / width)
    mean = float(weights @ t)
    sd = float(np.sqrt(weights @ (t - mean) ** 2))
    bandwidth = 0.6 * sd * float((weights**2).sum()) ** 0.2
    t = mean + (t - mean) * np.sqrt(max(1 - (bandwidth / sd) ** 2, 0.0))
    step = bandwidth / 8
    low = t.min() - 6 * bandwidth
    place = (t - low) / step
    cell = place.astype(np.intp)
    cells = int(cell.max()) + 2 + 48
    counts = np.bincount(cell, weights * (1 - (place - cell)), minlength=cells)
    counts = counts + np.bincount(cell + 1, weights * (place - cell), minlength=cells)
    bell = np.exp(-0.5 * (np.arange(-48, 49) / 8) ** 2)
    g = np.convolve(counts, bell / bell.sum(), mode="same")[::4] / step
    at = low + 4 * step * np.arange(g.size)
    return make_curve(placed, at, np.asarray(g / (g.sum() * 4 * step)))
