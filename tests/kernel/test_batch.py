"""Compiled fits give the answers of single fits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synovia.kernel import CHOICES, Choice, Diagonal, Problem, Term
from synovia.kernel.batch import ESTIMATORS, Batch, fit_batch

Floats = NDArray[np.float64]

SAME = 1e-10
"""Both searches end within some eps of tau2; the slope's own rounding moves its root by about 1e-13 of v + tau2."""


def simulate_sets(seed: int, k: int, p: int, replications: int) -> tuple[Floats, Floats, Floats]:
    """y and v (k, R) of mixed heterogeneity; some have two precisions that disagree about it, and two maxima."""
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.02, 0.3, (k, replications))
    two = rng.random(replications) < 0.3
    v[: k // 3, two] *= 1e-4
    v[k // 3 :, two] *= 30
    tau2 = np.tile(rng.choice([0, 0.01, 0.1, 3.0], replications), (k, 1))
    tau2[: k // 3, two] = 0
    tau2[k // 3 :, two] = rng.uniform(1, 10, two.sum())
    y = rng.normal(0.3, np.sqrt(v + tau2))
    return y, v, np.column_stack([np.ones(k), rng.normal(size=(k, p - 1))])


def fit_single(y: Floats, v: Floats, X: Floats, estimator: str) -> Choice:
    present = ~np.isnan(y + v)
    problem = Problem(y[present], X[present], Diagonal(v[present]), (Term(np.arange(present.sum())),))
    return CHOICES[estimator](problem)


def assert_same(batch: Batch, r: int, single: Choice, v: Floats, estimator: str) -> None:
    at = single.point
    scale = float(single.psi[0]) + float(np.nanmean(v))
    assert batch.tau2[r] == pytest.approx(single.psi[0], rel=0, abs=SAME * scale)
    np.testing.assert_allclose(batch.beta[r], at.beta, rtol=0, atol=SAME * np.sqrt(np.diag(at.cov)).max())
    np.testing.assert_allclose(batch.cov[r], at.cov, rtol=0, atol=SAME * at.cov.max())
    height = at.log_reml if estimator == "REML" else at.log_ml
    assert batch.log_lik[r] == pytest.approx(height, rel=SAME, abs=SAME * at.residuals.size)
    assert batch.rss[r] == pytest.approx(at.rss, rel=1e-8)  # follows tau2
    assert batch.at_boundary[r] == (single.psi[0] == 0)
    assert batch.converged[r]


@pytest.mark.parametrize("estimator", ["REML", "ML", "PM", "DL", "HE", "HS", "SJ", "EB"])
@pytest.mark.parametrize(("k", "p"), [(20, 1), (6, 1), (13, 3), (30, 5)])
def test_every_fit_is_the_single_fit(estimator: str, k: int, p: int) -> None:
    y, v, X = simulate_sets(k + p, k, p, 60)
    batch = fit_batch(y, v, X[:, :, None], estimator=estimator)
    for r in range(y.shape[1]):
        assert_same(batch, r, fit_single(y[:, r], v[:, r], X, estimator), v[:, r], estimator)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["REML", "ML"])
@pytest.mark.parametrize("seed", range(3))
def test_thousands_of_sets_many_with_several_maxima(estimator: str, seed: int) -> None:
    y, v, X = simulate_sets(seed, 15, 1, 1_000)
    batch = fit_batch(y, v, X[:, :, None], estimator=estimator)
    several = 0
    for r in range(y.shape[1]):
        single = fit_single(y[:, r], v[:, r], X, estimator)
        several += "maxima" in single.convergence.message
        assert_same(batch, r, single, v[:, r], estimator)
    assert several > 10


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(3, 12), st.floats(0, 0.4))
def test_an_absent_study_is_as_if_it_were_never_there(seed: int, k: int, share: float) -> None:
    y, v, X = simulate_sets(seed, k, 1, 3)
    absent = np.random.default_rng(seed).random((k, 3)) < share
    absent[:2] = False
    batch = fit_batch(np.where(absent, np.nan, y), v, X[:, :, None], estimator="REML")
    for r in range(3):
        keep = ~absent[:, r]
        assert batch.k[r] == keep.sum()
        assert_same(batch, r, fit_single(y[keep, r], v[keep, r], X[keep], "REML"), v[keep, r], "REML")


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.floats(1e-4, 1e-2), st.floats(1, 100))
def test_no_point_of_a_grid_is_higher(seed: int, small: float, large: float) -> None:
    rng = np.random.default_rng(seed)
    v = np.r_[np.full(4, small), np.full(4, large)][:, None]
    y = rng.normal(0, 3, (8, 5))
    best = fit_batch(y, v, np.ones((8, 1, 1)))
    for tau2 in [0.0, *np.geomspace(1e-6, 1e4, 120)]:
        problem_heights = find_restricted(y, v, float(tau2))
        assert (best.log_lik >= problem_heights - 1e-8).all()  # rounding of sums of order 10


def find_restricted(y: Floats, v: Floats, tau2: float) -> Floats:
    """Restricted log-likelihood of a mean, one per column of y, written out."""
    w = 1 / (v + tau2)
    mean = (w * y).sum(axis=0) / w.sum()
    rss = (w * (y - mean) ** 2).sum(axis=0)
    k = y.shape[0]
    free = (k - 1) * np.log(2 * np.pi)
    return np.asarray(-0.5 * (free - np.log(w).sum() + rss + np.log(w.sum()) - np.log(k)))


@pytest.mark.parametrize("estimator", list(ESTIMATORS))
def test_answers_do_not_depend_on_threads(estimator: str) -> None:
    y, v, X = simulate_sets(1, 20, 2, 2_000)
    alone = fit_batch(y, v, X[:, :, None], estimator=estimator, threads=1)
    for threads in (2, 3):
        together = fit_batch(y, v, X[:, :, None], estimator=estimator, threads=threads)
        np.testing.assert_array_equal(alone.beta, together.beta)
        np.testing.assert_array_equal(alone.tau2, together.tau2)


def test_a_design_for_each_replication() -> None:
    y, v, X = simulate_sets(2, 10, 2, 4)
    designs = np.stack([X, X[::-1], X, X[::-1]], axis=2)
    batch = fit_batch(y, v, designs)
    for r in range(4):
        assert_same(batch, r, fit_single(y[:, r], v[:, r], designs[:, :, r], "REML"), v[:, r], "REML")


def test_a_given_tau2_is_kept() -> None:
    y, v, X = simulate_sets(3, 8, 1, 4)
    batch = fit_batch(y, v, X[:, :, None], estimator=0.25)
    np.testing.assert_array_equal(batch.tau2, 0.25)
    weights = 1 / (v + 0.25)
    np.testing.assert_allclose(batch.beta[:, 0], (weights * y).sum(axis=0) / weights.sum(axis=0), rtol=1e-13)


def test_what_cannot_be_fitted_is_nan_and_not_converged() -> None:
    y = np.array([[0.1, 0.1, 0.1], [0.3, np.nan, 0.2], [0.2, np.nan, np.nan], [0.5, 0.1, 0.4]])
    X = np.column_stack([np.ones(4), [0.0, 1.0, 1.0, 0.0]])
    batch = fit_batch(y, np.full((4, 1), 0.1), X[:, :, None])
    assert batch.k.tolist() == [4, 2, 3]
    assert batch.converged.tolist() == [True, False, True]
    assert np.isnan(batch.beta[1]).all()
    assert np.isnan([batch.tau2[1], batch.q[1], batch.log_lik[1]]).all()


def test_dependent_columns_in_one_replication_spoil_only_that_one() -> None:
    y = np.array([[0.1, 0.1], [0.3, 0.3], [0.2, 0.2], [np.nan, 0.5]])
    X = np.column_stack([np.ones(4), [0.0, 0.0, 0.0, 1.0]])
    batch = fit_batch(y, np.full((4, 1), 0.1), X[:, :, None])
    assert batch.converged.tolist() == [False, True]


def test_one_study_is_its_own_answer() -> None:
    y = np.array([[0.4], [np.nan]])
    batch = fit_batch(y, np.array([[0.04], [0.1]]), np.ones((2, 1, 1)))
    assert batch.beta[0, 0] == 0.4
    assert batch.cov[0, 0, 0] == pytest.approx(0.04)
    assert np.isnan(batch.tau2[0])
