"""Pairwise functions of R's meta package: pooling, ad hoc intervals, predictions and heterogeneity."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case, read_table
from synovia.kernel import Range, profile_q
from synovia.kernel.intervals import biggerstaff_jackson, jackson, limit_h, limit_share
from synovia.kernel.kenward_roger import kenward_roger
from synovia.synthesis import Fit, meta, subgroups

AT_THEIRS = 1e-9  # two orders of the same sums
# meta leaves metafor at its default stopping rule: a change of tau2 of 1e-5, or a root to 1.2e-4, absolute
STOPPED = 1.3e-4
CLOSED = 1e-8

INTERVALS = {
    "classic": "z", "HK": "knapp-hartung", "KR": "kenward-roger", "se": "knapp-hartung-floor",
    "ci": "knapp-hartung-wider", "IQWiG6": "knapp-hartung-iqwig",
}  # fmt: skip
PREDICTIONS = {"V": "t", "HTS": "HTS", "HK": "HK", "HK-PR": "HK-PR", "KR": "KR", "S": "normal"}
CLOSED_FORMS = ("DL", "HS", "SJ", "HE")


def check(case: Case) -> None:
    """One case."""
    data = read_effects(case)
    check_common(case, data)
    check_random(case, data)
    check_heterogeneity(case, data)
    if "subgroup" in case.id:
        check_subgroups(case, data)


def read_effects(case: Case) -> pd.DataFrame:
    """Estimates and variances of a ``metagen`` call."""
    return read_table(case.dataset).rename(columns={"yi": "estimate", "vi": "variance"})


def find_option(case: Case, name: str, default: str) -> str:
    """A setting of the call."""
    found = re.search(rf'{re.escape(name)}="([\w-]*)"', case.call)
    return found[1] if found else default


def find_inference(case: Case) -> str:
    """How the mean of a call gets its interval."""
    way = find_option(case, "adhoc.hakn.ci", "")
    return INTERVALS[way or find_option(case, "method.random.ci", "classic")]


def compare_mean(fit: Fit, case: Case, kind: str) -> None:
    """Estimate, standard error, test and limits."""
    row = fit.tidy().iloc[0]
    names = {
        "estimate": "TE", "std_error": "seTE", "lower": "lower", "upper": "upper", "statistic": "statistic",
    }  # fmt: skip
    for ours, name in names.items():
        assert row[ours] == pytest.approx(case.results[f"{name}.{kind}"], rel=AT_THEIRS, abs=1e-12), name
    # a p-value moves with the square of its statistic
    tolerance = 10 * AT_THEIRS * (1 + row["statistic"] ** 2)
    assert row["p_value"] == pytest.approx(case.results[f"pval.{kind}"], rel=tolerance)


def check_common(case: Case, data: pd.DataFrame) -> None:
    """The common-effect half of the result, Q and the studies' own intervals."""
    fit, theirs = meta(data, random=None, inference="z"), case.results
    compare_mean(fit, case, "common")
    glance, own = fit.glance().iloc[0], fit.augment()
    assert glance["q"] == pytest.approx(theirs["Q"], rel=AT_THEIRS)
    assert glance["q_df"] == theirs["df.Q"]
    assert glance["q_p_value"] == pytest.approx(theirs["pval.Q"], rel=1e-7)  # a tail of 1e-80 keeps 9 digits
    compare_weights(own, theirs["w.common"])
    for name in ("lower", "upper"):
        expected = pd.Series(theirs[name], dtype=float).to_numpy()
        assert own[name].to_numpy() == pytest.approx(expected, rel=AT_THEIRS, abs=1e-12, nan_ok=True)


def compare_weights(own: pd.DataFrame, theirs: list[float | None]) -> None:
    """Percent of the total weight; a study that is left out has none."""
    weights = pd.Series(theirs, dtype=float).fillna(0)
    found = own["weight"].fillna(0).to_numpy()
    assert found == pytest.approx((100 * weights / weights.sum()).to_numpy(), rel=AT_THEIRS)


def fit_at_theirs(case: Case, data: pd.DataFrame) -> Fit:
    """The fit at R's tau2, which Kenward and Roger's formulas take as REML's."""
    inference, tau2 = find_inference(case), float(case.results["tau2"])
    robust = inference == "kenward-roger"
    fit = meta(data, tau2=tau2, inference="z" if robust else inference)
    restricted = replace(fit, settings=replace(fit.settings, tau2="REML"))
    if not robust:
        return restricted
    return replace(restricted, inference=kenward_roger(fit.problem, fit.point, restricted=True))


