"""Every pooled number of the shipped review against R's metafor, which started from the printed numbers.

``validation/knee_oa.R`` makes the reference numbers; ``validation/README.md`` says how and with which versions.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import synovia as sv
from synovia.review.plans import Plan, plans
from synovia.review.pooling import Pooled, pool
from synovia.review.review import Review

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "reviews" / "knee-oa"
VALIDATION = ROOT / "validation"
R = json.loads((VALIDATION / "knee_oa.json").read_text(encoding="utf-8"))

ARITHMETIC = 1e-12  # sums of a few terms in another order, written by R with 15 digits
AT_TAU2 = (
    1e-9  # the same linear algebra at the same tau2: 1e-13 seen; other BLAS libraries may round otherwise
)
CLOSED_FORM = 1e-8  # nothing is searched for; a difference of logs of small counts costs a few digits
SEARCHED = 1e-5  # rma.mv stops where the likelihood is flat, at tau2 within about 1e-7 of its peak
NEAR_NOTHING = 1e-9  # where R says exactly 0 a relative tolerance has no meaning

SHOWN = {
    "b": "estimate",
    "se": "std_error",
    "ci.lb": "lower",
    "ci.ub": "upper",
    "pval": "p_value",
    "ddf": "df",
    "tau2": "tau2",
    "tau2.between": "tau2_between",
    "tau2.within": "tau2_within",
    "tau2.ci.lb": "tau2_lower",
    "tau2.ci.ub": "tau2_upper",
    "I2": "i2",
    "QE": "q",
    "QEdf": "q_df",
    "QEp": "q_p_value",
    "pi.lb": "prediction_lower",
    "pi.ub": "prediction_upper",
}
PARTS = ("tau2_between", "tau2_within")
SINGLE = [key for key, fit in R["syntheses"].items() if fit["k"] == 1]
POOLED = [key for key, fit in R["syntheses"].items() if fit["k"] > 1]
EXPLAINED = list(R["regressions"])
LEVELS = [(name, level) for name in R["subgroups"] for level in R["subgroups"][name]["levels"]]
PLACE = ["study_id", "arm_id", "outcome", "measure", "timepoint", "statistic"]


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Review:
    copy = tmp_path_factory.mktemp("against-r") / "knee-oa"
    shutil.copytree(SHIPPED, copy, ignore=shutil.ignore_patterns("out", ".synovia"))
    return sv.open(copy)


@pytest.fixture(scope="module")
def planned(review: Review) -> dict[str, Plan]:
    return {f"{plan.synthesis_id}|{plan.variant}": plan for plan in plans(review.protocol)}


def pool_at(review: Review, plan: Plan, wanted: Mapping[str, Any]) -> Pooled:
    """The review's own pooling, with the variances given instead of searched for."""
    changes: dict[str, object] = {"tau2": wanted["tau2"]}
    if wanted.get("tau2.within") is not None:
        names = ("tau2[study_id]", "tau2[study_id/effect]")
        changes["tau2"] = dict(zip(names, (wanted["tau2.between"], wanted["tau2.within"]), strict=True))
    elif plan.model.random == "study/effect":
        changes["random"] = "study"  # one effect a study: the same model
    return pool(replace(plan, model=plan.model.model_copy(update=changes)), review.tables)


def estimate_of(review: Review, key: str) -> Mapping[str, Any]:
    synthesis_id, variant = key.split("|")
    rows = review.estimates
    found = rows[(rows["synthesis_id"] == synthesis_id) & (rows["variant"] == variant)]
    assert len(found) == 1
    return {str(name): value for name, value in found.iloc[0].items()}


def coefficients_of(rows: pd.DataFrame, synthesis_id: str, analysis: str) -> pd.DataFrame:
    kept = rows[(rows["synthesis_id"] == synthesis_id) & rows["analysis"].str.startswith(analysis)]
    return kept.set_index("term")


