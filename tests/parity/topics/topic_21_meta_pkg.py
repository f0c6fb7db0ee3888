"""Pairwise functions of R's meta package: pooling, ad hoc intervals, predictions and heterogeneity."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from parity.grid import Case
from parity.meta_effects import SMALL_STUDY, read_effects
from synovia.diagnosis import rank_test, sparse_rank_test
from synovia.effects import Counts, proportion, proportion_interval
from synovia.effects.proportion_interval import IntervalKind
from synovia.kernel import Range, profile_q
from synovia.kernel.intervals import biggerstaff_jackson, jackson, limit_h, limit_share
from synovia.kernel.kenward_roger import kenward_roger
from synovia.synthesis import Fit, logit_normal, mantel_haenszel, meta, subgroups

AT_THEIRS = 1e-9  # two orders of the same sums
# meta leaves metafor at its default stopping rule: a change of tau2 of 1e-5, or a root to 1.2e-4, absolute
STOPPED = 1.3e-4
CLOSED = 1e-8
GLMER = 5e-4  # lme4 stops about there, see topic_07_glmm

INTERVALS = {
    "classic": "z", "HK": "knapp-hartung", "KR": "kenward-roger", "se": "knapp-hartung-floor",
    "ci": "knapp-hartung-wider", "IQWiG6": "knapp-hartung-iqwig",
}  # fmt: skip
PREDICTIONS = {"V": "t", "HTS": "HTS", "HK": "HK", "HK-PR": "HK-PR", "KR": "KR", "S": "normal"}
OWN_LIMITS = ("metagen", "metabin", "metainc", "metacont")  # studies' limits that are normal
CLOSED_FORMS = ("DL", "HS", "SJ", "HE")


def check(case: Case) -> None:
    """One case."""
    other = next((way for name, way in APART.items() if case.id.startswith(name)), None)
    if other is not None:
        other(case)
        return
    data = read_effects(case)
    check_effects(case, data)
    check_common(case, data)
    check_random(case, data)
    check_heterogeneity(case, data)
    check_limits(case, data)
    if "subgroup" in case.id:
        check_subgroups(case, data)


def check_effects(case: Case, data: pd.DataFrame) -> None:
    """The studies' own estimates and standard errors."""
    if "TE" in case.results:
        known = data["estimate"].notna().to_numpy()
        for name, ours in (("TE", data["estimate"]), ("seTE", data["variance"] ** 0.5)):
            theirs = pd.Series(case.results[name], dtype=float).to_numpy()
            assert ours[known].to_numpy() == pytest.approx(theirs[known], rel=AT_THEIRS, abs=1e-15)


def check_small_studies(case: Case) -> None:
    """Regression tests: weighted least squares with a free scale, or with a tau2 by Thompson and Sharp."""
    way = case.id.split("_")[1]
    odds = replace(case, id=case.id.replace("metabias", "metabin_OR"))
    data = SMALL_STUDY[way](read_effects(odds))
    how: dict[str, Any] = {"inference": "t"} if way == "Thompson" else {"random": None}
    row: Any = meta(data, "estimate ~ x", **how).tidy().iloc[1]
    theirs = case.results
    close = STOPPED if way == "Thompson" else CLOSED
    assert row["estimate"] == pytest.approx(theirs["estimate"]["bias"], rel=close)
    assert row["std_error"] == pytest.approx(theirs["estimate"]["se.bias"], rel=close)
    assert row["df"] == theirs["df"]
    assert row["p_value"] == pytest.approx(theirs["pval"], rel=10 * close)


def find_option(case: Case, name: str, default: str) -> str:
    """A setting of the call."""
    found = re.search(rf'{re.escape(name)}="([\w-]*)"', case.call)
    return found[1] if found else default


def find_inference(case: Case) -> str:
    """How the mean of a call gets its interval."""
    way = find_option(case, "adhoc.hakn.ci", "")
    return INTERVALS[way or find_option(case, "method.random.ci", "classic")]


def compare_mean(fit: Fit, case: Case, kind: str) -> None:
    """Estimate, standard error, test and limits, where R gives them."""
    row: Any = fit.tidy().iloc[0]
    names = {
        "estimate": "TE", "std_error": "seTE", "lower": "lower", "upper": "upper", "statistic": "statistic",
    }  # fmt: skip
    for ours, name in names.items():
        theirs = case.results[f"{name}.{kind}"]
        if theirs is not None:
            assert row[ours] == pytest.approx(float(theirs), rel=AT_THEIRS, abs=1e-12), name
    if case.results[f"pval.{kind}"] is not None:
        # a p-value moves with the square of its statistic
        tolerance = 10 * AT_THEIRS * (1 + row["statistic"] ** 2)
        assert row["p_value"] == pytest.approx(case.results[f"pval.{kind}"], rel=tolerance)


