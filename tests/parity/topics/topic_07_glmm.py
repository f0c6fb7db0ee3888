"""Binomial- and Poisson-normal models. R stops at the defaults of lme4 and nlminb; our likelihood must not be lower.

The numbers of R that are left out here, ``PARTS``, are among the disagreements.
"""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case
from synovia.kernel.solution import Solution
from synovia.synthesis import Fit, binomial_normal, log_rate_normal, logit_normal, poisson_normal
from synovia.synthesis.exact.binomial import make_two_group_model
from synovia.synthesis.exact.family import Binomial, Poisson
from synovia.synthesis.exact.mixed import Model, evaluate_at
from synovia.synthesis.exact.poisson import make_two_rate_model

SEARCHED = (
    1e-5  # coefficients where both searches ended at the same maximum, as a share of the standard error
)
EARLY = 5e-4  # the same where R integrates: glmer and nlminb stop about there; the likelihoods differ by 1e-6
LAPLACE = r"glmm_(OR_UM\.RS_ML_dat\.bcg|OR_mods_UM\.RS_dat\.bcg|IRR_UM\.RS_ML_dat\.hart1999)"
WALD = LAPLACE + r"|glmm_OR_CM\.EL_.*_dat\.bcg|glmm_OR_UM\.RS_EE_dat\.nielweise2007"
GROUPS = ("events_treatment", "n_treatment", "events_comparator", "n_comparator")
RATES = ("events_treatment", "time_treatment", "events_comparator", "time_comparator")


def check(case: Case) -> None:
    """One case."""
    table = prepare(case)
    options = read_options(case)
    fit = fit_case(case, table, options)
    at = fit.point
    assert isinstance(at, Solution)
    assert fit.convergence.converged
    compare_likelihood(fit, case, options)
    compare_estimates(fit, case)
    compare_errors(fit, case)
    compare_tests(at, case)
    compare_spread(at, fit, case)


def prepare(case: Case) -> pd.DataFrame:
    """Counts by our names, moderators as they are."""
    table = case.tables[0]
    if "tneg" in table:
        table = table.assign(
            ai=table.tpos, n1i=table.tpos + table.tneg, ci=table.cpos, n2i=table.cpos + table.cneg
        )
    if "PLO" in case.id:
        return table.rename(columns={"xi": "events", "ni": "n"})
    if "IRLN" in case.id:
        return table.rename(columns={"x1i": "events", "t1i": "time"})
    theirs, ours = (
        (("x1i", "t1i", "x2i", "t2i"), RATES) if "IRR" in case.id else (("ai", "n1i", "ci", "n2i"), GROUPS)
    )
    return table.drop(columns=["n1i", "n2i"] if "IRR" in case.id else []).rename(
        columns=dict(zip(theirs, ours, strict=True))
    )


def read_model(case: Case) -> str:
    found = re.findall(r'model="([\w.]+)"', case.call)
    return found[0] if found else ""


def read_options(case: Case) -> dict[str, Any]:
    """R's number of points: Laplace with two random effects, adaptive integration for CM.EL, else seven."""
    random = 'method="EE"' not in case.call
    named = re.findall(r"nAGQ=(\d+)", case.call)
    points = int(named[0]) if named else 7
    if read_model(case) == "UM.RS" and random:
        points = 1
    if read_model(case) == "CM.EL":
        points = 41
    return {"random": random, "points": points}


def fit_case(case: Case, table: pd.DataFrame, options: dict[str, Any]) -> Fit:
    """The model of the call."""
    formula = "~ ablat" if "mods" in case.id else "~ 1"
    if "PLO" in case.id:
        return logit_normal(table, formula, **options)
    if "IRLN" in case.id:
        return log_rate_normal(table, formula, **options)
    if "IRR" in case.id:
        return poisson_normal(table, read_model(case), formula, **options)  # type: ignore[arg-type]
    return binomial_normal(table, read_model(case), formula, **options)  # type: ignore[arg-type]


def rebuild(fit: Fit, case: Case, options: dict[str, Any]) -> Model:
    """The model that was fitted, to evaluate it elsewhere."""
    design, used = fit.problem.X, fit.rows.used
    none = np.zeros((design.shape[0], 1))
    if "PLO" in case.id or "IRLN" in case.id:
        kind, size = (Binomial, "n") if "PLO" in case.id else (Poisson, "time")
        family = kind(used[["events"]].to_numpy(float), used[[size]].to_numpy(float))
        return Model(family, design, none, "none", points=options["points"])
    make: Any
    make, names = (make_two_rate_model, RATES) if "IRR" in case.id else (make_two_group_model, GROUPS)
    values = used[list(names)].to_numpy(float).T
    model: Model = make(read_model(case), values, {"points": options["points"]})(design)
    return model


