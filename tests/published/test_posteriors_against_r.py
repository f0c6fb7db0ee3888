"""Posteriors of random-effects syntheses against R's integrate(): ``validation/posteriors.R`` makes the reference."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import synovia as sv
from synovia.kernel import Inapplicable
from synovia.kernel.normals import Normals
from synovia.synthesis.bayes import (
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    LogNormal,
    Normal,
    Posterior,
    Prior,
    Uniform,
)

PATH = Path(__file__).parents[2] / "validation" / "posteriors.json"
R = json.loads(PATH.read_text(encoding="utf-8"))["sets"]

PRIORS: dict[str, Prior] = {
    "half-normal": HalfNormal(0.5),
    "half-cauchy": HalfCauchy(0.3),
    "half-t": HalfT(0.5, 4.0),
    "uniform": Uniform(0.0, 4.0),
    "log-normal": LogNormal(-2.56, 1.74),
    "inverse-gamma": InverseGamma(1.5, 0.05),
}
CASES = [(name, prior) for name in R for prior in PRIORS]

CLOSE = 1e-5  # R's integrate() stops at 1e-10 and uniroot at 1e-12; the rule here at about 1e-7
OF_SD = 1e-5  # of a standard deviation, for what may be near 0


@cache
def find(name: str, prior: str) -> Posterior:
    data = pd.DataFrame({"estimate": R[name]["y"], "variance": R[name]["v"]})
    return sv.bayes(sv.meta(data), PRIORS[prior], Normal(0.0, 2.0))


def require_normals(found: Normals, wanted: dict[str, Any]) -> None:
    sd = wanted["sd"]
    assert found.sd()[0] == pytest.approx(sd, rel=CLOSE)
    assert found.mean()[0] == pytest.approx(wanted["mean"], abs=OF_SD * sd)
    assert found.quantile([0.5])[0, 0] == pytest.approx(wanted["median"], abs=OF_SD * sd)
    assert found.equal_tailed(0.95)[:, 0] == pytest.approx(wanted["central"], abs=OF_SD * sd)
    assert found.shortest(0.95)[:, 0] == pytest.approx(wanted["shortest"], abs=OF_SD * sd)
    assert found.cdf([0.0])[0] == pytest.approx(wanted["below.0"], abs=OF_SD)


@pytest.mark.parametrize(("name", "prior"), CASES)
def test_mean_and_prediction(name: str, prior: str) -> None:
    wanted, found = R[name]["posteriors"][prior], find(name, prior)
    require_normals(found.coefficients, wanted["mu"])
    new = found.new_study()
    assert not isinstance(new, Inapplicable)
    require_normals(new, wanted["prediction"])


@pytest.mark.parametrize(("name", "prior"), CASES)
def test_tau_and_evidence(name: str, prior: str) -> None:
    wanted, found = R[name]["posteriors"][prior], find(name, prior)
    tau, row = wanted["tau"], found.variances("shortest").iloc[0]
    assert [row["mean"], row["std_error"]] == pytest.approx([tau["mean"], tau["sd"]], rel=CLOSE)
    curve = found.quadrature.curves[0]
    assert curve.quantile(np.array(tau["levels"])) == pytest.approx(tau["quantiles"], rel=CLOSE)
    assert [row["lower"], row["upper"]] == pytest.approx(tau["shortest"], abs=OF_SD * tau["sd"])
    assert found.log_evidence == pytest.approx(wanted["log.evidence"], rel=CLOSE)


@pytest.mark.parametrize(("name", "prior"), CASES)
def test_shrinkage(name: str, prior: str) -> None:
    """True effects of the studies, drawn towards each other."""
    wanted, rows = np.array(R[name]["posteriors"][prior]["studies"]), find(name, prior).shrinkage()
    assert (np.abs(rows["mean"] - wanted[:, 0]) <= OF_SD * wanted[:, 1]).all()
    np.testing.assert_allclose(rows["std_error"], wanted[:, 1], rtol=CLOSE)
