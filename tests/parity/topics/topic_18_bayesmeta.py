"""Posteriors of R's bayesmeta: quantiles, densities, shrinkage, prediction and Bayes factors.

bayesmeta cuts tau into bins whose conditional means differ by a tolerance (DIRECT: delta = 0.005 here, 0.01
by default); what lies between is one normal per bin. Quantiles of the effect therefore carry about 1e-4 of a
standard deviation, far tails more; tau itself is integrated by R's adaptive quadrature.
"""

import re

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case
from synovia.kernel.coefficient_prior import condition, flat
from synovia.kernel.likelihoods import evaluate_likelihoods
from synovia.synthesis import Fit, Inapplicable, meta
from synovia.synthesis.bayes import HalfCauchy, HalfNormal, HalfT, LogNormal, Normal, Posterior, Prior, bayes
from synovia.synthesis.bayes.bayes_factors import bayes_factor

TAU = 1e-6  # root finding of R's quantiles
EFFECT = 1e-3  # bins of DIRECT, in the units of the effect: quantiles, relative to the standard deviation
SMALL_DENSITY = 2e-2  # the same bins in the far tail, relative to the density
SEARCHED = 1e-4  # R's optimise()
AT = np.array([0.05, 0.1, 0.3, 0.7])  # where the fixtures give the density of tau


def check(case: Case) -> None:
    """One case."""
    if case.id.startswith("bmr_"):
        check_regression(case)
        return
    posterior = bayes(fit_case(case), find_tau(case.call), find_mean(case.call))
    kind = "equal-tailed" if "central" in case.call else "shortest"
    check_tau(posterior, case, kind)
    check_effect(posterior, case, kind)
    check_studies(posterior, case, kind)
    check_factors(posterior, case)


def fit_case(case: Case) -> Fit:
    """The fit whose likelihood it is."""
    data = case.tables[0].rename(columns={"yi": "estimate", "vi": "variance"})
    return meta(data, inference="z")


def find_tau(call: str) -> Prior | str:
    """The prior of tau that the call asks for."""
    name = re.search(r'tau\.prior="(\w+)"', call)
    if name:
        return name.group(1)
    kind, arguments = re.findall(r"d(\w+)\(t, ([^)]*)\)", call)[0]
    numbers = [float(text.split("=")[-1]) for text in arguments.split(",")]
    if kind == "halft":
        return HalfT(df=numbers[0], scale=numbers[1])
    if kind == "lnorm":
        return LogNormal(numbers[0], numbers[1], on="tau")
    return HalfNormal(numbers[0]) if kind == "halfnormal" else HalfCauchy(numbers[0])


def find_mean(call: str) -> Normal | None:
    """The prior of the mean."""
    found = re.search(r'mu\.prior=c\("mean"=([^,]+),"sd"=([^)]+)\)', call)
    return Normal(float(found.group(1)), float(found.group(2))) if found else None


def read_summary(case: Case, name: str = "summary") -> pd.DataFrame:
    """A matrix of the fixtures with its names."""
    theirs = case.results[name]
    return pd.DataFrame(theirs["data"], index=theirs["rows"], columns=theirs["cols"], dtype=float)


def check_tau(posterior: Posterior, case: Case, kind: str) -> None:
    """Quantiles, moments, limits and density of tau."""
    theirs, row = read_summary(case)["tau"], posterior.variances(kind).iloc[0]
    curve = posterior.quadrature.curves[0]
    shares = [0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975]
    assert curve.quantile(np.array(shares)) == pytest.approx(
        list(case.results["q_tau"].values()), abs=TAU, rel=TAU
    )
    assert row["mean"] == pytest.approx(theirs["mean"], rel=SEARCHED)
    assert row["std_error"] == pytest.approx(theirs["sd"], rel=SEARCHED)
    assert row["mode"] == pytest.approx(theirs["mode"], abs=SEARCHED)
    limits = theirs[["95% lower", "95% upper"]].tolist()
    # where the density is flat a shortest interval slides at no cost: its width is what is determined
    assert [row["lower"], row["upper"]] == pytest.approx(limits, abs=5e-3)
    assert row["upper"] - row["lower"] == pytest.approx(limits[1] - limits[0], abs=2e-4)
    assert curve.density(AT) == pytest.approx(case.results["dens_tau"], rel=SEARCHED)
    weights = 1 / posterior.model.problem.V.diagonal
    typical = (weights.size - 1) * weights.sum() / (weights.sum() ** 2 - (weights**2).sum())
    share = row["estimate"] ** 2 / (row["estimate"] ** 2 + typical)
    assert share == pytest.approx(case.results["I2"], rel=SEARCHED)


