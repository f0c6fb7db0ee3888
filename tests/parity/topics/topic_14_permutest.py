"""Permutation tests, all arrangements enumerated."""

import re

import numpy as np
import pytest

from parity.grid import Case, read_table
from synovia.synthesis import meta
from synovia.synthesis.permutation import permutation_test

CLOSED = 1e-8
SEARCHED = 1e-5  # metafor's REML stops when tau2 moves by less than 1e-5
LIMIT = 1e-5  # the reference brackets its limits to 1e-6
ESTIMATORS = {"EE": None, "DL": "DL", "REML": "REML"}


def check(case: Case) -> None:
    method = re.search(r'method="(\w+)"', case.call)
    assert method is not None
    moderator = re.search(r"mods=~(\w+)", case.call)
    data = read_table(case.dataset)
    data = data.head(12) if "seq_len" in case.call else data
    fit = meta(
        data,
        f"yi ~ {moderator.group(1) if moderator else 1}",
        variance="vi",
        random=None if method.group(1) == "EE" else "effect",
        tau2=ESTIMATORS[method.group(1)] or "REML",
        inference="knapp-hartung" if "knha" in case.call else "z",
    )
    found = permutation_test(fit, permutations="exact", intervals="permci" in case.call)
    expected = {name: np.asarray(values, dtype=float) for name, values in case.results.items()}
    rtol = SEARCHED if method.group(1) == "REML" else CLOSED
    np.testing.assert_allclose(found.statistic, expected["zval.obs"], rtol=rtol)
    assert found.joint_statistic == pytest.approx(float(expected["QM"]), rel=rtol)
    # a share of whole arrangements is the same or it is not
    np.testing.assert_allclose(found.p_value, expected["pval"], rtol=1e-12)
    assert found.joint_p_value == pytest.approx(float(expected["QMp"]), rel=1e-12)
    limits = LIMIT if "permci" in case.call else rtol
    np.testing.assert_allclose(found.lower, expected["ci.lb"], rtol=limits)
    np.testing.assert_allclose(found.upper, expected["ci.ub"], rtol=limits)
    assert found.unfitted == 0
