"""Permutation tests, their intervals and their arrangements."""

import math
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from synovia.errors import SynthesisError
from synovia.synthesis import Fit, meta
from synovia.synthesis.orders import Orders, Signs
from synovia.synthesis.permutation import TIED, permutation_test


def simulate(seed: int, k: int, slope: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    v, dose = rng.uniform(0.02, 0.3, k), rng.normal(size=k)
    y = 0.4 + slope * dose + rng.normal(0, np.sqrt(v + 0.05))
    return pd.DataFrame({"estimate": y, "variance": v, "dose": dose, "source": list("ab" * k)[:k]})


def refit_all(fit: Fit, data: pd.DataFrame) -> np.ndarray:
    """Statistics of every order, one fit of ``meta`` after the other."""
    moderators = [name for name in ("dose", "source") if name in fit.settings.formula]
    found = []
    for order in permutations(range(len(data))):
        moved = data.assign(**{name: data[name].to_numpy()[list(order)] for name in moderators})
        settings = fit.settings
        again = meta(moved, settings.formula, tau2=settings.tau2, inference=settings.inference)
        found.append(again.tidy()["statistic"].to_numpy())
    return np.array(found)


@pytest.mark.parametrize("inference", ["z", "knapp-hartung"])
@pytest.mark.parametrize("formula", ["estimate ~ dose", "estimate ~ dose + source"])
def test_every_order_is_the_fit_of_meta(inference: str, formula: str) -> None:
    data = simulate(1, 5)
    fit = meta(data, formula, inference=inference)
    found = permutation_test(fit, permutations="exact")
    each = refit_all(fit, data)
    expected = (np.abs(each) >= np.abs(fit.tidy()["statistic"].to_numpy()) - TIED).mean(axis=0)
    np.testing.assert_allclose(found.p_value, expected, rtol=1e-12)
    assert found.arrangements == math.factorial(5)
    assert found.exact


def test_signs_of_every_estimate_are_flipped() -> None:
    data = simulate(2, 5)
    fit = meta(data, tau2="DL")
    found = permutation_test(fit, permutations="exact")
    each = []
    for bits in range(32):
        signs = np.array([1 - 2 * (bits >> i & 1) for i in range(5)])
        flipped = meta(data.assign(estimate=signs * data["estimate"]), tau2="DL")
        each.append(flipped.tidy()["statistic"][0])
    assert found.p_value[0] == (np.abs(each) >= abs(fit.tidy()["statistic"][0]) - TIED).mean()
    assert found.joint_p_value == found.p_value[0]


def test_equal_rows_of_the_design_are_one_arrangement() -> None:
    fit = meta(simulate(3, 6), "estimate ~ source")
    found = permutation_test(fit, permutations="exact")
    assert found.arrangements == math.comb(6, 3)
    assert found.p_value[1] == pytest.approx(found.joint_p_value)


def test_arrangements_are_all_there_and_each_once() -> None:
    orders = Orders(np.array([0, 1, 1, 2, 0])).enumerate_all()
    assert orders.shape == (5, 30)
    kinds = np.array([0, 1, 1, 2, 0])[orders]
    assert len({tuple(column) for column in kinds.T}) == 30
    assert (np.sort(kinds, axis=0) == np.array([0, 0, 1, 1, 2])[:, None]).all()
    signs = Signs(4).enumerate_all()
    assert len({tuple(column) for column in signs.T}) == 16
    assert (signs[:, 0] == 1).all()


def test_a_sample_contains_what_was_observed_and_approaches_the_whole() -> None:
    fit = meta(simulate(4, 7, slope=0.2), "estimate ~ dose")
    whole = permutation_test(fit, permutations="exact")
    sample = permutation_test(fit, permutations=4000)
    assert not sample.exact
    assert sample.statistics[0] == pytest.approx(sample.statistic, rel=1e-9)
    # four standard errors of a share of 4,000
    np.testing.assert_allclose(sample.p_value, whole.p_value, atol=4 * 0.5 / np.sqrt(4000))


def test_the_seed_decides_and_nothing_else() -> None:
    fit = meta(simulate(5, 12), "estimate ~ dose")
    one, two = (permutation_test(fit, permutations=500, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.statistics, two.statistics)
    other = permutation_test(fit, permutations=500, seed=1)
    assert not np.array_equal(one.statistics, other.statistics)


def test_p_values_are_uniform_where_nothing_is_going_on() -> None:
    small = [
        permutation_test(meta(simulate(seed, 10), "estimate ~ dose", tau2="DL"), permutations=199).p_value[1]
        for seed in range(200)
    ]
    # a share of 200 under 5 %: 0.05 and four standard errors
    assert np.mean(np.array(small) <= 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)
    assert 0.4 < np.mean(small) < 0.6


@pytest.mark.parametrize("formula", ["estimate ~ 1", "estimate ~ dose"])
def test_limits_are_where_the_one_sided_test_turns(formula: str) -> None:
    data = simulate(6, 7, slope=0.5)
    fit = meta(data, formula, tau2="DL", inference="z")
    found = permutation_test(fit, permutations="exact", intervals=True)
    assert found.interval == "permutation"
    column = len(found.terms) - 1
    x = fit.problem.X[:, column]
    for limit, sign in ((found.lower[column], 1), (found.upper[column], -1)):
        shares = []
        for value in (limit - 1e-6, limit + 1e-6):
            moved = meta(
                data.assign(estimate=data["estimate"] - value * x), formula, tau2="DL", inference="z"
            )
            tested = permutation_test(moved, permutations="exact")
            beyond = sign * tested.statistics[:, column] >= sign * tested.statistic[column] - TIED
            shares.append(beyond.mean())
        assert min(shares) <= 0.025 < max(shares)


def test_few_studies_refuse_no_value() -> None:
    found = permutation_test(meta(simulate(7, 4)), permutations="exact", intervals=True)
    assert found.lower[0] == -np.inf
    assert found.upper[0] == np.inf


def test_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synovia.synthesis.repeated.CHUNK", 200)
    told: list[tuple[int, int]] = []
    fit = meta(simulate(8, 10), "estimate ~ dose")
    chunked = permutation_test(fit, permutations=25, progress=lambda done, whole: told.append((done, whole)))
    assert told == [(10, 25), (20, 25), (25, 25)]
    monkeypatch.undo()
    whole = permutation_test(fit, permutations=25)
    np.testing.assert_array_equal(chunked.statistics, whole.statistics)


def test_tidy_names_the_test() -> None:
    tidy = permutation_test(meta(simulate(9, 12), "estimate ~ dose"), permutations=100).tidy()
    assert list(tidy["term"]) == ["Intercept", "dose"]
    assert tidy["method"][0] == "permutation test, random 100 orders of the moderators"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"random": "source"}, "estimates covary or share random effects"),
        ({"inference": "CR2", "cluster": "source"}, "intervals are CR2"),
        ({"tau2": "PMM"}, "found 'PMM'"),
    ],
)
def test_other_models_are_refused_with_the_reason(settings: dict[str, str], said: str) -> None:
    data = simulate(10, 8).assign(source=list("aabbccdd"))
    fit = meta(data, **settings)  # type: ignore[arg-type]
    with pytest.raises(SynthesisError, match=said):
        permutation_test(fit)


def test_too_many_arrangements_are_refused() -> None:
    with pytest.raises(SynthesisError, match="6,227,020,800 arrangements, more than the 5,000,000"):
        permutation_test(meta(simulate(11, 13), "estimate ~ dose"), permutations="exact")
    with pytest.raises(SynthesisError, match="Found permutations 'all'"):
        permutation_test(meta(simulate(11, 13), "estimate ~ dose"), permutations="all")
