"""Time courses: identities, brute force, what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from synovia.errors import CollinearModerators, NotPositiveDefinite, SynthesisError, TooFewStudies
from synovia.kernel import Unstructured
from synovia.synthesis import meta
from synovia.synthesis.course import (
    Emax,
    FractionalPolynomial,
    PiecewiseLinear,
    RestrictedCubicSpline,
    course_contrasts,
    time_course,
)
from synovia.synthesis.course.arms import SharedArms
from synovia.synthesis.course.basis import read_basis
from synovia.synthesis.course.covariance import Repeats
from synovia.synthesis.network import network

Floats = NDArray[np.float64]

EXACT = 1e-9  # two routes to one closed form
SEARCHED = 1e-6  # two searches for variances

TIMES = (4.0, 12.0, 26.0)


def make_visits(studies: int = 12, seed: int = 3, spread: float = 2.0) -> pd.DataFrame:
    """One effect per study at three times, some missed."""
    rng = np.random.default_rng(seed)
    rows = []
    for study in range(studies):
        own = rng.normal(0, spread, 3)
        for place, time in enumerate(TIMES):
            if rng.uniform() < 0.8 or place == study % 3:
                v = rng.uniform(0.5, 3.0)
                mean = (-5.0, -9.0, -7.0)[place] + own[place] + rng.normal(0, np.sqrt(v))
                rows.append((f"s{study}", time, mean, v))
    return pd.DataFrame(rows, columns=["study", "time", "estimate", "variance"])


def make_arms(studies: int = 9, seed: int = 5) -> pd.DataFrame:
    """Arms of trials over time: two or three of saline, ha and prp."""
    rng = np.random.default_rng(seed)
    slope = {"saline": -10.0, "ha": -15.0, "prp": -18.0}
    rows = []
    for study in range(studies):
        names = [("saline", "ha"), ("saline", "ha", "prp"), ("ha", "prp")][study % 3]
        for name in names:
            own = rng.normal(0, 1.5)
            for time in TIMES:
                v = rng.uniform(0.5, 2.0)
                mean = (slope[name] + own) * time / (5 + time) + rng.normal(0, np.sqrt(v))
                rows.append((f"s{study}", name, time, mean, v))
    return pd.DataFrame(rows, columns=["study", "treatment", "time", "estimate", "variance"])


def solve(X: Floats, omega: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Generalised least squares by inverting everything."""
    inverse = np.linalg.inv(omega)
    cov = np.asarray(np.linalg.inv(X.T @ inverse @ X), dtype=np.float64)
    return cov @ X.T @ inverse @ y, cov


@pytest.mark.parametrize("random", ["UN", None])
def test_one_time_is_the_pairwise_model(random: str | None) -> None:
    visits = make_visits().query("time == 12.0").reset_index(drop=True)
    course = time_course(visits, basis="piecewise(12)", random=random, inference="z")
    plain = meta(visits, random=None if random is None else "effect", inference="z")
    for column in ("estimate", "std_error", "lower", "upper"):
        assert course.tidy()[column][0] == pytest.approx(plain.tidy()[column][0], rel=SEARCHED)
    if random is not None:
        assert course.fit.point.psi[0] == pytest.approx(plain.tau2, rel=SEARCHED)


def test_knots_at_all_times_are_separate_means() -> None:
    visits = make_visits()
    course = time_course(visits, basis="piecewise(4, 12, 26)", correlation=0.0, random=None)
    for time, row in zip(TIMES, course.tidy().to_dict("records"), strict=True):
        alone = meta(visits[visits["time"] == time], random=None, inference="z").tidy().iloc[0]
        assert row["estimate"] == pytest.approx(alone["estimate"], rel=EXACT)
        assert row["std_error"] == pytest.approx(alone["std_error"], rel=EXACT)


