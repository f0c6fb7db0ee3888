"""Influence, residuals, predictions, leave-one-out, cumulative, Baujat and profiles of R's metafor."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case
from synovia.diagnosis import (
    Refits,
    baujat,
    blup,
    cumulative,
    influence,
    leave_one_out,
    profile,
    random_effects,
    residuals,
)
from synovia.synthesis import Fit, meta
from synovia.synthesis.refit import refit

AT_THEIRS = 1e-9  # the same sums in another order
SEARCHED = 1e-5  # what R's stopping rules leave open
CLOSED = 1e-8  # closed forms

TESTS = {"z": "z", "knha": "knapp-hartung"}
COLUMNS = {
    "estimate": "estimate",
    "std_error": "se",
    "lower": "ci.lb",
    "upper": "ci.ub",
    "p_value": "pval",
    "q": "Q",
    "q_p_value": "Qp",
    "tau2": "tau2",
    "i2": "I2",
    "h2": "H2",
}
UNMEASURED = ("q", "q_p_value", "tau2", "i2", "h2")  # by a single study; R says 0, 1, 0, 0, 1


def read_data(case: Case) -> pd.DataFrame:
    return case.tables[0].rename(columns={"yi": "estimate", "vi": "variance"})


def fit_case(case: Case, data: pd.DataFrame | None = None, **settings: Any) -> Fit:
    mods = re.search(r"mods=~([\w+]+)", case.call)
    test = re.search(r'test="(\w+)"', case.call)
    method = re.search(r'method="(\w+)"', case.call)
    assert method
    how = {"random": None} if method[1] == "EE" else {"tau2": method[1]}
    formula = f"estimate ~ {mods[1] if mods else '1'}"
    inference = TESTS[test[1]] if test else "z"
    return meta(read_data(case) if data is None else data, formula, inference=inference, **(how | settings))


def find_tolerance(case: Case) -> float:
    return SEARCHED if "REML" in case.call else CLOSED


def agree(ours: Any, theirs: Any, tolerance: float) -> None:
    """Numbers of one column: relative to each, and for those near 0 to the largest."""
    given = np.array(theirs, dtype=np.float64)
    scale = np.abs(given).max()
    assert np.asarray(ours, dtype=np.float64) == pytest.approx(given, rel=tolerance, abs=tolerance * scale)


def check_influence(case: Case, fit: Fit) -> None:
    table, theirs = influence(fit).tidy(), case.results["inf"]
    names = {
        "studentised": "rstudent",
        "dffits": "dffits",
        "cooks_distance": "cook.d",
        "covariance_ratio": "cov.r",
        "deleted[tau2]": "tau2.del",
        "q_deleted": "QE.del",
        "hat": "hat",
        "weight": "weight",
    }
    for ours, name in names.items():
        agree(table[ours], theirs[name], find_tolerance(case))
    compare_dfbetas(table, case.results["dfbs"], find_tolerance(case))
    assert table["influential"].tolist() == case.results["is.infl"]


def compare_dfbetas(table: pd.DataFrame, theirs: dict[str, Any], tolerance: float) -> None:
    for name, values in theirs.items():
        agree(table[f"dfbetas[{'Intercept' if name == 'intrcpt' else name}]"], values, tolerance)


def check_residuals(kind: str) -> Callable[[Case, Fit], None]:
    def check(case: Case, fit: Fit) -> None:
        table = residuals(fit, kind).tidy()
        for ours, name in (("residual", "resid"), ("std_error", "se"), ("z", "z")):
            agree(table[ours], case.results[name], find_tolerance(case))

    return check


def check_column(name: str) -> Callable[[Case, Fit], None]:
    def check(case: Case, fit: Fit) -> None:
        table = fit.augment()
        agree(table.loc[~table["dropped"], name], case.results, find_tolerance(case))

    return check


def check_cooks(case: Case, fit: Fit) -> None:
    agree(influence(fit).tidy()["cooks_distance"], case.results, find_tolerance(case))


def check_dfbetas(case: Case, fit: Fit) -> None:
    compare_dfbetas(influence(fit).tidy(), case.results, find_tolerance(case))


def check_predictions(predict: Callable[[Fit], Any]) -> Callable[[Case, Fit], None]:
    def check(case: Case, fit: Fit) -> None:
        table = predict(fit).tidy()
        for ours, name in (("estimate", "pred"), ("std_error", "se"), ("lower", "pi.lb"), ("upper", "pi.ub")):
            agree(table[ours], case.results[name], find_tolerance(case))

    return check


def check_covariance(case: Case, fit: Fit) -> None:
    agree(fit.inference.cov, case.results["data"], find_tolerance(case))


def compare_refits(case: Case, refits: Refits) -> None:
    table = refits.tidy()
    assert (table["reason"] == "").all()
    single = table["effects"].to_numpy() == 1
    for ours, name in COLUMNS.items():
        if name not in case.results:
            continue
        rows = ~single if ours in UNMEASURED else np.ones(single.size, dtype=bool)
        assert table.loc[~rows, ours].isna().all()
        given = np.array(case.results[name])[rows]
        # a p-value moves with the square of its statistic, at most 150 here
        tolerance = find_tolerance(case) * (150 if name == "pval" else 1)
        if name in ("pval", "Qp"):
            assert table.loc[rows, ours].to_numpy() == pytest.approx(given, rel=max(tolerance, 1e-8))
        else:
            agree(table.loc[rows, ours], given, tolerance)


def compare_at_theirs(case: Case, fit: Fit, keeps: list[np.ndarray]) -> None:
    """Estimate and standard error of every selection at the tau2 that R found for it."""
    if "tau2" not in case.results:
        return
    columns = zip(keeps, *(case.results[name] for name in ("tau2", "estimate", "se")), strict=True)
    for keep, tau2, estimate, error in columns:
        row = refit(fit_case(case, fit.rows.used, tau2=tau2), keep).tidy().iloc[0]
        assert [row["estimate"], row["std_error"]] == pytest.approx([estimate, error], rel=AT_THEIRS)


def check_leave_one_out(case: Case, fit: Fit) -> None:
    compare_refits(case, leave_one_out(fit))
    compare_at_theirs(case, fit, list(~np.eye(fit.problem.n, dtype=bool)))


def check_cumulative(case: Case, fit: Fit) -> None:
    order = fit.problem.V.diagonal if "order=vi" in case.call else np.arange(fit.problem.n)
    compare_refits(case, cumulative(fit, order))
    place = np.argsort(np.argsort(order, kind="stable"), kind="stable")
    compare_at_theirs(case, fit, [place <= last for last in range(fit.problem.n)])


def check_baujat(case: Case, fit: Fit) -> None:
    table = baujat(fit).tidy()
    agree(table["contribution"], case.results["x"], find_tolerance(case))
    agree(table["influence"], case.results["y"], find_tolerance(case))


def check_profile(case: Case, fit: Fit) -> None:
    table = profile(fit, values=case.results["tau2"]).tidy()
    agree(table["log_lik"], case.results["ll"], AT_THEIRS)


CHECKS: dict[str, Callable[[Case, Fit], None]] = {
    "influence": check_influence,
    "rstandard": check_residuals("standardised"),
    "rstudent": check_residuals("studentised"),
    "cooks.distance": check_cooks,
    "hatvalues": check_column("leverage"),
    "residuals": check_column("residual"),
    "fitted": check_column("fitted"),
    "weights": check_column("weight"),
    "dfbetas": check_dfbetas,
    "blup": check_predictions(blup),
    "ranef": check_predictions(random_effects),
    "vb": check_covariance,
    "leave1out": check_leave_one_out,
    "cumul": check_cumulative,
    "baujat": check_baujat,
    "profile": check_profile,
}


def check(case: Case) -> None:
    CHECKS[case.id.partition("_")[0]](case, fit_case(case))
