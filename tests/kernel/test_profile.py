"""Profile likelihood against grids, other formulations and R."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import chdtri

from simulated_problems import simulate
from synovia.errors import SynthesisError
from synovia.kernel import Diagonal, Problem, Range, RowScale, Term, Unstructured, find_omega, ml, point, reml
from synovia.kernel.hill import Hill, hold_contrast
from synovia.kernel.intervals import profile_likelihood
from synovia.kernel.profile import (
    profile_contrast,
    profile_contrast_interval,
    profile_psi,
    profile_psi_interval,
)

Floats = NDArray[np.float64]

FLAT = 1e-7  # limits lie where the profile is steep: an error of 1e-12 in its height moves them less


def three_level(p: int = 1) -> Problem:
    base = simulate(3, (3, 2, 4, 2, 3, 1, 5, 2, 3, 4, 2, 3), p=p)
    return base.replace_terms((Term(base.V.labels), Term(np.arange(base.n))))


def bivariate() -> Problem:
    k = 14
    rng = np.random.default_rng(8)
    outcome, study = np.tile([0, 1], k), np.repeat(np.arange(k), 2)
    X = np.column_stack([outcome == 0, outcome == 1]).astype(float)
    y = rng.normal(size=2 * k) * 0.5 + rng.normal(size=k)[study] * 0.3
    return Problem(y, X, Diagonal(rng.uniform(0.02, 0.2, 2 * k)), (Term(study, Unstructured(2), outcome),))


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("contrast", [None, [0.0, 1.0], [1.0, -2.0]])
@pytest.mark.parametrize(("problem", "psi"), [(three_level(2), [0.3, 0.2]), (bivariate(), [0.2, 0.3, 0.4])])
def test_slopes_are_those_of_the_hill(
    problem: Problem, psi: list[float], contrast: list[float] | None, *, restricted: bool
) -> None:
    held = None if contrast is None else np.array(contrast)
    hill = Hill(problem, restricted, contrast=held, value=0.7)
    h, theta = 1e-6, hill.find_theta(np.array(psi))
    numeric = [
        (hill.at(theta + step)[1] - hill.at(theta - step)[1]) / (2 * h) for step in h * np.eye(len(psi))
    ]
    at, height = hill.at(theta)
    assert at is not None
    assert at.psi == pytest.approx(psi, rel=1e-12)
    # central differences of numbers of order 10 at step 1e-6
    assert hill.around(at, theta).slope == pytest.approx(numeric, rel=1e-6, abs=1e-7)
    # the height a second time, from the held point's own residuals
    omega = find_omega(problem, np.array(psi), np.arange(problem.n))
    rss = at.residuals @ np.linalg.solve(omega, at.residuals)
    assert at.rss == pytest.approx(rss, rel=1e-12)
    if held is not None:
        assert held @ at.beta == pytest.approx(0.7, rel=1e-12)
        assert held @ at.cov @ held == pytest.approx(0, abs=1e-15)
    if not restricted:
        expected = -0.5 * (problem.n * np.log(2 * np.pi) + np.linalg.slogdet(omega)[1] + rss)
        assert height == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("restricted", [True, False])
def test_one_variance_agrees_with_its_own_interval(*, restricted: bool) -> None:
    problem = simulate(2, (1,) * 12, p=2)
    expected = profile_likelihood(problem, level=0.9, restricted=restricted)
    found = profile_psi_interval(problem, 0, level=0.9, restricted=restricted)
    assert isinstance(expected, Range)
    assert (found.lower, found.upper) == pytest.approx((expected.lower, expected.upper), rel=FLAT)


@pytest.mark.parametrize("index", [0, 1])
def test_limits_lie_where_the_profile_has_fallen(index: int) -> None:
    problem = three_level()
    best = reml(problem)
    found = profile_psi_interval(problem, index, best=best)
    floor = best.point.log_reml - chdtri(1, 0.05) / 2
    for limit in (found.lower, found.upper):
        if limit > 0:
            # a grid of steps of 0.03 % misses the height by half the curvature times the step squared
            grid = np.concatenate([[0.0], np.geomspace(1e-4, 5, 4000)])
            heights = [point(problem, np.insert([rest], index, limit)).log_reml for rest in grid]
            assert max(heights) == pytest.approx(floor, abs=1e-5)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_profile_is_never_below_the_section_through_the_maximum(index: int) -> None:
    problem = bivariate()
    best = reml(problem)
    low, high = problem.bounds[index]
    grid = np.linspace(max(low, 0.2 * best.psi[index] - 0.1), min(high, 2 * best.psi[index] + 0.1), 9)
    found = profile_psi(problem, index, grid, best=best)
    for value, height, psi in zip(grid, found.log_lik, found.psi, strict=True):
        section = best.psi.copy()
        section[index] = value
        assert psi[index] == value
        assert height >= point(problem, section).log_reml - 1e-10
        assert height == pytest.approx(point(problem, psi).log_reml, abs=1e-10)
        assert height <= best.point.log_reml + 1e-10


@pytest.mark.parametrize("index", [0, 2, 4])
def test_profiles_of_three_outcomes_stay_among_covariances(index: int) -> None:
    k, q = 12, 3
    rng = np.random.default_rng(1)
    outcome, study = np.tile(np.arange(q), k), np.repeat(np.arange(k), q)
    y = 0.1 * rng.normal(size=q * k) + rng.normal(size=k)[study] * 0.5
    v = rng.uniform(0.02, 0.2, q * k)
    problem = Problem(y, np.eye(q)[outcome], Diagonal(v), (Term(study, Unstructured(q), outcome),))
    best = reml(problem)
    low, high = problem.bounds[index]
    grid = np.linspace(max(low, best.psi[index] - 0.8), min(high, best.psi[index] + 0.8), 7)
    found = profile_psi(problem, index, grid, best=best)
    for value, height, psi in zip(grid, found.log_lik, found.psi, strict=True):
        G = Unstructured(q).covariance(psi)
        assert psi[index] == value
        # rounding of correlations of 1, squared and summed
        assert np.linalg.eigvalsh(G)[0] >= -1e-12
        assert height == pytest.approx(point(problem, psi).log_reml, abs=1e-9)
        for step in rng.normal(scale=0.02, size=(40, q, q)):
            near = G + step @ G + G @ step.T + step @ G @ step.T
            moved = Unstructured(q).read(near)
            moved[index] = value
            if np.linalg.eigvalsh(Unstructured(q).covariance(moved))[0] > 0:
                assert point(problem, moved).log_reml <= height + 1e-9


@pytest.mark.parametrize("index", [0, 1, 3, 5])
def test_a_held_entry_has_slopes_and_curvature(index: int) -> None:
    q, rng = 3, np.random.default_rng(5)
    root = rng.normal(size=(q, q))
    G = root @ root.T
    psi = Unstructured(q).read(G)
    held = Unstructured(q).hold(index, psi[index])
    rest = np.delete(psi, index)
    theta = held.to_search(rest)
    assert held.from_search(theta) == pytest.approx(rest, rel=1e-12)
    assert held.covariance(rest) == pytest.approx(G, rel=1e-12)
    theta = theta + rng.normal(size=theta.size) * 0.1
    S, h = np.diag([0.3, -1.0, 2.0]) + 0.4, 1e-5
    steps = h * np.eye(theta.size)

    def covariance(t: Floats) -> Floats:
        return held.covariance(held.from_search(t))

    numeric = [(covariance(theta + step) - covariance(theta - step)) / (2 * h) for step in steps]
    # central differences of a quadratic: rounding of 1e-16 over the step
    assert held.search_derivatives(theta) == pytest.approx(np.array(numeric), abs=1e-9)
    turned = [
        (held.search_derivatives(theta + step) - held.search_derivatives(theta - step)) / (2 * h)
        for step in steps
    ]
    expected = np.einsum("ij,klij->kl", S, np.array(turned))
    assert held.search_curvature(theta, S) == pytest.approx(expected, abs=1e-9)


def test_a_profile_climbs_away_from_no_variance_at_all() -> None:
    k, q = 12, 2
    rng = np.random.default_rng(6)
    outcome, study = np.tile(np.arange(q), k), np.repeat(np.arange(k), q)
    y = 0.05 * rng.normal(size=q * k)
    problem = Problem(
        y, np.eye(q)[outcome], Diagonal(np.full(q * k, 0.1)), (Term(study, Unstructured(q), outcome),)
    )
    best = ml(problem)
    assert best.psi[:q] == pytest.approx([0, 0], abs=1e-20)
    found = profile_contrast(problem, [1.0, 1.0], [3.0], best=best)
    assert found.psi[0, :q].min() > 1  # both means are held 1.5 away from where every study lies
    for psi in ([2.25, 2.25, 0.9], [2.0, 2.5, 0.99], [2.25, 2.25, 1.0]):
        assert found.log_lik[0] >= hold_contrast(problem, point(problem, psi), np.ones(2), 3.0).log_ml


def test_a_variance_of_zero_and_a_correlation_of_one_are_limits() -> None:
    agreeing = Problem([0.1, 0.12, 0.09, 0.11, 0.1], np.ones((5, 1)), Diagonal([0.1] * 5), (Term(range(5)),))
    assert profile_psi_interval(agreeing, 0).lower == 0
    k = 5
    outcome, study = np.tile([0, 1], k), np.repeat(np.arange(k), 2)
    rng = np.random.default_rng(1)
    y = np.repeat(rng.normal(size=k), 2) + 0.1 * rng.normal(size=2 * k)
    X = np.column_stack([outcome == 0, outcome == 1]).astype(float)
    alike = Problem(y, X, Diagonal(np.full(2 * k, 0.05)), (Term(study, Unstructured(2), outcome),))
    assert profile_psi_interval(alike, 2).upper == 1


@pytest.mark.parametrize("restricted", [True, False])
def test_a_contrast_held_is_a_problem_with_one_coefficient_less(*, restricted: bool) -> None:
    problem = three_level(2)
    held = 0.4
    rest = Problem(problem.y - held * problem.X[:, 1], problem.X[:, :1], problem.V, problem.terms)
    found = profile_contrast(problem, [0.0, 1.0], [held], restricted=restricted)
    best = (reml if restricted else ml)(rest)
    if restricted:
        gain = (rest.log_det_xtx - problem.log_det_xtx) / 2  # the constants of the two restricted likelihoods
        assert found.log_lik[0] + gain == pytest.approx(best.point.log_reml, abs=1e-8)
    else:
        assert found.log_lik[0] == pytest.approx(best.point.log_ml, abs=1e-9)
    assert found.psi[0] == pytest.approx(
        best.psi, rel=1e-4
    )  # psi moves as the root of the likelihood's error


def test_the_interval_of_a_mean_by_hand() -> None:
    problem = simulate(4, (1,) * 8)
    found = profile_contrast_interval(problem, [1.0])
    best = ml(problem)

    def top(mean: float) -> float:
        grid = np.concatenate([[0.0], np.geomspace(1e-4, 10, 20_000)])
        total = problem.V.diagonal + grid[:, None]
        heights = -0.5 * (np.log(2 * np.pi * total) + (problem.y - mean) ** 2 / total).sum(axis=1)
        return float(heights.max())

    for limit in (found.lower, found.upper):
        # the grid of tau2 misses the maximum by at most 0.03 %, squared
        assert top(limit) == pytest.approx(best.point.log_ml - chdtri(1, 0.05) / 2, abs=1e-6)


def test_without_variances_it_is_the_normal_interval() -> None:
    problem = simulate(4, (1,) * 8).replace_terms(())
    at = point(problem)
    found = profile_contrast_interval(problem, [1.0], level=0.95)
    half = 1.959963984540054 * np.sqrt(at.cov[0, 0])
    assert (found.lower, found.upper) == pytest.approx((at.beta[0] - half, at.beta[0] + half), rel=FLAT)


def test_the_coefficients_of_a_scale_have_profiles_too() -> None:
    base = simulate(4, (1,) * 30)
    W = np.column_stack([np.ones(30), np.linspace(-1, 1, 30)])
    problem = base.replace_terms((RowScale(W),))
    found = profile_psi_interval(problem, 1)
    best = reml(problem)
    assert found.lower < best.psi[1] < found.upper


def test_what_cannot_be_done_is_said() -> None:
    problem = simulate(4, (1,) * 8)
    with pytest.raises(SynthesisError, match="Found parameter 1; the model has 1"):
        profile_psi(problem, 1, [0.1])
    with pytest.raises(SynthesisError, match="wanted a number from 0 to inf"):
        profile_psi(problem, 0, [-0.1])
    with pytest.raises(SynthesisError, match="wanted 1 weights, not all 0"):
        profile_contrast(problem, [0.0], [0.1])
    with pytest.raises(SynthesisError, match="between 0 and 1"):
        profile_psi_interval(problem, 0, level=95)
