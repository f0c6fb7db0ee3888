"""What cannot be pooled: every message names the row, the term or the setting, and what to do."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from synovia.errors import CollinearModerators, NotPositiveDefinite, SynthesisError, TooFewStudies
from synovia.kernel import CHOICES
from synovia.synthesis import Fit, GeneralisedQ, Inapplicable, explained, meta, subgroups


def trials(**columns: Any) -> pd.DataFrame:
    base = {"study_id": list("abcde"), "estimate": [0.3, 0.9, -0.4, 0.8, 0.1], "variance": [0.1] * 5}
    return pd.DataFrame(base | columns)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], type[SynthesisError], str]] = {
    "all variances zero": ({"variance": [0.0] * 5}, {}, NotPositiveDefinite, "a has variance 0"),
    "one variance zero": ({"variance": [0.1, 0.1, 0, 0.1, 0.1]}, {}, NotPositiveDefinite, "c has variance 0"),
    "negative variance": ({"variance": [0.1, -2, 0.1, 0.1, 0.1]}, {}, SynthesisError, "b has variance -2"),
    "text for a number": ({"variance": ["0.1", "0,2", 1, 1, 1]}, {}, SynthesisError, "b has variance '0,2'"),
    "collinear moderators": (
        {"dose": [1, 2, 3, 4, 6.0], "double": [2, 4, 6, 8, 12.0]},
        {"formula": "estimate ~ dose + double"},
        CollinearModerators,
        "double follows from dose",
    ),
    "constant moderator": (
        {"dose": [1.0] * 5}, {"formula": "estimate ~ dose"}, CollinearModerators, "dose follows from Intercept",
    ),
    "as many coefficients as effects": (
        {"team": list("abcde")}, {"formula": "estimate ~ team"}, TooFewStudies, "5 effects for 5 coefficients",
    ),
    "no such estimator": ({}, {"tau2": "REMLL"}, SynthesisError, "Found tau2 'REMLL'; wanted REML, ML, DL"),
    "negative tau2": ({}, {"tau2": -0.5}, SynthesisError, "-0.5"),
    "tau2 without random effects": (
        {}, {"tau2": GeneralisedQ("equal"), "random": None}, SynthesisError, "Leave tau2 out",
    ),
    "weight of zero": (
        {"w": [1, 1, 1, 0, 2.0]}, {"weights": "w"}, SynthesisError, "d has weight 0 in column w",
    ),
    "no weight": (
        {"w": [1, np.nan, 1, 1, 2.0]}, {"weights": "w"}, SynthesisError, "b has no weight in column w",
    ),
    "no such column of weights": ({}, {"weights": "size"}, SynthesisError, "There is no column 'size'"),
    "no weight for a generalised Q": (
        {"w": [1, 1, -1, 1, 2.0]}, {"tau2": GeneralisedQ("w")}, SynthesisError, "c has weight -1",
    ),
    "published for independent estimates": (
        {"team": list("aabbc")}, {"random": "team", "tau2": "SJ"}, SynthesisError, "Sidik-Jonkman",
    ),
    "several variances by moments": (
        {"team": list("aabbc")}, {"random": "team/effect", "tau2": "DL"}, SynthesisError, "needs exactly one",
    ),
    "a random effect that is the moderator": (
        {"team": list("aabbc")},
        {"formula": "estimate ~ team", "random": "team"},
        SynthesisError,
        "cannot be told from the coefficients",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_refused_is_named(name: str) -> None:
    columns, settings, error, said = REFUSED[name]
    with pytest.raises(error, match=said):
        meta(trials(**columns), **settings)


def test_rows_with_nothing_in_them_are_dropped_and_counted() -> None:
    fit = meta(trials(estimate=[0.3, np.nan, -0.4, 0.8, 0.1], variance=[0.1, 0.1, 0.1, np.inf, 0.1]))
    assert fit.problem.n == 3
    assert fit.warnings[0].startswith("2 of 5 effects were dropped: b (no estimate); d (no")


@pytest.mark.parametrize("tau2", list(CHOICES))
def test_a_single_study_is_itself_by_any_estimator(tau2: str) -> None:
    fit = meta(trials().iloc[:1], tau2=tau2)
    assert fit.status == "single study"
    assert isinstance(fit.tau2, Inapplicable)
    assert isinstance(fit.tau2_error, Inapplicable)
    assert isinstance(fit.heterogeneity_interval(), Inapplicable)
    assert "nothing was pooled" in fit.warnings[0]


@pytest.mark.parametrize("tau2", list(CHOICES))
def test_two_studies_have_an_interval_on_one_degree_of_freedom(tau2: str) -> None:
    fit = meta(trials().iloc[:2], tau2=tau2)
    row = fit.tidy().iloc[0]
    assert row.df == 1
    assert row.lower < row.estimate < row.upper
    assert np.isfinite(float(fit.tau2))  # type: ignore[arg-type] # a number here


@pytest.mark.parametrize("inference", ["knapp-hartung", "knapp-hartung-wider", "knapp-hartung-iqwig"])
def test_two_studies_that_agree_exactly(inference: str) -> None:
    fit = meta(trials(estimate=[0.3, 0.3, 0.3, 0.3, 0.3]).iloc[:2], inference=inference)
    assert fit.tau2 == 0
    if inference == "knapp-hartung":
        assert any("without a width" in said for said in fit.warnings)
    else:
        assert fit.tidy().std_error[0] > 0


def test_a_level_with_one_study_is_said() -> None:
    fit = meta(trials(team=list("aabbc")), "estimate ~ team")
    assert "Level c of team has a single effect, which alone decides its coefficient." in fit.warnings
    found = subgroups(trials(team=list("aabbc")), "team")
    assert any("Subgroup c of team has a single effect" in said for said in found.warnings)


def test_tau2_at_the_boundary_is_said_with_what_it_implies() -> None:
    fit = meta(trials(estimate=[0.3, 0.31, 0.32, 0.3, 0.31]))
    assert fit.convergence.at_boundary
    facts = dict(fit.summary().facts)
    assert "weights are those of a common effect" in facts["tau2 is 0"]
    assert "tau2 is 0" not in dict(meta(trials()).summary().facts)
    assert "tau2 is 0" not in dict(meta(trials(), tau2=0.0).summary().facts)


@pytest.mark.parametrize("weights", ["equal", "w"])
def test_weights_of_ones_own_are_said(weights: str) -> None:
    fit = meta(trials(w=[1, 2, 3, 4, 5.0]), weights=weights)
    assert f"weights {weights}" in fit.method
    assert fit.augment()["weight"].sum() == pytest.approx(100)


def test_weights_that_are_equal_are_a_plain_mean() -> None:
    fit = meta(trials(variance=[0.1, 0.5, 0.2, 0.9, 0.3]), weights="equal", inference="z")
    assert fit.point.beta[0] == pytest.approx(np.mean([0.3, 0.9, -0.4, 0.8, 0.1]), rel=1e-12)


def test_a_generalised_q_with_equal_weights_is_hedges() -> None:
    data = trials(variance=[0.1, 0.5, 0.2, 0.1, 0.3], estimate=[0.3, 3.9, -2.4, 0.8, 0.1])
    one, other = meta(data, tau2=GeneralisedQ("equal")), meta(data, tau2="HE")
    assert one.tau2 == pytest.approx(other.tau2, rel=1e-12)
    assert one.tau2_error == pytest.approx(other.tau2_error, rel=1e-12)
    assert "a generalised Q with weights equal" in one.method


def explain(fit: Fit) -> str:
    return str(explained(fit))


def test_what_moderators_explain_and_when_nothing_can_be_said() -> None:
    data = trials(dose=[1, 4, 0, 3, 1.0], estimate=[0.3, 3.9, -2.4, 2.8, 0.1])
    found = explained(meta(data, "estimate ~ dose"))
    assert not isinstance(found, Inapplicable)
    assert 0 < found <= 100
    assert "intercept alone" in explain(meta(data))
    assert "estimated" in explain(meta(data, "estimate ~ dose", tau2=0.4))
    assert "intercept alone" in explain(meta(data, "estimate ~ 0 + dose"))
    calm = trials(dose=[1, 4, 0, 3, 1.0], estimate=[0.3, 0.31, 0.3, 0.31, 0.3])
    assert "nothing to explain" in explain(meta(calm, "estimate ~ dose"))