@pytest.mark.parametrize("kind", ["UN", "CS", "DIAG"])
def test_knots_at_all_times_are_the_multivariate_model(kind: str) -> None:
    visits = make_visits(studies=25)
    course = time_course(visits, basis="piecewise(4, 12, 26)", correlation=0.4, structure="CS", random=kind)
    order = [np.flatnonzero(visits["study"] == name) for name in visits["study"].unique()]
    v = visits["variance"].to_numpy()
    blocks = [
        (rows, np.sqrt(np.outer(v[rows], v[rows])) * np.where(np.eye(rows.size) > 0, 1.0, 0.4))
        for rows in order
    ]
    plain = meta(
        visits, "estimate ~ 0 + C(time)", covariance=blocks, random=f"{kind}(time | study)", inference="z"
    )
    np.testing.assert_allclose(course.tidy()["estimate"], plain.tidy()["estimate"], rtol=SEARCHED)
    # the searches start alike and stop on the gradient; variances are flatter than coefficients
    np.testing.assert_allclose(course.fit.point.psi, plain.point.psi, rtol=1e-4, atol=1e-4)


def test_no_correlation_is_regression() -> None:
    visits = make_visits()
    course = time_course(visits, basis="fp(0.5, 1)", correlation=0.0, random=None, origin=False)
    moved = visits.assign(root=np.sqrt(visits["time"]))
    plain = meta(moved, "estimate ~ root + time", random=None, inference="z")
    np.testing.assert_allclose(course.tidy()["estimate"], plain.tidy()["estimate"], rtol=1e-8)
    np.testing.assert_allclose(course.tidy()["std_error"], plain.tidy()["std_error"], rtol=1e-8)


@pytest.mark.parametrize("structure", ["AR", "CAR", "CS"])
@pytest.mark.parametrize("basis", ["linear", "spline(4, 12, 26)", "fp(0.5)", "emax(6)"])
def test_brute_force(basis: str, structure: str) -> None:
    visits = make_visits()
    course = time_course(visits, basis=basis, structure=structure, correlation=0.9, random=None)
    t, v = visits["time"].to_numpy(), visits["variance"].to_numpy()
    n = len(visits)
    omega = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if visits["study"][i] == visits["study"][j]:
                seen = sorted(visits.loc[visits["study"] == visits["study"][i], "time"])
                apart = {
                    "AR": abs(seen.index(t[i]) - seen.index(t[j])),
                    "CAR": abs(t[i] - t[j]),
                    "CS": float(i != j),
                }[structure]
                omega[i, j] = 0.9**apart * np.sqrt(v[i] * v[j])
    beta, cov = solve(read_basis(basis).evaluate(t), omega, visits["estimate"].to_numpy())
    np.testing.assert_allclose(course.fit.point.beta, beta, rtol=EXACT)
    np.testing.assert_allclose(course.fit.inference.cov, cov, rtol=EXACT)


def test_comparisons_are_differences_of_arms() -> None:
    """With a mean of its own for each study and time, arms say the same as comparisons."""
    arms = make_arms()
    compared = course_contrasts(arms, comparators=["saline"])
    course = time_course(
        compared,
        basis="piecewise(4, 12, 26)",
        treatment="treatment",
        comparator="comparator",
        reference="saline",
        random=None,
    )
    dummies = pd.get_dummies(arms["study"] + arms["time"].astype(str)).to_numpy(float)
    own = [(arms["treatment"] == name) & (arms["time"] == time) for name in ("ha", "prp") for time in TIMES]
    X = np.column_stack([*(column.to_numpy(float) for column in own), dummies])
    series = (arms["study"] + arms["treatment"]).to_numpy()
    visit = arms["time"].map({time: place for place, time in enumerate(TIMES)}).to_numpy()
    v = arms["variance"].to_numpy()
    omega = np.sqrt(np.outer(v, v)) * (series[:, None] == series) * 0.5 ** np.abs(visit[:, None] - visit)
    beta, cov = solve(X, omega, arms["estimate"].to_numpy())
    np.testing.assert_allclose(course.fit.point.beta, beta[:6], rtol=1e-7)  # 33 columns inverted
    np.testing.assert_allclose(course.tidy()["std_error"], np.sqrt(np.diag(cov)[:6]), rtol=1e-7)


