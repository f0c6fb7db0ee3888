"""Posteriors of fits: identities, refusals, and refitting where a shortcut is taken."""

import importlib.util
import warnings

import numpy as np
import pandas as pd
import pytest

import synovia as sv
from synovia.errors import MissingExtra, SynthesisError
from synovia.synthesis import Inapplicable, meta
from synovia.synthesis.bayes import (
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    LogNormal,
    LogT,
    Mixture,
    Normal,
    Posterior,
    PowerPrior,
    Prior,
    Uniform,
    average_models,
    bayes,
    bayes_factor,
    binomial_network,
    case_influence,
    empirical_prior,
    list_empirical_priors,
    prior_sensitivity,
)
from synovia.synthesis.bayes.reference_priors import NAMED
from synovia.synthesis.refit import refit

CLOSED = 1e-9  # two routes to the same number through the same nodes
NODES = 1e-6  # different nodes for the same integral: the tolerance of the rule


def evidence(posterior: Posterior) -> float:
    found = posterior.log_evidence
    assert not isinstance(found, Inapplicable)
    return found


@pytest.fixture(scope="module")
def bcg() -> sv.Fit:
    return meta(
        sv.effect_sizes(
            sv.example("bcg").data,
            "RR",
            events=("events_treatment", "events_comparator"),
            n=("n_treatment", "n_comparator"),
        ),
        inference="z",
    )


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "estimate": [0.1, 0.4, 0.3, -0.1, 0.6],
            "variance": [0.02, 0.03, 0.01, 0.05, 0.04],
            "study": list("abcde"),
        }
    )


@pytest.mark.parametrize(
    "prior",
    [
        HalfNormal(0.5), HalfCauchy(0.5), HalfT(0.5, 3.0), LogNormal(-2.0, 1.2), LogNormal(-1.0, 0.7, on="tau"),
        LogT(-3.4, 2.5), InverseGamma(2.0, 0.1), InverseGamma(2.0, 0.3, on="tau"), Uniform(0.0, 4.0),
        *[prior for prior in NAMED.values() if prior.proper],
    ],
)  # fmt: skip
def test_proper_priors_integrate_to_one(prior: Prior) -> None:
    v = np.array([0.02, 0.03, 0.01, 0.2])
    x = np.linspace(-60, 60, 240_001)
    tau = np.exp(x)
    with np.errstate(over="ignore", invalid="ignore"):
        heights = np.exp(prior.log_density(tau, v)) * tau
    # the uniform prior has a jump, which a sum over cells meets to half a cell
    assert np.nansum(heights) * (x[1] - x[0]) == pytest.approx(
        1, abs=1e-3 if isinstance(prior, Uniform) else 1e-6
    )


def test_mixture_of_one_is_its_component(bcg: sv.Fit) -> None:
    one = bayes(bcg, HalfNormal(0.5), Normal(-0.2, 0.6))
    two = bayes(bcg, HalfNormal(0.5), Mixture((0.4, 0.6), (Normal(-0.2, 0.6), Normal(-0.2, 0.6))))
    for name in ("estimate", "std_error", "lower", "upper"):
        assert two.tidy()[name][0] == pytest.approx(one.tidy()[name][0], rel=CLOSED)
    assert evidence(two) == pytest.approx(evidence(one), abs=CLOSED)


def test_robust_mixture_moves_its_weight_where_the_data_are(bcg: sv.Fit) -> None:
    prior = Mixture((0.9, 0.1), (Normal(2.0, 0.05), Normal(0.0, 4.0)))
    found = bayes(bcg, HalfNormal(0.5), prior)
    wide = bayes(bcg, HalfNormal(0.5), Normal(0.0, 4.0))
    assert found.coefficients.mean()[0] == pytest.approx(wide.coefficients.mean()[0], abs=1e-3)
    assert found.quadrature.weights[found.quadrature.component == 1].sum() > 0.999


def test_power_prior_at_its_ends(bcg: sv.Fit) -> None:
    flat, none = bayes(bcg, HalfNormal(0.5)), bayes(bcg, HalfNormal(0.5), PowerPrior(-0.5, 0.3, 0.0))
    assert none.tidy()["mean"][0] == pytest.approx(flat.tidy()["mean"][0], rel=CLOSED)
    full, plain = (bayes(bcg, HalfNormal(0.5), p) for p in (PowerPrior(-0.5, 0.3, 1.0), Normal(-0.5, 0.3)))
    assert full.tidy()["mean"][0] == pytest.approx(plain.tidy()["mean"][0], rel=CLOSED)


