"""Moments of posteriors whose tails fall slowly, and shortest intervals, against sums over fine grids."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis import meta
from synovia.synthesis.bayes import (
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    LogNormal,
    LogT,
    Posterior,
    Prior,
    bayes,
)
from synovia.synthesis.bayes.reference_priors import DuMouchel, SquareRoot, UniformShrinkage

Floats = NDArray[np.float64]

FIVE_DIGITS = 1e-5  # of the sums below, whose own error is under 1e-7; the rule is far closer
SETS = {
    "two": ([0.1, 0.9], [0.04, 0.09]),
    "three": ([0.1, 0.4, -0.3], [0.02, 0.3, 0.01]),
    "alike": ([0.30, 0.31, 0.29, 0.305, 0.3, 0.28], [0.04, 0.05, 0.02, 0.03, 0.09, 0.1]),
    "apart": ([-500.0, 800.0, 20.0, 1200.0, -90.0, 3.0], [1.0, 2.0, 0.5, 3.0, 1.0, 1.0]),
    "uneven": ([0.1, 0.2, 5.0, 0.15, -3.0], [1e-4, 2e-4, 4.0, 1e-3, 9.0]),
    "tiny": ([1e-5, 3e-5, -2e-5, 5e-5], [2e-10, 3e-10, 1e-10, 5e-10]),
}
PRIORS: dict[str, Prior] = {
    "half-normal": HalfNormal(0.5), "half-Cauchy": HalfCauchy(0.5), "log-normal": LogNormal(-2.5, 1.4),
    "log-t": LogT(-3.4, 2.5), "inverse gamma": InverseGamma(1.0, 0.1), "DuMouchel": DuMouchel(),
    "square root": SquareRoot(), "shrinkage": UniformShrinkage(),
}  # fmt: skip


def sum_up(y: Floats, v: Floats, prior: Prior) -> dict[str, Floats | float]:
    """Trapezoids in log tau from exp(-120) to exp(120)."""
    x = np.arange(-120, 120, 2e-3)
    tau = np.exp(x)
    w = 1 / (v + tau[:, None] ** 2)
    total = w.sum(axis=1)
    mean = (w @ y) / total
    height = 0.5 * (np.log(w).sum(axis=1) - np.log(total) - (w * (y - mean[:, None]) ** 2).sum(axis=1))
    height += prior.log_density(tau, v) + x
    share = np.exp(height - height.max())
    share /= share.sum()
    return {"x": x, "tau": tau, "share": share, "mean": mean, "variance": 1 / total}


@pytest.mark.parametrize("data", list(SETS))
@pytest.mark.parametrize("name", list(PRIORS))
def test_means_and_standard_deviations(data: str, name: str) -> None:
    y, v = (np.array(column) for column in SETS[data])
    posterior = bayes(meta(pd.DataFrame({"estimate": y, "variance": v}), inference="z"), PRIORS[name])
    sums = sum_up(y, v, PRIORS[name])
    share, tau, mean = (np.asarray(sums[key]) for key in ("share", "tau", "mean"))
    row, spread = posterior.tidy().iloc[0], posterior.variances().iloc[0]
    centre, first = share @ mean, share @ tau
    sd = np.sqrt(share @ (np.asarray(sums["variance"]) + (mean - centre) ** 2))
    known = {
        "mean": (row["mean"], centre, sd),
        "sd": (row["std_error"], sd, sd),
        "tau": (spread["mean"], first, first),
        "sd of tau": (spread["std_error"], np.sqrt(share @ (tau - first) ** 2), first),
    }
    for key, (ours, theirs, scale) in known.items():
        if np.isfinite(ours):
            assert abs(ours - theirs) < FIVE_DIGITS * scale, key
    check_limits(posterior, np.asarray(sums["x"]), share)


def check_limits(posterior: Posterior, x: Floats, share: Floats) -> None:
    """Quantiles, and no interval shorter than the shortest."""
    whole = np.cumsum(share) - 0.5 * share
    curve = posterior.quadrature.curves[0]
    for p in (0.025, 0.5, 0.975):
        at = float(np.log(curve.quantile(np.array([p]))[0]))
        assert np.interp(at, x, whole) == pytest.approx(p, abs=1e-6 + 2 * share.max() ** 2)
    effect, level = posterior.coefficients, posterior.level
    lower, upper = effect.shortest(level)[:, 0]
    assert effect.cdf([upper])[0] - effect.cdf([lower])[0] == pytest.approx(level, abs=1e-9)
    below = np.linspace(0.001, 0.049, 49)
    every = effect.quantile(below + level) - effect.quantile(below)
    assert upper - lower <= every.min() * (1 + 1e-9)


@pytest.mark.parametrize(("k", "mean", "sd"), [(3, False, False), (4, True, False), (5, True, True)])
def test_flat_priors_have_moments_from_four_and_five_studies_on(k: int, *, mean: bool, sd: bool) -> None:
    data = pd.DataFrame({"estimate": [0.1, 0.9, 0.3, -0.2, 0.4][:k], "variance": [0.05] * k})
    row = bayes(meta(data, inference="z"), "uniform").tidy().iloc[0]
    assert np.isfinite(row["mean"]) == mean
    assert np.isfinite(row["std_error"]) == sd


def test_two_groups_with_a_flat_prior_are_refused_beside_other_variances() -> None:
    """Where a variance is too large to compute with, its tail is looked at nearer."""
    rows = pd.DataFrame(
        {
            "estimate": [0.1, 0.4, 0.3, -0.1, 0.6, 0.2],
            "variance": [0.02, 0.03, 0.01, 0.05, 0.04, 0.02],
            "lab": list("aaabbb"),
            "study": list("uvwxyz"),
        }
    )
    fit = meta(rows, random="lab/study", inference="z")
    with pytest.raises(SynthesisError, match=r"improper.*towards infinity of tau\[lab\]"):
        bayes(fit, "uniform")
    slow = bayes(fit, {"tau[lab]": HalfCauchy(0.5), "tau[lab/study]": HalfNormal(0.5)})
    # two groups and a half-Cauchy prior: the density of tau falls as its cube, its variance is infinite
    assert slow.quadrature.tails[0] == pytest.approx(-2.0, abs=0.01)
    assert slow.variances()["std_error"].isna().tolist() == [True, False]
