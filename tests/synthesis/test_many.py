"""Many syntheses at once are the syntheses one by one."""

import sys

import numpy as np
import pandas as pd
import pytest

from synovia.errors import CollinearModerators, MissingExtra, SynthesisError
from synovia.synthesis import meta
from synovia.synthesis.many import ESTIMATORS, INFERENCES, Many, meta_many

SAME = 1e-9  # tau2 agrees to 1e-10 of v + tau2; what follows from it loses a digit at most


def simulate(seed: int, k: int, replications: int) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.02, 0.3, (k, replications))
    y = rng.normal(0.3, np.sqrt(v + rng.choice([0, 0.05, 0.5], replications)))
    X = pd.DataFrame({"Intercept": np.ones(k), "year": 1950.0 + rng.integers(0, 40, k)})
    return y, v, X


def assert_same(many: Many, r: int, data: pd.DataFrame, formula: str) -> None:
    tau2 = "REML" if many.estimator == "EE" else many.estimator
    random = None if many.estimator == "EE" else "effect"
    fit = meta(data, formula, tau2=tau2, random=random, inference=many.inference, level=many.level)
    tidy, glance = fit.tidy(), fit.glance().iloc[0]
    for ours, column in (
        (many.beta, "estimate"),
        (many.std_error, "std_error"),
        (many.lower, "lower"),
        (many.upper, "upper"),
    ):
        scale = np.abs(tidy[["estimate", "std_error", "lower", "upper"]]).max(axis=1).to_numpy()
        np.testing.assert_allclose(ours[:, r] / scale, tidy[column] / scale, rtol=0, atol=SAME)
    np.testing.assert_allclose(many.tau2[r], glance.tau2, rtol=SAME, atol=1e-12)
    np.testing.assert_allclose(many.Q[r], glance.q, rtol=SAME)
    np.testing.assert_allclose(many.log_lik[r], glance.log_lik, rtol=SAME)
    assert many.k[r] == glance.effects
    assert many.at_boundary[r] == glance.at_boundary
    assert many.converged[r]


@pytest.mark.parametrize("tau2", ESTIMATORS)
@pytest.mark.parametrize("inference", INFERENCES)
def test_each_replication_is_what_meta_says(tau2: str, inference: str) -> None:
    y, v, X = simulate(1, 12, 6)
    y[3, 2] = np.nan
    plain = meta_many(y, v, tau2=tau2, inference=inference, level=0.9)
    moderated = meta_many(y, v, X, tau2=tau2, inference=inference, level=0.9)
    assert moderated.terms == ("Intercept", "year")
    for r in range(6):
        data = pd.DataFrame({"estimate": y[:, r], "variance": v[:, r], "year": X["year"]})
        assert_same(plain, r, data, "estimate ~ 1")
        assert_same(moderated, r, data, "estimate ~ year")


def test_designs_of_their_own_and_shared_variances() -> None:
    y, v, X = simulate(2, 9, 3)
    designs = np.stack([X.to_numpy(), X.to_numpy()[::-1], X.to_numpy()], axis=2)
    many = meta_many(y, v[:, 0], designs)
    for r in range(3):
        data = pd.DataFrame({"estimate": y[:, r], "variance": v[:, 0], "year": designs[:, 1, r]})
        assert_same(many, r, data, "estimate ~ year")


def test_a_missing_moderator_leaves_the_study_out() -> None:
    y, v, X = simulate(3, 9, 2)
    X.loc[4, "year"] = np.nan
    many = meta_many(y, v, X)
    assert many.k.tolist() == [8, 8]
    data = pd.DataFrame({"estimate": y[:, 0], "variance": v[:, 0], "year": X["year"]})
    assert_same(many, 0, data, "estimate ~ year")


def test_a_single_study_is_itself_with_a_normal_interval() -> None:
    y = np.array([[0.5, 0.5], [np.nan, 0.7]])
    many = meta_many(y, [0.04, 0.05])
    assert many.beta[0, 0] == pytest.approx(0.5, rel=1e-14)
    assert many.upper[0, 0] == pytest.approx(0.5 + 1.959963984540054 * 0.2, rel=1e-14)
    assert np.isnan(many.tau2[0])
    assert np.isinf(many.df[0])


def test_tidy_has_a_row_for_each_coefficient_of_each_replication() -> None:
    y, v, X = simulate(4, 9, 3)
    tidy = meta_many(y, v, X).tidy()
    assert list(tidy["replication"]) == [0, 0, 1, 1, 2, 2]
    assert list(tidy["term"]) == ["Intercept", "year"] * 3
    np.testing.assert_array_equal(tidy["estimate"].to_numpy().reshape(3, 2), meta_many(y, v, X).beta.T)


def test_inputs_are_left_alone() -> None:
    y, v, X = simulate(5, 9, 3)
    X.loc[0, "year"] = np.nan
    before = y.copy(), v.copy(), X.copy()
    meta_many(y, v, X)
    np.testing.assert_array_equal(y, before[0])
    np.testing.assert_array_equal(v, before[1])
    pd.testing.assert_frame_equal(X, before[2])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": np.zeros(4)}, r"y of shape \(4,\); wanted \(studies, replications\)"),
        ({"v": np.ones(3)}, r"v of shape \(3,\) for y of shape \(4, 2\)"),
        ({"v": [1.0, 0.0, 1.0, 1.0]}, "Study 2 of replication 1 has a variance that is not above 0"),
        ({"v": [1.0, -1.0, 1.0, 1.0]}, "Study 2 of replication 1"),
        ({"v": [1.0, 1.0, np.inf, 1.0]}, "Study 3 of replication 1 has an infinite variance"),
        ({"y": [[0, 1], [0, np.inf], [1, 1], [2, 2]]}, "Study 2 of replication 2 has an infinite estimate"),
        ({"X": np.ones((3, 1))}, r"X of shape \(3, 1\)"),
        ({"tau2": "REMl"}, "Found tau2 'REMl'; wanted one of EE, DL"),
        ({"tau2": -1.0}, "wanted a finite number of at least 0"),
        ({"inference": "CR2"}, "Found inference 'CR2'"),
        ({"level": 95}, "Found level 95"),
    ],
)
def test_what_cannot_be_used_is_named(change: dict[str, object], said: str) -> None:
    given = {"y": [[0, 1], [1, 0], [1, 1], [2, 2]], "v": np.ones(4)} | change
    with pytest.raises(SynthesisError, match=said):
        meta_many(**given)  # type: ignore[arg-type]


def test_a_variance_of_0_where_the_study_is_absent_is_no_matter() -> None:
    many = meta_many([[np.nan], [0.2], [0.4]], [0.0, 0.1, 0.1])
    assert many.k[0] == 2


def test_collinear_columns_are_named() -> None:
    X = pd.DataFrame({"a": [1.0, 1, 1, 1], "b": [0.0, 1, 2, 3], "twice": [0.0, 2, 4, 6]})
    with pytest.raises(CollinearModerators, match="Column twice of X follows from b; leave it out"):
        meta_many(np.eye(4), np.ones(4), X)


def test_without_numba_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("synovia.kernel.batch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("synovia.kernel.batch", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtra, match=r"meta_many needs numba.*pip install 'synovia\[batch\]'"):
        meta_many([[0.1], [0.2]], [0.1, 0.1])
