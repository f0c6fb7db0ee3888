"""What is read from dose-response curves, likelihoods written out densely, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr

from synovia.errors import NotPositiveDefinite, SynthesisError
from synovia.kernel import Wald
from synovia.synthesis import convert_doses, dose_response
from synovia.synthesis.dose import Spline, adjust_margins, match_variances
from synovia.synthesis.dose.bases import read_spline

Floats = NDArray[np.float64]

EXACT = 1e-9  # the same sums in another order
KINDS = ("cc", "ci", "ir")


def make_ratios(seed: int = 4, studies: int = 6) -> pd.DataFrame:
    """Case-control, cumulative incidence and rates in one table; references differ and stand anywhere."""
    rng = np.random.default_rng(seed)
    parts = []
    for study in range(studies):
        kind, own = KINDS[study % 3], 0.04 + 0.02 * rng.normal()
        dose = np.sort(rng.choice(np.arange(12), 4, replace=False)).astype(float)
        n = rng.integers(400, 900, 4).astype(float)
        level = {"cc": 0.8, "ci": 0.1, "ir": 0.1}[kind] * np.exp(own * dose)
        cases = np.round(n * (level / (1 + level) if kind == "cc" else level))
        spread = 1 / cases + {"cc": 1 / (n - cases), "ci": -1 / n, "ir": 0 * n}[kind]
        y = np.log(cases / (n - cases if kind == "cc" else n))
        base = study % 2  # the lowest dose, or the second
        se = np.sqrt(1.1 * (spread + spread[base]))
        part = pd.DataFrame({"study_id": f"s{study}", "type": kind, "dose": dose, "cases": cases, "n": n})
        part = part.assign(estimate=(y - y[base]) * 0.9, std_error=np.where(np.arange(4) == base, np.nan, se))
        parts.append(part.sample(frac=1, random_state=study))
    return pd.concat(parts, ignore_index=True)


def write_densely(data: pd.DataFrame, how: str, columns: Any) -> tuple[Floats, Floats, Floats, Floats]:
    """Contrasts, design, their covariance and the study of each, study by study."""
    y, X, blocks, studies = [], [], [], []
    for number, (_, part) in enumerate(data.groupby("study_id", sort=False)):
        reference = part[part["std_error"].isna()].iloc[0]
        rest = part[part["std_error"].notna()]
        cases, n = (np.r_[reference[name], rest[name]] for name in ("cases", "n"))
        v, kind = rest["std_error"].to_numpy() ** 2, str(reference["type"])
        if how == "hamling":
            made = match_variances(rest["estimate"], v, cases, n, kind)
        else:
            made = adjust_margins(rest["estimate"], cases, n, kind)
        one = made.cases
        s = 1 / one + {"cc": 1 / (made.n - one), "ci": -1 / made.n, "ir": 0 * one}[kind]
        r = s[0] / np.sqrt(np.outer(s[0] + s[1:], s[0] + s[1:]))
        np.fill_diagonal(r, 1)
        blocks.append(r * np.sqrt(np.outer(v, v)))
        y.append(rest["estimate"].to_numpy())
        X.append(columns(rest["dose"].to_numpy()) - columns(np.array([reference["dose"]])))
        studies.append(np.full(len(rest), number))
    size = sum(len(part) for part in y)
    S, at = np.zeros((size, size)), 0
    for block in blocks:
        S[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    return np.concatenate(y), np.vstack(X), S, np.concatenate(studies).astype(float)


@pytest.mark.parametrize("how", ["greenland-longnecker", "hamling"])
@pytest.mark.parametrize("method", ["ML", "REML", "fixed"])
def test_one_stage_is_the_likelihood_written_out(how: str, method: str) -> None:
    data = make_ratios()
    found = dose_response(data, "estimate ~ quadratic(dose)", covariance=how, method=method)
    y, X, S, study = write_densely(data, how, lambda dose: np.column_stack([dose, dose**2]))
    G = found.covariance
    omega = S + (X @ G @ X.T) * (study[:, None] == study)
    inverse = np.linalg.inv(omega)
    cov = np.linalg.inv(X.T @ inverse @ X)
    beta = cov @ X.T @ inverse @ y
    assert found.fit.point.beta == pytest.approx(beta, rel=1e-7)  # columns of very different size inverted
    assert found.fit.point.cov == pytest.approx(cov, rel=1e-6)
    miss, n, p = y - X @ beta, y.size, X.shape[1]
    log_ml = -(n * np.log(2 * np.pi) + np.linalg.slogdet(omega)[1] + miss @ inverse @ miss) / 2
    log_reml = log_ml + (p * np.log(2 * np.pi) + np.linalg.slogdet(cov)[1]) / 2
    log_reml += np.linalg.slogdet(X.T @ X)[1] / 2
    expected = log_reml if method == "REML" else log_ml
    assert found.glance()["log_lik"].iloc[0] == pytest.approx(expected, rel=1e-8)
    deviance = (y - X @ beta) @ np.linalg.inv(S) @ (y - X @ beta)
    facts = found.measure_fit().iloc[0]
    assert facts["deviance"] == pytest.approx(deviance, rel=1e-7)
    assert facts["r2"] == pytest.approx(1 - deviance / (y @ np.linalg.inv(S) @ y), rel=1e-7)


def test_two_stages_are_the_curves_of_studies_written_out() -> None:
    data = make_ratios()
    found = dose_response(data, "estimate ~ dose", stage=2, method="fixed")
    y, X, S, study = write_densely(data, "greenland-longnecker", lambda dose: dose[:, None])
    slopes, weights = [], []
    for number in np.unique(study):
        own = study == number
        inverse = np.linalg.inv(S[np.ix_(own, own)])
        weights.append(float(X[own, 0] @ inverse @ X[own, 0]))
        slopes.append(float(X[own, 0] @ inverse @ y[own]) / weights[-1])
    assert found.fit.point.beta[0] == pytest.approx(np.average(slopes, weights=weights), rel=EXACT)
    q = float(np.sum(np.array(weights) * (np.array(slopes) - found.fit.point.beta[0]) ** 2))
    assert found.glance()["q"].iloc[0] == pytest.approx(q, rel=1e-8)


def test_nonlinearity_is_the_wald_test_of_the_bend() -> None:
    found = dose_response(make_ratios(), "estimate ~ quadratic(dose)", method="fixed")
    test = found.test_nonlinearity()
    assert isinstance(test, Wald)
    row = found.tidy().iloc[1]
    z = row["estimate"] / row["std_error"]
    assert test.p_value == pytest.approx(2 * ndtr(-abs(z)), rel=EXACT)


def test_the_order_of_rows_does_not_matter() -> None:
    data = make_ratios()
    one = dose_response(data, "estimate ~ rcs(dose, 3)")
    other = dose_response(data.sort_values(["study_id", "dose"]), "estimate ~ rcs(dose, 3)")
    assert one.fit.point.beta == pytest.approx(other.fit.point.beta, rel=1e-5)  # two searches


def test_knots_at_quantiles_that_are_given() -> None:
    data = make_ratios()
    named = dose_response(data, "estimate ~ rcs(dose, quantiles=[0.1, 0.5, 0.9])", method="fixed")
    assert named.basis == dose_response(data, "estimate ~ rcs(dose, 3)", method="fixed").basis
    other = dose_response(data, "estimate ~ rcs(dose, quantiles=[0.2, 0.4, 0.8])", method="fixed")
    assert isinstance(other.basis, Spline)
    assert other.basis.knots == pytest.approx(np.quantile(data["dose"], [0.2, 0.4, 0.8]))
    assert read_spline("c(1, 5, 20)") == read_spline("[1, 5, 20]") == Spline((1.0, 5.0, 20.0))
    given = Spline((0.2, 0.4, 0.8), "quantiles")
    assert dose_response(data, basis=given, method="fixed").basis == other.basis


def test_a_target_dose_is_where_the_curve_reaches_it() -> None:
    found = dose_response(make_ratios(), "estimate ~ dose", method="fixed")
    slope, error = found.fit.point.beta[0], float(np.sqrt(found.fit.point.cov[0, 0]))
    table = found.find_dose([0.2, 5.0, -0.1], reference=0.0)
    assert table["dose"].iloc[0] == pytest.approx(0.2 / slope, rel=1e-7)
    # a line through the reference: its limits are lines too
    assert table["lower"].iloc[0] == pytest.approx(0.2 / (slope + 1.959963984540054 * error), rel=1e-7)
    assert table["upper"].iloc[0] == pytest.approx(0.2 / (slope - 1.959963984540054 * error), rel=1e-7)
    assert table["dose"].isna().tolist() == [False, True, True]
    with pytest.raises(SynthesisError, match="Only an Emax curve has a plateau"):
        found.effective_dose()


def test_the_dose_of_half_the_plateau() -> None:
    rows = pd.DataFrame({"study_id": ["a"] * 4 + ["b"] * 4, "dose": [0.0, 2, 6, 20] * 2})
    rows["estimate"] = 4 * rows["dose"] / (3 + rows["dose"])
    rows["std_error"] = np.where(rows["dose"] > 0, 0.2, np.nan)
    found = dose_response(rows, "estimate ~ emax(dose)", covariance="independent", method="fixed")
    table = found.effective_dose([0.5, 0.9])
    assert table["dose"].tolist() == pytest.approx([3.0, 27.0], rel=1e-6)
    half = 1.959963984540054 * float(np.sqrt(found.fit.point.cov[1, 1]))
    assert np.log(table["upper"][0] / table["dose"][0]) == pytest.approx(half, rel=1e-6)
    assert table["extrapolated"].tolist() == [False, True]
    text = str(found)
    assert "Any effect of dose  chi-squared" in text
    assert "on 1 df" in text  # of the plateau; log ED50 = 0 is no hypothesis


def test_a_dose_of_0_needs_no_unit() -> None:
    data = make_ratios().assign(dose_unit="particles").astype({"dose_unit": object})
    data.loc[data["dose"] == 0, "dose_unit"] = None
    assert dose_response(data).design.unit == "particles"
    assert (convert_doses(data, "particles")["dose"] == data["dose"]).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"particles_per_ug": -5.0}, "has particles_per_ug -5; wanted a ratio above 0"),
        ({"dose": np.nan}, "has no dose, or an infinite one"),
    ],
)
def test_doses_that_cannot_be_converted_are_named(change: dict[str, float], said: str) -> None:
    row = {"study_id": "a", "dose": 1.0, "dose_unit": "ug protein", "particles_per_ug": 2e9} | change
    with pytest.raises(SynthesisError, match=said):
        convert_doses(pd.DataFrame([row]), "particles")


GIVEN: dict[str, Any] = {f"s{study}": np.eye(3) for study in range(6)}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"covariance": [np.eye(3)] * 6}, "Found covariance list; wanted greenland-longnecker"),
        ({"covariance": GIVEN | {"s1": -np.eye(3)}}, "study s1 is not positive definite"),
        ({"covariance": GIVEN | {"s1": np.triu(np.ones((3, 3)))}}, "study s1 is not symmetric"),
        ({"covariance": GIVEN | {"s2": np.full((3, 3), np.nan)}}, "study s2 holds a missing"),
        ({"basis": "emax"}, "Found basis 'emax'; wanted an object such as"),
        ({"formula": "estimate ~ rcs(dose, [a, b])"}, r"Cannot read the knots '\[a, b\]'"),
        ({"formula": "estimate ~ rcs(dose, quantiles=[1, 5, 20])"}, "Found quantiles 1, 5, 20; wanted"),
        ({"formula": None}, "Found formula None; wanted text"),
    ],
)
def test_settings_that_cannot_be_used_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        dose_response(make_ratios(), **options)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"estimate": np.inf}, r"Row 2 \(s0\) has an infinite estimate"),
        ({"dose": np.inf}, r"Row 2 \(s0\) has an infinite dose"),
        ({"type": None}, "Study s0: found no type|Study s0 has several types"),
        ({"cases": 0.0}, "Study s0: found cases 0 in a dose group"),
        ({"n": None}, "Study s0: found no n in a dose group"),
    ],
)
def test_rows_that_cannot_be_used_are_named(change: dict[str, Any], said: str) -> None:
    data = make_ratios().astype({"type": object})
    for name, value in change.items():
        data.loc[1, name] = value
    with pytest.raises(SynthesisError, match=said):
        dose_response(data)


def test_a_reference_that_was_dropped_is_said() -> None:
    data = make_ratios()
    reference = int(np.flatnonzero(data["std_error"].isna())[0])
    data.loc[reference, "estimate"] = 0.3
    with pytest.raises(SynthesisError, match=r"Study s0 has no reference dose.*dropped: Row"):
        dose_response(data)


@pytest.mark.parametrize("asked", [np.nan, "high", [[1.0, 2.0]]])
def test_doses_that_are_none_are_refused(asked: Any) -> None:
    with pytest.raises(SynthesisError, match=r"Found dose .*; wanted a number, or a list of numbers"):
        dose_response(make_ratios()).predict(asked)


def test_matrices_go_by_the_name_of_the_study() -> None:
    data = make_ratios().assign(study_id=lambda table: table["study_id"].str[1:].astype(int))
    found = dose_response(data, covariance={study: np.eye(3) for study in range(6)}, method="fixed")
    assert found.design.V.diagonal.tolist() == [1.0] * 18
    with pytest.raises(NotPositiveDefinite):
        dose_response(data, covariance={study: -np.eye(3) for study in range(6)})
