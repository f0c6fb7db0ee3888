"""Every kind of model has a posterior, with draws and, where arviz is installed, its InferenceData."""

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import synovia as sv
from synovia.errors import SynthesisError
from synovia.synthesis import meta
from synovia.synthesis.bayes import (
    HalfNormal,
    Normal,
    average_models,
    bayes,
    case_influence,
    empirical_prior,
)
from synovia.synthesis.dose import dose_network

SIMULATED = 5 / np.sqrt(4000)  # five standard errors of the mean of 4,000 draws


def make_bcg() -> pd.DataFrame:
    return sv.effect_sizes(
        sv.example("bcg").data,
        "RR",
        events=("events_treatment", "events_comparator"),
        n=("n_treatment", "n_comparator"),
    )


def fit_regression() -> Any:
    return meta(make_bcg(), "estimate ~ latitude", inference="z")


def fit_scale() -> Any:
    return meta(make_bcg(), scale="~ latitude", inference="z")


def fit_levels() -> Any:
    return meta(sv.example("konstantopoulos2011").data, random="district/study", inference="z")


def fit_network() -> Any:
    return sv.network(sv.example("hasselblad1998").data, measure="OR", reference="no_contact")


def fit_components() -> Any:
    return sv.component_network(sv.example("hasselblad1998").data, measure="OR", inactive="no_contact")


def fit_doses() -> Any:
    rows = [
        (f"s{i}", d, 0.1 * d * (1 + 0.2 * i), 0.2 if d else 0.0, 1.0, 50) for i in range(4) for d in (0, 1, 3)
    ]
    columns = ["study_id", "dose", "estimate", "std_error", "sd", "n"]
    arms = pd.DataFrame(rows, columns=columns).assign(dose_unit="particles")
    return sv.dose_response(arms, "estimate ~ dose", type="md")


def fit_agents() -> Any:
    rows = [
        (f"s{i}", agent, dose, 0.1 * dose * (1 + 0.3 * (agent == "x")) + 0.05 * i, 1.0, 40)
        for i, agent in enumerate(["x", "y", "x", "y"])
        for agent, dose in ((agent, 0.0), (agent, 2.0), (agent, 5.0))
    ]
    data = pd.DataFrame(rows, columns=["study", "agent", "dose", "mean", "sd", "n"])
    data.loc[data["dose"] == 0, "agent"] = "placebo"
    return dose_network(data.assign(dose_unit="ug"), "linear", measure="MD", reference="placebo")


def fit_course() -> Any:
    rows = [(f"s{i}", time, -0.1 * time + 0.2 * i, 0.04) for i in range(5) for time in (4.0, 12.0, 26.0)]
    data = pd.DataFrame(rows, columns=["study", "time", "estimate", "variance"])
    return sv.time_course(data, basis="piecewise(12, 26)", random="CS")


MODELS: dict[str, Callable[[], Any]] = {
    "regression": fit_regression,
    "location and scale": fit_scale,
    "levels": fit_levels,
    "network": fit_network,
    "components": fit_components,
    "doses": fit_doses,
    "agents": fit_agents,
    "course": fit_course,
}


@pytest.mark.parametrize("name", list(MODELS))
def test_every_model_has_a_posterior(name: str) -> None:
    fitted = MODELS[name]()
    names = (fitted if isinstance(fitted, sv.Fit) else fitted.fit).names.variances
    priors = {one: HalfNormal(1.0) for one in names if one.startswith("tau")}
    found = bayes(fitted, priors | {one: Normal(0, 2) for one in names if one.startswith("scale")})
    table = found.tidy()
    assert found.quadrature.error < 1e-5
    assert table[["estimate", "std_error", "lower", "upper"]].notna().all(axis=None)
    assert len(found.shrinkage()) == found.model.problem.n
    assert len(case_influence(found).tidy()) == found.model.problem.n
    drawn = found.draw(4000)
    gap = (drawn.beta.mean(axis=0) - table["mean"].to_numpy()) / table["std_error"].to_numpy()
    assert np.abs(gap).max() < SIMULATED
    if importlib.util.find_spec("arviz") is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # arviz announces its next version once a day
            held = found.to_inference_data(400, chains=2).posterior
        assert set(held.data_vars) == {*found.fit.names.coefficients, *found.model.names}


def test_published_priors_go_in_as_they_are() -> None:
    published = empirical_prior("pain", "pharmacological vs control", measure="log odds ratio")
    fit = meta(make_bcg(), inference="z")
    one, other = bayes(fit, published), bayes(fit, published.prior)
    assert one.tidy()["mean"][0] == other.tidy()["mean"][0]
    with pytest.raises(SynthesisError, match=r"Found 0.5 as a prior; wanted a prior object"):
        bayes(fit, 0.5)  # type: ignore[arg-type]


def test_models_with_and_without_bias_are_averaged_over_what_they_share() -> None:
    """The evidence of the smaller model is that of the larger one with its slope at 0, Dickey (1971)."""
    data = make_bcg().assign(se=lambda rows: np.sqrt(rows["variance"]))
    plain = bayes(meta(data, inference="z"), HalfNormal(0.5))
    small = meta(data, "estimate ~ se", inference="z")
    biased = bayes(small, HalfNormal(0.5), {"se": Normal(0, 2)})
    both = average_models({"no bias": plain, "bias": biased})
    odds = biased.pick("se").density([0.0])[0] / (1 / (2 * np.sqrt(2 * np.pi)))
    assert both.probabilities[0] / both.probabilities[1] == pytest.approx(odds, rel=1e-6)
    assert both.tidy()["term"].tolist() == ["Intercept"]
    shares = [one.pick("Intercept").mean()[0] for one in (plain, biased)]
    assert both.tidy()["mean"][0] == pytest.approx(both.probabilities @ np.array(shares), rel=1e-9)
    with pytest.raises(SynthesisError, match="Only some models have se, and in bias its prior is flat"):
        average_models({"no bias": plain, "bias": bayes(small, HalfNormal(0.5))})


def test_a_visible_error_is_said() -> None:
    """As where many correlations meet few studies."""
    found = bayes(fit_network(), HalfNormal(1.0))
    assert found.warnings == found.fit.warnings
    object.__setattr__(found.quadrature, "error", 0.03)
    assert "may be off by 0.03 posterior standard deviations" in found.warnings[-1]
    assert "0.03" in found.summary().as_text()
