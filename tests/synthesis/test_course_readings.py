"""What is read from a course: spans, facts, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

from synovia.errors import SynthesisError
from synovia.kernel import point
from synovia.synthesis.course import TimeCourse, course_contrasts, time_course

EVIDENCE = Path(__file__).parents[2] / "reviews" / "knee-oa" / "evidence"

EXACT = 1e-9  # two routes to one number
INTEGRATED = 1e-7  # quadrature here and there

TIMES = (4.0, 12.0, 26.0)


def make_arms(studies: int = 12, seed: int = 2) -> pd.DataFrame:
    """Arms of trials over time: saline and ha."""
    rng = np.random.default_rng(seed)
    rows = []
    for study in range(studies):
        for name, top in (("saline", -10.0), ("ha", -15.0)):
            own = rng.normal(0, 1.5)
            for time in TIMES:
                v = rng.uniform(0.5, 2.0)
                mean = (top + own) * time / (5 + time) + rng.normal(0, np.sqrt(v))
                rows.append((f"s{study}", name, time, mean, v))
    return pd.DataFrame(rows, columns=["study", "treatment", "time", "estimate", "variance"])


def fit(basis: str, **asked: Any) -> TimeCourse:
    table = course_contrasts(make_arms(), comparators="saline")
    return time_course(table, basis=basis, treatment="treatment", comparator="comparator", **asked)


@pytest.mark.parametrize(
    "basis", ["linear", "piecewise(4, 12, 26)", "spline(4, 12, 26)", "fp(0.5, 1)", "emax"]
)
def test_an_average_is_the_integral_of_the_course(basis: str) -> None:
    course = fit(basis, random="CS" if "piece" in basis else "UN")
    row = course.average(2.0, 20.0).iloc[0]

    def height(time: float) -> float:
        return float(course.predict([time])["estimate"].iloc[0])

    area = quad(height, 2.0, 20.0, points=[4.0, 12.0])[0]
    assert row["estimate"] == pytest.approx(area / 18.0, rel=INTEGRATED)
    assert row["lower"] < row["estimate"] < row["upper"]
    assert row["prediction_lower"] < row["lower"]


def test_the_average_between_two_knots_is_the_mean_of_both() -> None:
    course = fit("piecewise(4, 12, 26)", random=None)
    row = course.average(4.0, 12.0).iloc[0]
    knots = course.predict([4.0, 12.0])["estimate"]
    assert row["estimate"] == pytest.approx(knots.mean(), rel=EXACT)
    cov = course.fit.inference.cov[:2, :2]
    assert row["std_error"] == pytest.approx(np.sqrt(cov.sum()) / 2, rel=EXACT)


def test_the_error_of_an_average_is_that_of_its_coefficients() -> None:
    """The delta method by central differences in both coefficients of an Emax course."""
    course = fit("emax", random=None)
    plateau, place = course.fit.point.beta

    def mean(top: float, log_half: float) -> float:
        return top * float(quad(lambda t: t / (np.exp(log_half) + t), 2.0, 20.0)[0]) / 18.0

    step = 1e-5  # errors of order 1e-10
    slopes = np.array(
        [
            (mean(plateau + step, place) - mean(plateau - step, place)) / (2 * step),
            (mean(plateau, place + step) - mean(plateau, place - step)) / (2 * step),
        ]
    )
    error = np.sqrt(slopes @ course.fit.inference.cov @ slopes)
    assert course.average(2.0, 20.0)["std_error"].iloc[0] == pytest.approx(error, rel=1e-6)


def test_averages_of_arms_against_each_other() -> None:
    course = time_course(make_arms(), basis="emax", treatment="treatment")
    every = course.average(0.0, 26.0).set_index("treatment")["estimate"]
    against = course.average(0.0, 26.0, treatment="ha", comparator="saline").iloc[0]
    assert against["estimate"] == pytest.approx(every["ha"] - every["saline"], rel=EXACT)
    assert list(course.average(0.0, 26.0).columns)[:4] == ["treatment", "comparator", "start", "end"]


def test_facts_compare_shapes() -> None:
    facts = {basis: fit(basis, tau2="ML").glance().iloc[0] for basis in ("linear", "emax")}
    assert facts["emax"]["aic"] < facts["linear"]["aic"]  # simulated with a plateau
    row = facts["linear"]
    assert (row["studies"], row["follow_ups"], row["correlation"]) == (12, 36, 0.5)
    assert row["aic"] == pytest.approx(2 * 2 - 2 * row["log_lik"])
    assert np.isnan(fit("linear", tau2="DL").glance()["aic"].iloc[0])
    assert "correlation 0.5 between successive visits" in str(fit("linear"))
    assert "<table" in fit("linear")._repr_html_()


def test_a_maximum_on_the_edge_beside_one_inside_is_found() -> None:
    """Hyaluronic acid trials of the shipped review: at these values the likelihood is 0.23 above the inner hill."""
    rows = pd.read_csv(EVIDENCE / "outcomes.csv").merge(
        pd.read_csv(EVIDENCE / "arms.csv")[["study_id", "arm_id", "treatment"]], on=["study_id", "arm_id"]
    )
    rows = rows[rows["study_id"].str.startswith("jansen-") & rows["treatment"].isin(["ha", "saline"])]
    rows = rows.rename(columns={"study_id": "study", "arm_id": "arm", "weeks": "time", "mean": "estimate"})
    rows["variance"] = rows["se"] ** 2
    pain = course_contrasts(rows, arm="arm", comparators=["saline"])
    sides: dict[str, Any] = {"treatment": "treatment", "comparator": "comparator", "arm": "arm"}
    course = time_course(pain, basis="fp(1, 2)", inference="z", **sides)
    edge = point(course.fit.problem, np.array([1.533457, 4.8831676e-04, -1.0]))
    inside = point(course.fit.problem, np.array([1.80400987, 1.31710493e-03, -0.955166568]))
    assert edge.log_reml > inside.log_reml + 0.2
    assert course.fit.point.log_reml > edge.log_reml - 1e-6


def test_sensitivity_takes_one_number_and_one_structure() -> None:
    table = fit("linear").sensitivity(0.3, structures="CS")
    assert table[["structure", "correlation"]].to_numpy().tolist() == [["CS", 0.3]]


@pytest.mark.parametrize("asked", [np.nan, np.inf, -1.0, "late", [[4.0, 12.0]]])
def test_times_that_are_none_are_refused(asked: Any) -> None:
    with pytest.raises(SynthesisError, match=r"Found (time|a table of times)"):
        fit("linear").predict(asked)


@pytest.mark.parametrize(("start", "end"), [(4.0, 4.0), (12.0, 4.0)])
def test_spans_that_are_none_are_refused(start: float, end: float) -> None:
    with pytest.raises(SynthesisError, match="wanted an end after the start"):
        fit("linear").average(start, end)


def test_a_span_beyond_the_knots_is_refused() -> None:
    with pytest.raises(SynthesisError, match="lies outside the knots, 0 to 26"):
        fit("piecewise(4, 12, 26)", random=None).average(4.0, 52.0)


@pytest.mark.parametrize("basis", [None, 3, [4, 12]])
def test_shapes_that_are_none_are_refused(basis: Any) -> None:
    with pytest.raises(SynthesisError, match=r"Found basis .*; wanted 'linear'"):
        fit(basis)


def test_what_cannot_be_used_is_named() -> None:
    arms = make_arms()
    for column in ("time", "estimate", "variance"):
        wrong = arms.copy()
        wrong.loc[1, column] = np.inf
        with pytest.raises(SynthesisError, match=rf"Row 2 \(s0\) has an infinite {column}"):
            time_course(wrong, basis="linear", treatment="treatment")
    with pytest.raises(
        SynthesisError, match="No study has the comparator sham; the treatments are ha, saline"
    ):
        course_contrasts(arms, comparators=["sham"])
    with pytest.raises(SynthesisError, match=r"Found correlation '0.5'; wanted a number"):
        fit("linear", correlation="0.5")
