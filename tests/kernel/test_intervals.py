from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from simulated_problems import simulate
from synovia.errors import SynthesisError
from synovia.kernel import CHOICES, Diagonal, Inapplicable, Problem, Range, Term, point, reml
from synovia.kernel.deviation import find_tau2_error
from synovia.kernel.floors import knapp_hartung_iqwig, knapp_hartung_wider
from synovia.kernel.generalised import make_generalised_q
from synovia.kernel.inference import knapp_hartung, knapp_hartung_floor
from synovia.kernel.intervals import (
    biggerstaff_jackson,
    generalised_q_interval,
    jackson,
    limit_h,
    limit_share,
    profile_likelihood,
)

DESIGNS = [((1,) * 12, "effect"), ((2, 3, 1, 2, 4), "effect"), ((2, 3, 2, 2, 3, 4), "block")]


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize(("sizes", "random"), DESIGNS)
def test_profile_ends_lie_half_a_quantile_below_the_maximum(
    sizes: tuple[int, ...], random: str, restricted: bool
) -> None:
    problem = simulate(1, sizes, random=random)
    name = "log_reml" if restricted else "log_ml"
    best = getattr(CHOICES["REML" if restricted else "ML"](problem).point, name)
    found = profile_likelihood(problem, level=0.9, restricted=restricted)
    assert isinstance(found, Range)
    drop = stats.chi2.ppf(0.9, 1) / 2
    assert best - getattr(point(problem, [found.upper]), name) == pytest.approx(drop, abs=1e-10)
    if found.lower > 0:
        assert best - getattr(point(problem, [found.lower]), name) == pytest.approx(drop, abs=1e-10)
    else:
        assert best - getattr(point(problem, [0.0]), name) <= drop


@pytest.mark.parametrize(("sizes", "random"), DESIGNS)
def test_generalised_q_ends_leave_half_the_rest_on_each_side(sizes: tuple[int, ...], random: str) -> None:
    problem = simulate(1, sizes, random=random)
    weights = np.linspace(1, 2, problem.n)
    found = generalised_q_interval(problem, weights, level=0.9)
    form = make_generalised_q(problem, weights)
    assert isinstance(found, Range)
    assert 0 <= found.lower < found.upper
    if found.lower == 0:
        assert form.below(0.0) <= 0.95
    else:
        assert form.below(found.lower) == pytest.approx(0.95, abs=1e-11)
    assert form.below(found.upper) == pytest.approx(0.05, abs=1e-11)


@pytest.mark.parametrize("random", ["effect", "study"])
def test_many_blocks_are_turned_one_by_one(random: str) -> None:
    problem = simulate(7, (1, 2, 5, 4, 3) * 8, p=2)
    if random == "study":
        problem = problem.replace_terms((Term(problem.V.labels),))
    form = make_generalised_q(problem, 1 / problem.V.diagonal)
    assert form.blocks is not None
    whole = replace(form, blocks=None)
    for tau2 in (0.0, 0.05, 0.3, 1.0):
        # both promise 1e-13 of the smaller tail, and rounding grows with the number of rows
        assert form.below(tau2) == pytest.approx(whole.below(tau2), rel=1e-11)


def test_named_generalised_q_intervals_are_those_of_their_weights() -> None:
    problem = simulate(1, (1,) * 12)
    v = problem.V.diagonal
    assert jackson(problem, level=0.95) == generalised_q_interval(problem, 1 / np.sqrt(v), level=0.95)
    assert biggerstaff_jackson(problem, level=0.95) == generalised_q_interval(problem, 1 / v, level=0.95)


