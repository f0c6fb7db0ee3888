import numpy as np
import pytest
from scipy import stats

from simulated_problems import simulate
from synovia.errors import SynthesisError, TooFewStudies
from synovia.kernel import INFERENCES, Inapplicable, Wald, point, quantile, tail, wald


def test_knapp_hartung_by_hand() -> None:
    problem = simulate(1, (1,) * 6)
    at = point(problem, [0.1])
    w = 1 / (problem.V.diagonal + 0.1)
    mean = (w * problem.y).sum() / w.sum()
    variance = (w * (problem.y - mean) ** 2).sum() / (5 * w.sum())
    found = INFERENCES["knapp-hartung"](problem, at)
    assert found.cov[0, 0] == pytest.approx(variance, rel=1e-12)
    assert found.df == 5
    assert found.factor == pytest.approx(variance * w.sum(), rel=1e-12)


def test_the_floor_only_ever_widens() -> None:
    problem = simulate(1, (1,) * 6)
    agreeing, differing = point(problem, [10.0]), point(problem, [0.0])
    plain, floor = INFERENCES["knapp-hartung"], INFERENCES["knapp-hartung-floor"]
    assert plain(problem, agreeing).factor < 1
    assert floor(problem, agreeing).factor == 1
    assert floor(problem, differing).factor == plain(problem, differing).factor > 1


@pytest.mark.parametrize("name", ["t", "knapp-hartung", "knapp-hartung-floor"])
def test_degrees_of_freedom_count_independent_blocks(name: str) -> None:
    problem = simulate(1, (2, 3, 1, 2), random="block", p=2)
    assert INFERENCES[name](problem, point(problem, [0.1])).df == 2


@pytest.mark.parametrize("name", ["t", "knapp-hartung", "knapp-hartung-floor"])
def test_no_degree_of_freedom_is_said(name: str) -> None:
    problem = simulate(1, (2, 2), random="block", p=2)
    with pytest.raises(TooFewStudies, match="2 independent studies for 2 coefficients"):
        INFERENCES[name](problem, point(problem, [0.1]))


@pytest.mark.parametrize("df", [1.0, 3.0, 12.0, 500.0, np.inf])
@pytest.mark.parametrize("statistic", [0.0, -0.4, 2.5, 40.0])
def test_tails_against_scipy(df: float, statistic: float) -> None:
    reference = stats.norm if np.isinf(df) else stats.t(df)
    # both are accurate to about 12 digits also far out
    assert tail(np.array([statistic]), df)[0] == pytest.approx(2 * reference.sf(abs(statistic)), rel=1e-11)


def test_a_far_tail_is_not_zero() -> None:
    # Abramowitz & Stegun's asymptotic series for the normal tail at 9.5, by stats.norm.sf
    assert tail(np.array([9.5]), np.inf)[0] == pytest.approx(2.1e-21, rel=0.01)


@pytest.mark.parametrize(("level", "df", "expected"), [(0.95, np.inf, 1.959964), (0.95, 12.0, 2.178813)])
def test_quantiles_as_printed_in_tables(level: float, df: float, expected: float) -> None:
    assert quantile(level, df) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.1])
def test_levels_that_mean_nothing(level: float) -> None:
    with pytest.raises(SynthesisError, match="between 0 and 1"):
        quantile(level, 3.0)


def test_wald_of_one_coefficient_is_its_squared_statistic() -> None:
    problem = simulate(2, (1,) * 8, p=2)
    at = point(problem, [0.1])
    for name, distribution in (("z", "chi2"), ("t", "F")):
        inference = INFERENCES[name](problem, at)
        statistic = at.beta[1] / inference.std_error[1]
        found = wald(at.beta, inference, np.array([[0.0, 1.0]]))
        assert isinstance(found, Wald)
        assert found.distribution == distribution
        assert found.statistic == pytest.approx(statistic**2, rel=1e-11)
        expected = tail(np.array([statistic]), inference.df)[0]
        assert found.p_value == pytest.approx(expected, rel=1e-10)


def test_wald_does_not_depend_on_the_contrasts_chosen() -> None:
    problem = simulate(2, (1,) * 8, p=3)
    at = point(problem, [0.1])
    inference = INFERENCES["t"](problem, at)
    one = wald(at.beta, inference, np.array([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0]]))
    other = wald(at.beta, inference, np.array([[0.0, 1.0, -1.0], [2.0, -1.0, -1.0]]))
    assert isinstance(one, Wald)
    assert isinstance(other, Wald)
    assert one.statistic == pytest.approx(other.statistic, rel=1e-11)


def test_nothing_to_compare() -> None:
    problem = simulate(2, (1,) * 3)
    at = point(problem, [0.1])
    assert isinstance(wald(at.beta, INFERENCES["z"](problem, at), np.empty((0, 1))), Inapplicable)