def require_equal(found: Mapping[Any, Any], wanted: Mapping[str, Any], rtol: float) -> None:
    """Every number that R gives is ours, and where R has none we have none."""
    compared = 0
    for ours, theirs in ((SHOWN[name], wanted[name]) for name in SHOWN if name in wanted):
        if theirs is None:
            assert np.isnan(found[ours]), ours
        else:
            # a part of tau2 may be nothing, which R reaches on a log scale only nearly: it is held to the whole
            least = rtol * wanted["tau2"] if ours in PARTS else 0 if theirs else NEAR_NOTHING
            assert found[ours] == pytest.approx(theirs, rel=rtol, abs=least), ours
            compared += 1
    assert compared >= 5


def test_r_saw_what_the_review_uses(review: Review) -> None:
    """If this fails alone the evidence or the protocol has moved on: make validation/ again (its README)."""
    estimates = review.estimates
    used = estimates[estimates["status"] != "no data"]
    assert set(used["synthesis_id"] + "|" + used["variant"]) == set(R["syntheses"])
    listed = pd.read_csv(VALIDATION / "knee_oa_effects.csv")
    keys = ["synthesis_id", "variant", "study_id", "weeks", "estimate"]
    ours = review.tables["contributions"][keys].sort_values(keys, ignore_index=True)
    theirs = listed[keys].sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, rtol=ARITHMETIC)


def test_every_arm_is_what_r_makes_of_the_printed_numbers(review: Review) -> None:
    """SD from SE, subgroups joined, KOOS turned round, WOMAC and 0-10 scales brought to 0-100: all 492 rows."""
    by_r = pd.read_csv(VALIDATION / "knee_oa_arms.csv").set_index(PLACE).sort_index()
    ours = review.tables["arm_data"].set_index(PLACE).sort_index()[list(by_r.columns)]
    assert len(by_r) == 492
    assert ours.index.equals(by_r.index)
    np.testing.assert_allclose(ours.to_numpy(float), by_r.to_numpy(float), rtol=ARITHMETIC)


@pytest.mark.parametrize("key", SINGLE)
def test_single_studies(review: Review, key: str) -> None:
    """Differences with SD and SE as printed; risk ratios with one half in every cell of both arms."""
    found = estimate_of(review, key)
    assert (found["status"], found["effects"]) == ("single study", R["syntheses"][key]["effects"])
    require_equal(found, R["syntheses"][key], CLOSED_FORM)


@pytest.mark.parametrize("key", POOLED)
def test_pooled_end_to_end(review: Review, key: str) -> None:
    wanted, found = R["syntheses"][key], estimate_of(review, key)
    assert (found["k"], found["effects"]) == (wanted["k"], wanted["effects"])
    closed = wanted["model"]["tau2"] == "DL" or wanted["model"]["random"] == "none"
    require_equal(found, wanted, CLOSED_FORM if closed else SEARCHED)


@pytest.mark.parametrize("key", [key for key in POOLED if R["syntheses"][key]["tau2"] is not None])
def test_pooled_at_the_tau2_of_r(review: Review, planned: Mapping[str, Plan], key: str) -> None:
    wanted = R["syntheses"][key]
    got = pool_at(review, planned[key], wanted)
    require_equal(got.estimate, wanted, AT_TAU2)
    np.testing.assert_allclose(got.contributions["weight"], wanted["weights"], rtol=AT_TAU2)


def test_with_the_covariance_of_r_through_the_public_door(review: Review) -> None:
    """Restricted likelihood and Knapp-Hartung factor of the result as first planned."""
    wanted = R["syntheses"]["ha-vs-saline-pain-3-months|as-first-planned"]
    data = review.effects("pain", at="3 months", comparison="ha-vs-saline").query("measure == 'MD'")
    covariance = np.array(wanted["V"])
    np.testing.assert_allclose(data["variance"], np.diag(covariance), rtol=ARITHMETIC)
    fit = sv.meta(data, covariance=covariance, random="study_id", tau2=wanted["tau2"])
    assert fit.inference.factor == pytest.approx(wanted["knha.factor"], rel=AT_TAU2)
    assert fit.inference.df == wanted["ddf"]
    searched = sv.meta(data, covariance=covariance, random="study_id")
    # the peak is flat: tau2 within 1e-7 of it moves the likelihood by 1e-14
    assert searched.glance()["log_lik"][0] == pytest.approx(wanted["logLik"], rel=1e-12)
    assert searched.glance()["log_lik"][0] >= wanted["logLik"] - 1e-12


