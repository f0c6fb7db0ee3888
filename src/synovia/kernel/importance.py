"""Posteriors of more than three variances and correlations: points around the mode, their error stated."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, logsumexp
from scipy.stats import chi2, norm, qmc

from synovia.kernel.axis import Axis, Curve, make_curve
from synovia.kernel.lattice import require_mass
from synovia.kernel.likelihoods import Likelihoods
from synovia.kernel.problem import Problem
from synovia.kernel.quadrature import (
    Gaussian,
    LogPrior,
    Quadrature,
    condition,
    find_density,
    find_modes,
    find_tails,
    flat,
)

__all__ = ["integrate_many"]

Floats = NDArray[np.float64]

POINTS = 4096
BLOCKS = 8
ROUNDS = 2  # times the points are spread again, around the mean and with the covariance found so far
DF = 6.0  # tails of the proposal, heavier than those of the posterior
STEP = 1e-2


def integrate_many(
    problem: Problem, axes: Sequence[Axis], log_prior: LogPrior, beta: Sequence[Gaussian] | None = None
) -> Quadrature:
    r"""The posterior by weighted points of a Sobol sequence, centred and scaled as Laplace's approximation.

    Parameters
    ----------
    problem : Problem
        With any number of entries of psi.
    axes, log_prior, beta
        As for ``integrate``.

    Notes
    -----
    Points of the sequence become draws of a multivariate t around the mode, with the curvature there for
    scale, then around the mean and with the covariance that these find; each is weighted by posterior over
    proposal density. The error is that between eight blocks of the
    sequence. Tierney & Kadane (1986), JASA 81, 82-86, for the centre; Geweke (1989), Econometrica 57,
    1317-1339, for the weights. The points are the same in every run.
    """
    components = [flat(problem.p)] if beta is None else list(beta)

    def density(x: Floats) -> Floats:
        return _evaluate(problem, axes, log_prior, components, x)[0]

    start = find_modes(density, axes, problem)
    mode, root = _find_laplace(density, start)
    centred = tuple(axis.scale(float(c), 1.0) for axis, c in zip(axes, mode, strict=True))
    tails = find_tails(density, centred)
    x, log_proposal = _spread(mode, root)
    log_density, natural, found = _evaluate(problem, axes, log_prior, components, x)
    require_mass(log_density)
    for _ in range(ROUNDS):
        mode, root = _recentre(x, log_density - log_proposal)
        x, log_proposal = _spread(mode, root)
        log_density, natural, found = _evaluate(problem, axes, log_prior, components, x)
    log_weights = log_density - log_proposal
    error = _find_error(log_weights, found)
    weights = np.exp(log_weights - logsumexp(log_weights))
    parts = [condition(found, prior) for prior in components]
    logs = np.array([part[0] for part in parts])
    shares = np.exp(logs - logsumexp(logs, axis=0)) * weights
    natural = np.tile(natural, (len(components), 1))
    psi = [axis.psi(column) for axis, column in zip(axes, natural.T, strict=True)]
    widths = np.sqrt((root * root).sum(axis=1))
    return Quadrature(
        axes=centred,
        natural=natural,
        psi=np.stack(psi, axis=1),
        component=np.repeat(np.arange(len(components)), weights.size),
        weights=shares.reshape(-1) / shares.sum(),
        beta=np.concatenate([part[1] for part in parts]),
        cov=np.concatenate([part[2] for part in parts]),
        log_evidence=float(logsumexp(log_weights) - np.log(weights.size)),
        error=error,
        curves=tuple(
            _smooth(replace(axis, width=float(w)), x[:, k], weights)
            for k, (axis, w) in enumerate(zip(centred, widths, strict=True))
        ),
        tails=tails,
        method=f"Laplace-centred Sobol points ({weights.size}), relative error about {error:.1g}",
    )


def _evaluate(
    problem: Problem, axes: Sequence[Axis], log_prior: LogPrior, beta: Sequence[Gaussian], x: Floats
) -> tuple[Floats, Floats, Likelihoods]:
    natural = np.stack([axis.from_line(c) for axis, c in zip(axes, x.T, strict=True)], axis=1)
    log_density, found = find_density(problem, natural, axes, log_prior, beta)
    slopes = np.array([axis.line_slope(c) for axis, c in zip(axes, x.T, strict=True)]).sum(axis=0)
    return log_density + slopes, natural, found


def _find_laplace(density: LogPrior, start: Floats) -> tuple[Floats, Floats]:
    """Mode, and a root of the inverse curvature there."""
    low = minimize(  # type: ignore[call-overload]
        lambda at: -float(density(np.asarray(at)[None])[0]),
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-3, "fatol": 1e-6, "maxfev": 400 * start.size},
    )
    mode, d = np.asarray(low.x), start.size
    moves = STEP * 10 * np.eye(d)
    plus, minus, here = density(mode + moves), density(mode - moves), density(mode[None])[0]
    curvature = np.diag(2 * here - plus - minus) / (10 * STEP) ** 2
    for i in range(d):
        for j in range(i):
            both = density(np.array([mode + moves[i] + moves[j], mode - moves[i] - moves[j]])).sum()
            mixed = (both - plus[i] - minus[i] - plus[j] - minus[j] + 2 * here) / (2 * (10 * STEP) ** 2)
            curvature[i, j] = curvature[j, i] = -mixed
    values, vectors = np.linalg.eigh(curvature)
    return mode, vectors / np.sqrt(np.clip(values, 0.25, None))


def _recentre(x: Floats, log_weights: Floats) -> tuple[Floats, Floats]:
    """Mean of the weighted points and a root of their covariance."""
    weights = np.exp(log_weights - logsumexp(log_weights))
    mean = weights @ x
    around = x - mean
    cov = (weights[:, None] * around).T @ around
    return mean, np.linalg.cholesky(cov + 1e-9 * np.trace(cov) * np.eye(mean.size))


def _spread(mode: Floats, root: Floats) -> tuple[Floats, Floats]:
    """Points around the mode and the log density they were spread with."""
    d = mode.size
    uniform = qmc.Sobol(d + 1, scramble=False).random(2 * POINTS)[POINTS:]  # whole nets, none at 0
    normal, scale = norm.ppf(uniform[:, :d]), chi2.ppf(uniform[:, d], DF) / DF
    z = normal / np.sqrt(scale)[:, None]
    log_t = -0.5 * (DF + d) * np.log1p((z * z).sum(axis=1) / DF)
    constant = gammaln((DF + d) / 2) - gammaln(DF / 2) - 0.5 * d * np.log(DF * np.pi)
    log_det = np.log(np.abs(np.linalg.det(root)))
    return mode + z @ root.T, np.asarray(log_t + constant - log_det)


def _find_error(log_weights: Floats, found: Likelihoods) -> float:
    """Largest standard error, over blocks, of the integral and of the means in standard deviations."""
    weights = np.exp(log_weights - log_weights.max()).reshape(BLOCKS, -1)
    totals, beta = weights.sum(axis=1), found.beta
    means = np.einsum("bm,bmp->bp", weights, beta.reshape(BLOCKS, -1, beta.shape[1])) / totals[:, None]
    all_weights = weights.reshape(-1) / weights.sum()
    mean = all_weights @ beta
    own = np.diagonal(found.cov, axis1=1, axis2=2)
    sd = np.sqrt(all_weights @ ((beta - mean) ** 2 + own))
    moved = means.std(axis=0, ddof=1) / sd
    return float(max(totals.std(ddof=1) / totals.mean(), moved.max()) / np.sqrt(BLOCKS))


def _smooth(axis: Axis, x: Floats, weights: Floats) -> Curve:
    """A marginal posterior as a smooth density through the weighted points."""
    place = np.arcsinh((x - axis.centre) / axis.width)
    mean = weights @ place
    sd = float(np.sqrt(weights @ (place - mean) ** 2))
    size = 1 / float((weights**2).sum())
    bandwidth = 0.9 * sd * size**-0.2
    t = np.arange(place.min() - 4 * bandwidth, place.max() + 4 * bandwidth, bandwidth / 2)
    g = norm.pdf((t[:, None] - place) / bandwidth) @ weights / bandwidth
    return make_curve(axis, t, np.asarray(g / (g.sum() * bandwidth / 2)))