def test_probabilities_of_q_at_the_truth_are_uniform() -> None:
    """So that the interval covers exactly as often as it says: Jackson (2013), section 3."""
    rng = np.random.default_rng(11)
    v, tau2 = np.array([0.02, 0.5, 0.1, 0.3, 0.05]), 0.2
    found = [
        make_generalised_q(
            Problem(rng.normal(0, np.sqrt(v + tau2)), np.ones((5, 1)), Diagonal(v), (Term(np.arange(5)),)),
            v**-0.5,
        ).below(tau2)
        for _ in range(500)
    ]
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_studies_that_agree_too_well_have_intervals_that_start_or_end_at_zero() -> None:
    problem = Problem([0.1, 0.12, 0.11], np.ones((3, 1)), Diagonal([0.1, 0.2, 0.1]), (Term(np.arange(3)),))
    assert jackson(problem, level=0.95) == Range(0.0, 0.0)
    found = profile_likelihood(problem, level=0.95)
    assert isinstance(found, Range)
    assert found.lower == 0 < found.upper


def test_intervals_that_do_not_exist() -> None:
    common = simulate(1, (1,) * 6, random="none")
    shared = Problem([0.1, 0.9, 0.4], np.ones((3, 1)), Diagonal([0.1, 0.2, 0.1]), (Term([0, 0, 0]),))
    said = [
        (profile_likelihood(common, level=0.95), "needs one variance; the model has 0"),
        (jackson(shared, level=0.95), "do not say anything about tau2"),
        (limit_h(1.0, 1, level=0.95), "need three studies"),
    ]
    for found, reason in said:
        assert isinstance(found, Inapplicable)
        assert reason in str(found)
    with pytest.raises(SynthesisError, match="between 0 and 1"):
        limit_h(10.0, 5, level=95)


def test_limits_of_h_by_hand() -> None:
    """Higgins & Thompson (2002), appendix A2: two standard errors of log H, for Q below and above k."""
    small, large = limit_h(8.0, 9, level=0.95), limit_h(30.0, 9, level=0.95)
    assert isinstance(small, tuple)
    assert isinstance(large, tuple)
    z = stats.norm.ppf(0.975)
    below = np.sqrt((1 - 1 / (3 * 8**2)) / (2 * 8))
    assert small[0].upper == pytest.approx(np.exp(z * below), rel=1e-12)
    assert small[0].lower == 1
    above = 0.5 * (np.log(30) - np.log(9)) / (np.sqrt(60) - np.sqrt(17))
    assert large[0].lower == pytest.approx(np.sqrt(30 / 9) * np.exp(-z * above), rel=1e-12)
    assert large[1].upper == pytest.approx(100 * (1 - large[0].upper ** -2), rel=1e-12)


def test_the_share_of_tau2_by_hand() -> None:
    problem = simulate(1, (1,) * 12)
    at = CHOICES["DL"](problem).point
    tau2, v = at.psi[0], problem.V.diagonal
    share, limits = limit_share(problem, at, level=0.95)
    assert share == pytest.approx(100 * np.mean(tau2 / (tau2 + v)), rel=1e-12)
    error = 100 * float(find_tau2_error(problem, at, "DL")) * np.mean(v / (tau2 + v) ** 2)  # type: ignore[arg-type] # a number
    assert limits.lower == pytest.approx(max(0.0, share - stats.norm.ppf(0.975) * error), rel=1e-10)


def test_the_wider_of_two_intervals_is_taken() -> None:
    agreeing = Problem([0.1, 0.12, 0.11], np.ones((3, 1)), Diagonal([0.1, 0.2, 0.1]), (Term(np.arange(3)),))
    differing = simulate(1, (1,) * 6)
    for problem, wide in ((agreeing, True), (differing, False)):
        at = reml(problem).point
        scaled = knapp_hartung(problem, at)
        wider, iqwig = (way(problem, at, 0.95) for way in (knapp_hartung_wider, knapp_hartung_iqwig))
        assert np.isinf(wider.df) == wide
        floor = knapp_hartung_floor(problem, at)
        assert iqwig.cov == pytest.approx(floor.cov if wide else scaled.cov)
        assert wider.cov == pytest.approx(at.cov if wide else scaled.cov)
