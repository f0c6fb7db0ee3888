"""Stratified estimators against the crude one, printed numbers and each other."""

import numpy as np
import pandas as pd
import pytest

import synovia as sv
from synovia.errors import SynthesisError
from synovia.kernel.solution import Solution
from synovia.synthesis.exact.mantel_haenszel import Stratified
from synovia.synthesis.exact.strata import Tables, breslow_day, odds_ratio

ONE = pd.DataFrame(
    {"events_treatment": [12], "n_treatment": [40], "events_comparator": [6], "n_comparator": [45]}
)
SEVERAL = pd.DataFrame(
    {
        "events_treatment": [4, 6, 3, 62, 33],
        "n_treatment": [123, 306, 231, 13598, 5069],
        "events_comparator": [11, 29, 11, 248, 47],
        "n_comparator": [139, 303, 220, 12867, 5808],
    }
)
SWAPPED = SEVERAL.rename(
    columns={
        "events_treatment": "events_comparator", "n_treatment": "n_comparator",
        "events_comparator": "events_treatment", "n_comparator": "n_treatment",
    }
)  # fmt: skip
MEASURES: list[Stratified] = ["OR", "RR", "RD", "IRR", "IRD"]


def test_one_study_is_its_crude_value() -> None:
    a, b, c, d = 12, 28, 6, 39
    crude = {
        "OR": (np.log(a * d / (b * c)), np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)),
        "RR": (np.log(a / 40 / (c / 45)), np.sqrt(1 / a - 1 / 40 + 1 / c - 1 / 45)),
        "IRR": (np.log(a / 40 / (c / 45)), np.sqrt(1 / a + 1 / c)),
        "IRD": (a / 40 - c / 45, np.sqrt(a / 40**2 + c / 45**2)),
    }
    for measure, (value, error) in crude.items():
        row = sv.mantel_haenszel(ONE, measure).tidy().iloc[0]  # type: ignore[arg-type]
        assert row.estimate == pytest.approx(value, rel=1e-12)
        assert row.std_error == pytest.approx(error, rel=1e-12)
    assert sv.mantel_haenszel(ONE, "RD").tidy().estimate[0] == pytest.approx(a / 40 - c / 45)


@pytest.mark.parametrize("measure", MEASURES)
def test_swapped_arms_turn_the_sign(measure: Stratified) -> None:
    one, other = (sv.mantel_haenszel(table, measure).tidy().iloc[0] for table in (SEVERAL, SWAPPED))
    assert other.estimate == pytest.approx(-one.estimate, rel=1e-12)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_weights_are_shares_and_order_does_not_matter(measure: Stratified) -> None:
    fit = sv.mantel_haenszel(SEVERAL, measure)
    assert fit.augment().weight.sum() == pytest.approx(100)
    turned = sv.mantel_haenszel(SEVERAL.iloc[::-1], measure)
    assert turned.point.beta == pytest.approx(fit.point.beta, rel=1e-13)


def test_split_study_keeps_the_pooled_difference() -> None:
    half = SEVERAL / 2
    doubled = sv.mantel_haenszel(pd.concat([half, half]), "RD")
    assert doubled.point.beta == pytest.approx(sv.mantel_haenszel(SEVERAL, "RD").point.beta, rel=1e-12)


def test_breslow_day_is_zero_where_all_odds_ratios_are_equal() -> None:
    counts = np.array([[10.0, 20.0, 30.0], [30.0, 60.0, 90.0], [5.0, 10.0, 15.0], [30.0, 60.0, 90.0]])
    tables = Tables(counts[0], counts[1], counts[2], counts[3])
    common = odds_ratio(tables).value
    for test in breslow_day(tables, common):
        assert test.statistic == pytest.approx(0, abs=1e-20)
        assert test.p_value == pytest.approx(1)


def test_peto_is_observed_less_expected() -> None:
    fit = sv.peto(ONE)
    expected, events, total = 40 * 18 / 85, 18, 85
    variance = 40 * 45 * events * (total - events) / (total**2 * (total - 1))
    assert fit.point.beta[0] == pytest.approx((12 - expected) / variance, rel=1e-12)
    assert fit.status == "single study"


def test_corrections_are_declared_in_the_method() -> None:
    assert "no continuity correction" in sv.mantel_haenszel(SEVERAL).method
    corrected = sv.mantel_haenszel(SEVERAL, add=0.5, to="all")
    assert "0.5 added to cells (all)" in corrected.method
    tests = {test.name for test in corrected.point.tests} if isinstance(corrected.point, Solution) else set()
    assert tests == {"Cochran-Mantel-Haenszel", "Cochran", "Breslow-Day", "Breslow-Day-Tarone"}


def test_continuity_correction_lowers_the_test() -> None:
    def statistic(*, correct: bool) -> float:
        at = sv.mantel_haenszel(SEVERAL, correct=correct).point
        assert isinstance(at, Solution)
        return at.tests[0].statistic

    assert statistic(correct=True) < statistic(correct=False)


def test_unknown_measure_lists_the_known_ones() -> None:
    with pytest.raises(SynthesisError, match="wanted one of OR, RR, RD, IRR, IRD"):
        sv.mantel_haenszel(SEVERAL, "HR")  # type: ignore[arg-type]


def test_prediction_says_why_there_is_none() -> None:
    assert "common-effect" in sv.mantel_haenszel(SEVERAL).predict().prediction_method[0]
