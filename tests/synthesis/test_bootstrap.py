"""Bootstraps, parametric and of cases."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synovia.errors import SynthesisError
from synovia.synthesis import meta
from synovia.synthesis.bootstrap import bootstrap


def simulate(seed: int, k: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    v, dose = rng.uniform(0.02, 0.3, k), rng.normal(size=k)
    y = 0.4 + 0.3 * dose + rng.normal(0, np.sqrt(v + 0.1))
    return pd.DataFrame({"estimate": y, "variance": v, "dose": dose, "source": list("ab" * k)[:k]})


def test_parametric_limits_of_a_common_effect_are_its_normal_interval() -> None:
    fit = meta(simulate(1, 15), "estimate ~ dose", random=None, inference="z")
    found = bootstrap(fit, replications=40_000)
    assert found.terms == ("Intercept", "dose")
    tidy = fit.tidy()
    expected = tidy[["lower", "upper"]].to_numpy()
    for interval in ("percentile", "bca"):
        # the 2.5 % point of 40,000 draws has a standard error of 0.013 standard errors of the coefficient
        off = (found.limits(interval) - expected) / tidy["std_error"].to_numpy()[:, None]
        assert np.abs(off).max() < 0.06


def test_spread_of_replicates_is_the_standard_error() -> None:
    fit = meta(simulate(2, 30), tau2=0.1, inference="z")
    found = bootstrap(fit, replications=20_000)
    assert found.terms == ("Intercept",)
    assert found.tidy()["std_error"][0] == pytest.approx(fit.tidy()["std_error"][0], rel=0.02)


@pytest.mark.parametrize("kind", ["parametric", "cases"])
def test_each_replicate_is_a_fit_of_meta(kind: str) -> None:
    data = simulate(3, 9)
    fit = meta(data, "estimate ~ dose", tau2="PM")
    found = bootstrap(fit, kind=kind, replications=3, seed=5)
    rng = np.random.default_rng(5)
    if kind == "cases":
        samples = [data.iloc[rows] for rows in rng.integers(9, size=(3, 9))]
    else:
        fitted = fit.problem.X @ fit.point.beta
        spread = np.sqrt(data["variance"] + fit.point.psi[0]).to_numpy()
        samples = [data.assign(estimate=fitted + spread * z) for z in rng.standard_normal((3, 9))]
    for r, sample in enumerate(samples):
        again = meta(sample.reset_index(drop=True), "estimate ~ dose", tau2="PM")
        expected = [*again.point.beta, again.tau2]
        np.testing.assert_allclose(found.replicates[:, r], expected, rtol=1e-8, atol=1e-12)


def test_cases_agree_with_another_implementation_of_the_same_interval() -> None:
    data = simulate(4, 12)
    fit = meta(data, tau2="DL", inference="z")
    ours = bootstrap(fit, kind="cases", replications=20_000)

    def pool(y: np.ndarray, v: np.ndarray, axis: int) -> np.ndarray:
        w = 1 / v
        mean = (w * y).sum(axis) / w.sum(axis)
        q = (w * (y - np.expand_dims(mean, axis)) ** 2).sum(axis)
        scale = w.sum(axis) - (w**2).sum(axis) / w.sum(axis)
        tau2 = np.maximum(0, (q - (y.shape[axis] - 1)) / scale)
        w = 1 / (v + np.expand_dims(tau2, axis))
        return np.asarray((w * y).sum(axis) / w.sum(axis))

    theirs = stats.bootstrap(
        (data["estimate"].to_numpy(), data["variance"].to_numpy()),
        pool, paired=True, vectorized=True, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1),
    )  # fmt: skip
    error = fit.tidy()["std_error"][0]
    # two sets of 20,000 draws: a tail point each is known to 0.02 standard errors
    expected = [theirs.confidence_interval.low, theirs.confidence_interval.high]
    np.testing.assert_allclose(ours.limits("bca")[0] / error, np.array(expected) / error, atol=0.1)


def test_acceleration_of_tau2_is_a_sixth_of_the_skewness_of_its_score() -> None:
    fit = meta(simulate(5, 10), "estimate ~ dose")
    found = bootstrap(fit, replications=10)
    w = np.diag(1 / (fit.problem.V.diagonal + fit.point.psi[0]))
    X = fit.problem.X
    P = w - w @ X @ np.linalg.inv(X.T @ w @ X) @ X.T @ w
    drawn = np.random.default_rng(1).normal(size=(400_000, 10)) @ np.linalg.cholesky(np.linalg.inv(w)).T
    score = ((drawn @ P) ** 2).sum(axis=1)
    assert found.acceleration[-1] == pytest.approx(stats.skew(score) / 6, rel=0.05)  # of 400,000 draws
    assert (found.acceleration[:-1] == 0).all()


def test_tau2_at_0_counts_ties_half() -> None:
    data = pd.DataFrame({"estimate": [0.1, 0.12, 0.11, 0.13, 0.09], "variance": [0.1, 0.2, 0.1, 0.3, 0.2]})
    found = bootstrap(meta(data), replications=400)
    assert found.estimate[-1] == 0
    limits = found.limits("bca")[-1]
    assert limits[0] == 0
    assert np.isfinite(limits).all()


def test_samples_without_a_level_are_counted_and_left_out() -> None:
    data = simulate(6, 6).assign(source=["a"] * 5 + ["b"])
    found = bootstrap(meta(data, "estimate ~ source"), kind="cases", replications=1000)
    # a sample misses the only study of b with probability (5/6)^6 = 0.33; four standard errors
    assert abs(found.unfitted / 1000 - (5 / 6) ** 6) < 0.06
    assert found.replicates.shape[1] == 1000 - found.unfitted


def test_the_seed_decides_and_not_the_threads() -> None:
    fit = meta(simulate(7, 12))
    one, two = (bootstrap(fit, replications=3000, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.replicates, two.replicates)
    assert not np.array_equal(one.replicates, bootstrap(fit, replications=3000, seed=1).replicates)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "wild"}, "Found kind 'wild'; wanted one of parametric, cases"),
        ({"replications": 1}, "Found replications 1"),
    ],
)
def test_what_cannot_be_used_is_named(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        bootstrap(meta(simulate(8, 8)), **arguments)  # type: ignore[arg-type]


def test_unknown_interval_is_named() -> None:
    with pytest.raises(SynthesisError, match="Found interval 'basic'"):
        bootstrap(meta(simulate(8, 8)), replications=10).limits("basic")
