"""Emax curves in networks of doses, and what is read from any dose-response network."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from numpy.typing import NDArray
from scipy.optimize import least_squares, minimize

import synovia as sv
from synovia.errors import CollinearModerators, SynthesisError
from synovia.kernel import Inapplicable, Wald
from synovia.plots.style import figure_of
from synovia.synthesis import dose_response
from synovia.synthesis.dose import DoseNetwork, dose_network
from synovia.synthesis.network import network

Floats = NDArray[np.float64]

ROUNDING = 1e-9  # the same sums in another order
SEARCHED = 1e-5  # two searches of one minimum

PLATEAU = {"a": 4.0, "b": -3.0, "c": 2.0}
HALF = {"a": 10.0, "b": 4.0, "c": 10.0}

TRIALS: tuple[tuple[tuple[str, float], ...], ...] = (
    (("placebo", 0), ("a", 5), ("a", 20)),
    (("placebo", 0), ("a", 40)),
    (("placebo", 0), ("b", 1), ("b", 8)),
    (("a", 20), ("b", 8)),
    (("placebo", 0), ("a", 60), ("b", 30)),
    (("a", 5), ("c", 10), ("c", 50)),
    (("placebo", 0), ("c", 50)),
    (("b", 8), ("c", 3)),
    (("placebo", 0), ("b", 16), ("a", 80)),
)  # fmt: skip


def rise(agent: str, dose: float) -> float:
    return PLATEAU[agent] * dose / (HALF[agent] + dose) if dose else 0.0


def make_arms(*, noise: float = 1.0, seed: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for place, trial in enumerate(TRIALS):
        level = rng.normal(10, 2)
        for agent, dose in trial:
            sd, n = rng.uniform(1, 2), int(rng.integers(40, 90))
            mean = level + rise(agent, dose) + noise * rng.normal(0, 0.2 + sd / np.sqrt(n))
            rows.append((f"s{place}", agent, float(dose), mean, sd, n))
    return pd.DataFrame(rows, columns=["study", "agent", "dose", "mean", "sd", "n"])


def fit(arms: pd.DataFrame, basis: Any = "emax", **asked: Any) -> DoseNetwork:
    return dose_network(arms, basis, measure="MD", reference="placebo", **asked)


def contrast(arms: pd.DataFrame) -> tuple[Floats, Floats, Floats, list[tuple[Any, Any]]]:
    """Contrasts with the first arm of each trial, V, the share of tau2, and the two sides: no network code."""
    y, sides, V, R, at = [], [], np.zeros((99, 99)), np.zeros((99, 99)), 0
    for _, own in arms.groupby("study", sort=False):
        v = (own["sd"] ** 2 / own["n"]).to_numpy()
        m = len(own) - 1
        y += (own["mean"].to_numpy()[1:] - own["mean"].iloc[0]).tolist()
        places = list(zip(own["agent"], own["dose"], strict=True))
        sides += [(place, places[0]) for place in places[1:]]
        V[at : at + m, at : at + m] = v[0] + np.diag(v[1:])
        R[at : at + m, at : at + m] = (1 + np.eye(m)) / 2
        at += m
    return np.array(y), V[:at, :at], R[:at, :at], sides


def curve_of(sides: list[tuple[Any, Any]], beta: Floats, *, shared: bool) -> Floats:
    def one(agent: str, dose: float) -> float:
        if agent == "placebo":
            return 0.0
        place = "abc".index(agent)
        plateau, log_half = (beta[place], beta[3]) if shared else beta[2 * place : 2 * place + 2]
        return float(plateau * dose / (np.exp(log_half) + dose))

    return np.array([one(*there) - one(*here) for there, here in sides])


@pytest.mark.parametrize("shared", [False, True])
def test_common_effects_are_nonlinear_least_squares(shared: bool) -> None:
    arms = make_arms()
    found = fit(arms, ed50="common" if shared else "agent", random=False)
    y, V, _, sides = contrast(arms)
    root = np.linalg.inv(np.linalg.cholesky(V))
    start = np.array([4.0, -3.0, 2.0, 2.0]) if shared else np.array([4.0, 2.0, -3.0, 1.4, 2.0, 2.0])

    def miss(beta: Floats) -> Floats:
        return np.asarray(root @ (y - curve_of(sides, beta, shared=shared)))

    theirs: Any = least_squares(miss, start, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    assert found.fit.point.beta == pytest.approx(theirs.x, rel=SEARCHED)
    cov = np.linalg.inv(theirs.jac.T @ theirs.jac)  # by finite differences, hence the wider tolerance
    assert found.fit.point.cov == pytest.approx(cov, rel=1e-4, abs=1e-7)
    assert found.fit.point.rss == pytest.approx(2 * theirs.cost, rel=SEARCHED)


def test_random_effects_are_the_highest_likelihood_given_their_tau2() -> None:
    """Gauss-Newton rests where the coefficients are best for tau2, and tau2 for the linear problem there."""
    arms = make_arms()
    found = fit(arms, tau2="ML")
    y, V, R, sides = contrast(arms)

    def minus_two_log(theta: Floats) -> float:
        omega = V + max(theta[-1], 0.0) * R
        miss = y - curve_of(sides, theta[:-1], shared=False)
        return float(np.linalg.slogdet(omega)[1] + miss @ np.linalg.solve(omega, miss))

    assert isinstance(found.tau2, float)
    ours = np.r_[found.fit.point.beta, found.tau2]
    options: Any = {"xatol": 1e-10, "fatol": 1e-13, "maxiter": 20000}
    theirs: Any = minimize(minus_two_log, ours, method="Nelder-Mead", options=options)
    assert minus_two_log(ours) - theirs.fun < 1e-7  # no better point exists
    log_lik = -(minus_two_log(ours) + y.size * np.log(2 * np.pi)) / 2
    assert found.glance()["log_lik"].iloc[0] == pytest.approx(log_lik, rel=ROUNDING)


def test_without_noise_the_curves_are_found() -> None:
    found = fit(make_arms(noise=0.0), random=False)
    doses = found.effective_dose()
    assert doses["agent"].tolist() == ["a", "b", "c"]
    assert doses["dose"].to_numpy() == pytest.approx([10.0, 4.0, 10.0], rel=1e-6)
    assert found.effective_dose(0.9)["dose"].to_numpy() == pytest.approx([90.0, 36.0, 90.0], rel=1e-6)
    assert found.effective_dose(0.9)["extrapolated"].tolist() == [True, True, True]
    target = found.find_dose("a", [2.0, 3.9])
    assert target["dose"].iloc[0] == pytest.approx(10.0, rel=1e-6)
    assert np.isnan(target["dose"].iloc[1])  # the plateau of 4 is not that near at the highest dose
    there = found.compare("a", 10, "b", 4)
    assert there["estimate"].iloc[0] == pytest.approx(2.0 + 1.5, rel=1e-6)


def test_one_agent_with_a_common_effect_is_the_dose_response_curve() -> None:
    arms = make_arms()
    arms = arms[arms["study"].isin(["s0", "s1", "s4", "s8"]) & (arms["agent"] != "b")].reset_index(drop=True)
    found = fit(arms, random=False)
    v = arms["sd"] ** 2 / arms["n"]
    first = arms.groupby("study")["mean"].transform("first")
    shared = v.groupby(arms["study"]).transform("first")
    table = arms.assign(
        study_id=arms["study"],
        estimate=arms["mean"] - first,
        std_error=((v + shared) ** 0.5).where(arms["dose"] > 0),
    )
    plain = dose_response(table, "estimate ~ emax(dose)", type="md", method="fixed")
    assert found.fit.point.beta == pytest.approx(plain.fit.point.beta, rel=1e-7)
    assert found.fit.point.cov == pytest.approx(plain.fit.point.cov, rel=1e-6)
    columns = ["estimate", "std_error", "lower", "upper"]
    ours, theirs = found.predict("a", [0.0, 7.0]), plain.predict([0.0, 7.0], reference=0)
    assert ours[columns].to_numpy() == pytest.approx(theirs[columns].to_numpy(), rel=1e-6)


def test_a_unit_of_the_dose_moves_ed50_alone() -> None:
    arms = make_arms()
    one, other = fit(arms), fit(arms.assign(dose=1000 * arms["dose"]))
    assert other.effective_dose()["dose"].to_numpy() == pytest.approx(
        1000 * one.effective_dose()["dose"].to_numpy(), rel=SEARCHED
    )
    columns = ["estimate", "std_error", "lower", "upper"]
    ours, theirs = one.compare("a", 20, "b", 8), other.compare("a", 20000, "b", 8000)
    assert theirs[columns].to_numpy() == pytest.approx(ours[columns].to_numpy(), rel=SEARCHED)


def test_the_order_of_arms_does_not_matter() -> None:
    arms = make_arms()
    one, other = fit(arms), fit(arms.iloc[::-1])
    assert one.fit.point.beta == pytest.approx(other.fit.point.beta, rel=SEARCHED)
    assert one.fit.point.cov == pytest.approx(other.fit.point.cov, rel=1e-4)


def test_one_curve_for_all_and_one_ed50_for_all() -> None:
    arms = make_arms(noise=0.3)
    arms = arms[arms["agent"] != "b"]
    arms = arms[arms.groupby("study")["agent"].transform("size") > 1]
    shared = fit(arms, ed50="common", random=False)
    assert shared.tidy()["agent"].tolist() == ["a", "c", "all"]
    assert shared.effective_dose()["dose"].nunique() == 1
    whole = fit(arms, slopes="common", random=False)
    assert whole.tidy()["agent"].tolist() == ["all", "all"]
    free = fit(arms, random=False)
    rss = [found.fit.point.rss for found in (free, shared, whole)]
    assert rss == sorted(rss)  # a curve with fewer coefficients never fits better
    assert isinstance(whole.test_nonlinearity(), Inapplicable)


@pytest.mark.parametrize("basis", ["linear", "quadratic", "emax"])
def test_curves_against_single_doses_is_the_difference_of_two_qs(basis: str) -> None:
    arms = make_arms()
    found = fit(arms, basis, random=False)
    treatments = (arms["agent"] + " " + arms["dose"].astype(str)).where(arms["dose"] > 0, "placebo")
    single = network(arms.assign(treatment=treatments), measure="MD", random=False)
    test = found.test_curves()
    assert isinstance(test, Wald)
    gain = found.glance()["q"].iloc[0] - single.fit.glance()["q"].iloc[0]
    assert test.statistic == pytest.approx(gain, rel=1e-7)
    assert test.df == len(single.treatments) - 1 - found.fit.problem.p
    assert f"chi-squared = {test.statistic:.2f}" in str(found)


def test_curves_are_tested_at_the_tau2_of_single_doses() -> None:
    """Wrong curves raise their own tau2, which would hide them."""
    arms = make_arms()
    found = fit(arms, "linear")
    treatments = (arms["agent"] + " " + arms["dose"].astype(str)).where(arms["dose"] > 0, "placebo")
    single = network(arms.assign(treatment=treatments), measure="MD", reference="placebo")
    at = single.fit.point
    test = found.test_curves()
    assert isinstance(test, Wald)
    held = fit(arms, "linear", tau2=float(at.psi[0])).fit.point
    assert test.statistic == pytest.approx(held.rss - at.rss, rel=SEARCHED)
    few = fit(arms[arms["study"].isin(["s0", "s1", "s6"]) & (arms["agent"] != "c")], "linear", tau2="ML")
    said = few.test_curves()
    assert isinstance(said, Inapplicable)
    assert "no dose was compared twice" in said.reason


def test_what_was_seen_lies_where_the_trials_put_it() -> None:
    arms = make_arms()
    for order in (arms, arms.iloc[::-1]):  # whichever arm the trial was read against
        found = fit(order, random=False)
        seen = found.frames()["points"].set_index(["label", "agent", "dose"])
        first, third = arms[arms["study"] == "s0"], arms[arms["study"] == "s3"]
        y = first["mean"].to_numpy()
        assert seen.loc[("s0", "a", 20.0), "estimate"] == pytest.approx(y[2] - y[0], rel=ROUNDING)
        v = (first["sd"] ** 2 / first["n"]).to_numpy()
        assert seen.loc[("s0", "a", 20.0), "std_error"] == pytest.approx(np.sqrt(v[2] + v[0]), rel=ROUNDING)
        own = seen.loc["s3"].reset_index().iloc[0]  # no placebo: moved to where the curves put the other arm
        other = third[third["agent"] != own["agent"]].iloc[0]
        same = third[third["agent"] == own["agent"]].iloc[0]
        height = found.predict(other["agent"], [other["dose"]])["estimate"].iloc[0]
        assert own["estimate"] == pytest.approx(same["mean"] - other["mean"] + height, rel=ROUNDING)
        assert len(seen) == len(arms) - arms["study"].nunique()


def test_the_limits_of_a_target_dose_are_where_the_limits_of_the_curve_reach_it() -> None:
    found = fit(make_arms(), random=False)
    row = found.find_dose("b", -1.5, highest=60.0).iloc[0]
    curve = found.predict("b", [row["dose"], row["lower"], row["upper"]])
    reached = [curve["estimate"][0], curve["lower"][1], curve["upper"][2]]
    assert reached == pytest.approx([-1.5] * 3, rel=1e-6)  # the last of four looks is 400^-4 wide
    assert row["lower"] < row["dose"] < row["upper"]


def test_facts_of_a_network_of_doses() -> None:
    facts = fit(make_arms(), tau2="ML").glance().iloc[0]
    assert (facts["trials"], facts["agents"], facts["doses"]) == (9, 3, 12)
    assert facts["aic"] == pytest.approx(2 * 7 - 2 * facts["log_lik"])
    assert np.isnan(fit(make_arms(), "linear", tau2="DL").glance()["aic"].iloc[0])


def test_agents_are_drawn_side_by_side() -> None:
    arms = make_arms().assign(dose_unit="mg")
    arms.loc[arms["agent"] == "c", "dose_unit"] = "ug"
    found = fit(arms)
    ax = sv.draw(found)
    panels = ax.child_axes
    assert [panel.get_title(loc="left") for panel in panels] == ["a", "b", "c"]  # type: ignore[attr-defined]
    assert [panel.get_xlabel() for panel in panels] == ["Dose (mg)", "Dose (mg)", "Dose (ug)"]
    assert panels[0].get_ylabel() == "Effect against placebo"
    assert panels[0].get_ylim() == panels[2].get_ylim()
    points = found.frames()["points"]
    drawn = next(c for c in panels[1].collections if isinstance(c, PathCollection)).get_offsets()
    own = points.loc[points["agent"] == "b", ["dose", "estimate"]]
    assert np.asarray(drawn) == pytest.approx(own.to_numpy())
    assert len(figure_of(ax).axes) == 1


def test_units_of_an_agent_are_kept_apart() -> None:
    arms = make_arms().assign(dose_unit="particles").astype({"dose_unit": object})
    mixed = arms.copy()
    mixed.loc[3:4, "dose_unit"] = "ug protein"
    with pytest.raises(SynthesisError, match=r"row 5 \(a\) is in ug protein, that in row 2 in particles"):
        fit(mixed)
    lacking = arms.copy()
    lacking.loc[1, "dose_unit"] = None
    with pytest.raises(SynthesisError, match=r"row 2 \(a\) has no unit; fill in dose_unit"):
        fit(lacking)
    arms.loc[arms["agent"] == "b", "dose_unit"] = "ug protein"
    assert fit(arms).design.nodes.units == {"a": "particles", "b": "ug protein", "c": "particles"}
    for asked in ({"ed50": "common"}, {"slopes": "common"}):
        with pytest.raises(SynthesisError, match="doses of a are in particles, those of b in ug protein"):
            fit(arms, **asked)


def test_a_plateau_that_is_not_there_is_said() -> None:
    arms = make_arms()
    plain = arms.assign(mean=10 + 0.1 * arms["dose"])
    with pytest.raises(SynthesisError, match=r"The doses of [abc] do not show where the effect levels off"):
        fit(plain, random=False)
    with pytest.raises(SynthesisError, match="The doses do not show where the effect levels off"):
        fit(plain, slopes="common", random=False)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"ed50": "shared"}, "Found ed50 'shared'; wanted 'agent' or 'common'"),
        ({"basis": "linear", "ed50": "common"}, "Only Emax curves have an ED50 to share"),
        ({"basis": None}, "Found basis None; wanted an object such as"),
        ({"basis": "linear", "inference": "CR2"}, "Found inference 'CR2', whose clusters a network"),
    ],
)
def test_settings_that_do_not_exist_are_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        fit(make_arms(), **asked)


def test_questions_that_a_curve_cannot_answer_are_refused() -> None:
    found = fit(make_arms(), "linear", random=False)
    with pytest.raises(SynthesisError, match="Only an Emax curve has a plateau"):
        found.effective_dose()
    with pytest.raises(SynthesisError, match="placebo is the reference and has no dose but 0"):
        found.find_dose("placebo", 1.0)
    with pytest.raises(SynthesisError, match="Found 2 doses to compare; wanted one"):
        found.compare("a", [1.0, 2.0], "b", 1.0)  # type: ignore[arg-type]
    with pytest.raises(SynthesisError, match="without a measure; wanted measure='MD'"):
        dose_network(make_arms(), reference="placebo")
    with pytest.raises(SynthesisError, match="Found a table without rows"):
        fit(make_arms().iloc[:0])
    with pytest.raises(SynthesisError, match="Found an effect of 0"):
        found.find_dose("a", 0.0)
    with pytest.raises(SynthesisError, match="outside 0 to 1"):
        fit(make_arms(), random=False).effective_dose(1.0)


def test_one_dose_an_agent_tells_no_ed50() -> None:
    arms = make_arms()
    arms = arms[arms["study"].isin(["s1", "s6"])]
    with pytest.raises(CollinearModerators, match=r"log\(ED50 of dose\) cannot be told apart"):
        fit(arms, ed50="common", random=False)
    with pytest.raises(SynthesisError, match=r"a has 1 dose above 0 \(40\) for a curve of 2 coefficients"):
        fit(arms, random=False)