def pool_common(case: Case, data: pd.DataFrame) -> Fit:
    """The common effect: by inverse variance, by Mantel and Haenszel, or by sizes."""
    measure: Any = case.id.split("_")[1]
    if "_MH_" in case.id and case.id.startswith("metabin"):
        # as meta does by default, after it has left out studies without events
        told = data[data["estimate"].notna()]
        return mantel_haenszel(told, measure, add=0.5, to="only0")
    if "_MH_" in case.id:
        names = {
            "x1i": "events_treatment",
            "t1i": "n_treatment",
            "x2i": "events_comparator",
            "t2i": "n_comparator",
        }
        return mantel_haenszel(data.rename(columns=names), measure)
    return meta(weigh(case, data), random=None, inference="z", weights="w" if "SSW" in case.id else None)


def weigh(case: Case, data: pd.DataFrame) -> pd.DataFrame:
    """Weights by size alone, for the calls that want them."""
    if "SSW" not in case.id:
        return data
    return data.assign(w=data.n_treatment * data.n_comparator / (data.n_treatment + data.n_comparator))


def check_common(case: Case, data: pd.DataFrame) -> None:
    """The common-effect half of the result, Q and the studies' own intervals."""
    pooled, fit, theirs = pool_common(case, data), meta(data, random=None, inference="z"), case.results
    compare_mean(pooled, case, "common")
    glance: Any = fit.glance().iloc[0]
    own = fit.augment()
    assert glance["q"] == pytest.approx(theirs["Q"], rel=AT_THEIRS)
    assert glance["q_df"] == theirs["df.Q"]
    assert glance["q_p_value"] == pytest.approx(theirs["pval.Q"], rel=1e-7)  # a tail of 1e-80 keeps 9 digits
    weighed = pooled.augment()
    weights = pd.Series(theirs["w.common"], dtype=float)
    told = data["estimate"].notna().to_numpy()
    compare_weights(weighed, weights if len(weighed) == len(data) else weights[told])
    if not case.id.startswith(OWN_LIMITS):
        return
    for name in ("lower", "upper"):
        expected = pd.Series(theirs[name], dtype=float).to_numpy()
        assert own[name].to_numpy() == pytest.approx(expected, rel=AT_THEIRS, abs=1e-12, nan_ok=True)


def compare_weights(own: pd.DataFrame, theirs: Any) -> None:
    """Percent of the total weight; a study that is left out has none."""
    weights = pd.Series(theirs, dtype=float).fillna(0)
    found = own["weight"].fillna(0).to_numpy()
    assert found == pytest.approx((100 * weights / weights.sum()).to_numpy(), rel=AT_THEIRS)


def fit_at_theirs(case: Case, data: pd.DataFrame) -> Fit:
    """The fit at R's tau2, which Kenward and Roger's formulas take as REML's."""
    inference, tau2 = find_inference(case), float(case.results["tau2"])
    robust = inference == "kenward-roger"
    weights = "w" if "SSW" in case.id else None
    fit = meta(weigh(case, data), tau2=tau2, inference="z" if robust else inference, weights=weights)
    restricted = replace(fit, settings=replace(fit.settings, tau2="REML"))
    if not robust:
        return restricted
    return replace(restricted, inference=kenward_roger(fit.problem, fit.point, restricted=True))


def check_random(case: Case, data: pd.DataFrame) -> None:
    """The random-effects half at R's tau2, and our own tau2."""
    theirs = case.results
    at_theirs = fit_at_theirs(case, data)
    compare_mean(at_theirs, case, "random")
    if "SSW" not in case.id:
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
    if theirs["Rb"] is None:
        return
    share, around = limit_share(fit.problem, fit.point, level=0.95)
    assert share == pytest.approx(100 * theirs["Rb"], rel=10 * AT_THEIRS, abs=1e-9)
    if theirs["Q"] < theirs["df.Q"] or theirs["lower.Rb"] is None:
        return  # there meta takes the slope of Rb at a tau2 below 0, ours at 0
    expected = [100 * theirs[name] for name in ("lower.Rb", "upper.Rb")]
    assert [around.lower, around.upper] == pytest.approx(expected, rel=10 * AT_THEIRS, abs=1e-9)


def check_limits(case: Case, data: pd.DataFrame) -> None:
    """Limits of tau2; meta answers "PL" with the Q-profile unless the model has three levels."""
    way = find_option(case, "method.tau.ci", "J" if find_option(case, "method.tau", "REML") == "DL" else "QP")
    find: Any = {"J": jackson, "BJ": biggerstaff_jackson}.get(way, profile_q)
    limits = find(meta(data).problem, level=0.95)
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


