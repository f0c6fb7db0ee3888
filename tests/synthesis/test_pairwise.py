import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import NotPositiveDefinite, SynthesisError, TooFewStudies
from synovia.synthesis import Fit, Inapplicable, meta

TRIALS = pd.DataFrame(
    {
        "study_id": ["a-2001", "b-2002", "c-2003", "d-2004", "e-2005"],
        "label": ["A 2001", "B 2002", "C 2003", "D 2004", "E 2005"],
        "estimate": [-12.0, -4.0, -9.0, 1.0, -20.0],
        "variance": [9.0, 4.0, 16.0, 6.0, 12.0],
    }
)

tables = st.lists(st.tuples(st.floats(-20, 20), st.floats(0.1, 20)), min_size=3, max_size=10)


def one(fit: Fit) -> pd.Series:
    return fit.tidy().iloc[0]


@given(tables, st.floats(-50, 50))
def test_shifting_all_estimates_shifts_the_result(rows: list[tuple[float, float]], shift: float) -> None:
    data = pd.DataFrame(rows, columns=["estimate", "variance"])
    here, there = one(meta(data)), one(meta(data.assign(estimate=data["estimate"] + shift)))
    # tau2 near a flat maximum moves by 1e-7, which moves the mean by less
    assert there["estimate"] - here["estimate"] == pytest.approx(shift, abs=1e-5)
    assert there["std_error"] == pytest.approx(here["std_error"], rel=1e-4, abs=1e-6)


@given(tables, st.floats(0.01, 100))
def test_rescaling_rescales_the_result(rows: list[tuple[float, float]], factor: float) -> None:
    data = pd.DataFrame(rows, columns=["estimate", "variance"])
    other = pd.DataFrame({"estimate": data["estimate"] * factor, "variance": data["variance"] * factor**2})
    here, there = meta(data), meta(other)
    assert one(there)["estimate"] == pytest.approx(
        one(here)["estimate"] * factor, rel=1e-5, abs=1e-6 * factor
    )
    assert there.glance()["i2"][0] == pytest.approx(here.glance()["i2"][0], abs=1e-4)


@given(tables, st.integers(0, 1000))
def test_order_of_studies_does_not_matter(rows: list[tuple[float, float]], seed: int) -> None:
    data = pd.DataFrame(rows, columns=["estimate", "variance"])
    shuffled = data.sample(frac=1, random_state=seed)
    here, there = one(meta(data)), one(meta(shuffled))
    assert there["estimate"] == pytest.approx(here["estimate"], rel=1e-6, abs=1e-7)


def test_common_effect_by_hand() -> None:
    fit = meta(TRIALS, random=None, inference="z")
    w = 1 / TRIALS["variance"]
    assert one(fit)["estimate"] == pytest.approx((w * TRIALS["estimate"]).sum() / w.sum(), rel=1e-13)
    assert one(fit)["std_error"] == pytest.approx(w.sum() ** -0.5, rel=1e-13)
    assert isinstance(fit.tau2, Inapplicable)
    assert "common-effect" in fit.glance()["inapplicable"][0]


def test_a_diagonal_covariance_is_no_covariance() -> None:
    plain, given_ = meta(TRIALS), meta(TRIALS, covariance=np.diag(TRIALS["variance"]))
    assert one(given_)["estimate"] == one(plain)["estimate"]


def test_a_shared_comparator_widens_the_interval() -> None:
    covariance = np.diag(TRIALS["variance"])
    covariance[0, 3] = covariance[3, 0] = 3.0
    joined = meta(TRIALS, covariance=covariance, inference="t", tau2=5.0)
    apart = meta(TRIALS, inference="t", tau2=5.0)
    assert joined.problem.blocks == 4
    assert one(joined)["df"] == 3
    assert one(joined)["std_error"] > one(apart)["std_error"]
    assert "from 4 independent blocks" in joined.method


def test_effects_of_one_study_share_its_random_effect() -> None:
    """Two equal halves of a study that share its effect pool like the study itself."""
    halves = pd.concat([TRIALS.assign(variance=2 * TRIALS["variance"])] * 2)
    whole, split = meta(TRIALS, inference="z"), meta(halves, random="study_id", inference="z")
    assert split.tau2 == pytest.approx(whole.tau2, rel=1e-7)
    assert one(split)["estimate"] == pytest.approx(one(whole)["estimate"], rel=1e-7)
    assert one(split)["std_error"] == pytest.approx(one(whole)["std_error"], rel=1e-7)
    assert split.glance()[["k", "effects"]].iloc[0].tolist() == [5, 10]
    assert split.warnings == ()


