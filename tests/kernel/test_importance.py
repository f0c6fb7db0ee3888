"""Weighted points against the exact rule, against what is known in closed form, and against Metropolis."""

import numpy as np
import pytest
from numpy.typing import NDArray

from synovia.kernel import Blocks, Problem, Term, Unstructured
from synovia.kernel.axis import Axis
from synovia.kernel.coefficient_prior import flat
from synovia.kernel.frame import find_log_volume, make_frame
from synovia.kernel.importance import integrate_many
from synovia.kernel.quadrature import Quadrature, find_density, integrate

Floats = NDArray[np.float64]

CORRELATION = Axis(-1.0, 1.0, squared=False)


def make_outcomes(q: int, studies: int = 14, spread: float = 1.0, seed: int = 6) -> Problem:
    """Every study with every outcome, errors and true effects correlated by a half."""
    generator = np.random.default_rng(seed)
    half = 0.5 * (np.eye(q) + 1)
    n = q * studies
    draws = generator.multivariate_normal(np.zeros(q), 0.12 * half, size=studies)
    blocks = [half * v * spread for v in generator.uniform(0.02, 0.08, studies)]
    rows = [q * i + np.arange(q) for i in range(studies)]
    term = Term(np.repeat(np.arange(studies), q), Unstructured(q), np.tile(np.arange(q), studies))
    return Problem(draws.reshape(n), np.tile(np.eye(q), (studies, 1)), Blocks(blocks, rows), (term,))


