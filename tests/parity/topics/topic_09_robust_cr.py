"""Cluster-robust inference of R's metafor and clubSandwich."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from parity.grid import Case
from synovia.kernel import Wald
from synovia.kernel.hotelling import APPROXIMATIONS, hotelling, saddlepoint
from synovia.kernel.robust import find_sandwich
from synovia.synthesis import Fit, meta
from synovia.synthesis.choosing import read_clusters

Floats = NDArray[np.float64]

SEARCHED = 1e-6  # R's variances by Nelder-Mead carry 1e-7 into what follows from them
ROOT = 3e-3  # R's uniroot stops within 1.2e-4 of saddlepoints of order 0.1

MODELS: dict[str, dict[str, Any]] = {
    "1": {"random": "district/school", "cluster": "district"},
    "2": {"formula": "estimate ~ center(year)", "random": "district/school", "cluster": "district"},
    "6": {"formula": "estimate ~ aget1 + propmale", "random": "studyid", "cluster": "studyid"},
    "7": {"formula": "estimate ~ 0 + outcome", "random": "UN(outcome | trial)", "cluster": "trial"},
    "8": {"formula": "estimate ~ ablat", "random": "effect", "cluster": "trial"},
}
KIND = {"robust_CR1": "CR1p", "robust_CR0": "CR0", "robust_CR2": "CR2", "Wald_test_CR2": "CR2"}


@dataclass(frozen=True)
class Fitted:
    """A case, fitted here."""

    fit: Fit
    kind: str


def fit_case(case: Case) -> Fitted:
    found = re.fullmatch(r"(.*?)_(\d)_.*", case.id)
    assert found is not None
    kind = KIND.get(found[1], found[1].removeprefix("clubSandwich_"))
    data = case.tables[0].rename(columns={"yi": "estimate", "vi": "variance"})
    settings = dict(MODELS[found[2]])
    if found[2] == "7":
        whole = np.zeros((len(data), len(data)))
        for _, part in data.groupby("trial"):
            rows = part.index.to_numpy(np.intp)
            whole[np.ix_(rows, rows)] = part[["v1i", "v2i"]].to_numpy()
        settings["covariance"] = whole
    return Fitted(meta(data, inference=kind, **settings), kind)


def check(case: Case) -> None:
    found = fit_case(case)
    if case.id.startswith("robust"):
        check_robust(case, found)
    elif case.id.startswith("Wald"):
        check_wald(case, found)
    else:
        check_coefficients(case, found)


def near(ours: Any, theirs: Any, rel: float = SEARCHED) -> None:
    wanted = [np.inf if value == "Inf" else value for value in theirs]
    assert np.asarray(ours, dtype=float) == pytest.approx(np.array(wanted, dtype=float), rel=rel)


def check_robust(case: Case, found: Fitted) -> None:
    table, theirs = found.fit.tidy(), case.results
    columns = {"estimate": "beta", "std_error": "se", "statistic": "stat", "p_value": "pval"}
    columns |= {"lower": "ci.lb", "upper": "ci.ub"}
    for ours, name in columns.items():
        values = theirs[name]
        near(table[ours], list(values.values()) if isinstance(values, dict) else values)
    near(table["df"], np.broadcast_to(theirs["dfs"], len(table)))
    near(found.fit.inference.cov.ravel(), np.ravel(theirs["vb"]["data"]))
    check_joint(found.fit, theirs)


def check_joint(fit: Fit, theirs: dict[str, Any]) -> None:
    moderators = fit.test_moderators()
    if not isinstance(moderators, Wald):  # R tests the intercept where there is nothing else
        assert fit.problem.p == 1
        near(fit.tidy()["statistic"] ** 2, [theirs["QM"]])
        return
    near(
        [moderators.statistic, moderators.df, moderators.df_residual, moderators.p_value],
        [theirs["QM"], *theirs["QMdf"], theirs["QMp"]],
    )


def check_coefficients(case: Case, found: Fitted) -> None:
    fit, theirs = found.fit, case.results
    clusters = read_clusters(fit.rows, fit.settings)
    assert clusters is not None
    sandwich = find_sandwich(fit.problem, fit.point, clusters, found.kind)
    table, unit = fit.tidy(), np.eye(fit.problem.p)
    near(table["estimate"], theirs["beta"])
    near(table["std_error"], theirs["SE"])
    near(table["statistic"], theirs["tstat"])
    df = sandwich.satterthwaite(unit)
    near(df, theirs["df_Satt"])
    default = {"CR2": "Satt", "CR3": "Satt"}.get(found.kind, "tp")
    near(table["df"], theirs[f"df_{default}"])
    near(table["p_value"], theirs[f"p_{default}"])
    ours = [saddlepoint(sandwich, c, t) for c, t in zip(unit, table["statistic"], strict=True)]
    near(ours, theirs["p_saddle"], ROOT)


def check_wald(case: Case, found: Fitted) -> None:
    fit = found.fit
    clusters = read_clusters(fit.rows, fit.settings)
    assert clusters is not None
    sandwich = find_sandwich(fit.problem, fit.point, clusters, "CR2")
    for row in pd.DataFrame(case.results).to_dict("records"):
        if row["test"] not in APPROXIMATIONS:  # HTB, which its authors advise against, is not offered
            continue
        ours = hotelling(sandwich, np.eye(fit.problem.p), fit.point.beta, str(row["test"]))
        assert isinstance(ours, Wald)
        scale = ours.df if row["test"] == "chi-sq" else 1  # R divides Q by its degrees of freedom there too
        theirs = [row["Fstat"], row["df_num"], row["df_denom"], row["p_val"]]
        near([ours.statistic / scale, ours.df, ours.df_residual, ours.p_value], theirs)
    if fit.inference.joint is not None:
        joint = fit.inference.joint(np.eye(fit.problem.p), fit.point.beta)
        assert isinstance(joint, Wald)
        near([joint.p_value], [dict(zip(case.results["test"], case.results["p_val"], strict=True))["HTZ"]])
