"""Component networks of R's netmeta: netcomb and discomb."""

import re

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case
from synovia.synthesis.network import ComponentNetwork, component_network

CLOSED = 1e-8  # sums of squares and DerSimonian-Laird, without a search


def check(case: Case) -> None:
    """One call: common and random effects, and the tests of additivity."""
    common, random = fit_case(case, random=False), fit_case(case, random=True)
    r = case.results
    assert list(random.components) == r["comps"]
    assert list(random.treatments) == r["trts"]
    matrix = np.array(r["C.matrix"]["data"])
    np.testing.assert_array_equal(random.design.matrix[r["C.matrix"]["cols"]], matrix)
    facts = random.glance().iloc[0]
    assert facts["tau"] == pytest.approx(r["tau"], rel=CLOSED, abs=CLOSED)
    assert facts["i2"] / 100 == pytest.approx(r["I2"], rel=CLOSED, abs=CLOSED)
    compare_tests(random, case)
    compare_components(common, case, "common")
    compare_components(random, case, "random")
    compare_combinations(random, case)


def fit_case(case: Case, *, random: bool) -> ComponentNetwork:
    """The network of a call, by DerSimonian-Laird as netmeta has it."""
    data = case.tables[0]
    left_out = re.search(r'subset\(cnma_sim, !\(t1 %in% c\("(\w)"\)', case.call)
    if left_out is not None:
        data = data[(data["t1"] != left_out[1]) & (data["t2"] != left_out[1])]
    data = data.reset_index(drop=True)
    inactive = re.search(r'inactive="(\w+)"', case.call)
    return component_network(
        data.rename(columns={"t1": "treatment_1", "t2": "treatment_2", "TE": "estimate", "se": "std_error"}),
        inactive=None if inactive is None else inactive[1],
        random=random,
        tau2="DL",
    )


def compare_tests(fitted: ComponentNetwork, case: Case) -> None:
    """Q of the additive and the standard model, and their difference."""
    tests = fitted.test_additivity().set_index("model")
    for model, theirs in {"additive": "additive", "standard": "standard", "difference": "diff"}.items():
        assert tests["q"][model] == pytest.approx(case.results[f"Q.{theirs}"], rel=CLOSED)
        assert tests["df"][model] == case.results[f"df.Q.{theirs}"]
        if model != "standard":
            assert tests["p_value"][model] == pytest.approx(case.results[f"pval.Q.{theirs}"], rel=CLOSED)


def compare_components(fitted: ComponentNetwork, case: Case, kind: str) -> None:
    """Effects of components."""
    tidy = fitted.tidy()
    names = {"": "estimate", "se": "std_error", "lower.": "lower", "upper.": "upper", "pval.": "p_value"}
    for theirs, ours in names.items():
        expected = case.results[f"{theirs}Comp.{kind}"]
        assert tidy[ours].tolist() == pytest.approx(expected, rel=CLOSED)


def compare_combinations(fitted: ComponentNetwork, case: Case) -> None:
    """Effects of treatments, and all their differences."""
    r = case.results
    listed: pd.DataFrame = fitted.combinations()
    assert listed["estimate"].tolist() == pytest.approx(r["Comb.random"], rel=CLOSED, abs=1e-12)
    assert listed["std_error"].tolist() == pytest.approx(r["seComb.random"], rel=CLOSED, abs=1e-12)
    for ours, name in zip(fitted.differences(), ("TE.random", "seTE.random"), strict=True):
        # the diagonal is 0, which has no relative error
        np.testing.assert_allclose(ours, np.array(r[name]["data"]), rtol=CLOSED, atol=1e-12)
