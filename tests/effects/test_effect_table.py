"""Effect sizes of a whole table: inputs, choices, gaps, and what every measure has in common."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import synovia as sv
from synovia.effects import (
    MEASURE_TABLE,
    Counts,
    Means,
    Pairs,
    Rates,
    average_back,
    back_transform_freeman_tukey,
    compare_rates,
    compare_spread,
    correlation_from_t,
    d_to_correlation,
    d_to_log_odds,
    difference_of_changes,
    effect_from_interval,
    effect_from_p,
    find_measure,
    list_measures,
    log_hazard_ratio,
    log_odds_to_d,
    marginal_odds,
    matched_pairs,
    pooled_pretest,
    proportion,
    r_to_d,
    reconstruct_table,
    standardise,
    transform,
    two_by_two,
)
from synovia.errors import InputError, ScaleError

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "effect-sizes.md"
SMALL = st.integers(1, 40)
MEAN, SD, SIZE = st.floats(1, 100), st.floats(0.5, 50), st.integers(4, 300)


def test_every_measure_tells_its_inputs() -> None:
    table = list_measures()
    assert table["name"].is_unique
    assert (table["inputs"] != "").all()
    assert len(table) == len(MEASURE_TABLE) >= 80


def test_rows_take_the_first_way_that_works() -> None:
    data = pd.DataFrame(
        {"m1": [12, None, None], "m2": [10, None, None], "s": 4.0, "t": [None, 2.1, None], "n": [30, 30, 30]}
    )
    found = sv.effect_sizes(data, "SMD", mean=("m1", "m2"), sd=("s", "s"), n=("n", "n"), t="t")
    alone = sv.effect_sizes(data, "SMD", t="t", n=("n", "n"))
    assert found["estimate"].isna().tolist() == [False, False, True]
    assert found["estimate"][1] == alone["estimate"][1]
    assert found["omitted"].tolist() == ["", "", "m1, m2 are missing"]
    assert found.attrs == {"measure": "SMD", "usable": 2, "omitted": 1}


def test_printed_ratio_fills_a_row_without_counts() -> None:
    data = pd.DataFrame({"a": [23, None], "c": [38, None], "n1": [194, 183], "n2": [201, 188], "or": [None, 0.64], "lo": [None, 0.33], "hi": [None, 1.22]})  # fmt: skip
    found = sv.effect_sizes(
        data, "OR", events=("a", "c"), n=("n1", "n2"), estimate="or", lower="lo", upper="hi"
    )
    np.testing.assert_allclose(found["estimate"], [-0.5500, -0.4463], atol=5e-5)  # printed to four decimals
    np.testing.assert_allclose(found["variance"], [0.0818, 0.1113], atol=5e-5)


def test_number_stands_for_all_rows() -> None:
    data = pd.DataFrame({"after": [38.5], "before": [30.6], "s1": [11.6], "s2": [15.0], "n": [20]})
    assumed = sv.effect_sizes(data, "MC", mean=("after", "before"), sd=("s1", "s2"), n="n", correlation=0.5)
    assert assumed["variance"][0] == pytest.approx((11.6**2 + 15**2 - 11.6 * 15) / 20)


@pytest.mark.parametrize(
    ("measure", "asked", "said"),
    [
        ("SDM", {"d": "d", "n": ("n", "n")}, "measure 'SDM'; wanted one of OR, RR"),
        ("SMD", {"d": "d"}, r"found d for measure SMD; wanted mean \(2\), sd \(2\), n \(2\); or d, n \(2\)"),
        ("SMD", {"d": "d", "n": ("n", "n"), "items": "n"}, "Leave out items"),
        ("SMD", {"d": "delta", "n": ("n", "n")}, "d = 'delta'; wanted a column of the table: d, n, word"),
        ("SMD", {"d": "word", "n": ("n", "n")}, "'many' in column word, row 2; wanted a number, for d"),
        (
            "SMD",
            {"d": "d", "n": ("n", "n"), "variance": "HO"},
            "variance 'HO' for measure SMD; wanted one of LS, LS2",
        ),
    ],
)
def test_bad_input_is_named(measure, asked, said):  # type: ignore[no-untyped-def]
    data = pd.DataFrame({"d": [0.1, 0.2], "n": [20, 30], "word": ["3", "many"]})
    with pytest.raises(InputError, match=said):
        sv.effect_sizes(data, measure, **asked)


@pytest.mark.parametrize(
    ("measure", "asked", "said"),
    [
        ("OR", {"events": ("x", "x"), "n": ("y", "n")}, "a negative count"),
        ("COR", {"correlation": "y", "n": "n"}, r"a correlation \(1.5\) in row 2 of 2"),
        ("IRLN", {"events": "z", "time": "n"}, r"a negative count \(-1\) in row 1 of 2"),
        ("ABT", {"alpha": "x", "items": 5, "n": "n"}, r"an alpha \(3\) in row 1 of 2"),
        ("GEN", {"estimate": "x", "p": "z"}, r"a p-value \(-1\) in row 1"),
    ],
)
def test_number_outside_its_range_is_named(measure, asked, said):  # type: ignore[no-untyped-def]
    data = pd.DataFrame({"x": [3, 1], "y": [0.5, 1.5], "z": [-1.0, 0.2], "n": [20, 30]})
    with pytest.raises(ScaleError, match=said):
        sv.effect_sizes(data, measure, **asked)


def test_missing_numbers_never_become_estimates() -> None:
    """Every measure, every input missing in turn: that row is omitted and says so."""
    row = {
        "events": 4.0, "nonevents": 9.0, "n": 30.0, "mean": 5.0, "sd": 2.0, "correlation": 0.4, "time": 50.0, "pairs": 6.0,
        "genotypes": 8.0, "alpha": 0.8, "items": 6.0, "predictors": 3.0, "r2": 0.4, "t": 1.3, "d": 0.4, "p": 0.04, "f": 3.0,
        "estimate": 1.2, "lower": 1.0, "upper": 1.5, "level": 0.95, "std_error": 0.2, "variance_given": 0.04, "favours": 1.0,
        "observed_less_expected": 2.0, "variance_logrank": 9.0, "mean_after": 5.0, "sd_after": 2.0, "mean_before": 4.0, "sd_before": 2.0,
    }  # fmt: skip
    # The unit is the SD before; the first-order variance of R squared does not depend on the predictors.
    unused = {"PPC_SMCR": {"sd_after"}, "PPC2": {"sd_after"}, "R2": {"predictors"}, "ZR2": {"predictors"}}
    for name, measure in MEASURE_TABLE.items():
        for route in measure.routes:
            for gap in set(route.needs) - unused.get(name, set()):
                data = pd.DataFrame([row, {**row, gap: np.nan}])
                asked: dict[str, Any] = {
                    need: need if size == 1 else (need,) * size for need, size in route.needs.items()
                }
                found = sv.effect_sizes(data, name, **asked)
                assert found["omitted"].tolist() == ["", f"{', '.join([gap] * route.needs[gap])} {'is' if route.needs[gap] == 1 else 'are'} missing"], (name, gap)  # fmt: skip
                assert np.isfinite(found[["estimate", "variance"]].iloc[0].astype(float)).all(), (name, gap)


@pytest.mark.parametrize("measure", ["OR", "RR", "RD", "PETO", "AS"])
@given(a=SMALL, b=SMALL, c=SMALL, d=SMALL)
def test_exchange_of_groups_turns_the_sign(measure, a, b, c, d):  # type: ignore[no-untyped-def]
    one, two = Counts(np.array([a]), np.array([a + b])), Counts(np.array([c]), np.array([c + d]))
    first, turned = two_by_two(one, two, measure), two_by_two(two, one, measure)
    assert turned.estimate[0] == pytest.approx(-first.estimate[0], abs=1e-12)
    assert turned.variance[0] == pytest.approx(first.variance[0])


@pytest.mark.parametrize("measure", ["SMD", "SMDH", "VR", "CVR"])
@given(a=st.tuples(MEAN, SD, SIZE), b=st.tuples(MEAN, SD, SIZE), factor=st.floats(0.1, 10))
def test_unit_of_measurement_does_not_matter(measure, a, b, factor):  # type: ignore[no-untyped-def]
    compute: Any = standardise if measure.startswith("S") else compare_spread
    groups = [Means(*(np.array([float(x)]) for x in g)) for g in (a, b)]
    scaled = [Means(g.mean * factor, g.sd * factor, g.n) for g in groups]
    first, again = compute(*groups, measure), compute(*scaled, measure)
    assert again.estimate[0] == pytest.approx(first.estimate[0], rel=1e-9, abs=1e-12)
    assert again.variance[0] == pytest.approx(first.variance[0], rel=1e-9)


def test_corrections_vanish_in_large_groups() -> None:
    groups = [Means(np.array([m]), np.array([4.0]), np.array([1e7])) for m in (12.0, 10.0)]
    for correct in ("exact", "approximate", "none"):
        assert standardise(*groups, correct=correct).estimate[0] == pytest.approx(0.5, rel=1e-6)  # type: ignore[arg-type]
    for variance in ("LS", "LS2", "UB", "AV"):
        assert standardise(*groups, variance=variance).variance[0] == pytest.approx(2.0625e-7, rel=1e-5)  # type: ignore[arg-type]


@given(st.floats(-3, 3))
def test_translations_return(d: float) -> None:
    assert float(log_odds_to_d(d_to_log_odds(np.array(d)))) == pytest.approx(d)
    assert float(r_to_d(d_to_correlation(np.array(d)))) == pytest.approx(d, abs=1e-9)
    sizes = np.array(20.0), np.array(35.0)
    assert float(
        r_to_d(d_to_correlation(np.array(d), *sizes, biserial=True), *sizes, biserial=True)
    ) == pytest.approx(d, abs=1e-9)


@given(st.floats(0.01, 0.99))
def test_transformations_return(p: float) -> None:
    x = np.array(p)
    for there, back in (("logit", "inverse logit"), ("probit", "inverse probit"), ("arcsine", "inverse arcsine"), ("r to z", "z to r"), ("alpha to ABT", "ABT to alpha"), ("alpha to AHW", "AHW to alpha"), ("r2 to z", "z to r2"), ("log", "exp")):  # fmt: skip
        assert float(transform(transform(x, there), back)) == pytest.approx(p)  # type: ignore[arg-type]


def test_average_back_without_heterogeneity_is_the_back_transformation() -> None:
    assert float(average_back(np.array(0.7), 0.0, "inverse logit")) == pytest.approx(
        float(transform(np.array(0.7), "inverse logit"))
    )


@given(a=SMALL, b=SMALL, c=SMALL, d=SMALL)
def test_margins_and_one_statistic_give_the_table(a: int, b: int, c: int, d: int) -> None:
    n, spread = a + b + c + d, np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    phi = (a * d - b * c) / spread
    margins = (float(n), float(a + b), float(a + c))
    assert reconstruct_table(*margins, odds_ratio=a * d / (b * c)) == (a, b, c, d)
    assert reconstruct_table(*margins, phi=phi) == (a, b, c, d)
    assert reconstruct_table(*margins, chi2=np.sign(phi) * n * phi**2, continuity=False) == (a, b, c, d)


def test_impossible_statistic_gives_no_table() -> None:
    assert np.isnan(reconstruct_table(100.0, 50.0, 10.0, phi=0.9)).all()


@given(st.floats(-2, 2).filter(lambda y: abs(y) > 0.01), st.floats(0.05, 1))
def test_interval_and_p_lead_to_the_same_variance(y: float, se: float) -> None:
    z = stats.norm.ppf(0.975)
    interval = effect_from_interval(np.exp(y), np.exp(y - z * se), np.exp(y + z * se), printed="ratio")
    assert float(interval.variance) == pytest.approx(se**2)
    if (p := 2 * stats.norm.sf(abs(y) / se)) > 1e-300:
        assert float(effect_from_p(np.array(y), np.array(p)).variance) == pytest.approx(se**2, rel=1e-6)


def test_log_rank_direction() -> None:
    better, worse = (
        log_hazard_ratio(np.array([100.0]), np.array([0.02]), favours=np.array([side]))
        for side in (-1.0, 1.0)
    )
    assert better.estimate[0] == -worse.estimate[0] < 0


def test_margins_of_pairs_lead_to_the_paired_analysis() -> None:
    """With the phi of the paired table, the margins give the same odds ratio and variance as the pairs."""
    a, b, c, d = (np.array([float(x)]) for x in (20, 10, 5, 15))
    phi = (a * d - b * c) / np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    whole = matched_pairs((a, b, c, d), "MPOR")
    margins = marginal_odds(Counts(a + b, np.array([50.0])), Counts(a + c, np.array([50.0])), phi)
    assert margins.estimate[0] == pytest.approx(whole.estimate[0])
    assert margins.variance[0] == pytest.approx(whole.variance[0])


def test_pretest_posttest_control_variance_by_simulation() -> None:
    """Morris (2008): the variance of d_ppc2 over 40,000 simulated trials of 20 and 25 people."""
    rng, n, rho, trials = np.random.default_rng(11), (20, 25), 0.6, 40_000
    groups = []
    for size, gain in zip(n, (0.8, 0.2), strict=True):
        before = rng.normal(size=(trials, size))
        after = rho * before + np.sqrt(1 - rho**2) * rng.normal(size=(trials, size)) + gain
        count, r = np.full(trials, float(size)), np.full(trials, rho)
        groups.append(
            Pairs(
                Means(after.mean(1), after.std(1, ddof=1), count),
                Means(before.mean(1), before.std(1, ddof=1), count),
                r,
            )
        )
    found = pooled_pretest(groups[0], groups[1])
    assert found.estimate.mean() == pytest.approx(0.6, abs=0.01)  # unbiased
    assert found.variance.mean() == pytest.approx(found.estimate.var(), rel=0.03)
    assert difference_of_changes(groups[0], groups[1], "SMCR").estimate.mean() == pytest.approx(0.6, abs=0.01)


def test_no_events_at_all_can_be_dropped() -> None:
    nobody, some = (
        Rates(np.array([0.0, 2]), np.array([10.0, 10])),
        Rates(np.array([0.0, 4]), np.array([10.0, 10])),
    )
    assert compare_rates(nobody, some, drop00=True).usable == 1
    assert compare_rates(nobody, some).usable == 2


def test_addition_everywhere_when_any_cell_is_empty() -> None:
    group = Counts(np.array([0.0, 5.0]), np.array([10.0, 10.0]))
    assert proportion(group, "PLO", to="if0all").estimate[1] == 0.0
    np.testing.assert_allclose(proportion(group, "PR", to="if0all").estimate, [0.5 / 11, 0.5])


def test_double_arcsine_returns_one_by_one() -> None:
    group = Counts(np.array([3.0]), np.array([40.0]))
    back = back_transform_freeman_tukey(proportion(group, "PFT").estimate, np.array([40.0]))
    assert back[0] == pytest.approx(3 / 40)


def test_correlation_from_its_test() -> None:
    r, n = 0.3, 50.0
    t = r * np.sqrt((n - 2) / (1 - r**2))
    assert float(correlation_from_t(np.array(t), np.array(n))) == pytest.approx(r)


def test_unknown_measure_lists_the_known() -> None:
    with pytest.raises(InputError, match="one of OR, RR, RD"):
        find_measure("odds")


def test_every_measure_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in MEASURE_TABLE if f"`{name}`" not in text] == []
