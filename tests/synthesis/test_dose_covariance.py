"""Covariance of contrasts that share a reference dose: margins, variances, and brute force."""

import numpy as np
import pytest
from scipy.stats import binom

from synovia.errors import SynthesisError
from synovia.synthesis.dose import adjust_margins, match_variances
from synovia.synthesis.dose.covariance import Group, find_covariance

ROUNDING = 1e-10  # equations are solved to the last digits
Y = np.array([-0.22, 0.15, 0.45])
V = np.array([0.054, 0.056, 0.057])
CASES = np.array([165.0, 74, 90, 122])
N = np.array([337.0, 167, 186, 212])
NONE = np.full(4, np.nan)


@pytest.mark.parametrize("kind", ["cc", "ci", "ir"])
def test_adjusted_counts_keep_margins_and_ratios(kind: str) -> None:
    made = adjust_margins(Y, CASES, N, kind)
    assert made.cases.sum() == pytest.approx(CASES.sum(), rel=ROUNDING)
    assert made.n == pytest.approx(N, rel=ROUNDING)
    assert made.log_ratios == pytest.approx(Y, abs=ROUNDING)


@pytest.mark.parametrize("kind", ["cc", "ci", "ir"])
def test_matched_counts_meet_every_equation(kind: str) -> None:
    made = match_variances(Y, V, CASES, N, kind)
    others, seen = (made.n, N) if kind != "cc" else (made.n - made.cases, N - CASES)
    assert made.log_ratios == pytest.approx(Y, abs=1e-8)
    assert made.variances[0] + made.variances[1:] == pytest.approx(V, rel=1e-8)
    assert others[0] / others.sum() == pytest.approx(seen[0] / seen.sum(), rel=1e-8)
    assert others.sum() / made.cases.sum() == pytest.approx(seen.sum() / CASES.sum(), rel=1e-8)


def test_raw_ratios_leave_the_counts_as_they_are() -> None:
    odds = CASES / (N - CASES)
    made = adjust_margins(np.log(odds[1:] / odds[0]), CASES, N, "cc")
    assert made.cases == pytest.approx(CASES, rel=ROUNDING)
    matched = match_variances(
        np.log(odds[1:] / odds[0]), made.variances[0] + made.variances[1:], CASES, N, "cc"
    )
    assert matched.cases == pytest.approx(CASES, rel=1e-8)


def test_risk_ratios_share_the_binomial_variance_of_the_reference() -> None:
    """Exact variance of log(x/n), summed over all x: 1/A - 1/N, and not 1/A."""
    n, p = 4000, 0.3
    x = np.arange(1, n + 1)
    weight = binom.pmf(x, n, p)
    logs = np.log(x / n)
    exact = weight @ logs**2 - (weight @ logs) ** 2
    made = adjust_margins([0.0, 0.0], np.full(3, n * p), np.full(3, n), "ci")
    shared = made.correlate()[0, 1] * 2 * made.variances[0]
    assert shared == pytest.approx(exact, rel=2e-3)  # the delta method leaves terms of order 1/n
    assert shared != pytest.approx(1 / (n * p), rel=0.2)


def test_differences_of_means_share_the_reference() -> None:
    n, sd = np.array([20.0, 30, 40]), np.array([2.0, 3, 4])
    own = sd**2 / n
    group = Group("md", np.array([1.0, 2.0]), own[1:] + own[0], NONE[:3], n, sd)
    turn = np.array([[-1.0, 1, 0], [-1, 0, 1]])
    assert find_covariance(group, "greenland-longnecker") == pytest.approx(turn @ np.diag(own) @ turn.T)


def test_standardised_differences_follow_simulation() -> None:
    rng = np.random.default_rng(11)
    n, mean = np.array([40, 30, 50]), np.array([0.0, 0.5, 1.0])
    draws = [rng.normal(m, 1, (20_000, size)) for m, size in zip(mean, n, strict=True)]
    inside = sum(((d - d.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) for d in draws)
    pooled = np.sqrt(inside / (n.sum() - 3))
    d = [(draws[j].mean(axis=1) - draws[0].mean(axis=1)) / pooled for j in (1, 2)]
    group = Group("smd", mean[1:], np.array([0.06, 0.06]), NONE[:3], n.astype(float), NONE[:3])
    shared = find_covariance(group, "greenland-longnecker")[0, 1]
    assert shared == pytest.approx(np.cov(d)[0, 1], rel=0.06)  # 20,000 draws: 1 % noise; 1/n terms: 4 %


def test_impossible_variances_are_refused() -> None:
    with pytest.raises(SynthesisError, match="no counts have these ratios"):
        match_variances(Y, [1e-6, 0.9, 1e-6], CASES, N, "cc")


@pytest.mark.parametrize(
    ("kind", "cases", "n", "said"),
    [
        ("xx", CASES, N, "found type 'xx'; wanted cc, ci, ir, md, smd"),
        ("cc", N + 1, N, "338 cases among 337; wanted fewer cases than n"),
        ("cc", NONE, N, "found no cases in a dose group"),
        ("ir", CASES, np.array([0.0, 1, 1, 1]), "found n 0 in a dose group"),
        ("md", NONE, N, "found no sd in a dose group"),
        ("ci", np.array([90.0, 90, 90, 90]), np.array([100.0, 100, 100, 100]), "more cases than people"),
    ],
)
def test_counts_that_cannot_be_are_named(kind: str, cases: np.ndarray, n: np.ndarray, said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        find_covariance(Group(kind, Y, V, cases, n, NONE), "greenland-longnecker")
