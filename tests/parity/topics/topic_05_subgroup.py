"""Subgroups of R's metafor: alone, compared with a tau2 each, and compared with one tau2."""

import re
from typing import Any

import pandas as pd
import pytest

from parity.grid import Case
from parity.univariate import (
    AT_THEIRS,
    SEARCHED,
    compare_fit,
    compare_tau2,
    find_tolerance,
    fit_case,
    read_data,
)
from synovia.synthesis import Subgroups, Wald, meta, subgroups


def check(case: Case) -> None:
    """One case."""
    if "septau" in case.id:
        check_apart(case)
    elif "commontau" in case.id:
        check_together(case)
    else:
        check_alone(case)


def divide(case: Case, column: str, *, common_tau2: bool, tau2: Any = None) -> Subgroups:
    """The subgroups of a call."""
    way = re.search(r'method="(DL|REML)"', case.call)
    assert way is not None
    chosen = way[1] if tau2 is None else tau2
    return subgroups(read_data(case), column, common_tau2=common_tau2, tau2=chosen, inference="z")


def check_alone(case: Case) -> None:
    """One level, fitted apart."""
    found = re.search(r'(\w+)=="(\w+)"\)', case.call)
    assert found is not None
    column, level = found.groups()
    apart = divide(case, column, common_tau2=False)
    fit = apart.fits[apart.levels.index(level)]
    compare_fit(fit, case.results, find_tolerance(case))
    if fit.status == "pooled":
        compare_tau2(fit, case)
        there = divide(case, column, common_tau2=False, tau2=float(case.results["tau2"]))
        compare_fit(there.fits[apart.levels.index(level)], case.results, AT_THEIRS)


def check_apart(case: Case) -> None:
    """Between levels, each with its own tau2."""
    column = re.search(r'\[\["(\w+)"\]\]', case.call)
    assert column is not None
    apart = divide(case, column[1], common_tau2=False)
    levels = pd.DataFrame(
        {
            "estimate": [fit.point.beta[0] for fit in apart.fits],
            "variance": [fit.point.cov[0, 0] for fit in apart.fits],
        }
    )
    # the reference counts a level of one study as if its tau2 were known to be 0; ours leaves it out
    between = meta(levels, random=None).glance()["q"][0]
    assert between == pytest.approx(case.results["Q_between"], rel=SEARCHED)
    found = apart.test()
    assert isinstance(found, Wald)
    if any(fit.status != "pooled" for fit in apart.fits):
        assert found.df < case.results["df"]
        return
    assert found.statistic == pytest.approx(case.results["Q_between"], rel=SEARCHED)
    assert found.p_value == pytest.approx(case.results["p"], rel=SEARCHED)


def check_together(case: Case) -> None:
    """Between levels that share one tau2, and the regression that this is."""
    column = re.search(r"factor\((\w+)\)", case.call)
    assert column is not None
    found = divide(case, column[1], common_tau2=True).test()
    assert isinstance(found, Wald)
    assert found.statistic == pytest.approx(case.results["QM"], rel=SEARCHED)
    assert found.p_value == pytest.approx(case.results["QMp"], rel=SEARCHED)
    compare_fit(fit_case(case), case.results, find_tolerance(case))