def make_axes(q: int) -> list[Axis]:
    return [Axis()] * q + [CORRELATION] * (q * (q - 1) // 2)


class HalfNormals:
    """Of the standard deviations; correlations uniform where matrices exist."""

    def __init__(self, q: int, scale: float = 0.5) -> None:
        self.q, self.scale = q, scale

    def __call__(self, s: Floats) -> Floats:
        own = s[:, : self.q] / self.scale
        constant = self.q * (0.5 * np.log(2 / np.pi) - np.log(self.scale)) - find_log_volume(self.q)
        return np.asarray(-0.5 * (own**2).sum(axis=1) + constant)


def describe(found: Quadrature) -> tuple[Floats, Floats]:
    w = found.weights
    values = np.column_stack([found.beta, found.natural])
    mean = w @ values
    square = w @ (values - mean) ** 2
    square[: found.beta.shape[1]] += w @ np.diagonal(found.cov, axis1=1, axis2=2)
    return mean, np.sqrt(square)


def test_points_agree_with_the_exact_rule_within_their_error() -> None:
    problem = make_outcomes(2, studies=6)
    exact = integrate(problem, make_axes(2), HalfNormals(2))
    points = integrate_many(problem, make_axes(2), HalfNormals(2))
    (mean, sd), (other, width) = describe(exact), describe(points)
    assert exact.error < 1e-4
    assert points.error < 0.005
    assert np.abs((other - mean) / sd).max() < points.error
    assert np.abs(width / sd - 1).max() < points.error
    assert abs(points.log_evidence - exact.log_evidence) < points.error
    for one, two in zip(points.curves, exact.curves, strict=True):
        shares = np.array([0.025, 0.25, 0.5, 0.75, 0.975])
        # a smoothed density of 100,000 points, in shares of the posterior
        assert two.cdf(one.quantile(shares)) == pytest.approx(shares, abs=3e-3)


def test_the_same_digits_in_every_run() -> None:
    problem = make_outcomes(2, studies=5)
    one, two = (integrate_many(problem, make_axes(2), HalfNormals(2)) for _ in range(2))
    assert np.array_equal(one.weights, two.weights)


def test_partial_correlations_stretch_as_they_say() -> None:
    problem = make_outcomes(4, studies=5)
    frame = make_frame(problem.terms, make_axes(4))
    x = np.random.default_rng(3).normal(size=10)
    natural, slope = frame.natural(x[None])
    step = 1e-5 * np.eye(10)
    jacobian = (frame.natural(x + step)[0] - frame.natural(x - step)[0]) / 2e-5
    # central differences leave ten digits
    assert slope[0] == pytest.approx(np.log(np.abs(np.linalg.det(jacobian))), abs=1e-7)
    C = np.eye(4)
    C[np.triu_indices(4, 1)] = natural[0, 4:]
    assert np.linalg.eigvalsh(np.triu(C) + np.triu(C, 1).T)[0] > 0


def test_volumes_of_the_correlation_matrices() -> None:
    """Joe (2006), table 1: shares 0.617 and 0.183 of the cubes."""
    assert np.exp(find_log_volume(3)) == pytest.approx(np.pi**2 / 2)
    assert np.exp(find_log_volume(4)) == pytest.approx(32 * np.pi**2 / 27)


def test_without_information_the_posterior_is_the_prior() -> None:
    """Estimates a million times less precise than the prior: standard deviations half-normal, correlations
    of three effects with variance 1/4, and an evidence that is the density without random effects."""
    problem = make_outcomes(3, spread=1e10)
    found = integrate_many(problem, make_axes(3), HalfNormals(3))
    mean, sd = describe(found)
    assert found.error < 0.01
    assert mean[3:6] == pytest.approx(0.5 * np.sqrt(2 / np.pi), rel=found.error)
    assert sd[6:] == pytest.approx(0.5, rel=found.error)
    nothing = find_density(problem, np.zeros((1, 6)), make_axes(3), lambda s: 0 * s[:, 0], [flat(3)])[0][0]
    assert found.log_evidence == pytest.approx(nothing, abs=found.error)


def test_six_parameters_against_metropolis() -> None:
    """200 chains that know nothing of partial correlations: matrices are looked at by their eigenvalues."""
    problem, prior, axes = make_outcomes(3), HalfNormals(3), make_axes(3)
    found = integrate_many(problem, axes, prior)
    assert found.error < 0.01
    generator = np.random.default_rng(1)
    first = found.natural[generator.choice(found.weights.size, size=200, p=found.weights)]
    x = np.column_stack([np.log(first[:, :3]), first[:, 3:]])
    root = 0.7 * np.linalg.cholesky(np.cov(x.T))
    here: Floats = _look(problem, prior, axes, x)
    kept: list[Floats] = []
    for turn in range(700):
        tried = x + generator.normal(size=x.shape) @ root.T
        there = _look(problem, prior, axes, tried)
        u: Floats = generator.random(200)
        moved = np.flatnonzero(np.log(u) < there - here)
        x[moved], here[moved] = tried[moved], there[moved]
        if turn >= 100:
            kept.append(np.column_stack([np.exp(x[:, :3]), x[:, 3:]]))
    draws = np.array(kept)
    mean, error = draws.mean(axis=(0, 1)), draws.mean(axis=0).std(axis=0, ddof=1) / np.sqrt(200)
    expected, sd = describe(found)
    assert (error / sd[3:]).max() < 0.03
    assert np.abs((mean - expected[3:]) / error).max() < 4.5  # of standard errors of the chains


def _look(problem: Problem, prior: HalfNormals, axes: list[Axis], x: Floats) -> Floats:
    inside = np.abs(x[:, 3:]).max(axis=1) < 1
    C = np.tile(np.eye(3), (x.shape[0], 1, 1))
    first, second = np.triu_indices(3, 1)
    C[:, first, second] = C[:, second, first] = np.where(inside[:, None], x[:, 3:], 0)
    inside &= np.linalg.eigvalsh(C)[:, 0] > 0
    natural = np.column_stack([np.exp(x[:, :3]), np.where(inside[:, None], x[:, 3:], 0)])
    log_density, _ = find_density(problem, natural, axes, prior, [flat(3)])
    return np.where(inside, log_density + x[:, :3].sum(axis=1), -np.inf)
