"""Networks of binary outcomes by JAGS: the exact binomial likelihood, by quadrature here and by simulation there."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from parity.grid import Case
from synovia.synthesis.bayes.binomial_network import binomial_network

CLOSE = 0.02  # as asked for; two simulation errors of the reference where those are larger
QUANTILES = 0.03  # of a standard deviation, and twice that in the tails: JAGS's own error there


def check(case: Case) -> None:
    """One case."""
    found = binomial_network(read_arms(case.tables[0]))
    theirs = case.results
    assert set(found.treatments) == set(theirs["treatments"])
    rows = dict(zip(theirs["mean_sd_mcse"]["rows"], theirs["mean_sd_mcse"]["data"], strict=True))
    ours = found.tidy().set_index("term")
    for number, name in enumerate(theirs["treatments"][1:], start=2):
        mean, sd, error = rows[f"d[{number}]"]
        assert ours["mean"][name] == pytest.approx(mean, abs=max(CLOSE, 2 * error)), name
        assert ours["std_error"][name] == pytest.approx(sd, abs=CLOSE), name
    tau, (mean, sd, error) = found.variances().iloc[0], rows["sd"]
    assert tau["mean"] == pytest.approx(mean, abs=max(CLOSE, 2 * error))
    assert tau["std_error"] == pytest.approx(sd, abs=CLOSE)
    curve = found.nodes.curve
    assert curve is not None
    quantiles = dict(zip(theirs["quantiles"]["rows"], theirs["quantiles"]["data"], strict=True))["sd"]
    gap = np.abs(curve.quantile(np.array([0.025, 0.25, 0.5, 0.75, 0.975])) - quantiles) / sd
    assert (gap < QUANTILES * np.array([1, 1, 1, 2, 2])).all()


def check_means(case: Case) -> None:
    """Means within 0.02, whatever the simulation error of the reference."""
    rows = dict(zip(case.results["mean_sd_mcse"]["rows"], case.results["mean_sd_mcse"]["data"], strict=True))
    ours = binomial_network(read_arms(case.tables[0])).tidy().set_index("term")["mean"]
    for number, name in enumerate(case.results["treatments"][1:], start=2):
        assert ours[name] == pytest.approx(rows[f"d[{number}]"][0], abs=CLOSE), name


PARTS: dict[str, Callable[[Case], None]] = {"the mean": check_means}


def read_arms(table: pd.DataFrame) -> pd.DataFrame:
    """One row per arm, from either of R's shapes."""
    if "author" in table.columns:
        return table.rename(columns={"author": "study", "r": "events", "N": "n"})
    wide = table.assign(study=range(len(table)))
    parts = [
        wide[["study", f"treat{k}", f"event{k}", f"n{k}"]].set_axis(
            ["study", "treatment", "events", "n"], axis=1
        )
        for k in (1, 2, 3)
    ]
    return (
        pd.concat(parts).dropna(subset=["events"]).sort_values("study", kind="stable").reset_index(drop=True)
    )