def check_effect(posterior: Posterior, case: Case, kind: str) -> None:
    """Quantiles of the mean and of a new study, densities, and the mean at a given tau."""
    theirs = read_summary(case)
    coefficient, new = posterior.coefficients, posterior.new_study()
    assert not isinstance(new, Inapplicable)
    for found, name, column in ((coefficient, "q_mu", "mu"), (new, "q_pred", "theta")):
        shares = [int(text[1:]) / 10 ** (len(text) - 1) for text in case.results[name]]
        sd = theirs[column]["sd"]
        quantiles = found.quantile(shares)[:, 0]
        assert quantiles == pytest.approx(list(case.results[name].values()), abs=EFFECT * sd * 5)
        assert found.mean()[0] == pytest.approx(theirs[column]["mean"], abs=EFFECT * sd)
        assert found.sd()[0] == pytest.approx(sd, rel=3 * EFFECT)  # bins end where 1e-5 of tau is left
        assert found.mode()[0] == pytest.approx(theirs[column]["mode"], abs=5 * EFFECT * sd)
        limits = found.shortest(0.95) if kind == "shortest" else found.equal_tailed(0.95)
        assert limits[:, 0] == pytest.approx(
            theirs[column][["95% lower", "95% upper"]].tolist(), abs=5 * EFFECT * sd
        )
    assert posterior.probability(below=0.0) == pytest.approx(case.results["p_mu_lt0"], abs=EFFECT / 10)
    assert coefficient.density([0.0])[0] == pytest.approx(case.results["dens_mu0"], rel=SMALL_DENSITY)
    check_given(posterior, case)


def check_given(posterior: Posterior, case: Case) -> None:
    """The mean where tau is 0.2: closed form."""
    model = posterior.model
    at = evaluate_likelihoods(model.problem, np.array([[0.04]]))
    _, mean, cov = condition(at, model.beta[0] if model.beta else flat(1))
    theirs = np.array(case.results["cond_mu_tau0.2"]["data"]).reshape(-1)
    assert [mean[0, 0], np.sqrt(cov[0, 0, 0])] == pytest.approx(theirs, rel=1e-9)


def check_studies(posterior: Posterior, case: Case, kind: str) -> None:
    """Shrinkage of every study."""
    theirs, ours = read_summary(case, "theta"), posterior.shrinkage(kind)
    names = {
        "estimate": "median",
        "mean": "mean",
        "std_error": "sd",
        "lower": "95% lower",
        "upper": "95% upper",
    }
    for mine, name in names.items():
        gap = np.abs(ours[mine].to_numpy() - theirs.loc[name].to_numpy()) / theirs.loc["sd"].to_numpy()
        assert gap.max() < 5 * EFFECT, mine


def check_factors(posterior: Posterior, case: Case) -> None:
    """Bayes factors of no effect and of no heterogeneity, where bayesmeta gives them."""
    theirs = read_summary(case, "bayesfactor")
    for name, column in (("tau", "tau=0"), ("Intercept", "mu=0")):
        actual, least = theirs[column]["actual"], theirs[column]["minimum"]
        found = bayes_factor(posterior, name)
        if not np.isnan(actual):
            assert found.value == pytest.approx(actual, rel=1e-3)  # two of R's integrals
        if not np.isnan(least):
            assert found.minimum == pytest.approx(least, rel=1e-3)


def check_regression(case: Case) -> None:
    """Two coefficients; bmr at its default accuracy."""
    data = case.tables[0].rename(columns={"yi": "estimate", "vi": "variance"})
    posterior = bayes(meta(data, "estimate ~ ablat", inference="z"), HalfNormal(0.5))
    theirs = read_summary(case)
    ours, tau = posterior.tidy(), posterior.variances().iloc[0]
    names = {
        "mean": "mean",
        "std_error": "sd",
        "estimate": "median",
        "lower": "95% lower",
        "upper": "95% upper",
    }
    for mine, name in names.items():
        for row, column in enumerate(("var001", "var002")):
            gap = abs(ours[mine][row] - theirs[column][name]) / theirs[column]["sd"]
            assert gap < 2e-2, (mine, column)
        assert tau[mine] == pytest.approx(theirs["tau"][name], abs=1e-3), mine
    curve = posterior.quadrature.curves[0]
    assert curve.quantile(np.array([0.025, 0.5, 0.975])) == pytest.approx(case.results["q_tau"], abs=TAU)