def check_random(case: Case, data: pd.DataFrame) -> None:
    """The random-effects half at R's tau2, and our own tau2."""
    theirs = case.results
    at_theirs = fit_at_theirs(case, data)
    compare_mean(at_theirs, case, "random")
    compare_prediction(at_theirs, case)
    compare_weights(at_theirs.augment(), theirs["w.random"])
    if "tau.common=TRUE" in case.call:
        return
    method = find_option(case, "method.tau", "REML")
    tau2 = meta(data, tau2=method, inference="z").tau2
    if method in CLOSED_FORMS:
        assert tau2 == pytest.approx(theirs["tau2"], rel=CLOSED, abs=1e-15)
    else:
        assert tau2 == pytest.approx(theirs["tau2"], abs=STOPPED)


def compare_prediction(fit: Fit, case: Case) -> None:
    """The kind of prediction interval that the call asks for."""
    kind = PREDICTIONS[find_option(case, "method.predict", "V")]
    found, theirs = fit.predict(kind=kind).iloc[0], case.results
    expected = [theirs["lower.predict"], theirs["upper.predict"]]
    size = max(map(abs, expected))
    ours = [found["prediction_lower"], found["prediction_upper"]]
    assert ours == pytest.approx(expected, rel=AT_THEIRS, abs=AT_THEIRS * size)
    if theirs["df.predict"] != "Inf":
        assert f"t with {theirs['df.predict']:.4g} df" in found["prediction_method"]


def check_heterogeneity(case: Case, data: pd.DataFrame) -> None:
    """H and I2 from Q, Rb from tau2, and the limits of tau2."""
    fit, theirs = meta(data, tau2=float(case.results["tau2"]), inference="z"), case.results
    limits = limit_h(theirs["Q"], theirs["df.Q"], level=0.95)
    assert isinstance(limits, tuple)
    h, i2 = limits
    assert [h.lower, h.upper] == pytest.approx([theirs["lower.H"], theirs["upper.H"]], rel=AT_THEIRS)
    expected = [100 * theirs["lower.I2"], 100 * theirs["upper.I2"]]
    assert [i2.lower, i2.upper] == pytest.approx(expected, rel=AT_THEIRS, abs=1e-9)
    share, around = limit_share(fit.problem, fit.point, level=0.95)
    expected = [100 * theirs[name] for name in ("Rb", "lower.Rb", "upper.Rb")]
    assert [share, around.lower, around.upper] == pytest.approx(expected, rel=10 * AT_THEIRS, abs=1e-9)
    check_limits(case, fit)


def check_limits(case: Case, fit: Fit) -> None:
    """Limits of tau2; meta answers "PL" with the Q-profile unless the model has three levels."""
    way = find_option(case, "method.tau.ci", "J" if find_option(case, "method.tau", "REML") == "DL" else "QP")
    find: Any = {"J": jackson, "BJ": biggerstaff_jackson}.get(way, profile_q)
    limits = find(fit.problem, level=0.95)
    assert isinstance(limits, Range)
    theirs = [case.results["lower.tau2"], case.results["upper.tau2"]]
    assert [limits.lower, limits.upper] == pytest.approx(theirs, abs=STOPPED)


def check_subgroups(case: Case, data: pd.DataFrame) -> None:
    """Within and between the levels of a column, with one tau2 or with one each."""
    column = re.search(r"subgroup=(\w+)", case.call)
    assert column is not None
    theirs, common = case.results, "tau.common=TRUE" in case.call
    within = theirs["sub"]
    tau2: Any = float(within["tau2.w"][0]) if common else "REML"
    parts = subgroups(data, column[1], common_tau2=common, tau2=tau2, inference="z")
    ours = parts.tidy().set_index("subgroup").loc[within["levels"]]
    # with a tau2 each the searches differ, see above
    close: dict[str, Any] = {"rel": AT_THEIRS, "abs": 1e-12} if common else {"abs": STOPPED}
    for name, their_name in (
        ("estimate", "TE"),
        ("std_error", "seTE"),
        ("lower", "lower"),
        ("upper", "upper"),
    ):
        assert ours[name].to_numpy() == pytest.approx(within[f"{their_name}.random.w"], **close), name
    assert ours["k"].tolist() == within["k.w"]
    found: Any = parts.test()
    close = {"rel": 10 * AT_THEIRS} if common else {"rel": 10 * STOPPED}
    assert found.statistic == pytest.approx(within["Q.b.random"], **close)
    assert found.p_value == pytest.approx(within["pval.Q.b.random"], **close)
    if common:
        searched = subgroups(data, column[1], inference="z").fits[0].tau2
        assert searched == pytest.approx(within["tau2.w"][0], abs=STOPPED)
    alike = subgroups(data, column[1], common_tau2=True, random=None, inference="z")
    between: Any = alike.test()
    assert between.statistic == pytest.approx(theirs["Q.b.common"], rel=AT_THEIRS)
    assert alike.fits[0].glance()["q"][0] == pytest.approx(theirs["Q.w.common"], rel=AT_THEIRS)
    common_means = alike.tidy().set_index("subgroup").loc[within["levels"], "estimate"]
    assert np.array(within["TE.common.w"]) == pytest.approx(common_means.to_numpy(), rel=AT_THEIRS)


COVERS = r"metagen_.*"
