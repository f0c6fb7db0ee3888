"""Component networks: identities, what cannot be separated, and refusals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis.network import component_network, network, read_contrasts
from synovia.synthesis.network.identify import identify

EXACT = 1e-10  # two routes to one closed form
SEARCHED = 1e-6  # two searches for tau2

EFFECTS = {"saline": 0.0, "gel": 1.0, "vesicle": 2.0, "cargo": 0.5}


def make_trials(pairs: list[tuple[str, str]], seed: int = 7) -> pd.DataFrame:
    """Comparisons of the pairs, additive up to sampling error and a little more."""
    rng = np.random.default_rng(seed)

    def add(name: str) -> float:
        return sum(EFFECTS[part] for part in name.split(" + "))

    rows: list[dict[str, Any]] = [
        {
            "study": f"s{place}",
            "treatment_1": one,
            "treatment_2": other,
            "estimate": add(one) - add(other) + rng.normal(0, 0.4),
            "std_error": rng.uniform(0.2, 0.5),
        }
        for place, (one, other) in enumerate(pairs)
    ]
    return pd.DataFrame(rows)


TRIANGLE = [("gel", "saline"), ("vesicle", "saline"), ("vesicle", "gel")] * 4
FACTORIAL = [
    *TRIANGLE,
    ("gel + vesicle", "gel"),
    ("gel + vesicle", "vesicle"),
    ("gel + vesicle", "saline"),
] * 2


@pytest.mark.parametrize("random", [False, True])
def test_components_of_single_treatments_are_the_network(random: bool) -> None:
    trials = make_trials(TRIANGLE)
    parts = component_network(trials, inactive="saline", random=random)
    whole = network(trials, reference="saline", random=random).effects()
    for column in ("estimate", "std_error", "lower", "upper", "p_value"):
        np.testing.assert_allclose(parts.tidy()[column], whole[column], rtol=SEARCHED if random else EXACT)
    difference = parts.test_additivity().iloc[2]
    assert difference["df"] == 0
    assert np.isnan(difference["p_value"])


@pytest.mark.parametrize("tau2", ["DL", 0.3])
def test_multi_arm_trials_keep_their_covariance(tau2: str | float) -> None:
    trials = make_trials(TRIANGLE)
    three = pd.DataFrame(
        {
            "study": "three",
            "treatment_1": ["gel", "vesicle", "vesicle"],
            "treatment_2": ["saline", "saline", "gel"],
            "estimate": [1.1, 1.8, 0.7],
            "std_error": [0.3, 0.35, 0.32],
        }
    )
    both = pd.concat([trials, three], ignore_index=True)
    parts = component_network(both, inactive="saline", tau2=tau2)
    whole = network(both, reference="saline", tau2=tau2)
    np.testing.assert_allclose(parts.tidy()["std_error"], whole.effects()["std_error"], rtol=EXACT)
    assert parts.tau2 == pytest.approx(whole.tau2, rel=EXACT)


def test_estimates_are_generalised_least_squares() -> None:
    trials = make_trials(FACTORIAL)
    tau2 = 0.25
    parts = component_network(trials, inactive="saline", tau2=tau2)
    C = {name: [float(part in name.split(" + ")) for part in ("gel", "vesicle")] for name in parts.treatments}
    pairs = zip(trials["treatment_1"], trials["treatment_2"], strict=True)
    X = np.array([np.subtract(C[one], C[other]) for one, other in pairs])
    w = 1 / (trials["std_error"].to_numpy() ** 2 + tau2)
    cov = np.linalg.inv((X.T * w) @ X)
    np.testing.assert_allclose(parts.tidy()["estimate"], cov @ X.T @ (w * trials["estimate"]), rtol=EXACT)
    np.testing.assert_allclose(parts.tidy()["std_error"], np.sqrt(np.diag(cov)), rtol=EXACT)
    row = parts.compare("gel + vesicle", "vesicle").iloc[0]
    assert row["estimate"] == pytest.approx(parts.tidy()["estimate"][0], rel=EXACT)
    assert row["prediction_upper"] > row["upper"]


def test_all_interactions_restore_the_network() -> None:
    trials = make_trials(FACTORIAL)
    parts = component_network(trials, inactive="saline", interactions=[("gel", "vesicle")], random=False)
    whole = network(trials, reference="saline", random=False).effects().set_index("treatment")["estimate"]
    expected = whole["gel + vesicle"] - whole["gel"] - whole["vesicle"]
    found = parts.tidy().set_index("component")["estimate"]
    assert found["gel * vesicle"] == pytest.approx(expected, rel=EXACT)
    tests = parts.test_additivity()
    assert tests["q"][0] == pytest.approx(tests["q"][1], rel=EXACT)


def test_interaction_explains_the_difference_in_q() -> None:
    trials = make_trials(FACTORIAL)
    plain = component_network(trials, inactive="saline", random=False)
    joint = component_network(trials, inactive="saline", interactions=[("gel", "vesicle")], random=False)
    z = joint.tidy()["statistic"].iloc[-1]
    # one interaction saturates this network: its squared z is the difference of Q
    assert plain.test_additivity()["q"][2] == pytest.approx(z**2, rel=EXACT)


def test_shared_components_join_networks_that_no_trial_connects() -> None:
    apart = (
        [("gel", "saline")] * 3 + [("gel + vesicle", "vesicle")] * 3 + [("vesicle + cargo", "vesicle")] * 3
    )
    trials = make_trials(apart)
    with pytest.raises(SynthesisError, match="component network"):
        network(trials)
    parts = component_network(trials, inactive="saline", random=False)
    assert len(parts.subnetworks) == 2
    assert parts.glance()["subnetworks"][0] == 2
    tidy = parts.tidy().set_index("component")
    assert tidy["identified"].to_dict() == {"cargo": True, "gel": True, "vesicle": False}
    assert "The effect of 'vesicle' cannot be estimated" in parts.warnings[0]
    gel = trials.iloc[:6]
    w = 1 / gel["std_error"] ** 2
    assert tidy["estimate"]["gel"] == pytest.approx((w * gel["estimate"]).sum() / w.sum(), rel=EXACT)
    across = parts.compare("gel + cargo", "saline").iloc[0]
    assert across["estimate"] == pytest.approx(tidy["estimate"]["gel"] + tidy["estimate"]["cargo"], rel=EXACT)
    assert not parts.compare("vesicle", "saline")["identified"][0]


def test_confounded_components_are_named_and_their_sum_is_estimated() -> None:
    trials = make_trials([("gel + vesicle", "saline")] * 4 + [("cargo", "saline")] * 3)
    parts = component_network(trials, inactive="saline", random=False)
    said = "The effects of 'gel' and 'vesicle' cannot be separated: of them only gel + vesicle is estimated."
    assert said in parts.warnings
    tidy = parts.tidy().set_index("component")
    assert np.isnan(tidy["estimate"]["gel"])
    assert parts.compare("gel + vesicle")["identified"][0]
    assert "not separable" in parts.summary().as_text()
    assert list(parts.fit.names.coefficients) == ["cargo", "gel + vesicle"]


@pytest.mark.parametrize("seed", range(20))
def test_identified_agrees_with_singular_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X: NDArray[np.int_] = rng.integers(-1, 2, size=(5, 7))
    X[:, 3] = X[:, 1]
    found = identify(X, tuple("abcdefg"))
    assert len(found.pivots) == np.linalg.matrix_rank(X)
    np.testing.assert_allclose(X @ found.null_space().T, 0, atol=1e-12)  # sums of fractions of small numbers
    projector = np.linalg.pinv(X) @ X
    estimable = np.abs(projector - np.eye(7)).max(axis=1) < 1e-9  # rows of the projector are 0 or far from it
    np.testing.assert_array_equal(found.contains(np.eye(7)), estimable)
    assert found.contains(X.astype(float)).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inactive": "placebo"}, "no component 'placebo' to be inactive; the network has gel, saline"),
        ({"interactions": [("gel", "cells")]}, "interaction 'gel \\* cells'; wanted two or more of gel"),
        ({"interactions": [("gel", "saline")]}, "No treatment contains all of gel, saline"),
        ({"separator": " "}, "wanted the text between components"),
    ],
)
def test_what_cannot_be_used_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        component_network(make_trials(TRIANGLE), **changes)


def test_names_and_components_are_checked() -> None:
    trials = make_trials(TRIANGLE)
    with pytest.raises(SynthesisError, match="has an empty component"):
        component_network(trials.replace("gel", "gel + "))
    with pytest.raises(SynthesisError, match="There is no component 'cells', in 'gel \\+ cells'"):
        component_network(trials).compare("gel + cells")
    same = pd.DataFrame(
        {
            "study": ["a"],
            "treatment_1": ["A + B"],
            "treatment_2": ["B + A"],
            "estimate": [1.0],
            "std_error": [1.0],
        }
    )
    with pytest.raises(SynthesisError, match="arms with the same components"):
        component_network(same)


def test_inference_is_that_of_the_network() -> None:
    trials = make_trials(TRIANGLE)
    parts = component_network(trials, inactive="saline", tau2="DL", inference="knapp-hartung")
    whole = network(trials, reference="saline", tau2="DL", inference="knapp-hartung").effects()
    np.testing.assert_allclose(parts.tidy()["upper"], whole["upper"], rtol=EXACT)


def test_contrasts_can_be_given_and_common_effects_have_no_tau2() -> None:
    trials = make_trials(FACTORIAL)
    parts = component_network(read_contrasts(trials), random=False)
    assert np.isnan(parts.glance()["tau2"][0])
    assert np.isnan(parts.compare("gel")["prediction_lower"][0])
    assert "common effects" in parts.fit.method
    against = parts.combinations("saline").set_index("treatment")["estimate"]
    assert against["saline"] == 0


def test_a_given_matrix_is_what_names_say() -> None:
    trials = make_trials(FACTORIAL)
    named = component_network(trials, inactive="saline", interactions=[("gel", "vesicle")], random=False)
    coded = trials.replace({"gel": "T1", "vesicle": "T2", "gel + vesicle": "T3", "saline": "T0"})
    matrix = pd.DataFrame(
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1], [2, 0, 0]],
        index=["T0", "T1", "T2", "T3", "double"],
        columns=["gel", "vesicle", "gel * vesicle"],
    )
    given = component_network(coded, matrix=matrix, random=False)
    np.testing.assert_allclose(given.tidy()["estimate"], named.tidy()["estimate"], rtol=EXACT)
    twice = given.compare("double", "T0")
    assert twice["estimate"][0] == pytest.approx(2 * given.tidy()["estimate"][0], rel=EXACT)
    assert twice["untried"][0] == "double"
    assert "C <- matrix(c(0, 0, 0, 1, 0, 0" in given.to_r()


def test_fractions_of_a_component_are_identified() -> None:
    trials = pd.DataFrame(
        {
            "study": ["a", "b", "c"],
            "treatment_1": ["half", "full", "mix"],
            "treatment_2": ["none", "none", "none"],
            "estimate": [0.5, 1.1, 2.0],
            "std_error": [0.1, 0.1, 0.1],
        }
    )
    rows = {"none": [0, 0, 0], "half": [0.5, 0, 0], "full": [1, 0, 0], "mix": [0.3, 0.7, 0.7]}
    matrix = pd.DataFrame.from_dict(rows, orient="index", columns=["x", "y", "z"])
    parts = component_network(trials, matrix=matrix, random=False)
    assert parts.tidy()["identified"].tolist() == [True, False, False]
    assert "'y' and 'z' cannot be separated" in parts.warnings[0]
    assert parts.compare("mix", "half")["identified"][0]


@pytest.mark.parametrize(
    ("matrix", "more", "said"),
    [
        (pd.DataFrame({"x": [1.0]}, index=["gel"]), {}, "no row for 'saline', 'vesicle'"),
        (pd.DataFrame({"x": [1, 0, "?"]}, index=["gel", "saline", "vesicle"]), {}, "in the row of 'vesicle'"),
        (pd.DataFrame({"x": [1, 0, 0, 1]}, index=["gel", "gel", "saline", "vesicle"]), {}, "component twice"),
        (pd.DataFrame({"x": [1.0]}, index=["gel"]), {"inactive": "saline"}, "Found matrix together with"),
    ],
)
def test_matrices_that_cannot_be_used_are_refused(
    matrix: pd.DataFrame, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(SynthesisError, match=said):
        component_network(make_trials(TRIANGLE), matrix=matrix, **more)


def test_what_no_trial_gave_is_flagged() -> None:
    parts = component_network(make_trials(FACTORIAL), inactive="saline")
    assert parts.compare("vesicle + gel", "saline")["untried"][0] == ""
    trials = make_trials(TRIANGLE)
    plain = component_network(trials, inactive="saline")
    assert plain.compare("gel + vesicle", "saline")["untried"][0] == "gel + vesicle"


def test_treatments_are_ranked_as_those_of_the_network() -> None:
    trials = make_trials(TRIANGLE)
    parts = component_network(trials, inactive="saline", random=False).rank(better="higher")
    whole = network(trials, random=False).rank(better="higher")
    one, other = (dict(zip(r.treatments, r.scores.tolist(), strict=True)) for r in (parts, whole))
    assert one == pytest.approx(other, rel=EXACT, abs=EXACT)
    apart = make_trials([("gel", "saline")] * 3 + [("vesicle + cargo", "vesicle")] * 3)
    with pytest.raises(SynthesisError, match="cannot be ranked"):
        component_network(apart, inactive="saline").rank(better="higher")


def test_league_tables_set_additive_against_standard_effects() -> None:
    trials = make_trials(FACTORIAL)
    parts, whole = component_network(trials, inactive="saline", random=False), network(trials, random=False)
    table = parts.league(above=whole)
    names = table.treatments
    for i, one in enumerate(names):
        for j in range(i + 1, len(names)):
            below = parts.compare(one, names[j]).iloc[0]
            assert table.estimate[j, i] == pytest.approx(below["estimate"], rel=EXACT)
            assert table.upper[j, i] == pytest.approx(below["upper"], rel=EXACT)
            assert table.estimate[i, j] == pytest.approx(
                whole.compare(one, names[j])["estimate"][0], rel=EXACT
            )
    with pytest.raises(SynthesisError, match="No trial gave 'cargo'"):
        parts.league(order=("gel", "cargo"))


def test_combinations_list_what_no_trial_gave() -> None:
    parts = component_network(make_trials(TRIANGLE), inactive="saline", random=False)
    listed = parts.combinations("saline", also=["vesicle + gel", "saline + gel"]).set_index("treatment")
    assert listed["untried"].to_dict() == {
        "gel": False, "saline": False, "vesicle": False, "vesicle + gel": True, "saline + gel": False,
    }  # fmt: skip
    sums = listed["estimate"]
    assert sums["vesicle + gel"] == pytest.approx(sums["gel"] + sums["vesicle"], rel=EXACT)


def test_scripts_for_r_hold_the_matrix() -> None:
    whole = component_network(make_trials(FACTORIAL), inactive="saline", interactions=[("gel", "vesicle")])
    assert "comb <- netcomb(net, C.matrix=C)" in whole.to_r()
    assert '"gel * vesicle"' in whole.to_r()
    apart = make_trials([("gel", "saline")] * 3 + [("vesicle + gel", "vesicle")] * 3)
    assert "comb <- discomb(TE, seTE, treat1, treat2, studlab, data=dat" in component_network(apart).to_r()


def test_arms_are_read_with_a_measure() -> None:
    arms = pd.DataFrame(
        {
            "study": ["a", "a", "b", "b", "c", "c"],
            "treatment": ["gel", "saline", "gel + vesicle", "saline", "vesicle", "saline"],
            "mean": [1.0, 0.2, 2.0, 0.1, 1.2, 0.1],
            "sd": [1.0] * 6,
            "n": [30] * 6,
        }
    )
    parts = component_network(arms, measure="MD", inactive="saline")
    assert parts.components == ("gel", "vesicle")
    assert 'sm="MD"' in parts.to_r()