def test_repeated_studies_treated_as_independent_are_said() -> None:
    twice = pd.concat([TRIALS, TRIALS.iloc[[1]]])
    assert (
        meta(twice).warnings[0].startswith("b-2002: several effects of one study are treated as independent")
    )
    covariance = np.diag(twice["variance"])
    covariance[1, 5] = covariance[5, 1] = 1.0
    assert meta(twice, covariance=covariance).warnings == ()


def test_incomplete_rows_are_dropped_counted_and_named() -> None:
    data = TRIALS.assign(estimate=[-12.0, np.nan, -9.0, 1.0, -20.0], variance=[9.0, 4.0, 16.0, np.nan, 12.0])
    fit = meta(data)
    assert fit.warnings[0] == "2 of 5 effects were dropped: B 2002 (no estimate); D 2004 (no variance)."
    assert fit.augment()["dropped"].tolist() == [False, True, False, True, False]
    assert one(fit)["estimate"] == one(meta(TRIALS.iloc[[0, 2, 4]]))["estimate"]


def test_covariance_follows_dropped_rows() -> None:
    covariance = np.diag(TRIALS["variance"])
    covariance[0, 4] = covariance[4, 0] = 2.0
    covariance[1, :] = covariance[:, 1] = np.nan
    data = TRIALS.assign(variance=[9.0, np.nan, 16.0, 6.0, 12.0])
    fit = meta(data, covariance=covariance)
    kept = [0, 2, 3, 4]
    again = meta(TRIALS.iloc[kept], covariance=covariance[np.ix_(kept, kept)])
    assert one(fit)["estimate"] == one(again)["estimate"]


def test_a_single_study_is_itself() -> None:
    fit = meta(TRIALS.iloc[[0]])
    row = one(fit)
    assert fit.status == "single study"
    assert (row["estimate"], row["std_error"]) == (-12.0, 3.0)
    # -12 ± 1.96 · 3
    assert (row["lower"], row["upper"]) == pytest.approx((-17.87989, -6.12011), abs=5e-6)
    assert "nothing was pooled" in fit.warnings[0]
    assert fit.glance()[["k", "effects"]].iloc[0].tolist() == [1, 1]
    assert fit.glance()[["tau2", "i2", "q"]].isna().all(axis=None)
    assert fit.predict()["prediction_lower"].isna().all()


def test_two_effects_of_one_study_are_a_single_study() -> None:
    data = TRIALS.iloc[:2].assign(study_id="a-2001")
    fit = meta(data, random="study_id")
    assert fit.status == "single study"
    # inverse-variance mean of -12 (1/9) and -4 (1/4)
    assert one(fit)["estimate"] == pytest.approx((-12 / 9 - 4 / 4) / (1 / 9 + 1 / 4), rel=1e-12)


def test_nothing_to_pool() -> None:
    with pytest.raises(TooFewStudies, match="None of 2 rows"):
        meta(TRIALS.iloc[:2].assign(estimate=np.nan))
    with pytest.raises(TooFewStudies, match="None of 0 rows"):
        meta(TRIALS.iloc[:0])


def test_a_shorter_knapp_hartung_interval_is_said() -> None:
    data = TRIALS.assign(estimate=[-10.0, -10.1, -9.9, -10.0, -10.05])
    plain, floor = meta(data), meta(data, inference="knapp-hartung-floor")
    assert "factor is" in plain.warnings[0]
    assert plain.convergence.at_boundary
    assert floor.warnings == ()
    assert one(floor)["std_error"] > one(plain)["std_error"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variance": [9.0, -4.0, 16.0, 6.0, 12.0]}, "B 2002 has variance -4; a variance cannot be negative"),
        ({"estimate": ["9", "4", "n.s.", "1", "2"]}, "C 2003 has estimate 'n.s.', which is not a number"),
    ],
)
def test_numbers_no_study_could_have(change: dict[str, list[float]], message: str) -> None:
    with pytest.raises(SynthesisError, match=message):
        meta(TRIALS.assign(**change))


def test_a_study_without_sampling_error() -> None:
    with pytest.raises(NotPositiveDefinite, match="B 2002 has variance 0"):
        meta(TRIALS.assign(variance=[9.0, 0.0, 16.0, 6.0, 12.0]))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ((0, 1), 5.0, "A 2001 with B 2002 is not that of B 2002 with A 2001"),
        ((2, 2), 17.0, "C 2003 has variance 16 in the table and 17 in the covariance"),
        ((3, 1), np.nan, "covariance of D 2004 holds a missing"),
    ],
)
def test_covariances_no_studies_could_have(place: tuple[int, int], value: float, message: str) -> None:
    covariance = np.diag(TRIALS["variance"])
    covariance[place] = value
    with pytest.raises(SynthesisError, match=message):
        meta(TRIALS, covariance=covariance)


