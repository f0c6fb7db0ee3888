"""Mean and SD from medians: identities, published constants, and the searches that R stops early."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import boxcox, inv_boxcox

from synovia.errors import InputError
from synovia.extraction import (
    Summary,
    best_linear,
    box_cox,
    find_skewness,
    luo_mean,
    mean_from,
    quantile_estimation,
    sd_from,
    wan_sd,
)
from synovia.extraction.five_numbers import MeanMethod, SdMethod
from synovia.extraction.order import approximate_moments, expect

FIVE = Summary(n=33, minimum=10, q1=14, median=19, q3=23, maximum=31)
RANGE = Summary(n=24, minimum=2, median=5, maximum=14)


@pytest.mark.parametrize(("n", "printed"), [(2, 1.128), (10, 3.078), (25, 3.931), (50, 4.498)])
def test_expected_range_as_in_the_printed_table(n: int, printed: float) -> None:
    """Wan et al. (2014), table 1: the expected range of n standard normal values."""
    assert round(2 * expect(n, n), 3) == printed


def test_series_of_order_statistics_is_near_the_exact_expectation() -> None:
    ranks = np.array([1.0, 9, 17, 25, 33])
    means, covariance = approximate_moments(ranks, 33)
    np.testing.assert_allclose(means, [expect(int(r), 33) for r in ranks], atol=0.01)  # series to order n^-2
    assert np.linalg.eigvalsh(covariance).min() > 0


@given(st.floats(-50, 50), st.floats(0.1, 20))
def test_linear_methods_follow_shift_and_scale(shift: float, factor: float) -> None:
    def moved(x: float) -> float:
        return shift + factor * x

    other = Summary(33, moved(10), moved(14), moved(19), moved(23), moved(31))
    methods: list[tuple[MeanMethod, SdMethod]] = [("luo", "shi"), ("wan", "wan-table"), ("bland", "wan")]
    for mean, sd in methods:
        assert mean_from(other, mean).value == pytest.approx(moved(mean_from(FIVE, mean).value))
        assert sd_from(other, sd).value == pytest.approx(factor * sd_from(FIVE, sd).value)
    mean_step, sd_step = best_linear(other)
    assert mean_step.value == pytest.approx(moved(best_linear(FIVE)[0].value))
    assert sd_step.value == pytest.approx(factor * best_linear(FIVE)[1].value)


def test_best_linear_returns_mean_and_sd_of_expected_order_statistics() -> None:
    """When the printed values are the expectations themselves, mean 0 and SD 1 come back."""
    ranks = np.array([1.0, 9, 17, 25, 33])
    values, _ = approximate_moments(ranks, 33)
    mean, sd = best_linear(Summary(33, *map(float, values)))
    assert mean.value == pytest.approx(0, abs=1e-12)
    assert sd.value == pytest.approx(1)


def test_symmetric_numbers_are_not_skewed() -> None:
    assert not find_skewness(Summary(50, 0, 4, 5, 6, 10)).skewed
    assert find_skewness(RANGE).skewed


def test_older_method_refuses_what_it_was_not_written_for() -> None:
    with pytest.raises(InputError, match="bland with minimum=2; median=5; maximum=14; n=24"):
        mean_from(RANGE, "bland")
    with pytest.raises(InputError, match="values above 0 for a power transformation"):
        box_cox(Summary(n=20, minimum=-1, median=2, maximum=9))


def test_box_cox_is_what_a_large_sample_gives() -> None:
    """Brute force: the original method draws a sample on the normal scale; two million draws agree."""
    grid = np.linspace(0, 2, 200001)
    lower, middle, upper = (boxcox(x, grid) for x in (2.0, 5.0, 14.0))
    power = float(grid[np.argmin(((upper - middle) / (middle - lower) - 1) ** 2)])
    even = Summary(24, *(float(boxcox(x, power)) for x in (2.0, np.nan, 5.0, np.nan, 14.0)))
    draws = np.random.default_rng(7).normal(luo_mean(even).value, wan_sd(even).value, 2_000_000)
    sample = inv_boxcox(draws, power)
    mean, sd = box_cox(RANGE)
    assert mean.value == pytest.approx(sample.mean(), abs=4 * sample.std() / np.sqrt(sample.size))
    assert sd.value == pytest.approx(sample.std(), rel=0.005)  # SE of the SD of two million skewed draws


def test_numbers_of_r_lie_within_the_error_of_its_draws() -> None:
    """estmeansd draws 1,000 values: its mean and SD differ from ours by no more than 2.5 standard errors."""
    for summary, theirs in ((RANGE, 5.655835942402761), (FIVE, 18.980663682296917)):
        mean, sd = box_cox(summary)
        assert abs(mean.value - theirs) < 2.5 * sd.value / np.sqrt(1000)


def test_quantile_estimation_lies_nearer_than_r_to_the_printed_quantiles() -> None:
    """The gamma distribution with R's mean and SD misses the five numbers by more than ours."""
    levels, values = np.array([1 / 33, 0.25, 0.5, 0.75, 1 - 1 / 33]), np.array([10.0, 14, 19, 23, 31])

    def misses(mean: float, sd: float) -> float:
        gamma = stats.gamma((mean / sd) ** 2, scale=sd**2 / mean)
        return float(np.sum((gamma.ppf(levels) - values) ** 2))

    mean, sd = quantile_estimation(FIVE)
    assert "gamma" in mean.formula
    assert misses(mean.value, sd.value) < misses(19.06236134005728, 5.762792723333927)
