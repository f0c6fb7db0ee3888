"""Networks of counts against long runs of JAGS: ``validation/binomial_network.R`` makes the reference."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synovia.synthesis.bayes import BinomialNetwork, binomial_network

VALIDATION = Path(__file__).parents[2] / "validation"
ARMS = pd.read_csv(VALIDATION / "binomial_network_arms.csv", dtype={"study": str})
R = json.loads((VALIDATION / "binomial_network.json").read_text(encoding="utf-8"))["sets"]

CLOSE = 0.02  # what is asked of means and standard deviations
ERRORS = 4  # simulation errors of JAGS that a difference may have: one in some 10,000 is larger
RULE = 0.01  # what the rules over effects, baselines and random effects leave besides, in sparse networks
OPEN = {
    "gurusamy2011": "Antithrombin III"
}  # ends where its prior does: standard deviation 60, poorly simulated


@cache
def fit(name: str) -> BinomialNetwork:
    """The network of a set, against the treatment that JAGS had as its first."""
    return binomial_network(ARMS[ARMS["set"] == name], reference=R[name]["treatments"][0])


@pytest.mark.parametrize("name", R)
def test_means_and_standard_deviations(name: str) -> None:
    theirs, found = R[name], fit(name)
    assert theirs["worst_rhat"] < 1.005  # the chains of JAGS agree
    assert found.nodes.error < RULE
    assert set(found.treatments) == set(theirs["treatments"])
    ours = found.tidy().set_index("term")[["mean", "std_error"]]
    tau = found.variances().set_index("name")[["mean", "std_error"]]
    table = pd.concat([ours, tau]).loc[theirs["terms"]]
    wanted = pd.DataFrame({key: theirs[key] for key in ("mean", "sd", "mcse", "mcse_sd")}, index=table.index)
    gaps = pd.DataFrame(
        {"mean": table["mean"] - wanted["mean"], "sd": table["std_error"] - wanted["sd"]}
    ).abs()
    limits = ERRORS * wanted[["mcse", "mcse_sd"]].set_axis(["mean", "sd"], axis=1) + RULE
    assert (gaps <= limits).to_numpy().all()
    bounded = gaps.drop(index=OPEN.get(name, []))
    assert (bounded <= CLOSE).to_numpy().all()


def test_an_effect_that_no_event_bounds_says_so() -> None:
    found = fit("gurusamy2011")
    assert "No trial bounds how far Antithrombin III lies" in found.warnings[0]
    row = found.tidy().set_index("term").loc["Antithrombin III"]
    # half of a normal density with the prior's standard deviation, but for a few units around 0
    assert row["mean"] == pytest.approx(-100 * np.sqrt(2 / np.pi), abs=1.5)
    assert row["std_error"] == pytest.approx(100 * np.sqrt(1 - 2 / np.pi), abs=0.6)
