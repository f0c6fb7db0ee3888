"""Cluster-robust inference, the wild bootstrap and profile intervals through a fit."""

import numpy as np
import pandas as pd
import pytest

from synovia.errors import SynthesisError
from synovia.kernel import ml, reml
from synovia.kernel.profile import profile_contrast_interval, profile_psi_interval
from synovia.kernel.wild import Wild
from synovia.kernel.wild import wild_bootstrap as resample
from synovia.synthesis import Fit, WildTest, meta, profile_interval, wild_bootstrap


@pytest.fixture
def effects() -> pd.DataFrame:
    rng = np.random.default_rng(12)
    study = np.repeat(np.arange(9), [3, 1, 4, 2, 5, 1, 2, 3, 4])
    return pd.DataFrame(
        {
            "estimate": rng.normal(size=25) * 0.3 + rng.normal(size=9)[study] * 0.4,
            "variance": rng.uniform(0.02, 0.2, 25),
            "study": [f"study {s}" for s in study],
            "dose": rng.normal(size=25),
            "year": rng.integers(1990, 2010, 9)[study],
        }
    )


@pytest.fixture
def fit(effects: pd.DataFrame) -> Fit:
    return meta(effects, "estimate ~ dose", random="study/effect", inference="CR2", cluster="study")


def test_the_bootstrap_of_a_fit_is_that_of_its_problem(fit: Fit, effects: pd.DataFrame) -> None:
    found = wild_bootstrap(fit, "dose", kind="CR2")
    direct = resample(fit.problem, fit.point, effects["study"], [[0.0, 1.0]], kind="CR2")
    assert isinstance(found, WildTest)
    assert isinstance(direct, Wild)
    assert (found.p_value, found.statistic) == (direct.p_value, direct.statistic)
    assert found.exact
    row = found.tidy().iloc[0]
    assert row["terms"] == "dose"
    assert row["method"] == "wild cluster bootstrap by study, studentised by CR2, all signs"


def test_several_coefficients_and_contrasts(fit: Fit) -> None:
    both = wild_bootstrap(fit, ["Intercept", "dose"], weights="webb", replications=99, seed=3)
    contrast = wild_bootstrap(fit, {"Intercept": 1.0, "dose": 2.0})
    same = wild_bootstrap(fit, {"dose": 2.0, "Intercept": 1.0})
    assert isinstance(both, WildTest)
    assert both.terms == ("Intercept", "dose")
    assert both.method.endswith("99 draws of webb weights")
    assert isinstance(contrast, WildTest)
    assert isinstance(same, WildTest)
    assert contrast.p_value == same.p_value


def test_another_cluster_can_be_named(effects: pd.DataFrame) -> None:
    plain = meta(effects, random="study/effect")
    found = wild_bootstrap(plain, "Intercept", cluster="year")
    assert isinstance(found, WildTest)
    assert found.clusters == effects["year"].nunique()
    with pytest.raises(SynthesisError, match="cluster= names their column"):
        wild_bootstrap(plain, "Intercept")


@pytest.mark.parametrize("terms", ["age", ["dose", "age"], {"age": 1.0}])
def test_coefficients_that_do_not_exist_are_named(fit: Fit, terms: object) -> None:
    with pytest.raises(SynthesisError, match="Found coefficient 'age'; the model has Intercept, dose"):
        wild_bootstrap(fit, terms)  # type: ignore[arg-type]


def test_a_coefficient_named_twice(fit: Fit) -> None:
    with pytest.raises(SynthesisError, match="twice"):
        wild_bootstrap(fit, ["dose", "dose"])


def test_profiles_of_variances_follow_the_fit(effects: pd.DataFrame) -> None:
    for tau2, restricted in (("REML", True), ("ML", False)):
        fit = meta(effects, random="study/effect", tau2=tau2)
        for index, name in enumerate(fit.names.variances):
            found = profile_interval(fit, name, level=0.9)
            direct = profile_psi_interval(fit.problem, index, level=0.9, restricted=restricted)
            assert (found.lower, found.upper) == pytest.approx((direct.lower, direct.upper), rel=1e-6)
            assert found.estimate == pytest.approx(fit.point.psi[index], rel=1e-6)
            assert found.likelihood == ("restricted" if restricted else "full")


def test_profiles_of_coefficients_use_the_likelihood_itself(fit: Fit) -> None:
    found = profile_interval(fit, "dose")
    direct = profile_contrast_interval(fit.problem, [0.0, 1.0])
    assert (found.lower, found.upper) == pytest.approx((direct.lower, direct.upper), rel=1e-7)
    assert found.estimate == pytest.approx(ml(fit.problem).point.beta[1], rel=1e-7)
    asked = profile_interval(fit, {"Intercept": 1.0, "dose": 2.0}, restricted=True)
    assert asked.name == "+1 Intercept +2 dose"
    assert asked.estimate == pytest.approx(reml(fit.problem).point.beta @ [1, 2], rel=1e-7)
    assert asked.tidy()["method"].item() == "profile of the restricted likelihood"


def test_a_common_effect_has_profiles_of_its_coefficients(effects: pd.DataFrame) -> None:
    fit = meta(effects, random=None, inference="z")
    found = profile_interval(fit, "Intercept")
    row = fit.tidy().iloc[0]
    assert (found.lower, found.upper) == pytest.approx((row["lower"], row["upper"]), rel=1e-7)


def test_names_that_do_not_exist(fit: Fit) -> None:
    with pytest.raises(SynthesisError, match=r"Found 'sigma'; the model has .*Intercept, dose"):
        profile_interval(fit, "sigma")


def test_kenward_roger_through_a_fit(effects: pd.DataFrame) -> None:
    fit = meta(effects, "estimate ~ dose", random="study/effect", inference="kenward-roger")
    table = fit.tidy()
    assert table["df"].nunique() == 2
    plain = meta(effects, "estimate ~ dose", random="study/effect", inference="z").tidy()
    assert (table["std_error"] >= plain["std_error"] * (1 - 1e-12)).all()


def test_a_coefficient_that_one_cluster_identifies_is_said(effects: pd.DataFrame) -> None:
    marked = effects.assign(marked=effects["study"] == "study 4")
    fit = meta(marked, "estimate ~ marked", random="study/effect", inference="CR2", cluster="study")
    (said,) = [text for text in fit.warnings if "alone" in text]
    assert said.startswith("marked is identified by cluster study 4 alone")


def test_few_degrees_of_freedom_are_said(effects: pd.DataFrame) -> None:
    early = effects.assign(early=effects["study"].isin(["study 4", "study 0"]))
    fit = meta(early, "estimate ~ early", random="study/effect", inference="CR2", cluster="study")
    (said,) = [text for text in fit.warnings if "degrees of freedom" in text]
    assert said.startswith("Fewer than 4 degrees of freedom: early (")
    assert not [text for text in meta(early, "estimate ~ early").warnings if "degrees of freedom" in text]
