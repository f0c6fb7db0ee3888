"""Moderators of dose-response curves: separate curves, likelihoods written out, what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import synovia as sv
from synovia.errors import CollinearModerators, SynthesisError
from synovia.kernel import Inapplicable, Wald
from synovia.synthesis import DoseResponse, dose_response

Floats = NDArray[np.float64]

EXACT = 1e-9  # the same sums in another order
SEARCHED = 1e-5  # two searches of one maximum


def make_trials(studies: int = 10, seed: int = 9) -> pd.DataFrame:
    """Slopes that rise with the year and differ between two regions."""
    rng = np.random.default_rng(seed)
    parts = []
    for study in range(studies):
        year, region = 2000 + study, ("north", "south")[study % 2]
        slope = 0.3 + 0.02 * study + 0.1 * (region == "south") + rng.normal(0, 0.05)
        dose = np.array([0.0, 1.0, 3.0, 6.0])
        se = np.where(dose > 0, rng.uniform(0.1, 0.2), np.nan)
        y = np.where(dose > 0, slope * dose - 0.01 * dose**2 + rng.normal(0, 0.15, 4), 0.0)
        part = pd.DataFrame({"study_id": f"s{study}", "dose": dose, "estimate": y, "std_error": se})
        parts.append(part.assign(year=year, region=region, n=30, sd=1.0))
    return pd.concat(parts, ignore_index=True)


def fit(data: pd.DataFrame, formula: str = "estimate ~ dose", **asked: Any) -> DoseResponse:
    return dose_response(data, formula, **({"covariance": "independent"} | asked))


@pytest.mark.parametrize("formula", ["estimate ~ dose", "estimate ~ quadratic(dose)"])
@pytest.mark.parametrize("stage", [1, 2])
def test_two_regions_are_two_curves(formula: str, stage: int) -> None:
    data = make_trials()
    both = fit(data, formula, moderators="~ region", method="fixed", stage=stage)
    for region in ("north", "south"):
        alone = fit(data[data["region"] == region], formula, method="fixed", stage=stage)
        ours, theirs = both.predict([1.0, 4.0], at={"region": region}), alone.predict([1.0, 4.0])
        for column in ("estimate", "std_error", "lower", "upper"):
            assert ours[column].to_numpy() == pytest.approx(theirs[column].to_numpy(), rel=1e-8)
    assert both.fit.names.coefficients[:2] == ("dose", "dose:region[T.south]")


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_one_stage_is_the_likelihood_written_out(method: str) -> None:
    data = make_trials()
    found = fit(data, moderators="~ year", method=method)
    used = data[data["dose"] > 0]
    d, v = used["dose"].to_numpy(), used["std_error"].to_numpy() ** 2
    X = np.column_stack([d, d * used["year"].to_numpy()])
    same = used["study_id"].to_numpy()[:, None] == used["study_id"].to_numpy()
    inverse = np.linalg.inv(np.diag(v) + found.covariance[0, 0] * np.outer(d, d) * same)
    cov = np.linalg.inv(X.T @ inverse @ X)
    beta = cov @ X.T @ inverse @ used["estimate"].to_numpy()
    # years near 2000 make the columns nearly parallel: digits are lost where everything is inverted
    assert found.fit.point.beta == pytest.approx(beta, rel=1e-5)
    assert found.fit.point.cov == pytest.approx(cov, rel=1e-5)


@pytest.mark.parametrize("formula", ["estimate ~ dose", "estimate ~ quadratic(dose)"])
def test_one_stage_is_two_stages(formula: str) -> None:
    one, two = (fit(make_trials(), formula, moderators="~ year", stage=stage) for stage in (1, 2))
    assert one.fit.point.psi == pytest.approx(two.fit.point.psi, rel=1e-4, abs=1e-12)
    ours, theirs = (found.predict([4.0], at={"year": 2003}) for found in (one, two))
    assert ours["estimate"].iloc[0] == pytest.approx(theirs["estimate"].iloc[0], rel=SEARCHED)
    assert ours["std_error"].iloc[0] == pytest.approx(theirs["std_error"].iloc[0], rel=1e-4)


def test_where_a_moderator_is_counted_from_does_not_matter() -> None:
    data = make_trials()
    one = fit(data, moderators="~ year")
    other = fit(data.assign(year=data["year"] - 2000), moderators="~ year")
    ours, theirs = one.predict([2.0], at={"year": 2005}), other.predict([2.0], at={"year": 5})
    assert ours["estimate"].iloc[0] == pytest.approx(theirs["estimate"].iloc[0], rel=SEARCHED)
    assert ours["prediction_upper"].iloc[0] == pytest.approx(theirs["prediction_upper"].iloc[0], rel=1e-4)
    middle = other.predict([2.0])  # the mean year without a word
    assert middle["estimate"].iloc[0] == pytest.approx(
        other.predict([2.0], at={"year": 4.5})["estimate"].iloc[0], rel=EXACT
    )
    tests = one.test_moderators(), other.test_moderators()
    assert isinstance(tests[0], Wald)
    assert isinstance(tests[1], Wald)
    assert tests[0].statistic == pytest.approx(tests[1].statistic, rel=1e-4)
    assert tests[0].df == 1


def test_fit_and_drawing_use_the_curve_of_each_study() -> None:
    data = make_trials()
    found = fit(data, "estimate ~ quadratic(dose)", moderators="~ region", method="fixed")
    parts = [fit(data[data["region"] == one], "estimate ~ quadratic(dose)", method="fixed")
             for one in ("north", "south")]  # fmt: skip
    deviance = sum(part.measure_fit()["deviance"].iloc[0] for part in parts)
    assert found.measure_fit()["deviance"].iloc[0] == pytest.approx(deviance, rel=1e-8)
    assert found.measure_fit()["df"].iloc[0] == 30 - 4
    test = found.test_nonlinearity()
    assert isinstance(test, Wald)
    assert test.df == 2
    points = found.frames()["points"]
    assert points["estimate"].to_numpy() == pytest.approx(found.design.y)  # all references are 0
    assert sv.draw(found).get_xlabel() == "Dose"
    said = str(found)
    assert "estimate ~ quadratic(dose), by region" in said
    assert "Moderators" in said
    assert isinstance(fit(data).test_moderators(), Inapplicable)
    assert found.find_dose(1.0, at={"region": "north"})["dose"].iloc[0] > 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"moderators": "~ age"}, "no column 'age'"),
        ({"moderators": "year"}, "Found moderators 'year'; wanted text such as"),
        ({"moderators": 3}, "Found moderators 3"),
        ({"moderators": "~ dose"}, r"Study s0 has several values of dose \(0.0, 1.0, 3.0\)"),
        ({"moderators": "~ year", "formula": "estimate ~ emax(dose)"}, "Found moderators with an Emax curve"),
        ({"moderators": "~ year", "method": "MM", "stage": 2}, "Found moderators with method='MM'"),
    ],
)
def test_what_cannot_be_used_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        fit(make_trials(), **options)


def test_moderators_of_studies_may_stand_in_one_row() -> None:
    data = make_trials().astype({"year": float})
    once = data.assign(year=data["year"].where(data["dose"] == 0))
    assert fit(once, moderators="~ year").fit.point.beta == pytest.approx(
        fit(data, moderators="~ year").fit.point.beta, rel=EXACT
    )
    once.loc[once["study_id"] == "s3", "year"] = np.nan
    with pytest.raises(SynthesisError, match="Study s3 has no year"):
        fit(once, moderators="~ year")


def test_moderators_that_cannot_be_told_apart_are_named() -> None:
    data = make_trials().assign(double=lambda table: 2 * table["year"])
    with pytest.raises(CollinearModerators, match="double follows from year"):
        fit(data, moderators="~ year + double")


def test_questions_about_other_moderators_are_refused() -> None:
    found = fit(make_trials(), moderators="~ year")
    with pytest.raises(SynthesisError, match="There is no moderator 'age'; the curve has year"):
        found.predict([1.0], at={"age": 3})
    with pytest.raises(SynthesisError, match="say nothing on 'year'"):
        found.predict([1.0], at={})
    with pytest.raises(SynthesisError, match="There is no moderator 'year'; the curve has none"):
        fit(make_trials()).predict([1.0], at={"year": 3})
