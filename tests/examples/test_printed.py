"""Every number that a paper printed about a shipped data set, found again by a fit, to the digits printed."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.special import expit

from synovia.effects import Counts, Effect, log_odds_ratio, logit_proportion, risk_difference
from synovia.examples import example, examples
from synovia.synthesis import Fit, binomial_normal, log_rate_normal, logit_normal, meta, poisson_normal

Floats = npt.NDArray[np.float64]
Numbers = dict[str, float]
Refit = Callable[[pd.DataFrame, str], Numbers]

REFITS: dict[tuple[str, str], Refit] = {}


def refit(name: str, *models: str) -> Callable[[Refit], None]:
    """Register a function of the data and the model's words that finds the printed numbers again."""

    def register(function: Refit) -> None:
        REFITS.update({(name, model): function for model in models})

    return register


def counts(data: pd.DataFrame, group: str) -> Counts:
    return Counts(data[f"events_{group}"].to_numpy(float), data[f"n_{group}"].to_numpy(float))


def join(data: pd.DataFrame, effect: Effect, times: float = 1.0) -> pd.DataFrame:
    return data.assign(estimate=times * effect.estimate, variance=times**2 * effect.variance)


def pool(data: pd.DataFrame, words: str, formula: str = "estimate ~ 1", inference: str = "z") -> Fit:
    """The estimator that the words name, with a normal interval unless said otherwise."""
    if "common effect" in words:
        return meta(data, formula, random=None, inference=inference)
    tau2 = next(kind for kind in ("REML", "ML", "DL") if f"({kind})" in words)
    return meta(data, formula, tau2=tau2, inference=inference)


def read(fit: Fit, transform: Callable[[float], float] = float, of: str = "mean") -> Numbers:
    """Estimate, standard error, limits and heterogeneity of the first coefficient, by their printed names."""
    row = fit.tidy().iloc[0]
    tau2 = float(fit.tau2) if isinstance(fit.tau2, float) else np.nan
    return {
        of: transform(row["estimate"]),
        "SE": row["std_error"],
        "z": row["statistic"],
        "t": row["statistic"],
        "lower 95 %": transform(row["lower"]),
        "upper 95 %": transform(row["upper"]),
        "tau2": tau2,
        "tau": np.sqrt(tau2),
        "Q": fit.glance()["q"][0],
    }


def name_variances(fit: Fit) -> dict[str, float]:
    table = fit.variances()
    return dict(zip(table["name"], table["estimate"], strict=True))


@refit(
    "bcg",
    "log odds ratio, common effect, exponentiated",
    "log odds ratio, random effects (ML), exponentiated",
)
def _(data: pd.DataFrame, words: str) -> Numbers:
    effects = join(data, log_odds_ratio(counts(data, "treatment"), counts(data, "comparator")))
    return read(pool(effects, words), np.exp, "odds ratio")


@refit("bcg", "log odds ratio on latitude, random effects (ML)")
def _(data: pd.DataFrame, words: str) -> Numbers:
    effects = join(data, log_odds_ratio(counts(data, "treatment"), counts(data, "comparator")))
    fit = pool(effects, words, "estimate ~ latitude")
    beta, error = fit.tidy()["estimate"], fit.tidy()["std_error"]
    slope = {"latitude": beta[1], "SE of latitude": error[1]}
    return {"intercept": beta[0], "SE of intercept": error[0], "tau2": float(str(fit.tau2)), **slope}


@refit("bcg", "log odds of both arms, unstructured (ML)")
def _(data: pd.DataFrame, _words: str) -> Numbers:
    arms = [
        join(data[["study_id"]].assign(arm=arm), logit_proportion(counts(data, group)))
        for arm, group in (("unvaccinated", "comparator"), ("vaccinated", "treatment"))
    ]
    rows, random = pd.concat(arms), "UN(arm | study)"
    both = meta(rows, "estimate ~ 0 + arm", random=random, tau2="ML", inference="z")
    fit = meta(rows, "estimate ~ arm", random=random, tau2="ML", inference="z")
    difference = fit.tidy().iloc[1]
    beta, variances = both.tidy()["estimate"], name_variances(both)
    return {
        "unvaccinated": beta[0],
        "vaccinated": beta[1],
        "variance, unvaccinated": variances["tau2[unvaccinated]"],
        "variance, vaccinated": variances["tau2[vaccinated]"],
        "correlation": variances["rho[unvaccinated, vaccinated]"],
        "log odds ratio": difference["estimate"],
        "SE of log odds ratio": difference["std_error"],
    }


