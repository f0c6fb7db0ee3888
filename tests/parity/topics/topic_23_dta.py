"""The bivariate model of diagnostic accuracy, against R's mada."""

from typing import Any

import numpy as np
import pytest

from parity.grid import Case
from synovia.kernel import point
from synovia.synthesis import Accuracy, accuracy_ratio, describe_accuracy, diagnostic_accuracy

AT_THEIRS = 1e-9  # at R's covariance between studies everything else is a closed form
SEARCHED = (
    5e-5  # R's quasi-Newton search stops 1e-5 before the maximum of REML; its likelihood is the lower one
)
CLOSED = 1e-9


def check(case: Case) -> None:
    """One case."""
    if case.id.startswith("reitsma"):
        check_bivariate(case)
    elif case.id.startswith("madauni"):
        found = accuracy_ratio(case.tables[0], "DOR", tau2="DL")
        assert found.tidy().estimate[0] == pytest.approx(case.results["logDOR"]["lnDOR"], rel=CLOSED)
        assert np.exp(found.problem.y) == pytest.approx(case.results["coef"], rel=CLOSED)
    else:
        check_studies(case)


def check_bivariate(case: Case) -> None:
    """At R's covariance, then end to end."""
    r = case.results
    restricted = "_reml_" in case.id
    found = diagnostic_accuracy(case.tables[0], tau2="REML" if restricted else "ML")
    theirs = np.array(r["Psi"]["data"])
    shared = theirs[0, 1] / np.sqrt(theirs[0, 0] * theirs[1, 1])
    there = point(found.fit.problem, [theirs[0, 0], theirs[1, 1], shared])
    assert there.beta == pytest.approx(np.array(r["coef"]["data"])[0], rel=AT_THEIRS)
    assert there.cov == pytest.approx(np.array(r["vcov"]["data"]), rel=AT_THEIRS)
    studies = found.fit.problem.n / 2
    constant = found.log_jacobian - (np.log(studies) if restricted else 0)  # R leaves half of log|X'X| out
    height = there.log_reml if restricted else there.log_ml
    assert height + constant == pytest.approx(r["logLik"], rel=AT_THEIRS)
    at = found.fit.point
    assert (at.log_reml if restricted else at.log_ml) >= height - 1e-8
    assert at.beta == pytest.approx(there.beta, rel=SEARCHED)
    assert found.covariance == pytest.approx(theirs, rel=1e-4)
    check_summary(found, r)
    check_areas(found, case)


def check_summary(found: Accuracy, r: Any) -> None:
    """Back on the scale of proportions."""
    rows = np.array(r["coefficients"]["data"], dtype=float)
    tidy = found.tidy()
    assert tidy.estimate[:2].to_numpy() == pytest.approx(rows[2:, 0], rel=SEARCHED)
    assert tidy.lower[:2].to_numpy() == pytest.approx(rows[2:, 4], rel=SEARCHED)
    assert tidy.upper[:2].to_numpy() == pytest.approx(rows[2:, 5], rel=SEARCHED)


def check_areas(found: Accuracy, case: Case) -> None:
    """Areas by R's rule on our curve: 98 trapezia between 99 points, divided by 99."""
    table, theirs = case.tables[0], case.results["AUC"]
    rates = (table.FP / (table.FP + table.TN)).clip(0.01, 0.99)
    for name, ends in (("AUC", (0.01, 0.99)), ("pAUC", (float(rates.min()), float(rates.max())))):
        heights = found.sroc(np.linspace(*ends, 99))
        assert np.trapezoid(heights) / 99 == pytest.approx(theirs[name], rel=SEARCHED), name


def check_integrals(case: Case) -> None:
    """The areas themselves."""
    found = diagnostic_accuracy(case.tables[0], tau2="REML" if "_reml_" in case.id else "ML")
    assert found.auc() == pytest.approx(case.results["AUC"]["AUC"], rel=SEARCHED)
    assert found.partial_auc() == pytest.approx(case.results["AUC"]["pAUC"], rel=SEARCHED)


def check_studies(case: Case) -> None:
    """One row per study."""
    r, table = case.results, describe_accuracy(case.tables[0])
    names = {
        "sens": "sensitivity",
        "spec": "specificity",
        "DOR": "dor",
        "posLR": "positive_lr",
        "negLR": "negative_lr",
    }
    for theirs, ours in names.items():
        assert table[ours].to_numpy() == pytest.approx(r[theirs], rel=CLOSED), theirs
    for theirs in ("sens", "spec", "DOR"):
        limits = table[[f"{names[theirs]}_lower", f"{names[theirs]}_upper"]].to_numpy()
        assert limits == pytest.approx(np.array(r[f"{theirs}.ci"]["data"]), rel=CLOSED), theirs
    between = np.corrcoef(table.sensitivity, 1 - table.specificity)[0, 1]
    assert between == pytest.approx(r["cor"], rel=CLOSED)


PARTS = {"areas under the curve": check_integrals}