def test_a_narrow_prior_of_the_mean_is_a_study(trials: pd.DataFrame) -> None:
    """A normal prior says what a study without heterogeneity says: the evidence differs by that density."""
    with_prior = bayes(meta(trials, random=None, inference="z"), beta=Normal(0.5, 0.2))
    more = pd.concat([trials, pd.DataFrame({"estimate": [0.5], "variance": [0.04], "study": ["f"]})])
    with_study = bayes(meta(more, random=None, inference="z"))
    assert with_prior.tidy()["mean"][0] == pytest.approx(with_study.tidy()["mean"][0], rel=CLOSED)
    assert evidence(with_prior) == pytest.approx(evidence(with_study), abs=CLOSED)


def test_shrinkage_is_the_joint_posterior(trials: pd.DataFrame) -> None:
    """Study effects as one more coefficient each: the mean of all of them, by brute force over tau."""
    posterior = bayes(meta(trials, inference="z"), HalfNormal(0.5))
    nodes, y, v = posterior.quadrature, trials["estimate"].to_numpy(), trials["variance"].to_numpy()
    expected = np.zeros(5)
    for weight, psi, beta in zip(nodes.weights, nodes.psi[:, 0], nodes.beta[:, 0], strict=True):
        expected += weight * (y * psi + beta * v) / (psi + v)
    assert posterior.shrinkage()["mean"].to_numpy() == pytest.approx(expected, rel=1e-7)


def test_shrinkage_with_shared_effects_is_that_with_independent_ones(trials: pd.DataFrame) -> None:
    plain = bayes(meta(trials, inference="z"), HalfNormal(0.5)).shrinkage()
    covariance = np.diag(trials["variance"])
    covariance[0, 1] = covariance[1, 0] = 1e-12
    dense = bayes(meta(trials, covariance=covariance, inference="z"), HalfNormal(0.5))
    for name in ("mean", "std_error", "lower"):
        assert dense.shrinkage()[name].to_numpy() == pytest.approx(plain[name].to_numpy(), rel=NODES)


def test_case_influence_is_refitting(bcg: sv.Fit) -> None:
    posterior = bayes(bcg, HalfNormal(0.5))
    found = case_influence(posterior).tidy()
    assert found["reliable"].all()
    for row in (0, 3, 7):
        keep = np.arange(13) != row
        again = bayes(refit(bcg, keep), HalfNormal(0.5))
        assert found["mean"][row] == pytest.approx(again.tidy()["mean"][0], abs=1e-6)
        assert found["std_error"][row] == pytest.approx(again.tidy()["std_error"][0], rel=1e-5)
        ratio = evidence(posterior) - evidence(again)
        assert found["log_predictive"][row] == pytest.approx(ratio, abs=1e-5)


def test_an_estimate_that_a_coefficient_rests_on_has_no_deletion(trials: pd.DataFrame) -> None:
    fit = meta(trials.assign(last=[0, 0, 0, 0, 1]), "estimate ~ last", inference="z")
    found = case_influence(bayes(fit, HalfNormal(0.5))).tidy()
    assert found["log_predictive"].isna().tolist() == [False] * 4 + [True]
    assert not found["reliable"][4]


def test_correlations_have_all_moments() -> None:
    fit = meta(
        sv.example("berkey1998").data,
        "estimate ~ 0 + outcome",
        random="CS(outcome | study_id)",
        inference="z",
    )
    found = bayes(fit, HalfNormal(0.3)).variances()
    assert found["name"].tolist() == ["tau[outcome]", "rho[outcome]"]
    assert found["std_error"].notna().all()
    assert found["upper"].max() <= 1


def test_evidence_of_tau_zero_is_the_common_effect_model(bcg: sv.Fit, trials: pd.DataFrame) -> None:
    posterior = bayes(meta(trials, inference="z"), HalfNormal(0.5), Normal(0, 1))
    common = bayes(meta(trials, random=None, inference="z"), beta=Normal(0, 1))
    found = bayes_factor(posterior, "tau")
    assert isinstance(found.value, float)
    assert found.value == pytest.approx(np.exp(evidence(common) - evidence(posterior)), rel=1e-7)
    both = average_models({"common": common, "random": posterior})
    assert both.probabilities[0] == pytest.approx(found.value / (1 + found.value), rel=1e-7)
    assert both.probability(0.0) == pytest.approx(
        both.probabilities @ [common.probability(0.0), posterior.probability(0.0)]
    )
    assert len(both.tidy()) == len(both.models()) - 1
    assert isinstance(bayes_factor(bayes(bcg, "uniform"), "Intercept").value, Inapplicable)


