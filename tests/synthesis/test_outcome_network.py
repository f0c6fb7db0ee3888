"""Networks of several outcomes: identities that must collapse, brute force, and what cannot be used."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from network_trials import TRIALS, make_arms, make_comparisons
from simulated_problems import make_dense
from synovia.diagnosis import leave_one_out
from synovia.errors import NotPositiveDefinite, SynthesisError, TooFewStudies
from synovia.kernel import Inapplicable, point
from synovia.synthesis import meta
from synovia.synthesis.network import OutcomeNetwork, network, outcome_network, partial_order, read_contrasts
from synovia.synthesis.network.outcome_covariance import find_middle

CLOSED = 1e-9  # two orders of the same sums
SEARCHED = 1e-5  # both searches stop where the score is flat to far below a standard error
HELD = {"tau2[pain]": 0.09, "tau2[function]": 0.04, "rho[pain, function]": 0.6}
NUMBERS = ["estimate", "std_error", "lower", "upper", "p_value"]


def make_outcomes(*, seed: int = 11) -> pd.DataFrame:
    """outcome, then comparisons: the first two trials leave function out, the last leaves pain out."""
    pain = make_comparisons(make_arms(seed=seed)).assign(outcome="pain")
    function = make_comparisons(make_arms(seed=seed + 1)).assign(outcome="function")
    return pd.concat([pain[pain.study != "s10"], function[~function.study.isin(["s1", "s2"])]])


def make_pairs(seed: int = 3) -> pd.DataFrame:
    """Ten trials of B against A with two outcomes, whose effects go together."""
    draw = np.random.default_rng(seed)
    both = draw.multivariate_normal([0.5, 0.2], [[0.2, 0.1], [0.1, 0.15]], size=10)
    rows = [
        (f"s{i}", name, "B", "A", both[i, o] + draw.normal(0, 0.2), draw.uniform(0.15, 0.3))
        for i in range(10)
        for o, name in enumerate(["pain", "function"])
    ]
    return pd.DataFrame(
        rows, columns=["study", "outcome", "treatment_1", "treatment_2", "estimate", "std_error"]
    )


def every_comparison(net: OutcomeNetwork) -> pd.DataFrame:
    """All pairs of treatments on all outcomes."""
    tables = [net.compare(name, a, b) for name in net.outcomes for a in "ABCD" for b in "ABCD" if a < b]
    return pd.concat(tables)[NUMBERS]


@pytest.mark.parametrize("tau2", ["REML", "ML"])
@pytest.mark.parametrize("structure", ["UN", "HCS", "CS", "DIAG", None])
def test_one_outcome_is_a_network(structure: str | None, tau2: str) -> None:
    pairs = make_comparisons(make_arms())
    many = outcome_network({"pain": pairs}, correlation=0.3, structure=structure, tau2=tau2, reference="C")
    one = network(pairs, random=structure is not None, tau2=tau2, reference="C")
    np.testing.assert_allclose(many.tidy()[NUMBERS], one.effects()[NUMBERS], rtol=SEARCHED)
    np.testing.assert_allclose(
        many.tidy()[["prediction_lower", "prediction_upper"]],
        one.effects()[["prediction_lower", "prediction_upper"]],
        rtol=SEARCHED,
    )
    np.testing.assert_allclose(many.fit.point.psi, one.fit.point.psi, rtol=SEARCHED)


def test_without_correlation_outcomes_are_networks_of_their_own() -> None:
    data = make_outcomes()
    many = outcome_network(data, correlation=0.0, structure="DIAG")
    for place, (name, own) in enumerate(data.groupby("outcome", sort=False)):
        one = network(own)
        assert many.fit.point.psi[place] == pytest.approx(one.tau2, rel=SEARCHED)
        got = many.tidy()[many.tidy().outcome == name][NUMBERS]
        np.testing.assert_allclose(got, one.effects()[NUMBERS], rtol=SEARCHED)


@pytest.mark.parametrize("tau2", ["REML", "ML"])
@pytest.mark.parametrize("structure", ["UN", "HCS", "CS", "DIAG"])
def test_two_treatments_are_a_bivariate_meta_analysis(structure: str, tau2: str) -> None:
    data = make_pairs().sort_values("outcome", ascending=False, kind="stable").reset_index(drop=True)
    many = outcome_network(data, correlation=0.4, structure=structure, tau2=tau2)
    s = data.std_error.to_numpy()
    same = data.study.to_numpy()[:, None] == data.study.to_numpy()
    V = np.outer(s, s) * np.where(np.eye(s.size) > 0, 1.0, 0.4 * same)
    alone = meta(
        data.assign(variance=s**2),
        "estimate ~ 0 + outcome",
        covariance=V,
        random=f"{structure}(outcome | study)",
        tau2=tau2,
        inference="z",
    )
    expected = alone.tidy().iloc[::-1] if "function" in alone.tidy().term.iloc[0] else alone.tidy()
    np.testing.assert_allclose(many.tidy()[NUMBERS], expected[NUMBERS], rtol=SEARCHED)
    assert many.fit.point.log_reml == pytest.approx(alone.point.log_reml, abs=1e-7)


def dense_arms(data: pd.DataFrame, rho: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, X and Omega of arm-level data, an intercept for each trial and outcome, by explicit matrices."""
    outcomes, treatments = ["pain", "function"], ["B", "C", "D"]
    keys = (data.study + data.outcome).tolist()
    labels = sorted(set(keys))
    X = np.zeros((len(data), 6 + len(labels)))
    for row, (o, t, key) in enumerate(zip(data.outcome, data.treatment, keys, strict=True)):
        X[row, 6 + labels.index(key)] = 1
        if t != "A":
            X[row, 3 * outcomes.index(o) + treatments.index(t)] = 1
    v = (data.sd**2 / data.n).to_numpy()
    arm = (data.study + data.treatment).to_numpy()
    same = arm[:, None] == arm[None, :]
    o = data.outcome.to_numpy()
    G = np.array([[0.09, 0.036], [0.036, 0.04]])
    at = np.array([outcomes.index(name) for name in o])
    errors = np.sqrt(np.outer(v, v)) * np.where(o[:, None] == o[None, :], 1.0, rho)
    return data["mean"].to_numpy(), X, np.where(same, errors + G[np.ix_(at, at)] / 2, 0.0)


