"""Contrasts of arms: least squares over the arms themselves, definitions, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from synovia.errors import SynthesisError
from synovia.synthesis import dose_response
from synovia.synthesis.dose import dose_contrasts

EXACT = 1e-9  # the same sums in another order


def make_arms(seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    parts = []
    for study in range(5):
        dose = np.sort(rng.choice(np.arange(10), 4, replace=False)).astype(float)
        n = rng.integers(20, 60, 4)
        part = pd.DataFrame({"study_id": f"s{study}", "dose": dose, "n": n, "sd": rng.uniform(1, 2, 4)})
        part = part.assign(mean=study + 0.4 * dose + rng.normal(0, 0.2, 4), cases=rng.integers(5, 15, 4))
        parts.append(part.sample(frac=1, random_state=study))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("pooled", [True, False])
def test_mean_differences_are_least_squares_over_arms(pooled: bool) -> None:
    arms = make_arms()
    found = dose_response(dose_contrasts(arms, pooled=pooled), method="fixed")
    v = arms["sd"] ** 2 / arms["n"]
    if pooled:
        squares = (arms["n"] - 1) * arms["sd"] ** 2
        within = squares.groupby(arms["study_id"]).transform("sum")
        v = within / (arms["n"] - 1).groupby(arms["study_id"]).transform("sum") / arms["n"]
    X = np.column_stack([arms["dose"], pd.get_dummies(arms["study_id"]).to_numpy(float)])
    cov = np.linalg.inv(X.T @ (X / v.to_numpy()[:, None]))
    beta = cov @ X.T @ (arms["mean"] / v).to_numpy()
    assert found.fit.point.beta[0] == pytest.approx(beta[0], rel=EXACT)
    assert found.fit.point.cov[0, 0] == pytest.approx(cov[0, 0], rel=EXACT)


def test_standardised_differences_by_hand() -> None:
    arms = pd.DataFrame(
        {"study_id": "a", "dose": [0, 2, 5], "mean": [1.0, 2.0, 4.0], "sd": 2.0, "n": [20, 30, 50]}
    )
    made = dose_contrasts(arms, "SMD")
    assert made["estimate"].tolist() == pytest.approx([0.0, 0.5, 1.5])
    expected = [1 / 30 + 1 / 20 + 0.25 / 200, 1 / 50 + 1 / 20 + 2.25 / 200]
    assert (made["std_error"].iloc[1:] ** 2).tolist() == pytest.approx(expected)
    design = dose_response(made).design
    assert design.V.entries()[2].reshape(2, 2)[0, 1] == pytest.approx(1 / 20 + 0.75 / 200)


@pytest.mark.parametrize(("measure", "kind"), [("OR", "cc"), ("RR", "ci"), ("IRR", "ir")])
def test_crude_ratios_need_no_reconstruction(measure: str, kind: str) -> None:
    """Counts found from crude ratios are the counts themselves, so covariances are those of the reference."""
    made = dose_contrasts(make_arms(), measure)
    assert (made["type"] == kind).all()
    design = dose_response(made).design
    own = made[made["study_id"] == "s0"]
    reference = own[own["std_error"].isna()].iloc[0]
    n = reference["n"]
    spread = 1 / reference["cases"] + {"cc": 1 / (n - reference["cases"]), "ci": -1 / n, "ir": 0.0}[kind]
    V = design.V.restrict(np.arange(3)).entries()[2].reshape(3, 3)
    assert V[0, 1] == pytest.approx(spread, rel=1e-7)
    assert V[1, 2] == pytest.approx(spread, rel=1e-7)


def test_the_reference_may_be_any_arm() -> None:
    arms = make_arms()
    arms["control"] = arms.groupby("study_id")["dose"].rank() == 3
    one, other = dose_contrasts(arms), dose_contrasts(arms, reference="control")
    slopes = [dose_response(made).fit.point.beta[0] for made in (one, other)]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-5)  # two searches of tau2


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({"sd": 0.0}, {}, r"Row 2 \(s0\) has sd 0; wanted a number above 0"),
        ({"n": np.nan}, {}, r"Row 2 \(s0\) has no n"),
        ({"dose": np.inf}, {}, r"Row 2 \(s0\) has dose inf; wanted a number"),
        ({"cases": 0}, {"measure": "RR"}, r"Row 2 \(s0\) has cases 0"),
        ({"cases": 99}, {"measure": "OR"}, "Found 99 cases among"),
        ({}, {"measure": "HR"}, "Found measure 'HR'; wanted one of MD, SMD, OR, RR, IRR"),
        ({}, {"reference": "control"}, "no column 'control'"),
        ({}, {"reference": "cases"}, "Study s0 has 4 rows marked; wanted one"),
    ],
)
def test_what_cannot_be_used_is_named(change: dict[str, Any], options: dict[str, Any], said: str) -> None:
    arms = make_arms().astype({"n": float})
    for name, value in change.items():
        arms.loc[1, name] = value
    with pytest.raises(SynthesisError, match=said):
        dose_contrasts(arms, **options)


def test_two_arms_at_the_lowest_dose_are_named() -> None:
    arms = make_arms()
    arms["dose"] = np.maximum(arms["dose"], 5.0)
    with pytest.raises(SynthesisError, match="arms at its lowest dose; wanted one to be the reference"):
        dose_contrasts(arms)
