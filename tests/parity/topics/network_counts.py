"""Networks of events against R's netmetabin."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case
from parity.topics.network_core import AT_THEIRS, SEARCHED, compare_matrices, read_matrix, spread
from synovia.kernel.solution import Solution
from synovia.synthesis.network import CountNetwork, hypergeometric_network, mantel_haenszel_network
from synovia.synthesis.network.count_arms import read_counts
from synovia.synthesis.network.hypergeometric import condition_rare

COVERS = "netmetabin_.*"
LEFT = 1e-8  # relative gain in log-likelihood at which R's optim stops by default
COLUMNS = {"TE": "estimate", "seTE": "std_error", "lower": "lower", "upper": "upper"}


def read_arms(case: Case) -> pd.DataFrame:
    """study, treatment, events, n: from the pairs of arms."""
    pairs = case.tables[0].astype({"studlab": str})
    sides = [
        pairs[["studlab", f"treat{i}", f"event{i}", f"n{i}"]].set_axis(
            ["study", "treatment", "events", "n"], axis=1
        )
        for i in (1, 2)
    ]
    return pd.concat(sides).drop_duplicates(["study", "treatment"]).reset_index(drop=True)


def leave_out_empty(arms: pd.DataFrame) -> pd.DataFrame:
    """Without the designs of two arms that have no events in one of them, as R."""
    treatments = arms.groupby("study")["treatment"].transform(lambda names: ":".join(sorted(names)))
    events = arms.groupby([treatments.rename("design"), "treatment"])["events"].transform("sum")
    return arms[~treatments.isin(treatments[events == 0])].reset_index(drop=True)


def check_mantel_haenszel(case: Case) -> None:
    """Every number, a closed form."""
    net, theirs = mantel_haenszel_network(read_arms(case)), case.results
    for name, column in COLUMNS.items():
        compare_matrices(spread(net, column), theirs[f"{name}.common"], AT_THEIRS)
    assert len(net.design.studies) == theirs["k"]
    assert isinstance(net.fit.point, Solution)
    (found,) = net.fit.point.tests
    assert found.statistic == pytest.approx(theirs["Q.inconsistency"], rel=AT_THEIRS)
    between: Any = net.decompose().tidy().set_index("part").loc["between designs"]
    assert between["q"] == pytest.approx(theirs["Q.inconsistency"], rel=AT_THEIRS)


def check_approximation(case: Case) -> None:
    """R's model: we are at its maximum, and R is as close as its search goes."""
    arms = leave_out_empty(read_arms(case))
    net = hypergeometric_network(arms, likelihood="approximate")
    estimates = read_matrix(case.results["TE.common"]).apply(pd.to_numeric)
    ours, theirs = (
        _log_lik(arms, beta) for beta in (net.estimates, estimates.loc[list(net.treatments), net.reference])
    )
    assert ours == pytest.approx(net.fit.point.log_ml, rel=1e-12)
    assert -1e-10 <= ours - theirs <= LEFT * abs(ours)
    # a standard error moves with the estimates, of which R's are within 3e-5
    compare_matrices(spread(net, "std_error"), case.results["seTE.common"], SEARCHED)
    assert len(net.design.studies) == case.results["k"]


def check_exact(case: Case) -> None:
    """The likelihood itself, with all trials."""
    net: CountNetwork = hypergeometric_network(read_arms(case))
    compare_matrices(spread(net, "estimate"), case.results["TE.common"], SEARCHED)


def _log_lik(arms: pd.DataFrame, effects: Any) -> float:
    beta = np.asarray(effects, dtype=np.float64)
    return sum(
        condition_rare(trial, beta[trial.arms]).log_lik for trial in read_counts(arms, None, None).trials
    )


PARTS = {"exact": check_exact}


def check(case: Case) -> None:
    """One case of netmetabin."""
    (check_mantel_haenszel if "_MH_" in case.id else check_approximation)(case)