def test_brute_force_by_arms() -> None:
    # Arms of one sample have proportional variances on both outcomes, where correlated arms and correlated
    # comparisons are the same thing.
    pain = make_arms(seed=5).assign(outcome="pain")
    function = make_arms(seed=6).assign(outcome="function", n=pain.n, sd=1.7 * pain.sd)
    data = pd.concat([pain, function], ignore_index=True)
    net = outcome_network(data, measure="MD", correlation=0.5, tau2=HELD)
    y, X, omega = dense_arms(data, 0.5)
    inverse = np.linalg.inv(omega)
    cov = np.linalg.inv(X.T @ inverse @ X)
    beta = cov @ X.T @ inverse @ y
    np.testing.assert_allclose(net.fit.point.beta, beta[:6], rtol=CLOSED)
    np.testing.assert_allclose(net.fit.point.cov, cov[:6, :6], rtol=CLOSED)


def test_brute_force_with_trials_that_report_one_outcome() -> None:
    net = outcome_network(make_outcomes(), correlation=0.5, tau2=HELD)
    inverse, X = np.linalg.inv(make_dense(net.fit.problem, net.fit.point.psi)), net.fit.problem.X
    cov = np.linalg.inv(X.T @ inverse @ X)
    beta = cov @ X.T @ inverse @ net.fit.problem.y
    row = net.compare("function", "D", "B").iloc[0]
    contrast = np.array([0, 0, 0, -1.0, 0, 1.0])
    assert row.estimate == pytest.approx(contrast @ beta, rel=CLOSED)
    assert row.std_error == pytest.approx(np.sqrt(contrast @ cov @ contrast), rel=CLOSED)


@pytest.mark.parametrize("reference", ["A", "C"])
def test_order_direction_and_reference_change_nothing(reference: str) -> None:
    data = make_outcomes()
    expected = every_comparison(outcome_network(data, correlation=0.6, tau2=HELD))
    draw = np.random.default_rng(8)
    shuffled = data.sample(frac=1, random_state=4)
    turn = draw.random(len(shuffled)) < 0.5
    turned = shuffled.assign(
        treatment_1=shuffled.treatment_1.where(~turn, shuffled.treatment_2),
        treatment_2=shuffled.treatment_2.where(~turn, shuffled.treatment_1),
        estimate=shuffled.estimate.where(~turn, -shuffled.estimate),
    )
    tables = {name: turned[turned.outcome == name] for name in ("pain", "function")}
    got = outcome_network(tables, correlation=0.6, tau2=HELD, reference=reference)
    np.testing.assert_allclose(every_comparison(got), expected, rtol=1e-8)  # p-values multiply rounding


