"""A fit written as a script for R says there what it says here."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from r_session import Told, run_in_r
from synovia.errors import SynthesisError
from synovia.synthesis import Fit, GeneralisedQ, meta
from synovia.synthesis.exact.mantel_haenszel import mantel_haenszel
from synovia.synthesis.random import Inner
from synovia.synthesis.to_r import to_r

SEARCHED = 1e-5  # what R's stopping rules leave open

TELL = """
cat("\\n@beta", format(as.vector(fit$beta), digits=15), "\\n")
cat("@se", format(fit$se, digits=15), "\\n")
cat("@lower", format(fit$ci.lb, digits=15), "\\n")
cat("@ll", format(c(logLik(fit)), digits=15), "\\n")
"""


@cache
def effects() -> pd.DataFrame:
    """Twelve studies of four effects each: two outcomes, four times, three laboratories."""
    rng = np.random.default_rng(8)
    study = np.repeat(np.arange(12), 4)
    estimate = 0.4 + rng.normal(0, 0.3, 12)[study] + rng.normal(0, 0.25, 48) + rng.normal(0, 0.1, 48)
    return pd.DataFrame(
        {
            "estimate": estimate,
            "variance": rng.uniform(0.005, 0.02, 48),
            "study": [f"S{number}" for number in study],
            "outcome": ["pain", "function"] * 24,
            "time": np.tile([1.0, 2.0, 3.0, 5.0], 12),
            "dose": rng.uniform(1, 4, 48),
            "lab": np.where(study % 3 == 0, "a", np.where(study % 3 == 1, "b", "c")),
            "n": rng.integers(10, 60, 48),
        }
    )


@cache
def places() -> pd.DataFrame:
    """Forty places on a map, near ones alike."""
    rng = np.random.default_rng(4)
    x, y = rng.uniform(0, 6, (2, 40))
    apart = np.hypot(x[:, None] - x, y[:, None] - y)
    effect = np.linalg.cholesky(0.3 * np.exp(-apart / 2) + 0.001 * np.eye(40)) @ rng.normal(size=40)
    return pd.DataFrame({"estimate": effect + rng.normal(0, 0.1, 40), "variance": 0.01, "x": x, "y": y})


def covariance() -> np.ndarray:
    data = effects()
    root = np.sqrt(data["variance"].to_numpy())
    same = data["study"].to_numpy()[:, None] == data["study"].to_numpy()[None, :]
    return np.where(np.eye(48) == 1, 1.0, 0.4 * same) * np.outer(root, root)


def relatedness() -> pd.DataFrame:
    matrix = 0.4 + 0.6 * np.eye(12)
    names = [f"S{number}" for number in range(12)]
    return pd.DataFrame(matrix, index=names, columns=names)


FITS: dict[str, Callable[[], Fit]] = {
    "REML": lambda: meta(effects(), inference="z"),
    "DL, Knapp-Hartung": lambda: meta(effects(), tau2="DL", level=0.9),
    "common effect": lambda: meta(effects(), random=None, inference="t"),
    "given": lambda: meta(effects(), tau2=0.05, inference="knapp-hartung-floor"),
    "generalised Q": lambda: meta(effects(), tau2=GeneralisedQ("n"), inference="z"),
    "weights": lambda: meta(effects(), tau2="ML", weights="n", inference="z"),
    "regression": lambda: meta(effects(), "estimate ~ lab * dose + bs(time, df=3)", inference="z"),
    "no intercept": lambda: meta(effects(), "estimate ~ 0 + outcome", inference="knapp-hartung"),
    "scale": lambda: meta(effects(), "estimate ~ dose", scale="~ dose", inference="z"),
    "three levels": lambda: meta(effects(), random="study/effect", inference="z"),
    "crossed, ML": lambda: meta(effects(), random="lab + study/effect", tau2="ML", inference="z"),
    "one held": lambda: meta(
        effects(), random="study/effect", tau2={"tau2[study/effect]": 0.02}, inference="t-residual"
    ),
    "covariance": lambda: meta(effects(), "estimate ~ outcome", covariance=covariance(), inference="z"),
    "covariance, DL": lambda: meta(effects(), covariance=covariance(), tau2="DL", inference="z"),
    "UN": lambda: meta(
        effects(),
        "estimate ~ 0 + outcome",
        random="UN(outcome | study)",
        covariance=covariance(),
        inference="t",
    ),
    "CS": lambda: meta(effects(), random="CS(time | study)", inference="z"),
    "HCS": lambda: meta(effects(), random="HCS(outcome | study)", inference="z"),
    "DIAG": lambda: meta(effects(), random="DIAG(outcome | study)", inference="z"),
    "AR": lambda: meta(effects().assign(time=np.tile(np.arange(4), 12)), random="AR(time | study)"),
    "CAR": lambda: meta(effects(), random="CAR(time | study)", inference="z"),
    "rho held": lambda: meta(effects(), random=Inner("outcome", "study", "UN", 0.5), inference="z"),
    "slopes": lambda: meta(effects(), "estimate ~ dose", random="UN(1 + dose | study)", inference="z"),
    "known": lambda: meta(
        effects(), random="known(study) + effect", known={"study": relatedness()}, inference="z"
    ),
    "places": lambda: meta(places(), random="SPEXP(x + y)", inference="z"),
    "CR0": lambda: meta(effects(), random="study/effect", inference="CR0", cluster="study"),
    "CR1p": lambda: meta(effects(), "estimate ~ dose", inference="CR1p", cluster="study"),
}
"""Every kind of model, estimator and interval that R has too."""

WIDER = {"AR"}  # Knapp-Hartung by default, which rma.mv does not have; its standard errors are plain


@cache
def run_r() -> Told:
    """What the script of each fit says."""
    return run_in_r({name: f"{to_r(make())}\n{TELL}" for name, make in FITS.items()})


@pytest.mark.parametrize("name", FITS)
def test_r_says_the_same(name: str) -> None:
    theirs = run_r()[name]
    fit = FITS[name]()
    assert theirs, "the script stopped with an error"
    if fit.settings.weights is None and fit.settings.tau2 in ("REML", "ML") and fit.problem.terms:
        ours = fit.point.log_reml if fit.settings.restricted else fit.point.log_ml
        assert ours >= theirs["ll"][0] - 1e-8  # rounding of a sum of order 100
    tidy = fit.tidy()
    assert tidy["estimate"].to_numpy() == pytest.approx(theirs["beta"], rel=SEARCHED, abs=SEARCHED)
    error = np.sqrt(np.diag(fit.point.cov)) if name in WIDER else tidy["std_error"].to_numpy()
    assert error == pytest.approx(theirs["se"], rel=10 * SEARCHED)
    if name not in WIDER:
        assert tidy["lower"].to_numpy() == pytest.approx(theirs["lower"], rel=10 * SEARCHED, abs=SEARCHED)


def test_text_cannot_leave_its_quotes() -> None:
    data = effects().assign(label=['a"); system("x'] + ["back\\slash\nline"] * 47)
    assert '"a\\"); system(\\"x", "back\\\\slash line"' in to_r(meta(data, inference="z"))


def test_the_same_fit_gives_the_same_script() -> None:
    assert to_r(FITS["UN"]()) == to_r(FITS["UN"]())


def test_script_names_no_file() -> None:
    text = to_r(FITS["three levels"]())
    assert "read" not in text
    assert str(Path.cwd()) not in text


def test_counts_have_no_script() -> None:
    trials = pd.DataFrame(
        {
            "events_treatment": [4, 6],
            "n_treatment": [40, 50],
            "events_comparator": [8, 9],
            "n_comparator": [40, 50],
        }
    )
    with pytest.raises(SynthesisError, match="model of counts"):
        to_r(mantel_haenszel(trials))
