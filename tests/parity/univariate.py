"""What the topics of R's ``rma.uni`` share: reading a call, and comparing a fit."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case, read_table
from synovia.kernel import score
from synovia.kernel.deviation import find_tau2_error, find_weighted_tau2_error
from synovia.synthesis import Fit, GeneralisedQ, Inapplicable, Wald, meta

AT_THEIRS = 1e-9  # two orders of the same sums
CLOSED = 1e-8  # closed forms, where tau2 is a small difference of large numbers
SEARCHED = 1e-5  # what R's stopping rules leave open
FLAT = 1e-9  # a tau2 this far below the sampling variances is 0 to R's searches

TESTS = {"z": "z", "t": "t", "knha": "knapp-hartung", "adhoc": "knapp-hartung-floor"}
ITERATED = ("REML", "ML", "PM", "PMM", "EB", "DLIT", "SJIT", "GENQM")
WEIGHTS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "1/sqrt(vi)": lambda data: data["variance"] ** -0.5,
    "1/vi": lambda data: 1 / data["variance"],
}


def read_data(case: Case) -> pd.DataFrame:
    """The effects, with the weights of the call in column ``w``."""
    data = read_table(case.dataset).rename(columns={"yi": "estimate", "vi": "variance"})
    found = re.search(r"weights=([^,]+?)(?:, |\)$)", case.call)
    if found is None:
        return data
    way = WEIGHTS.get(found[1], count_down)
    return data.assign(w=way(data))


def count_down(data: pd.DataFrame) -> Any:
    """Weights 1, 1/2, 1/3 and so on."""
    return 1 / np.arange(1.0, len(data) + 1)


def find_method(case: Case) -> str:
    """Name of the estimator; of several, R takes the first that converges."""
    found = re.search(r'method=(?:c\()?"(\w+)"', case.call)
    return found[1] if found else "REML"


def read_settings(case: Case) -> dict[str, Any]:
    """Arguments of ``meta`` for a call."""
    method, test = find_method(case), re.search(r'test="(\w+)"', case.call)
    settings: dict[str, Any] = {"inference": TESTS[test[1]] if test else "z"}
    if method in ("EE", "FE"):
        settings["random"] = None
    elif method.startswith("GENQ"):
        settings["tau2"] = GeneralisedQ("w", median=method == "GENQM")
    else:
        settings["tau2"] = method
    if "weights=" in case.call or "weighted=FALSE" in case.call:
        settings["weights"] = "w" if "weights=" in case.call else "equal"
    if "level=90" in case.call:
        settings["level"] = 0.9
    given = re.search(r"tau2=([\d.]+)", case.call)
    return settings if given is None else {**settings, "tau2": float(given[1])}


def read_formula(case: Case) -> str:
    """Formula of ``meta`` for a call."""
    mods = re.search(r"mods = ~ (.+?), data", case.call)
    if mods is None:
        return "estimate ~ 1"
    return "estimate ~ " + mods[1].replace("factor(", "C(").replace("^", "**")


def fit_case(case: Case, **changes: Any) -> Fit:
    """The fit of a call."""
    return meta(read_data(case), read_formula(case), **(read_settings(case) | changes))


def at_theirs(case: Case) -> Fit:
    """The fit of a call at R's own tau2."""
    how = read_settings(case)
    return fit_case(case) if how.get("random", "") is None else fit_case(case, tau2=case.results["tau2"])


def find_tolerance(case: Case) -> float:
    """How far tau2, and what follows from it, may differ end to end."""
    return SEARCHED if find_method(case) in ITERATED else CLOSED


def compare_tau2(fit: Fit, case: Case) -> None:
    """Tau2 and its standard error, where the model has them."""
    theirs = case.results
    if isinstance(fit.tau2, Inapplicable):
        assert theirs["tau2"] == 0
        return
    small = FLAT * float(fit.problem.V.diagonal.mean())
    assert fit.tau2 == pytest.approx(theirs["tau2"], rel=find_tolerance(case), abs=small)
    if theirs["se.tau2"] is not None and not isinstance(fit.settings.tau2, float):
        assert fit.tau2_error == pytest.approx(theirs["se.tau2"], rel=find_tolerance(case))


