"""Intervals of one proportion: printed values, symmetry, exact tails, and refusals."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from synovia.effects import proportion_interval
from synovia.effects.proportion_interval import IntervalKind
from synovia.errors import ScaleError

KINDS = get_args(IntervalKind)

# Newcombe (1998), Statistics in Medicine 17, 857-872, table I: 81/263, 15/148, 0/20, 1/29
NEWCOMBE: dict[IntervalKind, list[tuple[float, float]]] = {
    "simple": [(0.2522, 0.3638), (0.0527, 0.1500), (0.0, 0.0), (0.0, 0.1009)],
    "simple-corrected": [(0.2503, 0.3657), (0.0494, 0.1534), (0.0, 0.0250), (0.0, 0.1181)],
    "wilson": [(0.2553, 0.3662), (0.0624, 0.1605), (0.0, 0.1611), (0.0061, 0.1718)],
    "wilson-corrected": [(0.2535, 0.3682), (0.0598, 0.1644), (0.0, 0.2005), (0.0018, 0.1963)],
    "clopper-pearson": [(0.2527, 0.3676), (0.0578, 0.1617), (0.0, 0.1684), (0.0009, 0.1776)],
}


@pytest.mark.parametrize("kind", NEWCOMBE)
def test_limits_as_printed_by_newcombe(kind: IntervalKind) -> None:
    found = proportion_interval(np.array([81, 15, 0, 1]), np.array([263, 148, 20, 29]), kind=kind)
    printed = np.array(NEWCOMBE[kind])
    assert np.column_stack([found.lower, found.upper]) == pytest.approx(printed, abs=5.1e-5)  # four decimals


@given(st.integers(1, 60), st.integers(0, 60), st.sampled_from(KINDS), st.sampled_from([0.8, 0.95, 0.99]))
def test_events_and_non_events_mirror_each_other(n: int, x: int, kind: IntervalKind, level: float) -> None:
    x = min(x, n)
    one = proportion_interval(np.array([x]), np.array([n]), kind=kind, level=level)
    other = proportion_interval(np.array([n - x]), np.array([n]), kind=kind, level=level)
    assert one.lower == pytest.approx(1 - other.upper, abs=1e-12)
    assert 0 <= one.lower[0] <= one.upper[0] <= 1
    if kind != "logit":  # which moves an estimate of 0 or 1 inwards
        assert one.lower[0] - 1e-12 <= x / n <= one.upper[0] + 1e-12


def test_exact_limits_have_exact_tails() -> None:
    found = proportion_interval(np.array([3]), np.array([17]))
    assert stats.binom.sf(2, 17, found.lower[0]) == pytest.approx(0.025)
    assert stats.binom.cdf(3, 17, found.upper[0]) == pytest.approx(0.025)


def test_table_names_method_and_level() -> None:
    row = proportion_interval(np.array([3]), np.array([17]), kind="arcsine", level=0.9).tidy().iloc[0]
    assert (row["kind"], row["level"]) == ("arcsine", 0.9)
    assert row["lower"] == pytest.approx(np.sin(np.arcsin(np.sqrt(3 / 17)) - 1.6448536 / np.sqrt(68)) ** 2)


def test_impossible_counts_name_their_row() -> None:
    with pytest.raises(ScaleError, match="row 2 of 2"):
        proportion_interval(np.array([1, 5]), np.array([4, 4]))
    with pytest.raises(ScaleError, match="at least 1 participant"):
        proportion_interval(np.array([0]), np.array([0]))
    with pytest.raises(ScaleError, match="one of clopper-pearson, wilson"):
        proportion_interval(np.array([1]), np.array([4]), kind="exact")  # type: ignore[arg-type]
    with pytest.raises(ScaleError, match="between 0 and 1"):
        proportion_interval(np.array([1]), np.array([4]), level=95)