def test_a_covariance_larger_than_the_variances_allow() -> None:
    covariance = np.diag(TRIALS["variance"])
    covariance[0, 1] = covariance[1, 0] = 6.5
    with pytest.raises(NotPositiveDefinite, match="covariance of B 2002 with the effects before it"):
        meta(TRIALS, covariance=covariance)


def test_a_covariance_of_another_size() -> None:
    with pytest.raises(SynthesisError, match="for 5 rows"):
        meta(TRIALS, covariance=np.eye(4))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tau2": "reml"}, "Found tau2 'reml'; wanted REML, ML, DL, .*, or a number"),
        ({"tau2": -1.0}, "wanted finite numbers of at least 0"),
        ({"tau2": 1.0, "random": None}, "a common-effect model has no tau2"),
        ({"inference": "wald"}, "wanted one of knapp-hartung"),
        ({"level": 95}, "wanted a number between 0 and 1"),
        ({"random": "site"}, "There is no column 'site'"),
        ({"variance": "var"}, "There is no column 'var'"),
    ],
)
def test_settings_that_do_not_exist(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SynthesisError, match=message):
        meta(TRIALS, **settings)  # type: ignore[arg-type] # wrong on purpose


def test_an_empty_group_is_named() -> None:
    with pytest.raises(SynthesisError, match="B 2002 has no site; fill it in"):
        meta(TRIALS.assign(site=["x", "", "y", "z", "z"]), random="site")


def test_estimates_that_are_identical() -> None:
    data = TRIALS.assign(estimate=-5.0)
    fit = meta(data)
    assert one(fit)[["estimate", "std_error", "p_value"]].tolist() == [-5.0, 0.0, 0.0]
    assert "without a width" in fit.warnings[0]
    assert one(meta(data, inference="knapp-hartung-floor"))["std_error"] > 0


def test_proportions_of_single_arms_pool_like_any_effect() -> None:
    """Logit proportions by DerSimonian-Laird, written out."""
    events, n = np.array([4, 9, 14]), np.array([20, 30, 35])
    logit, variance = np.log(events / (n - events)), 1 / events + 1 / (n - events)
    fit = meta(pd.DataFrame({"estimate": logit, "variance": variance, "n": n}), tau2="DL", inference="z")
    w = 1 / variance
    q = (w * (logit - (w * logit).sum() / w.sum()) ** 2).sum()
    tau2 = max(0, (q - 2) / (w.sum() - (w**2).sum() / w.sum()))
    weights = 1 / (variance + tau2)
    assert one(fit)["estimate"] == pytest.approx((weights * logit).sum() / weights.sum(), rel=1e-12)
    assert fit.glance()["n"][0] == 85


def test_five_thousand_studies_are_quick() -> None:
    rng = np.random.default_rng(1)
    variance = rng.uniform(0.01, 1, 5000)
    data = pd.DataFrame({"estimate": rng.normal(0, np.sqrt(variance + 0.1)), "variance": variance})
    meta(data)
    start = time.process_time()
    meta(data)
    # 10 ms where it was written; the bound is what the design promises
    assert time.process_time() - start < 0.05


@pytest.mark.parametrize(
    ("data", "formula", "told"),
    [
        ([1, 2], "estimate ~ 1", "Found list; wanted a DataFrame"),
        (None, "estimate ~ 1", "Found NoneType; wanted a DataFrame"),
        (pd.concat([TRIALS, TRIALS[["estimate"]]], axis=1), "estimate ~ 1", "Found column 'estimate' twice"),
        (TRIALS, None, "Found formula None; wanted"),
    ],
)
def test_what_is_no_table_or_no_formula_is_told(data: object, formula: object, told: str) -> None:
    with pytest.raises(SynthesisError, match=told):
        meta(data, formula)  # type: ignore[arg-type]


@pytest.mark.parametrize("column", ["estimate", "variance"])
def test_infinite_numbers_are_dropped_and_counted(column: str) -> None:
    whole = pd.DataFrame({"estimate": [9.0, 4.0, 1.0, 3.0], "variance": [9.0, 4.0, 2.0, 6.0]})
    broken = whole.copy()
    broken.loc[2, column] = np.inf
    fit = meta(broken)
    assert fit.warnings[0] == f"1 of 4 effects was dropped: row 3 (no finite {column})."
    assert fit.point.beta == pytest.approx(meta(whole.drop(index=2)).point.beta)