def test_network_and_multilevel_fits_have_posteriors() -> None:
    schools = sv.example("konstantopoulos2011").data
    found = bayes(meta(schools, random="district/study", inference="z"), HalfNormal(0.5))
    assert found.quadrature.error < NODES
    # brute force on 161 x 161 points
    assert found.coefficients.mean()[0] == pytest.approx(0.1836848, abs=1e-6)
    assert [c.mean() for c in found.quadrature.curves] == pytest.approx([0.2838348, 0.1875463], abs=1e-6)
    assert found.predict()["prediction_lower"][0] < found.predict()["lower"][0]


def test_draws_follow_the_posterior(bcg: sv.Fit) -> None:
    posterior = bayes(bcg, HalfNormal(0.5))
    drawn = posterior.draw(40_000, seed=3)
    row, tau = posterior.tidy().iloc[0], posterior.variances().iloc[0]
    # five standard errors of 40,000 draws
    assert drawn.beta.mean() == pytest.approx(row["mean"], abs=5 * row["std_error"] / 200)
    assert drawn.natural.mean() == pytest.approx(tau["mean"], abs=5 * tau["std_error"] / 200)
    assert np.array_equal(posterior.draw(10, seed=3).beta, posterior.draw(10, seed=3).beta)


def test_arviz_is_named_where_it_is_missing(bcg: sv.Fit) -> None:
    posterior = bayes(bcg, HalfNormal(0.5))
    if importlib.util.find_spec("arviz") is None:
        with pytest.raises(MissingExtra, match=r"pip install 'synovia\[arviz\]'"):
            posterior.to_inference_data()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # arviz announces its next version once a day
        found = posterior.to_inference_data(400, chains=2)
    assert found.posterior.sizes["draw"] == 200


def test_binomial_network_of_two_is_a_sum_over_a_fine_grid() -> None:
    arms = pd.DataFrame(
        {
            "study": ["a", "a", "b", "b"],
            "treatment": ["p", "x"] * 2,
            "events": [10, 5, 12, 0],
            "n": [50, 50, 60, 60],
        }
    )
    found = binomial_network(arms, tau=HalfNormal(0.5), effect_sd=3.0, baseline_sd=10.0)
    d, mu, z = np.linspace(-9, 6, 151), np.linspace(-12, 8, 201), np.linspace(-6, 6, 61)
    tau = np.linspace(0, 2.5, 41)
    eta = mu[:, None] + d  # (mu, d), with the random effect added one node at a time
    heights = np.zeros((tau.size, d.size))
    for place, one in enumerate(tau):
        log_like = np.zeros(d.size)
        for y, n in (((10, 5), (50, 50)), ((12, 0), (60, 60))):
            arm = []
            for events, total, base in (
                (y[0], n[0], np.broadcast_to(mu[:, None], eta.shape)),
                (y[1], n[1], eta),
            ):
                shifted = base[..., None] + one / np.sqrt(2) * z
                inner = events * shifted - total * np.logaddexp(0, shifted) - z * z / 2
                arm.append(np.logaddexp.reduce(inner, axis=-1))
            log_like += np.logaddexp.reduce(arm[0] + arm[1] - (mu[:, None] / 10) ** 2 / 2, axis=0)
        heights[place] = log_like - (d / 3) ** 2 / 2 - (one / 0.5) ** 2 / 2
    heights[0] -= np.log(2)  # half a cell at tau = 0
    weights = np.exp(heights - heights.max())
    weights /= weights.sum()
    mean = weights.sum(axis=0) @ d
    assert found.tidy()["mean"][0] == pytest.approx(
        mean, abs=2e-3
    )  # one rule of seven nodes over a skewed effect
    assert found.tidy()["std_error"][0] == pytest.approx(
        (weights.sum(axis=0) @ (d - mean) ** 2) ** 0.5, rel=1e-2
    )
    assert found.variances()["mean"][0] == pytest.approx(weights.sum(axis=1) @ tau, rel=2e-3)
    assert found.compare("x", "p")["mean"][0] == pytest.approx(-found.compare("p", "x")["mean"][0])
    assert found.probability("p", "x") > 0.9