def test_three_levels_and_cr2_through_the_public_door(review: Review) -> None:
    """Restricted likelihood of rma.mv, and clubSandwich's standard error and degrees of freedom."""
    wanted = R["syntheses"]["ha-vs-saline-pain-3-months|primary"]
    data = review.effects("pain", at="3 months", comparison="ha-vs-saline").query("measure == 'MD'")
    ask = partial(
        sv.meta,
        data,
        covariance=np.array(wanted["V"]),
        random="study_id/effect",
        inference="CR2",
        cluster="study_id",
    )
    parts = {"tau2[study_id]": wanted["tau2.between"], "tau2[study_id/effect]": wanted["tau2.within"]}
    fit, at_r = ask(), ask(tau2=parts)
    for found, rtol in ((fit, SEARCHED), (at_r, AT_TAU2)):
        row = found.tidy().iloc[0]
        assert [row["std_error"], row["df"]] == pytest.approx([wanted["se"], wanted["ddf"]], rel=rtol)
    assert fit.glance()["log_lik"][0] >= wanted["logLik"] - 1e-12


@pytest.mark.parametrize("synthesis_id", EXPLAINED)
def test_meta_regression_on_size(review: Review, planned: Mapping[str, Plan], synthesis_id: str) -> None:
    wanted = R["regressions"][synthesis_id]
    at_r = pool_at(review, planned[f"{synthesis_id}|primary"], wanted).coefficients
    for rows, rtol in ((at_r, AT_TAU2), (review.tables["coefficients"], SEARCHED)):
        found = coefficients_of(rows, synthesis_id, "estimate ~ n_per_100").loc[["Intercept", "n_per_100"]]
        for theirs in ("b", "se", "ci.lb", "ci.ub", "pval"):
            np.testing.assert_allclose(found[SHOWN[theirs]], wanted[theirs], rtol=rtol)
        np.testing.assert_allclose(found["tau2"], wanted["tau2"], rtol=rtol)


@pytest.mark.parametrize(("synthesis_id", "level"), LEVELS)
def test_subgroups_by_product(
    review: Review, planned: Mapping[str, Plan], synthesis_id: str, level: str
) -> None:
    wanted = {
        name: value
        for name, value in R["subgroups"][synthesis_id]["levels"][level].items()
        if name in ("b", "se", "ci.lb", "ci.ub", "pval", "tau2")
    }
    rows = coefficients_of(review.tables["coefficients"], synthesis_id, "subgroups by product")
    require_equal(rows.loc[level].to_dict(), wanted, SEARCHED if "tau2" in wanted else CLOSED_FORM)
    if "tau2" in wanted:
        at_r = pool_at(review, planned[f"{synthesis_id}|primary"], wanted).coefficients
        found = coefficients_of(at_r, synthesis_id, "subgroups by product").loc[level].to_dict()
        require_equal(found, wanted, AT_TAU2)


def test_difference_between_products(review: Review) -> None:
    wanted = R["subgroups"]["ha-vs-saline-pain-3-months"]["difference"]
    rows = coefficients_of(review.tables["coefficients"], "ha-vs-saline-pain-3-months", "subgroups")
    found = rows.loc["difference between subgroups"]
    assert found["p_value"] == pytest.approx(wanted["QMp.shared"], rel=SEARCHED)
    statistic, told = found["note"].split("; ")
    assert statistic == f"chi-squared = {wanted['QM.shared']:.2f} on {wanted['QMdf']} df"
    assert told == "arms of different subgroups share a comparator, which is taken into account"


def test_products_share_too_few_controls_for_it_to_matter() -> None:
    """The one control that two products share moves p by 0.003."""
    difference = R["subgroups"]["ha-vs-saline-pain-3-months"]["difference"]
    assert difference["QMp.shared"] == pytest.approx(difference["QMp"], abs=0.005)
