"""What changes without a row: against brute force, identities, and where a deletion cannot be fitted."""

import time

import numpy as np
import pandas as pd
import pytest

from diagnosis.trials import fits, independent, nested
from synovia.diagnosis import baujat, cumulative, influence, leave_one_out, residuals
from synovia.errors import CollinearModerators, SynthesisError
from synovia.examples import example
from synovia.kernel import find_omega, point
from synovia.synthesis import Fit, meta
from synovia.synthesis.exact.mantel_haenszel import mantel_haenszel
from synovia.synthesis.refit import refit

SAME = 1e-9  # the same sums in another order
SEARCHED = 1e-6  # two searches for several variances, each to a slope of about 1e-8

KINDS = sorted(fits())
ALL = [pytest.param(name, id=name) for name in KINDS]
NORMAL = [name for name in KINDS if name != "robust"]


def leave(fit: Fit, row: int) -> Fit:
    return refit(fit, np.arange(fit.problem.n) != row)


@pytest.mark.parametrize("name", ALL)
def test_leave_one_out_is_the_fit_of_the_rest(name: str) -> None:
    fit = fits()[name]
    table = leave_one_out(fit).tidy()
    assert len(table) == fit.problem.n * fit.problem.p
    for row in (0, 5):
        rest = leave(fit, row)
        part = table.iloc[row * fit.problem.p : (row + 1) * fit.problem.p]
        expected = rest.tidy()
        for column in ("estimate", "std_error", "df", "lower", "upper", "p_value"):
            assert part[column].to_numpy() == pytest.approx(
                expected[column].to_numpy(), rel=SEARCHED, abs=1e-9
            )
        assert part["q"].iloc[0] == pytest.approx(rest.glance()["q"].iloc[0], rel=SAME)
        psi = part[list(fit.names.variances)].to_numpy()[0]
        assert psi == pytest.approx(rest.point.psi, rel=SEARCHED, abs=1e-8)


@pytest.mark.parametrize("name", NORMAL)
def test_dfbetas_cook_and_covariance_ratio_by_brute_force(name: str) -> None:
    fit = fits()[name]
    table = influence(fit).tidy()
    for row in (0, 7):
        rest = leave(fit, row)
        change = fit.point.beta - rest.point.beta
        cov = point(fit.problem, rest.point.psi).cov * rest.inference.factor
        ours = [table.loc[row, f"dfbetas[{term}]"] for term in fit.names.coefficients]
        assert ours == pytest.approx(change / np.sqrt(np.diag(cov)), rel=SEARCHED, abs=1e-7)
        cook = change @ np.linalg.solve(fit.inference.cov, change)
        assert table.loc[row, "cooks_distance"] == pytest.approx(cook, rel=SEARCHED, abs=1e-9)
        ratio = np.linalg.det(rest.inference.cov) / np.linalg.det(fit.inference.cov)
        assert table.loc[row, "covariance_ratio"] == pytest.approx(ratio, rel=SEARCHED)


@pytest.mark.parametrize("name", ALL)
def test_leverages_add_up_to_the_coefficients_and_weights_to_100(name: str) -> None:
    table = influence(fits()[name]).tidy()
    assert table["hat"].sum() == pytest.approx(fits()[name].problem.p, rel=1e-10)
    assert table["weight"].sum() == pytest.approx(100, rel=1e-10)


@pytest.mark.parametrize("name", ["three levels", "covariance", "multivariate", "slopes"])
def test_a_group_is_left_out_whole(name: str) -> None:
    fit = fits()[name]
    table = influence(fit, by="study").tidy()
    assert table["label"].tolist() == [f"S{number}" for number in range(9)]
    keep = (nested()["study"] != "S4").to_numpy()
    rest = refit(fit, keep)
    change = fit.point.beta - rest.point.beta
    cook = change @ np.linalg.solve(fit.inference.cov, change)
    assert table.loc[4, "cooks_distance"] == pytest.approx(cook, rel=SEARCHED, abs=1e-9)
    rows = np.flatnonzero(~keep)
    X = fit.problem.X[rows]
    left = fit.problem.y[rows] - X @ rest.point.beta
    spread = find_omega(fit.problem, rest.point.psi, rows) + X @ rest.point.cov @ X.T
    assert table.loc[4, "studentised"] == pytest.approx(left @ np.linalg.solve(spread, left), rel=SEARCHED)
    assert table["dffits"].isna().all()


def test_a_row_by_itself_is_a_group_of_one() -> None:
    fit = fits()["Knapp-Hartung"]
    alone, grouped = influence(fit).tidy(), influence(fit, by="label").tidy()
    columns = ["studentised", "cooks_distance", "covariance_ratio", "q_deleted", "hat", "weight"]
    assert grouped[columns].to_numpy() == pytest.approx(alone[columns].to_numpy(), rel=SAME)


def test_an_outlier_is_flagged() -> None:
    data = independent().copy()
    data.loc[3, "estimate"] = 6.0
    table = influence(meta(data, "estimate ~ dose")).tidy()
    assert table.loc[table["influential"], "label"].tolist() == ["Author 3"]


