"""From medians, intervals, tests and margins to means, variances and tables; several effects into one."""

import re
from typing import Any

import numpy as np
import pandas as pd

from parity.grid import Case
from synovia.effects import aggregate, delta, effect_from_interval, reconstruct_table
from synovia.effects.effect import Effect
from synovia.errors import InputError
from synovia.extraction import (
    Step,
    Summary,
    best_linear,
    box_cox,
    box_cox_likelihood,
    find_skewness,
    mean_from,
    quantile_estimation,
    sd_from,
)

RTOL = 1e-8  # closed forms on either side; R takes the derivative of the delta method numerically
SEARCHED = 1e-5  # least squares on quantiles: two searches
MEANS = {
    "default": "luo",
    "luo/wan/shi": "luo",
    "hozo2005": "hozo",
    "wan2014": "wan",
    "bland2015": "bland",
    "walter2007": "median",
}
SDS = {
    "default": "shi",
    "luo/wan/shi": "shi",
    "hozo2005": "hozo",
    "wan2014": "wan",
    "bland2015": "bland",
    "walter2007": "walter",
}
WHOLE: dict[str, Any] = {
    "qe": quantile_estimation, "bc": box_cox, "blue": best_linear, "mln": box_cox_likelihood,
}  # fmt: skip
NEEDS_RANGE = ("hozo2005", "walter2007")


def check(case: Case) -> None:
    kind = case.id.split("_")[0].removeprefix("conv.")
    {
        "fivenum": check_quantiles,
        "metamean": check_metamean,
        "wald": check_interval,
        "2x2": check_table,
        "delta": check_delta,
        "aggregate": check_aggregate,
    }[kind](case)


def summaries(case: Case) -> list[Summary]:
    rows = case.tables[0][["n", "min", "q1", "med", "q3", "max"]].to_numpy(float)
    return [Summary(*map(float, row)) for row in rows]


def numbers(values: list[Any]) -> np.ndarray:
    return np.array([np.nan if x is None else float(x) for x in values])


def check_quantiles(case: Case) -> None:
    found = re.search(r'method="([^"]+)"', case.call)
    method = found.group(1) if found else "default"
    pairs = [estimate(s, method, tested="test=TRUE" in case.call) for s in summaries(case)]
    tolerance = SEARCHED if method == "qe" else RTOL
    for name, ours in zip(("mean", "sd"), zip(*pairs, strict=True), strict=True):
        np.testing.assert_allclose(ours, numbers(case.results[name]), rtol=tolerance)


def estimate(summary: Summary, method: str, *, tested: bool) -> tuple[float, float]:
    if tested and find_skewness(summary).skewed:
        return np.nan, np.nan
    # R keeps to the case each old method was written for, though the median needs no range.
    if method in NEEDS_RANGE and (not summary.has_range or summary.has_quartiles):
        return np.nan, np.nan
    try:
        mean, sd = both(summary, method)
    except InputError:
        return np.nan, np.nan
    return mean.value, sd.value


def both(summary: Summary, method: str) -> tuple[Step, Step]:
    if method in WHOLE:
        mean, sd = WHOLE[method](summary)
        return mean, sd
    return mean_from(summary, MEANS[method]), sd_from(summary, SDS[method])  # type: ignore[arg-type]


def check_metamean(case: Case) -> None:
    _, centre, spread, *_ = case.id.split("_")
    if centre != "Cai":
        check_mean(case)
    for i, summary in enumerate(summaries(case)):
        single = not (summary.has_range and summary.has_quartiles)
        sd = sd_from(summary, "wan-table" if single or spread == "Wan" else "shi").value
        np.testing.assert_allclose(sd, case.results["sd"][i], rtol=RTOL)
        np.testing.assert_allclose(sd / np.sqrt(summary.n), case.results["seTE"][i], rtol=RTOL)


def check_mean(case: Case) -> None:
    centre = case.id.split("_")[1]
    means = [metamean(summary, centre) for summary in summaries(case)]
    tolerance = RTOL if centre in ("Luo", "Wan") else SEARCHED
    np.testing.assert_allclose(means, case.results["mean"], rtol=tolerance)


def metamean(summary: Summary, centre: str) -> float:
    if centre in ("QE-McGrath", "Cai"):
        method = "qe" if centre == "QE-McGrath" else "mln"
        return float(WHOLE[method](summary)[0].value)
    if centre == "Luo":
        return mean_from(summary, "luo").value
    only_range = summary.has_range and not summary.has_quartiles
    return mean_from(summary, "hozo-full" if only_range else "wan").value


def agree(effect: Effect, results: dict[str, Any]) -> None:
    np.testing.assert_allclose(effect.estimate, numbers(results["yi"]), rtol=RTOL)
    np.testing.assert_allclose(effect.variance, numbers(results["vi"]), rtol=RTOL)


def check_interval(case: Case) -> None:
    data = case.tables[0]
    columns = (np.asarray(data[name], float) for name in ("or", "or.lb", "or.ub"))
    agree(effect_from_interval(*columns, printed="ratio"), case.results)


def check_delta(case: Case) -> None:
    data = case.tables[0]
    log = Effect(np.asarray(data["yi"], float), np.asarray(data["vi"], float), "RR", "log risk ratio")
    ratio = np.exp(log.estimate)
    agree(delta(log, ratio, ratio, scale="risk ratio"), case.results)


def check_table(case: Case) -> None:
    for i, row in enumerate(case.tables[0].itertuples()):
        known = {"phi": float(row.ri)} if pd.isna(row.ori) else {"odds_ratio": float(row.ori)}  # type: ignore[arg-type]
        ours = reconstruct_table(float(row.ni), float(row.n1i), float(row.n2i), **known)  # type: ignore[arg-type]
        np.testing.assert_array_equal(ours, [case.results[name][i] for name in ("ai", "bi", "ci", "di")])


def check_aggregate(case: Case) -> None:
    ours = aggregate(case.tables[0], cluster="study", rho=0.6, estimate="yi", variance="vi").set_index(
        "study"
    )
    ours = ours.loc[case.results["study"]]
    agree(Effect(ours["estimate"].to_numpy(), ours["variance"].to_numpy(), "SMD", ""), case.results)


PARTS = {"Cai's mean": check_mean}