def test_bad_counts_are_one_sentence() -> None:
    arms = pd.DataFrame({"study": ["a", "a"], "treatment": ["p", "x"], "events": [1, 2], "n": [10, 10]})
    with pytest.raises(SynthesisError, match="wanted 0 to as many"):
        binomial_network(arms.assign(events=[11, 2]))
    with pytest.raises(SynthesisError, match="two arms of p"):
        binomial_network(arms.assign(treatment="p"))
    with pytest.raises(SynthesisError, match="has one arm"):
        binomial_network(arms.assign(study=["a", "b"]))
    apart = pd.concat([arms, arms.assign(study="b", treatment=["y", "z"])], ignore_index=True)
    with pytest.raises(SynthesisError, match="parts that no trial connects: p, x; y, z"):
        binomial_network(apart)
    silent = pd.concat([arms, arms.assign(study="b", events=0)], ignore_index=True)
    assert "Left out, with no event" in binomial_network(silent, tau=None).warnings[0]


def test_two_studies_with_a_flat_prior_are_refused(trials: pd.DataFrame) -> None:
    fit = meta(trials[:2], inference="z")
    with pytest.raises(SynthesisError, match=r"improper: with the prior Uniform.*2 estimates.*proper prior"):
        bayes(fit, "uniform")
    assert bayes(fit, "Jeffreys").tidy()["estimate"].notna().all()
    three = bayes(meta(trials[:3], inference="z"), "uniform")
    assert np.isnan(three.tidy()["mean"][0])  # no mean exists with three studies and a flat prior
    assert isinstance(three.log_evidence, Inapplicable)


def test_bad_input_is_one_sentence(bcg: sv.Fit, trials: pd.DataFrame) -> None:
    with pytest.raises(SynthesisError, match="no prior for tau"):
        bayes(bcg)
    with pytest.raises(SynthesisError, match="wanted one of uniform, sqrt"):
        bayes(bcg, "vague")
    with pytest.raises(SynthesisError, match="the parameters are tau"):
        bayes(bcg, {"tau[lab]": HalfNormal(1)})
    with pytest.raises(SynthesisError, match="the coefficients are Intercept"):
        bayes(bcg, HalfNormal(1), {"dose": Normal(0, 1)})
    with pytest.raises(SynthesisError, match="finite number above 0"):
        HalfNormal(-1)
    with pytest.raises(SynthesisError, match=r"both limits, such as Uniform\(0, 10\)"):
        Uniform(10)
    with pytest.raises(SynthesisError, match="from 0 to 1"):
        PowerPrior(0, 1, 2)
    with pytest.raises(SynthesisError, match="wanted an outcome of"):
        empirical_prior("love", "pharmacological vs control")
    with pytest.raises(SynthesisError, match="wanted one of shortest, equal-tailed"):
        bayes(bcg, HalfNormal(1)).tidy("central")
    with pytest.raises(SynthesisError, match="has no evidence"):
        average_models({"flat": bayes(meta(trials), "uniform")})


def test_published_priors_name_their_source() -> None:
    found = list_empirical_priors()
    assert len(found) == 80 + 38
    assert all("2015" in one.source for one in found)
    # the medians of tau2 that Turner et al. print for mortality, pharmacological against control
    assert np.exp(-3.95) == pytest.approx(0.0193, abs=1e-4)


def test_sensitivity_is_one_posterior_for_each_prior(bcg: sv.Fit) -> None:
    found = prior_sensitivity(
        bcg, {"narrow": HalfNormal(0.1), "wide": HalfNormal(2.0), "none": "uniform"}
    ).tidy()
    widths = (found["upper"] - found["lower"]).to_numpy()
    assert widths[0] < widths[1] < widths[2]
    assert found["log_evidence"].isna().tolist() == [False, False, True]


def test_density_holds_the_mass(bcg: sv.Fit) -> None:
    posterior = bayes(bcg, HalfNormal(0.5))
    for term in ("Intercept", "tau"):
        frame = posterior.density(term)
        assert np.trapezoid(frame["density"], frame["x"]) == pytest.approx(0.998, abs=2e-3)
    assert posterior.probability(-1.0, below=0.0) == pytest.approx(
        posterior.probability(above=-1.0) - posterior.probability(above=0.0), abs=1e-12
    )
    assert "tau" in posterior.summary().as_text()
    assert posterior.hdi("tau") == pytest.approx(posterior.variances()[["lower", "upper"]].iloc[0].tolist())
