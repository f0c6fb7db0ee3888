"""Pooling by every estimator of R's metafor, with its tests, intervals and predictions."""

import re
from typing import Any

import numpy as np
import pytest

from parity.grid import Case
from parity.univariate import (
    AT_THEIRS,
    FLAT,
    SEARCHED,
    at_theirs,
    compare_error_at_theirs,
    compare_fit,
    compare_likelihood,
    compare_tau2,
    find_tolerance,
    fit_case,
)
from synovia.kernel import Range
from synovia.synthesis import Fit, Inapplicable

INTERVALS = {"QP": "Q-profile", "PL": "profile likelihood", "GENQ": "generalised Q"}
PREDICTIONS = {"default": "own", "simple": "simple", "Riley": "HTS", "t": "t"}
# R's root finder stops at its default, the fourth root of the machine precision, absolute, for these intervals
COARSE = 1.3e-4


def check(case: Case) -> None:
    """One case."""
    if case.id.startswith("rma_"):
        check_fit(case)
    elif case.id.startswith("confint_fixed"):
        check_coefficient_interval(case)
    elif case.id.startswith("confint_"):
        check_interval(case)
    else:
        check_prediction(case)


def check_fit(case: Case) -> None:
    """At R's tau2, then end to end."""
    there = at_theirs(case)
    compare_fit(there, case.results, AT_THEIRS)
    compare_weights(there, case)
    compare_error_at_theirs(there, case)
    compare_own_prediction(there, case, AT_THEIRS)
    fit = fit_case(case)
    compare_tau2(fit, case)
    compare_likelihood(fit, case)
    compare_fit(fit, case.results, find_tolerance(case))
    compare_own_prediction(fit, case, find_tolerance(case))


def compare_weights(fit: Fit, case: Case) -> None:
    """Percent of the total weight."""
    if "weights" in case.results:
        found = fit.augment()["weight"].dropna().to_numpy()
        assert found == pytest.approx(case.results["weights"], rel=AT_THEIRS)


def compare_own_prediction(fit: Fit, case: Case, tolerance: float) -> None:
    """The prediction interval that follows the interval of the mean."""
    theirs = case.results.get("predict")
    if theirs is None or "pi.lb" not in theirs or isinstance(fit.tau2, Inapplicable):
        return
    found = fit.predict(kind="own").iloc[0]
    ours = [found[name] for name in ("estimate", "std_error", "prediction_lower", "prediction_upper")]
    expected = [theirs[name][0] for name in ("pred", "se", "pi.lb", "pi.ub")]
    size = np.abs(expected).max()
    assert ours == pytest.approx(expected, rel=tolerance, abs=tolerance * size)


def check_interval(case: Case) -> None:
    """Limits of tau2, tau, I2 and H2."""
    kind = case.id.split("_")[1]
    fit = fit_case(case)
    found = fit.heterogeneity_interval(INTERVALS[kind])
    assert not isinstance(found, Inapplicable)
    assert isinstance(found.limits, Range)
    small = FLAT * float(fit.problem.V.diagonal.mean())
    theirs = np.array(case.results["random"]["data"], dtype=float)
    exact: dict[str, Any] = {"rel": 1e-8, "abs": small}  # R's root finder stops at 1e-12, absolute
    coarse: dict[str, Any] = {"rel": 0.0, "abs": COARSE}
    limits = [found.limits.lower, found.limits.upper]
    assert limits == pytest.approx(theirs[0, 1:], **(coarse if kind == "GENQ" else exact))
    assert found.tau2 == pytest.approx(theirs[0, 0], rel=find_tolerance(case), abs=small)
    if kind != "GENQ":
        ours = found.tidy()[["estimate", "lower", "upper"]].to_numpy()
        # tau moves half as much as tau2, but without bound at 0
        assert ours[2:] == pytest.approx(theirs[2:], rel=10 * SEARCHED, abs=1e-4 * SEARCHED)
        assert ours[1] ** 2 == pytest.approx(theirs[1] ** 2, rel=SEARCHED, abs=small)


def check_coefficient_interval(case: Case) -> None:
    """Limits of the mean under Knapp-Hartung."""
    found = fit_case(case).tidy()[["estimate", "lower", "upper"]].to_numpy()
    theirs = np.array(case.results["fixed"]["data"])
    assert found == pytest.approx(theirs, rel=SEARCHED, abs=SEARCHED * np.abs(theirs).max())


def check_prediction(case: Case) -> None:
    """The kinds of prediction interval of ``predtype``."""
    kind = re.search(r'predtype="(\w+)"', case.call)
    assert kind is not None
    found = fit_case(case).predict(kind=PREDICTIONS[kind[1]]).iloc[0]
    theirs = {name: values[0] for name, values in case.results.items()}
    if "pi.ddf" in theirs:
        assert f"t with {theirs['pi.ddf']} df" in found["prediction_method"]
    ours = [found[name] for name in ("estimate", "std_error", "prediction_lower", "prediction_upper")]
    expected = [theirs[name] for name in ("pred", "se", "pi.lb", "pi.ub")]
    assert ours == pytest.approx(expected, rel=SEARCHED, abs=1e-8)  # limits that pass through 0
