"""Effect sizes by worked numbers, identities and properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.effects import (
    Counts,
    Effect,
    Means,
    back_transform_freeman_tukey,
    freeman_tukey,
    hedges_correction,
    log_odds_ratio,
    log_ratio_of_means,
    log_risk_ratio,
    mean_difference,
    risk_difference,
    standardised_mean_difference,
)
from synovia.errors import ScaleError

MEAN = st.floats(1, 100)
SD = st.floats(0.5, 50)
SIZE = st.integers(3, 500)
GROUP = st.tuples(MEAN, SD, SIZE)


def group(numbers: tuple[float, float, float]) -> Means:
    mean, sd, n = (np.array([x], float) for x in numbers)
    return Means(mean, sd, n)


def one(effect: Effect) -> tuple[float, float]:
    return float(effect.estimate[0]), float(effect.variance[0])


@pytest.mark.parametrize("of", [mean_difference, standardised_mean_difference, log_ratio_of_means])
@given(GROUP, GROUP)
def test_exchange_of_groups_turns_the_sign(of, a, b):  # type: ignore[no-untyped-def]
    y, v = one(of(group(a), group(b)))
    turned, same = one(of(group(b), group(a)))
    assert turned == pytest.approx(-y, abs=1e-12)
    assert same == pytest.approx(v, rel=1e-12)


@given(GROUP, GROUP, st.floats(0.01, 100), st.floats(-50, 50))
def test_smd_does_not_depend_on_the_scale(
    a: tuple[float, float, float], b: tuple[float, float, float], factor: float, shift: float
) -> None:
    y, v = one(standardised_mean_difference(group(a), group(b)))
    moved = [(factor * (m + shift), factor * s, n) for m, s, n in (a, b)]
    again, variance = one(standardised_mean_difference(group(moved[0]), group(moved[1])))
    assert again == pytest.approx(y, rel=1e-6, abs=1e-9)  # cancellation in the difference of shifted means
    assert variance == pytest.approx(v, rel=1e-6)


def test_hedges_correction_near_its_approximation() -> None:
    """1 - 3/(4m - 1) is within 0.001 of the exact factor from 8 degrees of freedom on."""
    m = np.arange(8.0, 200.0)
    np.testing.assert_allclose(hedges_correction(m), 1 - 3 / (4 * m - 1), atol=1e-3)
    assert (np.diff(hedges_correction(m)) > 0).all()


def test_ratio_of_means_refuses_a_mean_of_zero_by_name() -> None:
    good, bad = Means(np.array([5.0, 4.0]), np.ones(2), np.full(2, 9.0)), None
    bad = Means(np.array([5.0, -2.0]), np.ones(2), np.full(2, 9.0))
    with pytest.raises(ScaleError, match="mean -2 of the comparator in study 2 of 2; wanted means above 0"):
        log_ratio_of_means(good, bad)


@pytest.mark.parametrize("of", [log_odds_ratio, log_risk_ratio])
@pytest.mark.parametrize(("a", "c"), [(0, 0), (10, 12)])
def test_ratio_is_not_estimable_when_nobody_or_everybody_had_the_event(of, a, c):  # type: ignore[no-untyped-def]
    treatment, comparator = (
        Counts(np.array([a, 5.0]), np.array([10.0, 10])),
        Counts(np.array([c, 3.0]), np.array([12.0, 12])),
    )
    effect = of(treatment, comparator)
    assert np.isnan(effect.estimate).tolist() == [True, False]
    assert np.isnan(effect.variance).tolist() == [True, False]


def test_risk_difference_without_events_is_zero() -> None:
    nobody = Counts(np.zeros(1), np.array([20.0]))
    assert risk_difference(nobody, nobody).estimate.tolist() == [0.0]


def test_zero_cells_get_one_half_only_where_there_is_one() -> None:
    """0/10 against 2/10: ln(0.5 * 8.5 / (10.5 * 2.5)); the study without a zero is left as it is."""
    treatment = Counts(np.array([0.0, 4.0]), np.array([10.0, 10]))
    comparator = Counts(np.array([2.0, 2.0]), np.array([10.0, 10]))
    estimate = log_odds_ratio(treatment, comparator).estimate
    assert estimate[0] == pytest.approx(math.log(0.5 * 8.5 / (10.5 * 2.5)))
    assert estimate[1] == pytest.approx(math.log(4 * 8 / (6 * 2)))


@given(st.integers(1, 400), st.floats(0, 1))
def test_freeman_tukey_returns_to_the_proportion(n: int, share: float) -> None:
    x = round(share * n)
    y = freeman_tukey(Counts(np.array([x], float), np.array([n], float))).estimate
    back = back_transform_freeman_tukey(y, np.array([n], float))
    assert float(back[0]) == pytest.approx(x / n, abs=1e-7)  # root of a difference near 0 and 1


def test_freeman_tukey_uses_the_harmonic_mean() -> None:
    y = np.array([0.7])
    sizes = np.array([10.0, 40.0])
    assert back_transform_freeman_tukey(y, sizes) == pytest.approx(
        back_transform_freeman_tukey(y, np.array([16.0]))
    )


@given(st.floats(0, math.pi / 2), st.lists(st.integers(1, 500), min_size=1, max_size=6))
def test_freeman_tukey_back_transformation_is_a_proportion(y: float, sizes: list[int]) -> None:
    p = float(back_transform_freeman_tukey(np.array(y), np.array(sizes, float)))
    assert 0 <= p <= 1
