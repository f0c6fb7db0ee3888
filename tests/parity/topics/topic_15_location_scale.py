"""Location-scale models: the log of tau2, or tau2 itself, as a regression."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parity.grid import Case
from synovia.kernel import Point
from synovia.synthesis import Fit, meta
from synovia.synthesis.pairwise import fit_design

Floats = NDArray[np.float64]

AT_THEIRS = 1e-9  # the same sums in another order
SEARCHED = (
    1e-4  # R's search is a simplex over a flat surface: its slope at the end moves alpha in the fifth digit
)
CURVED = 2e-3  # R's standard errors of alpha come from its own numerical second derivatives at its own end
VANISHED = 1e-6  # far below every sampling variance
HIGHER = 1e-8  # rounding of a log-likelihood of order 100


def fit_case(case: Case) -> Fit:
    mods, scale = re.search(r"mods=~(\S+),", case.call), re.search(r"scale=~ (\S+),", case.call)
    data = case.tables[0].rename(columns={"yi": "estimate", "vi": "variance"})
    if "ni" in data:
        data = data.assign(root=np.sqrt(data["ni"]))
    mean, spread = ((found[1] if found else "1").replace("sqrt(ni)", "root") for found in (mods, scale))
    way = "ML" if 'method="ML"' in case.call else "REML"
    return meta(data, f"estimate ~ {mean}", scale=f"~ {spread}", tau2=way, inference="z")


def compare(at: Point, theirs: dict[str, Any], tolerance: float) -> None:
    beta = np.array(list(theirs["beta"].values()))
    assert at.beta == pytest.approx(beta, rel=tolerance, abs=tolerance * np.abs(beta).max())
    assert np.sqrt(np.diag(at.cov)) == pytest.approx(theirs["se"], rel=tolerance)
    assert (at.log_ml, at.log_reml) == pytest.approx(theirs["fit.stats"]["data"][0], rel=tolerance)


def check(case: Case) -> None:
    alpha = np.array(list(case.results["alpha"].values()))
    if 'link="identity"' in case.call:
        check_identity(case, alpha)
        return
    fit = fit_case(case)
    held = dict(zip(fit.names.variances, alpha.tolist(), strict=True))
    there = fit_design(fit.rows, fit.design, replace(fit.settings, tau2=held)).point
    assert isinstance(there, Point)
    assert isinstance(fit.point, Point)
    compare(there, case.results, AT_THEIRS)
    restricted = fit.settings.restricted
    ours, theirs = ((at.log_reml if restricted else at.log_ml) for at in (fit.point, there))
    assert ours >= theirs - HIGHER
    compare(fit.point, case.results, SEARCHED)
    tau2 = fit.problem.terms[0].row_variances(fit.point.psi)
    assert tau2 == pytest.approx(case.results["tau2"], rel=50 * SEARCHED, abs=VANISHED)
    if min(case.results["tau2"]) < VANISHED:
        return  # some tau2 is 0: a coefficient runs to minus infinity and has no standard error
    found = fit.variances()
    assert found["estimate"].to_numpy() == pytest.approx(alpha, rel=50 * SEARCHED)
    assert found["std_error"].to_numpy() == pytest.approx(case.results["se.alpha"], rel=CURVED)


def check_identity(case: Case, alpha: Floats) -> None:
    """With a factor the identity link is one tau2 per level, none of them negative."""
    data = case.tables[0].rename(columns={"yi": "estimate", "vi": "variance"})
    way = "ML" if 'method="ML"' in case.call else "REML"
    fit = meta(data, random="DIAG(design | effect)", tau2=way, inference="z")
    assert isinstance(fit.point, Point)
    compare(fit.point, case.results, SEARCHED)
    assert fit.point.psi == pytest.approx(np.cumsum(alpha), rel=50 * SEARCHED, abs=VANISHED)