def compare_likelihood(fit: Fit, case: Case, options: dict[str, Any]) -> None:
    """No lower than at R's estimates; equal to R's own number where that is the marginal one."""
    r = case.results
    beta, sigma2 = np.array(list(r["beta"].values())), r["sigma2"] or 0.0
    theirs = evaluate_at(rebuild(fit, case, options), beta, r["tau2"], sigma2)
    assert fit.point.log_ml >= theirs - 1e-8
    assert fit.point.log_ml - theirs < 1e-3
    if not has_relative_likelihood(case):
        reported = r["fit.stats"]["data"][0][0]
        assert fit.point.log_ml >= reported - 1e-7
        assert fit.point.log_ml == pytest.approx(reported, abs=4e-4)


def has_relative_likelihood(case: Case) -> bool:
    """Whether glmer integrated over one random effect; then what R reports is no marginal likelihood."""
    if read_model(case) == "UM.RS":
        return 'method="EE"' in case.call
    return read_model(case) != "CM.EL" and float(case.results["tau2"]) > 1e-6


def check_likelihood(case: Case) -> None:
    """The log-likelihood that R reports."""
    fit = fit_case(case, prepare(case), read_options(case))
    assert fit.point.log_ml == pytest.approx(case.results["fit.stats"]["data"][0][0], abs=4e-4)


def compare_estimates(fit: Fit, case: Case) -> None:
    """Coefficients and variances."""
    r, at = case.results, fit.point
    assert isinstance(at, Solution)
    error = np.sqrt(np.diag(at.cov))
    stopped = "UM.FS_ML_dat.nielweise" in case.id  # R said so itself
    integrated = bool(fit.settings.random) or read_model(case) == "UM.RS"
    apart = np.abs(at.beta - np.array(list(r["beta"].values()))) / error
    assert apart.max() < (2e-3 if stopped else EARLY if integrated else SEARCHED)
    if fit.settings.random:
        assert fit.tau2 == pytest.approx(r["tau2"], rel=1e-3 if stopped else 2e-4, abs=1e-4)
    if r["sigma2"] is not None:
        assert dict(at.others)["sigma2"] == pytest.approx(r["sigma2"], rel=1e-4, abs=1e-5)


def compare_errors(fit: Fit, case: Case) -> None:
    """Standard errors and what follows from them."""
    r, row, at = case.results, fit.tidy(), fit.point
    assert isinstance(at, Solution)
    tolerance = 1e-2 if re.fullmatch(LAPLACE, case.id) else 5e-4
    assert row.std_error.to_numpy() == pytest.approx(r["se"], rel=tolerance)
    assert row.lower.to_numpy() == pytest.approx(r["ci.lb"], rel=tolerance, abs=tolerance)
    assert row.upper.to_numpy() == pytest.approx(r["ci.ub"], rel=tolerance, abs=tolerance)
    if r["se.tau2"]:
        assert dict(at.others)["tau2_std_error"] == pytest.approx(r["se.tau2"], rel=5e-4)


def check_errors(case: Case) -> None:
    """Standard errors as close as those of the other models."""
    row = fit_case(case, prepare(case), read_options(case)).tidy()
    assert row.std_error.to_numpy() == pytest.approx(case.results["se"], rel=5e-4)


def compare_tests(at: Solution, case: Case) -> None:
    """Equality of the effects."""
    r, found = case.results, {test.name: test for test in at.tests}
    ratio = found["Heterogeneity, likelihood ratio"]
    assert ratio.df == r["QE.df"]
    assert ratio.statistic == pytest.approx(r["QE.LRT"], rel=1e-4)
    assert ratio.p_value == pytest.approx(r["QEp.LRT"], rel=1e-2)
    if not re.fullmatch(WALD, case.id):
        compare_wald(at, case)
    elif read_model(case) == "CM.EL":
        assert found["Heterogeneity, Wald"].statistic == pytest.approx(r["QE.LRT"], rel=0.1)


def compare_wald(at: Solution, case: Case) -> None:
    """Wald's test of equal effects."""
    found = {test.name: test.statistic for test in at.tests}
    assert found["Heterogeneity, Wald"] == pytest.approx(case.results["QE.Wld"], rel=1e-3)


def check_wald(case: Case) -> None:
    """Wald's test where R differs."""
    at = fit_case(case, prepare(case), read_options(case)).point
    assert isinstance(at, Solution)
    compare_wald(at, case)


def compare_spread(at: Solution, fit: Fit, case: Case) -> None:
    """I² and H² follow from tau2."""
    r = case.results
    if fit.settings.random and r["tau2"] > 1e-3:
        glance = fit.glance().iloc[0]
        assert glance["i2"] == pytest.approx(r["I2"], rel=1e-3)
        assert glance["h2"] == pytest.approx(r["H2"], rel=1e-3)
    assert at.log_ml <= 0


PARTS = {
    "the log-likelihood of glmer": check_likelihood,
    "standard errors by Laplace": check_errors,
    "Wald's test": check_wald,
}
