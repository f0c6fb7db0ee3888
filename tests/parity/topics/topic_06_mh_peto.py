"""Mantel-Haenszel and Peto: closed forms, so every number agrees to rounding."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case
from synovia.kernel.solution import Solution
from synovia.synthesis import Fit, mantel_haenszel, peto
from synovia.synthesis.exact.again import refit_each

CLOSED = 1e-9  # sums of a few dozen products; p-values of 1e-24 lose some digits
TESTS = {
    "MH": ("Cochran-Mantel-Haenszel", "Mantel-Haenszel (person-time)"),
    "CO": ("Cochran",),
    "BD": ("Breslow-Day",),
    "TA": ("Breslow-Day-Tarone",),
}
COUNTS = ("events_treatment", "n_treatment", "events_comparator", "n_comparator")
SHARED = {"Q": "q", "Qp": "q_p_value", "I2": "i2", "H2": "h2", "estimate": "estimate", "se": "std_error",
          "zval": "statistic", "pval": "p_value", "ci.lb": "lower", "ci.ub": "upper"}  # fmt: skip


def check(case: Case) -> None:
    """One case."""
    table, used = prepare(case)
    fit = fit_case(case, table)
    if case.id.startswith("mh_leave1out"):
        rows = [np.delete(np.arange(fit.problem.n), place) for place in range(fit.problem.n)]
        compare_sequence(fit, case, rows, used)
    elif case.id.startswith("mh_cumul"):
        compare_sequence(fit, case, [np.arange(place + 1) for place in range(fit.problem.n)], used)
    else:
        compare_fit(fit, case, used)
        if not (case.id.startswith("peto") and has_empty_cells(table)):
            compare_likelihood(fit, case)


def has_empty_cells(table: pd.DataFrame) -> bool:
    """Whether R adds to the counts before it shows the studies' own effects."""
    a, n1, c, n2 = table[list(COUNTS)].to_numpy(float).T
    return bool((np.stack([a, n1 - a, c, n2 - c]) == 0).any())


def prepare(case: Case) -> tuple[pd.DataFrame, Any]:
    """Counts by our names, without rows that R leaves out as missing; which of the rest we use."""
    table = case.tables[0]
    if "tneg" in table:
        table = table.assign(
            ai=table.tpos, n1i=table.tpos + table.tneg, ci=table.cpos, n2i=table.cpos + table.cneg
        )
    names = ("x1i", "t1i", "x2i", "t2i") if "IR" in case.id else ("ai", "n1i", "ci", "n2i")
    found = table[list(names)].dropna().reset_index(drop=True)
    found.columns = pd.Index(COUNTS)
    total = found.events_treatment + found.events_comparator
    return found, ((total > 0) & (total < found.n_treatment + found.n_comparator)).to_numpy()


def fit_case(case: Case, table: pd.DataFrame) -> Fit:
    """The model of the call."""
    if case.id.startswith("peto"):
        return peto(table)
    measure = re.findall(r'measure="(\w+)"', case.call)[0]
    if "addpooled" in case.id:
        return mantel_haenszel(table, measure, add=0.5, to="all", correct=True)
    return mantel_haenszel(table, measure, correct="correct=FALSE" not in case.call)


def compare_fit(fit: Fit, case: Case, used: Any) -> None:
    """Estimates, tests, heterogeneity, weights."""
    expected, at = case.results, fit.point
    assert isinstance(at, Solution)
    row = fit.tidy().iloc[0]
    named = {"estimate": "estimate", "se": "std_error", "stat": "statistic", "pval": "p_value",
             "ci.lb": "lower", "ci.ub": "upper"}  # fmt: skip
    for theirs, ours in named.items():
        assert row[ours] == pytest.approx(expected[theirs], rel=CLOSED), theirs
    glance = fit.glance().iloc[0]
    for theirs, ours in {"QE": "q", "QEp": "q_p_value", "I2": "i2", "H2": "h2"}.items():
        assert glance[ours] == pytest.approx(expected[theirs], rel=CLOSED, abs=1e-10), theirs
    compare_tests(at, expected)
    compare_weights(fit, expected, used)


def compare_likelihood(fit: Fit, case: Case) -> None:
    """The normal log-likelihoods of the studies' own effects around the pooled value."""
    found = [fit.point.log_ml, fit.point.log_reml]
    assert found == pytest.approx(case.results["fit.stats"]["data"][0], rel=CLOSED)


def compare_tests(at: Solution, expected: Any) -> None:
    """Tests by name; those that R does not give for a measure must not be given by us."""
    ours = {test.name: test for test in at.tests if not test.name.startswith("Peto")}
    count = 0
    for short, names in TESTS.items():
        if expected.get(short) is None:
            continue
        test = next(ours[name] for name in names if name in ours)
        assert test.statistic == pytest.approx(expected[short], rel=CLOSED), short
        assert test.p_value == pytest.approx(expected[f"{short}p"], rel=CLOSED), short
        count += 1
    assert count == len(ours)


def compare_weights(fit: Fit, expected: Any, used: Any) -> None:
    """Percent; a study that says nothing has none with R and is left out by us."""
    weights = np.array(expected["weights"], dtype=float)
    ours = fit.augment()["weight"].dropna().to_numpy()
    if ours.size != weights.size:
        assert (weights[~used] == 0).all()
        weights = weights[used]
    assert ours == pytest.approx(weights, rel=CLOSED)


def compare_sequence(fit: Fit, case: Case, rows: list[Any], used: Any) -> None:
    """Leave-one-out and cumulative: rows that say nothing change nothing and are skipped."""
    found = refit_each(fit, [str(place) for place in range(len(rows))], rows)
    for theirs, ours in SHARED.items():
        expected = np.array(case.results[theirs], dtype=float)[used]
        values = found[ours].to_numpy(dtype=float)
        known = ~np.isnan(values)  # one study alone has no heterogeneity; R writes 0, 1 and p = 1
        assert known.sum() >= values.size - 1
        assert values[known] == pytest.approx(expected[known], rel=CLOSED, abs=1e-10), theirs


def check_likelihood(case: Case) -> None:
    """Of Peto's method where a study says nothing."""
    compare_likelihood(fit_case(case, prepare(case)[0]), case)


def check_first(case: Case) -> None:
    """Heterogeneity of the first study alone."""
    table, _ = prepare(case)
    alone = refit_each(fit_case(case, table), ["0"], [np.array([0])])
    for theirs in ("Q", "Qp", "I2", "H2"):
        value = alone[SHARED[theirs]].to_numpy(dtype=float)[0]
        assert value == pytest.approx(case.results[theirs][0]), theirs


PARTS = {"the likelihood of Peto's method": check_likelihood, "one study alone": check_first}