def test_what_cannot_be_fitted_is_said_in_its_row() -> None:
    data = independent().assign(source=["bone"] * 13 + ["cord"])
    fit = meta(data, "estimate ~ source", inference="z")
    for table in (influence(fit).tidy(), leave_one_out(fit).tidy(), baujat(fit).tidy()):
        last = table.iloc[-1]
        assert last["reason"] == "source[T.cord] cannot be estimated from the effects left"
        assert (table["reason"].iloc[:13] == "").all()
    assert np.isnan(influence(fit).tidy()["cooks_distance"].iloc[-1])
    assert np.isnan(residuals(fit, "studentised").tidy()["z"].iloc[-1])


def test_two_studies_leave_one() -> None:
    table = leave_one_out(meta(independent().iloc[:2])).tidy()
    assert table["estimate"].tolist() == independent()["estimate"].iloc[[1, 0]].tolist()
    assert (table["effects"] == 1).all()
    assert table["tau2"].isna().all()


def test_one_study_leaves_none() -> None:
    table = leave_one_out(meta(independent().iloc[:1])).tidy()
    assert table["reason"].tolist() == ["no effects are left"]


@pytest.mark.parametrize(
    "name", ["pairwise", "common effect", "Knapp-Hartung", "three levels", "multivariate"]
)
def test_cumulative_ends_with_the_whole(name: str) -> None:
    fit = fits()[name]
    table = cumulative(fit, by="study" if name in ("three levels", "multivariate") else None).tidy()
    last = table.iloc[-fit.problem.p :]
    whole = fit.tidy()
    assert last["estimate"].to_numpy() == pytest.approx(whole["estimate"].to_numpy(), rel=SEARCHED)
    assert last["lower"].to_numpy() == pytest.approx(whole["lower"].to_numpy(), rel=SEARCHED)
    assert table["effects"].is_monotonic_increasing


def test_cumulative_in_an_order() -> None:
    fit = fits()["pairwise"]
    by_column, by_values = cumulative(fit, "dose").tidy(), cumulative(fit, independent()["dose"]).tidy()
    pd.testing.assert_frame_equal(by_column, by_values)
    assert by_column["label"].tolist() == independent().sort_values("dose")["label"].tolist()


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("nothing", "no column 'nothing'"),
        ([1.0, 2.0], "one number for each of the 14"),
        ([np.nan] * 14, "one number"),
    ],
)
def test_an_order_must_place_every_row(order: object, said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        cumulative(fits()["pairwise"], order)  # type: ignore[arg-type] # on purpose


def test_groups_need_a_column_that_every_row_fills() -> None:
    with pytest.raises(SynthesisError, match="no column 'lab'"):
        influence(fits()["pairwise"], by="lab")
    data = independent().assign(lab=[*["a"] * 13, ""])
    data["lab"] = data["lab"].where(data["lab"] != "")
    with pytest.raises(SynthesisError, match="Author 13 has no lab"):
        influence(meta(data), by="lab")


def test_refit_keeps_what_is_kept() -> None:
    fit = fits()["three levels"]
    keep = np.arange(27) % 4 != 0
    again = refit(fit, keep)
    alone = meta(nested()[keep], random="study/effect", inference="z")
    assert again.point.beta == pytest.approx(alone.point.beta, rel=SEARCHED)
    assert again.names.variances == fit.names.variances


def test_refit_refuses() -> None:
    fit = meta(independent().assign(source=["bone"] * 13 + ["cord"]), "estimate ~ source", inference="z")
    with pytest.raises(CollinearModerators, match=r"source\[T.cord\] cannot be estimated"):
        refit(fit, np.arange(14) < 13)
    with pytest.raises(SynthesisError, match="True or False for each of the 14"):
        refit(fit, [1, 0])


def test_baujat_of_a_common_effect_adds_up_to_q() -> None:
    fit = fits()["common effect"]
    assert baujat(fit).tidy()["contribution"].sum() == pytest.approx(fit.heterogeneity.q, rel=SAME)


def test_weights_of_ones_own_are_refused_where_the_model_must_weigh() -> None:
    fit = meta(independent(), weights="weeks", inference="z")
    with pytest.raises(SynthesisError, match="weights that the model itself"):
        influence(fit)
    assert (leave_one_out(fit).tidy()["reason"] == "").all()


def test_leaving_out_many_is_not_slow() -> None:
    fit = fits()["pairwise"]
    leave_one_out(fit)
    start = time.perf_counter()
    leave_one_out(fit)
    assert time.perf_counter() - start < 0.2  # 6 ms here; a machine under load is forgiven


def test_models_for_counts_are_fitted_again() -> None:
    trials = example("bcg").data
    fit = mantel_haenszel(trials)
    table = leave_one_out(fit).tidy()
    alone = mantel_haenszel(trials.iloc[1:]).tidy()
    columns = ["estimate", "std_error", "lower", "upper"]
    assert table[columns].to_numpy()[0] == pytest.approx(alone[columns].to_numpy()[0], rel=SAME)
    grown = cumulative(fit, "year").tidy()
    assert grown["estimate"].iloc[-1] == pytest.approx(fit.point.beta[0], rel=SAME)
    assert grown["reason"].tolist() == [""] * 13