def check_ranks(case: Case) -> None:
    """Rank tests; meta leaves studies without events out first and then corrects empty cells."""
    data = read_effects(replace(case, id="metabin_OR"))
    told = data[data["estimate"].notna()]
    found = rank_test(meta(told)) if "Begg" in case.id else sparse_rank_test(told, add=0.5, to="only0")
    theirs = case.results
    assert found.concordance == pytest.approx(theirs["estimate"]["ks"], rel=AT_THEIRS)
    assert found.std_error == pytest.approx(theirs["estimate"]["se.ks"], rel=AT_THEIRS)
    assert found.statistic == pytest.approx(theirs["statistic"], rel=AT_THEIRS)
    assert found.p_value == pytest.approx(theirs["pval"], rel=AT_THEIRS)


def check_proportion(case: Case) -> None:
    """Limits of each proportion."""
    compare_limits(case, held(case))


def held(case: Case) -> Any:
    """Studies whose limits are compared: all but full proportions by the corrected score interval."""
    data = case.tables[0]
    return (data.xi < data.ni).to_numpy() | ("WSCC" not in case.id)


def check_full(case: Case) -> None:
    """The corrected score interval of a proportion of 1."""
    compare_limits(case, ~held(case))


def compare_limits(case: Case, rows: Any) -> None:
    """As proportions: meta shows them as logits, where 1 less a rounding is 36.7."""
    data, kind = case.tables[0], case.id.split("_")[2] if "_ci_" in case.id else "CP"
    found = proportion_interval(np.asarray(data.xi), np.asarray(data.ni), kind=PROPORTIONS[kind])
    for name, ours in (("lower", found.lower), ("upper", found.upper)):
        theirs = expit(np.array(case.results[name], dtype=float))
        assert ours[rows] == pytest.approx(theirs[rows], rel=AT_THEIRS), name


def check_logistic(case: Case) -> None:
    """The binomial-normal model: likelihood and estimates stop where lme4 does."""
    data, theirs = case.tables[0], case.results
    check_proportion(case)
    own = proportion(Counts(np.asarray(data.xi), np.asarray(data.ni)), "PLO")
    assert own.estimate == pytest.approx(theirs["TE"], rel=AT_THEIRS)
    assert own.std_error == pytest.approx(theirs["seTE"], rel=AT_THEIRS)
    named = data.rename(columns={"xi": "events", "ni": "n"})
    fits = {"random": logit_normal(named), "common": logit_normal(named, random=False)}
    for kind, fit in fits.items():
        row: Any = fit.tidy().iloc[0]
        for ours, name in (("estimate", "TE"), ("std_error", "seTE"), ("lower", "lower"), ("upper", "upper")):
            assert row[ours] == pytest.approx(theirs[f"{name}.{kind}"], rel=GLMER), (kind, name)
    assert fits["random"].tau2 == pytest.approx(theirs["tau2"], rel=GLMER)
    check_equality(fits["random"].point, theirs)
    found: Any = fits["random"].predict(kind="t").iloc[0]
    expected = [theirs["lower.predict"], theirs["upper.predict"]]
    assert [found.prediction_lower, found.prediction_upper] == pytest.approx(expected, rel=GLMER)


def check_equality(at: Any, theirs: Any) -> None:
    """Wald's test and the likelihood ratio, and H and I2 from the former."""
    tests = {test.name: test for test in at.tests}
    for name, q in zip(("Wald", "likelihood ratio"), theirs["Q"], strict=True):
        assert tests[f"Heterogeneity, {name}"].statistic == pytest.approx(q, rel=GLMER), name
    limits = limit_h(theirs["Q"][0], theirs["df.Q"][0], level=0.95)
    assert isinstance(limits, tuple)
    assert [limits[0].lower, limits[0].upper] == pytest.approx([theirs["lower.H"], theirs["upper.H"]])


PROPORTIONS: dict[str, IntervalKind] = {
    "CP": "clopper-pearson", "WS": "wilson", "WSCC": "wilson-corrected", "AC": "agresti-coull",
    "SA": "simple", "SACC": "simple-corrected", "NAsm": "logit",
}  # fmt: skip
APART: dict[str, Callable[[Case], None]] = {
    "metabias_Begg": check_ranks,
    "metabias_Schwarzer": check_ranks,
    "metabias": check_small_studies,
    "metaprop_ci": check_proportion,
    "metaprop_GLMM": check_logistic,
}
"""What is checked by itself; the first name that fits."""

PARTS = {"a full proportion": check_full}