def test_arms_that_report_one_outcome_are_joined_through_those_that_report_both() -> None:
    arms = make_arms(seed=2)
    pain = make_comparisons(arms)
    short = arms[~((arms.study == "s8") & (arms.treatment.isin(["A", "B"])))]
    net = outcome_network(
        {"pain": pain, "function": make_comparisons(short)}, correlation=0.5, structure=None
    )
    V = make_dense(net.fit.problem, [])
    rows = net.fit.rows.data
    own = rows.study == "s8"
    pain_rows, other = np.flatnonzero(own & (rows.outcome == "pain")), np.flatnonzero(own)[-1]
    assert own.sum() == 4
    # The same two arms, so the same errors: those of D against C are half explained by each other.
    v = V[other, other]
    design = net.design.designs[0].problem.X[pain_rows]
    effect = np.linalg.lstsq(design.T, np.array([0.0, -1.0, 1.0]), rcond=None)[0]
    sign = 1.0 if rows.treatment[other] == "D" else -1.0
    assert sign * effect @ V[pain_rows, other] == pytest.approx(0.5 * v, rel=CLOSED)


def test_geometric_mean_does_not_depend_on_the_basis() -> None:
    draw = np.random.default_rng(1)
    A, B = (x @ x.T for x in draw.normal(size=(2, 3, 5)))
    C = draw.normal(size=(3, 3))
    np.testing.assert_allclose(find_middle(C @ A @ C.T, C @ B @ C.T), C @ find_middle(A, B) @ C.T, rtol=1e-8)
    np.testing.assert_allclose(find_middle(A, B), find_middle(B, A), rtol=1e-8)
    np.testing.assert_allclose(find_middle(A, 4 * A), 2 * A, rtol=CLOSED)


def test_reml_has_the_highest_restricted_likelihood() -> None:
    net = outcome_network(make_outcomes(seed=21), correlation=0.5)
    best = net.fit.point.log_reml
    draw = np.random.default_rng(5)
    for _ in range(30):
        psi = net.fit.point.psi * np.exp(draw.normal(0, 0.3, 3)) + [*draw.uniform(0, 0.02, 2), 0.0]
        psi[2] = np.clip(psi[2], -0.999, 0.999)
        assert point(net.fit.problem, psi).log_reml <= best + 1e-8


@pytest.mark.parametrize("inference", ["z", "knapp-hartung", "kenward-roger", "CR2"])
def test_kinds_of_inference(inference: str) -> None:
    net = outcome_network(make_outcomes(), correlation=0.5, structure="DIAG", inference=inference)
    assert np.isfinite(net.tidy()[NUMBERS].to_numpy()).all()


def test_summary_and_between() -> None:
    net = outcome_network(make_outcomes(), correlation=0.5, tau2=HELD)
    text = net.summary().as_text()
    assert "Networks of 2 outcomes in 10 trials" in text
    assert "rho[pain, function]" in text
    assert net.between().loc["pain", "function"] == pytest.approx(0.6 * 0.3 * 0.2)  # type: ignore[union-attr]
    common = outcome_network(make_outcomes(), correlation=0.5, structure=None)
    assert isinstance(common.between(), Inapplicable)
    assert common.tidy().prediction_lower.isna().all()


def test_three_outcomes_take_a_table_of_correlations() -> None:
    data = make_outcomes()
    third = data[data.outcome == "function"].assign(outcome="sleep")
    names = ["pain", "function", "sleep"]
    R = pd.DataFrame([[1, 0.3, 0.2], [0.3, 1, 0.4], [0.2, 0.4, 1]], index=names, columns=names)
    net = outcome_network(pd.concat([data, third]), correlation=R, structure="CS")
    assert net.correlation.loc["function", "sleep"] == 0.4
    assert len(net.tidy()) == 9


CASES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"correlation": 1.0}, NotPositiveDefinite, "between -1 and 1"),
    ({"correlation": -1.2}, NotPositiveDefinite, "Found correlation -1.2"),
    ({"correlation": float("nan")}, NotPositiveDefinite, "Found correlation nan"),
    ({"correlation": pd.DataFrame({"pain": [1.0]}, index=["pain"])}, SynthesisError, "'function'"),
    ({"structure": "AR"}, SynthesisError, "UN, HCS, CS, DIAG"),
    ({"tau2": "DL"}, SynthesisError, "'REML', 'ML'"),
    ({"tau2": {"tau2": 0.1}}, SynthesisError, r"tau2\[pain\]"),
    ({"reference": "Z"}, SynthesisError, "Outcome pain: There is no treatment 'Z'"),
]


