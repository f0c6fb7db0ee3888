"""The single conversions: published examples, R, and what must hold for any sample."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import InputError
from synovia.extraction import (
    Summary,
    combine_groups,
    largest_sd,
    luo_mean,
    quantile_estimation,
    sd_from_ci,
    sd_from_se,
    sd_of_change,
    wan_sd,
)
from synovia.extraction.quantiles import convert_quantiles

PARITY = Path(__file__).parents[2].parent / "shared" / "parity" / "20_conversions.json"
NAN = math.nan
OPEN = tuple(
    Summary(n, low, q1, median, q3, high)
    for low, q1, median, q3, high, n in (
        (2, NAN, 5, NAN, 14, 24),
        (NAN, 4, 6, 9, NAN, 56),
        (1.1, 2.2, 3.9, 4.4, 8.8, 91),
        (10, 14, 19, 23, 31, 33),
        (NAN, 20.5, 25, 33.2, NAN, 410),
    )
)


def reference(case_id: str) -> dict[str, Any]:
    if not PARITY.is_file():
        pytest.skip("reference values from R are not here")
    cases = json.loads(PARITY.read_text(encoding="utf-8"))["cases"]
    found: dict[str, Any] = next(case["results"] for case in cases if case["id"] == case_id)
    return found


@pytest.mark.parametrize("row", range(5))
def test_mean_of_luo_as_in_r(row: int) -> None:
    expected = reference("metamean_Luo_Wan_fivenum_open")["mean"][row]
    assert luo_mean(OPEN[row]).value == pytest.approx(expected, rel=1e-13)  # closed form


@pytest.mark.parametrize("row", range(5))
def test_sd_of_wan_as_in_r(row: int) -> None:
    expected = reference("conv.fivenum_wan2014_fivenum_open")["sd"][row]
    assert wan_sd(OPEN[row]).value == pytest.approx(expected, rel=1e-13)  # closed form


@pytest.mark.parametrize("row", range(5))
def test_sd_of_wan_near_the_tables_of_the_paper(row: int) -> None:
    """R's meta reads the paper's tables of three decimals for n up to 50."""
    expected = reference("metamean_Luo_Wan_fivenum_open")["sd"][row]
    assert wan_sd(OPEN[row]).value == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("row", range(5))
def test_quantile_estimation_as_in_r(row: int) -> None:
    """estmeansd stops its search early (optim's default tolerance): agreement to five digits."""
    expected = reference("conv.fivenum_qe_fivenum_open")
    mean, sd = quantile_estimation(OPEN[row])
    assert mean.value == pytest.approx(expected["mean"][row], rel=5e-5)
    assert sd.value == pytest.approx(expected["sd"][row], rel=5e-5)


@pytest.mark.parametrize("shape", ["normal", "log-normal"])
def test_quantile_estimation_recovers_the_family_it_was_given(shape: str) -> None:
    """Exact quartiles of a normal (50, 10) and of a log-normal (3, 0.5)."""
    z = 0.6744897501960817
    values = (
        [50 - 10 * z, 50.0, 50 + 10 * z]
        if shape == "normal"
        else [math.exp(3 + k * z / 2) for k in (-1, 0, 1)]
    )
    mean, sd = quantile_estimation(Summary(100, q1=values[0], median=values[1], q3=values[2]))
    expected = (
        (50, 10) if shape == "normal" else (math.exp(3.125), math.exp(3.125) * math.sqrt(math.expm1(0.25)))
    )
    assert mean.value == pytest.approx(expected[0], rel=1e-6)
    assert sd.value == pytest.approx(expected[1], rel=1e-6)
    assert mean.formula.startswith(shape)


def test_quantile_estimation_of_values_below_zero_is_normal() -> None:
    mean, _ = quantile_estimation(Summary(40, q1=-12, median=-5, q3=1))
    assert mean.formula.startswith("normal")


def test_quantile_estimation_within_0_to_1_may_be_beta() -> None:
    mean, sd = quantile_estimation(Summary(60, 0.02, 0.3, 0.55, 0.8, 0.99))
    assert 0 < mean.value < 1
    assert 0 < sd.value < 0.5


@given(st.floats(0.1, 50), st.integers(2, 2000))
def test_se_and_sd_are_one_thing(sd: float, n: int) -> None:
    assert sd_from_se(sd / math.sqrt(n), n).value == pytest.approx(sd, rel=1e-12)


def test_handbook_example_of_an_interval() -> None:
    """Cochrane Handbook, 6.5.2.3: n = 25, t = 2.0639 for 24 degrees of freedom."""
    step = sd_from_ci(0, 2 * 2.0639, 25)
    assert step.value == pytest.approx(5.0, rel=1e-4)
    assert "t=2.06389" in step.inputs


def test_interval_of_a_large_sample_is_nearly_normal() -> None:
    assert sd_from_ci(-1.959964, 1.959964, 10_000).value == pytest.approx(100, rel=2e-4)


def test_interval_of_one_participant_is_refused() -> None:
    with pytest.raises(InputError, match="n = 1; wanted at least 2 participants"):
        sd_from_ci(1, 2, 1)


def test_printed_interval_that_contradicts_the_printed_standard_error() -> None:
    """PMC6412887, table 3: 4.40 with 'standard error' 0.07 and limits 3.55 to 5.25 imply an SE near 0.43."""
    n = 1000
    assert sd_from_ci(3.55, 5.25, n).value / math.sqrt(n) == pytest.approx(0.43, abs=0.005)


@given(st.floats(0.5, 30), st.floats(0.5, 30))
def test_sd_of_change_at_the_ends_of_the_correlation(before: float, after: float) -> None:
    assert sd_of_change(before, after, 1).value == pytest.approx(abs(before - after), abs=1e-6)
    assert sd_of_change(before, after, -1).value == pytest.approx(before + after)
    assert sd_of_change(before, after, 0).value == pytest.approx(math.hypot(before, after))


@pytest.mark.parametrize("correlation", [1.01, -2, NAN])
def test_impossible_correlation_is_refused(correlation: float) -> None:
    with pytest.raises(InputError, match="wanted a correlation from -1 to 1"):
        sd_of_change(1, 1, correlation)


@given(st.lists(st.lists(st.floats(-100, 100), min_size=2, max_size=20), min_size=2, max_size=4))
def test_combined_groups_are_the_joined_sample(samples: list[list[float]]) -> None:
    """Brute force: the participants themselves, put into one group."""
    groups = [(float(len(s)), float(np.mean(s)), float(np.std(s, ddof=1))) for s in samples]
    joined = np.concatenate([np.array(s) for s in samples])
    n, mean, sd = combine_groups(groups)
    assert n.value == joined.size
    assert mean.value == pytest.approx(float(joined.mean()), abs=1e-9)
    assert sd.value == pytest.approx(float(joined.std(ddof=1)), abs=1e-7)


def test_combining_does_not_depend_on_the_order() -> None:
    groups = [(12.0, 3.0, 1.0), (30.0, 5.0, 2.0), (7.0, 4.0, 0.5)]
    forward, backward = combine_groups(groups), combine_groups(groups[::-1])
    assert [s.value for s in forward] == pytest.approx([s.value for s in backward])


@given(st.lists(st.floats(0, 100), min_size=2, max_size=30))
def test_no_sample_exceeds_the_largest_sd(sample: list[float]) -> None:
    bound = largest_sd(float(np.mean(sample)), len(sample), 0, 100)
    assert float(np.std(sample, ddof=1)) <= bound + 1e-6


def test_largest_sd_is_reached_on_the_bounds() -> None:
    sample = [0, 0, 0, 0, 6, 6, 6, 6]
    assert largest_sd(3, 8, 0, 6) == pytest.approx(float(np.std(sample, ddof=1)))
    assert largest_sd(3, 8, 0, 6) == pytest.approx(3.207, abs=5e-4)


@pytest.mark.parametrize(
    ("summary", "told"),
    [
        (Summary(30, median=5), "without quartiles or range"),
        (Summary(30, q1=1, q3=4), "without quartiles or range"),
        (Summary(30, q1=6, median=5, q3=9), "quantiles in order"),
        (Summary(30, q1=5, median=5, q3=5), "quantiles in order"),
        (Summary(1, q1=4, median=5, q3=6), "n of 2 or more"),
    ],
)
def test_unusable_quantiles_are_refused(summary: Summary, told: str) -> None:
    with pytest.raises(InputError, match=told):
        convert_quantiles(summary)


@pytest.mark.parametrize("of", [luo_mean, wan_sd])
def test_steps_name_formula_inputs_and_citation(of: Callable[[Summary], Any]) -> None:
    step = of(OPEN[2])
    assert step.inputs == "minimum=1.1; q1=2.2; median=3.9; q3=4.4; maximum=8.8; n=91"
    assert "20" in step.citation
    assert step.formula
