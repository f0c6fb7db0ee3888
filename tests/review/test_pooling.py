"""The synthesis plan on the synthetic mini-review: what is kept, what is left out and why, what is explained."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import synovia as sv
from synovia.errors import InputError, ProtocolError, SynthesisError
from synovia.review.plans import Plan, plans
from synovia.review.pooling import pool
from synovia.review.review import Review

MINI = Path(__file__).parents[1] / "golden" / "synthetic-mini-review"


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Review:
    copy = tmp_path_factory.mktemp("mini") / "review"
    shutil.copytree(MINI, copy, ignore=shutil.ignore_patterns("out", ".synovia"))
    return sv.open(copy)


@pytest.fixture
def plan(review: Review) -> Plan:
    return next(plans(review.protocol))


def test_a_pooled_plan_is_the_same_as_meta_on_its_effects(review: Review, plan: Plan) -> None:
    pooled = pool(replace(plan, variant="split", shared="split"), review.tables)
    fit = sv.meta(pooled.effects, "estimate ~ 1", random="study_id/effect")
    assert pooled.estimate["estimate"] == pytest.approx(fit.tidy()["estimate"].iloc[0], rel=1e-12)
    assert pooled.contributions["weight"].sum() == pytest.approx(100)


def test_a_shared_control_counts_its_people_once(review: Review, plan: Plan) -> None:
    pooled = pool(plan, review.tables)
    both = pooled.effects[pooled.effects["study_id"].duplicated(keep=False)]
    assert len(both) == 2
    twice = float((pooled.effects["n"] + pooled.effects["n_comparator"]).sum())
    assert pooled.estimate["n"] == twice - both["n_comparator"].iloc[0]


def test_ignoring_the_shared_control_is_narrower(review: Review, plan: Plan) -> None:
    model = plan.model.model_copy(update={"random": "none", "inference": "z"})
    exact = pool(replace(plan, variant="x", model=model), review.tables).estimate
    ignored = pool(replace(plan, variant="x", model=model, shared="ignored"), review.tables).estimate
    assert float(str(ignored["std_error"])) < float(str(exact["std_error"]))


def test_studies_left_out_say_why(review: Review, plan: Plan) -> None:
    small = pool(replace(plan, variant="x", smallest_arm=100), review.tables)
    assert set(small.effects["n"]) == {110.0}
    assert "an arm has fewer than 100 people" in set(small.omissions["reason"])
    without = pool(replace(plan, variant="x", exclude=("synthetic-a*",)), review.tables)
    assert "synthetic-ames" not in set(without.effects["study_id"])
    reasons = without.omissions.set_index("study_id")["reason"]
    assert reasons["synthetic-ames"] == "left out of this variant by the protocol"
    other = plan.model.model_copy(update={"designs": ("single-arm study",)})
    none = pool(replace(plan, variant="x", model=other), review.tables)
    assert none.estimate["status"] == "no data"
    assert "design 'randomised trial' is not pooled in this comparison" in set(none.omissions["reason"])


def test_a_plan_without_comparator_pools_changes_within_arms(review: Review, plan: Plan) -> None:
    alone = plan.comparison.model_copy(update={"treatment": ("saline",), "comparator": (), "moderators": ""})
    pooled = pool(replace(plan, comparison=alone), review.tables)
    assert pooled.estimate["measure"] == "MC"
    assert pooled.estimate["status"] == "single study", "one synthetic trial prints changes"


def test_subgroups_by_a_column_of_the_studies(review: Review, plan: Plan) -> None:
    by_year = plan.comparison.model_copy(update={"subgroup": "year", "moderators": ""})
    rows = pool(replace(plan, comparison=by_year), review.tables).coefficients
    assert rows["analysis"].unique().tolist() == ["subgroups by year"]
    assert rows["term"].tolist()[-1] == "difference between subgroups"
    wrong = plan.comparison.model_copy(update={"subgroup": "colour"})
    with pytest.raises(
        ProtocolError, match=r"found subgroup 'colour'; wanted a column of the effects: .*product"
    ):
        pool(replace(plan, comparison=wrong), review.tables)


def test_a_moderator_that_cannot_be_fitted_is_a_sentence(review: Review, plan: Plan) -> None:
    constant = plan.comparison.model_copy(update={"moderators": "weeks"})
    rows = pool(replace(plan, comparison=constant), review.tables).coefficients
    assert rows["term"].tolist() == ["not fitted"]
    assert "weeks" in rows["note"].iloc[0]


def test_effects_are_asked_for_by_names_that_exist(review: Review) -> None:
    assert len(review.effects("pain", at="3 months", comparison="ha-vs-saline")) == 4
    for arguments in (("pian", "3 months"), ("pain", "3 weeks")):
        with pytest.raises(InputError, match="wanted one of"):
            review.effects(arguments[0], at=arguments[1])
    with pytest.raises(InputError, match="ha-vs-saline, prp-vs-saline"):
        review.effects("pain", at="3-months", comparison="ha")
    assert repr(review) == "<Review 'A synthetic mini-review'>"


def test_studies_that_agree_exactly_do_not_give_certainty(review: Review, plan: Plan) -> None:
    """Equal estimates make the Knapp-Hartung factor 0; an interval without width would claim certainty."""
    frames = dict(review.tables)
    arms = frames["arm_data"]
    same = arms["treatment"].map({"saline": 50.0}).fillna(40.0)
    frames["arm_data"] = arms.assign(mean=same, sd=20.0, n=30.0)
    pooled = pool(replace(plan, variant="x", shared="split"), frames).estimate
    assert pooled["estimate"] == pytest.approx(-10)
    assert float(str(pooled["lower"])) < -15
    assert float(str(pooled["upper"])) > -5


def test_a_synthesis_that_cannot_be_made_is_named(review: Review, plan: Plan) -> None:
    model = plan.model.model_copy(update={"tau2": "DL"})
    with pytest.raises(SynthesisError, match=r"^ha-vs-saline-pain-3-months, variant x: .*REML"):
        pool(replace(plan, variant="x", model=model), review.tables)
