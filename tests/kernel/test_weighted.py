import numpy as np
import pytest

from simulated_problems import make_dense, simulate
from synovia.errors import SynthesisError
from synovia.kernel import Problem, find_leverage, find_rows, find_weights, point
from synovia.kernel.confidence import draw_new_effects, draw_tau2
from synovia.kernel.generalised import make_generalised_q
from synovia.kernel.weighted import find_weighted

SAME = 1e-11  # the same sums in another order


def test_inverse_variances_are_generalised_least_squares() -> None:
    problem = simulate(2, (1,) * 10, p=3)
    at = point(problem, [0.4])
    found = find_weighted(problem, at, 1 / (problem.V.diagonal + 0.4))
    for name in ("beta", "cov", "residuals", "log_ml", "log_reml"):
        assert getattr(found, name) == pytest.approx(getattr(at, name), rel=1e-9)
    assert find_rows(problem, found) == pytest.approx(find_rows(problem, at), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(
    ("sizes", "random"), [((1,) * 8, "effect"), ((2, 3, 1, 2), "effect"), ((2, 3, 2), "block")]
)
def test_the_covariance_is_a_sandwich_around_omega(sizes: tuple[int, ...], random: str) -> None:
    problem = simulate(5, sizes, random=random, p=2)
    weights = np.linspace(1, 3, problem.n)
    found = find_weighted(problem, point(problem, [0.3]), weights)
    A, X = np.diag(weights), problem.X
    rows = np.linalg.solve(X.T @ A @ X, X.T @ A)
    assert found.beta == pytest.approx(rows @ problem.y, rel=SAME)
    assert found.cov == pytest.approx(rows @ make_dense(problem, [0.3]) @ rows.T, rel=SAME)
    assert find_leverage(problem, found) == pytest.approx(np.diag(X @ rows), rel=SAME)
    assert find_weights(problem, found) == pytest.approx(weights / weights.sum(), rel=SAME)


def test_no_weights_beat_the_inverse_variances() -> None:
    problem = simulate(2, (1,) * 10)
    at = point(problem, [0.4])
    found = find_weighted(problem, at, np.ones(10))
    assert found.cov[0, 0] > at.cov[0, 0]
    assert found.log_ml < at.log_ml
    assert found.beta[0] == pytest.approx(problem.y.mean(), rel=SAME)


def test_draws_of_tau2_have_their_confidence_distribution() -> None:
    problem = simulate(1, (1,) * 12)
    uniform = np.linspace(0.001, 0.999, 41)
    form = make_generalised_q(problem, 1 / problem.V.diagonal)
    drawn = draw_tau2(problem, uniform)
    above = np.array([1 - form.below(tau2) for tau2 in drawn])
    # between the knots of the interpolation
    assert above[drawn > 0] == pytest.approx(uniform[drawn > 0], abs=2e-5)
    assert (uniform[drawn == 0] <= 1 - form.below(0.0)).all()


def test_draws_follow_their_seed() -> None:
    problem = simulate(1, (1,) * 12)
    one, again, other = (draw_new_effects(problem, draws=200, seed=seed) for seed in (1, 1, 2))
    assert one.tolist() == again.tolist()
    assert one.tolist() != other.tolist()


def test_draws_around_a_regression_are_refused() -> None:
    for problem in (simulate(1, (1,) * 8, p=2), simulate(1, (2, 3, 2))):
        with pytest.raises(SynthesisError, match="another kind, such as 'HTS'"):
            draw_new_effects(problem, draws=10, seed=1)


def test_studies_that_agree_too_well_draw_no_tau2() -> None:
    problem = simulate(1, (1,) * 5)
    flat = Problem(np.full(5, 0.2), problem.X, problem.V, problem.terms)
    assert draw_tau2(flat, np.linspace(0.01, 0.99, 9)).tolist() == [0.0] * 9