@refit("berkey1998", "both outcomes on year less 1983, unstructured (ML)")
def _(data: pd.DataFrame, _words: str) -> Numbers:
    trial = data["study_id"].to_numpy()
    covariance = np.where(trial[:, None] == trial, data["covariance"], 0.0)
    np.fill_diagonal(covariance, data["variance"])
    fit = meta(
        data.assign(since=data["year"] - 1983),
        "estimate ~ 0 + outcome + outcome:since",
        covariance=covariance,
        random="UN(outcome | study)",
        tau2="ML",
        inference="z",
    )
    names = ("AL", "PD", "AL on year", "PD on year")
    table, variances = fit.tidy(), name_variances(fit)
    al, pd_, rho = variances["tau2[AL]"], variances["tau2[PD]"], variances["rho[AL, PD]"]
    return {
        **dict(zip(names, table["estimate"], strict=True)),
        **{f"SE of {name}": error for name, error in zip(names, table["std_error"], strict=True)},
        "variance of AL": al,
        "variance of PD": pd_,
        "covariance": rho * np.sqrt(al * pd_),
    }


@refit("konstantopoulos2011", "two levels, random effects (REML)")
def _(data: pd.DataFrame, words: str) -> Numbers:
    return read(pool(data, words))


@refit("konstantopoulos2011", "three levels, schools in districts (ML)")
def _(data: pd.DataFrame, _words: str) -> Numbers:
    found = name_variances(meta(data, random="district/school", tau2="ML", inference="z"))
    districts, schools = found["tau2[district]"], found["tau2[district/school]"]
    return {"variance of districts": districts, "variance of schools": schools}


@refit(
    "raudenbush1985",
    "random effects (REML), normal interval",
    "random effects (DL), normal interval",
    "common effect",
)
def _(data: pd.DataFrame, words: str) -> Numbers:
    return read(pool(data, words))


@refit("raudenbush1985", "random effects (REML), Knapp-Hartung")
def _(data: pd.DataFrame, words: str) -> Numbers:
    return read(pool(data, words, inference="knapp-hartung"))


@refit("raudenbush1985", "random effects (REML), Huber-White (CR0, one cluster per experiment)")
def _(data: pd.DataFrame, _words: str) -> Numbers:
    return read(meta(data, inference="CR0", cluster="study_id"))


@refit("raudenbush1985", "weeks (at most 3), random effects (REML)")
def _(data: pd.DataFrame, words: str) -> Numbers:
    fit = pool(data.assign(weeks=data["weeks"].clip(upper=3)), words, "estimate ~ weeks")
    first, second = fit.tidy().iloc[0], fit.tidy().iloc[1]
    slope = {"weeks": second["estimate"], "z of weeks": second["statistic"]}
    return {**read(fit, of="intercept"), "z of intercept": first["statistic"], **slope}


@refit("bangertdrowns2004", "count of programmes")
def _(data: pd.DataFrame, _words: str) -> Numbers:
    return {"programmes": float(meta(data).glance()["k"][0])}


@refit("hackshaw1998", "random effects (DL), excess risk in per cent")
def _(data: pd.DataFrame, words: str) -> Numbers:
    return read(pool(data, words), lambda y: 100 * (np.exp(y) - 1), "excess risk")


@refit(
    "hine1989",
    "risk difference in per cent, common effect",
    "risk difference in per cent, random effects (REML)",
    "risk difference in per cent, random effects (DL)",
)
def _(data: pd.DataFrame, words: str) -> Numbers:
    return read(
        pool(join(data, risk_difference(counts(data, "treatment"), counts(data, "comparator")), 100), words)
    )


@refit(
    "normand1999",
    "mean difference, common effect",
    "mean difference, random effects (DL)",
    "mean difference, random effects (REML)",
)
def _(data: pd.DataFrame, words: str) -> Numbers:
    n, m = data["n_treatment"], data["n_comparator"]
    pooled = ((n - 1) * data["sd_treatment"] ** 2 + (m - 1) * data["sd_comparator"] ** 2) / (n + m - 2)
    difference = data["mean_treatment"] - data["mean_comparator"]
    return read(pool(data.assign(estimate=difference, variance=pooled * (1 / n + 1 / m)), words))


@refit(
    "nielweise2007",
    "log odds of infection, standard catheter, normal-normal (REML)",
    "log odds of infection, anti-infective catheter, normal-normal (REML)",
)
def _(data: pd.DataFrame, words: str) -> Numbers:
    group = "comparator" if "standard" in words else "treatment"
    return read(pool(join(data, logit_proportion(counts(data, group))), words))


@refit("nielweise2007", "log odds ratio, normal-normal (REML), without the trial that has no infection")
def _(data: pd.DataFrame, words: str) -> Numbers:
    informative = data[data["events_treatment"] + data["events_comparator"] > 0]
    effect = log_odds_ratio(counts(informative, "treatment"), counts(informative, "comparator"))
    return read(pool(join(informative, effect), words))


@refit(
    "nielweise2008",
    "log rate per 1000 days, standard catheter, normal-normal (REML)",
    "log rate per 1000 days, anti-infective catheter, normal-normal (REML)",
)
def _(data: pd.DataFrame, words: str) -> Numbers:
    group = "comparator" if "standard" in words else "treatment"
    events = data[f"events_{group}"] + 0.5 * (data[f"events_{group}"] == 0)
    rate = 1000 * events / data[f"time_{group}"]
    fit = pool(data.assign(estimate=np.log(rate), variance=1 / events), words)
    return {**read(fit, np.exp, "rate"), "mean": fit.tidy()["estimate"][0]}


