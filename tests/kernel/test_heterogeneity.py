import numpy as np
import pytest
from scipy import stats

from simulated_problems import simulate
from synovia.kernel import (
    Diagonal,
    Inapplicable,
    Problem,
    Range,
    Term,
    measure_heterogeneity,
    point,
    profile_q,
    reml,
)


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize(("sizes", "random"), [((1,) * 12, "effect"), ((2, 3, 1, 2, 4), "effect")])
def test_q_profile_ends_put_q_at_its_quantiles(sizes: tuple[int, ...], random: str, level: float) -> None:
    problem = simulate(3, sizes, random=random)
    found = profile_q(problem, level=level)
    assert isinstance(found, Range)
    assert 0 < found.lower < found.upper
    chi2 = stats.chi2(problem.n - 1)
    assert point(problem, [found.lower]).rss == pytest.approx(chi2.ppf((1 + level) / 2), rel=1e-9)
    assert point(problem, [found.upper]).rss == pytest.approx(chi2.ppf((1 - level) / 2), rel=1e-9)


def test_i2_in_the_form_of_higgins_and_thompson() -> None:
    problem = simulate(3, (1,) * 9)
    at = reml(problem).point
    w = 1 / problem.V.diagonal
    typical = 8 * w.sum() / (w.sum() ** 2 - (w**2).sum())
    found = measure_heterogeneity(problem, at, level=0.95)
    assert found.i2 == pytest.approx(100 * at.psi[0] / (at.psi[0] + typical), rel=1e-11)
    assert found.h2 == pytest.approx(1 + at.psi[0] / typical, rel=1e-11)


def test_common_effect_reads_i2_from_q() -> None:
    problem = simulate(3, (1,) * 9, random="none")
    found = measure_heterogeneity(problem, point(problem), level=0.95)
    assert not isinstance(found.q, Inapplicable)
    assert found.i2 == pytest.approx(100 * (found.q - 8) / found.q, rel=1e-12)
    assert found.q_p_value == pytest.approx(stats.chi2(8).sf(found.q), rel=1e-9)
    assert isinstance(found.tau2, Inapplicable)


def test_identical_estimates_show_no_heterogeneity() -> None:
    problem = Problem([0.5] * 3, np.ones((3, 1)), Diagonal([0.1, 0.2, 0.1]), (Term(np.arange(3)),))
    found = measure_heterogeneity(problem, point(problem, [0.0]), level=0.95)
    assert (found.q, found.i2, found.h2) == pytest.approx((0, 0, 1), abs=1e-15)
    assert found.tau2 == Range(0.0, 0.0)


def test_as_many_coefficients_as_estimates_leave_nothing_to_measure() -> None:
    problem = Problem([0.1, 0.9], np.eye(2), Diagonal([0.1, 0.2]), (Term([0, 1]),))
    found = measure_heterogeneity(problem, point(problem, [0.0]), level=0.95)
    assert isinstance(found.q, Inapplicable)
    assert isinstance(found.tau2, Inapplicable)


def test_no_upper_limit_is_a_sentence() -> None:
    y = np.array([5.0, -5.0, 4.0, -4.0])
    problem = Problem(y, np.ones((4, 1)), Diagonal([0.01] * 4), (Term([0, 0, 1, 1]),))
    found = profile_q(problem, level=0.95)
    assert isinstance(found, Inapplicable)
    assert "no upper limit" in str(found)


def test_an_effect_shared_by_all_says_nothing_about_tau2() -> None:
    problem = Problem([0.1, 0.9, 0.4], np.ones((3, 1)), Diagonal([0.1, 0.2, 0.1]), (Term([0, 0, 0]),))
    assert isinstance(profile_q(problem, level=0.95), Inapplicable)
