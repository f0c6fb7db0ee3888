"""Which random effects and which interval a plan gets from the effects it meets."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia import synthesis
from synovia.review.fitting import FEWEST_DF, fit_plan, name_interval, name_method, split_tau2
from synovia.review.plans import Plan, change_model
from synovia.review.protocol import Comparison, Model, Outcome, Variant, Window

DEPENDENT = Model(random="study/effect", dependent="CR2")
SPREAD = (-14.0, -3.0, -8.0, 1.0, -11.0, -6.0, -2.0, -9.0)
"""Synthetic differences, one a study."""


def make_plan(model: Model = DEPENDENT) -> Plan:
    comparison = Comparison(
        id="a-vs-b", label="A against B", treatment=("a",), comparator=("b",), outcomes=("o",), windows=("w",)
    )
    window = Window(id="w", label="week 12", target=12, low=6, high=17)
    outcome = Outcome(id="o", label="pain")
    return Plan("a-vs-b-o-w", "primary", "as planned", comparison, outcome, window, model, "covariance")


def make_effects(*sizes: int, step: float = 4.0) -> tuple[pd.DataFrame, np.ndarray]:
    """As many studies as sizes, each with so many effects that share a comparator; synthetic."""
    rows = [
        {
            "study_id": f"synthetic-{i}",
            "estimate": SPREAD[i] + step * arm,
            "variance": 4.0 + i,
            "size": i + 1.0,
        }
        for i, size in enumerate(sizes)
        for arm in range(size)
    ]
    data = pd.DataFrame(rows)
    same = data["study_id"].to_numpy()[:, None] == data["study_id"].to_numpy()
    covariance = np.where(same, 2.0, 0.0)
    np.fill_diagonal(covariance, data["variance"])
    return data, covariance


def fit(plan: Plan, *sizes: int, step: float = 4.0, formula: str = "estimate ~ 1") -> synthesis.Fit:
    return fit_plan(plan, *make_effects(*sizes, step=step), formula)


def test_several_effects_of_a_study_get_three_levels_and_cr2() -> None:
    found = fit(make_plan(), 2, 1, 2, 1, 3, 1, 1, 2)
    wanted = synthesis.meta(
        make_effects(2, 1, 2, 1, 3, 1, 1, 2)[0],
        covariance=make_effects(2, 1, 2, 1, 3, 1, 1, 2)[1],
        random="study_id/effect",
        inference="CR2",
        cluster="study_id",
    )
    pd.testing.assert_frame_equal(found.tidy(), wanted.tidy())
    between, within = split_tau2(found)
    assert between > 0
    assert between + within == pytest.approx(found.tau2)
    assert name_method(found) == (
        "random effects of studies, and of effects within studies (three levels); variances by REML; "
        f"cluster-robust CR2 interval over 8 studies, t with {found.tidy()['df'][0]:.1f} df"
    )


def test_one_effect_a_study_is_fitted_as_without_levels() -> None:
    found = fit(make_plan(), 1, 1, 1, 1, 1)
    plain = fit(make_plan(Model(random="study")), 1, 1, 1, 1, 1)
    pd.testing.assert_frame_equal(found.tidy(), plain.tidy())
    assert found.warnings == plain.warnings
    assert "Knapp-Hartung interval, t with 4 df" in name_method(found)
    assert np.isnan(split_tau2(found)).all()


def test_without_a_choice_for_dependent_effects_the_interval_is_one_everywhere() -> None:
    found = fit(make_plan(Model(random="study/effect")), 2, 1, 2, 1, 1)
    assert name_interval(found) == "Knapp-Hartung interval, t with 4 df from 5 independent blocks"


@pytest.mark.parametrize("kind", ["CR2", "kenward-roger"])
@pytest.mark.parametrize("sizes", [(2, 1), (2, 1, 1), (1, 3, 1), (2, 2, 2)])
@pytest.mark.parametrize("step", [0.5, 20.0])
def test_too_few_degrees_of_freedom_give_the_wider_interval_and_say_so(
    kind: Any, sizes: tuple[int, ...], step: float
) -> None:
    asked = make_plan(Model(random="study/effect", dependent=kind))
    found = fit(asked, *sizes, step=step)
    data, covariance = make_effects(*sizes, step=step)
    both = [
        synthesis.meta(
            data,
            covariance=covariance,
            random="study_id/effect",
            inference=inference,
            cluster="study_id" if inference == "CR2" else None,
        ).tidy()
        for inference in (kind, "knapp-hartung")
    ]
    assert both[0]["df"][0] < FEWEST_DF
    widths = [rows["upper"][0] - rows["lower"][0] for rows in both]
    shown = found.tidy()
    assert shown["upper"][0] - shown["lower"][0] == pytest.approx(max(widths), rel=1e-12)
    assert f"{both[0]['df'][0]:.1f} degrees of freedom here" in found.warnings[0]
    assert sum("degrees of freedom" in said for said in found.warnings) == 1, "said once"
    own = widths[0] > widths[1]
    assert ("It is shown for being wider than the Knapp-Hartung" in found.warnings[0]) == own
    assert ("Used instead: Knapp-Hartung interval" in found.warnings[0]) == (not own)
    assert ("Knapp-Hartung" in name_method(found)) == (not own)


def test_an_interval_that_cannot_be_computed_is_replaced_and_the_reason_said() -> None:
    asked = make_plan(Model(random="study/effect", tau2="ML", inference="CR2", dependent="kenward-roger"))
    found = fit(asked, 2, 1, 2, 1, 1)
    assert found.warnings[0].startswith("Kenward-Roger cannot be computed here: ")
    assert found.warnings[0].endswith(
        "Used instead: Knapp-Hartung interval, t with 4 df from 5 independent blocks."
    )


def test_estimates_that_agree_exactly_keep_a_width() -> None:
    data, covariance = make_effects(2, 1, 1, 1)
    found = fit_plan(make_plan(), data.assign(estimate=-5.0), covariance, "estimate ~ 1")
    assert "fits every estimate exactly" in found.warnings[0]
    assert "Knapp-Hartung, factor at least 1" in name_method(found)
    assert (found.tidy()["upper"] - found.tidy()["lower"])[0] > 1


def test_each_coefficient_names_its_own_degrees_of_freedom() -> None:
    found = fit(make_plan(), 2, 1, 2, 1, 3, 1, 1, 2, formula="estimate ~ size")
    for place, df in enumerate(found.tidy()["df"]):
        assert name_interval(found, place).endswith(f"t with {df:.1f} df")


def test_variances_are_named_in_words() -> None:
    said = " ".join(fit(make_plan(), 2, 1, 2, 1, 1, step=0.0).warnings)
    assert "The variance between effects of one study is 0" in said
    assert "tau2[" not in said


def test_a_single_study_stays_itself() -> None:
    found = fit(make_plan(), 3)
    assert found.status == "single study"
    assert name_method(found) == "single study, not pooled; normal interval"
    assert np.isnan(split_tau2(found)).all()


def test_an_interval_of_a_variant_holds_for_every_synthesis() -> None:
    place: dict[str, Any] = {"comparison": "a-vs-b", "outcome": "o", "window": "w"}
    plain = Variant(id="v", label="v", inference="z", **place)
    assert change_model(DEPENDENT, plain).dependent == ""
    both = Variant(id="v", label="v", inference="z", dependent="kenward-roger", **place)
    assert change_model(DEPENDENT, both).dependent == "kenward-roger"
    other = Variant(id="v", label="v", random="study", **place)
    assert change_model(DEPENDENT, other).dependent == "CR2"


@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=8),
    step=st.sampled_from([0.0, 1.0, 30.0]),
    random=st.sampled_from(["effect", "study", "study/effect", "none"]),
    inference=st.sampled_from(["knapp-hartung", "CR2", "kenward-roger", "z", "t"]),
    dependent=st.sampled_from(["", "CR2", "kenward-roger"]),
)
def test_whatever_is_asked_there_is_an_interval(
    sizes: list[int], step: float, random: Any, inference: Any, dependent: Any
) -> None:
    model = Model(random=random, inference=inference, dependent=dependent)
    found = fit(replace(make_plan(), model=model), *sizes, step=step)
    row = found.tidy().iloc[0]
    assert row["lower"] < row["estimate"] < row["upper"]
    assert np.isfinite(row[["lower", "upper"]].astype(float)).all()
