"""The Box-Cox power of highest likelihood: units, truth, the likelihood itself, and R's numbers."""

import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats
from scipy.special import boxcox, inv_boxcox

from synovia.errors import InputError
from synovia.extraction import Summary, box_cox_likelihood, luo_mean, wan_sd
from synovia.extraction.power import OrderStatistics

SKEWED = Summary(n=91, minimum=1.1, q1=2.2, median=3.9, q3=4.4, maximum=8.8)
KNOWN = OrderStatistics(np.array([1.1, 2.2, 3.9, 4.4, 8.8]), np.array([1.0, 23, 46, 69, 91]), 91)


def at_power(power: float, factor: float = 1.0) -> tuple[float, float]:
    """Luo's mean and Wan's SD on the transformed scale, in another unit if asked."""
    moved = Summary(91, *(float(boxcox(factor * x, power)) for x in KNOWN.values))
    return luo_mean(moved).value, wan_sd(moved).value


def find_power(*, factor: float = 1.0, jacobian: bool = True) -> float:
    """The power from 0 to 5 of highest likelihood, with the likelihood whole or without its Jacobian."""
    known = OrderStatistics(factor * KNOWN.values, KNOWN.ranks, 91)

    def lack(power: float) -> float:
        less = 0.0 if jacobian else (power - 1) * float(np.log(known.values).sum())
        return less - known.log_likelihood(power, *at_power(power, factor))

    found = optimize.minimize_scalar(lack, bounds=(0, 5), method="bounded", options={"xatol": 1e-9})
    return float(found.x)


def test_density_of_a_median_integrates_to_one() -> None:
    """Of three values the middle one: 3! times its likelihood is a density on the printed scale."""

    def density(x: float) -> float:
        one = OrderStatistics(np.array([x]), np.array([2.0]), 3)
        return 6 * math.exp(one.log_likelihood(0.5, 4.0, 0.5))

    assert integrate.quad(density, 1, 30, points=[9])[0] == pytest.approx(1, abs=1e-8)


def test_quantiles_of_a_lognormal_give_its_moments_back() -> None:
    n = 100_001
    ranks = np.array([1, n // 4 + 1, n // 2 + 1, 3 * n // 4 + 1, n])
    values = np.exp(0.5 * stats.norm.ppf((ranks - 0.375) / (n + 0.25)) + 1)
    mean, sd = box_cox_likelihood(Summary(n, *map(float, values)))
    truth = stats.lognorm(0.5, scale=np.e)
    assert mean.value == pytest.approx(truth.mean(), rel=0.005)  # Luo's and Wan's formulas approximate
    assert sd.value == pytest.approx(truth.std(), rel=0.01)


@pytest.mark.parametrize("factor", [1e-4, 1 / 60, 1000.0])
def test_minutes_and_hours_agree(factor: float) -> None:
    other = Summary(91, *(float(factor * x) for x in KNOWN.values))
    for one, moved in zip(box_cox_likelihood(SKEWED), box_cox_likelihood(other), strict=True):
        assert moved.value == pytest.approx(factor * one.value, rel=1e-7)


def test_without_the_jacobian_minutes_and_hours_differ() -> None:
    assert find_power(factor=60) == pytest.approx(find_power(), abs=1e-5)
    assert find_power(jacobian=False) == pytest.approx(0.046, abs=0.001)
    assert find_power(factor=60, jacobian=False) < 0.001
    assert find_power(factor=1 / 60, jacobian=False) > 1


def draw_samples(power: float) -> np.ndarray:
    """500 samples of 10,000 at the mean and SD of highest likelihood for a power."""
    mean, sd = at_power(power)

    def lack(at: np.ndarray) -> float:
        return -KNOWN.log_likelihood(power, at[0], math.exp(at[1]))

    best = optimize.minimize(lack, [mean, math.log(sd)], method="Nelder-Mead").x
    normal = np.random.default_rng(11).normal(best[0], math.exp(best[1]), (500, 10_000))
    return np.asarray(inv_boxcox(normal, power))


def test_numbers_of_r_are_draws_at_the_power_without_jacobian() -> None:
    """estmeansd prints mean 3.7057 (with another seed 3.6987) and SD 1.8211."""
    without, whole = draw_samples(find_power(jacobian=False)), draw_samples(find_power())
    means = without.mean(axis=1)
    assert means.min() < 3.6987
    assert means.max() > 3.7057
    assert without.std(axis=1).min() < 1.8211 < without.std(axis=1).max()
    assert whole.std(axis=1).max() < 1.8211
    mean, sd = box_cox_likelihood(SKEWED)
    assert mean.value == pytest.approx(whole.mean(), rel=5e-4)  # five million draws: SE 2e-4 of the mean
    assert sd.value == pytest.approx(whole.std(), rel=2e-3)


def test_our_power_makes_the_printed_values_more_likely() -> None:
    whole, without = find_power(), find_power(jacobian=False)
    gain = KNOWN.log_likelihood(whole, *at_power(whole)) - KNOWN.log_likelihood(without, *at_power(without))
    assert gain == pytest.approx(0.94, abs=0.05)


def test_equal_values_and_tiny_groups_are_refused() -> None:
    with pytest.raises(InputError, match="values that increase"):
        box_cox_likelihood(Summary(n=20, q1=2, median=2, q3=4))
    with pytest.raises(InputError, match="at least 5 participants"):
        box_cox_likelihood(Summary(n=4, minimum=1, q1=2, median=3, q3=4, maximum=5))
    with pytest.raises(InputError, match="values above 0"):
        box_cox_likelihood(Summary(n=20, minimum=-2, median=2, maximum=4))
