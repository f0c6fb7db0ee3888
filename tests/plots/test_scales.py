import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.plots.scales import decimals_for, number_text, ratio_ticks, robust_limits, ticks_for, week_ticks

number = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(number), st.lists(number), st.lists(st.floats(-1e6, 1e6)), st.booleans())
def test_limits_are_a_range_that_holds_what_must_be_seen(
    estimates: list[float], bounds: list[float], keep: list[float], log: bool
) -> None:
    low, high = robust_limits(estimates, bounds, keep=keep, log=log)
    assert low < high
    assert all(low <= value <= high for value in keep if not log or abs(value) <= math.log(1e9))


def test_without_wild_ones_every_interval_is_seen() -> None:
    low, high = robust_limits([0, 1, 2], [-1, 1, 0, 2, 1, 3])
    assert low < -1
    assert high > 3


@given(st.floats(-20, 20), st.floats(0.01, 40))
def test_ratio_ticks_lie_within_the_limits(low: float, span: float) -> None:
    ticks = ratio_ticks(low, low + span)
    assert 1 <= len(ticks) <= 8
    assert all(low <= tick <= low + span for tick in ticks)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [(0.4, 2.6, ["0.5", "1", "2"]), (0.09, 11, ["0.1", "0.2", "0.5", "1", "2", "5", "10"])],
)
def test_ratio_axes_are_labelled_in_round_ratios(low: float, high: float, texts: list[str]) -> None:
    seen = ticks_for(math.log(low), math.log(high), log=True)[1]
    assert set(seen) <= set(texts)
    assert "1" in seen


def test_linear_ticks_have_a_true_minus_and_a_plain_zero() -> None:
    assert ticks_for(-21.0, 11.0, log=False)[1] == ["−20", "−10", "0", "10"]


@pytest.mark.parametrize(("last", "step"), [(4, 1), (12, 4), (26, 13), (52, 13), (104, 26), (520, 104)])
def test_weeks_are_counted_in_quarters_and_years(last: float, step: float) -> None:
    ticks = week_ticks(0.0, last)
    assert ticks[1] - ticks[0] == step


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(-0.004, 2, "0.00"), (-12.345, 1, "−12.3"), (math.inf, 1, "∞"), (-math.inf, 1, "−∞"), (math.nan, 1, "–"),
     (123456789.0, 1, "1.23e+08"), (0.0, 0, "0")],
)  # fmt: skip
def test_numbers_as_text(value: float, decimals: int, text: str) -> None:
    assert number_text(value, decimals) == text


@pytest.mark.parametrize(
    ("values", "decimals"), [([0.5, -1.2], 2), ([-45.0, 30.0], 1), ([4000.0], 0), ([], 2)]
)
def test_decimals_follow_the_typical_size(values: list[float], decimals: int) -> None:
    assert decimals_for(values) == decimals
