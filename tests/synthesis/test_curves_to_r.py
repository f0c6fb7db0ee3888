"""Curves over doses and times, written as scripts for R, say there what they say here."""

import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest

from r_session import Told, run_in_r
from synovia.synthesis import Fit, dose_response
from synovia.synthesis.course import course_contrasts, time_course
from synovia.synthesis.dose import DoseResponse, dose_network
from synovia.synthesis.dose.to_r import dose_to_r

SEARCHED = 2e-5  # what R's stopping rules leave open, in standard errors
HIGHER = 1e-6  # a log-likelihood that R's search did not reach

TELL = """
cat("\\n@beta", format(as.vector(fit$beta), digits=15), "\\n")
cat("@se", format(fit$se, digits=15), "\\n")
cat("@ll", format(c(logLik(fit)), digits=15), "\\n")
"""


@cache
def doses(*, plateau: bool = False) -> pd.DataFrame:
    """Nine studies of four doses against the lowest, whose curves differ."""
    rng = np.random.default_rng(12)
    rows = []
    for study in range(9):
        own = rng.normal(0, 0.15)
        for place, dose in enumerate(np.sort(rng.choice(np.arange(13), 4, replace=False)).astype(float)):
            height = 4 * dose / (3 + dose) if plateau else (0.6 + own) * dose - (0.03 + own / 20) * dose**2
            rows.append((f"s{study}", dose, place, height * (1 + own) + rng.normal(0, 0.3), 1.5, 30))
    data = pd.DataFrame(rows, columns=["study_id", "dose", "place", "mean", "sd", "n"])
    first = data.groupby("study_id")["mean"].transform("first")
    error = np.where(data["place"] > 0, np.sqrt(2 * 1.5**2 / 30), np.nan)
    year = data["study_id"].str[1:].astype(int)
    return data.assign(estimate=data["mean"] - first, std_error=error, year=year)


def dosed(formula: str, **asked: object) -> DoseResponse:
    return dose_response(doses(plateau="emax" in formula), formula, type="md", **asked)  # type: ignore[arg-type]


@cache
def trials() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    shape = {"placebo": (0.0, 1.0), "a": (4.0, 10.0), "b": (-3.0, 4.0)}
    arms = [("placebo", 0), ("a", 5), ("b", 2)], [("placebo", 0), ("a", 20), ("a", 60)], [("a", 20), ("b", 8)]
    rows = []
    for study in range(12):
        for agent, dose in arms[study % 3]:
            top, half = shape[agent]
            mean = top * dose / (half + dose) + rng.normal(0, 0.5)
            rows.append((f"s{study}", agent, dose, mean, 1.5, 50))
    return pd.DataFrame(rows, columns=["study", "agent", "dose", "mean", "sd", "n"])


