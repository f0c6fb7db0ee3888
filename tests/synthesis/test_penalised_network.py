"""Networks by penalised logistic regression: brute force, identities, empty arms."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from network_trials import make_arms
from synovia.errors import SynthesisError
from synovia.synthesis.network import hypergeometric_network, penalised_network

CLOSED = 1e-9  # scoring stops where effects are exact to rounding
SEARCHED = 1e-5  # the dense search sees a flat top


def count(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["study", "treatment", "events", "n"])


def find_penalised(theta: NDArray[np.float64], X: NDArray[np.float64], arms: pd.DataFrame) -> float:
    a, n = arms["events"].to_numpy(), arms["n"].to_numpy()
    risk = 1 / (1 + np.exp(-X @ theta))
    information = X.T @ ((n * risk * (1 - risk))[:, None] * X)
    own = (a * np.log(risk) + (n - a) * np.log(1 - risk)).sum()
    return -float(own + np.linalg.slogdet(information)[1] / 2)


def test_estimates_are_the_maximum_of_the_penalised_likelihood() -> None:
    arms = make_arms().iloc[:16]
    arms = arms.assign(events=np.where(np.arange(16) % 5 == 0, 0, arms["events"] // 6))
    net = penalised_network(arms)
    kept = arms[arms["study"].isin(net.design.studies)]
    studies, names = (
        pd.get_dummies(kept["study"])[list(net.design.studies)],
        pd.get_dummies(kept["treatment"]),
    )
    X = np.hstack([studies.to_numpy(float), names[list(net.treatments[1:])].to_numpy(float)])
    found = minimize(
        find_penalised, np.zeros(X.shape[1]), args=(X, kept), method="BFGS", options={"gtol": 1e-9}
    )
    k = len(net.design.studies)
    assert net.estimates[1:] == pytest.approx(found.x[k:], abs=SEARCHED)
    assert net.fit.point.log_ml == pytest.approx(-found.fun, rel=CLOSED)
    assert net.fit.point.log_ml >= -found.fun - CLOSED
    a = 1 / (1 + np.exp(-X @ found.x))
    information = X.T @ ((kept["n"].to_numpy() * a * (1 - a))[:, None] * X)
    assert net.covariance[1:, 1:] == pytest.approx(np.linalg.inv(information)[k:, k:], rel=1e-4)
    assert net.fit.convergence.converged


def test_one_trial_has_a_half_in_every_cell() -> None:
    net = penalised_network(count(("s", "A", 0, 20), ("s", "B", 3, 30)))
    assert net.estimates[1] == pytest.approx(np.log((3.5 / 27.5) / (0.5 / 20.5)), rel=CLOSED)


def test_the_reference_and_the_order_change_nothing() -> None:
    arms = make_arms()
    one, other = penalised_network(arms, reference="C"), penalised_network(arms.iloc[::-1], reference="A")
    for pair in (("A", "B"), ("D", "B"), ("C", "D")):
        left, right = one.compare(*pair).iloc[0], other.compare(*pair).iloc[0]
        assert left["estimate"] == pytest.approx(right["estimate"], rel=CLOSED)
        assert left["std_error"] == pytest.approx(right["std_error"], rel=CLOSED)


def test_many_events_leave_little_to_penalise() -> None:
    arms = make_arms().assign(n=lambda d: 200 * d["n"], events=lambda d: 200 * d["events"])
    net = penalised_network(arms)
    raw = penalised_network(arms.assign(n=lambda d: 50 * d["n"], events=lambda d: 50 * d["events"]))
    assert net.estimates == pytest.approx(raw.estimates, abs=1e-3)


def test_a_treatment_without_events_has_an_effect_and_the_network_its_readings() -> None:
    arms = count(("s1", "A", 0, 50), ("s1", "B", 3, 50), ("s2", "A", 0, 60), ("s2", "C", 2, 60), ("s3", "B", 4, 40),
                 ("s3", "C", 1, 40))  # fmt: skip
    with pytest.raises(SynthesisError, match="penalised_network"):
        hypergeometric_network(arms)
    net = penalised_network(arms)
    assert np.isfinite(net.effects()[["estimate", "std_error", "lower", "upper"]]).all(axis=None)
    assert "penalised by Firth" in net.fit.method
    assert 'method="LRP"' in net.to_r()
    assert net.league().above == "nothing"
    without = net.leave_one_out().tidy().set_index(["study", "treatment"])["estimate"]
    alone = penalised_network(arms[arms["study"] != "s3"]).effects().set_index("treatment")["estimate"]
    assert without["s3"].loc["B"] == pytest.approx(alone["B"], rel=CLOSED)
    with pytest.raises(SynthesisError, match="no direct estimates to compare"):
        net.split()