def test_a_network_at_one_time_is_the_network() -> None:
    compared = (
        course_contrasts(make_arms(), comparators=["saline"]).query("time == 12.0").reset_index(drop=True)
    )
    course = time_course(
        compared,
        basis="piecewise(12)",
        treatment="treatment",
        comparator="comparator",
        reference="saline",
        inference="z",
    )
    columns = {"treatment_1": "treatment", "treatment_2": "comparator", "variance": "variance"}
    plain = network(compared.drop(columns="arm"), columns=columns, reference="saline")
    np.testing.assert_allclose(course.tidy()["estimate"], plain.effects()["estimate"], rtol=1e-5)
    np.testing.assert_allclose(course.tidy()["std_error"], plain.effects()["std_error"], rtol=1e-5)
    prp = course.predict([12.0], treatment="prp", comparator="ha").iloc[0]
    both = plain.compare("prp", "ha").iloc[0]
    assert prp["estimate"] == pytest.approx(both["estimate"], rel=1e-5)  # two searches
    assert prp["std_error"] == pytest.approx(both["std_error"], rel=1e-5)


def test_shared_arms_slopes_are_those_of_its_covariance() -> None:
    shared = SharedArms(Unstructured(2), 3)
    theta = np.array([1.2, 0.3, 0.8])
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(6, 6))
    weight = weight + weight.T
    step = 1e-5  # central differences: error of order 1e-10

    def value(at: Floats) -> float:
        return float((weight * shared.covariance(shared.from_search(at))).sum())

    def slopes(at: Floats) -> Floats:
        return np.array([(weight * part).sum() for part in shared.search_derivatives(at)])

    numeric = [(value(theta + step * e) - value(theta - step * e)) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(slopes(theta), numeric, rtol=1e-7)
    bent = [(slopes(theta + step * e) - slopes(theta - step * e)) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(shared.search_curvature(theta, weight), bent, rtol=1e-7, atol=1e-7)


def test_spline_is_straight_outside_and_smooth_inside() -> None:
    spline = RestrictedCubicSpline((2.0, 5.0, 9.0, 14.0), origin=False)
    ends = spline.evaluate(np.array([-1.0, 0.0, 1.0, 15.0, 17.0, 19.0]))
    np.testing.assert_allclose(ends[0] - 2 * ends[1] + ends[2], 0, atol=1e-12)
    np.testing.assert_allclose(ends[3] - 2 * ends[4] + ends[5], 0, atol=1e-11)  # cubes of 17 cancel
    for knot in spline.knots:
        near = spline.evaluate(np.array([knot - 1e-4, knot, knot + 1e-4]))
        np.testing.assert_allclose((near[0] - 2 * near[1] + near[2]) / 1e-4, 0, atol=1e-3)


@pytest.mark.parametrize("random", ["UN", None])
def test_emax_finds_what_was_simulated_and_the_highest_likelihood(random: str | None) -> None:
    arms = make_arms(30)
    ha = arms[arms["treatment"] == "ha"].drop(columns="treatment")
    course = time_course(ha, basis="emax", random=random, tau2="ML")
    plateau, place = course.tidy()["estimate"]
    error = course.tidy()["std_error"]
    assert abs(plateau + 15.0) < 4 * error[0]  # within four standard errors of the truth
    assert abs(place - np.log(5.0)) < 4 * error[1]
    if random is None:
        rss = [
            time_course(ha, basis=Emax(float(np.exp(place + step))), random=None).fit.point.rss
            for step in (-0.01, 0.0, 0.01)
        ]
        assert min(rss) == rss[1]
    assert course.predict([1e9])["estimate"][0] == pytest.approx(plateau, rel=1e-6)  # et50 / 1e9 away
    given = time_course(ha, basis=f"emax({float(np.exp(place))!r})", random=None)
    assert given.tidy()["std_error"][0] < error[0]


def test_arms_have_courses_and_differences() -> None:
    course = time_course(make_arms(), basis="emax", treatment="treatment")
    assert course.treatments == ("ha", "prp", "saline")
    assert list(course.fit.names.variances) == ["study: tau2", "arm: tau2"]
    apart = course.predict([12.0]).set_index("treatment")
    against = course.predict([12.0], treatment="ha", comparator="saline").iloc[0]
    expected = apart["estimate"]["ha"] - apart["estimate"]["saline"]
    assert against["estimate"] == pytest.approx(expected, rel=EXACT)
    assert against["prediction_upper"] > against["upper"]
    assert course.predict(treatment="ha")["time"].tolist() == list(TIMES)


def test_sensitivity_contains_the_fit() -> None:
    course = time_course(make_visits(), basis="piecewise(4, 12, 26)", random="CS", correlation=0.25)
    table = course.sensitivity([0.0, 0.25, 0.8], times=[12.0], structures=["AR", "CS"])
    assert len(table) == 6
    same = table[(table["structure"] == "AR") & (table["correlation"] == 0.25)]["estimate"].iloc[0]
    assert same == pytest.approx(course.predict([12.0])["estimate"][0], rel=EXACT)
    assert set(course.sensitivity([0.1])["term"]) == {"at 4", "at 12", "at 26"}
    assert "correlation 0.25 between successive visits" in course.summary().as_text()


def test_intervals_are_kenward_roger_where_variances_are_estimated() -> None:
    visits = make_visits()
    usual = time_course(visits, basis="linear")
    assert "Kenward-Roger" in usual.fit.method
    assert (
        usual.predict([12.0])["upper"][0]
        > time_course(visits, basis="linear", inference="z").predict([12.0])["upper"][0]
    )
    assert "normal" in time_course(visits, basis="linear", tau2="ML").fit.method
    assert "normal" in time_course(visits, basis="linear", random=None).fit.method


def test_robust_intervals_take_studies_as_clusters() -> None:
    course = time_course(make_visits(), basis="linear", inference="CR2")
    assert "CR2" in course.fit.method
    assert course.predict([12.0])["upper"].notna().all()


def test_a_knot_of_one_study_is_said() -> None:
    visits = pd.concat(
        [make_visits(), pd.DataFrame([("s0", 52.0, -3.0, 1.0)], columns=make_visits().columns)]
    )
    course = time_course(visits, basis="piecewise(4, 12, 26, 52)", random="CS")
    assert "One study alone tells at 52." in course.warnings
    with pytest.raises(SynthesisError, match="One study alone says something on 'at 52'"):
        time_course(visits, basis="piecewise(4, 12, 26, 52)")


def test_rows_that_lack_a_number_are_named() -> None:
    visits = make_visits()
    visits.loc[0, "estimate"] = np.nan
    course = time_course(visits, basis="linear")
    assert course.warnings[0] == "Row 1 (s0) lacks a number and was dropped."
    assert len(course.observed()) == len(visits) - 1


@pytest.mark.parametrize(
    ("basis", "said"),
    [
        ("cubic", "Cannot read basis 'cubic'"),
        ("piecewise(a)", "Cannot read basis"),
        ("piecewise(12, 4)", "at least 1 time, increasing"),
        ("piecewise(0, 4)", "Found knot 0 on a course that starts at 0"),
        ("piecewise(4, 12)", "Time 26 lies outside the knots, 0 to 12"),
        ("spline(4, 12)", "at least 3 times"),
        ("fp(0)", "Found power 0, with which no course starts at 0"),
        ("fp()", "wanted one or two"),
        ("emax(0)", "Found et50 0"),
    ],
)
def test_shapes_that_cannot_be_used(basis: str, said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        time_course(make_visits(), basis=basis)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"correlation": 1.0}, "Found correlation 1; wanted one from 0 to below 1"),
        ({"structure": "UN"}, "Found structure 'UN'; wanted one of AR, CAR, CS"),
        ({"random": "AR"}, "Found random 'AR'; wanted one of UN, CS, DIAG"),
        ({"time": "week"}, "no column 'week'"),
        ({"comparator": "study"}, "comparator without treatment"),
        ({"reference": "saline"}, "only comparisons have one"),
    ],
)
def test_settings_that_cannot_be_used(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        time_course(make_visits(), basis="linear", **changes)


def test_rows_that_cannot_be_used() -> None:
    visits = make_visits()
    with pytest.raises(SynthesisError, match=r"s0 has time .* twice"):
        time_course(pd.concat([visits, visits[:1]]), basis="linear")
    with pytest.raises(NotPositiveDefinite, match="Row 1 \\(s0\\) has variance 0"):
        time_course(visits.assign(variance=0.0), basis="linear")
    with pytest.raises(SynthesisError, match="Row 1 \\(s0\\) is at time -1"):
        time_course(visits.assign(time=-1.0), basis="linear")
    with pytest.raises(TooFewStudies, match="None of"):
        time_course(visits.assign(estimate=np.nan), basis="linear")
    with pytest.raises(SynthesisError, match="One study shows no differences"):
        time_course(visits[visits["study"] == "s0"], basis="linear")
    with pytest.raises(CollinearModerators, match="do not tell at 4, at 13: choose"):
        time_course(visits[visits["time"] == 12.0], basis="piecewise(4, 12, 13)", random=None)


def test_comparisons_that_cannot_be_used() -> None:
    arms = make_arms()
    compared = course_contrasts(arms, comparators=["saline"])
    sides: dict[str, Any] = {"treatment": "treatment", "comparator": "comparator"}
    with pytest.raises(SynthesisError, match="s1 compares several arms with 'saline'"):
        time_course(compared.drop(columns="baseline_variance"), basis="linear", **sides)
    with pytest.raises(NotPositiveDefinite, match="below that of the comparison"):
        time_course(compared.assign(baseline_variance=99.0), basis="linear", **sides)
    with pytest.raises(SynthesisError, match="compares 'ha' with itself"):
        time_course(compared.replace("saline", "ha"), basis="linear", **sides)
    with pytest.raises(SynthesisError, match="There is no treatment 'cells'"):
        time_course(compared, basis="linear", reference="cells", **sides)
    with pytest.raises(SynthesisError, match="There is no treatment 'cells'; there are ha, prp, saline"):
        time_course(compared, basis="linear", **sides).predict(treatment="cells")
    with pytest.raises(SynthesisError, match="No study has two treatments"):
        course_contrasts(arms[arms["treatment"] == "ha"])


def test_a_course_without_a_plateau_is_refused() -> None:
    visits = pd.DataFrame({"study": ["a", "a", "a", "b", "b", "b"], "time": [1.0, 2.0, 4.0] * 2})
    visits = visits.assign(estimate=visits["time"] ** 2, variance=0.01)
    with pytest.raises(SynthesisError, match="no plateau up to the last time, 4"):
        time_course(visits, basis="emax", random=None)


def test_a_plateau_reached_at_once_is_refused() -> None:
    visits = pd.DataFrame({"study": ["a", "a", "a", "b", "b", "b"], "time": [1.0, 2.0, 4.0] * 2})
    visits = visits.assign(estimate=[5.1, 5.0, 4.9, 5.2, 5.0, 4.7], variance=0.01)
    with pytest.raises(SynthesisError, match="reached before the first time, 1"):
        time_course(visits, basis="emax", random=None)


def test_functions_at_time_0() -> None:
    assert PiecewiseLinear((4.0,)).evaluate(np.zeros(1)).tolist() == [[0.0]]
    assert FractionalPolynomial((0.5, 0.5)).evaluate(np.zeros(1)).tolist() == [[0.0, 0.0]]
    with pytest.raises(SynthesisError, match="Time 0 has no fractional power"):
        FractionalPolynomial((0.0,), origin=False).evaluate(np.zeros(1))
    assert Repeats(0.0).matrix(np.array([1.0, 2.0])).tolist() == [[1.0, 0.0], [0.0, 1.0]]
