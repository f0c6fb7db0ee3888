"""Dose-response networks: identities with networks, with one curve and with least squares; what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from synovia.errors import CollinearModerators, SynthesisError
from synovia.kernel import Inapplicable
from synovia.synthesis import dose_response, meta
from synovia.synthesis.dose import DoseNetwork, Emax, Spline, dose_network
from synovia.synthesis.network import network

ROUNDING = 1e-9  # the same sums in another order
SEARCHED = 1e-5  # two searches of one maximum

TRIALS: tuple[tuple[tuple[str, float], ...], ...] = (
    (("placebo", 0), ("a", 1), ("a", 2)),
    (("placebo", 0), ("a", 4)),
    (("placebo", 0), ("b", 10), ("b", 30)),
    (("a", 2), ("b", 10)),
    (("placebo", 0), ("a", 4), ("b", 20)),
    (("a", 1), ("a", 4), ("b", 30), ("c", 5)),
    (("placebo", 0), ("c", 5)),
    (("b", 10), ("c", 9)),
)  # fmt: skip
SLOPES = {"placebo": 0.0, "a": 0.5, "b": 0.05, "c": 0.2}


def make_arms(*, seed: int = 3, spread: float = 0.4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for place, trial in enumerate(TRIALS):
        level = rng.normal(10, 2)
        for agent, dose in trial:
            mean = level + SLOPES[agent] * dose + spread * rng.normal()
            rows.append((f"s{place}", agent, float(dose), mean, rng.uniform(1, 2), int(rng.integers(20, 60))))
    return pd.DataFrame(rows, columns=["study", "agent", "dose", "mean", "sd", "n"])


def make_comparisons(arms: pd.DataFrame) -> pd.DataFrame:
    """All pairs of arms of every trial."""
    rows = []
    for study, own in arms.groupby("study", sort=False):
        listed = own.to_dict("records")
        for i, one in enumerate(listed):
            for other in listed[i + 1 :]:
                v = one["sd"] ** 2 / one["n"] + other["sd"] ** 2 / other["n"]
                sides = (one["agent"], one["dose"], other["agent"], other["dose"])
                rows.append((study, *sides, one["mean"] - other["mean"], v))
    names = ["study", "agent_1", "dose_1", "agent_2", "dose_2", "estimate", "variance"]
    return pd.DataFrame(rows, columns=names)


def fit_arms(arms: pd.DataFrame, basis: Any = "linear", **asked: Any) -> DoseNetwork:
    return dose_network(arms, basis, measure="MD", reference="placebo", **asked)


def first(table: pd.DataFrame, column: str) -> float:
    return float(table[column].iloc[0])


def generalised_least_squares(arms: pd.DataFrame, tau2: float, height: Any) -> tuple[np.ndarray, np.ndarray]:
    """A mean for every trial beside the curves: arms instead of comparisons, and no network code."""
    studies = arms["study"].unique().astype(object)
    curves = np.array([height(agent, dose) for agent, dose in zip(arms["agent"], arms["dose"], strict=True)])
    X = np.hstack([(arms["study"].to_numpy(dtype=object)[:, None] == studies).astype(float), curves])
    weight = 1 / (arms["sd"] ** 2 / arms["n"] + tau2 / 2).to_numpy()
    cov = np.linalg.inv(X.T @ (weight[:, None] * X))
    beta = cov @ (X.T @ (weight * arms["mean"].to_numpy()))
    return beta[len(studies) :], cov[len(studies) :, len(studies) :]


@pytest.mark.parametrize("tau2", [0.0, 0.3])
def test_agrees_with_least_squares_over_arms(tau2: float) -> None:
    arms = make_arms()
    found = fit_arms(arms, tau2=tau2)
    beta, cov = generalised_least_squares(
        arms, tau2, lambda agent, dose: [dose * (agent == name) for name in "abc"]
    )
    assert found.agents == ("a", "b", "c")
    assert found.fit.point.beta == pytest.approx(beta, rel=ROUNDING)
    assert found.fit.point.cov == pytest.approx(cov, rel=ROUNDING)


def test_a_common_spline_agrees_with_least_squares_over_arms() -> None:
    arms, spline = make_arms(), Spline((0.0, 5.0, 20.0))
    start = spline.columns(np.zeros(1))[0]
    found = fit_arms(arms, spline, slopes="common", tau2=0.2)
    beta, cov = generalised_least_squares(
        arms, 0.2, lambda _, dose: spline.columns(np.array([float(dose)]))[0] - start
    )
    assert found.fit.point.beta == pytest.approx(beta, rel=ROUNDING)
    assert found.fit.point.cov == pytest.approx(cov, rel=ROUNDING)
    assert list(found.tidy()["agent"]) == ["all", "all"]
    same = [first(found.predict(agent, [3.0]), "estimate") for agent in found.agents]
    assert same == pytest.approx([same[0]] * 3, rel=ROUNDING)


def test_doses_of_one_are_the_network() -> None:
    arms = make_arms()
    arms = arms[arms["study"].isin(["s1", "s3", "s4", "s6", "s7"])].copy()
    arms["dose"] = (arms["agent"] != "placebo").astype(float)
    found = fit_arms(arms)
    plain = network(arms.rename(columns={"agent": "treatment"}), measure="MD", reference="placebo")
    assert found.fit.point.psi == pytest.approx(plain.fit.point.psi, rel=SEARCHED, abs=1e-9)
    effects = pd.concat([found.predict(agent, [1.0]) for agent in found.agents])
    columns = ["estimate", "std_error", "lower", "upper", "prediction_lower", "prediction_upper"]
    # the search of tau2 is the only thing that is not exact
    assert effects[columns].to_numpy() == pytest.approx(plain.effects()[columns].to_numpy(), rel=SEARCHED)
    ours, theirs = found.compare("a", 1, "b", 1), plain.compare("a", "b")
    assert ours[columns].to_numpy() == pytest.approx(theirs[columns].to_numpy(), rel=SEARCHED)
    assert found.fit.heterogeneity.q == pytest.approx(plain.fit.heterogeneity.q, rel=ROUNDING)


def test_one_agent_in_trials_of_two_arms_is_one_regression_on_the_dose() -> None:
    rng = np.random.default_rng(5)
    doses = np.array([1.0, 2.0, 3.0, 5.0, 5.0, 8.0])
    trials = pd.DataFrame(
        {"study": [f"t{i}" for i in range(6)], "agent_1": "a", "dose_1": doses, "agent_2": "placebo"}
    ).assign(dose_2=0, estimate=0.3 * doses + rng.normal(0, 0.8, 6), variance=rng.uniform(0.1, 0.4, 6))
    found = dose_network(trials, reference="placebo")
    plain = meta(trials, "estimate ~ 0 + dose_1", variance="variance", tau2="REML", inference="z")
    assert isinstance(found.tau2, float)
    assert found.tau2 > 0.01
    assert found.fit.point.psi == pytest.approx(plain.point.psi, rel=SEARCHED)
    assert found.fit.point.beta == pytest.approx(plain.point.beta, rel=SEARCHED)
    assert found.fit.point.cov == pytest.approx(plain.point.cov, rel=SEARCHED)


@pytest.mark.parametrize("shape", ["dose", "quadratic(dose)", "rcs(dose, 3)", "log(dose + 1)"])
def test_one_agent_with_a_common_effect_is_the_dose_response_curve(shape: str) -> None:
    rng = np.random.default_rng(11)
    parts = []
    for study in range(5):
        doses = np.r_[0.0, np.sort(rng.choice(np.arange(1, 13), 3, replace=False))]
        mean = 5 + 0.6 * doses - 0.03 * doses**2 + rng.normal(0, 0.3, 4)
        parts.append(pd.DataFrame({"study": f"s{study}", "agent": "a", "dose": doses, "mean": mean}))
    arms = pd.concat(parts, ignore_index=True).assign(sd=rng.uniform(1, 2, 20), n=rng.integers(15, 40, 20))
    v = arms["sd"] ** 2 / arms["n"]
    base = arms.groupby("study")["mean"].transform("first")
    shared = v.groupby(arms["study"]).transform("first")
    error = ((v + shared) ** 0.5).where(arms["dose"] > 0)
    against = arms.assign(study_id=arms["study"], estimate=arms["mean"] - base, std_error=error)
    covariances = {
        str(study): np.diag(own[1:]) + own.iloc[0] for study, own in v.groupby(arms["study"], sort=False)
    }
    curve = dose_response(against, f"estimate ~ {shape}", covariance=covariances, method="fixed")
    found = dose_network(arms, shape, measure="MD", random=False)
    assert found.design.bases[0] == curve.basis
    assert found.fit.point.beta == pytest.approx(curve.fit.point.beta, rel=ROUNDING)
    assert found.fit.point.cov == pytest.approx(curve.fit.point.cov, rel=ROUNDING)
    columns = ["estimate", "std_error", "lower", "upper"]
    expected = curve.predict([0.0, 2.0, 7.0], reference=0)[columns].to_numpy()
    assert found.predict("a", [0.0, 2.0, 7.0])[columns].to_numpy() == pytest.approx(expected, rel=ROUNDING)


@pytest.mark.parametrize("basis", ["linear", "log(dose + 1)"])
@pytest.mark.parametrize("random", [False, True])
def test_the_order_of_arms_does_not_matter(basis: str, random: bool) -> None:
    arms = make_arms()
    one, other = (fit_arms(table, basis, random=random) for table in (arms, arms.iloc[::-1]))
    assert one.fit.point.psi == pytest.approx(other.fit.point.psi, rel=SEARCHED)
    # without a search only the order of sums differs
    within = SEARCHED if random else ROUNDING
    assert one.fit.point.beta == pytest.approx(other.fit.point.beta, rel=within)
    assert one.fit.point.cov == pytest.approx(other.fit.point.cov, rel=within)
    assert one.fit.heterogeneity.q == pytest.approx(other.fit.heterogeneity.q, rel=ROUNDING)


def test_comparisons_say_what_arms_say() -> None:
    arms = make_arms()
    one = fit_arms(arms, tau2=0.1)
    other = dose_network(make_comparisons(arms), reference="placebo", tau2=0.1)
    assert other.fit.point.beta == pytest.approx(one.fit.point.beta, rel=ROUNDING)
    assert other.fit.point.cov == pytest.approx(one.fit.point.cov, rel=ROUNDING)


def test_a_unit_of_the_dose_moves_nothing_but_slopes() -> None:
    arms = make_arms()
    one, other = (fit_arms(table) for table in (arms, arms.assign(dose=1000 * arms["dose"])))
    assert other.fit.point.beta == pytest.approx(one.fit.point.beta / 1000, rel=SEARCHED)
    ours, theirs = one.compare("a", 2, "b", 10), other.compare("a", 2000, "b", 10000)
    columns = ["estimate", "std_error", "lower", "upper"]
    assert theirs[columns].to_numpy() == pytest.approx(ours[columns].to_numpy(), rel=SEARCHED)


def test_comparisons_of_doses_add_up_and_turn() -> None:
    found = fit_arms(make_arms())
    there, back = found.compare("a", 2, "b", 10), found.compare("b", 10, "a", 2)
    assert first(there, "estimate") == pytest.approx(-first(back, "estimate"), rel=ROUNDING)
    assert first(there, "std_error") == pytest.approx(first(back, "std_error"), rel=ROUNDING)
    one, other = (first(found.predict(agent, [dose]), "estimate") for agent, dose in (("a", 2), ("b", 10)))
    assert first(there, "estimate") == pytest.approx(one - other, rel=ROUNDING)
    assert first(found.compare("a", 2, "placebo"), "estimate") == pytest.approx(one, rel=ROUNDING)
    same = found.compare("a", 2, "a", 2)
    assert [first(same, name) for name in ("estimate", "std_error", "prediction_upper")] == [0.0, 0.0, 0.0]
    assert found.compare("a", 99, "b", 10)["extrapolated"].tolist() == [True]
    assert there["extrapolated"].tolist() == [False]


def test_tables_and_page() -> None:
    found = fit_arms(make_arms(), random=False)
    assert list(found.tidy()["term"]) == ["a: dose", "b: dose", "c: dose"]
    assert isinstance(found.tau2, Inapplicable)
    curve = found.predict("b")
    assert (len(curve), curve["dose"].max()) == (101, 30.0)
    assert curve["prediction_lower"].iloc[1:].isna().all()
    said = str(found)
    assert said.startswith("Dose-response network of 3 agents (a, b, c) against placebo: 8 doses in 8 trials")
    assert "<table" in found._repr_html_()


def test_an_agent_may_be_linked_by_its_curve_alone() -> None:
    arms = make_arms()
    arms = arms[arms["study"].isin(["s0", "s1"])]
    more = arms[arms["study"] == "s0"].iloc[:2].assign(
        study="t", agent=["a", "b"], dose=[8.0, 20.0], mean=[10.0, 11.0]
    )  # fmt: skip
    found = fit_arms(pd.concat([arms, more]), random=False)
    assert "The curves alone, no trials, link a 8, b 20 to the reference." in found.warnings


def test_an_agent_with_too_few_doses_is_named() -> None:
    with pytest.raises(SynthesisError, match=r"c has 2 doses above 0 \(5, 9\) for a curve of 3 coefficients"):
        fit_arms(make_arms(), Spline((1.0, 3.0, 5.0, 9.0)))
    arms = make_arms()
    arms = arms[~((arms["agent"] == "c") & (arms["dose"] == 9))]
    with pytest.raises(SynthesisError, match=r"c has 1 dose above 0 \(5\) for a curve of 2 coefficients"):
        fit_arms(arms[arms["study"] != "s7"], "quadratic")


def test_agents_without_a_link_to_the_reference_are_named() -> None:
    arms = make_arms()
    alone = arms[arms["study"] == "s3"].assign(study="t", agent="d", dose=[1.0, 2.0])
    with pytest.raises(SynthesisError, match=r"No trial links d to the reference \(placebo\)"):
        fit_arms(pd.concat([arms, alone]))
    with pytest.raises(SynthesisError, match="No arm of a trial in use has dose 0"):
        dose_network(arms[arms["study"].isin(["s3", "s7"])], measure="MD")


def test_coefficients_that_cannot_be_told_apart_are_named() -> None:
    arms = make_arms()
    arms = arms[arms["study"].isin(["s1", "s3"])]
    more = arms[arms["study"] == "s3"].assign(study="t", dose=[1.0, 5.0])
    with pytest.raises(CollinearModerators, match="by 3 comparisons"):
        fit_arms(pd.concat([arms, more]), "quadratic")


@pytest.mark.parametrize(
    ("row", "change", "said"),
    [
        (1, {"dose": -1.0}, r"Row 2 \(a\) has dose -1; wanted a number of 0 or more"),
        (1, {"dose": np.nan}, r"Row 2 \(a\) has no dose; fill it in"),
        (1, {"dose": np.inf}, r"Row 2 \(a\) has dose inf"),
        (1, {"agent": None}, r"Row 2 has dose 1 and no agent"),
        (0, {"dose": 3.0}, r"Row 1 \(placebo\) is the reference with dose 3"),
        (2, {"dose": 1.0}, "s0 has duplicate arms: 2 of its arms were given 'a 1'"),
    ],
)
def test_arms_that_cannot_be_used_are_named(row: int, change: dict[str, Any], said: str) -> None:
    arms = make_arms()
    for column, value in change.items():
        arms.loc[row, column] = value
    with pytest.raises(SynthesisError, match=said):
        fit_arms(arms)


def test_the_dose_of_the_reference_may_be_left_empty() -> None:
    arms = make_arms()
    blank = arms.assign(dose=arms["dose"].astype(float).where(arms["agent"] != "placebo"))
    assert (
        fit_arms(blank, tau2=0.1).fit.point.beta.tolist() == fit_arms(arms, tau2=0.1).fit.point.beta.tolist()
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"basis": "lin"}, "Found basis 'lin'"),
        ({"basis": "cubic(dose)"}, "Cannot read formula"),
        ({"basis": Emax()}, "The doses of a do not show where the effect levels off"),
        ({"basis": "log(dose)"}, "which has no logarithm"),
        ({"slopes": "shared"}, "Found slopes 'shared'"),
    ],
)
def test_settings_that_do_not_exist_are_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        fit_arms(make_arms(), **asked)


def test_questions_that_the_network_cannot_answer_are_refused() -> None:
    arms = make_arms()
    with pytest.raises(
        SynthesisError, match="There is no agent 'sham' to refer to; the table has a, b, c, placebo"
    ):
        dose_network(arms, measure="MD", reference="sham")
    with pytest.raises(SynthesisError, match=r"Found columns\['mean'\]"):
        dose_network(make_comparisons(arms), columns={"mean": "m"})
    found = fit_arms(arms, random=False)
    with pytest.raises(SynthesisError, match="There is no agent 'z'; the network has a, b, c"):
        found.predict("z")
    with pytest.raises(SynthesisError, match="placebo is the reference and has no dose but 0; found 2"):
        found.compare("a", 1, "placebo", 2)
    with pytest.raises(SynthesisError, match="Found dose -1; wanted 0 or more"):
        found.predict("a", [-1.0])