@cache
def visits(*, arms: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    top = {"saline": -10.0, "ha": -15.0, "prp": -18.0}
    rows = []
    for study in range(15):
        names = [("saline", "ha"), ("saline", "ha", "prp"), ("ha", "prp")][study % 3] if arms else ("ha",)
        for name in names:
            own = rng.normal(0, 2, 2)
            for time in (4.0, 12.0, 26.0):
                mean = (top[name] + own[0]) * time / (5 + time) + own[1] * time / 26
                v = rng.uniform(0.5, 2.0)
                rows.append((f"s{study}", name, time, mean + rng.normal(0, np.sqrt(v)), v))
    return pd.DataFrame(rows, columns=["study", "treatment", "time", "estimate", "variance"])


def course(basis: str, *, arms: bool = False, **asked: object) -> Fit:
    given = {"treatment": "treatment", "inference": "z"} if arms else {"inference": "z"}
    return time_course(visits(arms=arms), basis=basis, **(given | asked)).fit  # type: ignore[arg-type]


def compared(basis: str, **asked: object) -> Fit:
    table = course_contrasts(visits(arms=True), comparators=["saline"])
    sides = {"treatment": "treatment", "comparator": "comparator", "reference": "saline", "inference": "z"}
    return time_course(table, basis=basis, **(sides | asked)).fit  # type: ignore[arg-type]


def network(basis: str, **asked: object) -> Fit:
    return dose_network(trials(), basis, measure="MD", reference="placebo", **asked).fit  # type: ignore[arg-type]


FITS: dict[str, Callable[[], Fit]] = {
    "dose, one stage": lambda: dosed("estimate ~ quadratic(dose)").fit,
    "dose, uncorrelated": lambda: dosed("estimate ~ quadratic(dose)", random="diagonal").fit,
    "dose, two stages, ML": lambda: dosed("estimate ~ quadratic(dose)", stage=2, method="ML").fit,
    "dose, moments": lambda: dosed("estimate ~ quadratic(dose)", stage=2, method="MM").fit,
    "dose, common": lambda: dosed("estimate ~ rcs(dose, 3)", method="fixed").fit,
    "dose, moderated": lambda: dosed("estimate ~ quadratic(dose)", moderators="~ year").fit,
    "dose, moderated in two stages": lambda: dosed("estimate ~ dose", moderators="~ year", stage=2).fit,
    "dose, CR0": lambda: dosed("estimate ~ dose", inference="CR0").fit,
    "dose, Emax": lambda: dosed("estimate ~ emax(dose)").fit,
    "agents, Emax": lambda: network("emax"),
    "agents, lines, ML": lambda: network("linear", tau2="ML"),
    "course, UN": lambda: course("piecewise(4, 12, 26)"),
    "course, CS": lambda: course("piecewise(4, 12, 26)", random="CS"),
    "course, DIAG": lambda: course("fp(0.5, 0.5)", random="DIAG", tau2="ML"),
    "course, common": lambda: course("spline(4, 12, 26)", random=None),
    "course, Emax": lambda: course("emax"),
    "course, given": lambda: course("linear", tau2=0.5),
    "arms, Emax": lambda: course("emax", arms=True),
    "arms, UN": lambda: course("fp(0.5, 1)", arms=True),
    "comparisons, CS": lambda: compared("piecewise(4, 12, 26)", random="CS"),
    "comparisons, DIAG": lambda: compared("fp(0.5, 1)", random="DIAG"),
    "comparisons, UN": lambda: compared("fp(0.5, 1)"),
}
"""Every kind of random coefficients."""


@cache
def run_r() -> Told:
    """What the script of each fit says."""
    return run_in_r({name: f"{make().to_r()}\n{TELL}" for name, make in FITS.items()})


@pytest.mark.parametrize("name", FITS)
def test_r_says_the_same(name: str) -> None:
    theirs, fit = run_r()[name], FITS[name]()
    assert theirs, "the script stopped with an error"
    at, error = fit.point, np.sqrt(np.diag(fit.inference.cov))
    gain = (at.log_reml if fit.settings.restricted and fit.problem.terms else at.log_ml) - theirs["ll"][0]
    if name not in ("dose, common", "course, common", "dose, moments", "course, given", "comparisons, UN"):
        assert gain > -HIGHER  # given or no variances: R's constant is that of REML, or none was searched
    open_ = SEARCHED + np.sqrt(2 * max(gain, 0.0)) if abs(gain) < 0.1 else SEARCHED
    moved = (np.array(theirs["beta"]) - fit.point.beta) / error
    assert np.abs(moved).max() < open_
    assert np.array(theirs["se"]) == pytest.approx(error, rel=max(open_, 1e-4))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (lambda: dosed("estimate ~ dose"), ["y ~ dose, id=id", 'method="reml"', 'proc="1stage"']),
        (lambda: dosed("estimate ~ quadratic(dose)", stage=2, method="MM"), ["I(dose^2)", 'method="mm"']),
        (lambda: dosed("estimate ~ log(dose + 1)", method="ML"), ["log(dose + 1)", 'method="ml"']),
        (lambda: dosed("estimate ~ rcs(dose, 4)"), ["y ~ dose + bend1 + bend2", "  bend2 = c("]),
        (lambda: dosed("estimate ~ emax(dose)"), ["library(metafor)", "rma.mv"]),
        (lambda: dosed("estimate ~ quadratic(dose)", random="diagonal"), ["library(metafor)", "GDIAG"]),
        (lambda: dosed("estimate ~ dose", moderators="~ year"), ["library(metafor)", "# x2: dose:year"]),
        (lambda: dosed("estimate ~ dose", inference="t"), ["# dosresmeta's intervals are normal"]),
    ],
)
def test_scripts_for_dosresmeta(found: Callable[[], DoseResponse], said: list[str]) -> None:
    text = dose_to_r(found())
    assert [piece for piece in said if piece not in text] == []
    assert text == found().to_r()


def test_rows_for_dosresmeta_are_those_of_the_fit() -> None:
    found = dosed("estimate ~ dose")
    text = dose_to_r(found)
    columns = {
        name: [part.strip().strip('"') for part in values.split(",")]
        for name, values in re.findall(r"^  (\w+) = c\((.*)\)", text, re.MULTILINE)
    }
    assert len(columns["id"]) == found.design.n + len(found.design.studies)
    kept = np.array(columns["v"], dtype=float) > 0
    assert np.array(columns["y"], dtype=float)[kept].tolist() == found.design.y.tolist()
    assert np.array(columns["dose"], dtype=float)[kept].tolist() == found.design.dose.tolist()
    assert text.count("matrix(c(") == len(found.design.studies)
