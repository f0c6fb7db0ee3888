"""Posteriors by quadrature against brute force: sums over fine grids and adaptive integration."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from synovia.errors import SynthesisError
from synovia.kernel import Blocks, Diagonal, Problem, Term, Unstructured, normals, point
from synovia.kernel.axis import Axis
from synovia.kernel.coefficient_prior import Gaussian, condition, flat
from synovia.kernel.importance import integrate_many
from synovia.kernel.likelihoods import evaluate_likelihoods
from synovia.kernel.normals import Normals, join_normals
from synovia.kernel.placing import LogPrior
from synovia.kernel.quadrature import Quadrature, find_density, integrate

FIVE_DIGITS = 1e-5  # what the issue of posteriors asks for; the rules agree far better
RULE = 1e-8  # adaptive quadrature of scipy at 1e-11, through square roots


def make_trials(k: int = 9, seed: int = 4, slope: bool = False) -> Problem:
    generator = np.random.default_rng(seed)
    v = generator.uniform(0.01, 0.2, k)
    X = np.column_stack([np.ones(k), generator.normal(size=k)])[:, : 1 + slope]
    return Problem(generator.normal(0.3, np.sqrt(v + 0.05)), X, Diagonal(v), (Term(np.arange(k)),))


def half_normal(scale: float = 0.5) -> LogPrior:
    return lambda s: -0.5 * ((s / scale) ** 2).sum(axis=1) + s.shape[1] * np.log(np.sqrt(2 / np.pi) / scale)


def test_evidence_by_direct_integration() -> None:
    problem, prior = make_trials(), half_normal()

    def height(tau: float) -> float:
        at = point(problem, [tau**2])
        return float(np.exp(at.log_reml - 0.5 * problem.log_det_xtx + prior(np.array([[tau]]))[0]))

    found = integrate(problem, [Axis()], prior)
    whole = quad(height, 0, 10, epsabs=0, epsrel=1e-11, limit=300)[0]
    assert found.log_evidence == pytest.approx(np.log(whole), abs=RULE)
    first = quad(lambda tau: tau * height(tau), 0, 10, epsabs=0, epsrel=1e-11, limit=300)[0] / whole
    assert found.curves[0].mean() == pytest.approx(first, rel=RULE)
    for upper in (0.05, 0.2, 0.4):
        share = quad(height, 0, upper, epsabs=0, epsrel=1e-11, limit=300)[0] / whole
        assert found.curves[0].cdf(np.array([upper]))[0] == pytest.approx(share, abs=1e-7)  # interpolated
        assert found.curves[0].quantile(np.array([share]))[0] == pytest.approx(upper, rel=1e-6)


def test_evidence_with_a_normal_prior_is_that_of_a_wider_covariance() -> None:
    problem = make_trials(slope=True)
    covariance = np.diag([0.7, 1.9]) ** 2
    prior = Gaussian(0.0, np.array([0.2, -0.1]), np.linalg.inv(covariance))
    psi = np.array([[0.0], [0.04], [1.0]])
    logs, mean, cov = condition(evaluate_likelihoods(problem, psi), prior)
    for place, value in enumerate(psi[:, 0]):
        omega = np.diag(problem.V.diagonal + value)
        whole = omega + problem.X @ covariance @ problem.X.T
        dense = multivariate_normal(problem.X @ prior.mean, whole).logpdf(problem.y)
        assert logs[place] == pytest.approx(dense, rel=1e-12)
        gain = covariance @ problem.X.T @ np.linalg.inv(whole)
        assert mean[place] == pytest.approx(
            prior.mean + gain @ (problem.y - problem.X @ prior.mean), rel=1e-9
        )
        assert cov[place] == pytest.approx(covariance - gain @ problem.X @ covariance, rel=1e-8)


def test_at_once_is_one_by_one() -> None:
    problem = make_trials(slope=True)
    found = evaluate_likelihoods(problem, np.array([[0.0], [0.3]]))
    for place, value in enumerate((0.0, 0.3)):
        at = point(problem, [value])
        assert found.log_ml[place] == pytest.approx(at.log_ml, rel=1e-12)
        assert found.beta[place] == pytest.approx(at.beta, rel=1e-9)
        assert found.cov[place] == pytest.approx(at.cov, rel=1e-9)


def make_nested() -> Problem:
    generator = np.random.default_rng(7)
    groups = np.repeat(np.arange(6), 3)
    v = generator.uniform(0.02, 0.1, 18)
    y = 0.2 + generator.normal(0, 0.3, 6)[groups] + generator.normal(0, np.sqrt(v + 0.02))
    return Problem(y, np.ones((18, 1)), Diagonal(v), (Term(groups), Term(np.arange(18))))


def test_two_variances_against_a_fine_grid() -> None:
    problem, prior = make_nested(), half_normal()
    found = integrate(problem, [Axis(), Axis()], prior)
    x = np.linspace(-17, 2.5, 150)
    s = np.exp(x)
    grid = np.array([[a, b] for a in s for b in s])
    logs = [point(problem, one**2) for one in grid]
    height = np.array([at.log_reml for at in logs]) + prior(grid) + np.log(grid).sum(axis=1)
    weight = np.exp(height - height.max())
    log_whole = np.log(weight.sum()) + height.max() + 2 * np.log(x[1] - x[0]) - 0.5 * problem.log_det_xtx
    weight /= weight.sum()
    assert found.log_evidence == pytest.approx(log_whole, abs=FIVE_DIGITS)
    assert found.weights @ found.beta[:, 0] == pytest.approx(
        weight @ np.array([at.beta[0] for at in logs]), rel=FIVE_DIGITS
    )
    for k in range(2):
        assert found.curves[k].mean() == pytest.approx(weight @ grid[:, k], rel=FIVE_DIGITS)
        # half a cell at each end is all that a sum over cells leaves out
        assert found.curves[k].cdf(np.array([0.2]))[0] == pytest.approx(
            weight[grid[:, k] < 0.2].sum(), abs=2e-2
        )


def make_gums(scale: float = 1.0) -> Problem:
    """Two outcomes of five trials of periodontal surgery, Berkey et al. (1998), table I."""
    y = np.array([0.47, -0.32, 0.20, -0.60, 0.40, -0.12, 0.26, -0.31, 0.56, -0.39]) * scale
    v = np.array([75, 77, 57, 8, 21, 14, 29, 15, 148, 304]) * 1e-4 * scale**2
    c = np.array([30, 9, 7, 9, 72]) * 1e-4 * scale**2
    rows = [np.array([2 * i, 2 * i + 1]) for i in range(5)]
    V = Blocks([np.array([[v[2 * i], c[i]], [c[i], v[2 * i + 1]]]) for i in range(5)], rows)
    term = Term(np.repeat(np.arange(5), 2), Unstructured(2), [0, 1] * 5)
    return Problem(y, np.tile(np.eye(2), (5, 1)), V, (term,))


THREE = [Axis(), Axis(), Axis(-1.0, 1.0, squared=False)]


def uniform_correlation(s: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(half_normal()(s[:, :2]) - np.log(2))


def summarise(found: Quadrature) -> NDArray[np.float64]:
    """Means and standard deviations of coefficients and of what varies."""
    w, own = found.weights, np.diagonal(found.cov, axis1=1, axis2=2)
    mean, natural = w @ found.beta, w @ found.natural
    sd = np.sqrt(w @ (own + (found.beta - mean) ** 2))
    return np.concatenate([mean, sd, natural, np.sqrt(w @ (found.natural - natural) ** 2)])


def test_three_parameters_against_a_dense_grid() -> None:
    """Trapezoids 0.3 apart in log tau and logit rho, 16 to each side: their own error is 1e-6."""
    problem = make_gums()
    found = integrate(problem, THREE, uniform_correlation)
    x, rho = np.arange(-16.2, 3.1, 0.3), np.arange(-17.7, 17.8, 0.3)
    total, sums = 0.0, np.zeros(10)
    for one in x:
        line = np.array([[one, b, c] for b in x for c in rho])
        s = np.stack([a.from_line(column) for a, column in zip(THREE, line.T, strict=True)], axis=1)
        log_density, at = find_density(problem, s, THREE, uniform_correlation, [flat(2)])
        slope = sum(a.line_slope(column) for a, column in zip(THREE, line.T, strict=True))
        w = np.exp(log_density + slope)
        own = np.diagonal(at.cov, axis1=1, axis2=2)
        total += float(w.sum())
        sums += w @ np.column_stack([at.beta, own + at.beta**2, s, s**2])
    sums /= total
    squares = sums[[2, 3, 7, 8, 9]] - sums[[0, 1, 4, 5, 6]] ** 2
    expected = np.concatenate([sums[:2], squares[:2] ** 0.5, sums[4:7], squares[2:] ** 0.5])
    assert found.error < 1e-4  # a bound: standard deviations of slowly falling tails would need it
    assert found.log_evidence == pytest.approx(np.log(total * 0.3**3), abs=FIVE_DIGITS)
    assert summarise(found) == pytest.approx(expected, rel=FIVE_DIGITS)


@pytest.mark.parametrize("tolerance", [1e-1, 1e-2, 1e-3])
def test_a_rule_that_stops_early_says_so(tolerance: float) -> None:
    problem = make_gums()
    exact, rough = (integrate(problem, THREE, uniform_correlation, tolerance=t) for t in (1e-6, tolerance))
    gap = np.abs(summarise(rough) - summarise(exact))
    sd = summarise(exact)[[2, 3, 2, 3, 7, 8, 9, 7, 8, 9]]
    assert np.max(gap / sd) < rough.error
    assert abs(rough.log_evidence - exact.log_evidence) < rough.error


def test_three_parameters_with_a_correlation_against_sobol_points() -> None:
    generator = np.random.default_rng(3)
    studies = np.repeat(np.arange(8), 2)
    blocks = [np.array([[0.04, 0.01], [0.01, 0.05]])] * 8
    V = Blocks(blocks, [np.array([2 * i, 2 * i + 1]) for i in range(8)])
    u = generator.multivariate_normal([0, 0], [[0.09, 0.05], [0.05, 0.09]], size=8).reshape(-1)
    X = np.tile(np.eye(2), (8, 1))
    problem = Problem(u + generator.normal(0, 0.2, 16), X, V, (Term(studies, Unstructured(2), [0, 1] * 8),))
    axes = [Axis(), Axis(), Axis(-1.0, 1.0, squared=False)]

    def prior(s: np.ndarray) -> np.ndarray:
        return np.asarray(half_normal()(s[:, :2]) - np.log(2))

    found = integrate(problem, axes, prior, tolerance=1e-4)
    other = integrate_many(problem, axes, prior)
    assert other.error < 0.05
    assert found.error < 1e-4
    assert found.log_evidence == pytest.approx(other.log_evidence, abs=5 * other.error)
    sd = np.sqrt(np.diag(found.cov[0]))
    assert found.weights @ found.beta == pytest.approx(
        other.weights @ other.beta, abs=5 * other.error * sd.max()
    )
    assert found.weights @ found.natural == pytest.approx(other.weights @ other.natural, abs=0.02)


@pytest.mark.parametrize("k", [2, 3])
def test_flat_priors_need_three_estimates(k: int) -> None:
    problem = Problem([0.0, 1.0, 0.4][:k], np.ones((k, 1)), Diagonal([0.1] * k), (Term(np.arange(k)),))
    if k == 3:
        assert integrate(problem, [Axis()], lambda s: 0 * s[:, 0]).tails[0] == pytest.approx(-1.0)
        return
    with pytest.raises(SynthesisError, match="towards infinity of parameter 1"):
        integrate(problem, [Axis()], lambda s: 0 * s[:, 0])


def test_priors_that_pile_up_at_zero_are_refused() -> None:
    with pytest.raises(SynthesisError, match="at its lower limit"):
        integrate(make_trials(), [Axis()], lambda s: -np.log(s[:, 0]))


def test_mixture_of_one_is_a_normal() -> None:
    one = Normals(np.ones(1), np.array([[0.3, -1.0]]), np.array([[0.5, 2.0]]))
    assert one.quantile([0.025, 0.9]) == pytest.approx(
        norm.ppf(np.array([[0.025], [0.9]]), [0.3, -1.0], [0.5, 2.0]), rel=1e-12
    )
    assert one.shortest(0.95) == pytest.approx(one.equal_tailed(0.95), rel=1e-7)
    assert one.mode() == pytest.approx([0.3, -1.0])
    assert one.density([[0.1, 0.1]])[0] == pytest.approx(norm.pdf(0.1, [0.3, -1.0], [0.5, 2.0]))
    assert join_normals([one, one], [0.2, 0.8]).sd() == pytest.approx([0.5, 2.0])


def test_shortest_interval_of_a_skewed_mixture_is_shortest() -> None:
    found = Normals(np.array([0.7, 0.3]), np.array([[0.0], [2.0]]), np.array([[0.5], [1.5]]))
    lower, upper = found.shortest(0.9)
    assert found.cdf([upper[0]])[0] - found.cdf([lower[0]])[0] == pytest.approx(0.9, abs=1e-9)
    below = np.linspace(1e-4, 0.0999, 400)
    every = found.quantile(below + 0.9) - found.quantile(below)
    assert upper[0] - lower[0] <= every.min() + 1e-9
    assert found.density(lower)[0] == pytest.approx(found.density(upper)[0], rel=1e-6)


def test_many_components_give_what_a_few_at_a_time_give(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(8)
    weights = generator.exponential(1, 9000) ** 3
    means = generator.normal(0, 1, (9000, 2)) * np.array([0.1, 1.0])
    found = Normals(weights / weights.sum(), means, np.exp(0.5 * generator.normal(size=(9000, 2))))
    shares = [1e-6, 0.025, 0.5, 0.9, 0.999]
    quick = found.quantile(shares), found.shortest(0.95), found.mode()
    monkeypatch.setattr(normals, "MANY", 10**6)
    slow = found.quantile(shares), found.shortest(0.95), found.mode()
    for one, other in zip(quick, slow, strict=True):
        assert one == pytest.approx(other, rel=1e-8, abs=1e-8)  # both end where steps no longer move


def test_no_variance_is_closed_form() -> None:
    problem = Problem([0.0, 1.0], np.ones((2, 1)), Diagonal([0.5, 0.5]))
    found = integrate(problem, [], lambda s: np.zeros(s.shape[0]))
    assert found.weights.tolist() == [1.0]
    assert found.log_evidence == pytest.approx(
        point(problem, []).log_reml - 0.5 * problem.log_det_xtx, rel=1e-12
    )
    assert flat(2).log_constant == 0.0
