"""Networks without a trial, what precision rests on, partial orders, connection, varying designs."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from network_trials import make_arms, make_comparisons
from simulated_problems import make_dense
from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable
from synovia.plots import draw
from synovia.synthesis.network import (
    connect,
    hypergeometric_network,
    mantel_haenszel_network,
    network,
    partial_order,
    read_contrasts,
)

CLOSED = 1e-9  # two orders of the same sums
SEARCHED = 1e-6  # both searches stop well below this


@pytest.fixture
def arms() -> pd.DataFrame:
    return make_arms()


def test_each_trial_left_out_is_the_network_of_the_others(arms: pd.DataFrame) -> None:
    net = network(arms, measure="MD")
    table = net.leave_one_out("B").tidy()
    assert len(table) == 10 * 3
    for study in arms["study"].unique():
        alone = network(arms[arms["study"] != study], measure="MD").effects("B").set_index("treatment")
        found = table[table["study"] == study].set_index("treatment")
        for column in ("estimate", "std_error", "lower", "upper"):
            assert found[column].to_numpy() == pytest.approx(
                alone.loc[found.index, column].to_numpy(), rel=SEARCHED
            )
        assert found["change"].to_numpy() == pytest.approx(
            (
                found["estimate"] - net.effects("B").set_index("treatment").loc[found.index, "estimate"]
            ).to_numpy()
        )
    assert len(draw(net.leave_one_out(), term="C").texts) > 10


def test_a_treatment_that_a_trial_alone_connects_has_no_estimate_without_it(arms: pd.DataFrame) -> None:
    pairs = make_comparisons(arms[~arms["study"].isin(["s7", "s8", "s9"])])
    net = network(pairs)
    without = net.leave_one_out().tidy().set_index(["study", "treatment"])
    assert np.isnan(without["estimate"].loc["s6", "D"])
    assert "no path leads to the reference" in str(without.loc[("s6", "D"), "reason"])
    assert np.isfinite(without["estimate"].loc["s6", "B"])
    shares = net.importance().matrix()
    assert shares.loc["A:D", "s6"] == 1.0
    assert net.importance().tidy().query("essential")["study"].unique().tolist() == ["s6"]


def test_nothing_left_is_said() -> None:
    pairs = make_comparisons(make_arms(trials=(("x", "AB"), ("y", "AB"))))
    listed = network(pairs).leave_one_out().tidy()
    assert listed["reason"].str.contains("Nothing is left to estimate tau2").all()
    one = network(pairs[pairs["study"] == "x"], random=False).leave_one_out().tidy()
    assert one["reason"].tolist() == ["No other trial is left."]


@pytest.mark.parametrize("tau2", [0.0, 0.08])
def test_importance_is_the_loss_of_precision(arms: pd.DataFrame, tau2: float) -> None:
    net = network(arms, measure="MD", tau2=tau2)
    problem = net.fit.problem
    omega = make_dense(problem, [tau2])
    shares = net.importance().matrix()
    rows = {f"{a}:{b}": net.design.contrast(a, b) for a, b in combinations(sorted(net.treatments), 2)}
    whole = np.linalg.inv(problem.X.T @ np.linalg.inv(omega) @ problem.X)
    for number, study in enumerate(net.design.studies):
        rest = net.design.study != number
        X = problem.X[rest]
        cov = np.linalg.inv(X.T @ np.linalg.inv(omega[np.ix_(rest, rest)]) @ X)
        for name, row in rows.items():
            assert shares.loc[name, study] == pytest.approx(
                1 - (row @ whole @ row) / (row @ cov @ row), rel=CLOSED, abs=CLOSED
            )


def test_importance_of_two_treatments_is_weight() -> None:
    pairs = make_comparisons(make_arms(trials=tuple((f"s{i}", "AB") for i in range(5))))
    shares = network(pairs, random=False).importance().matrix().iloc[0]
    weights = 1 / pairs["std_error"] ** 2
    assert shares.to_numpy() == pytest.approx((weights / weights.sum()).to_numpy(), rel=CLOSED)


@pytest.mark.parametrize("fit", [mantel_haenszel_network, hypergeometric_network])
def test_networks_of_events_are_fitted_again(arms: pd.DataFrame, fit: object) -> None:
    assert callable(fit)
    net = fit(arms, reference="C")
    table = net.leave_one_out().tidy()
    alone = fit(arms[arms["study"] != "s7"], reference="C").effects()
    found = table[table["study"] == "s7"]
    assert found["estimate"].to_numpy() == pytest.approx(alone["estimate"].to_numpy(), rel=SEARCHED)
    few = fit(arms[~arms["study"].isin(["s7", "s8", "s9"])], reference="C")
    lost = few.leave_one_out().tidy().set_index(["study", "treatment"]).loc["s6"]
    assert lost["reason"].str.len().gt(0).all() or np.isnan(lost.loc["D", "estimate"])
    assert isinstance(net.random_interaction(), Inapplicable)
    with pytest.raises(SynthesisError, match="no variance between designs"):
        net.allow_incoherence()


def test_designs_that_vary_widen_the_network(arms: pd.DataFrame) -> None:
    two = pd.concat([arms, make_arms(seed=8).assign(study=lambda d: d["study"] + "b")])
    shift = {"AB": 1.0, "AC": -1.0, "BC": 1.0, "CD": 0.5}
    name = two.groupby("study")["treatment"].transform("sum")
    last = two.groupby("study")["treatment"].transform("max") == two["treatment"]
    two["mean"] += np.where(last, name.map(shift).fillna(0.0), 0.0)
    net = network(two, measure="MD")
    wide, found = net.allow_incoherence(), net.random_interaction()
    assert not isinstance(found, Inapplicable)
    assert wide.fit.names.variances == ("tau2", "tau2[design]")
    assert wide.fit.point.psi == pytest.approx([found.tau2, found.omega2], rel=SEARCHED)
    assert wide.new_trial == pytest.approx(found.tau2 + found.omega2, rel=SEARCHED)
    assert wide.estimates[1:] == pytest.approx(found.effects["estimate"].to_numpy(), rel=SEARCHED)
    assert (wide.effects()["std_error"] > net.effects()["std_error"]).all()
    half = (wide.predict(df=np.inf)["prediction_upper"] - wide.predict()["estimate"]) / 1.959963984540054
    error = wide.effects()["std_error"]
    assert (half**2).to_numpy() == pytest.approx((error**2 + wide.new_trial).to_numpy(), rel=CLOSED)
    common = network(two, measure="MD", random=False).allow_incoherence()
    assert common.estimates == pytest.approx(wide.estimates, rel=SEARCHED)
    assert "of designs" in str(wide)
    assert "tau2[design]" in str(wide)
    assert 0 < found.tidy()["share"][0] <= 1
    with pytest.raises(SynthesisError, match="without moderators and classes"):
        wide.leave_one_out()


def test_a_star_has_no_variance_between_designs() -> None:
    star = make_comparisons(make_arms(trials=(("a", "AB"), ("b", "AC"), ("c", "AD"), ("d", "AB"))))
    with pytest.raises(SynthesisError, match="cannot be estimated: no closed loop of different designs"):
        network(star).allow_incoherence()


def test_connection_counts_and_measures_also_what_falls_apart(arms: pd.DataFrame) -> None:
    whole = network(arms, measure="MD").connection()
    assert whole.connected
    assert whole.laplacian().to_numpy().sum() == 0
    assert whole.laplacian().loc["A", "B"] == -4
    assert whole.distances().loc["A", "D"] == 1
    apart = connect(read_contrasts(make_comparisons(arms).query("study in ['s1', 's6']")))
    assert not apart.connected
    assert np.isinf(apart.distances()["A"].loc["C"])
    assert apart.trials["subnetwork"].tolist() == [1, 2]
    assert "A; B" in str(apart)


def test_partial_orders_are_the_product_order() -> None:
    rng = np.random.default_rng(5)
    names = [f"t{i}" for i in range(12)]
    scores = {outcome: pd.Series(rng.random(12).round(1), index=names) for outcome in "xyz"}
    order = partial_order(scores)
    for a, b in combinations(range(12), 2):
        better = all(s.iloc[a] >= s.iloc[b] for s in scores.values())
        some = any(s.iloc[a] > s.iloc[b] for s in scores.values())
        assert order.above[a, b] == (better and some)
    closure = order.covers.astype(int)
    for _ in range(12):
        closure = ((closure + closure @ order.covers) > 0).astype(int)
    assert (closure == order.above).all()
    upper, lower = np.nonzero(order.covers)
    for i, j in zip(upper, lower, strict=True):
        assert not (order.above[i] & order.above[:, j]).any()
    layers = order.tidy().set_index("treatment")["layer"]
    assert all(layers[names[i]] < layers[names[j]] for i, j in zip(upper, lower, strict=True))
    assert set(order.best) == set(layers.index[layers == 1])
    assert order.matrix().to_numpy().sum() == order.above.sum()
    assert order.hasse().to_numpy().sum() == order.covers.sum()
    assert len(draw(order).lines) == order.covers.sum()


def test_one_outcome_twice_is_its_own_order(arms: pd.DataFrame) -> None:
    ranks = network(arms, measure="MD").rank(better="higher")
    order = partial_order({"x": ranks, "y": ranks})
    assert order.comparable == 1.0
    assert order.tidy()["treatment"].tolist() == ranks.tidy()["treatment"].tolist()
    assert order.worst == (ranks.tidy()["treatment"].iloc[-1],)
    assert "layer" in str(order)


def test_orders_of_too_little_are_refused() -> None:
    one = pd.Series({"A": 0.9, "B": 0.1})
    with pytest.raises(SynthesisError, match="wanted at least two to order"):
        partial_order({"x": one})
    with pytest.raises(SynthesisError, match="Found 0 treatments that all of x, y rank"):
        partial_order({"x": one, "y": pd.Series({"C": 1.0})})
    with pytest.raises(SynthesisError, match="y has no score of B"):
        partial_order({"x": one, "y": pd.Series({"A": 1.0, "B": np.nan})})
    assert partial_order({"x": one, "y": pd.Series({"A": 1.0, "B": 1.0, "C": 0.0})}).left_out == ("C",)