def compare_error_at_theirs(fit: Fit, case: Case) -> None:
    """Standard error of tau2 by the formula of its estimator, at R's tau2."""
    method, expected = find_method(case), case.results["se.tau2"]
    if expected is None or isinstance(fit.tau2, Inapplicable) or re.search(r"tau2=[\d.]", case.call):
        return
    if method.startswith("GENQ"):
        weights = fit.rows.used["w"].to_numpy()
        found: Any = find_weighted_tau2_error(fit.problem, fit.point, weights)
    else:
        found = find_tau2_error(fit.problem, fit.point, method)
    assert found == pytest.approx(expected, rel=10 * AT_THEIRS)  # traces of products of inverses


def find_order(fit: Fit, theirs: list[str]) -> list[int]:
    """Our coefficients in R's order, which sorts the levels of a factor without regard to case."""
    names = [re.sub(r"\[T\.(.*?)\]", r"\1", name).replace("C(", "factor(") for name in fit.names.coefficients]
    ours = ["intrcpt" if name == "Intercept" else name for name in names]
    alike = sorted(ours) == sorted(theirs)
    return [ours.index(name) for name in theirs] if alike else list(range(len(ours)))


def compare_fit(fit: Fit, theirs: Mapping[str, Any], tolerance: float) -> None:
    """Coefficients, intervals, heterogeneity and likelihoods."""
    order = find_order(fit, list(theirs["beta"]))
    tidy, glance = fit.tidy().iloc[order], fit.glance().iloc[0]
    beta = list(theirs["beta"].values())
    size = np.abs(beta).max()
    assert fit.problem.n == theirs["k"]
    assert tidy["estimate"].to_numpy() == pytest.approx(beta, rel=tolerance, abs=tolerance * size)
    assert tidy["std_error"].to_numpy() == pytest.approx(theirs["se"], rel=tolerance)
    cov = fit.inference.cov[np.ix_(order, order)]
    # covariances are compared on the scale of their standard errors
    scale = np.sqrt(np.outer(np.diag(cov), np.diag(cov))).ravel()
    assert cov.ravel() / scale == pytest.approx(np.array(theirs["vb"]) / scale, abs=10 * tolerance)
    for ours, name in (("lower", "ci.lb"), ("upper", "ci.ub")):
        assert tidy[ours].to_numpy() == pytest.approx(theirs[name], rel=tolerance, abs=tolerance * size)
    assert tidy["statistic"].to_numpy() == pytest.approx(theirs["stat"], rel=10 * tolerance, abs=tolerance)
    statistic = np.abs(theirs["stat"]).max()
    # a p-value moves with the square of its statistic
    assert tidy["p_value"].to_numpy() == pytest.approx(
        theirs["pval"], rel=10 * tolerance * (1 + statistic**2)
    )
    assert glance["q"] == pytest.approx(theirs["QE"], rel=AT_THEIRS)
    assert glance["q_df"] == theirs["QEdf"]
    assert glance["q_p_value"] == pytest.approx(theirs["QEp"], rel=1e-7)  # a tail of 1e-80 keeps 9 digits
    assert glance["i2"] == pytest.approx(theirs["I2"], rel=10 * tolerance, abs=1e-3 * tolerance)
    assert glance["h2"] == pytest.approx(theirs["H2"], rel=tolerance)
    likelihoods = theirs["fit.stats"]["data"][0]
    assert [fit.point.log_ml, fit.point.log_reml] == pytest.approx(likelihoods, rel=tolerance, abs=tolerance)


def compare_moderators(fit: Fit, theirs: Mapping[str, Any], tolerance: float) -> None:
    """The joint test of the moderators."""
    found = fit.test_moderators()
    assert isinstance(found, Wald)
    assert found.statistic == pytest.approx(theirs["QM"], rel=10 * tolerance)
    assert found.df == theirs["QMdf"][0]
    assert found.p_value == pytest.approx(theirs["QMp"], rel=100 * tolerance * (1 + theirs["QM"]))


def compare_likelihood(fit: Fit, case: Case) -> None:
    """Our maximum is no lower than R's, and our slope vanishes there."""
    method = find_method(case)
    if (
        method not in ("REML", "ML")
        or isinstance(fit.settings.tau2, float)
        or fit.settings.weights is not None
    ):
        return
    place = ("ML", "REML").index(method)
    ours = (fit.point.log_ml, fit.point.log_reml)[place]
    assert ours >= case.results["fit.stats"]["data"][0][place] - 1e-9  # rounding of a sum of order 100
    slope = score(fit.problem, fit.point, restricted=method == "REML")
    unit = max(float(fit.point.psi[0]), 1e-3 * float(fit.problem.V.diagonal.min()))
    assert fit.convergence.at_boundary or abs(slope * unit) < 1e-9
