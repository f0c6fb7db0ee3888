"""Tests of the comparison-adjusted funnel plot, against least squares written out."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, t

from network_trials import make_arms, make_comparisons
from synovia.diagnosis import comparison_funnel
from synovia.errors import SynthesisError, TooFewStudies
from synovia.plots import funnel
from synovia.synthesis.network import network

CLOSED = 1e-9  # the same sums in another order

TWO_ARMS = tuple(
    (f"s{i}", pair) for i, pair in enumerate(["AB", "AC", "BC", "AB", "AC", "CD", "AB", "CD", "AD"])
)


@pytest.fixture
def pairs() -> pd.DataFrame:
    data = make_comparisons(make_arms(trials=TWO_ARMS))
    error = data["std_error"] * np.linspace(0.6, 2.4, len(data))
    return data.assign(estimate=data["estimate"] - 1.5 * error, std_error=error)


def test_egger_is_weighted_least_squares(pairs: pd.DataFrame) -> None:
    net = network(pairs, random=False)
    found = comparison_funnel(net, ["A", "B", "C", "D"])
    assert found.alone == 2  # B:C and A:D are made once
    rows = []
    for _, own in pairs.groupby(["treatment_1", "treatment_2"]):
        if len(own) > 1:
            y, w = -own["estimate"], own["std_error"] ** -2  # the later less the earlier
            rows += list(zip(y - (w * y).sum() / w.sum(), own["std_error"], strict=True))
    r, s = np.array(rows).T
    X, W = np.column_stack([np.ones(r.size), s]), np.diag(s**-2)
    cov = np.linalg.inv(X.T @ W @ X)
    beta = cov @ X.T @ W @ r
    spread = float((r - X @ beta) @ W @ (r - X @ beta)) / (r.size - 2)
    error = np.sqrt(cov[1, 1] * spread)
    egger = found.tidy().iloc[0]
    assert egger["estimate"] == pytest.approx(beta[1], rel=CLOSED)
    assert egger["std_error"] == pytest.approx(error, rel=CLOSED)
    assert egger["p_value"] == pytest.approx(2 * t.sf(abs(beta[1] / error), r.size - 2), rel=CLOSED)
    mean = (r / s**2).sum() / (s**-2).sum()
    ranks = kendalltau((r - mean) / np.sqrt(s**2 - 1 / (s**-2).sum()), s**2)
    assert found.tidy().iloc[2]["estimate"] == pytest.approx(ranks.statistic, rel=CLOSED)
    assert found.tidy()["k"].eq(7).all()
    assert "Thompson and Sharp" in str(found)
    assert funnel(found.rows, centre=0).get_xlabel()


def test_too_little_and_orders_that_are_none_are_refused(pairs: pd.DataFrame) -> None:
    with pytest.raises(TooFewStudies, match="Found 2 comparisons that two trials or more make"):
        comparison_funnel(network(pairs.iloc[[0, 1, 2, 3, 5]], random=False), ["A", "B", "C", "D"])
    with pytest.raises(SynthesisError, match="wanted every treatment once"):
        comparison_funnel(network(pairs), ["A", "B"])
