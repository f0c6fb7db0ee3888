"""The covariance of a shared control: identities, simulation, and what a split costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.effects import Means, between, mean_share, risk_share, split_n, standardised_mean_difference
from synovia.errors import ProtocolError

G = st.lists(st.floats(-3, 3), min_size=2, max_size=5)


@given(G, st.integers(3, 200), st.lists(st.integers(3, 200), min_size=5, max_size=5))
def test_covariance_of_smd_is_positive_definite(g: list[float], control: int, sizes: list[int]) -> None:
    n = np.array(sizes[: len(g)], float)
    effects = np.array(g)
    variance = 1 / n + 1 / control + effects**2 / (2 * (n + control))
    matrix = between(variance, 1 / control, effects, control + n.sum())
    assert np.allclose(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix)[0] > 0


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from(["OR", "RR", "RD"]))
def test_share_of_counts_is_positive_and_below_the_variance(events: int, others: int, measure: str) -> None:
    share = risk_share(measure, events, events + others)
    assert share > 0


def test_shares_by_hand() -> None:
    """Control 10 of 40: 1/10 + 1/30, 1/10 - 1/40, 0.25 * 0.75 / 40; mean 50, SD 10, n 25."""
    assert risk_share("OR", 10, 40) == pytest.approx(1 / 10 + 1 / 30)
    assert risk_share("RR", 10, 40) == pytest.approx(1 / 10 - 1 / 40)
    assert risk_share("RD", 10, 40) == pytest.approx(0.25 * 0.75 / 40)
    assert mean_share("MD", 50, 10, 25) == pytest.approx(4.0)
    assert mean_share("ROM", 50, 10, 25) == pytest.approx(4.0 / 2500)


def test_covariance_of_smd_by_simulation() -> None:
    """Three arms of 40, true effects 0.8 and 0.4, 40,000 trials: within 5 % of the formula."""
    rng = np.random.default_rng(20140221)
    n, trials, truth = 40, 40_000, (0.8, 0.4)
    arms = [rng.normal(shift, 1, (trials, n)) for shift in (0.0, *truth)]
    control, *treated = [
        Means(x.mean(axis=1), x.std(axis=1, ddof=1), np.full(trials, float(n))) for x in arms
    ]
    g = np.array([standardised_mean_difference(arm, control).estimate for arm in treated])
    formula = between(np.zeros(2), 1 / n, np.array(truth), 3 * n)[0, 1]
    # standard error of a covariance of 0.026 over 40,000 trials is about 1.5 %; two-arm pooled SDs, as used
    # for each g here, share less than the three-arm SD of the formula, which adds under 1 %
    assert np.cov(g)[0, 1] == pytest.approx(formula, rel=0.05)


def test_covariance_of_md_by_simulation() -> None:
    rng = np.random.default_rng(7)
    control = rng.normal(0, 2, (40_000, 10)).mean(axis=1)
    differences = [rng.normal(0, 1, 40_000) - control for _ in range(2)]
    assert np.cov(differences)[0, 1] == pytest.approx(mean_share("MD", 0, 2, 10), rel=0.05)


def test_pooling_with_covariance_is_pooling_the_arms() -> None:
    """Two arms of 30, one control of 30, MD: generalised least squares has the variance of 60 against 30."""
    variance = np.array([2 / 30, 2 / 30])
    matrix = between(variance, 1 / 30)
    pooled = 1 / np.linalg.inv(matrix).sum()
    assert pooled == pytest.approx(1 / 60 + 1 / 30)


def test_split_and_covariance_agree_in_total_for_equal_arms() -> None:
    """Splitting 30 controls in 2 gives two independent effects that pool to the same 1/60 + 1/30."""
    half = split_n(30, 2)
    assert 2 * half == 30
    assert 1 / (2 / (1 / 30 + 1 / half)) == pytest.approx(1 / 60 + 1 / 30)


def test_split_that_leaves_too_few_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"3 control participants for 2 comparisons; wanted at least 2"):
        split_n(3, 2)
