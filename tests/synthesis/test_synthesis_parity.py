"""Every case of R's metafor that this room covers, at two levels.

At R's own tau2 everything that follows from it must agree to rounding; end to end, tau2 must agree to what R's
optimisers leave open, and the score at our tau2 must vanish. Skipped where the reference numbers are absent.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synovia.kernel import score
from synovia.synthesis import Fit, Wald, meta, subgroups

REFERENCE = Path(__file__).parents[2].parent / "shared" / "parity"
pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="R reference numbers are not beside the repository"
)

AT_THEIRS = 1e-9  # two orders of the same sums
CLOSED = 1e-8  # closed forms, where tau2 is a small difference of large numbers
SEARCHED = 1e-5  # what R's stopping rules leave open
FLAT = 1e-9  # a tau2 this far below the sampling variances is 0 to R's searches

TESTS = {"z": "z", "t": "t", "knha": "knapp-hartung", "adhoc": "knapp-hartung-floor"}
Case = dict[str, Any]


@cache
def read(topic: str) -> list[Case]:
    path = REFERENCE / f"{topic}.json"
    return json.loads(path.read_text())["cases"] if path.is_file() else []


@cache
def table(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "data" / f"{name}.csv").rename(
        columns={"yi": "estimate", "vi": "variance"}
    )


def pick(topic: str, pattern: str) -> list[Any]:
    found = [pytest.param(case, id=case["id"]) for case in read(topic) if re.fullmatch(pattern, case["id"])]
    return found or [pytest.param({}, id="absent")]


def settings(case: Case) -> dict[str, Any]:
    method = re.search(r'method="(\w+)"', case["r_call"])
    test = re.search(r'test="(\w+)"', case["r_call"])
    name = method[1] if method else "REML"
    common = {"random": None} if name in ("EE", "FE") else {"tau2": name}
    return {**common, "inference": TESTS[test[1]] if test else "z"}


def formula(case: Case) -> str:
    mods = re.search(r"mods = ~ (.+?), data", case["r_call"])
    if mods is None:
        return "estimate ~ 1"
    return "estimate ~ " + mods[1].replace("factor(", "C(").replace("^", "**")


def compare(fit: Fit, theirs: Mapping[str, Any], tolerance: float) -> None:
    tidy, glance = fit.tidy(), fit.glance().iloc[0]
    beta = list(theirs["beta"].values())
    size = np.abs(beta).max()
    assert fit.problem.n == theirs["k"]
    assert tidy["estimate"].to_numpy() == pytest.approx(beta, rel=tolerance, abs=tolerance * size)
    assert tidy["std_error"].to_numpy() == pytest.approx(theirs["se"], rel=tolerance)
    for ours, name in (("lower", "ci.lb"), ("upper", "ci.ub")):
        assert tidy[ours].to_numpy() == pytest.approx(theirs[name], rel=tolerance, abs=tolerance * size)
    statistic = np.abs(theirs["stat"]).max()
    # a p-value moves with the square of its statistic
    assert tidy["p_value"].to_numpy() == pytest.approx(
        theirs["pval"], rel=10 * tolerance * (1 + statistic**2)
    )
    assert glance["q"] == pytest.approx(theirs["QE"], rel=AT_THEIRS)
    assert glance["q_df"] == theirs["QEdf"]
    assert glance["q_p_value"] == pytest.approx(theirs["QEp"], rel=1e-7)  # a tail of 1e-80 keeps 9 digits
    assert glance["i2"] == pytest.approx(theirs["I2"], rel=10 * tolerance, abs=1e-3 * tolerance)
    assert glance["h2"] == pytest.approx(theirs["H2"], rel=tolerance)
    likelihoods = theirs["fit.stats"]["data"][0]
    assert [fit.point.log_ml, fit.point.log_reml] == pytest.approx(likelihoods, rel=tolerance, abs=tolerance)


def compare_moderators(fit: Fit, theirs: Mapping[str, Any], tolerance: float) -> None:
    found = fit.test_moderators()
    if isinstance(found, Wald):
        assert found.statistic * (found.df if found.distribution == "chi2" else 1) == pytest.approx(
            theirs["QM"] * (found.df if found.distribution == "chi2" else 1), rel=10 * tolerance
        )
        assert found.df == theirs["QMdf"][0]


def at_theirs(case: Case) -> Fit:
    how = settings(case)
    if how.get("random", "effect") is not None:
        how["tau2"] = float(case["results"]["tau2"])
    return meta(table(case["dataset"]), formula(case), **how)


def end_to_end(case: Case) -> tuple[Fit, float]:
    how = settings(case)
    fit = meta(table(case["dataset"]), formula(case), **how)
    tolerance = SEARCHED if how.get("tau2") in ("REML", "ML", "PM") else CLOSED
    if how.get("random", "effect") is not None:
        small = FLAT * float(fit.problem.V.diagonal.mean())
        assert fit.tau2 == pytest.approx(case["results"]["tau2"], rel=tolerance, abs=small)
    return fit, tolerance


PAIRWISE = r"rma_(EE|FE|DL|PM|ML|REML)_(z|t|knha|adhoc)_.*"
REGRESSION = r"metareg_.*_(EE|REML|ML|DL|PM)_(z|knha)"


@pytest.mark.parametrize("case", pick("03_rma_uni", PAIRWISE))
def test_pairwise_at_the_reference_tau2(case: Case) -> None:
    fit = at_theirs(case)
    compare(fit, case["results"], AT_THEIRS)
    assert fit.augment()["weight"].dropna().to_numpy() == pytest.approx(
        case["results"]["weights"], rel=AT_THEIRS
    )


@pytest.mark.parametrize("case", pick("03_rma_uni", PAIRWISE))
def test_pairwise_end_to_end(case: Case) -> None:
    compare(*_with_reference(case))


@pytest.mark.parametrize("case", pick("04_metareg", REGRESSION))
def test_regression_at_the_reference_tau2(case: Case) -> None:
    fit = at_theirs(case)
    # uncentred years, and products of them, cost the normal equations of R up to eight digits
    compare(fit, case["results"], 1e-7)
    compare_moderators(fit, case["results"], 1e-7)


@pytest.mark.parametrize("case", pick("04_metareg", REGRESSION))
def test_regression_end_to_end(case: Case) -> None:
    fit, theirs, tolerance = _with_reference(case)
    compare(fit, theirs, max(tolerance, 1e-7))
    compare_moderators(fit, theirs, max(tolerance, 1e-7))


def _with_reference(case: Case) -> tuple[Fit, Mapping[str, Any], float]:
    fit, tolerance = end_to_end(case)
    return fit, case["results"], tolerance


@pytest.mark.parametrize(
    "case", pick("03_rma_uni", r"rma_REML_z_.*") + pick("04_metareg", r"metareg_.*_REML_z")
)
def test_our_score_vanishes_and_our_likelihood_is_no_lower(case: Case) -> None:
    fit = meta(table(case["dataset"]), formula(case), **settings(case))
    scaled = score(fit.problem, fit.point) * max(float(fit.point.psi[0]), 1e-3 * fit.problem.V.diagonal.min())
    assert fit.convergence.at_boundary or abs(scaled) < 1e-9
    assert fit.point.log_reml >= case["results"]["fit.stats"]["data"][0][1] - 1e-9


@pytest.mark.parametrize("case", pick("03_rma_uni", r"confint_QP_(DL|REML|ML|PM)_.*"))
def test_q_profile(case: Case) -> None:
    fit = meta(table(case["dataset"]), tau2=settings(case)["tau2"])
    _, lower, upper = case["results"]["random"]["data"][0]
    found = fit.glance().iloc[0]
    small = FLAT * float(fit.problem.V.diagonal.mean())
    # R's root finder stops at 1e-12, absolute
    assert [found["tau2_lower"], found["tau2_upper"]] == pytest.approx([lower, upper], rel=1e-8, abs=small)


@pytest.mark.parametrize("case", pick("04_metareg", r"metareg_confint_.*"))
def test_q_profile_with_moderators(case: Case) -> None:
    fit = meta(table(case["dataset"]), formula(case))
    _, lower, upper = case["results"]["random"]["data"][0]
    found = fit.glance().iloc[0]
    assert [found["tau2_lower"], found["tau2_upper"]] == pytest.approx([lower, upper], rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("case", pick("03_rma_uni", r"predict_predtypeRiley_.*"))
def test_prediction_interval(case: Case) -> None:
    found = meta(table(case["dataset"]), inference="z").predict().iloc[0]
    theirs = {name: values[0] for name, values in case["results"].items()}
    assert f"t with {theirs['pi.ddf']} df" in found["prediction_method"]
    ours = [found[name] for name in ("estimate", "std_error", "prediction_lower", "prediction_upper")]
    expected = [theirs[name] for name in ("pred", "se", "pi.lb", "pi.ub")]
    assert ours == pytest.approx(expected, rel=SEARCHED, abs=1e-8)


@pytest.mark.parametrize("case", pick("04_metareg", r"metareg_predict_.*"))
def test_fitted_means_and_their_intervals(case: Case) -> None:
    found = meta(table(case["dataset"]), formula(case)).predict()
    for ours, name in (("estimate", "pred"), ("std_error", "se"), ("lower", "ci.lb"), ("upper", "ci.ub")):
        assert found[ours].to_numpy() == pytest.approx(case["results"][name], rel=SEARCHED, abs=1e-6)


@pytest.mark.parametrize("case", pick("04_metareg", r"rma_hk_trunc_predict_new"))
def test_means_at_new_moderators(case: Case) -> None:
    new = pd.DataFrame({"ablat": [13, 33, 55], "year": [1950, 1960, 1970]})
    found = meta(table("bcg_rr"), "estimate ~ ablat + year").predict(new)
    for ours, name in (("estimate", "pred"), ("lower", "ci.lb"), ("upper", "ci.ub")):
        assert np.exp(found[ours].to_numpy()) == pytest.approx(case["results"][name], rel=SEARCHED)


@pytest.mark.parametrize("case", pick("03_rma_uni", r"rma_(level90|fixedtau2)_.*"))
def test_level_and_given_tau2(case: Case) -> None:
    how: dict[str, Any] = {"level": 0.9, "tau2": "DL"} if "level=90" in case["r_call"] else {"tau2": 0.05}
    how["inference"] = "z"
    compare(meta(table(case["dataset"]), **how), case["results"], CLOSED)


@pytest.mark.parametrize("case", pick("05_subgroup", r"subgroup_(?!test).*"))
def test_subgroup_alone(case: Case) -> None:
    column, value = re.search(r'(\w+)=="(\w+)"\)', case["r_call"]).groups()  # type: ignore[union-attr] # else fail
    how = settings(case)
    apart = subgroups(table(case["dataset"]), column, common_tau2=False, **how)
    compare(apart.fits[apart.levels.index(value)], case["results"], SEARCHED)


@pytest.mark.parametrize("case", pick("05_subgroup", r"subgroup_test_septau_.*"))
def test_between_subgroups_with_a_tau2_each(case: Case) -> None:
    column = re.search(r'\[\["(\w+)"\]\]', case["r_call"])[1]  # type: ignore[index] # else fail
    how = settings({"r_call": case["r_call"].replace('method="EE"', "")})
    apart = subgroups(table(case["dataset"]), column, common_tau2=False, **how)
    levels = pd.DataFrame(
        {
            "estimate": [fit.point.beta[0] for fit in apart.fits],
            "variance": [fit.point.cov[0, 0] for fit in apart.fits],
        }
    )
    # the reference counts a level of one study as if its tau2 were known to be 0; ours leaves it out
    assert meta(levels, random=None).glance()["q"][0] == pytest.approx(
        case["results"]["Q_between"], rel=SEARCHED
    )
    found = apart.test()
    assert isinstance(found, Wald)
    if all(fit.status == "pooled" for fit in apart.fits):
        assert found.statistic == pytest.approx(case["results"]["Q_between"], rel=SEARCHED)
        assert found.p_value == pytest.approx(case["results"]["p"], rel=SEARCHED)
    else:
        assert found.df < case["results"]["df"]


@pytest.mark.parametrize("case", pick("05_subgroup", r"subgroup_test_commontau_.*"))
def test_between_subgroups_with_one_tau2(case: Case) -> None:
    column = re.search(r"factor\((\w+)\)", case["r_call"])[1]  # type: ignore[index] # else fail
    found = subgroups(table(case["dataset"]), column, **settings(case)).test()
    assert isinstance(found, Wald)
    assert found.statistic == pytest.approx(case["results"]["QM"], rel=SEARCHED)
    assert found.p_value == pytest.approx(case["results"]["QMp"], rel=SEARCHED)


SHARED = {
    "mv_konst_2level_REML": ("district", "REML", "estimate ~ 1"),
    "mv_konst_2level_ML": ("district", "ML", "estimate ~ 1"),
    "mv_3level_tanner": ("studyid", "REML", "estimate ~ 1"),
    "mv_tanner_mods": ("studyid", "REML", "estimate ~ aget1 + propmale"),
    "mv_konst_EE": (None, "REML", "estimate ~ 1"),
}


@pytest.mark.parametrize("case", pick("08_rma_mv", "|".join(SHARED)))
def test_effects_that_share_a_random_effect(case: Case) -> None:
    random, tau2, formula = SHARED[case["id"]]
    fit = meta(table(case["dataset"]), formula, random=random, tau2=tau2, inference="z")
    theirs = case["results"]
    if random is not None:
        assert fit.tau2 == pytest.approx(theirs["sigma2"][0], rel=SEARCHED)
    assert fit.tidy()["estimate"].to_numpy() == pytest.approx(list(theirs["beta"].values()), rel=SEARCHED)
    assert fit.tidy()["std_error"].to_numpy() == pytest.approx(theirs["se"], rel=SEARCHED)
    assert fit.glance()["q"][0] == pytest.approx(theirs["QE"], rel=AT_THEIRS)
    likelihoods = theirs["fit.stats"]["data"][0]
    assert [fit.point.log_ml, fit.point.log_reml] == pytest.approx(likelihoods, rel=1e-6)


@pytest.mark.parametrize("case", pick("08_rma_mv", r"mv_berkey_ID_(ML|REML)"))
def test_two_outcomes_with_a_known_covariance(case: Case) -> None:
    """Berkey et al. (1998), Statistics in Medicine 17, 2537-2550: blocks of two, and a random effect per row."""
    covariance = next(c for c in read("08_rma_mv") if c["id"] == "vcalc_berkey")["results"]["data"]
    way = case["id"].rpartition("_")[2]
    fit = meta(
        table("dat.berkey1998"), "estimate ~ 0 + outcome", covariance=covariance, tau2=way, inference="z"
    )
    theirs = case["results"]
    assert fit.problem.blocks == 5
    assert fit.tau2 == pytest.approx(theirs["tau2"][0], rel=SEARCHED)
    assert fit.tidy()["estimate"].to_numpy() == pytest.approx(list(theirs["beta"].values()), rel=SEARCHED)
    assert fit.tidy()["std_error"].to_numpy() == pytest.approx(theirs["se"], rel=SEARCHED)
    assert fit.glance()["q"][0] == pytest.approx(theirs["QE"], rel=AT_THEIRS)
    likelihoods = theirs["fit.stats"]["data"][0]
    assert [fit.point.log_ml, fit.point.log_reml] == pytest.approx(likelihoods, rel=1e-6)


def test_the_grid_is_complete() -> None:
    counts = {
        PAIRWISE: ("03_rma_uni", 220), REGRESSION: ("04_metareg", 170), r"subgroup_.*": ("05_subgroup", 36),
        "|".join(SHARED): ("08_rma_mv", 5), r"mv_berkey_ID_(ML|REML)": ("08_rma_mv", 2),
    }  # fmt: skip
    for pattern, (topic, expected) in counts.items():
        assert len(pick(topic, pattern)) == expected, pattern