@refit("nielweise2008", "log rate ratio, normal-normal (REML)")
def _(data: pd.DataFrame, words: str) -> Numbers:
    add = 0.5 * ((data["events_treatment"] == 0) | (data["events_comparator"] == 0))
    treated, control = data["events_treatment"] + add, data["events_comparator"] + add
    ratio = (treated / data["time_treatment"]) / (control / data["time_comparator"])
    fit = pool(data.assign(estimate=np.log(ratio), variance=1 / treated + 1 / control), words)
    return {**read(fit, np.exp, "rate ratio"), "mean": fit.tidy()["estimate"][0]}


@refit(
    "nielweise2007",
    "log odds of infection, standard catheter, binomial-normal",
    "log odds of infection, anti-infective catheter, binomial-normal",
)
def _(data: pd.DataFrame, words: str) -> Numbers:
    group = "comparator" if "standard" in words else "treatment"
    fit = logit_normal(data, events=f"events_{group}", n=f"n_{group}")
    return {**read(fit, expit, "proportion"), "mean": fit.tidy()["estimate"][0]}


@refit(
    "nielweise2007",
    "log odds ratio, conditional logistic with random effect, exact likelihood",
    "log odds ratio, conditional logistic with random effect, approximate likelihood",
)
def _(data: pd.DataFrame, words: str) -> Numbers:
    fit = binomial_normal(data, "CM.EL" if "exact" in words else "CM.AL")
    return {**read(fit, np.exp, "odds ratio"), "mean": fit.tidy()["estimate"][0]}


@refit(
    "nielweise2008",
    "log rate per 1000 days, standard catheter, Poisson-normal",
    "log rate per 1000 days, anti-infective catheter, Poisson-normal",
)
def _(data: pd.DataFrame, words: str) -> Numbers:
    group = "comparator" if "standard" in words else "treatment"
    thousands = data.assign(time=data[f"time_{group}"] / 1000)
    fit = log_rate_normal(thousands, events=f"events_{group}", time="time")
    return {**read(fit, np.exp, "rate"), "mean": fit.tidy()["estimate"][0]}


@refit("nielweise2008", "log rate ratio, conditional Poisson with random effect")
def _(data: pd.DataFrame, _words: str) -> Numbers:
    fit = poisson_normal(data, "CM.EL")
    return {**read(fit, np.exp, "rate ratio"), "mean": fit.tidy()["estimate"][0]}


@refit("molloy2014", "Fisher's z, random effects (REML), as a correlation")
def _(data: pd.DataFrame, words: str) -> Numbers:
    fit = pool(data.assign(estimate=np.arctanh(data["correlation"]), variance=1 / (data["n"] - 3)), words)
    return {**read(fit, np.tanh, "correlation"), "studies": float(fit.glance()["k"][0])}


@refit("ishak2007", "one mean and one variance per time, independent (REML)")
def _(data: pd.DataFrame, _words: str) -> Numbers:
    fit = meta(data, "estimate ~ 0 + time", random="DIAG(time | study)", inference="z")
    means = dict(zip(fit.names.coefficients, fit.tidy()["estimate"], strict=True))
    named = {name.removeprefix("time[").removesuffix("]"): value for name, value in means.items()}
    variances = {name[5:-1]: value for name, value in name_variances(fit).items()}
    return named | {f"tau2 at {time}": value for time, value in variances.items()}


@refit("ishak2007", "one mean per time, random study effects (REML)")
def _(data: pd.DataFrame, _words: str) -> Numbers:
    fit = meta(data, "estimate ~ 0 + time", random="study", inference="z")
    means = dict(zip(fit.names.coefficients, fit.tidy()["estimate"], strict=True))
    named = {name.removeprefix("time[").removesuffix("]"): value for name, value in means.items()}
    return named | {"tau2": float(str(fit.tau2))}


PRINTED = [
    (name, model) for name in examples()["name"] for model in dict.fromkeys(example(name).printed["model"])
]


def test_every_printed_model_is_refitted() -> None:
    assert sorted(PRINTED) == sorted(REFITS)


@pytest.mark.parametrize(("name", "model"), PRINTED)
def test_printed_numbers(name: str, model: str) -> None:
    found = example(name)
    numbers = REFITS[name, model](found.data, model)
    for row in found.printed[found.printed["model"] == model].itertuples():
        digits = len(str(row.printed).partition(".")[2])
        # half of the last digit that the paper prints, and the rounding of a double
        half = 0.5 * 10.0**-digits + 1e-9
        assert numbers[str(row.quantity)] == pytest.approx(float(str(row.value)), abs=half), row.quantity
