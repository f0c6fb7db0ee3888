"""Network meta-regression and classes: identities, brute force, refusals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from network_trials import make_arms, make_comparisons
from simulated_problems import make_dense
from synovia.errors import CollinearModerators, SynthesisError, TooFewStudies
from synovia.synthesis import meta
from synovia.synthesis.network import hat_matrix, network
from synovia.synthesis.network.regression import moderate

CLOSED = 1e-9
SEARCHED = 1e-6

MANY = tuple((f"t{i}", pair) for i, pair in enumerate(["AB", "AC", "AD", "BC", "CD", "AB", "AC", "AD"] * 3))


@pytest.fixture
def pairs() -> pd.DataFrame:
    data = make_comparisons(make_arms(trials=(*MANY, ("m1", "ABC"), ("m2", "BCD"))))
    years = {study: 1990.0 + 7 * (i % 5) for i, study in enumerate(dict.fromkeys(data.study))}
    return data.assign(
        year=data.study.map(years), size=data.study.map(lambda s: "large" if is_even(s) else "small")
    )


def is_even(study: str) -> bool:
    return sum(map(ord, study)) % 2 == 0


def test_two_treatments_with_a_moderator_are_a_meta_regression(pairs: pd.DataFrame) -> None:
    two = pairs[(pairs.treatment_1 == "A") & (pairs.treatment_2 == "B") & ~pairs.study.str.startswith("m")]
    net = network(two, formula="~ year", reference="B")
    alone = meta(two.assign(variance=two.std_error**2), "estimate ~ year", inference="z")
    assert net.fit.point.beta[1] == pytest.approx(alone.point.beta[1], rel=SEARCHED)
    there: Any = net.at(year=2000.0).effects().iloc[0]
    expected: Any = alone.predict(pd.DataFrame({"year": [2000.0]})).iloc[0]
    for column in ("estimate", "std_error", "lower", "upper"):
        assert there[column] == pytest.approx(expected[column], rel=SEARCHED)


@pytest.mark.parametrize("interaction", ["common", "treatment"])
def test_effects_at_a_moderator_are_those_of_a_network_centred_there(
    pairs: pd.DataFrame, interaction: Any
) -> None:
    net = network(pairs, formula="~ year", interaction=interaction, tau2=0.05)
    moved = network(
        pairs.assign(year=pairs.year - 2003), formula="~ year", interaction=interaction, tau2=0.05
    )
    for one, other in ((net.at(year=2003.0), moved.at(year=0.0)), (net, moved)):
        assert one.estimates == pytest.approx(other.estimates, rel=CLOSED)
        assert one.covariance == pytest.approx(other.covariance, rel=1e-6)


def test_slopes_are_generalised_least_squares(pairs: pd.DataFrame) -> None:
    net = network(pairs, formula="~ year + size", tau2=0.04)
    problem = net.fit.problem
    weights = np.linalg.inv(make_dense(problem, [0.04]))
    cov = np.linalg.inv(problem.X.T @ weights @ problem.X)
    assert net.fit.point.beta == pytest.approx(cov @ problem.X.T @ weights @ problem.y, rel=1e-7)
    assert net.fit.names.coefficients == ("B", "C", "D", "year", "size[T.small]")
    shifted = net.at(year=2010.0, size="small").estimates - net.at(year=2010.0, size="large").estimates
    assert shifted == pytest.approx([0, *[net.fit.point.beta[4]] * 3], rel=CLOSED)


def test_slopes_of_their_own_differ_between_treatments(pairs: pd.DataFrame) -> None:
    net = network(pairs, formula="~ year", interaction="treatment")
    assert net.fit.names.coefficients[3:] == ("year:B", "year:C", "year:D")
    step = net.at(year=2001.0).estimates - net.at(year=2000.0).estimates
    assert step[1:] == pytest.approx(net.fit.point.beta[3:], rel=1e-6)


@pytest.mark.parametrize("slope_variance", [0.0, 0.002, 50.0])
def test_exchangeable_slopes_are_the_mixed_predictors(pairs: pd.DataFrame, slope_variance: float) -> None:
    net = network(
        pairs,
        formula="~ year",
        interaction="exchangeable",
        tau2={"tau2": 0.05, "tau2[year]": slope_variance},
    )
    problem = net.fit.problem
    weights = np.linalg.inv(make_dense(problem, [0.05, slope_variance]))
    X, y = problem.X, problem.y
    assert net.moderated is not None
    Z = net.moderated.Z
    beta = np.linalg.solve(X.T @ weights @ X, X.T @ weights @ y)
    deviations = slope_variance * Z.T @ weights @ (y - X @ beta)
    slopes = net.slopes()
    assert slopes["estimate"].to_numpy() == pytest.approx(beta[3] + deviations, rel=1e-6, abs=1e-9)
    there, centre = net.at(year=2001.0), net.moderated.centre[0]
    expected = beta[:3] + (2001.0 - centre) * (beta[3] + deviations)
    assert there.estimates[1:] == pytest.approx(expected, rel=1e-6, abs=1e-9)
    step = there.estimates - net.at(year=2000.0).estimates
    assert step[1:] == pytest.approx(slopes["estimate"].to_numpy(), rel=1e-6, abs=1e-9)


def test_exchangeable_slopes_lie_between_common_ones_and_those_of_their_own(pairs: pd.DataFrame) -> None:
    def fit(interaction: Any, variance: float) -> Any:
        tau2: Any = {"tau2": 0.05, "tau2[year]": variance} if interaction == "exchangeable" else 0.05
        return network(pairs, formula="~ year", interaction=interaction, tau2=tau2)

    own, wide = fit("treatment", 0.0), fit("exchangeable", 1e4)
    common, narrow = fit("common", 0.0), fit("exchangeable", 0.0)
    for one, other in ((own, wide), (common, narrow)):
        for column in ("estimate", "std_error"):
            assert one.slopes()[column].to_numpy() == pytest.approx(
                other.slopes()[column].to_numpy(), rel=1e-4
            )
        assert one.at(year=2003.0).covariance == pytest.approx(
            other.at(year=2003.0).covariance, rel=1e-4, abs=1e-9
        )
    between = network(pairs, formula="~ year", interaction="exchangeable")
    assert between.fit.names.variances == ("tau2", "tau2[year]")
    assert "of slopes of treatments" in between.fit.method
    several = network(pairs, formula="~ year + size", interaction="exchangeable")
    assert several.fit.names.variances == ("tau2", "tau2[year]", "tau2[size[T.small]]")
    assert len(several.slopes()) == 6
    assert several.at(year=2000.0, size="small").effects()["std_error"].gt(0).all()


def test_slopes_of_a_network_without_moderators_do_not_exist(pairs: pd.DataFrame) -> None:
    with pytest.raises(SynthesisError, match="no moderators"):
        network(pairs).slopes()
    two = pairs[(pairs.treatment_1 == "A") & (pairs.treatment_2 == "B")]
    with pytest.raises(SynthesisError, match="cannot vary around their mean"):
        network(two, formula="~ year", interaction="exchangeable")


@pytest.mark.parametrize("class_variance", [1e-14, 0.3, 1e3])
def test_treatments_of_a_class_are_the_mixed_predictors(pairs: pd.DataFrame, class_variance: float) -> None:
    net = network(pairs, classes={"B": "x", "C": "x"}, tau2={"tau2": 0.05, "tau2[class]": class_variance})
    problem = net.fit.problem
    omega = make_dense(problem, [0.05, class_variance])
    weights = np.linalg.inv(omega)
    X, Z = problem.X, network(pairs, tau2=0.05).design.problem.X[:, :2]
    assert net.fit.names.coefficients == ("x", "D")
    beta = np.linalg.solve(X.T @ weights @ X, X.T @ weights @ problem.y)
    deviation = class_variance * Z.T @ weights @ (problem.y - X @ beta)
    expected = np.array([0, beta[0] + deviation[0], beta[0] + deviation[1], beta[1]])
    assert net.estimates == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_wide_class_is_a_plain_network_and_a_narrow_one_a_single_treatment(pairs: pd.DataFrame) -> None:
    plain = network(pairs, tau2=0.05)
    wide = network(pairs, classes={"B": "x", "C": "x"}, tau2={"tau2": 0.05, "tau2[class]": 1e7})
    assert wide.estimates == pytest.approx(plain.estimates, rel=1e-5)
    assert wide.covariance == pytest.approx(plain.covariance, rel=1e-5, abs=1e-8)
    narrow = network(pairs, classes={"B": "x", "C": "x"}, tau2={"tau2": 0.05, "tau2[class]": 0.0})
    assert narrow.estimates[1] == narrow.estimates[2]
    assert narrow.compare("B", "C").std_error[0] == pytest.approx(0.0, abs=1e-9)


def test_a_class_borrows_strength(pairs: pd.DataFrame) -> None:
    plain, classed = network(pairs), network(pairs, classes={"B": "x", "C": "x", "D": "x"})
    assert classed.fit.names.variances == ("tau2", "tau2[class]")
    assert classed.fit.names.coefficients == ("x",)
    spread = np.ptp(classed.estimates[1:])
    assert spread < np.ptp(plain.estimates[1:])
    assert "within classes" in classed.fit.method
    assert classed.rank(better="higher").scores.sum() == pytest.approx(2.0)
    common = network(pairs, classes={"B": "x", "C": "x", "D": "x"}, random=False)
    assert common.fit.names.variances == ("tau2[class]",)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"formula": "year"}, SynthesisError, "wanted '~ moderators'"),
        ({"formula": "~ 1"}, SynthesisError, "names no moderator"),
        ({"formula": "~ 0 + year"}, SynthesisError, "leave the intercept in"),
        ({"formula": "~ nothing"}, SynthesisError, "no column 'nothing'"),
        ({"formula": "~ estimate"}, SynthesisError, "estimate differs between the comparisons of m1"),
        ({"formula": "~ year", "interaction": "both"}, SynthesisError, "wanted 'common' or 'treatment'"),
        ({"formula": "~ year", "classes": {"B": "x"}}, SynthesisError, "one of them at a time"),
        ({"formula": "~ C(study)"}, TooFewStudies, "comparisons for"),
        (
            {"formula": "~ year", "inference": "kenward-roger"},
            SynthesisError,
            "without moderators and classes",
        ),
        ({"classes": {"E": "x"}}, SynthesisError, "Found a class for 'E'"),
        ({"classes": {"B": "x"}}, SynthesisError, "No class has two treatments"),
        ({"classes": {"B": "D", "C": "D"}}, SynthesisError, "give it a class"),
        (
            {"classes": dict.fromkeys("ABCD", "x")},
            SynthesisError,
            "All treatments are in the class of the reference",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(pairs: pd.DataFrame, options: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        network(pairs, **options)


def test_a_missing_moderator_and_slopes_of_nothing_are_refused(pairs: pd.DataFrame) -> None:
    with pytest.raises(SynthesisError, match="t0 has no year"):
        network(pairs.assign(year=pairs.year.where(pairs.study != "t0")), formula="~ year")
    only = pairs.assign(late=((pairs.study == "t0") | (pairs.study == "t5")).astype(float))
    with pytest.raises(CollinearModerators, match="late:"):
        network(only, formula="~ late", interaction="treatment")
    net = network(pairs)
    with pytest.raises(SynthesisError, match="no moderators"):
        net.at(year=2000.0)
    with pytest.raises(SynthesisError, match="without moderators"):
        hat_matrix(network(pairs, formula="~ year"))
    assert moderate(net.design, "~ year", "common").centre.shape == (1,)
