"""robumeta's correlated effects and mixmeta's multivariate fits."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parity.grid import Case
from synovia.kernel import Blocks, Diagonal, Problem, Term, Unstructured, ml, point, reml, tail
from synovia.kernel.robust import cluster_robust
from synovia.kernel.rve import correlated_effects

Floats = NDArray[np.float64]

COVERS = r"robu_.*|mixmeta_berkey_(reml|ml|fixed)"

CLOSED = 1e-9  # the same sums in another order
SEARCHED = 1e-6  # mixmeta stops its search at a relative change of 1.5e-8 in the likelihood
ROUNDING = 1e-10  # of a log-likelihood of order 1


def check(case: Case) -> None:
    if case.id.startswith("robu"):
        check_robu(case)
    else:
        check_mixmeta(case)


def near(ours: Any, theirs: Any, rel: float) -> None:
    assert np.asarray(ours, dtype=float) == pytest.approx(np.asarray(theirs, dtype=float), rel=rel)


def check_robu(case: Case) -> None:
    data, theirs = case.tables[0], case.results
    moderators = ["males", "college", "binge"] if "males" in case.call else []
    design = np.column_stack([np.ones(len(data)), data[moderators]])
    working = correlated_effects(
        data["effectsize"], design, data["var"], data["studyid"], rho=float(case.id.rpartition("_")[2])
    )
    near(working.tau2, theirs["tau.sq"], CLOSED)
    near(working.i2, theirs["I2"], CLOSED)
    problem = Problem(data["effectsize"], design, Diagonal(working.variances))
    at = point(problem)
    kind = "CR2" if "small=TRUE" in case.call else "CR1p"
    inference = cluster_robust(problem, at, data["studyid"], kind)
    table, df = theirs["reg_table"], inference.degrees(np.eye(problem.p))
    statistic = at.beta / inference.std_error
    near(at.beta, table["b.r"], CLOSED)
    near(inference.std_error, table["SE"], CLOSED)
    near(statistic, table["t"], CLOSED)
    near(df, table["dfs"], CLOSED)
    near(tail(statistic, df), table["prob"], CLOSED)


def make_berkey(case: Case) -> Problem:
    """Probing depth and attachment level, two rows per trial; the order of mixmeta's coefficients."""
    data = case.tables[0]
    k = len(data)
    y = data[["PD", "AL"]].to_numpy().ravel()
    unit = np.tile(np.eye(2), (k, 1))
    design = np.column_stack([unit, unit * np.repeat(data["pubyear"].to_numpy(), 2)[:, None]])
    columns = data[["var_PD", "cov_PD_AL", "var_AL"]].to_numpy()
    within = [[[pd, both], [both, al]] for pd, both, al in columns]
    known = Blocks(within, list(np.arange(2 * k).reshape(k, 2)))
    term = Term(np.repeat(np.arange(k), 2), Unstructured(2), np.tile([0, 1], k))
    return Problem(y, design, known, () if "fixed" in case.id else (term,))


def check_mixmeta(case: Case) -> None:
    problem, theirs = make_berkey(case), case.results
    psi, restricted = read_psi(theirs["Psi"]), case.id.endswith("reml")
    there = point(problem, psi)
    near(there.beta, list(theirs["coef"].values()), CLOSED)
    near(there.cov, theirs["vcov"]["data"], CLOSED)
    near(there.log_reml if restricted else there.log_ml, theirs["logLik"], CLOSED)
    common = point(problem.replace_terms(()))
    near(common.rss, theirs["Q"]["Q"][0], CLOSED)
    assert problem.n - problem.p == theirs["Q"]["df"][0]
    if problem.terms:
        chosen = (reml if restricted else ml)(problem).point
        ours = chosen.log_reml if restricted else chosen.log_ml
        assert ours >= theirs["logLik"] - ROUNDING
        near(ours, theirs["logLik"], SEARCHED)


def read_psi(table: dict[str, Any] | None) -> Floats:
    """Variances and correlation of a covariance as R prints it."""
    if table is None:
        return np.empty(0)
    psi = np.array(table["data"])
    variances = np.diag(psi)
    return np.array([*variances, psi[0, 1] / np.sqrt(variances.prod())])