@pytest.mark.parametrize(("choice", "kind", "said"), CASES)
def test_choices_that_do_not_exist(choice: dict[str, Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        outcome_network(make_outcomes(), **{"correlation": 0.5, **choice})


def test_data_that_cannot_be_used() -> None:
    data = make_outcomes()
    function = data[data.outcome == "function"]
    apart = function[function.study.isin(["s3", "s6"])].assign(treatment_1=["A", "B"], treatment_2=["C", "D"])
    with pytest.raises(SynthesisError, match="Outcome function: The network falls into 2 parts"):
        outcome_network({"pain": data[data.outcome == "pain"], "function": apart}, correlation=0.5)
    other = function.assign(study=function.study + "x")
    with pytest.raises(SynthesisError, match="No trial reports both pain and function"):
        outcome_network({"pain": data[data.outcome == "pain"], "function": other}, correlation=0.5)
    bare = function[function.study.isin(["s3", "s4"])]
    with pytest.raises(TooFewStudies, match="comparisons of function leave nothing"):
        outcome_network({"pain": data[data.outcome == "pain"], "function": bare}, correlation=0.5)
    with pytest.raises(SynthesisError, match="Row 1 has no outcome"):
        outcome_network(data.assign(outcome=None), correlation=0.5)
    with pytest.raises(SynthesisError, match="Found no outcome"):
        outcome_network({}, correlation=0.5)
    net = outcome_network(data, correlation=0.5, structure=None)
    with pytest.raises(SynthesisError, match="no outcome 'sleep'"):
        net.compare("sleep", "A", "B")
    with pytest.raises(SynthesisError, match="no treatment 'E'"):
        net.compare("pain", "A", "E")


def test_leaving_a_trial_out_fits_the_others_again() -> None:
    data = make_outcomes()
    left = leave_one_out(outcome_network(data, correlation=0.5, structure="CS").fit, by="study").tidy()
    again = outcome_network(data[data.study != "s8"], correlation=0.5, structure="CS")
    got = left[left.label == "s8"]
    np.testing.assert_allclose(got.estimate, again.fit.point.beta, rtol=SEARCHED)
    np.testing.assert_allclose(got.std_error, again.tidy().std_error, rtol=SEARCHED)


def test_contrasts_are_taken_as_read() -> None:
    pairs = make_comparisons(make_arms(trials=TRIALS))
    read = outcome_network({"pain": read_contrasts(pairs)}, correlation=0.0, structure=None)
    table = outcome_network({"pain": pairs}, correlation=0.0, structure=None)
    assert read.tidy().equals(table.tidy())


def test_one_outcome_is_ranked_and_tabulated_like_a_network() -> None:
    net = outcome_network(make_outcomes(), correlation=0.5, reference="B", tau2=HELD)
    pain, function = net.on("pain"), net.on("function")
    assert pain.tidy()["estimate"].tolist() == net.tidy().query("outcome == 'pain'")["estimate"].tolist()
    table = pain.league(above=function)
    for i, one in enumerate("ABCD"):
        for j, other in enumerate("ABCD"):
            if i != j:
                left, right = ("ABCD"[min(i, j)], "ABCD"[max(i, j)])
                row = net.compare("function" if i < j else "pain", left, right).iloc[0]
                shown = [table.estimate[i, j], table.lower[i, j], table.upper[i, j]]
                assert shown == pytest.approx([row["estimate"], row["lower"], row["upper"]], rel=CLOSED), (
                    one + other
                )
    assert "estimates of function" in table.caption
    order = partial_order({"pain": pain.rank(better="higher"), "function": function.rank(better="higher")})
    assert set(order.treatments) == set("ABCD")
    alone = outcome_network({"pain": make_comparisons(make_arms())}, correlation=0.5, tau2={"tau2": 0.09}).on(
        "pain"
    )
    whole = network(make_comparisons(make_arms()), tau2=0.09).rank(better="lower")
    assert alone.rank(better="lower").scores == pytest.approx(whole.scores, rel=CLOSED)
