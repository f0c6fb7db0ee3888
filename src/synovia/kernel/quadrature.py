r"""The exact posterior by quadrature: a mixture of normals over a grid of variances.

Given psi, the coefficients are normal a posteriori, and their likelihood is integrated out in closed form:

.. math:: p(\psi \mid y) \propto p(\psi) \int L(\beta, \psi)\,p(\beta)\,d\beta

With a flat prior of beta the integral is the restricted likelihood (up to ½ log|X'X|); with a normal prior
N(b, P⁻¹) it is the likelihood at the best beta, times what agreement with the prior leaves. Nothing is drawn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from synovia.kernel.axis import Axis, Curve, make_curve
from synovia.kernel.coefficient_prior import Gaussian, condition, flat
from synovia.kernel.lattice import DEPTH, Lattice, make_lattice, require_mass
from synovia.kernel.likelihoods import Likelihoods, evaluate_likelihoods
from synovia.kernel.placing import MEAN, SPREAD, LogPrior, find_tails, place_axes
from synovia.kernel.problem import Problem
from synovia.kernel.sweep import exists

__all__ = [
    "Quadrature",
    "find_density",
    "find_heavy",
    "integrate",
]

Floats = NDArray[np.float64]
TOLERANCE = {1: 1e-9, 2: 1e-6, 3: 1e-4}  # of one parameter quantiles are read between the nodes
MOST = 250_000
FEW = 2_000  # nodes of which none is left out: a mean may owe its digits to distant ones
REMOTE = {1: 30.0, 2: 20.0, 3: 16.0}  # logs by which a moment's integrand has fallen where the rule ends
DEEPEST = {1: 350.0, 2: 90.0, 3: 60.0}


@dataclass(frozen=True, slots=True, eq=False)
class Quadrature:
    """The posterior of a problem.

    Attributes
    ----------
    axes : tuple of Axis
        One per entry of psi.
    natural : ndarray of shape (m, d)
        Nodes: standard deviations for variances, the parameter itself otherwise.
    psi : ndarray of shape (m, d)
        The same for the kernel.
    component : ndarray of int of shape (m,)
        Which component of the prior of the coefficients.
    weights : ndarray of shape (m,)
        Posterior probabilities.
    beta : ndarray of shape (m, p)
        Posterior means of the coefficients at each node.
    cov : ndarray of shape (m, p, p)
        Their posterior covariances.
    log_evidence : float
        Logarithm of the integral of prior times likelihood; only meaningful when the prior is proper.
    error : float
        Estimated relative error of the quadrature.
    curves : tuple of Curve
        Marginal posteriors of the natural parameters.
    tails : ndarray of shape (d,)
        Power with which each marginal density, times the parameter, falls at infinity.
    method : str
        How it was integrated.
    """

    axes: tuple[Axis, ...]
    natural: Floats
    psi: Floats
    component: NDArray[np.intp]
    weights: Floats
    beta: Floats
    cov: Floats
    log_evidence: float
    error: float
    curves: tuple[Curve, ...]
    tails: Floats
    method: str


def find_heavy(weights: Floats, left_out: float) -> NDArray[np.intp]:
    """Nodes in their order without the lightest, which hold no more than a share; all where they are few.

    Parameters
    ----------
    weights : ndarray of shape (m,)
        Summing to 1.
    left_out : float
        Share that may be left out.
    """
    if weights.size <= FEW:
        return np.flatnonzero(weights > 0)
    order = np.argsort(weights)
    return np.sort(order[np.cumsum(weights[order]) > left_out])


def find_density(
    problem: Problem, natural: Floats, axes: Sequence[Axis], log_prior: LogPrior, beta: Sequence[Gaussian]
) -> tuple[Floats, Likelihoods]:
    """(m,) log of prior times integrated likelihood at natural parameters (m, d), and the likelihoods."""
    squares = [axis.psi(column) for axis, column in zip(axes, natural.T, strict=True)]
    psi = np.stack(squares, axis=1) if squares else np.zeros((natural.shape[0], 0))
    found = evaluate_likelihoods(problem, psi)
    found = replace(found, log_ml=np.where(exists(problem.terms, psi), found.log_ml, -np.inf))
    parts = np.array([condition(found, prior)[0] for prior in beta])
    log_density = (logsumexp(parts, axis=0) if len(beta) > 1 else parts[0]) + log_prior(natural)
    return np.where(np.isnan(log_density), -np.inf, log_density), found


def integrate(
    problem: Problem,
    axes: Sequence[Axis],
    log_prior: LogPrior,
    beta: Sequence[Gaussian] | None = None,
    *,
    tolerance: float | None = None,
) -> Quadrature:
    """The posterior of psi and of the coefficients.

    Parameters
    ----------
    problem : Problem
        With up to three entries of psi.
    axes : sequence of Axis
        Limits of each; where the mass lies is found here.
    log_prior : callable
        Of the natural parameters.
    beta : sequence of Gaussian, optional
        Components of the prior of the coefficients; flat without them.
    tolerance : float, optional
        Relative error wanted of the evidence, of the means in units of the standard deviations, and of these;
        1e-9, 1e-6 and 1e-4 for one, two and three parameters without it.

    Raises
    ------
    SynthesisError
        When the posterior is improper or 0 everywhere.

    Examples
    --------
    >>> from synovia.kernel import Diagonal, Problem, Term
    >>> trials = Problem([0.1, 0.4, 0.3], np.ones((3, 1)), Diagonal([0.02, 0.03, 0.01]), (Term([0, 1, 2]),))
    >>> found = integrate(trials, [Axis()], lambda tau: -0.5 * (tau[:, 0] / 0.5) ** 2)
    >>> round(float(found.weights @ found.beta[:, 0]), 4), found.error < 1e-6
    (0.2631, True)
    """
    components = [flat(problem.p)] if beta is None else list(beta)
    d = len(axes)
    if d == 0:
        log_density, found = find_density(problem, np.zeros((1, 0)), (), log_prior, components)
        values = _flatten(found, np.zeros((1, 0)))
        lattice = Lattice(np.empty(0), np.zeros((1, 0), dtype=np.int64), log_density, values, 0.0)
        return _read(problem, lattice, (), np.empty(0), components)
    density = _on_line(problem, axes, log_prior, components)
    placed = place_axes(density, axes, problem)
    tails = find_tails(density, placed)

    def evaluate(t: Floats) -> tuple[Floats, Floats]:
        natural = np.stack([axis.natural(c) for axis, c in zip(placed, t.T, strict=True)], axis=1)
        log_density, found = find_density(problem, natural, placed, log_prior, components)
        slopes = sum(axis.log_slope(c) for axis, c in zip(placed, t.T, strict=True))
        return log_density + slopes, _flatten(found, natural)

    kept = d + problem.p

    def summarise(values: Floats) -> tuple[Floats, Floats]:
        own = values[:, kept + 1 :: problem.p + 1]
        if tails.max() < SPREAD:
            return values[:, :kept], np.column_stack([np.zeros((own.shape[0], d)), own])
        places = [axis.place(column) for axis, column in zip(placed, values[:, :d].T, strict=True)]
        return np.column_stack([*places, values[:, d:kept]]), np.zeros((own.shape[0], kept))

    def height(s: Floats) -> Floats:
        return find_density(problem, s.reshape(-1, 1), placed, log_prior, components)[0].reshape(s.shape)

    wanted = TOLERANCE[d] if tolerance is None else tolerance
    lattice = make_lattice(
        evaluate, summarise, axes=d, tolerance=wanted, most=MOST, depth=_find_depth(float(tails.max()), d)
    )
    return _read(problem, lattice, placed, tails, components, height=height if d == 1 else None)


def _find_depth(tail: float, axes: int) -> float | None:
    """How far below the top moments are still made: a density may fall slowly, times a square more slowly."""
    power = 2 if tail < SPREAD else 1 if tail < MEAN else 0
    if not (np.isfinite(tail) and power):
        return None
    return float(np.clip(REMOTE[axes] * tail / (tail + power), DEPTH[axes], DEEPEST[axes]))


def _flatten(found: Likelihoods, natural: Floats) -> Floats:
    m = found.log_ml.size
    return np.column_stack([natural, found.beta, found.log_ml, found.cov.reshape(m, -1)])


def _on_line(
    problem: Problem, axes: Sequence[Axis], log_prior: LogPrior, beta: Sequence[Gaussian]
) -> Callable[[Floats], Floats]:
    """The density of x (m, d), each parameter on the whole line."""

    def density(x: Floats) -> Floats:
        natural = np.stack([axis.from_line(c) for axis, c in zip(axes, x.T, strict=True)], axis=1)
        log_density, _ = find_density(problem, natural, axes, log_prior, beta)
        slopes = sum(axis.line_slope(c) for axis, c in zip(axes, x.T, strict=True))
        return np.asarray(log_density + slopes)

    return density


def _read(
    problem: Problem,
    lattice: Lattice,
    axes: tuple[Axis, ...],
    tails: Floats,
    beta: Sequence[Gaussian],
    *,
    height: Callable[[Floats], Floats] | None = None,
) -> Quadrature:
    require_mass(lattice.log_density)
    d, p = len(axes), problem.p
    kept = lattice.weights > (0 if d == 1 else 1e-18)
    values = lattice.values[kept]
    found = Likelihoods(values[:, d + p], values[:, d : d + p], values[:, d + p + 1 :].reshape(-1, p, p))
    parts = [condition(found, prior) for prior in beta]
    logs = np.array([part[0] for part in parts])
    shares = np.exp(logs - logsumexp(logs, axis=0)) * lattice.weights[kept]
    natural = np.tile(values[:, :d], (len(beta), 1))
    psi = [axis.psi(column) for axis, column in zip(axes, natural.T, strict=True)]
    return Quadrature(
        axes=axes,
        natural=natural,
        psi=np.stack(psi, axis=1) if psi else natural,
        component=np.repeat(np.arange(len(beta)), int(kept.sum())),
        weights=shares.reshape(-1) / shares.sum(),
        beta=np.concatenate([part[1] for part in parts]),
        cov=np.concatenate([part[2] for part in parts]),
        log_evidence=lattice.log_total,
        error=lattice.error,
        curves=tuple(_marginal(lattice, axis, k, height) for k, axis in enumerate(axes)),
        tails=tails,
        method=_name(int(kept.sum()), lattice.error, d) if d else "closed form",
    )


def _name(nodes: int, error: float, axes: int) -> str:
    said = f", relative error about {error:.1g}" if error > max(TOLERANCE[2], TOLERANCE[axes]) else ""
    return f"quadrature on {nodes} nodes{said}"


def _marginal(lattice: Lattice, axis: Axis, k: int, height: Callable[[Floats], Floats] | None) -> Curve:
    total = lattice.log_total

    def exact(s: Floats) -> Floats:
        return np.asarray(np.exp(height(s) - total)) if height is not None else s

    column, step = lattice.index[:, k], float(lattice.steps[k])
    low = int(column.min())
    sums = np.asarray(np.bincount(column - low, weights=lattice.weights), dtype=np.float64)
    return make_curve(
        axis,
        np.asarray((low + np.arange(sums.size)) * step, dtype=np.float64),
        sums / step,
        exact if height else None,
    )
