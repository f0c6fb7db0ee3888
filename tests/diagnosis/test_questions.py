"""Contrasts, inflation, comparison of models, profiles and lines."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from diagnosis.trials import covariance, fits, independent, nested
from synovia.diagnosis import bubble, compare, contrast, pairwise, profile, vif
from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, Wald, point
from synovia.synthesis import meta

SAME = 1e-9  # the same sums in another order


def test_a_contrast_is_a_prediction() -> None:
    fit = fits()["Knapp-Hartung"]
    row = contrast(fit, {"dose 3": {"Intercept": 1, "dose": 3}}).tidy().iloc[0]
    expected = fit.predict(pd.DataFrame({"dose": [3.0]})).iloc[0]
    assert row[["estimate", "std_error", "lower", "upper"]].tolist() == pytest.approx(
        expected[["estimate", "std_error", "lower", "upper"]].tolist(), rel=SAME
    )


def test_joint_test_of_all_moderators_is_that_of_the_fit() -> None:
    fit = fits()["DerSimonian-Laird"]
    found = contrast(fit, {name: {name: 1} for name in fit.names.coefficients[1:]}).joint
    assert isinstance(found, Wald)
    assert found == fit.test_moderators()


def test_combinations_that_follow_from_others_are_tested_once() -> None:
    fit = fits()["DerSimonian-Laird"]
    one, two = fit.names.coefficients[2:]
    pairs = {"a": {one: 1}, "b": {two: 1}, "a - b": {one: 1, two: -1}}
    found = contrast(fit, pairs).joint
    assert isinstance(found, Wald)
    assert found.df == 2
    assert isinstance(contrast(fit, pairs, null=1.0).joint, Inapplicable)


def test_a_null_of_ones_own() -> None:
    fit = fits()["pairwise"]
    found = contrast(fit, {"mean": [1.0]}, null=0.4)
    row = found.tidy().iloc[0]
    assert row["statistic"] == pytest.approx((fit.point.beta[0] - 0.4) / fit.inference.std_error[0], rel=SAME)
    assert isinstance(found.joint, Wald)
    assert found.joint.p_value == pytest.approx(row["p_value"], rel=1e-8)


def test_pairs_of_levels() -> None:
    fit = fits()["DerSimonian-Laird"]
    table = pairwise(fit, "source", adjust="none").tidy().set_index("label")
    tidy = fit.tidy().set_index("term")
    beta = tidy["estimate"].to_dict()
    assert table.loc["fat - bone", "estimate"] == pytest.approx(beta["source[T.fat]"], rel=1e-8)
    assert table.loc["fat - bone", "p_value"] == pytest.approx(tidy["p_value"]["source[T.fat]"], rel=1e-6)
    apart = beta["source[T.fat]"] - beta["source[T.cord]"]
    assert table.loc["fat - cord", "estimate"] == pytest.approx(apart, rel=1e-8)


def test_pairs_do_not_depend_on_the_coding() -> None:
    plain = pairwise(meta(independent(), "estimate ~ source + dose"), "source").tidy()
    cells = pairwise(meta(independent(), "estimate ~ 0 + source + dose"), "source").tidy()
    columns = ["estimate", "std_error", "p_value"]
    assert plain[columns].to_numpy() == pytest.approx(cells[columns].to_numpy(), rel=1e-7)


def test_holm_steps_down() -> None:
    fit = fits()["DerSimonian-Laird"]
    raw, holm, bonferroni = (
        pairwise(fit, "source", adjust=how).tidy()["p_value"].to_numpy()
        for how in ("none", "holm", "bonferroni")
    )
    order = np.argsort(raw)
    expected = np.minimum(1, np.maximum.accumulate(raw[order] * [3, 2, 1]))
    assert holm[order] == pytest.approx(expected, rel=SAME)
    assert bonferroni == pytest.approx(np.minimum(1, 3 * raw), rel=SAME)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "no combinations"),
        ({"a": {"weeks": 1}}, "'weeks'; the coefficients are Intercept, dose"),
        ({"a": [1.0]}, "a has 1 weights; wanted 2"),
    ],
)
def test_combinations_are_read(asked: dict[str, object], said: str) -> None:
    with pytest.raises(SynthesisError, match=said):
        contrast(fits()["Knapp-Hartung"], asked)  # type: ignore[arg-type] # on purpose


def test_pairwise_refuses_what_is_no_factor() -> None:
    with pytest.raises(SynthesisError, match="not a moderator"):
        pairwise(fits()["Knapp-Hartung"], "source")
    with pytest.raises(SynthesisError, match="none, bonferroni, holm"):
        pairwise(fits()["DerSimonian-Laird"], "source", adjust="tukey")


def test_inflation_of_two_moderators_is_one_over_one_minus_r_squared() -> None:
    fit = meta(independent(), "estimate ~ dose + weeks", inference="z")
    cov = fit.inference.cov[1:, 1:]
    squared = cov[0, 1] ** 2 / (cov[0, 0] * cov[1, 1])
    assert vif(fit).tidy()["vif"].tolist() == pytest.approx([1 / (1 - squared)] * 2, rel=SAME)


def test_inflation_of_a_factor_does_not_depend_on_its_reference() -> None:
    one = vif(meta(independent(), "estimate ~ source + dose")).terms.set_index("term")
    other = vif(meta(independent(), "estimate ~ C(source, Treatment('fat')) + dose")).terms
    assert one.loc["source", "columns"] == 2
    assert one.loc["source", "gvif"] == pytest.approx(other["gvif"].iloc[0], rel=1e-8)
    assert one.loc["dose", "gvif"] == pytest.approx(one.loc["source", "gvif"], rel=1e-8)


def test_inflation_needs_moderators() -> None:
    with pytest.raises(SynthesisError, match="no moderators"):
        vif(fits()["pairwise"])


def test_comparison_by_hand() -> None:
    small, large = meta(independent(), tau2="ML"), meta(independent(), "estimate ~ dose", tau2="ML")
    found = compare(small, large)
    table = found.tidy()
    statistic = 2 * (large.point.log_ml - small.point.log_ml)
    assert table.loc[1, "lr_statistic"] == pytest.approx(statistic, rel=SAME)
    assert table.loc[1, "lr_p_value"] == pytest.approx(chi2.sf(statistic, 1), rel=SAME)
    assert table["aic"].tolist() == pytest.approx(
        [4 - 2 * small.point.log_ml, 6 - 2 * large.point.log_ml], rel=SAME
    )
    assert table["bic"].iloc[0] == pytest.approx(2 * np.log(14) - 2 * small.point.log_ml, rel=SAME)
    assert found.notes == ()


def test_means_that_differ_are_compared_by_maximum_likelihood() -> None:
    restricted = compare(meta(independent()), meta(independent(), "estimate ~ dose"))
    plain = compare(meta(independent(), tau2="ML"), meta(independent(), "estimate ~ dose", tau2="ML"))
    columns = ["log_lik", "aic", "bic", "lr_statistic"]
    assert restricted.tidy()[columns].to_numpy() == pytest.approx(
        plain.tidy()[columns].to_numpy(), nan_ok=True
    )
    assert "fitted again by maximum likelihood" in restricted.notes[0]


def test_one_mean_in_two_codings_is_one_mean() -> None:
    one, two = meta(independent(), "estimate ~ source"), meta(independent(), "estimate ~ 0 + source")
    found = compare(one, two)
    assert found.notes == ()
    assert found.tidy()["log_lik"].iloc[0] == pytest.approx(one.point.log_reml)
    assert "equally many parameters" in found.tidy()["inapplicable"].iloc[1]


def test_random_effects_are_compared_by_restricted_likelihood() -> None:
    three, two = (meta(nested(), random=random, inference="z") for random in ("study/effect", "study"))
    table = compare(three, two).tidy()
    assert table["parameters"].tolist() == [3, 2]
    assert table.loc[1, "lr_statistic"] == pytest.approx(2 * (three.point.log_reml - two.point.log_reml))


def test_models_that_do_not_contain_each_other_have_no_ratio() -> None:
    table = compare(meta(independent(), "estimate ~ weeks"), meta(independent(), "estimate ~ source")).tidy()
    assert "not a part" in table["inapplicable"].iloc[1]


def test_comparison_refuses_other_rows() -> None:
    with pytest.raises(SynthesisError, match="rests on other effects"):
        compare(meta(independent()), meta(independent().iloc[1:]))
    with pytest.raises(SynthesisError, match="at least two"):
        compare(meta(independent()))


def test_profile_of_one_variance_is_the_likelihood() -> None:
    fit = fits()["Knapp-Hartung"]
    table = profile(fit, values=[0.0, 0.02, 0.5]).tidy()
    expected = [point(fit.problem, [value]).log_reml for value in (0.0, 0.02, 0.5)]
    assert table["log_lik"].tolist() == pytest.approx(expected, rel=SAME)


@pytest.mark.parametrize("name", ["three levels", "multivariate", "slopes"])
def test_no_profile_rises_above_the_peak(name: str) -> None:
    fit = fits()[name]
    for place, parameter in enumerate(fit.names.variances):
        found = profile(fit, parameter, steps=7)
        assert (found.tidy()["log_lik"].dropna() <= found.highest + 1e-7).all()
        peak = profile(fit, parameter, values=[float(fit.point.psi[place])])
        assert peak.tidy()["log_lik"].iloc[0] == pytest.approx(found.highest, abs=1e-6)


def test_profile_refuses() -> None:
    with pytest.raises(SynthesisError, match="no variance"):
        profile(fits()["common effect"])
    with pytest.raises(SynthesisError, match=r"the variances are tau2\[study\]"):
        profile(fits()["three levels"])
    with pytest.raises(SynthesisError, match="lies from 0"):
        profile(fits()["pairwise"], values=[-1.0])


def test_a_line_is_predicted() -> None:
    fit = meta(independent(), "estimate ~ dose * source")
    found = bubble(fit, "dose", others=pd.Series({"source": "fat"}), steps=5)
    expected = fit.predict(pd.DataFrame({"dose": found.line["value"], "source": "fat"}))
    assert found.line["estimate"].to_numpy() == pytest.approx(expected["estimate"].to_numpy(), rel=SAME)
    assert found.tidy()["weight"].sum() == pytest.approx(100)


def test_a_line_needs_a_number() -> None:
    with pytest.raises(SynthesisError, match="not numeric"):
        bubble(fits()["DerSimonian-Laird"], "source")
    with pytest.raises(SynthesisError, match="not a moderator"):
        bubble(fits()["pairwise"], "dose")


def test_dependent_effects_have_contrasts_too() -> None:
    fit = meta(
        nested(),
        "estimate ~ 0 + outcome",
        random="CS(outcome | study)",
        covariance=covariance(),
        inference="CR2",
        cluster="study",
    )
    table = pairwise(fit, "outcome").tidy()
    assert len(table) == 3
    assert (table["df"] < 9).all()
