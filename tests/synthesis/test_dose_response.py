"""Dose-response curves: identities between stages, references and units, Emax, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import least_squares

from synovia.errors import SynthesisError
from synovia.kernel import Diagonal, Inapplicable, Problem, Term, Wald, dersimonian_laird
from synovia.synthesis import convert_doses, dose_response
from synovia.synthesis.choosing import choose_psi
from synovia.synthesis.dose import (
    Columns,
    DoseSettings,
    Linear,
    Spline,
    match_moments,
    place_knots,
    read_doses,
)
from synovia.synthesis.dose.dose_response import fit_curve
from synovia.synthesis.refit import refit

ROUNDING = 1e-9  # the same sums in another order
SEARCHED = 1e-5  # two searches of one maximum


def simulate(shape: Any, *, studies: int = 9, spread: float = 0.05, noise: float = 1.0) -> pd.DataFrame:
    """Arms with means on a curve of their own; 0 is not always the lowest dose."""
    rng = np.random.default_rng(7)
    parts = []
    for study in range(studies):
        doses = np.sort(rng.choice(np.arange(0, 13), 5, replace=False)).astype(float)
        n, sd = rng.integers(15, 40, 5), rng.uniform(1, 2, 5)
        mean = shape(doses) + spread * rng.normal() * doses + noise * rng.normal(0, sd / np.sqrt(n))
        parts.append(pd.DataFrame({"study_id": f"s{study}", "dose": doses, "mean": mean, "sd": sd, "n": n}))
    return pd.concat(parts, ignore_index=True)


def contrast(arms: pd.DataFrame, reference: int) -> pd.DataFrame:
    """Differences against one arm of every study."""
    out = []
    for _, part in arms.groupby("study_id", sort=False):
        base, v = part.iloc[reference], part["sd"] ** 2 / part["n"]
        se = np.sqrt(v + v.iloc[reference])
        se.iloc[reference] = np.nan
        out.append(part.assign(estimate=part["mean"] - base["mean"], std_error=se))
    return pd.concat(out, ignore_index=True)


def bend(doses: np.ndarray) -> np.ndarray:
    return 0.6 * doses - 0.03 * doses**2


@pytest.mark.parametrize("formula", ["estimate ~ dose", "estimate ~ quadratic(dose)"])
@pytest.mark.parametrize("random", ["unstructured", "diagonal"])
@pytest.mark.parametrize("method", ["REML", "ML", "fixed"])
def test_one_stage_is_two_stages(formula: str, method: str, random: str) -> None:
    data = contrast(simulate(bend), 0)
    one, two = (
        dose_response(data, formula, type="md", stage=s, method=method, random=random) for s in (1, 2)
    )
    assert one.fit.point.psi == pytest.approx(two.fit.point.psi, rel=1e-4)
    assert one.fit.point.beta == pytest.approx(two.fit.point.beta, rel=SEARCHED)
    assert one.fit.point.cov == pytest.approx(two.fit.point.cov, rel=1e-4)


@pytest.mark.parametrize(
    "formula", ["estimate ~ dose", "estimate ~ rcs(dose, 3)", "estimate ~ log(dose + 1)"]
)
def test_the_reference_dose_of_studies_does_not_matter(formula: str) -> None:
    arms = simulate(bend)
    first, third = (dose_response(contrast(arms, place), formula, type="md") for place in (0, 2))
    assert first.fit.point.beta == pytest.approx(third.fit.point.beta, rel=SEARCHED)
    assert first.fit.point.psi == pytest.approx(third.fit.point.psi, rel=1e-4, abs=1e-12)
    assert first.fit.heterogeneity.q == pytest.approx(third.fit.heterogeneity.q, rel=ROUNDING)


def test_the_reference_of_a_prediction_only_shifts_it() -> None:
    found = dose_response(contrast(simulate(bend), 0), "estimate ~ quadratic(dose)", type="md")
    low, high = (found.predict([2.0, 8.0], reference=r)["estimate"] for r in (0.0, 5.0))
    assert np.diff(low) == pytest.approx(np.diff(high), rel=ROUNDING)
    assert found.predict([5.0], reference=5.0)["std_error"].iloc[0] == 0


def test_the_unit_of_the_dose_only_rescales() -> None:
    data = contrast(simulate(bend), 0)
    one = dose_response(data, "estimate ~ quadratic(dose)", type="md")
    many = dose_response(data.assign(dose=data["dose"] * 1e9), "estimate ~ quadratic(dose)", type="md")
    ours, theirs = one.predict([3.0, 9.0]), many.predict([3e9, 9e9])
    for name in ("estimate", "std_error", "prediction_upper"):
        assert ours[name].to_numpy() == pytest.approx(theirs[name].to_numpy(), rel=1e-4)


def test_moments_of_one_coefficient_are_dersimonian_laird() -> None:
    b, v = np.array([0.1, 0.5, 0.9, 0.3]), np.array([0.02, 0.03, 0.01, 0.05])
    theirs = dersimonian_laird(Problem(b, np.ones((4, 1)), Diagonal(v), (Term(np.arange(4)),)))
    assert match_moments(b[:, None], v[:, None, None]).covariance[0, 0] == pytest.approx(theirs.psi[0])


def test_moments_do_not_depend_on_coordinates() -> None:
    rng = np.random.default_rng(3)
    b, root, turn = rng.normal(size=(6, 2)), rng.normal(size=(6, 2, 2)), np.array([[2.0, 0.3], [-1.0, 5.0]])
    within = root @ np.transpose(root, (0, 2, 1)) + 0.1 * np.eye(2)
    plain = match_moments(b, within).equated
    turned = match_moments(b @ turn.T, turn @ within @ turn.T)
    values = np.linalg.eigvals(np.linalg.solve(turn @ turn.T, turned.equated))
    assert turned.equated.shape == plain.shape
    assert np.isreal(values).all()


def test_dose_times_a_constant_rescales_the_moments() -> None:
    data = contrast(simulate(bend), 0)
    one = dose_response(data, type="md", stage=2, method="MM")
    many = dose_response(data.assign(dose=data["dose"] * 1e3), type="md", stage=2, method="MM")
    assert one.fit.point.psi == pytest.approx(many.fit.point.psi * 1e6, rel=ROUNDING)
    assert np.isnan(one.glance()["aic"].iloc[0])


def test_splines_are_straight_outside_their_knots_and_smooth_inside() -> None:
    spline = Spline((1.0, 3.0, 7.0, 12.0))
    far = spline.columns(np.array([20.0, 30.0, 40.0]))
    assert np.diff(far, 2, axis=0) == pytest.approx(0, abs=1e-10)
    step = 1e-4
    around = spline.columns(3.0 + step * np.array([-1.5, -0.5, 0.5, 1.5]))
    assert np.diff(around, 3, axis=0) / step**2 == pytest.approx(0, abs=1e-2)
    assert spline.columns(np.array([0.0, 0.5]))[:, 1:].any() == np.False_


def test_an_emax_curve_is_found_exactly_without_noise() -> None:
    def curve(doses: np.ndarray) -> np.ndarray:
        return 4 * doses / (2.5 + doses)

    data = contrast(simulate(curve, spread=0.0, noise=0.0), 0)
    found = dose_response(data, "estimate ~ emax(dose)", type="md", method="fixed")
    assert found.fit.point.beta == pytest.approx([4.0, np.log(2.5)], rel=1e-7)
    assert found.predict([5.0], reference=0.0)["estimate"].iloc[0] == pytest.approx(20 / 7.5, rel=1e-7)


def test_an_emax_curve_is_the_least_squares_curve() -> None:
    def curve(doses: np.ndarray) -> np.ndarray:
        return 4 * doses / (2.5 + doses)

    data = contrast(simulate(curve, spread=0.0), 0)
    found = dose_response(data, "estimate ~ emax(dose)", covariance="independent", method="fixed")
    rows = found.design

    def miss(beta: np.ndarray) -> np.ndarray:
        return np.asarray((rows.y - rows.heights(found.basis, beta)) / np.sqrt(rows.V.diagonal))

    theirs = least_squares(miss, [1.0, 0.0], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    assert found.fit.point.beta == pytest.approx(theirs.x, rel=1e-6)  # least_squares stops earlier than we do
    varied = dose_response(data, "estimate ~ emax(dose)", type="md")
    assert varied.covariance[1, 1] == 0
    assert isinstance(varied.test_nonlinearity(), Inapplicable)


def test_a_straight_line_has_no_plateau() -> None:
    data = contrast(simulate(lambda doses: 0.5 * doses, spread=0.0, noise=0.0), 0)
    with pytest.raises(SynthesisError, match="do not show where the effect levels off"):
        dose_response(data, "estimate ~ emax(dose)", type="md", method="fixed")


def test_nonlinearity_and_fit_are_said() -> None:
    found = dose_response(contrast(simulate(bend), 0), "estimate ~ rcs(dose, 4)", type="md", inference="CR2")
    test = found.test_nonlinearity()
    assert isinstance(test, Wald)
    assert test.df == 2
    facts = found.glance().iloc[0]
    assert 0 < facts.r2_adjusted < facts.r2 < 1
    assert facts.deviance > 0
    text = str(found)
    assert "36 doses against 9 reference doses" in text
    assert "Nonlinearity" in text


def test_a_matrix_of_ones_own_takes_the_place_of_a_formula() -> None:
    data = contrast(simulate(bend), 0)
    columns = Columns("estimate", "dose", "study_id", "std_error", "md", "cases", "n", "sd", "dose_unit")
    design = read_doses(data, columns, "greenland-longnecker")
    own = {
        name: design.V.restrict(np.flatnonzero(design.study == i)).entries()[2].reshape(4, 4)
        for i, name in enumerate(design.studies)
    }
    first = dose_response(data, covariance=own)
    assert isinstance(first.fit.settings, DoseSettings)
    second = fit_curve(design, Linear(), first.fit.settings)
    assert first.fit.point.beta == pytest.approx(second.fit.point.beta, rel=ROUNDING)


def test_doses_outside_the_data_are_marked() -> None:
    found = dose_response(contrast(simulate(bend), 0), type="md")
    assert found.predict([6.0, 99.0])["extrapolated"].tolist() == [False, True]


def test_a_single_study_is_its_own_curve() -> None:
    data = contrast(simulate(bend, studies=1), 0)
    found = dose_response(data, type="md")
    assert found.fit.status == "single study"
    assert "nothing was pooled" in found.warnings[-1]


def test_a_maximum_away_from_zero_is_found() -> None:
    """Slopes and bends of studies vary, but the likelihood falls away from a covariance of 0."""
    rng = np.random.default_rng(5)
    dose, parts = np.array([0.0, 2, 5, 9]), []
    for study in range(12):
        slope, curve = rng.normal(0, 0.5), rng.normal(0, 0.05)
        y = slope * dose + curve * dose**2 + rng.normal(0, 0.1, 4)
        se = [np.nan, 0.14, 0.14, 0.14]
        parts.append(pd.DataFrame({"study_id": study, "dose": dose, "estimate": y - y[0], "std_error": se}))
    data = pd.concat(parts, ignore_index=True)
    options: dict[str, Any] = {"covariance": "independent", "random": "diagonal", "method": "ML"}
    one, two = (dose_response(data, "estimate ~ quadratic(dose)", stage=s, **options) for s in (1, 2))
    assert one.fit.point.psi == pytest.approx([0.25, 0.0025], rel=0.9)
    assert one.fit.point.psi == pytest.approx(two.fit.point.psi, rel=1e-4)


def test_the_fit_is_not_refitted_as_something_else() -> None:
    found = dose_response(contrast(simulate(bend), 0), type="md")
    with pytest.raises(SynthesisError, match="Call dose_response again"):
        refit(found.fit, np.arange(found.fit.problem.n) > 3)
    moments = dose_response(contrast(simulate(bend), 0), type="md", stage=2, method="MM").fit
    with pytest.raises(SynthesisError, match="fit the curve by REML or ML"):
        choose_psi(moments.problem, moments.settings, moments.names.variances)


SMALL = pd.DataFrame(
    {
        "study_id": ["a", "a", "a", "b", "b", "b"],
        "dose": [0.0, 1, 2, 0, 2, 4],
        "estimate": [0.0, 0.2, 0.5, 0, 0.4, 0.7],
        "std_error": [np.nan, 0.1, 0.1, np.nan, 0.1, 0.1],
        "type": "cc",
        "cases": [10, 20, 30, 10, 20, 30],
        "n": [50, 50, 50, 50, 50, 50],
        "dose_unit": "particles",
    }
)


def change(row: int, **cells: Any) -> pd.DataFrame:
    data = SMALL.astype({"dose": float, "dose_unit": object, "type": object})
    for name, value in cells.items():
        data.loc[row, name] = value
    return data


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        (change(4, dose_unit="ug protein"), {}, "Row 5 .b. is in ug protein, that of Row 1 .a. in particles"),
        (change(4, dose_unit=None), {}, "Row 5 .b. has no unit"),
        (change(0, std_error=0.1), {}, "Study a has no reference dose"),
        (change(1, std_error=0.0, estimate=0.0), {}, "Study a has 2 rows without a standard error"),
        (SMALL.iloc[:4], {}, "Study b has one dose"),
        (SMALL.assign(dose=1.0), {}, "Study a has a single dose, 1, in all its groups"),
        (change(1, cases=60), {}, "Study a: found 60 cases among 50"),
        (change(1, std_error=-0.1), {}, "Row 2 .a. has a standard error below 0"),
        (change(1, type="ir"), {}, "Study a has several types"),
        (SMALL.drop(columns="type"), {}, "Found no column 'type' that says what kind"),
        (SMALL, {"covariance": "gl"}, "Found covariance 'gl'; wanted greenland-longnecker"),
        (SMALL, {"covariance": {"a": np.eye(2)}}, "no matrix for study b"),
        (SMALL, {"covariance": {"a": np.eye(3), "b": np.eye(2)}}, r"shape \(3, 3\); wanted \(2, 2\)"),
        (SMALL, {"method": "DL"}, "Found method 'DL'; wanted REML, ML, MM, fixed"),
        (SMALL, {"method": "MM"}, "wanted stage=2"),
        (SMALL, {"method": "MM", "stage": 2, "random": "diagonal"}, "wanted random='unstructured'"),
        (SMALL, {"stage": 3}, "Found stage 3"),
        (SMALL, {"random": "none"}, "Found random 'none'"),
        (SMALL, {"formula": "estimate ~ dose * sex"}, "Cannot read formula"),
        (SMALL, {"formula": "estimate ~ log(dose)"}, "has no logarithm"),
        (SMALL, {"formula": "estimate ~ rcs(dose, 9)"}, "Found 9 knots; wanted 3 to 7"),
        (SMALL, {"formula": "estimate ~ rcs(dose, 4)", "stage": 2}, "too few or too alike for 3"),
        (SMALL, {"formula": "estimate ~ emax(dose)", "stage": 2}, "wanted stage=1"),
        (SMALL.assign(std_error=np.nan), {}, "Study a has one dose"),
    ],
)
def test_what_cannot_be_used_is_named(data: pd.DataFrame, options: dict[str, Any], said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        dose_response(data, **options)


def test_rows_without_numbers_are_dropped_and_said() -> None:
    found = dose_response(change(2, std_error=np.nan), covariance="independent", method="fixed")
    assert found.design.n == 3
    assert "1 of 6 doses dropped: Row 3 (a) (no std_error)" in found.warnings[0]


def test_knots_need_different_doses() -> None:
    with pytest.raises(SynthesisError, match="two of them on the same"):
        place_knots([0, 0, 0, 0, 1], 3)


def test_doses_convert_by_the_ratio_of_their_own_study() -> None:
    data = pd.DataFrame(
        {
            "study_id": ["a", "a", "b", "c"],
            "dose": [0.0, 3.0, 2.0, 5e9],
            "dose_unit": ["ug protein", "ug protein", "cell equivalents", "particles"],
            "particles_per_ug": [np.nan, 2e9, 1e9, np.nan],
            "ug_per_cell": [np.nan, np.nan, 4.0, np.nan],
        }
    )
    made = convert_doses(data, "particles")
    assert made["dose"].tolist() == [0.0, 6e9, 8e9, 5e9]
    assert made["dose_reported"].tolist() == [0.0, 3.0, 2.0, 5e9]
    assert set(made["dose_unit"]) == {"particles"}
    with pytest.raises(SynthesisError, match="c is in particles and its study reports no ratio"):
        convert_doses(data, "ug protein")
    with pytest.raises(SynthesisError, match="Found unit 'mg'"):
        convert_doses(data, "mg")
    with pytest.raises(SynthesisError, match="The dose of b has the unit 'million cells'"):
        convert_doses(
            data.assign(dose_unit=["ug protein", "ug protein", "million cells", "particles"]), "particles"
        )
